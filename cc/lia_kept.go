package cc

import "mpsim/sim"

// The terms of LIA's sums, kept between acknowledgements. All windows but those of the
// subflow that is acknowledged are what they were, but each with its round-trip time lies
// in lines of its own, which with many connections are in no cache close by. So their
// terms lie side by side and are computed again when the subflow's own change. The sums
// are taken afresh, in the order of the subflows, so that they are equal to the bit to
// those of linked.sums: a term that does not count is 0, which changes neither a sum nor
// a largest term.

// liaTerms is what the sums take of one subflow.
type liaTerms struct {
	rate float64 // w/rtt
	best float64 // w/rtt^2
}

// keptLIA is lia with kept terms. As long as SetGroup is not called all subflows are in one
// group; with groups it is lia.
type keptLIA struct {
	lia
	terms   []liaTerms // by FlowID
	grouped bool
}

// keep computes the terms of a subflow of which anything may have changed.
func (l *keptLIA) keep(f FlowID) {
	r, t := &l.flows[f], &l.terms[f]
	if !r.counts() {
		*t = liaTerms{}
		return
	}
	t.rate = float64(float64(r.W) * r.invRTT)
	t.best = float64(t.rate * r.invRTT)
}

// threshold is liaThreshold of the sums.
func (l *keptLIA) threshold() int64 {
	var s sums
	for i := range l.terms {
		t := &l.terms[i]
		s.rate += t.rate
		if t.best > s.best {
			s.best = t.best
		}
	}
	return s.liaThreshold()
}

// OnAck grows the window of one subflow.
func (l *keptLIA) OnAck(now sim.Time, f FlowID, a *Ack) {
	if l.grouped {
		l.lia.OnAck(now, f, a)
		return
	}
	r, n := l.take(f, a)
	l.keep(f)
	if n > 0 {
		w := r.W
		if r.Additive(max(l.threshold(), w), n); r.W != w {
			l.keep(f)
		}
	}
}

// Window, Ssthresh and PacingRate are those of each, called for each segment and here
// without the layers between.
func (l *keptLIA) Window(f FlowID) int64        { return l.at(f).W }
func (l *keptLIA) Ssthresh(f FlowID) int64      { return l.at(f).Thresh }
func (l *keptLIA) PacingRate(f FlowID) sim.Rate { return l.at(f).PacingRate() }

// Join adds the subflow to the sums, if its handshake gave a round-trip time.
func (l *keptLIA) Join(now sim.Time, f FlowID, p Path) {
	l.lia.Join(now, f, p)
	for len(l.terms) < len(l.flows) {
		l.terms = append(l.terms, liaTerms{})
	}
	l.keep(f)
}

// Leave takes the subflow out of the sums at once.
func (l *keptLIA) Leave(now sim.Time, f FlowID) {
	l.lia.Leave(now, f)
	l.keep(f)
}

// SetGroup moves the subflow between sums at once.
func (l *keptLIA) SetGroup(f FlowID, group int32) {
	l.lia.SetGroup(f, group)
	l.grouped = true
}

// The reductions of each, after which the terms are computed again.

func (l *keptLIA) OnLoss(now sim.Time, f FlowID, x Loss) {
	l.lia.OnLoss(now, f, x)
	l.keep(f)
}

func (l *keptLIA) OnTimeout(now sim.Time, f FlowID, x Loss) {
	l.lia.OnTimeout(now, f, x)
	l.keep(f)
}

func (l *keptLIA) OnIdleRestart(now sim.Time, f FlowID, idle, rto sim.Duration) {
	l.lia.OnIdleRestart(now, f, idle, rto)
	l.keep(f)
}

func (l *keptLIA) Reduce(now sim.Time, f FlowID, why Reason) {
	l.lia.Reduce(now, f, why)
	l.keep(f)
}

func (l *keptLIA) Undo(now sim.Time, f FlowID) {
	l.lia.Undo(now, f)
	l.keep(f)
}
