package cc

import "mpsim/sim"

// CUBIC as Linux 6.18 computes it (net/ipv4/tcp_cubic.c): integers in segments,
// a clock of 250 Hz, and an additive increase by one segment per cnt segments
// acknowledged, where cnt is recomputed at most once per tick:
//
//	t       = ticks since the epoch began + smallest delay, in 1/1024 s
//	target  = W_max -+ 410*|t-K|^3 >> 40                       (410/1024 = C)
//	cnt     = W/(target-W), or 100*W if target <= W; at most 20 before the first
//	          loss; at most W/(W_est-W) if W_est > W; at least 2
//	W_est  += 1 for every floor(15*W/8) segments acknowledged
//	loss    : W_max = W, or W*1741/2048 if W < W_max; ssthresh = W*717/1024
//	timeout : forgets W_max, the epoch and the smallest delay
//
// cnt is not recomputed while the window stays the same for up to 1/32 s. The
// epoch moves with the silence of an idle flow.
//
// Departures: K is the rounded cube root (Linux's integer one is off by up to 0.2 %);
// acknowledged bytes are counted where Linux counts segments; ticks begin with
// the run. 250 Hz is the clock of the kernel whose measurements we compare with.

const (
	jiffy         = 4 * sim.Millisecond // HZ = 250
	jiffiesPerSec = int64(sim.Second / jiffy)
	cubicBeta     = 717 // of 1024
	cubicScale    = 410 // C of 1024: bic_scale 41, times 10
	cubicFriendly = 15  // 8*(1024+717)/3/(1024-717)
	cubicFactor   = (1 << 40) / cubicScale
)

type cubicLinux struct {
	cubicBase
	cnt        int64 // segments acknowledged per segment of growth
	lastMax    int64 // segments; 0: no loss yet
	lastW      int64 // segments, when cnt was computed
	lastTime   int64 // jiffies, when cnt was computed
	origin     int64 // segments, the plateau of the cubic
	k          int64 // 1/1024 s from the epoch's begin to the plateau
	epoch      bool
	epochStart int64 // jiffies
	ackBytes   int64 // acknowledged since W_est last grew
	reno       int64 // W_est in segments
	lastSent   sim.Time
}

func jiffies(t sim.Time) int64 { return int64(t) / int64(jiffy) }

// Start begins without history.
func (c *cubicLinux) Start(now sim.Time, p Path) {
	c.Flow.Start(now, p)
	c.exit.start(now)
}

// OnSent keeps idle time out of the cubic: that since the last transmission, if
// all was acknowledged (CA_EVENT_TX_START).
func (c *cubicLinux) OnSent(now sim.Time, _ int64) {
	if c.quiet && c.epoch {
		c.epochStart = min(c.epochStart+jiffies(now)-jiffies(c.lastSent), jiffies(now))
	}
	c.quiet, c.lastSent = false, now
}

// OnAck grows the window.
func (c *cubicLinux) OnAck(now sim.Time, a *Ack) {
	n := c.grow(now, a, c.sampleDelay(now, a.RTT))
	if n == 0 {
		return
	}
	c.update(now, n)
	c.Additive(c.cnt*c.MSS, n)
}

// sampleDelay keeps the smallest delay, and reports whether the sample counts:
// for a second after an epoch began the queue of the loss is still there.
func (c *cubicLinux) sampleDelay(now sim.Time, rtt sim.Duration) bool {
	if rtt <= 0 || c.epoch && jiffies(now)-c.epochStart < jiffiesPerSec {
		return false
	}
	if d := &c.exit.linux.delayMin; *d == 0 || rtt < *d {
		*d = rtt
	}
	return true
}

// update recomputes cnt (bictcp_update).
func (c *cubicLinux) update(now sim.Time, acked int64) {
	w, tick := c.Segments(), jiffies(now)
	c.ackBytes += acked
	if c.lastW == w && tick-c.lastTime <= jiffiesPerSec/32 {
		return
	}
	if !c.epoch || tick != c.lastTime {
		c.lastW, c.lastTime = w, tick
		if !c.epoch {
			c.begin(tick, w, acked)
		}
		c.cubic(tick, w)
	}
	if c.friendly {
		c.friend(w)
	}
	c.cnt = max(c.cnt, 2)
}

// begin starts an epoch at window w.
func (c *cubicLinux) begin(tick, w, acked int64) {
	c.epoch, c.epochStart = true, tick
	c.ackBytes, c.reno = acked, w
	c.k, c.origin = 0, w
	if c.lastMax > w {
		c.k = cubeRoot(cubicFactor * uint64(min(c.lastMax-w, 1<<31)))
		c.origin = c.lastMax
	}
}

// cubic sets cnt from the cubic function.
func (c *cubicLinux) cubic(tick, w int64) {
	t := tick - c.epochStart + int64((c.exit.linux.delayMin+jiffy-1)/jiffy)
	t = t << 10 / jiffiesPerSec
	delta := cubed(t - c.k)
	if target := c.origin + delta; target > w {
		c.cnt = w / (target - w)
	} else {
		c.cnt = 100 * w
	}
	if c.lastMax == 0 && c.cnt > 20 {
		c.cnt = 20 // 5 % per round while the path is unknown
	}
}

// friend advances the window that Reno would have, and follows it when it is
// the larger one.
func (c *cubicLinux) friend(w int64) {
	per := w * cubicFriendly >> 3 * c.MSS
	if c.ackBytes > per {
		n := (c.ackBytes - 1) / per
		c.ackBytes -= n * per
		c.reno += n
	}
	if c.reno > w {
		c.cnt = min(c.cnt, w/(c.reno-w))
	}
}

// OnLoss begins a new epoch below the plateau.
func (c *cubicLinux) OnLoss(_ sim.Time, l Loss) { c.Lower(c.afterLoss(l.InFlight), l) }

// OnTimeout forgets the path as well.
func (c *cubicLinux) OnTimeout(now sim.Time, l Loss) {
	if c.FirstTimeout(l) {
		c.CollapseTo(c.afterLoss(l.InFlight), l)
	} else {
		c.Collapse(l)
	}
	c.cnt, c.lastMax, c.lastW, c.lastTime = 0, 0, 0, 0
	c.epoch = false
	c.exit.linux = hystart{}
	c.exit.linux.newRound(now, l.Nxt)
}

// Reduce treats a mark like a loss.
func (c *cubicLinux) Reduce(now sim.Time, why Reason) {
	if why == ECNEcho || why == TailRepair {
		c.LowerMarked(c.afterLoss(c.flight))
		return
	}
	c.Flow.Reduce(now, why)
}

// afterLoss ends the epoch, moves the plateau and returns the threshold
// (cubictcp_recalc_ssthresh).
func (c *cubicLinux) afterLoss(flight int64) int64 {
	c.epoch = false
	w := c.Segments()
	if w < c.lastMax && c.fastConvergence {
		c.lastMax = w * (1024 + cubicBeta) / 2048
	} else {
		c.lastMax = w
	}
	if c.rules.FlightSize {
		return max(flight*cubicBeta/1024, 2*c.MSS)
	}
	return max(w*cubicBeta/1024, 2) * c.MSS
}

// cubed returns sign(d) * floor(410*|d|^3 / 2^40). Beyond 2^18 units (256 s) the
// cubic is far above any window, and the argument is held there.
func cubed(d int64) int64 {
	const limit = 1 << 18
	sign := int64(1)
	if d < 0 {
		sign, d = -1, -d
	}
	d = min(d, limit)
	return sign * int64(uint64(cubicScale)*uint64(d)*uint64(d)*uint64(d)>>40)
}

// cubeRoot returns the cube root rounded to the nearest integer.
func cubeRoot(a uint64) int64 { return int64(sim.Cbrt(float64(a)) + 0.5) }
