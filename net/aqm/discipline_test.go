package aqm_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/net/aqm"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// stream offers packets of a flow at fixed distances.
type stream struct {
	flow, size int
	tos        uint8
	every      sim.Time
	begin, end sim.Time
}

// offer offers the packets of several streams in the order of their times.
func (b *bench) offer(streams ...stream) {
	for i := range streams {
		x := &streams[i]
		for t := x.begin; t < x.end; t += x.every {
			b.at(t, func() { b.send(x.flow, x.size, x.tos) })
		}
	}
}

// CoDel on a link: packets of 125 octets, 10 us each, twice as many as the link can send.
// From the first drop on the distances are 100, 70.7, 57.7 and 50 ms, and each drop
// happens at the first end of a service after its time. The first comes an interval after
// the waiting time has reached the target.
func TestCoDelDropTimes(t *testing.T) {
	q := simnet.Queue{Packets: 100000}
	b := newBench(simnet.LinkConfig{Rate: 100e6, Queue: q, Discipline: discipline(t, "codel", q)}).watch()
	b.offer(stream{size: 125, every: 5 * us, end: 500 * ms})
	b.sim.Run(500*ms, 1<<40)
	if len(b.dropped) < 5 {
		t.Fatalf("%d drops", len(b.dropped))
	}
	// Packet k comes at 5k us and goes at 10k us: it has waited 5 ms at 10 ms.
	begin := b.dropped[0].At
	if begin != 110*ms {
		t.Errorf("first drop at %v, want 110ms", begin)
	}
	for i, want := range []sim.Time{0, 100_000_000, 170_710_678, 228_445_704, 278_445_704} {
		d := b.dropped[i]
		if got := d.At - begin; got < want || got >= want+10*us || d.Why != trace.SojournDrop {
			t.Errorf("drop %d %v behind the first (%v), want %v", i, got, d.Why, want)
		}
	}
}

// Linux's integers give 100, 50, 56.25, 48.78 ms (Newton's iteration from 1), at the
// first end of a service after that, in units of 1024 ns.
func TestCoDelLinuxDropTimes(t *testing.T) {
	q := simnet.Queue{Packets: 100000}
	b := newBench(simnet.LinkConfig{Rate: 100e6, Queue: q, Discipline: discipline(t, "codel", q, text("variant", "linux"))}).watch()
	b.offer(stream{size: 125, every: 5 * us, end: 450 * ms})
	b.sim.Run(450*ms, 1<<40)
	if len(b.dropped) < 5 {
		t.Fatalf("%d drops", len(b.dropped))
	}
	begin := b.dropped[0].At
	for i, want := range []float64{0, 100, 150, 206.25, 255.03} {
		if got := float64(b.dropped[i].At-begin) / 1e6; math.Abs(got-want) > 0.05 {
			t.Errorf("drop %d %v ms behind the first, want %v", i, got, want)
		}
	}
}

// With ecn the same packets are marked and sent; packets that are not ECN-capable are
// still dropped.
func TestCoDelMarks(t *testing.T) {
	q := simnet.Queue{Packets: 100000}
	for _, variant := range []string{"ref", "linux"} {
		for _, tos := range []uint8{wire.ECT0, wire.ECT1, wire.NotECT} {
			b := newBench(simnet.LinkConfig{Rate: 100e6, Queue: q, Discipline: discipline(t, "codel", q, num("ecn", 1), text("variant", variant))})
			b.offer(stream{size: 125, every: 5 * us, end: 450 * ms, tos: tos})
			b.finish(t)
			marked := 0
			for _, a := range b.arrived {
				if a.ECN == wire.CE {
					marked++
				}
			}
			st := b.link.Stats()
			if tos != wire.NotECT && (st.SojournDrops != 0 || st.Marked < 5 || int(st.Marked) != marked) ||
				tos == wire.NotECT && (st.Marked != 0 || st.SojournDrops < 5) {
				t.Errorf("%s, ECN field %d: %d marks (%d arrived), %d drops", variant, tos, st.Marked, marked, st.SojournDrops)
			}
		}
	}
}

// CoDel takes up where it was: five drops (count 5), of which the last dropping state began
// with count 1, make the next one begin with 5-1 = 4 and so 50 ms between its first drops,
// if it begins within 16 intervals; later it begins with 1 and 100 ms.
func TestCoDelResumes(t *testing.T) {
	for _, variant := range []struct {
		name string
		soon float64 // ms: for Linux one step of Newton's method, x (3 - 4 x^2)/2, from 0.4415 at count 5
	}{{"ref", 50}, {"linux", 49.01}} {
		for _, pause := range []sim.Time{1000 * ms, 3000 * ms} {
			q := simnet.Queue{Packets: 100000}
			b := newBench(simnet.LinkConfig{Rate: 100e6, Queue: q, Discipline: discipline(t, "codel", q, text("variant", variant.name))}).watch()
			// From the fifth drop on only what waits: 2 ms are offered after it.
			end := 110*ms + 279*ms
			if variant.name == "linux" {
				end = 110*ms + 256*ms
			}
			b.at(end, func() { b.link.Down(simnet.Outage{KeepInFlight: true, Silent: true}) })
			b.at(end+1, func() { b.link.Up() })
			b.offer(stream{size: 125, every: 5 * us, end: end - 100*us},
				stream{size: 125, every: 5 * us, begin: end + pause, end: end + pause + 230*ms})
			b.sim.Run(end+pause+230*ms, 1<<40)
			var first, again []sim.Time
			for _, d := range b.dropped {
				switch {
				case d.Why != trace.SojournDrop:
				case d.At < end:
					first = append(first, d.At)
				default:
					again = append(again, d.At)
				}
			}
			if len(first) != 5 || len(again) < 2 {
				t.Fatalf("%s: %d and %d drops", variant.name, len(first), len(again))
			}
			want := variant.soon
			if pause > 1600*ms {
				want = 100
			}
			if got := float64(again[1]-again[0]) / 1e6; math.Abs(got-want) > 0.1 {
				t.Errorf("%s, after %v: %v ms between the first drops, want %v", variant.name, pause, got, want)
			}
		}
	}
}

// CoDel does not drop what is alone: on a trace with a packet a second, each waits up to a
// second, and nothing is lost (E7: mahimahi's CoDel does not drop the only packet).
func TestCoDelKeepsTheOnlyPacket(t *testing.T) {
	for _, variant := range []string{"ref", "linux"} {
		q := simnet.Queue{Packets: 100}
		b := newBench(simnet.LinkConfig{Queue: q, Discipline: discipline(t, "codel", q, text("variant", variant)),
			Opportunities: &simnet.Opportunities{Milliseconds: []uint32{1000}}})
		b.offer(stream{size: 1500, every: 1000 * ms, begin: 1 * ms, end: 20000 * ms})
		b.finish(t)
		if st := b.link.Stats(); st.Drops() != 0 || st.MeanWait != 999*sim.Millisecond {
			t.Errorf("%s: %d drops, mean wait %v", variant, st.Drops(), st.MeanWait)
		}
	}
}

// A queue that is under the target at times is left alone: bursts of 4 ms every 10 ms.
func TestCoDelLeavesBurstsAlone(t *testing.T) {
	q := simnet.Queue{Packets: 1000}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "codel", q)})
	for at := sim.Time(0); at < 2000*ms; at += 20 * ms {
		b.burst(at, 15, 1500) // 15 ms of work
	}
	b.finish(t)
	if st := b.link.Stats(); st.Drops() != 0 || st.MaxWait != 14*sim.Millisecond {
		t.Errorf("%d drops, longest wait %v", st.Drops(), st.MaxWait)
	}
}

// FQ-CoDel isolates a sparse flow from a bulk one: its packets wait for at most the packet
// in service and one quantum, though the bulk flow offers three times the rate; and it
// loses none. In a drop-tail queue it waits as long as the bulk flow and loses as much.
func TestFQCoDelSparseFlow(t *testing.T) {
	sparse := func(name string) (arrived int, worst sim.Time) {
		q := simnet.Queue{Packets: 100}
		b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, name, q)})
		var sent []sim.Time
		for at := sim.Time(100 * us); at < 2000*ms; at += 20 * ms {
			b.at(at, func() { sent = append(sent, at); b.send(1, 100, 0) })
		}
		b.offer(stream{flow: 0, size: 1500, every: 333 * us, end: 2000 * ms})
		b.finish(t)
		i := 0
		for _, a := range b.arrived {
			if b.net.Tuple(a.Flow).Src.Port() != 1001 {
				continue
			}
			arrived++
			if name == "fq_codel" { // none is lost: they are in order
				worst = max(worst, a.At-sent[i])
				i++
			}
		}
		return arrived, worst
	}
	n, worst := sparse("fq_codel")
	// A packet in service, and one more that the deficit of an old queue may allow.
	if n != 100 || worst > 2*1000*us+100*us {
		t.Errorf("%d of 100 sparse packets arrive, after at most %v", n, worst)
	}
	if n, _ := sparse("droptail"); n > 60 {
		t.Errorf("%d of 100 sparse packets survive drop-tail: the test shows nothing", n)
	}
}

// Bulk flows share by octets, whatever their packets and rates: DRR gives each as much to
// within a quantum or a packet at any time.
func TestFQCoDelFairness(t *testing.T) {
	q := simnet.Queue{Packets: 1000}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "fq_codel", q)})
	sizes := []int{1500, 300, 700}
	b.offer(
		stream{flow: 0, size: 1500, every: 500 * us, end: 3000 * ms},
		stream{flow: 1, size: 300, every: 200 * us, end: 3000 * ms},
		stream{flow: 2, size: 700, every: 150 * us, end: 3000 * ms},
	)
	b.sim.Run(3000*ms, 1<<40)
	bytes := map[uint16]int{}
	for _, a := range b.arrived {
		port := b.net.Tuple(a.Flow).Src.Port()
		if a.At > 100*ms {
			bytes[port] += sizes[port-1000]
		}
	}
	if total := bytes[1000] + bytes[1001] + bytes[1002]; math.Abs(float64(total)-2.9*12e6/8) > 5000 {
		t.Errorf("%d octets in all", total)
	}
	for p := range uint16(3) {
		if d := bytes[1000+p] - bytes[1000]; d > 3100 || d < -3100 {
			t.Errorf("octets by flow: %v", bytes)
		}
	}
}

// An empty queue passes through the list of old ones before it may be new again (RFC 8290
// section 4.2). With a quantum of four packets flow 0 has its turn of four, then flow 1
// sends one. Its next packet comes while flow 0 has its second turn, and waits for its end;
// as that of a new queue it would be next.
func TestFQCoDelOldQueues(t *testing.T) {
	q := simnet.Queue{Packets: 1000}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "fq_codel", q, num("quantum", 6000))})
	b.at(0, func() {
		for range 12 {
			b.send(0, 1500, 0)
		}
		b.send(1, 1500, 0)
	})
	b.at(5*ms+500*us, func() { b.send(1, 1500, 0) })
	b.finish(t)
	order := ""
	for _, a := range b.arrived {
		order += string(rune('0' + b.net.Tuple(a.Flow).Src.Port() - 1000))
	}
	if want := "00001000010000"; order != want {
		t.Errorf("flows in the order %s, want %s", order, want)
	}
}

// The packet that comes counts in its queue: of two queues of equal length the one loses
// that would grow.
func TestFQCoDelGrowingQueuePays(t *testing.T) {
	for flow := range 2 {
		q := simnet.Queue{Packets: 100}
		b := newBench(simnet.LinkConfig{Rate: 1e6, Queue: q, Discipline: discipline(t, "fq_codel", q)}).watch()
		b.at(0, func() {
			b.send(2, 40, 0) // in service
			for range 49 {
				b.send(0, 1500, 0)
				b.send(1, 1500, 0)
			}
			b.send(2, 40, 0)
			b.send(flow, 1500, 0)
		})
		b.sim.Run(0, 1<<40)
		if len(b.dropped) != 25 { // half of 50
			t.Errorf("%d drops", len(b.dropped))
		}
		for _, d := range b.dropped {
			if int(d.Seq)&1 != flow { // flow 0 has the even numbers, flow 1 the odd ones
				t.Errorf("packet %d of the other flow is dropped", d.Seq)
			}
		}
	}
}

// At the limit the queue with the most octets pays, with half of its octets or 64 packets,
// which its CoDel counts as drops of its own.
func TestFQCoDelOverflow(t *testing.T) {
	q := simnet.Queue{Packets: 200}
	var made simnet.Discipline
	b := newBench(simnet.LinkConfig{Rate: 1e6, Queue: q, Discipline: func(p *simnet.Port) simnet.Discipline {
		made = discipline(t, "fq_codel", q)(p)
		return made
	}}).watch()
	b.at(0, func() {
		for range 20 {
			b.send(1, 100, 0)
		}
		for range 181 { // one too many
			b.send(0, 1500, 0)
		}
	})
	b.sim.Run(0, 1<<40)
	// 180 wait, the one that is too many counts: 64 from the head are fewer than half.
	var want []drop
	for i := range 64 {
		want = append(want, drop{0, wire.Seq(21 + i), trace.HeadDrop})
	}
	if d := cmp.Diff(want, b.dropped); d != "" {
		t.Error(d)
	}
	if n := aqm.LargestCount(made); n != 64 {
		t.Errorf("CoDel counts %d drops", n)
	}
}

// PIE against traffic that does not react, twice the rate of the link: half of it is
// dropped, the waiting time stays around the target, and the burst of the first 150 ms
// passes. mahimahi's gains are so high that its probability swings from end to end: the
// queue is bounded (drop-tail would have 10 s), no more; and it allows no burst before it
// has been at rest.
func TestPIEControlsDelay(t *testing.T) {
	q := simnet.Queue{Packets: 10000}
	for _, x := range []struct {
		settings []aqm.Setting
		low, top sim.Duration
	}{
		{nil, 5 * sim.Millisecond, 40 * sim.Millisecond},
		{[]aqm.Setting{num("derandomise", 0)}, 5 * sim.Millisecond, 40 * sim.Millisecond},
		{[]aqm.Setting{num("target", 50e6)}, 30 * sim.Millisecond, 80 * sim.Millisecond},
		{[]aqm.Setting{text("variant", "mahimahi"), num("target", 20e6)}, 1 * sim.Millisecond, 1000 * sim.Millisecond},
	} {
		b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "pie", q, x.settings...)}).watch()
		b.offer(stream{size: 1500, every: 500 * us, end: 40000 * ms})
		var before, after simnet.Stats
		b.sim.Run(30000*ms, 1<<40)
		before = b.link.Stats()
		b.sim.Run(40000*ms, 1<<40)
		after = b.link.Stats()
		drops := float64(after.EarlyDrops - before.EarlyDrops)
		if got := drops / 20000; math.Abs(got-0.5) > 0.02 {
			t.Errorf("%v: %v of the packets are dropped", x.settings, got)
		}
		served := (after.SentBytes - before.SentBytes) / 1500
		wait := (after.MeanWait*sim.Duration(after.SentBytes/1500) - before.MeanWait*sim.Duration(before.SentBytes/1500)) / sim.Duration(served)
		if wait < x.low || wait > x.top {
			t.Errorf("%v: packets wait %v on average, want %v to %v", x.settings, wait, x.low, x.top)
		}
		if len(b.dropped) == 0 || b.dropped[0].At < 150*ms && len(x.settings) < 2 {
			t.Errorf("%v: first drop within the burst that is allowed: %+v", x.settings, b.dropped[:1])
		}
	}
}

// With the probability still high after an overload, a link that keeps up loses nothing
// more: a packet that finds at most two in the queue is spared. And after some seconds at
// rest the probability is 0, and a burst of 100 ms passes, though the last packet before
// had waited long: an empty queue is no delay.
func TestPIEAfterOverload(t *testing.T) {
	for _, rest := range []bool{false, true} {
		q := simnet.Queue{Packets: 10000}
		b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "pie", q)}).watch()
		b.offer(stream{size: 1500, every: 500 * us, end: 5000 * ms})
		if rest {
			b.burst(9000*ms, 100, 1500)
		} else {
			b.offer(stream{size: 1500, every: 1000 * us, begin: 5200 * ms, end: 5400 * ms})
		}
		b.finish(t)
		last := b.dropped[len(b.dropped)-1]
		if len(b.dropped) < 3000 || last.At > 5000*ms {
			t.Errorf("at rest %v: %d drops, the last at %v", rest, len(b.dropped), last.At)
		}
	}
}

// PIE marks ECN-capable packets as long as the probability is small, and drops them above
// 0.1, where traffic that does not react drives it; others are dropped at once.
func TestPIEMarks(t *testing.T) {
	q := simnet.Queue{Packets: 10000}
	for _, tos := range []uint8{wire.ECT0, wire.NotECT} {
		b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "pie", q, num("ecn", 1))}).watch()
		b.offer(stream{size: 1500, every: 800 * us, end: 3000 * ms, tos: tos})
		b.sim.Run(3000*ms, 1<<40)
		st := b.link.Stats()
		if st.EarlyDrops == 0 || (st.Marked > 0) != (tos == wire.ECT0) {
			t.Errorf("ECN field %d: %d marks, %d drops", tos, st.Marked, st.EarlyDrops)
		}
		first := wire.Seq(1 << 30)
		for _, a := range b.arrived {
			if a.ECN == wire.CE {
				first = min(first, a.Seq)
			}
		}
		if tos == wire.ECT0 && first > b.dropped[0].Seq {
			t.Errorf("packet %d is the first to be marked, %d the first to be dropped", first, b.dropped[0].Seq)
		}
	}
}

// E6 on a link: eight packets at once through a shaper of 8 Mb/s and 10 kB on an
// infinitely fast link, then on one that takes 100 us for a packet, at which the tokens
// still rule. With a peak of 16 Mb/s the burst leaves at that rate.
func TestShaper(t *testing.T) {
	q := simnet.Queue{Packets: 100}
	shape := func(cfg simnet.LinkConfig, more ...aqm.Setting) []sim.Time {
		cfg.Queue = q
		cfg.Discipline = discipline(t, "tbf", q, append(more, num("rate", 8e6), num("burst", 10000))...)
		b := newBench(cfg)
		b.burst(0, 8, 1500)
		b.finish(t)
		return b.times()
	}
	for _, x := range []struct {
		got, want []sim.Time
	}{
		{shape(simnet.LinkConfig{}), []sim.Time{0, 0, 0, 0, 0, 0, 500 * us, 2000 * us}},
		{shape(simnet.LinkConfig{Rate: 120e6}), []sim.Time{100 * us, 200 * us, 300 * us, 400 * us, 500 * us, 600 * us, 700 * us, 2100 * us}},
		{shape(simnet.LinkConfig{}, num("peak", 16e6), num("peak_burst", 1500)), []sim.Time{0, 750 * us, 1500 * us, 2250 * us, 3000 * us, 3750 * us, 4500 * us, 5250 * us}},
		{shape(simnet.LinkConfig{Opportunities: &simnet.Opportunities{Milliseconds: []uint32{1, 3}}}),
			[]sim.Time{1 * ms, 3 * ms, 4 * ms, 6 * ms, 7 * ms, 9 * ms, 10 * ms, 12 * ms}},
	} {
		if d := cmp.Diff(x.want, x.got); d != "" {
			t.Error(d)
		}
	}
}

// A packet that is larger than the bucket is dropped as too big; a shaper at its rate
// passes exactly what its rate and its bucket allow.
func TestShaperBounds(t *testing.T) {
	q := simnet.Queue{Packets: 1000}
	b := newBench(simnet.LinkConfig{Queue: q, Discipline: discipline(t, "tbf", q, num("rate", 8e6), num("burst", 1400))})
	b.at(0, func() { b.send(0, 1500, 0); b.send(0, 1400, 0) })
	b.finish(t)
	if st := b.link.Stats(); st.MTUDrops != 1 || len(b.arrived) != 1 {
		t.Errorf("%+v", st)
	}
	b = newBench(simnet.LinkConfig{Queue: q, Discipline: discipline(t, "tbf", q, num("rate", 8e6), num("burst", 15000))})
	b.offer(stream{size: 1500, every: 1000 * us, end: 1000 * ms})
	b.sim.Run(1000*ms, 1<<40)
	// 15000 + 1 MB/s: 676 packets of 1500 octets are 1014000.
	if n := len(b.arrived); n != 676 {
		t.Errorf("%d packets in a second, want 676", n)
	}
}

// The policer: what comes without tokens is lost, and within any time t no more than the
// burst and r t pass. Ten packets at 0 against a bucket of six; then one a millisecond at
// two thirds of what they need: every third is lost.
func TestPolicer(t *testing.T) {
	q := simnet.Queue{Packets: 100}
	b := newBench(simnet.LinkConfig{Queue: q, Discipline: discipline(t, "policer", q, num("rate", 8e6), num("burst", 9000))}).watch()
	b.burst(0, 10, 1500)
	b.offer(stream{size: 1500, every: 1000 * us, begin: 1 * ms, end: 10 * ms})
	b.finish(t)
	var lost []wire.Seq
	for _, d := range b.dropped {
		lost = append(lost, d.Seq)
		if d.Why != trace.Policed {
			t.Errorf("packet %d is dropped for %v", d.Seq, d.Why)
		}
	}
	// At 1 ms there are 1000 octets: no. At 2 ms 2000: yes, 500 are left. At 3 ms 1500:
	// yes. At 4 ms 1000 again.
	if d := cmp.Diff([]wire.Seq{7, 8, 9, 10, 11, 14, 17}, lost); d != "" {
		t.Error(d)
	}
	if st := b.link.Stats(); st.PolicedDrops != 7 {
		t.Errorf("%+v", st)
	}
}

// RED's average decays over the time for which the link has nothing to do, by how many
// packets of 1000 octets it could have sent. Two packets at 0 leave an average of 1/2, and
// are gone after 2 ms; the next one comes at 5 ms.
func TestREDIdle(t *testing.T) {
	for _, x := range []struct {
		what string
		cfg  simnet.LinkConfig
		want float64 // packets in 3 ms
	}{
		{"8 Mb/s", simnet.LinkConfig{Rate: 8e6}, 3},
		{"8 Mb/s with the overhead of Ethernet", simnet.LinkConfig{Rate: 8.304e6, Overhead: 38}, 3},
		{"a schedule, by the rate at the arrival", simnet.LinkConfig{Schedule: &simnet.RateSchedule{
			Steps: []simnet.RateStep{{At: 0, Rate: 8e6}, {At: 4 * ms, Rate: 16e6}}}}, 6},
		{"a trace of an opportunity a millisecond", simnet.LinkConfig{Opportunities: &simnet.Opportunities{Milliseconds: []uint32{1}}}, 3 * 1504.0 / 1004},
	} {
		x.cfg.Queue = simnet.Queue{Packets: 100}
		var made simnet.Discipline
		x.cfg.Discipline = func(p *simnet.Port) simnet.Discipline {
			made = discipline(t, "red", simnet.Queue{Packets: 100}, num("weight", 0.5))(p)
			return made
		}
		b := newBench(x.cfg)
		b.burst(0, 2, 1000)
		b.burst(5*ms, 1, 1000)
		b.finish(t)
		if got, want := aqm.Average(made), 0.5*math.Pow(0.5, x.want); math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: average %v, want %v", x.what, got, want)
		}
	}
}

// Above max RED drops even what is ECN-capable (RFC 3168 section 7), unless hard_mark is
// set. Ten packets at once, of which those are above that find three or more.
func TestREDHardMark(t *testing.T) {
	q := simnet.Queue{Packets: 100}
	for hard, want := range [][2]uint64{{7, 0}, {0, 7}} {
		b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "red", q,
			pkt("min", 3), pkt("max", 3), num("weight", 1), num("ecn", 1), num("hard_mark", float64(hard)))})
		b.at(0, func() {
			for range 10 {
				b.send(0, 1500, wire.ECT0)
			}
		})
		b.finish(t)
		if st := b.link.Stats(); st.EarlyDrops != want[0] || st.Marked != want[1] {
			t.Errorf("hard_mark %d: %d drops, %d marks", hard, st.EarlyDrops, st.Marked)
		}
	}
}

// Strict priority: a packet of the first band waits for the packet in service only, one of
// the last for all others. By TOS bits: 0x10 first, 0x08 last, both or none between.
func TestPrioOrder(t *testing.T) {
	order := func(settings []aqm.Setting, tos ...uint8) []wire.Seq {
		q := simnet.Queue{Packets: 100}
		b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "prio", q, settings...)})
		b.at(0, func() {
			b.send(0, 1500, 0) // in service
			for i, x := range tos {
				b.send(i, 1500, x)
			}
		})
		b.finish(t)
		var got []wire.Seq
		for _, a := range b.arrived[1:] {
			got = append(got, a.Seq-1)
		}
		return got
	}
	for _, x := range []struct {
		settings []aqm.Setting
		tos      []uint8
		want     []wire.Seq
	}{
		{nil, []uint8{0x08, 0x00, 0x10, 0x18, 0x10, 0x08}, []wire.Seq{3, 5, 2, 4, 1, 6}},
		{nil, []uint8{0x08 | wire.ECT0, wire.ECT0, 0x10 | wire.CE}, []wire.Seq{3, 2, 1}},
		{[]aqm.Setting{text("high", "dscp:46"), text("low", "dscp:8")}, []uint8{8 << 2, 0, 46<<2 | wire.ECT0, 0x10}, []wire.Seq{3, 2, 4, 1}},
		{[]aqm.Setting{text("high", "port:1002 port:1003")}, []uint8{0, 0, 0, 0}, []wire.Seq{3, 4, 1, 2}},
		{[]aqm.Setting{text("low", "tcp")}, []uint8{0, 0}, []wire.Seq{1, 2}},
	} {
		if d := cmp.Diff(x.want, order(x.settings, x.tos...)); d != "" {
			t.Errorf("%v: %s", x.settings, d)
		}
	}
}

// A full queue drops from the lowest band below the new packet's, or the new packet.
func TestPrioOverflow(t *testing.T) {
	q := simnet.Queue{Packets: 3, ExcludeService: true}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "prio", q)}).watch()
	b.at(0, func() {
		for _, tos := range []uint8{0, 0x08, 0x08, 0, 0x10, 0x08, 0x10, 0x10} {
			b.send(0, 1500, tos)
		}
	})
	b.sim.Run(0, 1<<40)
	want := []drop{{0, 2, trace.HeadDrop}, {0, 6, trace.QueueFull}, {0, 3, trace.HeadDrop}, {0, 4, trace.HeadDrop}}
	if d := cmp.Diff(want, b.dropped); d != "" {
		t.Error(d)
	}
}

// Adaptive RED holds the average between 4 and 6 tenths of the thresholds under loads at
// which RED with a fixed maxp ends at either threshold.
func TestAREDFollowsTheLoad(t *testing.T) {
	q := simnet.Queue{Packets: 1000}
	for _, overload := range []float64{1.03, 1.1, 1.25} {
		b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "ared", q,
			pkt("min", 20), pkt("max", 60), num("weight", 0.002), num("mean_packet", 1500))})
		b.offer(stream{size: 1500, every: sim.Time(1e6 / overload), end: 60000 * ms})
		b.sim.Run(40000*ms, 1<<40)
		mid := b.link.Stats()
		b.sim.Run(60000*ms, 1<<40)
		end := b.link.Stats()
		mean := (end.MeanQueueBytes*60 - mid.MeanQueueBytes*40) / 20 / 1500
		if mean < 20+0.3*40 || mean > 20+0.7*40 {
			t.Errorf("load %v: %v packets in the queue on average, want about 36 to 44", overload, mean)
		}
	}
}
