package app_test

import (
	"testing"

	"mpsim/internal/app"
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
