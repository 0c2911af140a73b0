package script

import (
	"errors"
	"math"

	"go.starlark.net/starlark"

	"mpsim/cc"
	"mpsim/sim"
)

// This file makes a congestion controller of a script. Every subflow has the
// window of [cc.Flow]: where the script says nothing, Linux's rules of Reno hold.
// The script defines
//
//	on_ack(flow, ack, flows)       one acknowledgement
//	on_loss(flow, loss, flows)     returns the new threshold in bytes, or None: half    (optional)
//	on_timeout(flow, loss, flows)  the same for a retransmission timeout                (optional)
//	on_mark(flow, why, flows)      the same for an ECN echo or a repaired tail loss     (optional)
//	on_sent(flow, bytes)           bytes were sent                                      (optional)
//	on_undo(flow)                  the last reduction was taken back                    (optional)
//	on_join(flow)                  a subflow joins: the place to give it fields         (optional)
//	on_leave(flow)                 it leaves                                            (optional)
//
// At the top level it can choose among Linux's rules and the RFCs':
//
//	rules(flightsize=False, pacing=False, hystartpp=False, coupled=False)
//
// Coupled says that subflows are coupled, as [cc.Spec].Coupled does. Flows are those that have joined and not left, in the order of their numbers.

// Controller returns the file as a row of the table of controllers, under the
// name by which a scenario calls it. The error is of type [Errors].
func (f *File) Controller(name string) (cc.Spec, error) {
	if err := f.usable(kindController); err != nil {
		return cc.Spec{}, err
	}
	return cc.Spec{
		Name: name, Doc: f.Doc, Params: f.Params, Coupled: f.Coupled,
		New: func(p cc.Params, rnd *sim.Rand) cc.Controller { return newController(f, p, rnd) },
	}, nil
}

// controller is the controller of one connection.
type controller struct {
	run
	ack, loss, timeout, mark, sent, undo, join, leave *starlark.Function

	all     []*flowView // by FlowID
	members starlark.Tuple
	args    starlark.Tuple // flow, acknowledgement or loss, members
	ackView ackView
	lost    lossView
}

func newController(f *File, p cc.Params, rnd *sim.Rand) *controller {
	c := &controller{}
	c.mustStart(f, p, rnd)
	c.ack, c.loss, c.timeout, c.mark = c.hook("on_ack"), c.hook("on_loss"), c.hook("on_timeout"), c.hook("on_mark")
	c.sent, c.undo, c.join, c.leave = c.hook("on_sent"), c.hook("on_undo"), c.hook("on_join"), c.hook("on_leave")
	c.args = starlark.Tuple{nil, nil, c.members}
	return c
}

// at returns a subflow that has joined.
func (c *controller) at(f cc.FlowID) *flowView {
	if uint(f) >= uint(len(c.all)) {
		sim.Bugf("congestion control of subflow %d, but only %d have joined", f, len(c.all))
	}
	return c.all[f]
}

// Join implements cc.Controller.
func (c *controller) Join(now sim.Time, f cc.FlowID, p cc.Path) {
	if f < 0 {
		sim.Bugf("subflow %d joins", f)
	}
	if int(f) < len(c.all) {
		c.Leave(now, f) // the old one of this number, if it is still there
	}
	for int(f) >= len(c.all) {
		c.all = append(c.all, nil)
	}
	v := newFlowView(c, f)
	c.all[f] = v
	v.f.Start(now, p)
	v.joined = true
	c.listMembers()
	if c.join != nil {
		v.open = true
		c.call(now, c.join, starlark.Tuple{v})
		v.open = false
	}
}

// Leave implements cc.Controller.
func (c *controller) Leave(now sim.Time, f cc.FlowID) {
	v := c.at(f)
	if v == nil || !v.joined {
		return
	}
	v.joined = false
	c.listMembers()
	if c.leave != nil {
		c.call(now, c.leave, starlark.Tuple{v})
	}
}

// listMembers makes the list of the subflows that have joined and not left.
func (c *controller) listMembers() {
	c.members = make(starlark.Tuple, 0, len(c.all))
	for _, v := range c.all {
		if v != nil && v.joined {
			c.members = append(c.members, v)
		}
	}
	c.args[2] = c.members
}

// OnAck implements cc.Controller.
func (c *controller) OnAck(now sim.Time, f cc.FlowID, a *cc.Ack) {
	v := c.at(f)
	v.flight = a.InFlight
	c.ackView.a, c.ackView.growth = a, v.f.Growth(a)
	c.args[0], c.args[1] = v, &c.ackView
	c.call(now, c.ack, c.args)
	c.ackView.a = nil
}

// OnLoss implements cc.Controller.
func (c *controller) OnLoss(now sim.Time, f cc.FlowID, l cc.Loss) {
	v := c.at(f)
	v.f.Lower(c.threshold(now, c.loss, v, l), l)
}

// OnTimeout implements cc.Controller.
func (c *controller) OnTimeout(now sim.Time, f cc.FlowID, l cc.Loss) {
	v := c.at(f)
	v.f.TimeoutTo(c.threshold(now, c.timeout, v, l), l)
}

// threshold asks the script for the threshold after a loss.
func (c *controller) threshold(now sim.Time, fn *starlark.Function, v *flowView, l cc.Loss) int64 {
	half := v.f.Half(l.InFlight)
	if fn == nil {
		return half
	}
	c.lost.l, c.lost.valid = l, true
	c.args[0], c.args[1] = v, &c.lost
	x := c.call(now, fn, c.args)
	c.lost.valid = false
	return c.thresholdOf(fn, v, x, half)
}

// thresholdOf checks what a hook has returned.
func (c *controller) thresholdOf(fn *starlark.Function, v *flowView, x starlark.Value, half int64) int64 {
	if x == starlark.None {
		return half
	}
	i, ok := x.(starlark.Int)
	if !ok {
		c.failf(fn, "returned %v: a threshold is a whole number of bytes, or None", x)
	}
	n, ok := i.Int64()
	if !ok || n < v.f.MSS || n > cc.MaxWindow {
		c.failf(fn, "returned a threshold of %v bytes; it lies between a segment (%d) and %d", x, v.f.MSS, cc.MaxWindow)
	}
	return n
}

// OnIdleRestart implements cc.Controller.
func (c *controller) OnIdleRestart(now sim.Time, f cc.FlowID, idle, rto sim.Duration) {
	c.at(f).f.OnIdleRestart(now, idle, rto)
}

// marks are the reasons of on_mark.
var marks = map[cc.Reason]starlark.Value{cc.ECNEcho: starlark.String("ecn_echo"), cc.TailRepair: starlark.String("tail_repair")}

// Reduce implements cc.Controller.
func (c *controller) Reduce(now sim.Time, f cc.FlowID, why cc.Reason) {
	v := c.at(f)
	name, congestion := marks[why]
	if c.mark == nil || !congestion {
		v.f.Reduce(now, why)
		return
	}
	c.args[0], c.args[1] = v, name
	x := c.call(now, c.mark, c.args)
	if x == starlark.None {
		v.f.Reduce(now, why)
		return
	}
	v.f.ReduceTo(c.thresholdOf(c.mark, v, x, 0), why)
}

// Undo implements cc.Controller.
func (c *controller) Undo(now sim.Time, f cc.FlowID) {
	v := c.at(f)
	v.f.Undo(now)
	if c.undo != nil {
		c.call(now, c.undo, starlark.Tuple{v})
	}
}

// OnSent implements cc.Controller.
func (c *controller) OnSent(now sim.Time, f cc.FlowID, bytes int64) {
	if c.sent != nil {
		c.call(now, c.sent, starlark.Tuple{c.at(f), starlark.MakeInt64(bytes)})
	}
}

// Window implements cc.Controller.
func (c *controller) Window(f cc.FlowID) int64 { return c.at(f).f.W }

// Ssthresh implements cc.Controller.
func (c *controller) Ssthresh(f cc.FlowID) int64 { return c.at(f).f.Thresh }

// PacingRate implements cc.Controller: what the script has set, or by the rules.
func (c *controller) PacingRate(f cc.FlowID) sim.Rate {
	v := c.at(f)
	if v.pacing > 0 {
		return v.pacing
	}
	return v.f.PacingRate()
}

// choose carries rules(flightsize=False, pacing=False, hystartpp=False, coupled=False) out.
func (r *run) choose(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if r.started {
		return nil, errors.New("rules are chosen at the top level of the file")
	}
	err := starlark.UnpackArgs(b.Name(), args, kwargs, "flightsize?", &r.rules.FlightSize, "pacing?", &r.rules.Paced, "hystartpp?", &r.rules.HystartPP, "coupled?", &r.coupled)
	return starlark.None, err
}

// Observe implements cc.Controller: alpha is what the script has set.
func (c *controller) Observe(f cc.FlowID) cc.Metrics {
	v := c.at(f)
	m := v.f.Observe()
	m.Alpha = v.alpha
	return m
}

// Terms implements cc.Explainer: the fields of the subflow that are numbers.
func (c *controller) Terms(f cc.FlowID, out []cc.Term) []cc.Term {
	v := c.at(f)
	if !math.IsNaN(v.alpha) {
		out = append(out, cc.Term{Name: "alpha", Value: v.alpha})
	}
	for i, name := range v.own.names {
		if x, ok := starlark.AsFloat(v.own.values[i]); ok {
			out = append(out, cc.Term{Name: name, Value: x})
		}
	}
	return out
}
