package radio_test

import (
	"math"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/radio"
	"mpsim/sim"
)

// device is a host behind LTE at 10 Mb/s in both directions: 1250 octets a subframe.
func device(b *lab, cfg radio.LTEConfig) (*host, *radio.LTE) {
	u := radio.NewLTE(cfg)
	link := func(up bool) simnet.LinkConfig {
		return simnet.LinkConfig{Rate: 10 * sim.MegabitPerSecond, Delay: 10 * ms, Radio: u.Direction(up), Queue: simnet.Queue{Packets: 1000}}
	}
	h := b.host("ue", link(true), link(false))
	b.collect(h)
	return h, u
}

// quiet is the default device on a channel without errors.
func quiet() radio.LTEConfig {
	c := radio.LTEDefaults()
	c.BLER = 0
	return c
}

// TestPromotionIsExact: an idle device begins after 260 ms. 1500 octets take two subframes
// of 1250 octets, so that the first packet is there after 260 + 2 ms and 10 ms of delay.
// 11.576 s after the last subframe it is connected still, and a millisecond later it is
// not.
func TestPromotionIsExact(t *testing.T) {
	b := newLab(1)
	h, u := device(b, quiet())
	b.at(0, func() { h.sendDown(1500) })
	active := sim.Time(262 * ms) // end of the last subframe
	stays := active.Add(11576 * ms)
	b.at(stays, func() { h.sendDown(1250) })
	b.at(stays.Add(11577*ms+50*ms), func() { h.sendDown(1250) })
	b.run(sim.Time(60*sim.Second), h)
	// It sleeps since 100 ms after 262 ms; 11576 - 100 ms are 286.9 cycles of 40 ms, so that
	// it listens next 287 x 40 - 11476 = 4 ms later.
	second := stays.Add(4*ms + 1*ms + 10*ms)
	third := stays.Add(11577*ms + 50*ms + 260*ms + 1*ms + 10*ms)
	want := []sim.Time{sim.Time(272 * ms), second, third}
	for i, w := range want {
		if len(h.atHost) != 3 || h.atHost[i].at != w {
			t.Fatalf("arrivals %v, want %v", h.atHost, want)
		}
	}
	if n := u.Stats().Promotions; n != 2 {
		t.Errorf("%d promotions", n)
	}
}

// TestSleepAndGrant: a connected device that has been silent for less than 100 ms receives
// at once, one that sleeps at its next cycle; to send it asks for a grant first, 15 ms,
// unless its last subframe was 15 ms ago at most.
func TestSleepAndGrant(t *testing.T) {
	b := newLab(1)
	h, _ := device(b, quiet())
	b.at(0, func() { h.sendDown(1250) }) // subframe 260 to 261 ms
	b.at(sim.Time(361*ms), func() { h.sendDown(1250) })
	// The last subframe ends at 362 ms: asleep from 462 ms on, listening at 462 + 40 n.
	b.at(sim.Time(463*ms), func() { h.sendDown(1250) }) // 502
	b.at(sim.Time(510*ms), func() { h.send(1250) })     // 525, until 526
	b.at(sim.Time(541*ms), func() { h.send(1250) })     // at once, until 542
	b.at(sim.Time(558*ms), func() { h.send(1250) })     // 573
	b.run(sim.Time(sim.Second), h)
	for i, w := range []sim.Duration{261 * ms, 362 * ms, 503 * ms} {
		if got := h.atHost[i].at; got != sim.Time(w+10*ms) {
			t.Errorf("packet %d arrives at %v, want %v", i, got, w+10*ms)
		}
	}
	for i, w := range []sim.Duration{526 * ms, 542 * ms, 574 * ms} {
		if got := h.atAP[i].at; got != sim.Time(w+10*ms) {
			t.Errorf("uplink packet %d arrives at %v, want %v", i, got, w+10*ms)
		}
	}
}

// TestHARQ: every packet of 1250 octets is one block. It is received 1 ms after it was
// first sent, and 8 ms more for every attempt that failed; with a failure rate p that is k
// times with probability p^k (1-p). With packets 50 ms apart nothing holds another up.
func TestHARQ(t *testing.T) {
	const p, n = 0.3, 20000
	c := radio.LTEDefaults()
	c.BLER, c.DRXCycle, c.Promotion = p, 0, 0
	b := newLab(5)
	h, u := device(b, c)
	for i := range n {
		b.at(sim.Time(i)*sim.Time(200*ms), func() { h.sendDown(1250) })
	}
	b.run(sim.Time(n+1)*sim.Time(200*ms), h)
	if len(h.atHost) != n {
		t.Fatalf("%d of %d arrive", len(h.atHost), n)
	}
	var count [5]int
	for i, a := range h.atHost {
		extra := a.at.Sub(sim.Time(i)*sim.Time(200*ms)) - 11*ms
		k := int(extra / radio.HARQTime)
		if k > 3 { // RLC: three times 8 ms, a subframe and 40 ms, and HARQ anew
			k = 4
			extra -= 3*radio.HARQTime + radio.TTI + 40*ms
		}
		if extra%radio.HARQTime != 0 {
			t.Fatalf("packet %d is %v late", i, extra)
		}
		count[k]++
	}
	for k, got := range count {
		q := math.Pow(p, float64(k))
		if k < 4 {
			q *= 1 - p
		}
		if bound := 4.5 * math.Sqrt(n*q*(1-q)); math.Abs(float64(got)-n*q) > bound {
			t.Errorf("%d packets failed %d times, want %.0f +- %.0f", got, k, n*q, bound)
		}
	}
	if s := u.Stats(); s.Blocks != n || s.Repetitions < uint64(count[4]) {
		t.Errorf("%+v with %d after RLC", s, count[4])
	}
}

// TestRLCDeliversInOrder: at full load the failures of one block hold back all behind it,
// so that packets arrive in order and in bursts, none is lost, and the attempts that fail
// cost their share: with p = 0.1 and repetition until success 1-p of the rate remains.
func TestRLCDeliversInOrder(t *testing.T) {
	c := radio.LTEDefaults()
	b := newLab(3)
	h, u := device(b, c)
	b.at(0, func() { h.keepDown = 200; h.refill() })
	_, down := b.run(sim.Time(20*sim.Second), h)
	if got, want := mbps(down, 20*sim.Second-260*ms), 10*0.9; math.Abs(got/want-1) > 0.01 {
		t.Errorf("%.3f Mb/s, want %.3f", got, want)
	}
	burst, together := 0, 0
	for i := 1; i < len(h.atHost); i++ {
		if int(h.atHost[i].seq) != i+1 {
			t.Fatalf("packet %d arrives as number %d", h.atHost[i].seq, i+1)
		}
		if h.atHost[i].at == h.atHost[i-1].at {
			together++
			burst = max(burst, together)
		} else {
			together = 0
		}
	}
	// 8 ms at 10 Mb/s are 6.7 packets.
	if st := h.down.Stats(); burst < 6 || st.Drops() != 0 {
		t.Errorf("at most %d arrive together, %d drops", burst, st.Drops())
	}
	s := u.Stats()
	if got := float64(s.Failures) / float64(s.Blocks); math.Abs(got-1.0/9) > 0.005 {
		t.Errorf("%.4f failures a block, want p/(1-p)", got)
	}
}

// TestLTEOutage: an outage empties the queue or keeps it; afterwards everything goes on.
func TestLTEOutage(t *testing.T) {
	for _, keep := range []bool{false, true} {
		b := newLab(1)
		h, _ := device(b, radio.LTEDefaults())
		b.at(0, func() {
			for range 500 {
				h.sendDown(1500)
			}
		})
		b.at(sim.Time(400*ms), func() { h.down.Down(simnet.Outage{KeepQueue: keep, KeepInFlight: true, Silent: true}) })
		b.at(sim.Time(700*ms), func() { h.down.Up(); h.sendDown(1500) })
		b.run(sim.Time(10*sim.Second), h)
		if n := len(h.atHost); keep != (n == 501) || h.atHost[n-1].seq != 501 || b.net.Allocated() != 0 {
			t.Errorf("keep %v: %d arrive, the last is %d", keep, n, h.atHost[n-1].seq)
		}
		for _, a := range h.atHost {
			if a.at > sim.Time(500*ms) && a.at < sim.Time(700*ms) {
				t.Errorf("keep %v: packet %d arrives at %v", keep, a.seq, a.at)
			}
		}
	}
}

// TestLTEDoesNotAllocate: in steady state a subframe costs no allocation.
func TestLTEDoesNotAllocate(t *testing.T) {
	b := newLab(1)
	h, _ := device(b, radio.LTEDefaults())
	h.node.SetReceiver(receiver(func(_ sim.Time, id simnet.PacketID) { b.net.Free(id); h.refill() }))
	b.at(0, func() { h.keepDown = 100; h.refill() })
	b.run(sim.Time(2 * sim.Second))
	end := sim.Time(2 * sim.Second)
	if n := testing.AllocsPerRun(10, func() {
		end += sim.Time(100 * ms)
		b.sim.Run(end, 1<<40)
	}); n > 0 {
		t.Errorf("%v allocations in 100 ms", n)
	}
}
