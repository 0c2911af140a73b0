package cc

import "mpsim/sim"

// The four states of BBR and what leads from one to the next; see bbr.go.

// probe advances the cycle of PROBE_BW (bbr_update_cycle_phase): a phase lasts
// RTprop; probing lasts until its gain is in flight or something was lost, draining
// only until no queue is left.
func (b *bbr) probe(now sim.Time, a *Ack) {
	if b.mode != bbrProbeBW {
		return
	}
	over := now.Sub(b.phaseAt) > b.minRTT
	switch gain := bbrGains[b.phase]; {
	case gain > 1:
		over = over && (a.Lost > 0 || a.InFlight >= b.inflight(gain))
	case gain < 1:
		over = over || a.InFlight <= b.inflight(1)
	}
	if over {
		b.nextPhase(now)
	}
}

func (b *bbr) nextPhase(now sim.Time) {
	b.phase = (b.phase + 1) % len(bbrGains)
	b.phaseAt = now
}

// probeBW enters PROBE_BW in any phase but that of gain 3/4.
func (b *bbr) probeBW(now sim.Time) {
	b.mode = bbrProbeBW
	drawn := 0
	if b.rnd != nil {
		drawn = int(b.rnd.IntN(uint64(len(bbrGains) - 1)))
	}
	b.phase = len(bbrGains) - 1 - drawn
	b.nextPhase(now)
}

// fillPipe looks whether the rate has stopped growing
// (bbr_check_full_bw_reached).
func (b *bbr) fillPipe(a *Ack) {
	if b.full || !b.roundStart || a.AppLimited {
		return
	}
	if best := b.bw.best(); best >= b.fullBW*bbrFullGrowth {
		b.fullBW, b.fullRounds = best, 0
		return
	}
	b.fullRounds++
	b.full = b.fullRounds >= bbrFullRounds
}

// drain leaves STARTUP when the pipe is full, and DRAIN when the queue is gone.
func (b *bbr) drain(now sim.Time, a *Ack) {
	if b.mode == bbrStartup && b.full {
		b.mode = bbrDrain
		b.Thresh = max(b.inflight(1), 2*b.MSS)
	}
	if b.mode == bbrDrain && max(a.InFlight-a.Delivered-a.Lost, 0) <= b.inflight(1) {
		b.probeBW(now)
	}
}

// refreshRTT takes the round-trip time and sees to it that RTprop is measured on an
// empty queue every ten seconds (bbr_update_min_rtt).
func (b *bbr) refreshRTT(now sim.Time, a *Ack) {
	expired := now.Sub(b.minAt) > bbrExpiry
	if a.RTT > 0 && (b.minRTT == 0 || a.RTT < b.minRTT || expired) {
		b.minRTT, b.minAt = a.RTT, now
	}
	if expired && !b.idle && b.mode != bbrProbeRTT {
		b.mode = bbrProbeRTT
		b.save() // in this order (Linux): a larger window from before stays
		b.probeDone = 0
		b.limited, b.limitedFrom = true, b.total
	}
	if b.mode == bbrProbeRTT {
		b.measureRTT(now, a)
	}
	if a.Delivered > 0 {
		b.idle = false
	}
}

// measureRTT waits until the queue is empty, then for 200 ms and a round.
func (b *bbr) measureRTT(now sim.Time, a *Ack) {
	pipe := max(a.InFlight-a.Delivered-a.Lost, 0)
	b.limitedTo = b.total + pipe
	switch {
	case b.probeDone == 0:
		if pipe <= bbrLeast*b.MSS {
			b.probeDone = now.Add(bbrProbeTime)
			b.probeRound = false
			b.roundEnd = b.total
		}
	default:
		b.probeRound = b.probeRound || b.roundStart
		if b.probeRound {
			b.endProbe(now)
		}
	}
}

// endProbe leaves PROBE_RTT if its time has passed (bbr_check_probe_rtt_done).
func (b *bbr) endProbe(now sim.Time) {
	if b.probeDone == 0 || now <= b.probeDone {
		return
	}
	b.minAt = now
	b.W = max(b.W, b.prior)
	if b.full {
		b.probeBW(now)
	} else {
		b.mode = bbrStartup
	}
}
