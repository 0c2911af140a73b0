package scenarios

import (
	simnet "mpsim/net"
	"mpsim/sim"
)

// routing makes the network find its ways, if the scenario wants it.
func (w *World) routing() {
	e := w.sc.ECMP
	if e == nil {
		return
	}
	r := simnet.RoutingConfig{ECMP: e.config(e.Mode)}
	if e.Metric == "delay" {
		r.Metric = simnet.DelayMetric
	}
	w.net.SetRouting(r)
	for _, n := range w.sc.plan.nodes {
		if n.decl.ECMP != "" {
			w.node(n).SetECMP(e.config(n.decl.ECMP))
		}
	}
	for _, l := range w.sc.Links {
		if l.ECMPWeight > 0 {
			w.iface(w.sc.plan.ifaces[l.A]).SetWeight(uint32(l.ECMPWeight))
			w.iface(w.sc.plan.ifaces[l.B]).SetWeight(uint32(l.ECMPWeight))
		}
	}
}

// config is the configuration of a node with the given mode.
func (e *ECMP) config(mode string) simnet.ECMP {
	m, ok := simnet.ParseECMPMode(mode)
	if !ok {
		sim.Bugf("ECMP mode %q passed its check", mode)
	}
	return simnet.ECMP{
		Mode: m, Seed: e.Seed, Polarised: e.Polarised, Symmetric: e.Symmetric, AddressesOnly: e.Fields == "addresses",
		Gap: e.Gap.Duration(), LeastLoaded: e.Pick == "least", Flowlets: e.Flowlets,
	}
}

// checkECMP checks what the types of the keys leave open.
func (c *checker) checkECMP() {
	e := c.sc.ECMP
	for _, n := range c.sc.Nodes {
		switch {
		case n.ECMP == "":
		case e == nil:
			c.add(n.pos("ecmp"), "node %q: ecmp has no meaning without [ecmp]", n.Name)
		case n.ECMP == "flowlet" && e.Gap == 0:
			c.add(n.valuePos("ecmp"), "node %q: flowlets need a gap in [ecmp]", n.Name)
		}
	}
	for _, l := range c.sc.Links {
		if l.ECMPWeight != 0 && e == nil {
			c.add(l.pos("ecmp_weight"), "link %q: ecmp_weight has no meaning without [ecmp]", l.Name)
		}
	}
	if e != nil && e.Mode == "flowlet" && e.Gap == 0 {
		c.add(e.valuePos("gap"), "gap is 0; a flow chooses anew after a pause")
	}
	for _, a := range c.sc.Actions {
		if a.has("reroute") && e == nil {
			c.add(a.pos("reroute"), "%s at %v: reroute has no meaning without [ecmp]; routes are fixed", a.Action, a.Time)
		}
	}
}

// What happens after an action of the timeline.
const (
	actNow      = iota // the action itself
	actNotice          // the ends of a failed link notice
	actConverge        // all nodes know
	actFlap            // links that flap change
	actPhases
)

// consequences schedules what follows an action: that a failure is noticed, and
// that routing converges.
func (t *timeline) consequences(now sim.Time, arg uint32, a *Action) {
	later := sim.Duration(0)
	if a.Detect != nil && *a.Detect > 0 {
		later = a.Detect.Duration()
		t.w.sim.Schedule(now.Add(later), t.w.sim.NextKey(sim.Scenario), t.handler, arg+actNotice)
	}
	if a.Reroute != nil {
		later += a.Reroute.Duration()
	}
	t.converge(now, a.Action, later, arg)
}

// converge lets routing find out about an action, later.
func (t *timeline) converge(now sim.Time, action string, later sim.Duration, arg uint32) {
	if t.w.sc.ECMP == nil {
		return
	}
	switch action {
	case "link.down", "link.up", "iface.down", "iface.up":
	default:
		return
	}
	if later == 0 {
		t.w.net.Converge()
		return
	}
	t.w.sim.Schedule(now.Add(later), t.w.sim.NextKey(sim.Scenario), t.handler, arg+actConverge)
}

// notice lets the ends of the links of an action know that they are down, if the
// outage is still that one.
func (t *timeline) notice(a *Action) {
	t.each(a, func(l *linkRun) {
		if i := t.open(l.name); i >= 0 && t.outages[i].Start == a.Time.Time() {
			l.link.Notice()
		}
	})
}
