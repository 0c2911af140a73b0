package app_test

import (
	"testing"

	"mpsim/internal/app"
	"mpsim/sim"
)

// A session over a link that loses one packet in a hundred fetches all files, each
// over a connection of its own, whoever opens it; the client quits and both ends
// close. A session that is stopped ends after the present file.
func TestFTP(t *testing.T) {
	for _, passive := range []bool{false, true} {
		for _, stop := range []sim.Time{sim.Never, 2e9} {
			l := newLab(0.01)
			r := app.NewRecord(60 * sim.Second)
			f, err := app.NewFTP(l.client, l.server, l.socket(stop), app.Files{Count: 5, Size: 700_000, Passive: passive, FirstPort: 50040}, r)
			if err != nil {
				t.Fatal(err)
			}
			l.s.Run(60e9, 1<<40)
			want := 5
			if stop != sim.Never {
				want = f.Fetched
				if want == 0 || want == 5 {
					t.Errorf("passive %v: %d files until the stop", passive, want)
				}
			}
			if f.Fetched != want || f.Failed != 0 || r.Bytes != int64(want)*700_000 || r.Corrupt != 0 || r.Done == sim.Never || f.Closed == sim.Never {
				t.Errorf("passive %v: %d files, %d failed, %d bytes, %d wrong, done %v, closed %v", passive, f.Fetched, f.Failed, r.Bytes, r.Corrupt, r.Done, f.Closed)
			}
		}
	}
}
