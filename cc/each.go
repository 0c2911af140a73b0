package cc

import "mpsim/sim"

// Single is the congestion control of one flow, for algorithms that do not
// couple the subflows of a connection. The methods mean what those of
// [Controller] mean. Embedding a [Flow] gives all of them but OnAck.
type Single interface {
	Start(now sim.Time, p Path)
	OnSent(now sim.Time, bytes int64)
	OnAck(now sim.Time, a *Ack)
	OnLoss(now sim.Time, l Loss)
	OnTimeout(now sim.Time, l Loss)
	OnIdleRestart(now sim.Time, idle, rto sim.Duration)
	Reduce(now sim.Time, why Reason)
	Undo(now sim.Time)
	Window() int64
	Ssthresh() int64
	PacingRate() sim.Rate
	Observe() Metrics
}

// Each lifts a single-path algorithm to a connection: every subflow that joins
// gets a copy of the prototype, which carries the parameters, and runs on its
// own. The copies lie side by side in one slice.
func Each[S any, P interface {
	*S
	Single
}](prototype S) Controller {
	return &each[S, P]{prototype: prototype}
}

// each also serves coupled controllers, which embed it and override what they
// couple.
type each[S any, P interface {
	*S
	Single
}] struct {
	flows     []S
	prototype S
}

// at returns the state of a subflow that has joined.
func (e *each[S, P]) at(f FlowID) P {
	if uint(f) >= uint(len(e.flows)) {
		unknownFlow(f, len(e.flows))
	}
	return &e.flows[f]
}

//go:noinline
func unknownFlow(f FlowID, n int) {
	sim.Bugf("congestion control of subflow %d, but only %d have joined", f, n)
}

// Join starts the subflow afresh.
func (e *each[S, P]) Join(now sim.Time, f FlowID, p Path) {
	if f < 0 {
		unknownFlow(f, len(e.flows))
	}
	for int(f) >= len(e.flows) {
		e.flows = append(e.flows, e.prototype)
	}
	e.flows[f] = e.prototype
	e.at(f).Start(now, p)
}

// Leave keeps the state of the subflow, for the segments that are still on
// their way; nothing is shared that it could distort.
func (e *each[S, P]) Leave(sim.Time, FlowID) {}

func (e *each[S, P]) OnSent(now sim.Time, f FlowID, bytes int64) { e.at(f).OnSent(now, bytes) }
func (e *each[S, P]) OnAck(now sim.Time, f FlowID, a *Ack)       { e.at(f).OnAck(now, a) }
func (e *each[S, P]) OnLoss(now sim.Time, f FlowID, l Loss)      { e.at(f).OnLoss(now, l) }
func (e *each[S, P]) OnTimeout(now sim.Time, f FlowID, l Loss)   { e.at(f).OnTimeout(now, l) }
func (e *each[S, P]) OnIdleRestart(now sim.Time, f FlowID, idle, rto sim.Duration) {
	e.at(f).OnIdleRestart(now, idle, rto)
}
func (e *each[S, P]) Reduce(now sim.Time, f FlowID, why Reason) { e.at(f).Reduce(now, why) }
func (e *each[S, P]) Undo(now sim.Time, f FlowID)               { e.at(f).Undo(now) }
func (e *each[S, P]) Window(f FlowID) int64                     { return e.at(f).Window() }
func (e *each[S, P]) Ssthresh(f FlowID) int64                   { return e.at(f).Ssthresh() }
func (e *each[S, P]) PacingRate(f FlowID) sim.Rate              { return e.at(f).PacingRate() }
func (e *each[S, P]) Observe(f FlowID) Metrics                  { return e.at(f).Observe() }
