package app_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mpsim/internal/app"
	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
)

// A session over a link that loses one packet in a hundred fetches all files, each
// over a connection of its own, whoever opens it, by the commands of RFC 959 or of RFC
// 2428, over either family; the client quits and both ends close. A session that is
// stopped ends after the present file.
func TestFTP(t *testing.T) {
	for way := range 6 {
		passive, extended := way&1 != 0, way >= 2
		for _, stop := range []sim.Time{sim.Never, 2e9} {
			l := newLab(0.01)
			if way >= 4 {
				l.useIPv6()
				extended = false // it is the only way
			}
			r := app.NewRecord(60 * sim.Second)
			f, err := app.NewFTP(l.client, l.server, l.socket(stop), app.Files{Count: 5, Size: 700_000, Passive: passive, Extended: extended, FirstPort: 50040}, r)
			if err != nil {
				t.Fatal(err)
			}
			l.s.Run(60e9, 1<<40)
			want := 5
			if stop != sim.Never {
				want = f.Fetched
				if want == 0 || want == 5 {
					t.Errorf("way %d: %d files until the stop", way, want)
				}
			}
			if f.Fetched != want || f.Failed != 0 || r.Bytes != int64(want)*700_000 || r.Corrupt != 0 || r.Done == sim.Never || f.Closed == sim.Never {
				t.Errorf("way %d: %d files, %d failed, %d bytes, %d wrong, done %v, closed %v", way, f.Fetched, f.Failed, r.Bytes, r.Corrupt, r.Done, f.Closed)
			}
		}
	}
}

// A user who thinks for a second before each of two files and before the end makes a
// session three seconds longer.
func TestFTPPause(t *testing.T) {
	var took [2]sim.Time
	for i, pause := range []sim.Duration{0, sim.Second} {
		l := newLab(0)
		r := app.NewRecord(60 * sim.Second)
		if _, err := app.NewFTP(l.client, l.server, l.socket(sim.Never), app.Files{Count: 2, Size: 1000, FirstPort: 50040, Pause: pause}, r); err != nil {
			t.Fatal(err)
		}
		l.s.Run(60e9, 1<<40)
		took[i] = r.Done
	}
	if took[0] == sim.Never || took[1].Sub(took[0]) != 3*sim.Second {
		t.Errorf("done at %v, with pauses at %v", took[0], took[1])
	}
}

// talker says one line after each that it hears, and notes the codes of the replies.
type talker struct {
	at    *host.Host
	conn  mptcp.ConnID
	says  []string
	heard []string
}

func (k *talker) OnAlarm(sim.Time, uint32) {}

func (k *talker) OnEvent(now sim.Time, ev *mptcp.Event) {
	ep := k.at.Endpoint()
	for ev.Kind == mptcp.Readable {
		off, n := ep.Read(now, k.conn, 1<<16)
		if n == 0 {
			return
		}
		for _, line := range strings.Split(strings.TrimSpace(string(ep.Bytes(off, n, nil))), "\r\n") {
			k.heard = append(k.heard, line[:3])
			if len(k.says) > 0 {
				ep.WriteBytes(now, k.conn, []byte(k.says[0]+"\r\n"))
				k.says = k.says[1:]
			}
		}
	}
}

// After EPSV ALL "the server MUST reject all data connection setup commands other than
// EPSV (i.e., EPRT, PORT, PASV, et al.)" (RFC 2428 section 4); before, it takes them.
func TestEPSVAll(t *testing.T) {
	l := newLab(0)
	s := l.socket(sim.Never)
	s.Start = 1000e9 // its own client does not come
	if _, err := app.NewFTP(l.client, l.server, s, app.Files{Count: 1, Size: 1000, FirstPort: 50040}, app.NewRecord(60*sim.Second)); err != nil {
		t.Fatal(err)
	}
	k := &talker{at: l.client, says: []string{"USER x", "PASS x", "PORT 10,0,0,1,195,120", "PASV", "EPSV ALL", "PORT 10,0,0,1,195,120", "EPRT |1|10.0.0.1|50040|", "PASV", "EPSV", "QUIT"}}
	var err error
	if k.conn, err = l.client.Dial(0, netip.AddrPortFrom(l.clientAddr, 0), s.Remote, s.Client, k); err != nil {
		t.Fatal(err)
	}
	l.s.Run(60e9, 1<<40)
	if want := []string{"220", "331", "230", "200", "227", "200", "503", "503", "503", "229", "221"}; !slices.Equal(k.heard, want) {
		t.Errorf("replies %v, want %v", k.heard, want)
	}
}

// A client that says EPSV ALL fetches all files, and its session is one round trip longer.
func TestEPSVAllSession(t *testing.T) {
	var took [2]sim.Time
	for i, all := range []bool{false, true} {
		l := newLab(0)
		r := app.NewRecord(60 * sim.Second)
		f, err := app.NewFTP(l.client, l.server, l.socket(sim.Never), app.Files{Count: 3, Size: 100_000, Passive: true, Extended: true, EPSVAll: all, FirstPort: 50040}, r)
		if err != nil {
			t.Fatal(err)
		}
		l.s.Run(60e9, 1<<40)
		if f.Fetched != 3 || f.Failed != 0 || r.Bytes != 300_000 || r.Corrupt != 0 {
			t.Errorf("EPSV ALL %v: %d files, %d failed, %d bytes", all, f.Fetched, f.Failed, r.Bytes)
		}
		took[i] = r.Done
	}
	if d := took[1].Sub(took[0]); d < 20*sim.Millisecond || d > 21*sim.Millisecond {
		t.Errorf("done at %v, after EPSV ALL at %v", took[0], took[1])
	}
}
