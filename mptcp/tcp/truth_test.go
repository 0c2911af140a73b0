package tcp

import (
	"math"
	"testing"

	"mpsim/sim"
)

// TestShortFlowsAsInLinux: a request of 17 bytes is answered with 10 kB or 1 MB over
// 10 Mb/s and 50 packets of queue, CUBIC. The times from connect to the last byte
// are those measured between two real kernels (means of ten in
// ../shared/truth/short_flows.csv); the band is 1 ms or 3 %, whichever is larger.
func TestShortFlowsAsInLinux(t *testing.T) {
	for _, v := range []struct {
		size   int64
		rtt    sim.Duration
		kernel float64 // ms
	}{
		{10_000, 20 * ms, 49.59},
		{10_000, 60 * ms, 129.79},
		{1_000_000, 20 * ms, 879.83},
		{1_000_000, 60 * ms, 1052.31},
	} {
		n := newNet(t, v.rtt/2, func(a, b *Config) {
			a.CC, b.CC = newCC(t, "cubic"), newCC(t, "cubic")
			a.ReceiveBuffer, b.ReceiveBuffer = 4<<20, 4<<20
			a.SendBuffer, b.SendBuffer = 4<<20, 4<<20
		})
		n.keep = false
		for _, h := range []*host{n.a, n.b} {
			h.out.rate, h.out.limit = 10*sim.MegabitPerSecond, 50
		}
		n.a.write = 17
		n.a.c.Connect(0)
		n.flush(n.a)
		n.runUntil(func() bool { return n.b.got == 17 })
		n.b.write = v.size
		n.flush(n.b)
		n.runUntil(func() bool { return n.a.got == v.size })
		got := n.now.Seconds() * 1000
		t.Logf("%d bytes, RTT %v: %.2f ms, kernel %.2f; %d dropped, %d timeouts", v.size, v.rtt, got, v.kernel, n.b.out.dropped, n.b.c.Stats().Timeouts)
		if math.Abs(got-v.kernel) > math.Max(1, 0.03*v.kernel) {
			t.Errorf("%d bytes, RTT %v: %.2f ms, kernel %.2f", v.size, v.rtt, got, v.kernel)
		}
	}
}
