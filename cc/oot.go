package cc

import "mpsim/sim"

// This file holds what the coupled controllers of the out-of-tree Linux stack
// v0.9x share (net/mptcp/mptcp_coupled.c, mptcp_olia.c, mptcp_balia.c): windows in
// whole segments, integer arithmetic of 64 bits that truncates and wraps, srtt in
// units of 1/8 us, and counters of acknowledgements where the RFCs count bytes, so
// that delayed acknowledgements halve the growth. Slow start takes the bytes
// acknowledged up to the threshold and drops the surplus.
//
// Loops over subflows take the newest first: mptcp_add_sock puts a new subflow at
// the head of the list. It shows where terms are equal.
//
// Departures: a subflow that can send is one that has joined and not left; during
// recovery the window is at the threshold, where the kernel's is on the way there.

// ootFlows are the subflows of a controller of that kernel.
type ootFlows struct {
	each[ootFlow, *ootFlow]
	established int // subflows that have joined and not left
}

// ootFlow is a Reno flow whose Cnt counts acknowledgements since the window last
// grew (snd_cwnd_cnt); a reduction clears it.
type ootFlow struct {
	reno
	srtt   uint64 // smoothed, in 1/8 us; 0: none yet
	state  State  // of the last acknowledgement
	joined bool   // and has not left
}

func newOOT(r Rules) ootFlows {
	return ootFlows{each: each[ootFlow, *ootFlow]{prototype: ootFlow{reno: reno{Flow: NewFlow(r)}}}}
}

// Join adds the subflow.
func (o *ootFlows) Join(now sim.Time, f FlowID, p Path) {
	if int(f) < len(o.flows) {
		o.Leave(now, f)
	}
	o.each.Join(now, f, p)
	r := o.at(f)
	r.joined, r.srtt = true, eighths(p.RTT)
	o.established++
}

// Leave removes the subflow.
func (o *ootFlows) Leave(_ sim.Time, f FlowID) {
	if r := o.at(f); r.joined {
		r.joined = false
		o.established--
	}
}

// eighths returns a round-trip time in 1/8 us, as srtt_us has it, in 32 bits like
// there: no more than 537 s.
func eighths(d sim.Duration) uint64 { return min(uint64(d/(sim.Microsecond/8)), 1<<32-1) }

// canSend is mptcp_sk_can_send with the round-trip time that every use asks for.
func (r *ootFlow) canSend() bool { return r.joined && r.srtt > 0 }

// cwnd returns the window in segments.
func (r *ootFlow) cwnd() uint64 { return uint64(r.Segments()) }

// took is what an acknowledgement meant.
type took uint8

const (
	tookNothing   took = iota // the window may not grow
	tookSlowStart             // it grew in slow start
	tookAvoidance             // it is for the algorithm
)

// take brings an acknowledgement to its subflow and through slow start. Before
// says in which state of recovery the previous one was.
func (o *ootFlows) take(f FlowID, a *Ack) (r *ootFlow, what took, before State) {
	r = o.at(f)
	if a.SRTT > 0 {
		r.srtt = eighths(a.SRTT)
	}
	before, r.state = r.state, a.State
	n := r.Growth(a)
	if n == 0 {
		return r, tookNothing, before
	}
	if r.SlowStart() {
		r.Increase(n)
		return r, tookSlowStart, before
	}
	return r, tookAvoidance, before
}

// count counts one acknowledgement: the window grows with the one after t. It
// reports whether it grew.
func (r *ootFlow) count(t int64) bool {
	if r.Cnt >= t {
		r.Cnt = 0
		r.grow(1)
		return true
	}
	r.Cnt++
	return false
}

// grow adds segments to the window, which stays at least one.
func (r *ootFlow) grow(segments int64) {
	r.W = min(max((r.Segments()+segments)*r.MSS, r.MSS), MaxWindow)
}

// termsEvery appends "threshold" for t, "increase", the segments of growth per
// acknowledgement, and "credit", the acknowledgements counted towards the next
// step.
func (r *ootFlow) termsEvery(t int64, out []Term) []Term {
	increase := 1 / float64(t+1)
	if r.SlowStart() {
		increase = 1
	}
	return append(out, Term{"threshold", float64(t)}, Term{"increase", increase}, Term{"credit", float64(r.Cnt)})
}
