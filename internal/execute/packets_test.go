package execute

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// In a capture of all places a number is one packet: on a link its octets do not change but for
// ECN and the checksum of IPv4, whatever boxes hold, make, join, cut and drop and whichever
// packets take the numbers of those that ended. Each packet comes from where it went, and the
// run is the one without the capture.
func TestPacketsAreTheSame(t *testing.T) {
	for _, c := range []struct {
		name  string
		until sim.Duration
		boxes bool // some packets are seen at boxes
	}{
		{"nat/join", 6e9, true}, {"mbox/m6-coalesce", 5e8, true}, {"mbox/m5-split", 5e8, true}, {"mbox/m7-duplicate", 5e8, true},
		{"mbox/m12-normaliser", 5e8, true}, {"mbox/syn-proxy", 5e8, true}, {"mbox/m11-proxy", 5e8, true}, {"net/bufferbloat-codel", 8e9, false}, {"net/fragments", 5e8, true},
	} {
		t.Run(filepath.Base(c.name), func(t *testing.T) {
			hash := func(job Job) *Outcome {
				sc, err := scenarios.Load(c.name, scenarios.Options{})
				if err != nil {
					t.Fatal(err)
				}
				job.Scenario, job.Seed, job.Until = sc, sc.Seed, c.until
				o, err := Run(context.Background(), job)
				if err != nil {
					t.Fatal(err)
				}
				return o
			}
			dir := filepath.Join(t.TempDir(), "run")
			with := hash(Job{Out: dir, Packets: true})
			if without := hash(Job{}); with.Summary.Hash != without.Summary.Hash {
				t.Error("the capture changes the run")
			}
			boxes := checkPackets(t, filepath.Join(dir, results.PacketsName))
			if boxes != c.boxes {
				t.Errorf("packets at boxes: %v", boxes)
			}
		})
	}
}

// sighted is where a packet was last.
type sighted struct {
	place results.Place
	out   bool
	ended bool
	ip    []byte
}

func checkPackets(t *testing.T, file string) (boxes bool) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	last := map[uint64]*sighted{}
	n, crossed, faults := 0, 0, 0
	fault := func(format string, args ...any) {
		if faults++; faults < 10 {
			t.Errorf(format, args...)
		}
	}
	var at sim.Time
	err = results.ReadPackets(f, func(s *results.Sighting) bool {
		n++
		if s.At < at {
			fault("sighting %d lies before the one before", n)
		}
		at = s.At
		boxes = boxes || s.Place.Kind == results.PlaceBox
		ip := plain(s.IP)
		if l := last[s.Packet]; l != nil {
			switch {
			case l.ended:
				fault("packet %d goes on after its end", s.Packet)
			case s.Dropped && s.Place.Kind == results.PlaceLink, s.Dropped && !l.out:
			case l.out == s.Out:
				fault("packet %d: twice the same direction at %s and %s", s.Packet, l.place.Name, s.Place.Name)
			case s.Out && (l.place.Name != s.Place.Name || l.place.Kind != s.Place.Kind):
				fault("packet %d leaves %s and was at %s", s.Packet, s.Place.Name, l.place.Name)
			case !s.Out:
				if crossed++; !bytes.Equal(ip, l.ip) {
					fault("packet %d changes on its way from %s to %s\n%x\n%x", s.Packet, l.place.Name, s.Place.Name, l.ip, ip)
				}
			}
		}
		last[s.Packet] = &sighted{*s.Place, s.Out, s.Dropped, ip}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 100 || crossed < n/4 {
		t.Errorf("%d sightings, %d ways", n, crossed)
	}
	return boxes
}

// plain returns a copy of a packet without what links change: ECN, and with it the checksum of
// IPv4.
func plain(ip []byte) []byte {
	b := bytes.Clone(ip)
	if b[0]>>4 == 4 {
		b[1] &^= 3
		b[10], b[11] = 0, 0
	} else {
		b[1] &^= 0x30
	}
	return b
}

// Another capture is refused.
func TestReadPacketsOfAnotherCapture(t *testing.T) {
	sc, err := scenarios.Load("basic/two-paths", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := Run(context.Background(), Job{Scenario: sc, Seed: 1, Until: 1e8, Out: dir, Capture: true}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, results.CaptureName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := results.ReadPackets(f, func(*results.Sighting) bool { return true }); err != results.ErrNotOfAllPlaces {
		t.Error(err)
	}
	if err := results.ReadPackets(bytes.NewReader([]byte("no capture")), func(*results.Sighting) bool { return true }); err == nil {
		t.Error("a text is a capture")
	}
}
