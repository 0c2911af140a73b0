package scenarios

import (
	"fmt"
	"math"
	"testing"

	"mpsim/sim"
)

// A box strips a share p of the DATA_ACKs. They are cumulative, so that the next one
// makes up for them, but the connection-level window moves only with one (RFC 8684
// section 3.3.2). What is limited by a window W then loses in each round trip what
// the last ACKs would have acknowledged: of ACKs for two segments each, p/(1-p) on
// average are stripped behind the last one that is not, and
//
//	goodput(p)   W - 2 MSS p/(1-p)
//	---------- = -----------------
//	goodput(0)           W
//
// The first acknowledgement of data keeps its DATA_ACK: without one the sender has to
// conclude that the path does not let MPTCP pass (section 3.7).
//
// Beyond p = 0.75 a whole window without DATA_ACK is no longer rare, and timers have
// to ask for one, which takes longer than the round trip of the formula. Nothing breaks at any p below 1: the transfer is complete, without
// falling back, and slower for every larger p.
//
// row:B6
func TestStrippedDataAcks(t *testing.T) {
	const size, mss, window = 5_000_000, 1424, 70 * 1424 // whole segments in 100 kB
	var full, last sim.Time
	for _, p := range []float64{0, 0.25, 0.5, 0.75, 0.9, 0.97} {
		w := runText(t, fmt.Sprintf(`schema = 1
name = "dataacks"
duration = "240s"
paths = ["wifi 50ms 200pkt 50Mbps"]
[[link]]
name = "wifi"
[[link.box]]
type = "strip-data-ack"
direction = "up"
packets = "ack"
carrying = ["dss"]
first = 1
probability = %g
[[flow]]
name = "dl"
client = "client"
server = "server"
via = "wifi"
size = "5MB"
receive_buffer = "100000B"
[expect]
mptcp = "fallback(dl) == 'none'"
intact = ["corrupt_bytes(dl) == 0", "ended(dl) == 'graceful'"]
`, p), Run{Verify: true})
		for _, e := range w.Expect() {
			if !e.Pass {
				t.Errorf("p = %g: %s: measured %s", p, e.Expr, e.Value)
			}
		}
		r := w.byFlow["dl"].record
		if r.Bytes != size || r.Done == sim.Never {
			t.Fatalf("p = %g: %d bytes", p, r.Bytes)
		}
		if p == 0 {
			full = r.Done
		}
		share := full.Seconds() / r.Done.Seconds()
		want := 1 - 2*mss*p*(1-math.Pow(p, window/(2*mss)))/(1-p)/window
		t.Logf("p = %-4g: %7.3f s, %5.3f Mb/s, %.3f of the whole; expected %.3f", p, r.Done.Seconds(), size*8e-6/r.Done.Seconds(), share, want)
		switch {
		case r.Done <= last:
			t.Errorf("p = %g: %v is not slower than with a smaller share, %v", p, r.Done, last)
		case p <= 0.75 && math.Abs(share-want) > 0.05*want:
			t.Errorf("p = %g: %.3f of the goodput, expected %.3f", p, share, want)
		case share > 1.01*want:
			t.Errorf("p = %g: %.3f of the goodput, at most %.3f can be", p, share, want)
		}
		last = r.Done
	}
}
