package cc

import "mpsim/sim"

// This file holds what coupled controllers share. Slow start, timeouts, undo and
// idling are Reno's on each subflow; the algorithms decide the increase in
// congestion avoidance and, some of them, the reduction. Of the subflows those
// count that have joined, have not left and have a round-trip time. A wrapper may
// confine the coupling to groups of subflows ([Grouped]); without one all are one.
//
// Increases are applied by counting acknowledged bytes, as RFC 6356 section 4.1
// does: a window grows by one MSS whenever T bytes are acknowledged, T being MSS
// over the increase per segment. T = W is Reno.

// The values of the parameter mode of coupled controllers.
const (
	refMode = 0
	ootMode = 1
)

// modeParam chooses between a formula and the integers of the kernel that most
// papers measured.
var modeParam = Param{
	Name: "mode", Whole: true, Max: 1,
	Doc: "0: the published formula; 1: the integers of the out-of-tree Linux stack v0.9x (chosen by preset linux-oot)",
}

// Grouped is a coupled controller whose coupling can be confined to groups: a subflow
// is coupled only with those of its own group.
type Grouped interface {
	Controller
	// SetGroup puts a subflow that has joined into a group of any number. A subflow
	// joins in group 0.
	SetGroup(f FlowID, group int32)
}

// linked couples Reno flows.
type linked struct {
	each[linkedFlow, *linkedFlow]
}

// linkedFlow is a Reno flow whose additive increase the connection decides.
type linkedFlow struct {
	invRTT float64 // 1/SRTT in 1/ns; 0: no sample yet, in no sum
	joined bool    // and has not left
	group  int32
	mates  int32 // subflows of the group that have joined and not left, with this one
	reno         // what acknowledgements touch first
}

func newLinked(r Rules) linked {
	return linked{each: each[linkedFlow, *linkedFlow]{prototype: linkedFlow{reno: reno{Flow: NewFlow(r)}}}}
}

// Join adds the subflow to the sums, if its handshake gave a round-trip time.
func (l *linked) Join(now sim.Time, f FlowID, p Path) {
	if int(f) < len(l.flows) {
		l.Leave(now, f) // the old one of this number, if it is still there
	}
	l.each.Join(now, f, p)
	r := l.at(f)
	r.joined = true
	l.countMates(r.group)
	if p.RTT > 0 {
		r.invRTT = 1 / float64(p.RTT)
	}
}

// Leave takes the subflow out of the sums at once.
func (l *linked) Leave(_ sim.Time, f FlowID) {
	if r := l.at(f); r.joined {
		r.joined = false
		l.countMates(r.group)
	}
}

// SetGroup moves the subflow between sums at once.
func (l *linked) SetGroup(f FlowID, group int32) {
	if r := l.at(f); r.group != group {
		old := r.group
		r.group = group
		l.countMates(old)
		l.countMates(group)
	}
}

func (l *linked) countMates(group int32) {
	n := int32(0)
	for i := range l.flows {
		if r := &l.flows[i]; r.joined && r.group == group {
			n++
		}
	}
	for i := range l.flows {
		if r := &l.flows[i]; r.group == group {
			r.mates = n
		}
	}
}

// Window, Ssthresh and PacingRate are those of each, called for each segment and
// here without its generic form.
func (l *linked) Window(f FlowID) int64        { return l.at(f).Window() }
func (l *linked) Ssthresh(f FlowID) int64      { return l.at(f).Ssthresh() }
func (l *linked) PacingRate(f FlowID) sim.Rate { return l.at(f).PacingRate() }

// OnSent does nothing: Reno does not count what is sent.
func (l *linked) OnSent(sim.Time, FlowID, int64) {}

// Traits says so.
func (l *linked) Traits() Traits {
	t := l.each.Traits()
	t.IgnoresSent = true
	return t
}

// take brings an acknowledgement to its subflow and through slow start, and
// returns the bytes that are left for congestion avoidance.
func (l *linked) take(f FlowID, a *Ack) (r *linkedFlow, n int64) {
	r = l.at(f)
	if a.SRTT > 0 {
		r.invRTT = 1 / float64(a.SRTT)
	}
	n = r.Growth(a)
	if n > 0 && r.SlowStart() {
		n = r.Increase(n)
	}
	return r, n
}

// counts reports whether the subflow is in the sums.
func (r *linkedFlow) counts() bool { return r.joined && r.invRTT != 0 }

// countsFor reports whether it is in those of a subflow.
func (r *linkedFlow) countsFor(of *linkedFlow) bool { return r.group == of.group && r.counts() }

// sums are the terms over the subflows of a group that count, in bytes and nanoseconds.
type sums struct {
	n     int     // how many count
	total float64 // sum(w)
	rate  float64 // sum(w/rtt)
	best  float64 // max(w/rtt^2)
	fast  float64 // max(w/rtt)
}

func (l *linked) sums(of *linkedFlow) (s sums) {
	for i := range l.flows {
		r := &l.flows[i]
		if !r.countsFor(of) {
			continue
		}
		w := float64(r.W)
		x := float64(w * r.invRTT)
		s.n++
		s.total += w
		s.rate += x
		s.best = max(s.best, float64(x*r.invRTT))
		s.fast = max(s.fast, x)
	}
	return s
}

// windows returns the sum of the windows that count, in bytes, at least that of
// r: a subflow without a round-trip time grows no faster than Reno.
func (l *linked) windows(r *linkedFlow) int64 {
	total := int64(0)
	for i := range l.flows {
		if o := &l.flows[i]; o.countsFor(r) {
			total += o.W
		}
	}
	return max(total, r.W)
}

// lowestThreshold returns thresh in a group of several subflows, or one
// segment if that is more. The drafts of OLIA and BALIA lower the smallest threshold
// from two segments to one there, so that a congested subflow stays out of slow
// start. With one subflow the threshold is Reno's.
func (l *linked) lowestThreshold(r *linkedFlow, thresh, flight int64) int64 {
	if r.mates <= 1 {
		return r.Half(flight)
	}
	return max(thresh, r.MSS)
}

// base is from what a reduction starts: the window, or with Rules.FlightSize the
// bytes in flight.
func (f *Flow) base(flight int64) int64 {
	if f.rules.FlightSize {
		return flight
	}
	return f.W
}
