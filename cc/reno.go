package cc

import "mpsim/sim"

// Reno: RFC 5681 with appropriate byte counting (RFC 3465), the growth and the
// reductions of Linux 6.18 (net/ipv4/tcp_cong.c). NewReno's and SACK's part of
// loss recovery (RFC 6582, RFC 6675) is TCP's.
//
//	slow start            W += acked, up to ssthresh
//	congestion avoidance  W += MSS for every W bytes acknowledged
//	loss                  W = ssthresh = max(W/2, 2 MSS)
//	timeout               ssthresh the same, W = 1 MSS
//
// Departures: RFC 5681 halves the bytes in flight, Linux the window (parameter
// flightsize); RFC 3465's limit L on growth by one ACK in slow start does not
// exist in Linux and here.

var renoSpec = Spec{
	Name:   "reno",
	Doc:    "NewReno (RFC 5681, RFC 3465): additive increase, halving on loss; subflows are not coupled",
	Params: renoParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return Each(reno{Flow: NewFlow(renoRules(p))})
	},
}

type reno struct{ Flow }

// Traits says that Reno does not look at what is sent.
func (r *reno) Traits() Traits {
	t := r.Flow.Traits()
	t.IgnoresSent = true
	return t
}

// OnAck grows the window.
func (r *reno) OnAck(_ sim.Time, a *Ack) {
	n := r.Growth(a)
	if n == 0 {
		return
	}
	if r.SlowStart() {
		if n = r.Increase(n); n == 0 {
			return
		}
	}
	r.Additive(r.W, n)
}
