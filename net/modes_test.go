package simnet_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// experiment is random traffic over two links in a row, with cross traffic on
// the second, and random changes on the way.
type experiment struct {
	links   [2]simnet.LinkConfig
	sends   []plannedSend
	changes []plannedChange
}

type plannedSend struct {
	at    sim.Time
	size  int
	cross bool
}

type plannedChange struct {
	at   sim.Time
	link int
	name string
	do   func(*simnet.Link)
}

func (c plannedChange) String() string { return fmt.Sprintf("%v link %d %s", c.at, c.link, c.name) }

// Times are drawn from a coarse grid too, so that events collide.
func drawTime(rt *rapid.T, label string) sim.Time {
	if rapid.Bool().Draw(rt, label+" on grid") {
		return sim.Time(rapid.Int64Range(0, 200).Draw(rt, label)) * 100 * us
	}
	return sim.Time(rapid.Int64Range(0, 20e6).Draw(rt, label))
}

func drawRate(rt *rapid.T, label string) sim.Rate {
	return sim.Rate(rapid.SampledFrom([]int64{0, -1, 1e5, 1e6, 2.5e6, 10e6, 99999989, 3e9}).Draw(rt, label))
}

func drawSchedule(rt *rapid.T) *simnet.RateSchedule {
	s := new(simnet.RateSchedule)
	at := sim.Time(0)
	for range rapid.IntRange(1, 5).Draw(rt, "steps") {
		s.Steps = append(s.Steps, simnet.RateStep{At: at, Rate: max(drawRate(rt, "step rate"), 0)})
		at += sim.Time(rapid.Int64Range(1e5, 5e6).Draw(rt, "step"))
	}
	s.End = simnet.EndRule(rapid.IntRange(0, 2).Draw(rt, "end rule"))
	s.Length = sim.Duration(at)
	return s
}

func drawLink(rt *rapid.T) simnet.LinkConfig {
	cfg := simnet.LinkConfig{
		Delay: sim.Duration(rapid.SampledFrom([]int64{0, 1, 100e3, 1e6, 5e6}).Draw(rt, "delay")),
		Queue: simnet.Queue{
			Packets:        rapid.SampledFrom([]int{0, 1, 3, 10}).Draw(rt, "packets"),
			Bytes:          rapid.SampledFrom([]int{0, 0, 1500, 5000}).Draw(rt, "bytes"),
			ExcludeService: rapid.Bool().Draw(rt, "exclude"),
		},
		Loss:      rapid.SampledFrom([]float64{0, 0, 0.2}).Draw(rt, "loss"),
		Drop:      simnet.DropPattern{Mask: rapid.SampledFrom([]uint64{0, 0, 0x10}).Draw(rt, "mask")},
		Overhead:  rapid.SampledFrom([]int{0, 38}).Draw(rt, "overhead"),
		Histogram: rapid.Bool().Draw(rt, "histogram"),
	}
	switch rapid.IntRange(0, 2).Draw(rt, "server") {
	case 0:
		cfg.Rate = drawRate(rt, "rate")
	case 1:
		cfg.Schedule = drawSchedule(rt)
	case 2:
		lines := rapid.SliceOfN(rapid.Uint32Range(0, 3), 1, 6).Draw(rt, "lines")
		for i := 1; i < len(lines); i++ {
			lines[i] += lines[i-1]
		}
		lines[len(lines)-1]++
		cfg.Opportunities = &simnet.Opportunities{Milliseconds: lines, Once: rapid.Bool().Draw(rt, "once")}
	}
	return cfg
}

func drawChange(rt *rapid.T, links *[2]simnet.LinkConfig) plannedChange {
	c := plannedChange{at: drawTime(rt, "change at"), link: rapid.IntRange(0, 1).Draw(rt, "link")}
	kind := rapid.IntRange(0, 7).Draw(rt, "change")
	if links[c.link].Opportunities != nil && kind < 2 {
		kind = 2
	}
	switch kind {
	case 0:
		r := drawRate(rt, "new rate")
		c.name, c.do = "rate "+r.String(), func(lk *simnet.Link) { lk.SetRate(r) }
	case 1:
		s := drawSchedule(rt)
		c.name, c.do = "schedule", func(lk *simnet.Link) { lk.SetSchedule(s) }
	case 2:
		d := sim.Duration(rapid.Int64Range(0, 5e6).Draw(rt, "new delay"))
		c.name, c.do = "delay "+d.String(), func(lk *simnet.Link) { lk.SetDelay(d) }
	case 3:
		q := simnet.Queue{Packets: rapid.IntRange(0, 5).Draw(rt, "new limit"), ExcludeService: rapid.Bool().Draw(rt, "new exclude")}
		c.name, c.do = "queue", func(lk *simnet.Link) { lk.SetQueue(q) }
	case 4:
		c.name, c.do = "loss", func(lk *simnet.Link) { lk.SetLoss(0.5) }
	case 5, 6:
		o := simnet.Outage{
			KeepQueue:    rapid.Bool().Draw(rt, "keep queue"),
			KeepInFlight: rapid.Bool().Draw(rt, "keep flight"),
			Silent:       rapid.Bool().Draw(rt, "silent"),
		}
		c.name, c.do = fmt.Sprintf("down %+v", o), func(lk *simnet.Link) { lk.Down(o) }
	case 7:
		c.name, c.do = "up", func(lk *simnet.Link) { lk.Up() }
	}
	return c
}

func drawExperiment(rt *rapid.T) *experiment {
	e := &experiment{links: [2]simnet.LinkConfig{drawLink(rt), drawLink(rt)}}
	for range rapid.IntRange(1, 40).Draw(rt, "sends") {
		at := drawTime(rt, "send at")
		for range rapid.IntRange(1, 5).Draw(rt, "burst") {
			e.sends = append(e.sends, plannedSend{at, rapid.IntRange(40, 1500).Draw(rt, "size"), rapid.Bool().Draw(rt, "cross")})
		}
	}
	for range rapid.IntRange(0, 8).Draw(rt, "changes") {
		e.changes = append(e.changes, drawChange(rt, &e.links))
	}
	return e
}

// outcome is what an experiment shows.
type outcome struct {
	Hash    trace.Hash
	Arrived []arrival
	Stats   []simnet.Stats
	Left    int    // packets that wait in a queue for ever
	Dropped uint64 // by links and nodes
}

// run executes the experiment. Prepare may add what must not matter.
func (e *experiment) run(t fataler, modes [2]simnet.Mode, prepare func(*lab)) outcome {
	b := newLab(t)
	if prepare != nil {
		prepare(b)
	}
	src, mid, dst := b.host("src"), b.net.AddNode("mid"), b.host("dst")
	si, mi := src.AddInterface("eth0"), mid.AddInterface("eth0")
	mo, di := mid.AddInterface("eth1"), dst.AddInterface("eth0")
	si.AddAddr(netip.MustParsePrefix("10.0.0.1/24"))
	mi.AddAddr(netip.MustParsePrefix("10.0.0.2/24"))
	di.AddAddr(netip.MustParsePrefix("10.0.1.1/24"))
	src.AddRoute(simnet.MainTable, netip.MustParsePrefix("10.0.1.0/24"), si, 0)
	mid.AddRoute(simnet.MainTable, netip.MustParsePrefix("10.0.1.0/24"), mo, 0)
	var links [2]*simnet.Link
	for i := range e.links {
		e.links[i].Mode = modes[i]
	}
	links[0], _ = b.net.Connect("one", si, mi, e.links[0], simnet.LinkConfig{})
	links[1], _ = b.net.Connect("two", mo, di, e.links[1], simnet.LinkConfig{})
	through := b.net.Intern(tcp("10.0.0.1:1", "10.0.1.1:2"))
	cross := b.net.Intern(tcp("10.0.0.2:3", "10.0.1.1:2"))
	for i, s := range e.sends {
		from, r := src, through
		if s.cross {
			from, r = mid, cross
		}
		b.at(s.at, func() { b.send(from, r, seqNumber(i), s.size) })
	}
	for _, c := range e.changes {
		b.at(c.at, func() { c.do(links[c.link]) })
	}
	b.at(100*ms, func() {}) // so that all runs end at the same time
	b.sim.Run(100*ms, 1<<40)
	out := outcome{Hash: b.run.Hash(), Arrived: b.arrived, Left: b.net.Allocated()}
	for _, lk := range links {
		st := lk.Stats()
		out.Stats = append(out.Stats, st)
		out.Dropped += st.Drops()
	}
	out.Dropped += src.Drops() + mid.Drops() + dst.Drops()
	return out
}

// Fifo and served links give the same run: hash, arrivals and statistics; and no
// packet is lost without a reason.
func TestModesAgree(t *testing.T) {
	for range rounds {
		rapid.Check(t, modesAgree)
	}
}

func modesAgree(rt *rapid.T) {
	e := drawExperiment(rt)
	want := e.run(rt, [2]simnet.Mode{simnet.Fifo, simnet.Fifo}, nil)
	if got := uint64(len(want.Arrived)) + uint64(want.Left) + want.Dropped; got != uint64(len(e.sends)) {
		rt.Fatalf("%d packets sent, %d arrived, waiting or dropped", len(e.sends), got)
	}
	for _, modes := range [][2]simnet.Mode{{simnet.Served, simnet.Served}, {simnet.Fifo, simnet.Served}} {
		if d := cmp.Diff(want, e.run(rt, modes, nil)); d != "" {
			rt.Fatalf("fifo, modes %v: %s\nchanges %v", modes, d, e.changes)
		}
	}
}

// Verify mode, taps, sinks and idle nodes change nothing.
func TestObserversChangeNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := drawExperiment(rt)
		modes := [2]simnet.Mode{simnet.Fifo, simnet.Fifo}
		want := e.run(t, modes, nil)
		for name, prepare := range map[string]func(*lab){
			"verify": func(b *lab) { b.net.SetVerify(true) },
			"sink":   func(b *lab) { b.run.Subscribe(trace.AllKinds, recorder(func(*trace.Record) {})) },
			"idle node": func(b *lab) {
				x, y := b.host("x"), b.host("y")
				ix, iy := x.AddInterface("eth0"), y.AddInterface("eth0")
				b.net.Connect("idle", ix, iy, simnet.LinkConfig{Rate: 1e6}, simnet.LinkConfig{Loss: 0.5})
				b.net.Intern(udp("10.7.0.1:1", "10.7.0.2:1"))
				b.net.Free(b.net.Alloc())
			},
		} {
			if d := cmp.Diff(want, e.run(t, modes, prepare)); d != "" {
				rt.Fatalf("%s: %s", name, d)
			}
		}
	})
}
