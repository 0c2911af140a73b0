package mbtest

import (
	"context"
	"slices"
	"testing"
)

// The second table: the path of the first subflow dies, and the backup, which carried
// nothing before, loses all DSS options but keeps those of its handshake. What it carries is
// not acknowledged by a DATA_ACK, and by RFC 8684 section 3.7 ("If lost options on data
// packets occur on any other subflow apart from the initial subflow, it should be treated as
// a standard path failure") the backup is reset: with the first path dead the session is
// stuck: who sends gives up after a time, who waits for data is told nothing, as with TCP over
// a dead path. The first subflow is kept, so that the
// transfer goes on when its path is back. (The other policy, to keep the subflow that moves
// data, is in TestMovingSubflowIsKept and TestBackupStripped of package mptcp.) No byte is
// wrong. The box begins when the backup is established: one whose acknowledgements lack DSS from
// the beginning is reset at once.
//
// row:C11
func TestBackupBehindStripper(t *testing.T) {
	const dead = "mode = \"backup\"\n\n[[at]]\ntime = \"200ms\"\naction = \"link.blackhole\"\nlinks = [\"path1\"]\n"
	const back = "\n[[at]]\ntime = \"20s\"\naction = \"link.restore\"\nlinks = [\"path1\"]\n"
	for _, c := range []struct {
		name, profile, more string
		transfer            string
		want                []Verdict
	}{
		{"the first path stays dead", "rfc", dead, Down, []Verdict{Broken}},
		{"the first path stays dead", "rfc", dead, Up, []Verdict{Failed}},
		{"the first path stays dead", "linux", dead, Down, []Verdict{Broken}},
		{"the first path comes back", "rfc", dead + back, Down, []Verdict{Closed}},
		{"the first path comes back", "rfc", dead + back, Up, []Verdict{Closed}},
	} {
		s := Setup{Profile: c.profile, Transfer: c.transfer, Checksum: true, Size: 2_000_000, Seed: 1, More: c.more,
			Paths: [][]Box{nil, {box("strip", `packets = "nonsyn"`, `options = ["dss"]`, `from = "190ms"`)}}}
		o, err := s.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		v, why := o.verdict(s.Size, &Outcome{})
		if !slices.Contains(c.want, v) || o.Corrupt != 0 || o.Counters["NoDSSInWindow"] == 0 {
			t.Errorf("%s, %s, %s: %s (%s), %d bytes, %d wrong; want %v", c.name, c.profile, c.transfer, v, why, o.Bytes, o.Corrupt, c.want)
		}
	}
}
