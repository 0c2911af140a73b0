package cc

import "mpsim/sim"

// HyStart as Linux 6.18 has it (net/ipv4/tcp_cubic.c, hystart_update), after
// Ha and Rhee, "Taming the elephants: new TCP slow start", Computer Networks
// 2011. Slow start ends when
//   - a train of ACKs, each at most 2 ms after the last, is longer than half the
//     smallest delay: the packets of the round fill the path one way; or
//   - the smallest delay of the round exceeds the smallest ever by an eighth of
//     it, at least 4 ms and at most 16 ms: a queue builds up.
//
// Both look only at windows of 16 segments or more, and find at most once. In
// Linux the smallest delay is CUBIC's own, which ignores the second after a loss.
// Departure: delays are in nanoseconds, not rounded to microseconds.

const (
	hystartLowWindow  = 16 // segments
	hystartMinSamples = 8
	hystartAckSpacing = 2 * sim.Millisecond
	hystartDelayMin   = 4 * sim.Millisecond
	hystartDelayMax   = 16 * sim.Millisecond
	hystartMaxCushion = sim.Millisecond
	gsoMaxSize        = 65536 // bytes, Linux's largest burst below TCP
)

type hystart struct {
	delayMin   sim.Duration // smallest of the connection; 0: none
	roundStart sim.Time
	lastAck    sim.Time
	roundEnd   uint64 // SND.NXT at the start of the round
	roundMin   sim.Duration
	samples    int
	found      bool
}

func (h *hystart) newRound(now sim.Time, nxt uint64) {
	h.roundStart, h.lastAck = now, now
	h.roundEnd = nxt
	h.roundMin = sim.Duration(sim.Never)
	h.samples = 0
}

// ends takes the delay sample of an acknowledgement in slow start.
func (h *hystart) ends(now sim.Time, a *Ack, f *Flow) bool {
	if a.RTT <= 0 || h.found {
		return false
	}
	if a.Una > h.roundEnd {
		h.newRound(now, a.Nxt)
	}
	if f.Segments() < hystartLowWindow {
		return false
	}
	if now.Sub(h.lastAck) <= hystartAckSpacing {
		h.lastAck = now
		if now.Sub(h.roundStart) > h.trainLength(f) {
			h.found = true
		}
	}
	h.roundMin = min(h.roundMin, a.RTT)
	switch {
	case h.samples < hystartMinSamples:
		h.samples++
	case h.roundMin > h.delayMin+min(max(h.delayMin/8, hystartDelayMin), hystartDelayMax):
		h.found = true
	}
	return h.found
}

// trainLength is how long a train of ACKs must be. The cushion is the time that
// two bursts of the largest size take at the pacing rate: bursts arrive together,
// and on short paths that alone would look like a full one. If pacing may
// have delayed packets by half a round the threshold is not halved.
func (h *hystart) trainLength(f *Flow) sim.Duration {
	d := h.delayMin
	if rate := f.linuxPacing(); rate > 0 {
		burst := sim.Duration(4 * gsoMaxSize * 8e9 / float64(rate))
		d += min(burst, hystartMaxCushion)
	}
	if !f.rules.Paced {
		d /= 2
	}
	return d
}
