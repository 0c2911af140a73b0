package tcp

import (
	"fmt"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// narrow makes a link drop what is longer than an MTU, and tell the sender if icmp.
func (n *net) narrow(h *host, mtu int, icmp bool) *int {
	drops := new(int)
	h.out.drop = func(_ int, now sim.Time, s *Segment) bool {
		if ipLength(s) <= mtu {
			return false
		}
		*drops++
		if icmp {
			seq := s.Seq
			n.at(now.Add(ms), func() {
				h.c.HandleTooBig(n.now, seq, mtu, 1500)
				n.flush(h)
			})
		}
		return true
	}
	return drops
}

func ipLength(s *Segment) int { return 40 + s.OptionsLen(s.Opt) + int(s.Len) }

// upload sends bytes from a to b and returns when the last has arrived; 0: not in time.
func (n *net) upload(bytes int64, limit sim.Duration) sim.Time {
	n.a.write += bytes
	want := n.b.got + bytes
	n.flush(n.a)
	end := n.now.Add(limit)
	for n.b.got < want {
		if !n.step(end) {
			return 0
		}
	}
	return n.now
}

// A router says that the next link takes 1280 bytes: segments become 1280-40-12 = 1228
// bytes, what was in flight is sent again in such pieces at once (Linux
// tcp_simple_retransmit), without a timeout, and the window stays.
func TestTooBigLowersSegmentSize(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	window := n.a.c.cc.Window(0)
	drops := n.narrow(n.a, 1280, true)
	lowest := window
	n.at(n.now.Add(5*ms), func() { lowest = n.a.c.cc.Window(0) })
	if n.upload(300_000, 10*sim.Second) == 0 {
		t.Fatal("the transfer stalls")
	}
	st := n.a.c.Stats()
	if n.a.c.MSS() != 1228 || st.Timeouts != 0 || st.PathMTUReductions != 1 || *drops != 10 || lowest < window || n.b.bad != 0 {
		t.Errorf("MSS %d, %d timeouts, %d reductions, %d segments dropped, window %d after %d", n.a.c.MSS(), st.Timeouts, st.PathMTUReductions, *drops, lowest, window)
	}
	// After ten minutes it is forgotten (RFC 1191 section 6.3), and found again.
	for n.step(sim.Time(602 * sim.Second)) {
	}
	if n.upload(100_000, 10*sim.Second) == 0 || n.a.c.Stats().PathMTUReductions != 2 || n.a.c.MSS() != 1228 {
		t.Errorf("after expiry: %d reductions, MSS %d", n.a.c.Stats().PathMTUReductions, n.a.c.MSS())
	}
}

// Messages that quote nothing in flight, raise the MTU, or state less than Linux
// believes (RFC 5927 section 7.2; ip_rt_min_pmtu 552) do not do what they say.
func TestTooBigHostile(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	c := n.a.c
	una := c.sndSeq(c.snd.una)
	n.a.write = 5000
	n.flush(n.a)
	for _, m := range []struct {
		seq wire.Seq
		mtu int
	}{{una - 1000, 600}, {una + 100_000, 600}, {una, 1500}, {una, 9000}} {
		if c.HandleTooBig(n.now, m.seq, m.mtu, 1500) || c.MSS() != 1448 {
			t.Errorf("seq %d, MTU %d: MSS %d", m.seq-una, m.mtu, c.MSS())
		}
	}
	if !c.HandleTooBig(n.now, una, 68, 1500) || c.MSS() != 552-52 {
		t.Errorf("MTU 68: MSS %d, want 500", c.MSS())
	}
	if c.HandleTooBig(n.now, una, 1400, 1500) || c.MSS() != 500 {
		t.Errorf("a larger MTU raised the MSS to %d", c.MSS())
	}
}

// A message without an MTU, of routers before RFC 1191: Linux takes it for 552 (seen of a
// 6.18 kernel), the text of RFC 1191 sections 5 and 7 for the next plateau below the length
// of the packet that it quotes.
func TestTooBigWithoutMTU(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.write = 5000
	n.flush(n.a)
	c := n.a.c
	if !c.HandleTooBig(n.now, c.sndSeq(c.snd.una), 0, 1500) || c.PathMTU() != 552 {
		t.Errorf("profile linux: MTU %d", c.PathMTU())
	}
	for _, x := range []struct{ length, mtu int }{{1500, 1492}, {1492, 1006}, {1493, 1492}, {1006, 552}, {0, 552}} {
		n := newNet(t, 10*ms, func(a, _ *Config) { a.Profile.Plateaus = true })
		n.connect()
		n.a.write = 5000
		n.flush(n.a)
		c := n.a.c
		if !c.HandleTooBig(n.now, c.sndSeq(c.snd.una), 0, x.length) || c.PathMTU() != x.mtu {
			t.Errorf("%d octets: MTU %d, want %d", x.length, c.PathMTU(), x.mtu)
		}
	}
	for length, want := range map[int]int{65535: 32000, 32000: 17914, 17914: 8166, 4464: 4352, 2048: 2002, 577: 508, 508: 296, 296: 68, 20: 68} {
		if got := plateauBelow(length); got != want {
			t.Errorf("below %d: %d, want %d", length, got, want)
		}
	}
	if !RFC().Plateaus || Linux().Plateaus {
		t.Error("profiles")
	}
}

// Without a message and without probes a transfer over a narrow link stalls until the
// connection is given up after tcp_retries2 = 15 doublings, 924.6 s from the first
// retransmission.
func TestBlackHoleStalls(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.narrow(n.a, 1280, false)
	if n.upload(100_000, 900*sim.Second) != 0 || n.b.got != 0 || n.a.c.State() != StateEstablished {
		t.Fatalf("%d bytes arrived, state %v", n.b.got, n.a.c.State())
	}
	for n.a.c.State() == StateEstablished && n.step(sim.Time(1000*sim.Second)) {
	}
	if n.a.c.State() != StateClosed {
		t.Error("the connection is not given up")
	}
}

// With tcp_mtu_probing = 1 the first timeout that comes 15 x 200 ms after the first
// retransmission (tcp_retries1 = 3) lowers the size to tcp_base_mss = 1024, and the search
// goes on from there: by halves of what is left, as Linux's tcp_mtu_probe does.
func TestBlackHoleDetection(t *testing.T) {
	n := newNet(t, 10*ms, func(a, _ *Config) {
		p := *a.Profile
		p.MTUProbing = 1
		a.Profile = &p
	})
	n.connect()
	n.narrow(n.a, 1280, false)
	start := n.now
	end := n.upload(3_000_000, 30*sim.Second)
	st := n.a.c.Stats()
	if end == 0 || n.b.bad != 0 || st.MTUBlackHoles != 1 {
		t.Fatalf("ended at %v, %d black holes", end, st.MTUBlackHoles)
	}
	first := sim.Time(0)
	for _, r := range n.a.sent {
		if r.seg.Len == 1024 && first == 0 {
			first = r.at
		}
	}
	// RTO 220 ms: the timeouts come 220, 660, 1540, 3300 ms after sending, 3080 ms after
	// the first retransmission at the fourth one.
	if d := first.Sub(start); d < 3200*ms || d > 3900*ms {
		t.Errorf("1024 bytes first leave %v after the start", d)
	}
	if st.MTUProbesLost == 0 || n.a.c.MSS() > 1228 || n.a.c.MSS() <= 1228-8 {
		t.Errorf("MSS %d at the end, %d probes lost", n.a.c.MSS(), st.MTUProbesLost)
	}
}

// With tcp_mtu_probing = 2 a connection begins at 1024 bytes of payload, an MTU of
// 1024+12+20+20 = 1076. The search on a path of 1400 bytes, as tcp_mtu_probe computes it by
// hand: (1076+1500)/2 = 1288 arrives, (1288+1500)/2 = 1394 arrives, 1447 is lost, so
// (1394+1446)/2 = 1420 is lost, (1394+1419)/2 = 1406 is lost, (1394+1405)/2 = 1399 arrives,
// and 1405-1399 is below tcp_probe_threshold = 8. No loss of a probe reduces the window.
func TestMTUProbingSearch(t *testing.T) {
	n := newNet(t, 10*ms, func(a, _ *Config) {
		p := *a.Profile
		p.MTUProbing = 2
		a.Profile = &p
	})
	n.a.out.rate = 20e6
	n.connect()
	if n.a.c.MSS() != 1024 {
		t.Fatalf("MSS %d at the start, want 1024", n.a.c.MSS())
	}
	n.narrow(n.a, 1400, false)
	if n.upload(3_000_000, 30*sim.Second) == 0 || n.b.bad != 0 {
		t.Fatal("the transfer stalls")
	}
	var probes []int
	largest := 1076
	for _, r := range n.a.sent {
		if l := ipLength(&r.seg); l > largest && l != 1500 {
			probes = append(probes, l)
			if l <= 1400 {
				largest = l
			}
		}
	}
	if got := fmt.Sprint(probes); got != "[1288 1394 1447 1420 1406 1399]" {
		t.Errorf("probes of %s", got)
	}
	st := n.a.c.Stats()
	if st.MTUProbes != 6 || st.MTUProbesArrived != 3 || st.MTUProbesLost != 3 || n.a.c.MSS() != 1399-52 || st.Timeouts != 0 || st.FastRecoveries != 0 {
		t.Errorf("%d probes, %d arrived, %d lost, MSS %d, %d timeouts, %d recoveries", st.MTUProbes, st.MTUProbesArrived, st.MTUProbesLost, n.a.c.MSS(), st.Timeouts, st.FastRecoveries)
	}
}
