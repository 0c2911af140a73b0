package cc

import "mpsim/sim"

// CUBIC as RFC 9438 writes it, in real numbers and segments:
//
//	target  = W_cubic(t + RTT), at least W, at most 1.5*W           (section 4.2)
//	W_est  += alpha*acked/W; alpha = 3(1-beta)/(1+beta) until W_est reaches the
//	          window before the last loss, then 1                   (section 4.3)
//	W       = W_est if W_cubic(t) < W_est, else W + acked*(target-W)/W
//
// After a timeout, and when slow start ended without a loss, K = 0 and W_max is
// the window at which congestion avoidance begins (sections 4.8, 4.10).
// A spurious reduction restores the whole epoch (section 4.9). Time in which the
// window was not the limit, silence among it, does not count for t (section 5.8).
//
// Departures: the increase counts acknowledged bytes, so that delayed ACKs do
// not halve it (the RFC adds the fraction per ACK); beta multiplies the window
// unless the parameter flightsize says otherwise (allowed by section 4.6).

const (
	refC     = 0.4
	refBeta  = 0.7
	refAlpha = 3 * (1 - refBeta) / (1 + refBeta)
)

type cubicRef struct {
	cubicBase
	epoch    cubicEpoch
	before   cubicEpoch // what Undo restores
	fraction float64    // of a byte, that the window is short of its real value
	last     sim.Time   // of the last acknowledgement, or of the end of a silence since
}

// cubicEpoch is the state of one congestion avoidance stage; windows are in
// segments.
type cubicEpoch struct {
	running bool
	start   sim.Time
	wMax    float64 // 0: unknown, the stage begins at the plateau
	k       float64 // s
	wEst    float64
	prior   float64 // window before the last reduction; 0: none
}

// Start begins without history.
func (c *cubicRef) Start(now sim.Time, p Path) {
	c.Flow.Start(now, p)
	c.exit.start(now)
}

// OnSent keeps silence out of the cubic.
func (c *cubicRef) OnSent(now sim.Time, _ int64) {
	if c.quiet {
		c.quiet = false
		c.pause(now, 0)
	}
}

// pause lets the clock of the cubic run at a pace of its own, 0 to 1, since the
// last acknowledgement.
func (c *cubicRef) pause(now sim.Time, pace float64) {
	passed := now.Sub(c.last)
	c.epoch.start = c.epoch.start.Add(passed - sim.Duration(float64(passed)*pace))
	c.last = now
}

// OnAck grows the window.
func (c *cubicRef) OnAck(now sim.Time, a *Ack) { c.growAs(now, a, 1, 1) }

// growAs is OnAck where W_est grows by a share of what Reno's would and the clock
// of the cubic runs at a pace; [mpcubic] couples by them, and 1 is CUBIC.
func (c *cubicRef) growAs(now sim.Time, a *Ack, share, pace float64) {
	if d := &c.exit.linux.delayMin; a.RTT > 0 && (*d == 0 || a.RTT < *d) {
		*d = a.RTT
	}
	if !a.CwndLimited {
		pace = 0
	}
	if pace < 1 {
		c.pause(now, pace)
	}
	c.last = now
	n := c.grow(now, a, true)
	if n == 0 {
		return
	}
	mss := float64(c.MSS)
	w := (float64(c.W) + c.fraction) / mss
	if !c.epoch.running {
		c.epoch.begin(now, w)
	}
	next := c.epoch.next(now, w, float64(n)/mss, float64(seconds(c.SRTT)*pace), share, c.friendly)
	bytes := min(float64(next*mss), float64(MaxWindow))
	c.W = int64(bytes)
	c.fraction = bytes - float64(c.W)
}

func (e *cubicEpoch) begin(now sim.Time, w float64) {
	e.running, e.start = true, now
	e.wEst = w
	e.k = 0
	if e.wMax > w {
		e.k = sim.Cbrt((e.wMax - w) / refC)
	} else {
		e.wMax = w
	}
}

// next returns the window after acked segments were acknowledged at window w.
func (e *cubicEpoch) next(now sim.Time, w, acked, rtt, share float64, friendly bool) float64 {
	t := seconds(now.Sub(e.start))
	alpha := refAlpha
	if e.wEst >= e.prior {
		alpha = 1
	}
	e.wEst += float64(alpha * acked / w * share)
	if friendly && e.at(t) < e.wEst {
		return max(w, e.wEst)
	}
	target := min(max(e.at(t+rtt), w), float64(1.5*w))
	return w + float64((target-w)/w*acked)
}

// at returns W_cubic(t).
func (e *cubicEpoch) at(t float64) float64 {
	d := t - e.k
	return float64(refC*float64(d*d)*d) + e.wMax
}

// OnLoss begins a new epoch below the plateau.
func (c *cubicRef) OnLoss(_ sim.Time, l Loss) { c.Lower(c.afterLoss(l.InFlight), l) }

// OnTimeout lets the next epoch begin at its plateau.
func (c *cubicRef) OnTimeout(_ sim.Time, l Loss) {
	if c.FirstTimeout(l) {
		c.CollapseTo(c.afterLoss(l.InFlight), l)
	} else {
		c.Collapse(l)
	}
	c.epoch.running, c.epoch.wMax = false, 0
	c.fraction = 0
}

// Reduce treats a mark like a loss.
func (c *cubicRef) Reduce(now sim.Time, why Reason) {
	if why == ECNEcho || why == TailRepair {
		c.LowerMarked(c.afterLoss(c.flight))
		return
	}
	c.Flow.Reduce(now, why)
	c.fraction = 0
}

// OnIdleRestart drops the fraction with the window.
func (c *cubicRef) OnIdleRestart(now sim.Time, idle, rto sim.Duration) {
	c.Flow.OnIdleRestart(now, idle, rto)
	c.fraction = 0
}

// Undo restores window and epoch.
func (c *cubicRef) Undo(now sim.Time) {
	if c.undo.w == 0 {
		return
	}
	c.Flow.Undo(now)
	c.epoch = c.before
}

// afterLoss ends the epoch, moves the plateau and returns the threshold.
func (c *cubicRef) afterLoss(flight int64) int64 {
	w := float64(c.W) / float64(c.MSS)
	c.before = c.epoch
	c.epoch.running = false
	c.epoch.prior = w
	if w < c.epoch.wMax && c.fastConvergence {
		c.epoch.wMax = w * (1 + refBeta) / 2
	} else {
		c.epoch.wMax = w
	}
	c.fraction = 0
	from := c.W
	if c.rules.FlightSize {
		from = flight
	}
	return max(int64(refBeta*float64(from)), 2*c.MSS)
}

func seconds(d sim.Duration) float64 { return float64(d) / 1e9 }
