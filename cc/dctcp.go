package cc

import "mpsim/sim"

// DCTCP (RFC 8257; Alizadeh et al., SIGCOMM 2010): Reno that reduces by how much of a
// window was marked. Once per window of data, with M the part of its bytes that were
// acknowledged with a mark,
//
//	alpha = (1-g)*alpha + g*M,  g = 1/16, alpha = 1 at the start
//	echo of a mark, once per window:  W = ssthresh = max(W*(1 - alpha/2), 2 MSS)
//	loss, timeout:                    Reno's
//
// The mode `linux` has the integers of Linux 6.18 (net/ipv4/tcp_dctcp.c), in units of
// 1/1024 and whole segments:
//
//	alpha -= alpha>>4, or all of it below 16;  alpha += (marked<<6)/delivered, at most 1024
//	W      = max(W - (W*alpha>>11), 2)
//
// The receiver's part, an exact echo of marks, and the negotiation of ECN are TCP's
// (Traits). A peer without ECN gets plain Reno.
//
// Traps decided here. A loss halves and takes no account of alpha (RFC 8257 section
// 3.5; Linux dctcp_react_to_loss); a retransmission timeout in Linux uses alpha, here
// it halves in both modes. Departure: TCP reports an echo before it reports the
// acknowledgement that carries it, so the reduction at the end of a window has the
// alpha of the windows before.

const (
	dctcpShift = 4    // g = 2^-4
	dctcpOne   = 1024 // alpha = 1 in mode linux
)

var dctcpParams = withRules(
	Param{
		Name: "mode", Whole: true, Max: 1,
		Doc: "0: RFC 8257 in real numbers; 1: Linux 6.18 with its integers",
	},
	Param{Name: "alpha_on_init", Min: 0, Max: 1, Default: 1, Doc: "alpha before the first window (Linux dctcp_alpha_on_init/1024)"},
)

var dctcpSpec = Spec{
	Name:   "dctcp",
	Doc:    "DCTCP (RFC 8257): reduces by the part of a window that ECN marked; subflows are not coupled",
	Params: dctcpParams,
	New: func(p Params, _ *sim.Rand) Controller {
		base := dctcp{
			reno:  reno{Flow: NewFlow(rulesOf(p))},
			linux: p.Get(dctcpParams, "mode") == 1,
			first: p.Get(dctcpParams, "alpha_on_init"),
		}
		return Each(base)
	},
}

type dctcp struct {
	reno
	linux bool
	first float64

	alpha     float64 // ref
	fixed     int64   // linux, of 1024
	end       uint64  // SND.NXT when the window began: its acknowledgement ends it
	delivered int64   // bytes of this window
	marked    int64   // of those, with a mark
}

// Start begins with alpha at its initial value.
func (d *dctcp) Start(now sim.Time, p Path) {
	d.Flow.Start(now, p)
	d.alpha, d.fixed = d.first, int64(d.first*dctcpOne)
	d.end, d.delivered, d.marked = 0, 0, 0
}

// OnAck counts marks, at the end of a window updates alpha, and grows like Reno.
func (d *dctcp) OnAck(now sim.Time, a *Ack) {
	d.delivered += a.Delivered
	d.marked += a.CE
	if a.Una >= d.end && d.delivered > 0 {
		d.update()
		d.end, d.delivered, d.marked = a.Nxt, 0, 0
	}
	d.reno.OnAck(now, a)
}

func (d *dctcp) update() {
	if d.linux {
		decay := d.fixed >> dctcpShift
		if decay == 0 {
			decay = d.fixed // min_not_zero(alpha, alpha >> shift)
		}
		d.fixed -= decay
		if d.marked > 0 {
			d.fixed = min(d.fixed+(d.marked<<(10-dctcpShift))/d.delivered, dctcpOne)
		}
		return
	}
	const g = 1.0 / (1 << dctcpShift)
	m := min(float64(d.marked)/float64(d.delivered), 1)
	d.alpha = float64((1-g)*d.alpha) + float64(g*m)
}

// Reduce obeys a mark by alpha.
func (d *dctcp) Reduce(now sim.Time, why Reason) {
	if why != ECNEcho {
		d.Flow.Reduce(now, why)
		return
	}
	d.LowerMarked(d.marksThreshold())
}

func (d *dctcp) marksThreshold() int64 {
	w := d.W
	if d.rules.FlightSize {
		w = d.flight
	}
	if d.linux {
		n := w / d.MSS
		return max(n-(n*d.fixed>>11), 2) * d.MSS
	}
	return max(int64(float64(w)*(1-d.alpha/2)), 2*d.MSS)
}

// Traits asks for ECN with an exact echo.
func (d *dctcp) Traits() Traits {
	return Traits{Paced: d.rules.Paced, ExactECN: true, OwnWindows: true}
}

// Observe adds alpha.
func (d *dctcp) Observe() Metrics {
	m := d.Flow.Observe()
	m.Alpha = d.share()
	return m
}

func (d *dctcp) share() float64 {
	if d.linux {
		return float64(d.fixed) / dctcpOne
	}
	return d.alpha
}

// Terms appends Reno's, "alpha", and while the window has acknowledgements "marked",
// the part of it that was marked so far.
func (d *dctcp) Terms(out []Term) []Term {
	out = append(d.Flow.Terms(out), Term{"alpha", d.share()})
	if d.delivered > 0 {
		out = append(out, Term{"marked", float64(d.marked) / float64(d.delivered)})
	}
	return out
}
