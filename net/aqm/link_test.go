package aqm_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	simnet "mpsim/net"
	"mpsim/net/aqm"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

const (
	us = sim.Time(sim.Microsecond)
	ms = sim.Time(sim.Millisecond)
)

// bench is one link from a to b with traffic offered at given times. Packets are
// numbered from 1 on in their sequence number.
type bench struct {
	sim     *sim.Sim
	run     *trace.Run
	net     *simnet.Network
	a       *simnet.Node
	link    *simnet.Link
	script  []func()
	handler sim.HandlerID
	seq     wire.Seq
	arrived []arrival
	dropped []drop
}

type arrival struct {
	At   sim.Time
	Seq  wire.Seq
	Flow simnet.RouteID
	ECN  uint8
}

type drop struct {
	At  sim.Time
	Seq wire.Seq
	Why trace.Reason
}

// fataler is a test or a check of a property.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func newBench(cfg simnet.LinkConfig) *bench { return newSeededBench(1, cfg) }

func newSeededBench(seed uint64, cfg simnet.LinkConfig) *bench {
	b := &bench{sim: sim.New(seed, 0), run: new(trace.Run)}
	b.net = simnet.New(b.sim, b.run)
	b.handler = b.sim.Register(b)
	b.a = b.net.AddNode("a")
	to := b.net.AddNode("b")
	b.a.SetReceiver(b)
	to.SetReceiver(b)
	ia, ib := b.a.AddInterface("eth0"), to.AddInterface("eth0")
	ia.AddAddr(netip.MustParsePrefix("10.0.0.1/24"))
	ib.AddAddr(netip.MustParsePrefix("10.0.0.2/24"))
	b.link, _ = b.net.Connect("l", ia, ib, cfg, simnet.LinkConfig{})
	return b
}

// watch records the drops, too.
func (b *bench) watch() *bench {
	b.run.Subscribe(trace.Set(trace.PacketDropped), b)
	return b
}

func (b *bench) Emit(r *trace.Record) {
	b.dropped = append(b.dropped, drop{r.At, wire.Seq(r.B), r.Why})
}

func (b *bench) Receive(now sim.Time, id simnet.PacketID) {
	s := b.net.Segment(id)
	b.arrived = append(b.arrived, arrival{now, s.Seq, simnet.RouteID(s.Route), s.TOS & wire.ECNMask})
	b.net.Free(id)
}

func (b *bench) OnEvent(_ sim.Time, arg uint64) { b.script[arg]() }

// at runs f at the given time, before everything else that happens then.
func (b *bench) at(t sim.Time, f func()) { b.schedule(t, sim.Scenario, f) }

// look runs f at the given time, after everything else that happens then, as samplers
// do.
func (b *bench) look(t sim.Time, f func()) { b.schedule(t, sim.Observer, f) }

func (b *bench) schedule(t sim.Time, origin sim.NodeID, f func()) {
	b.script = append(b.script, f)
	b.sim.Schedule(t, b.sim.NextKey(origin), b.handler, uint32(len(b.script)-1))
}

// send offers a packet of the given IP length of flow (source port 1000 + flow) now.
func (b *bench) send(flow, size int, tos uint8) {
	r := b.net.Intern(wire.Tuple{
		Src: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(1000+flow)),
		Dst: netip.MustParseAddrPort("10.0.0.2:80"), Proto: wire.ProtoTCP,
	})
	b.seq++
	id := b.net.Alloc()
	s := b.net.Segment(id)
	s.Route, s.Seq, s.TTL, s.Flags, s.TOS, s.Len = uint32(r), b.seq, 64, wire.ACK, tos, uint16(size-40)
	b.a.Send(b.sim.Now(), id)
}

// burst offers n packets at a time.
func (b *bench) burst(t sim.Time, n, size int) {
	b.at(t, func() {
		for range n {
			b.send(0, size, 0)
		}
	})
}

func (b *bench) finish(t fataler) {
	t.Helper()
	b.sim.Run(sim.Never-1, 1<<40)
	if n := b.net.Allocated(); n != 0 {
		t.Errorf("%d packets are left without an owner", n)
	}
}

// times are when packets arrived.
func (b *bench) times() []sim.Time {
	var out []sim.Time
	for _, a := range b.arrived {
		out = append(out, a.At)
	}
	return out
}

// make returns a discipline, with parameters as "name=number" or "name=number pkt"
// or "name=text".
func discipline(t fataler, name string, limit simnet.Queue, settings ...aqm.Setting) func(*simnet.Port) simnet.Discipline {
	t.Helper()
	f, err := aqm.New(name, settings, aqm.Place{Limit: limit, MTU: 40})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return f
}

func num(name string, n float64) aqm.Setting { return aqm.Setting{Name: name, Number: n} }
func pkt(name string, n float64) aqm.Setting {
	return aqm.Setting{Name: name, Number: n, Packets: true}
}
func text(name, s string) aqm.Setting { return aqm.Setting{Name: name, Text: s, IsText: true} }

// E1 of the algorithm facts: five packets of 1500 octets at once, 10 Mb/s, room for two
// beside the one in service: 1.2, 2.4, 3.6 ms, two dropped: the last two at the tail,
// the first two that wait at the head.
func TestDropTailAndHead(t *testing.T) {
	for name, want := range map[string][]wire.Seq{"droptail": {1, 2, 3}, "drophead": {1, 4, 5}} {
		q := simnet.Queue{Packets: 2, ExcludeService: true}
		b := newBench(simnet.LinkConfig{Rate: 10e6, Queue: q, Discipline: discipline(t, name, q)})
		b.burst(0, 5, 1500)
		b.finish(t)
		var got []wire.Seq
		for i, a := range b.arrived {
			got = append(got, a.Seq)
			if at := sim.Time(i+1) * 1200 * us; a.At != at {
				t.Errorf("%s: packet %d at %v, want %v", name, i, a.At, at)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if st := b.link.Stats(); st.Drops() != 2 || st.Accepted != uint64(5-st.QueueDrops) || st.SentBytes != 4500 {
			t.Errorf("%s: %+v", name, st)
		}
	}
}

// E7: on mahimahi's traces, with the packet whose first octets have left out of the
// queue. Trace {5,10,15,20}, packets of 1000 octets (and 4), room for two: packets 1 to 3
// come at 1 ms, 4 to 6 at 5 ms. Droptail loses 3 and 6; at 5 ms packet 1 and 500 octets
// of 2 leave. Drophead loses 1 (2 and 3 stay), then at 5 ms packet 2 and half of 3
// leave, and 4 gives way to 6.
func TestTraceDropHead(t *testing.T) {
	for _, x := range []struct {
		name string
		want []arrival
	}{
		{"droptail", []arrival{{5 * ms, 1, 0, 0}, {10 * ms, 2, 0, 0}, {15 * ms, 4, 0, 0}, {15 * ms, 5, 0, 0}}},
		{"drophead", []arrival{{5 * ms, 2, 0, 0}, {10 * ms, 3, 0, 0}, {15 * ms, 5, 0, 0}, {15 * ms, 6, 0, 0}}},
	} {
		q := simnet.Queue{Packets: 2}
		b := newBench(simnet.LinkConfig{
			Queue: q, Discipline: discipline(t, x.name, q),
			Opportunities: &simnet.Opportunities{Milliseconds: []uint32{5, 10, 15, 20}},
		})
		b.burst(1*ms, 3, 1000)
		b.burst(5*ms, 3, 1000)
		b.finish(t)
		for i := range b.arrived {
			b.arrived[i].Flow = 0
		}
		if d := cmp.Diff(x.want, b.arrived); d != "" {
			t.Errorf("%s: %s", x.name, d)
		}
	}
}

// E7: the vectors of mahimahi hold with a discipline: partial packets carry over, line 0
// doubles the last one of the round before, and an arrival at an opportunity misses it.
func TestTraceVectors(t *testing.T) {
	for _, x := range []struct {
		lines []uint32
		at    sim.Time
		n     int
		size  int
		want  []sim.Time
	}{
		{[]uint32{5, 10}, 1 * ms, 3, 1000, []sim.Time{5 * ms, 10 * ms, 15 * ms}},
		{[]uint32{0, 5, 10}, 1 * ms, 3, 1000, []sim.Time{5 * ms, 10 * ms, 10 * ms}},
		{[]uint32{5}, 5 * ms, 1, 1500, []sim.Time{10 * ms}},
		{[]uint32{1}, 0, 3, 1500, []sim.Time{1 * ms, 2 * ms, 3 * ms}},
	} {
		for _, spec := range aqm.Specs() {
			q := simnet.Queue{Bytes: 100000}
			b := newBench(simnet.LinkConfig{
				Queue: q, Discipline: discipline(t, spec.Name, q),
				Opportunities: &simnet.Opportunities{Milliseconds: x.lines},
			})
			b.burst(x.at, x.n, x.size)
			b.finish(t)
			if d := cmp.Diff(x.want, b.times()); d != "" {
				t.Errorf("%s on %v: %s", spec.Name, x.lines, d)
			}
		}
	}
}

// traffic is random traffic over a link with random changes on the way.
type traffic struct {
	cfg     simnet.LinkConfig
	sends   []offer
	changes []change
}

type offer struct {
	at         sim.Time
	flow, size int
	tos        uint8
}

type change struct {
	at   sim.Time
	what string
	do   func(*simnet.Link)
}

func drawTime(rt *rapid.T, label string) sim.Time {
	if rapid.Bool().Draw(rt, label+" on grid") {
		return sim.Time(rapid.Int64Range(0, 400).Draw(rt, label)) * 100 * us
	}
	return sim.Time(rapid.Int64Range(0, 40e6).Draw(rt, label))
}

func drawServer(rt *rapid.T) simnet.LinkConfig {
	cfg := simnet.LinkConfig{
		Delay:     sim.Duration(rapid.SampledFrom([]int64{0, 1, 1e6}).Draw(rt, "delay")),
		Overhead:  rapid.SampledFrom([]int{0, 38}).Draw(rt, "overhead"),
		Loss:      rapid.SampledFrom([]float64{0, 0, 0.2}).Draw(rt, "loss"),
		Histogram: rapid.Bool().Draw(rt, "histogram"),
		Queue: simnet.Queue{
			Bytes:          rapid.SampledFrom([]int{3000, 6000, 20000}).Draw(rt, "limit"),
			ExcludeService: rapid.Bool().Draw(rt, "exclude"),
		},
	}
	switch rapid.IntRange(0, 2).Draw(rt, "server") {
	case 0:
		cfg.Rate = sim.Rate(rapid.SampledFrom([]int64{0, 1e6, 10e6, 99999989}).Draw(rt, "rate"))
	case 1:
		cfg.Schedule = &simnet.RateSchedule{
			Steps: []simnet.RateStep{{At: 0, Rate: 5e6}, {At: 3 * ms, Rate: 0}, {At: 5 * ms, Rate: 20e6}},
			End:   simnet.Loop, Length: sim.Duration(8 * ms),
		}
	case 2:
		cfg.Opportunities = &simnet.Opportunities{Milliseconds: []uint32{0, 1, 1, 4}}
	}
	return cfg
}

func drawTraffic(rt *rapid.T) *traffic {
	e := &traffic{cfg: drawServer(rt)}
	for range rapid.IntRange(1, 40).Draw(rt, "sends") {
		at := drawTime(rt, "send at")
		for range rapid.IntRange(1, 8).Draw(rt, "burst") {
			e.sends = append(e.sends, offer{at, rapid.IntRange(0, 3).Draw(rt, "flow"), rapid.IntRange(40, 1500).Draw(rt, "size"),
				uint8(rapid.SampledFrom([]int{0, 2, 0x10, 0xb8}).Draw(rt, "tos"))})
		}
	}
	for range rapid.IntRange(0, 6).Draw(rt, "changes") {
		c := change{at: drawTime(rt, "change at")}
		o := simnet.Outage{KeepQueue: rapid.Bool().Draw(rt, "keep queue"), KeepInFlight: rapid.Bool().Draw(rt, "keep flight"), Silent: true}
		kind := rapid.IntRange(0, 4).Draw(rt, "change")
		switch {
		case kind == 0 && e.cfg.Opportunities == nil:
			r := sim.Rate(rapid.SampledFrom([]int64{-1, 0, 2e6, 1e9}).Draw(rt, "new rate"))
			c.what, c.do = "rate "+r.String(), func(l *simnet.Link) { l.SetRate(r) }
		case kind == 1:
			d := sim.Duration(rapid.Int64Range(0, 5e6).Draw(rt, "new delay"))
			c.what, c.do = "delay "+d.String(), func(l *simnet.Link) { l.SetDelay(d) }
		case kind == 2:
			q := simnet.Queue{Bytes: rapid.IntRange(1500, 10000).Draw(rt, "new limit")}
			c.what, c.do = "queue", func(l *simnet.Link) { l.SetQueue(q) }
		case kind == 3:
			c.what, c.do = fmt.Sprintf("down %+v", o), func(l *simnet.Link) { l.Down(o) }
		default:
			c.what, c.do = "up", func(l *simnet.Link) { l.Up() }
		}
		e.changes = append(e.changes, c)
	}
	return e
}

// result is what traffic over a link shows.
type result struct {
	Hash    trace.Hash
	Arrived []arrival
	Stats   simnet.Stats
	Left    int
}

func (e *traffic) on(cfg simnet.LinkConfig, each func(*bench)) (result, *bench) {
	b := newBench(cfg)
	for _, o := range e.sends {
		b.at(o.at, func() { b.send(o.flow, o.size, o.tos) })
		if each != nil {
			b.look(o.at, func() { each(b) })
		}
	}
	for _, c := range e.changes {
		b.at(c.at, func() { c.do(b.link) })
	}
	b.at(3000*ms, func() {})
	b.sim.Run(3000*ms, 1<<40)
	return result{b.run.Hash(), b.arrived, b.link.Stats(), b.net.Allocated()}, b
}

// A link with the discipline droptail is a link without one: hash, arrivals and
// statistics are the same.
func TestDropTailIsTheDefault(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := drawTraffic(rt)
		want, _ := e.on(e.cfg, nil)
		cfg := e.cfg
		cfg.Discipline = discipline(rt, "droptail", cfg.Queue)
		got, _ := e.on(cfg, nil)
		got.Stats.MeanWait, got.Stats.P99Wait, got.Stats.MaxWait = 0, 0, 0
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatalf("%s\nchanges %v", d, e.changes)
		}
	})
}

// The random queue of a link without a discipline is the discipline: hash, arrivals and
// drops are the same, on fifo and on served links.
func TestRandomTailIsRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := drawTraffic(rt)
		e.cfg.Queue.Bytes = max(e.cfg.Queue.Bytes, 6000)
		settings := []aqm.Setting{num("band", 3000), num("p", rapid.SampledFrom([]float64{0, 0.3}).Draw(rt, "p"))}
		fifo, served, slow := e.cfg, e.cfg, e.cfg
		fifo.Tail, _ = aqm.RandomTail("random", settings)
		served.Mode, served.Tail = simnet.Served, fifo.Tail
		slow.Discipline = discipline(rt, "random", slow.Queue, settings...)
		want, _ := e.on(slow, nil)
		want.Stats.MeanWait, want.Stats.P99Wait, want.Stats.MaxWait = 0, 0, 0
		for _, cfg := range []simnet.LinkConfig{fifo, served} {
			got, _ := e.on(cfg, nil)
			if d := cmp.Diff(want, got); d != "" {
				rt.Fatalf("mode %d: %s\nchanges %v", cfg.Mode, d, e.changes)
			}
		}
	})
}

// RED with weight 1 and both thresholds at K+1 packets marks what a drop-tail queue with
// the threshold K marks (RFC 8257 section 3.1: DCTCP's switches).
func TestREDAsThreshold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := drawTraffic(rt)
		k := rapid.IntRange(0, 5).Draw(rt, "K")
		for i := range e.sends {
			e.sends[i].tos = e.sends[i].tos&^3 | 2
		}
		plain, red := e.cfg, e.cfg
		plain.Mark = simnet.Mark{Packets: k}
		if k == 0 {
			plain.Mark = simnet.Mark{Bytes: 1} // more than one octet: any packet
		}
		red.Discipline = discipline(rt, "red", red.Queue, pkt("min", float64(k+1)), pkt("max", float64(k+1)), num("weight", 1), num("ecn", 1), num("hard_mark", 1))
		want, _ := e.on(plain, nil)
		got, _ := e.on(red, nil)
		got.Stats.MeanWait, got.Stats.P99Wait, got.Stats.MaxWait = 0, 0, 0
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatalf("K %d: %s\nchanges %v", k, d, e.changes)
		}
	})
}

// What holds for every discipline, whatever the traffic and the changes: every packet
// offered is delivered, dropped for a reason or still waiting; nothing is accepted above
// the limit; a flow stays in order unless its packets have different priorities; every
// waiting time is counted once; and nothing depends on who watches.
func TestEveryDiscipline(t *testing.T) {
	for _, spec := range aqm.Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { everyDiscipline(rt, spec.Name) })
		})
	}
}

// drawSettings draws parameters with which a discipline acts within milliseconds.
func drawSettings(rt *rapid.T, name string) []aqm.Setting {
	if rapid.Bool().Draw(rt, "defaults") {
		return nil
	}
	ecn := num("ecn", float64(rapid.IntRange(0, 1).Draw(rt, "ecn")))
	codel := []aqm.Setting{
		ecn, num("target", 1e5), num("interval", rapid.SampledFrom([]float64{1e3, 1e6}).Draw(rt, "interval")),
		text("variant", rapid.SampledFrom([]string{"ref", "linux"}).Draw(rt, "variant")), num("mtu", 100),
	}
	switch name {
	case "random":
		return []aqm.Setting{num("band", 2000), num("p", 0.2)}
	case "drr":
		return []aqm.Setting{num("flows", float64(rapid.IntRange(1, 4).Draw(rt, "flows"))), num("quantum", 300)}
	case "red", "ared":
		return []aqm.Setting{ecn, num("min", 1000), num("max", 4000), num("weight", 0.5), num("gentle", float64(rapid.IntRange(0, 1).Draw(rt, "gentle")))}
	case "codel":
		return codel
	case "fq_codel":
		return append(codel, num("flows", float64(rapid.IntRange(1, 4).Draw(rt, "flows"))), num("quantum", 300))
	case "pie":
		return []aqm.Setting{ecn, num("target", 1e6), num("update", 1e6), num("max_burst", 0),
			text("variant", rapid.SampledFrom([]string{"rfc", "mahimahi"}).Draw(rt, "variant"))}
	case "prio":
		return []aqm.Setting{text("high", "port:1001"), text("low", "dscp:32")}
	case "tbf":
		return []aqm.Setting{num("rate", 5e6), num("burst", 1600), num("peak", float64(rapid.SampledFrom([]int{0, 20e6}).Draw(rt, "peak")))}
	case "policer":
		return []aqm.Setting{num("rate", 5e6), num("burst", 3000)}
	}
	return nil
}

func everyDiscipline(rt *rapid.T, name string) {
	e := drawTraffic(rt)
	cfg := e.cfg
	cfg.Queue.Bytes = max(cfg.Queue.Bytes, 6000)
	cfg.Discipline = discipline(rt, name, cfg.Queue, drawSettings(rt, name)...)
	if name == "prio" {
		for i := range e.sends {
			e.sends[i].tos = uint8(e.sends[i].flow) << 4
		}
	}
	check := func(b *bench) {
		limit := b.link.Config().Queue
		changed := limit != cfg.Queue // packets that were in the queue stay
		inService := int64(0)
		if limit.ExcludeService {
			inService = 1500
		}
		if got := b.link.QueueBytes(); !changed && got > int64(limit.Bytes)+inService {
			rt.Fatalf("%d octets in a queue of %d", got, limit.Bytes)
		}
	}
	got, b := e.on(cfg, check)
	st := &got.Stats
	if n := uint64(len(got.Arrived)) + uint64(got.Left) + st.Drops(); n != uint64(len(e.sends)) {
		rt.Fatalf("%d packets sent, %d arrived, wait or were dropped; %+v", len(e.sends), n, st)
	}
	culled := st.Offered - st.Accepted
	if refused := st.QueueDrops + st.LossDrops + st.MTUDrops; culled < refused {
		rt.Fatalf("%d refused of those for which there was no room or luck, %d in all", refused, culled)
	}
	last := map[simnet.RouteID]wire.Seq{}
	for _, a := range got.Arrived {
		if a.Seq <= last[a.Flow] {
			rt.Fatalf("packet %d of its flow arrives behind %d", a.Seq, last[a.Flow])
		}
		last[a.Flow] = a.Seq
	}
	if got.Left == 0 && (b.link.QueueBytes() != 0 || b.link.QueuePackets() != 0) {
		rt.Fatalf("%d octets in an empty queue", b.link.QueueBytes())
	}
	quiet, _ := e.on(cfg, nil)
	if d := cmp.Diff(got, quiet); d != "" {
		rt.Fatalf("who watches changes the run: %s", d)
	}
}

// Nothing is allocated for a packet in steady state, even if some are dropped.
func TestNoAllocation(t *testing.T) {
	for _, spec := range aqm.Specs() {
		q := simnet.Queue{Bytes: 60000}
		b := newBench(simnet.LinkConfig{Rate: 10e6, Queue: q, Discipline: discipline(t, spec.Name, q)})
		round := func() {
			for i := range 20 {
				b.send(i&3, 1500, uint8(i&2))
			}
			b.arrived = b.arrived[:0]
			b.sim.Run(b.sim.Now()+20*ms, 1<<40)
		}
		for range 200 {
			round()
		}
		if n := testing.AllocsPerRun(50, round); n != 0 {
			t.Errorf("%s: %v allocations for 20 packets", spec.Name, n)
		}
	}
}
