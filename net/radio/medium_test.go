package radio_test

import (
	"fmt"
	"math"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/radio"
	"mpsim/sim"
)

func standard(t *testing.T, name string) *radio.Standard {
	t.Helper()
	p, err := radio.FindStandard(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wifi joins hosts to an access point over one medium.
func wifi(b *lab, m *radio.Medium, n int, signal radio.Signal) []*host {
	var hosts []*host
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		up := simnet.LinkConfig{Radio: m.Link(name, signal), Queue: simnet.Queue{Packets: 200}}
		down := simnet.LinkConfig{Radio: m.Link("ap", signal), Queue: simnet.Queue{Packets: 200}}
		hosts = append(hosts, b.host(name, up, down))
	}
	b.collect(hosts...)
	return hosts
}

// saturate keeps 100 packets in the queue of every host and returns the throughput of
// all of them in Mb/s of IP.
func saturate(b *lab, hosts []*host, d sim.Duration) float64 {
	b.at(0, func() {
		for _, h := range hosts {
			h.keep = 100
			h.refill()
		}
	})
	up, _ := b.run(sim.Time(d), hosts...)
	return mbps(up, d)
}

// TestFrameTimes: times on air worked out by hand from IEEE 802.11 clause 17.4.3,
// TXTIME = 16 + 4 + 4 ceil((16 + 8 octets + 6)/bits) us, and those of the other
// physical layers.
func TestFrameTimes(t *testing.T) {
	for _, c := range []struct {
		name         string
		octets, rate int
		data, ack    sim.Duration
	}{
		{"802.11a", 1536, 7, 248 * us, 28 * us},  // 57 symbols; 14 octets at 24 Mb/s: 2 symbols
		{"802.11a", 1536, 0, 2072 * us, 44 * us}, // 513 symbols of 24 bits; 6 symbols
		{"802.11a", 100, 4, 56 * us, 28 * us},    // 9 symbols of 96 bits (822)
		{"802.11a", 1536, 3, 704 * us, 32 * us},  // 171 symbols of 72 bits; 3 symbols at 12 Mb/s
		{"802.11g", 1536, 7, 254 * us, 34 * us},  // 6 us of extension
		{"802.11b", 1536, 3, 1310 * us, 248 * us},
		{"802.11b", 1536, 0, 12480 * us, 304 * us}, // an octet takes 8 us
		{"802.11n", 1538, 7, 228 * us, 28 * us},    // 36 + 4 x 48 symbols of 260 bits
	} {
		p := standard(t, c.name)
		if got := p.DataTime(c.octets, c.rate); got != c.data {
			t.Errorf("%s: %d octets at %v take %v, want %v", c.name, c.octets, p.Rates[c.rate].Rate, got, c.data)
		}
		if got := p.AckTime(c.rate, false); got != c.ack {
			t.Errorf("%s: the acknowledgement at %v takes %v, want %v", c.name, p.Rates[c.rate].Rate, got, c.ack)
		}
	}
	if got := standard(t, "802.11n").AckTime(7, true); got != 32*us { // 32 octets: 3 symbols at 24 Mb/s
		t.Errorf("a block acknowledgement takes %v", got)
	}
}

// TestSingleStation: 1500 octets at 54 Mb/s take 248 us of data, 16 us of SIFS, 28 us of
// acknowledgement, 34 us of DIFS and in the mean 7.5 slots: 393.5 us, or 30.5 Mb/s.
func TestSingleStation(t *testing.T) {
	b := newLab(1)
	hosts := wifi(b, radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11a"), Retries: 7}), 1, nil)
	got := saturate(b, hosts, 20*sim.Second)
	// The mean of 50 000 waits has a standard error of 4.6/sqrt(50000) slots, 0.05 %.
	if want := 1500 * 8 / 393.5; math.Abs(got/want-1) > 0.002 {
		t.Errorf("%.3f Mb/s, want %.3f", got, want)
	}
	// The first packet finds the medium idle: it is sent at once, without a wait.
	if first := hosts[0].atAP[0].at; first != sim.Time(248*us) {
		t.Errorf("the first packet arrives at %v", first)
	}
	for i, a := range hosts[0].atAP {
		if int(a.seq) != i+1 {
			t.Fatalf("packet %d arrives as number %d", a.seq, i+1)
		}
	}
}

// bianchi solves the fixed point of Bianchi, "Performance analysis of the IEEE 802.11
// distributed coordination function", JSAC 18(3), 2000, equations 7 and 9, and returns
// the saturation throughput by equation 13 for constant times of success and collision.
func bianchi(n, w, stages int, bits float64, slot, success, collision float64) (throughput, p float64) {
	tau := func(p float64) float64 {
		sum := 0.0
		for i := range stages {
			sum += math.Pow(2*p, float64(i))
		}
		return 2 / (1 + float64(w) + p*float64(w)*sum)
	}
	low, high := 0.0, 1.0
	for range 100 {
		p = (low + high) / 2
		if 1-math.Pow(1-tau(p), float64(n-1)) > p {
			low = p
		} else {
			high = p
		}
	}
	x := tau(p)
	some := 1 - math.Pow(1-x, float64(n))
	one := float64(n) * x * math.Pow(1-x, float64(n-1)) / some
	return some * one * bits / ((1-some)*slot + some*one*success + some*(1-one)*collision), p
}

// TestBianchi: the saturation throughput of n stations is that of Bianchi's model, in
// which a slot is 9 us, the window 16 slots and doubles six times, a success takes 248 +
// 16 + 28 + 34 us, and a collision as long.
func TestBianchi(t *testing.T) {
	for _, n := range []int{2, 5, 10, 20, 50} {
		b := newLab(uint64(n))
		m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11a"), Retries: 7})
		got := saturate(b, wifi(b, m, n, nil), 5*sim.Second)
		want, p := bianchi(n, 16, 6, 12000, 9, 326, 326)
		s := m.Stats()
		t.Logf("%2d stations: %.2f Mb/s, model %.2f; %.3f of the transmissions collide, model p %.3f", n, got, want,
			float64(s.Collisions)/float64(s.Transmissions), p)
		if math.Abs(got/want-1) > 0.05 {
			t.Errorf("%d stations: %.2f Mb/s, Bianchi %.2f", n, got, want)
		}
		if s.Collisions == 0 || s.Busy <= 3*sim.Second {
			t.Errorf("%d stations: %+v", n, s)
		}
	}
}

// TestHalfDuplex: a station and the access point that both have much to send share the
// medium like two stations: together they get what Bianchi gives to two, each half.
func TestHalfDuplex(t *testing.T) {
	b := newLab(1)
	m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11a"), Retries: 7})
	h := wifi(b, m, 1, nil)[0]
	b.at(0, func() { h.keep, h.keepDown = 100, 100; h.refill() })
	up, down := b.run(sim.Time(10*sim.Second), h)
	want, _ := bianchi(2, 16, 6, 12000, 9, 326, 326)
	if got := mbps(up+down, 10*sim.Second); math.Abs(got/want-1) > 0.05 {
		t.Errorf("%.2f Mb/s together, want %.2f", got, want)
	}
	if share := float64(up) / float64(up+down); share < 0.48 || share > 0.52 {
		t.Errorf("the station has %.3f of it", share)
	}
}

// TestAccessPointIsOneStation: with four hosts sending up and the access point sending
// to all of them, it gets a fifth and not half.
func TestAccessPointIsOneStation(t *testing.T) {
	b := newLab(1)
	m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11a"), Retries: 7})
	hosts := wifi(b, m, 4, nil)
	b.at(0, func() {
		for _, h := range hosts {
			h.keep, h.keepDown = 50, 50
			h.refill()
		}
	})
	up, down := b.run(sim.Time(10*sim.Second), hosts...)
	if share := float64(down) / float64(up+down); share < 0.18 || share > 0.22 {
		t.Errorf("the access point has %.3f of five stations", share)
	}
	for _, h := range hosts {
		_, d := b.run(sim.Time(10*sim.Second), h)
		if share := float64(d) / float64(down); share < 0.23 || share > 0.27 {
			t.Errorf("a host has %.3f of what the access point sends", share)
		}
	}
}

// TestAggregation: an A-MPDU of 802.11n at 65 Mb/s holds as many frames of 1544 octets
// (4 delimiter, 26 MAC, 8 LLC, 1500, 4 FCS, padded by 2) as fit into 5.484 ms: 36 + 4
// ceil((22 + 8 x 1544 n)/260) <= 5484 gives n = 28. An exchange takes that, 16 us of
// SIFS, a block acknowledgement of 32 us, AIFS of 43 us and in the mean 67.5 us of slots.
func TestAggregation(t *testing.T) {
	const n = 28
	data := 36 + 4*math.Ceil((22+8*1544*n)/260.0)
	if more := 36 + 4*math.Ceil((22+8*1544*(n+1))/260.0); data > 5484 || more <= 5484 {
		t.Fatalf("%d frames take %v us, %d take %v", n, data, n+1, more)
	}
	want := n * 12000 / (data + 16 + 32 + 43 + 67.5)
	b := newLab(1)
	m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11n"), Aggregate: true, Retries: 7})
	got := saturate(b, wifi(b, m, 1, nil), 10*sim.Second)
	single := newLab(1)
	one := saturate(single, wifi(single, radio.NewMedium(single.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11n"), Retries: 7}), 1, nil), 10*sim.Second)
	wantOne := 12000 / (228 + 16 + 28 + 43 + 67.5)
	if math.Abs(got/want-1) > 0.005 || math.Abs(one/wantOne-1) > 0.005 {
		t.Errorf("%.2f and without aggregation %.2f Mb/s, want %.2f and %.2f", got, one, want, wantOne)
	}
}

// level is a constant signal.
type level float64

func (l level) At(sim.Time) float64 { return float64(l) }

// TestWeakSignal: frames of 1536 octets at 6 Mb/s, 82 dBm of sensitivity. At -82 dBm
// one in ten frames of 1000 octets is lost, hence 1 - 0.9^1.536 of these, and a packet
// after seven of them: hardly ever. The medium repeats the lost ones, so that packets
// arrive late, but in order. At -88 dBm, errors are a thousand times as many:
// nothing arrives.
func TestWeakSignal(t *testing.T) {
	for _, c := range []struct{ dBm, loss float64 }{
		{-82, 1 - math.Pow(0.9, 1.536)},
		{-83, 1 - math.Pow(0.9, 1.536*math.Sqrt(10))},
	} {
		b := newLab(1)
		m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11a"), Retries: 7})
		h := wifi(b, m, 1, level(c.dBm))
		saturate(b, h, 10*sim.Second)
		s := m.Stats()
		got, n := float64(s.Failed)/float64(s.Failed+s.Frames), float64(s.Failed+s.Frames)
		if math.Abs(got-c.loss) > 4.5*math.Sqrt(c.loss*(1-c.loss)/n) {
			t.Errorf("%v dBm: %.4f of the frames are lost, want %.4f", c.dBm, got, c.loss)
		}
		if lost := float64(h[0].up.Stats().RetryDrops) / float64(s.Frames); lost > 10*math.Pow(c.loss, 7)+1e-3 {
			t.Errorf("%v dBm: %.5f of the packets are lost", c.dBm, lost)
		}
		for i := 1; i < len(h[0].atAP); i++ {
			if h[0].atAP[i].seq <= h[0].atAP[i-1].seq {
				t.Fatalf("%v dBm: packet %d arrives behind %d", c.dBm, h[0].atAP[i].seq, h[0].atAP[i-1].seq)
			}
		}
	}
	b := newLab(1)
	m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11a"), Retries: 7})
	h := wifi(b, m, 1, level(-90))
	b.at(0, func() { h[0].send(1500); h[0].send(1500) })
	b.run(sim.Time(10*sim.Second), h...)
	if st := h[0].up.Stats(); len(h[0].atAP) > 0 || st.RetryDrops != 2 || st.Drops() != 2 || m.Stats().Transmissions != 14 || b.net.Allocated() != 0 {
		t.Errorf("%d arrive at -90 dBm, %+v after %d transmissions", len(h[0].atAP), st, m.Stats().Transmissions)
	}
}

// TestRateBySignal: the highest rate 2 dB above its sensitivity (IEEE 802.11 table 17-18).
func TestRateBySignal(t *testing.T) {
	p := standard(t, "802.11a")
	for dBm, want := range map[float64]sim.Rate{-50: 54e6, -63: 54e6, -63.5: 48e6, -64.5: 36e6, -70: 24e6, -75: 18e6, -79: 9e6, -79.5: 6e6, -95: 6e6} {
		if got := p.Rates[p.RateFor(dBm)].Rate; got != want {
			t.Errorf("%v dBm: %v, want %v", dBm, got, want)
		}
	}
}

// TestRetriesInABlock: with one frame in four lost, a block acknowledgement repeats
// only what is missing; everything arrives, in order, and nothing twice.
func TestRetriesInABlock(t *testing.T) {
	b := newLab(2)
	m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11n"), Aggregate: true, Retries: 7})
	h := wifi(b, m, 1, level(-82.5))
	saturate(b, h, 10*sim.Second)
	s := m.Stats()
	if s.Failed == 0 || s.Transmissions >= s.Frames {
		t.Fatalf("%+v", s)
	}
	gaps := 0
	for i := 1; i < len(h[0].atAP); i++ {
		gaps += int(h[0].atAP[i].seq-h[0].atAP[i-1].seq) - 1
	}
	if drops := h[0].up.Stats().RetryDrops; gaps < 0 || uint64(gaps) > drops {
		t.Errorf("%d packets are missing, %d were given up", gaps, drops)
	}
}

// TestOutageOnAMedium: an outage drops what is queued and what is being sent, or keeps
// it; afterwards the link works on, and no packet is lost track of.
func TestOutageOnAMedium(t *testing.T) {
	for _, keep := range []bool{false, true} {
		for _, name := range []string{"802.11a", "802.11n"} {
			b := newLab(3)
			m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, name), Aggregate: true, Retries: 7})
			h := wifi(b, m, 2, nil)
			b.at(0, func() {
				for range 150 {
					h[0].send(1500)
					h[1].send(1500)
				}
			})
			b.at(sim.Time(5100*us), func() { h[0].up.Down(simnet.Outage{KeepQueue: keep, KeepInFlight: true, Silent: true}) })
			b.at(sim.Time(6*ms), func() { h[0].send(1500) })
			b.at(sim.Time(900*ms), func() { h[0].up.Up(); h[0].send(1500) })
			b.run(sim.Time(2*sim.Second), h...)
			last := h[0].atAP[len(h[0].atAP)-1]
			if keep != (len(h[0].atAP) == 151) || last.seq != 152 || len(h[1].atAP) != 150 || b.net.Allocated() != 0 {
				t.Errorf("%s keep %v: %d arrive, the last one is %d; %d of the other host; %d packets left", name, keep,
					len(h[0].atAP), last.seq, len(h[1].atAP), b.net.Allocated())
			}
			st := h[0].up.Stats()
			if st.Offered != 152 || st.Accepted+st.Drops() < 152 || st.SentBytes != uint64(len(h[0].atAP)*1500) {
				t.Errorf("%s keep %v: %+v", name, keep, st)
			}
		}
	}
}

// TestMediumDoesNotAllocate: in steady state a transmission costs no allocation.
func TestMediumDoesNotAllocate(t *testing.T) {
	b := newLab(1)
	m := radio.NewMedium(b.sim, "air", radio.MediumConfig{Standard: standard(t, "802.11n"), Aggregate: true, Retries: 7})
	hosts := wifi(b, m, 3, level(-80))
	b.ap.SetReceiver(receiver(func(_ sim.Time, id simnet.PacketID) {
		b.net.Free(id)
		for _, h := range hosts {
			h.refill()
		}
	}))
	saturate(b, hosts, sim.Second)
	end := sim.Time(sim.Second)
	if n := testing.AllocsPerRun(10, func() {
		end += sim.Time(100 * ms)
		b.sim.Run(end, 1<<40)
	}); n > 0 {
		t.Errorf("%v allocations in 100 ms", n)
	}
}
