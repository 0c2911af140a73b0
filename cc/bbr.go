package cc

import "mpsim/sim"

// BBR, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00; Linux 6.18
// net/ipv4/tcp_bbr.c; Cardwell et al., CACM 2017). A model of the path, the largest
// delivery rate BtlBw of ten round trips and the smallest round-trip time RTprop of
// ten seconds, sets a pacing rate and a window:
//
//	rate   = pacing_gain * BtlBw * 0.99
//	window = cwnd_gain * BtlBw * RTprop + 3 send quanta, rounded up to an even number
//	         of segments, and 2 more at a pacing gain of 5/4; at least 4 segments
//	STARTUP    gains 2885/1000 both, until BtlBw grew by less than a quarter in
//	           three rounds that the application did not limit
//	DRAIN      pacing 1000/2885, until no more than BtlBw*RTprop is in flight
//	PROBE_BW   cwnd 2, pacing 5/4, 3/4, 1, 1, 1, 1, 1, 1, each for about RTprop;
//	           the first phase is drawn, never 3/4
//	PROBE_RTT  when RTprop is ten seconds old: window of 4 segments for 200 ms and a
//	           round, then PROBE_BW again
//
// Losses do not change the model. In the first round of a recovery the window is what
// is in flight plus what is delivered, afterwards what the model says; when recovery
// ends the old window returns. A timeout sets it to one segment, and the estimate of
// the full pipe begins anew. It needs neither PRR nor the restart after idling (Traits).
//
// bbr_filter.go holds the filters, bbr_state.go the four states.
//
// Not modelled of Linux: the long-term rate behind a policer (lt_bw) and the extra
// window for aggregated acknowledgements (extra_acked), neither of which the draft
// has; and TSO, so that a quantum is one segment below 1.2 Mb/s, two below 24 Mb/s,
// and a millisecond of data, at most 64 KiB, beyond (draft section 4.2.2).

const (
	bbrHighGain   = 2885.0 / 1000
	bbrMargin     = 0.99 // pacing stays 1 % below the estimate
	bbrRounds     = 10   // of the filter of BtlBw
	bbrExpiry     = 10 * sim.Second
	bbrProbeTime  = 200 * sim.Millisecond
	bbrLeast      = 4 // segments
	bbrFullGrowth = 1.25
	bbrFullRounds = 3
)

var bbrGains = [...]float64{5.0 / 4, 3.0 / 4, 1, 1, 1, 1, 1, 1}

var bbrParams = []Param{
	{Name: "cwnd_gain", Min: 1, Max: 10, Default: 2, Doc: "window over BtlBw*RTprop while probing for bandwidth"},
}

var bbrSpec = Spec{
	Name:   "bbr",
	Doc:    "BBR v1 (draft-cardwell-iccrg-bbr-00, Linux): paces by a model of rate and delay; subflows are not coupled",
	Params: bbrParams,
	New: func(p Params, rnd *sim.Rand) Controller {
		return Each(bbr{rnd: rnd, cwndGain: p.Get(bbrParams, "cwnd_gain")})
	},
}

type bbrMode uint8

const (
	bbrStartup bbrMode = iota
	bbrDrain
	bbrProbeBW
	bbrProbeRTT
)

type bbr struct {
	Flow
	rnd      *sim.Rand
	cwndGain float64

	mode     bbrMode
	state    State
	conserve bool // first round of a recovery
	idle     bool // data follows a silence that the application made
	quiet    bool // nothing was outstanding after the last acknowledgement
	hasRTT   bool
	full     bool // the pipe was filled once

	rate  float64 // pacing, bytes per ns
	prior int64   // window before recovery or PROBE_RTT
	total int64   // bytes delivered ever

	round      int64 // number of the round
	roundEnd   int64 // total delivered: what was sent then ends the round
	roundStart bool  // this acknowledgement began one
	bw         maxFilter

	fullBW     float64
	fullRounds int

	minRTT      sim.Duration
	minAt       sim.Time
	phase       int
	phaseAt     sim.Time
	probeDone   sim.Time // when PROBE_RTT may end; 0: not low enough yet
	probeRound  bool
	limited     bool  // samples of what was sent between the two totals do not count:
	limitedFrom int64 // PROBE_RTT made them small
	limitedTo   int64
}

// Start begins in STARTUP.
func (b *bbr) Start(now sim.Time, p Path) {
	*b = bbr{Flow: b.Flow, rnd: b.rnd, cwndGain: b.cwndGain}
	b.Flow.Start(now, p)
	b.minRTT, b.minAt = p.RTT, now
	b.hasRTT = p.RTT > 0
	b.startRate(p.RTT)
}

// startRate is the rate before any sample: the initial window per round-trip time,
// or per millisecond while that is unknown.
func (b *bbr) startRate(rtt sim.Duration) {
	if rtt <= 0 {
		rtt = sim.Millisecond
	}
	b.rate = bbrHighGain * float64(b.W) / float64(rtt)
}

// OnSent notes the end of a silence: pacing goes on at the estimate then.
func (b *bbr) OnSent(now sim.Time, _ int64) {
	if !b.quiet {
		return
	}
	b.quiet, b.idle = false, true
	switch b.mode {
	case bbrProbeBW:
		b.pace(1)
	case bbrProbeRTT:
		b.endProbe(now)
	}
}

// OnAck updates the model, then the controls (bbr_main).
func (b *bbr) OnAck(now sim.Time, a *Ack) {
	if a.SRTT > 0 {
		b.SRTT = a.SRTT
	}
	b.flight, b.nxt, b.total = a.InFlight, a.Nxt, a.TotalDelivered
	b.sample(a)
	b.probe(now, a)
	b.fillPipe(a)
	b.drain(now, a)
	b.refreshRTT(now, a)
	b.quiet = a.Una == a.Nxt

	gain := b.pacingGain()
	if !b.hasRTT && a.SRTT > 0 {
		b.hasRTT = true
		b.startRate(a.SRTT)
	}
	b.pace(gain)
	b.setWindow(a)
}

// pacingGain is that of the state.
func (b *bbr) pacingGain() float64 {
	switch b.mode {
	case bbrStartup:
		return bbrHighGain
	case bbrDrain:
		return 1 / bbrHighGain
	case bbrProbeBW:
		return bbrGains[b.phase]
	}
	return 1
}

func (b *bbr) windowGain() float64 {
	switch b.mode {
	case bbrStartup, bbrDrain:
		return bbrHighGain
	case bbrProbeBW:
		return b.cwndGain
	}
	return 1
}

// pace sets the rate; before the pipe was full it only rises.
func (b *bbr) pace(gain float64) {
	if r := float64(gain*b.bw.best()) * bbrMargin; b.full && r > 0 || r > b.rate {
		b.rate = r
	}
}

// quantum is what one burst may hold.
func (b *bbr) quantum() int64 {
	switch bits := b.rate * 8e9; {
	case bits < 1.2e6:
		return b.MSS
	case bits < 24e6:
		return 2 * b.MSS
	}
	return int64(min(b.rate*1e6, 64<<10))
}

// inflight is what the model wants outstanding at a gain, in whole segments: an even
// number, so that fewer acknowledgements are delayed, and two more in the phase that
// probes, so that a small product is exceeded, too (bbr_quantization_budget).
func (b *bbr) inflight(gain float64) int64 {
	bw := b.bw.best()
	if bw == 0 || b.minRTT == 0 {
		return b.IW
	}
	bdp := float64(bw * float64(b.minRTT))
	pair := 2 * b.MSS
	n := int64(min(gain*bdp, float64(MaxWindow))) + 3*b.quantum()
	n = (n + pair - 1) / pair * pair
	if b.mode == bbrProbeBW && b.phase == 0 {
		n += pair
	}
	return min(n, MaxWindow)
}

// setWindow is bbr_set_cwnd.
func (b *bbr) setWindow(a *Ack) {
	acked := max(a.Delivered, 0)
	if acked > 0 && !b.recovered(a, acked) {
		target := b.inflight(b.windowGain())
		switch {
		case b.full:
			b.W = min(b.W+acked, target)
		case b.W < target || b.total < b.IW:
			b.W += acked
		}
		b.W = max(b.W, bbrLeast*b.MSS)
	}
	if b.mode == bbrProbeRTT {
		b.W = min(b.W, bbrLeast*b.MSS)
	}
	b.W = min(b.W, MaxWindow)
}

// recovered sets the window in recovery and after it, and reports whether that is
// all (bbr_set_cwnd_to_recover_or_restore).
func (b *bbr) recovered(a *Ack, acked int64) bool {
	was := b.state
	b.state = a.State
	pipe := max(a.InFlight-acked-a.Lost, 0)
	if a.Lost > 0 {
		b.W = max(b.W-a.Lost, b.MSS)
	}
	switch {
	case a.State == Recovery && was != Recovery:
		b.conserve = true
		b.roundEnd = b.total
		b.W = max(pipe+acked, b.MSS)
	case was >= Recovery && a.State < Recovery:
		b.conserve = false
		b.W = max(b.W, b.prior)
	}
	if b.conserve {
		b.W = max(b.W, pipe+acked)
	}
	return b.conserve
}

// save keeps the window for the time after recovery or PROBE_RTT.
func (b *bbr) save() {
	if b.state < Recovery && b.mode != bbrProbeRTT {
		b.prior = b.W
	} else {
		b.prior = max(b.prior, b.W)
	}
}

// OnLoss only keeps the window: what follows is in OnAck.
func (b *bbr) OnLoss(sim.Time, Loss) { b.save() }

// OnTimeout collapses the window and begins the estimate of the full pipe anew. The
// round goes on: round_start, which Linux sets, is only for its long-term rate.
func (b *bbr) OnTimeout(_ sim.Time, l Loss) {
	b.save()
	b.W = b.MSS
	b.state = LossState
	b.fullBW, b.fullRounds = 0, 0
}

// Undo begins the estimate of the full pipe anew; the window returns when recovery
// ends.
func (b *bbr) Undo(sim.Time) { b.fullBW, b.fullRounds = 0, 0 }

// OnIdleRestart does nothing: pacing makes the burst harmless.
func (b *bbr) OnIdleRestart(sim.Time, sim.Duration, sim.Duration) {}

// Reduce obeys the scheduler's penalty only: the model does not know marks, and an
// unused window does no harm.
func (b *bbr) Reduce(_ sim.Time, why Reason) {
	if why == Penalty {
		b.W = max(b.Segments()/2, 1) * b.MSS
	}
}

// PacingRate returns the rate of the model.
func (b *bbr) PacingRate() sim.Rate { return sim.Rate(max(min(b.rate*8e9, maxPacing), 1)) }

// SlowStart reports whether the pipe is not yet full.
func (b *bbr) SlowStart() bool { return b.mode == bbrStartup }

// Traits: it paces, and needs no PRR.
func (b *bbr) Traits() Traits { return Traits{Paced: true, OwnRecovery: true} }

// Observe reports slow start in STARTUP.
func (b *bbr) Observe() Metrics {
	m := b.Flow.Observe()
	m.SlowStart = b.SlowStart()
	return m
}

// Terms appends "mode" (0 STARTUP, 1 DRAIN, 2 PROBE_BW, 3 PROBE_RTT), "btlbw_per_s"
// in segments, "rtprop_s", "pacing_gain", "cwnd_gain", "round" and "full" (1: the
// pipe was filled).
func (b *bbr) Terms(out []Term) []Term {
	full := 0.0
	if b.full {
		full = 1
	}
	return append(out, Term{"mode", float64(b.mode)},
		Term{"btlbw_per_s", b.bw.best() * 1e9 / float64(b.MSS)},
		Term{"rtprop_s", seconds(b.minRTT)}, Term{"pacing_gain", b.pacingGain()},
		Term{"cwnd_gain", b.windowGain()}, Term{"round", float64(b.round)}, Term{"full", full})
}
