package scenarios

import (
	"net/netip"
	"strings"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// timeline carries out the actions of a scenario. Its events have the origin
// Scenario, which precedes every node, so that an action at t is seen by
// everything else that happens at t.
type timeline struct {
	w       *World
	handler sim.HandlerID
	node    *trace.Node
	outages []Outage
	fired   uint64 // events so far
	// step counts what the actions do one after the other, so that what comes of it in
	// several parts of a run has an order.
	step  uint32
	flaps []*flap // by action
}

// Outage is an interval in which a direction of a link carried nothing by order
// of the timeline.
type Outage struct {
	Link       string // "wifi.down"
	Start, End sim.Time
}

func (t *timeline) init(w *World) {
	t.w = w
	t.handler = w.sim.Register(t)
	if len(w.sc.Actions) > 0 {
		t.node = w.trace.AddNode("scenario")
	}
	t.flaps = make([]*flap, len(w.sc.Actions))
	for i, a := range w.sc.Actions {
		w.sim.Schedule(a.Time.Time(), w.sim.NextKey(sim.Scenario), t.handler, uint32(i*actPhases))
	}
}

// OnEvent implements sim.Handler: arg is the number of the action times actPhases,
// and what of it happens.
func (t *timeline) OnEvent(now sim.Time, arg uint64) {
	t.fired++
	t.step++
	number := arg / actPhases
	a := t.w.sc.Actions[number]
	switch arg % actPhases {
	case actNotice:
		t.notice(a)
		return
	case actConverge:
		t.w.net.Converge()
		return
	case actFlap:
		t.flap(now, int(number), a)
		return
	}
	if a.Action == "link.flap" {
		t.flap(now, int(number), a)
		return
	}
	t.node.Emit(&trace.Record{At: now, Kind: trace.Action, Flow: -1, A: int64(number)})
	defer t.consequences(now, uint32(arg), a)
	verb, _, _ := strings.Cut(a.Action, ".")
	switch verb {
	case "link":
		t.each(a, func(l *linkRun) { t.link(now, a, l) })
	case "addr", "iface":
		t.interfaces(a)
	case "box":
		for _, name := range a.Boxes {
			t.step++
			t.w.box(name).Switch(a.Action == "box.on")
		}
	case "nat":
		t.w.natAction(now, a)
	case "flow":
		for _, name := range a.Flows {
			t.step++
			t.w.byFlow[name].stopper.Stop(now)
		}
	}
}

// each calls f for the link directions that an action means.
func (t *timeline) each(a *Action, f func(l *linkRun)) {
	for _, name := range a.Links {
		for _, dir := range []string{"up", "down"} {
			if a.Direction == "both" || a.Direction == dir {
				t.step++
				f(t.w.byLink[name+"."+dir])
			}
		}
	}
}

func (t *timeline) link(now sim.Time, a *Action, l *linkRun) {
	switch a.Action {
	case "link.down", "link.blackhole":
		t.fail(now, a, l)
	case "link.up", "link.restore":
		t.work(now, l)
	case "link.pause":
		l.link.Pause(simnet.Outage{
			KeepQueue: a.Queue == "keep", KeepInFlight: a.InFlight == "keep",
		})
	case "link.resume":
		l.link.Resume()
	case "link.set":
		set(a, l)
	}
}

// fail makes a link drop what it is offered.
func (t *timeline) fail(now sim.Time, a *Action, l *linkRun) {
	l.link.Down(simnet.Outage{
		KeepQueue: a.Queue == "keep", KeepInFlight: a.InFlight == "keep",
		Silent: a.Action == "link.blackhole" || a.Silent || a.Detect != nil && *a.Detect > 0,
	})
	if t.open(l.name) < 0 {
		t.outages = append(t.outages, Outage{l.name, now, sim.Never})
	}
}

// work ends the failure of a link.
func (t *timeline) work(now sim.Time, l *linkRun) {
	l.link.Up()
	if i := t.open(l.name); i >= 0 {
		t.outages[i].End = now
	}
}

// open returns the number of the outage that a link is in, or -1.
func (t *timeline) open(link string) int {
	for i, o := range t.outages {
		if o.Link == link && o.End == sim.Never {
			return i
		}
	}
	return -1
}

func set(a *Action, l *linkRun) {
	if a.Rate != nil {
		l.link.SetRate(a.Rate.Bits)
	}
	if a.Delay != nil {
		l.link.SetDelay(a.Delay.Duration())
	}
	if a.Loss != nil {
		l.link.SetLoss(float64(*a.Loss))
	}
	if a.Limit != nil {
		l.link.SetQueue(simnet.Queue{
			Packets: int(a.Limit.Packets), Bytes: int(a.Limit.Bytes), ExcludeService: !*l.decl.CountInService,
		})
	}
}

func (t *timeline) interfaces(a *Action) {
	ifc := t.w.iface(t.w.sc.plan.ifaces[a.Interface])
	switch a.Action {
	case "iface.down":
		ifc.SetUp(false)
	case "iface.up":
		ifc.SetUp(true)
	default:
		p, err := parseAddress(a.Address)
		if err != nil {
			sim.Bugf("address %q passed its check: %v", a.Address, err)
		}
		t.address(ifc, a, p)
	}
}

func (t *timeline) address(ifc *simnet.Interface, a *Action, p netip.Prefix) {
	if a.Action == "addr.del" {
		ifc.RemoveAddr(p)
		return
	}
	ifc.AddAddr(p)
}

// target names what an action acts on.
func (a *Action) target() string {
	switch {
	case len(a.Links) > 0:
		text := strings.Join(a.Links, " ")
		if a.Direction != "both" {
			text += " " + a.Direction
		}
		return text
	case len(a.Boxes) > 0:
		return strings.Join(a.Boxes, " ")
	case len(a.Flows) > 0:
		return strings.Join(a.Flows, " ")
	case a.Address != "":
		return a.Interface + " " + a.Address
	}
	return a.Interface
}
