package cc

import "mpsim/sim"

// The wrapper cost lets windows grow the more slowly the more a path costs
// (draft-eardley-mptcp-implementations-survey-02 section 3.8 names congestion control
// with path-cost metrics without a rule; this one is mpsim's own). In
// congestion avoidance, of n bytes acknowledged on subflow r the inner controller sees
//
//	n * phi_r,   phi_r = 1/(1 + sensitivity*(c_r - c_min))
//
// with c_min over the subflows that have joined; fractions of a byte are carried on.
// The cheapest path is as aggressive as ever. With an inner Reno the window under
// independent losses is that of an increase of phi a round, 1.2247*sqrt(phi/p).
//
// Slow start and reductions are the inner controller's. What it counts of delivered
// bytes for other purposes (OLIA's l, DCTCP's alpha) is scaled, too, for which reason
// marks are scaled with it.

var costParams = []Param{
	innerParam(),
	{Name: "sensitivity", Min: 0, Max: 1e6, Default: 1, Doc: "how much a unit of cost counts"},
}

var costSpec = Spec{
	Name:    "cost",
	Doc:     "wrapper: windows grow the more slowly the more a path costs (key cost of a link)",
	Coupled: true,
	Params:  costParams,
	New: func(p Params, rnd *sim.Rand) Controller {
		return &costAware{
			wrapped:     wrapped{newInner(p, costParams, rnd)},
			sensitivity: p.Get(costParams, "sensitivity"),
		}
	},
}

type costAware struct {
	wrapped
	sensitivity float64
	paths       []costPath // by FlowID
	ack         Ack        // what the inner controller sees
}

type costPath struct {
	cost   float64
	phi    float64
	carry  float64 // bytes below one
	marks  float64 // the same of marks
	joined bool
}

// Join takes note of the cost.
func (c *costAware) Join(now sim.Time, f FlowID, p Path) {
	c.Controller.Join(now, f, p)
	for len(c.paths) <= int(f) {
		c.paths = append(c.paths, costPath{})
	}
	c.paths[f] = costPath{cost: p.Cost, joined: true}
	c.weigh()
}

// Leave takes the path out of the comparison.
func (c *costAware) Leave(now sim.Time, f FlowID) {
	c.Controller.Leave(now, f)
	c.paths[f].joined = false
	c.weigh()
}

func (c *costAware) weigh() {
	least, any := 0.0, false
	for i := range c.paths {
		if p := &c.paths[i]; p.joined && (!any || p.cost < least) {
			least, any = p.cost, true
		}
	}
	for i := range c.paths {
		p := &c.paths[i]
		p.phi = 1 / (1 + float64(c.sensitivity*max(p.cost-least, 0)))
	}
}

// OnAck scales what counts in congestion avoidance.
func (c *costAware) OnAck(now sim.Time, f FlowID, a *Ack) {
	if uint(f) >= uint(len(c.paths)) {
		unknownFlow(f, len(c.paths))
	}
	p := &c.paths[f]
	if p.phi == 1 || c.Controller.Window(f) < c.Controller.Ssthresh(f) {
		c.Controller.OnAck(now, f, a)
		return
	}
	c.ack = *a
	c.ack.Delivered, p.carry = scaled(a.Delivered, p.phi, p.carry)
	c.ack.CE, p.marks = scaled(a.CE, p.phi, p.marks)
	c.Controller.OnAck(now, f, &c.ack)
}

// scaled returns the whole part of n*phi and what is left of it for the next time.
func scaled(n int64, phi, carry float64) (int64, float64) {
	x := float64(float64(n)*phi) + carry
	whole := int64(x)
	return whole, x - float64(whole)
}

// Terms appends the inner controller's, "cost" and "phi".
func (c *costAware) Terms(f FlowID, out []Term) []Term {
	return append(c.wrapped.Terms(f, out), Term{"cost", c.paths[f].cost}, Term{"phi", c.paths[f].phi})
}
