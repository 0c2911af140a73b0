package cc

import "mpsim/sim"

// OLIA as the out-of-tree Linux stack computes it (net/mptcp/mptcp_olia.c,
// v0.9x). For every acknowledgement in congestion avoidance, in segments and with
// divisions that truncate,
//
//	rate = (1 + sum_p (w_p << 10)*srtt_r/srtt_p)^2
//	cnt += ((eps_num*rate + eps_den*(w_r << 10)^2) << 10) / (eps_den*w_r*rate)
//	cnt >=  1023:  w_r += 1, cnt = 0
//	cnt <= -1023:  w_r  = max(w_r - 1, 1), cnt = 0
//
// where eps_num/eps_den is alpha_r. It counts acknowledgements, not segments. The
// distance between losses is of sequence numbers: l = max(loss3 - loss2, loss2 -
// loss1), modulo 2^32, with loss3 the last SND.UNA in congestion control and the
// others its values at the last two losses; an echo of ECN is one, a timeout is one
// unless the segment before timed out as well. Best paths are compared by
// l*srtt^2 of the other, which wraps at 2^64 (100 ms: above 29 MB between losses).
//
// As in the kernel a window that has fallen below its threshold is in slow start
// again, and the smallest threshold is two segments.
//
// Departures: those of oot.go.

type oliaKernel struct {
	ootFlows
	paths []oliaLosses // by FlowID
}

// oliaLosses are the sequence numbers of the last losses and the counter.
type oliaLosses struct {
	loss1, loss2, loss3 uint32
	cnt                 int64 // 1/1024 segments
	timeouts            bool  // icsk_retransmits: since the last progress
}

const (
	oliaScale = 10
	oliaStep  = 1<<oliaScale - 1
)

// Join starts the subflow without history.
func (o *oliaKernel) Join(now sim.Time, f FlowID, p Path) {
	o.ootFlows.Join(now, f, p)
	for len(o.paths) < len(o.flows) {
		o.paths = append(o.paths, oliaLosses{})
	}
	o.paths[f] = oliaLosses{}
}

// OnAck counts an acknowledgement.
func (o *oliaKernel) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r, what, _ := o.take(f, a)
	x := &o.paths[f]
	if a.Acked > 0 {
		x.timeouts = false
		if a.State != CWR && a.State != Recovery {
			x.loss3 = uint32(a.Una)
		}
	}
	if what != tookAvoidance {
		return
	}
	x.cnt += o.change(f)
	switch {
	case x.cnt >= oliaStep:
		r.grow(1)
		x.cnt = 0
	case x.cnt <= -oliaStep:
		r.grow(-1)
		x.cnt = 0
	}
}

// change returns by how much an acknowledgement moves the counter.
func (o *oliaKernel) change(f FlowID) int64 {
	r := &o.flows[f]
	if !r.canSend() {
		return 1 << oliaScale / max(r.Segments(), 1) // by itself
	}
	num, den := o.epsilon(f)
	rate := o.rate(r.srtt)
	w := r.cwnd()
	square := den * (w << oliaScale) * (w << oliaScale)
	below := den * w * rate
	if below == 0 {
		below = 1
	}
	switch {
	case num < 0 && square < rate:
		return -int64((rate - square) << oliaScale / below)
	case num < 0:
		return int64((square - rate) << oliaScale / below)
	case num > 0:
		square += rate
	}
	return int64(square << oliaScale / below)
}

// rate is mptcp_get_rate.
func (o *oliaKernel) rate(srtt uint64) uint64 {
	x := uint64(1)
	for i := range o.flows {
		if r := &o.flows[i]; r.canSend() {
			x += (r.cwnd() << oliaScale) * srtt / r.srtt
		}
	}
	return x * x
}

// epsilon is mptcp_get_epsilon: the numerator and denominator of alpha.
func (o *oliaKernel) epsilon(f FlowID) (num int, den uint64) {
	widest, n := uint64(0), uint64(0)
	bestBytes, bestRTT := uint64(0), uint64(1)
	for i := len(o.flows) - 1; i >= 0; i-- {
		r := &o.flows[i]
		if !r.canSend() {
			continue
		}
		n++
		widest = max(widest, r.cwnd())
		l, rtt := o.paths[i].distance(), r.srtt*r.srtt
		if l*bestRTT >= bestBytes*rtt {
			bestBytes, bestRTT = l, rtt
		}
	}
	m, c := uint64(0), uint64(0)
	for i := range o.flows {
		switch r := &o.flows[i]; {
		case !r.canSend():
		case r.cwnd() == widest:
			m++
		case o.isBest(i, bestBytes, bestRTT):
			c++
		}
	}
	switch {
	case c == 0:
		return 0, 1
	case o.flows[f].cwnd() == widest:
		return -1, n * m
	case o.isBest(int(f), bestBytes, bestRTT):
		return 1, n * c
	}
	return 0, 1
}

// isBest compares a subflow with the best one, of which bytes and the square of the
// round-trip time are given.
func (o *oliaKernel) isBest(i int, bytes, rtt uint64) bool {
	r := &o.flows[i]
	return o.paths[i].distance()*rtt == bytes*(r.srtt*r.srtt)
}

// distance is l in bytes.
func (x *oliaLosses) distance() uint64 {
	return uint64(max(x.loss3-x.loss2, x.loss2-x.loss1))
}

// shift is mptcp_olia_set_state for a state of congestion.
func (x *oliaLosses) shift() {
	if x.loss3 != x.loss2 && !x.timeouts {
		x.loss1, x.loss2 = x.loss2, x.loss3
	}
}

// OnLoss halves the window.
func (o *oliaKernel) OnLoss(now sim.Time, f FlowID, l Loss) {
	o.each.OnLoss(now, f, l)
	o.paths[f].shift()
}

// OnTimeout collapses the window.
func (o *oliaKernel) OnTimeout(now sim.Time, f FlowID, l Loss) {
	o.each.OnTimeout(now, f, l)
	o.paths[f].shift()
	o.paths[f].timeouts = true
}

// Reduce halves the window for a mark.
func (o *oliaKernel) Reduce(now sim.Time, f FlowID, why Reason) {
	o.each.Reduce(now, f, why)
	if why == ECNEcho || why == TailRepair {
		o.paths[f].shift()
	}
}

// Observe adds alpha_r, which is NaN while the subflow does not count.
func (o *oliaKernel) Observe(f FlowID) Metrics {
	m := o.each.Observe(f)
	if o.flows[f].canSend() {
		num, den := o.epsilon(f)
		m.Alpha = float64(num) / float64(den)
	}
	return m
}

// Terms appends "alpha", "l" in segments, "increase", the segments of growth per
// acknowledgement, and "credit" in segments.
func (o *oliaKernel) Terms(f FlowID, out []Term) []Term {
	r, x := o.at(f), &o.paths[f]
	if r.canSend() {
		num, den := o.epsilon(f)
		out = append(out, Term{"alpha", float64(num) / float64(den)})
	}
	increase := float64(o.change(f)) / oliaStep
	if r.SlowStart() {
		increase = 1
	}
	return append(out, Term{"l", float64(x.distance()) / float64(r.MSS)},
		Term{"increase", increase}, Term{"credit", float64(x.cnt) / oliaStep})
}
