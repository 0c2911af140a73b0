package mptcp

import (
	"slices"
	"testing"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// turnsSched grants each write whole to the next subflow.
type turnsSched struct{ n int }

func (s *turnsSched) Pick(_ sim.Time, q *sched.Queue, paths []sched.Path, out []sched.Grant) []sched.Grant {
	n := int(q.NewData(1))
	if n == 0 {
		return out
	}
	s.n++
	return append(out, sched.Grant{Flow: paths[s.n%len(paths)].Flow, DSN: q.Next, Len: n, Penalise: sched.NoFlow})
}
func (*turnsSched) OnDataAck(sim.Time, uint64)       {}
func (*turnsSched) OnTimeout(sim.Time, cc.FlowID)    {}
func (*turnsSched) OnPath(sim.Time, cc.FlowID, bool) {}

// shortWrites has the client write what is listed, 2 ms apart, over subflows in turn
// with a round trip of 20 ms, after they are up, and close. It returns when and how
// long the segments were that left, in milliseconds after the first write.
func shortWrites(t *testing.T, p *Profile, subflows int, noDelay, end bool, writes ...int64) (left [][2]int64) {
	t.Helper()
	w := newWorld(t, []sim.Duration{10 * ms, 10 * ms}[:subflows]...)
	w.profile = p
	w.opt.NoDelay = noDelay
	w.opt.Scheduler = func(*sim.Rand) sched.Scheduler { return &turnsSched{} }
	w.start()
	cli := w.connect()
	cli.toWrite = 1
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	start, first := w.now, len(w.log)
	var sum int64
	for i, n := range writes {
		w.runTo(start.Add(sim.Duration(i) * 2 * ms))
		w.client.ep.Write(w.now, cli.conn, n)
		w.flush(w.client)
		sum += n
	}
	if end {
		w.client.ep.Close(w.now, cli.conn)
		w.flush(w.client)
	}
	w.runTo(start.Add(sim.Second))
	if srv := w.server.apps[0]; int64(srv.off) != 1+sum || srv.bad != 0 {
		t.Errorf("%s: %d of %d bytes, %d wrong", p.Name, srv.off, 1+sum, srv.bad)
	}
	for i := first; i < len(w.log); i++ {
		if r := &w.log[i]; r.up && r.seg.Len > 0 {
			left = append(left, [2]int64{int64(r.at.Sub(start) / ms), int64(r.seg.Len)})
		}
	}
	return left
}

// Short writes on two subflows in turn. Where the TCP of each subflow applies Nagle's
// rule (upstream Linux) the second finds a subflow without a short segment
// outstanding and leaves; where the connection applies it (out-of-tree Linux; RFC
// 9293 section 3.7.4 of the user's data) nothing leaves before the DATA_ACK of the
// first. Minshall's variant, that of both Linux stacks, waits for short segments only;
// RFC 9293 for everything. Without the rule nothing waits. A segment holds 1424 bytes
// beside DSNs of 8 octets, and 1428 beside those of 4 and a checksum; the receiver of profile rfc
// acknowledges single segments after 200 ms, which is the known price of the rule.
func TestNagleOnData(t *testing.T) {
	for _, v := range []struct {
		profile *Profile
		noDelay bool
		writes  []int64
		want    [][2]int64
	}{
		{Linux(), false, []int64{100, 100, 100}, [][2]int64{{0, 100}, {2, 100}, {20, 100}}},
		{LinuxOOT(), false, []int64{100, 100, 100}, [][2]int64{{0, 100}, {20, 200}}},
		{RFC(), false, []int64{100, 100, 100}, [][2]int64{{0, 100}, {220, 200}}},
		{Linux(), false, []int64{2000, 100}, [][2]int64{{0, 1424}, {0, 576}, {2, 100}}},
		{LinuxOOT(), false, []int64{2000, 100}, [][2]int64{{0, 1428}, {0, 572}, {20, 100}}},
		{RFC(), false, []int64{2000, 100}, [][2]int64{{0, 1424}, {220, 676}}},
		{Linux(), true, []int64{100, 100, 100}, [][2]int64{{0, 100}, {2, 100}, {4, 100}}},
		{LinuxOOT(), true, []int64{100, 100, 100}, [][2]int64{{0, 100}, {2, 100}, {4, 100}}},
	} {
		if got := shortWrites(t, v.profile, 2, v.noDelay, false, v.writes...); !slices.Equal(got, v.want) {
			t.Errorf("%s, nodelay %v: %v ms and bytes, want %v", v.profile.Name, v.noDelay, got, v.want)
		}
	}
}

// The end of a stream that does not fill a segment waits for the acknowledgement of
// the last short segment before it, although its DSS has the DATA_FIN: in captures of
// Linux 6.18 108 and 1408 bytes wait for it, while full segments pass. Where the
// connection applies the rule, its end does not wait (out-of-tree Linux, tcp_nagle_test
// with mptcp_is_data_fin).
func TestNagleAtTheEnd(t *testing.T) {
	for _, v := range []struct {
		profile *Profile
		noDelay bool
		mss, at int64 // of the last segment, when it leaves
	}{{Linux(), false, 1424, 20}, {Linux(), true, 1424, 2}, {LinuxOOT(), false, 1428, 2}, {RFC(), false, 1424, 2}} {
		want := [][2]int64{{0, 512}}
		for range 5 {
			want = append(want, [2]int64{2, v.mss})
		}
		want = append(want, [2]int64{v.at, 8508 - 5*v.mss})
		if got := shortWrites(t, v.profile, 1, v.noDelay, true, 512, 8508); !slices.Equal(got, want) {
			t.Errorf("%s, nodelay %v: %v ms and bytes, want %v", v.profile.Name, v.noDelay, got, want)
		}
	}
}
