package radio

import (
	"mpsim/sim"
	"mpsim/sim/trace"

	simnet "mpsim/net"
)

// Signal is the received power of a link over time in dBm, alike in both directions.
// Nil is a perfect signal, at which the highest rate loses nothing.
type Signal interface {
	At(now sim.Time) float64
}

// FixedRate is a signal at which exactly one rate is used and nothing is lost.
type FixedRate int

// At implements Signal; the rate does not depend on it.
func (FixedRate) At(sim.Time) float64 { return 0 }

// frame is a packet that a station has taken out of its queue.
type frame struct {
	id     simnet.PacketID
	octets int // as it is sent
	tries  int // transmissions so far
	state  frameState
}

type frameState uint8

const (
	pending frameState = iota
	sent
	givenUp
)

// mediumLink is one direction of a link on a medium: the frames between the oldest one
// that is neither received nor given up and the newest one that was sent.
type mediumLink struct {
	air     *simnet.Air
	station *station
	signal  Signal
	luck    *sim.Rand // of frames, by transmission
	drawn   uint64
	frames  []frame
	sending int // how many of the pending ones are in the transmission under way
	rate    int
	dBm     float64
}

// Offered implements simnet.Radio.
func (k *mediumLink) Offered(now sim.Time) {
	if k.wants() {
		k.station.medium.offered(now, k.station)
	}
}

// Changed implements simnet.Radio.
func (k *mediumLink) Changed(now sim.Time, emptied bool) {
	if emptied {
		k.frames, k.sending = k.frames[:0], 0
	}
	k.Offered(now)
}

func (k *mediumLink) wants() bool {
	return k.air.Works() && (len(k.frames) > 0 || k.air.Waits())
}

// compose puts frames together and returns their time on air; 0: there are none.
func (k *mediumLink) compose(now sim.Time) sim.Duration {
	m := k.station.medium
	k.chooseRate(now)
	octets := 0
	k.sending = 0
	for i := 0; ; i++ {
		if i == len(k.frames) && !k.take(now) {
			break
		}
		f := &k.frames[i]
		if f.state != pending {
			continue
		}
		if k.sending > 0 && (octets+f.octets > mostOctets || m.phy.DataTime(octets+f.octets, k.rate) > mostAir) {
			break
		}
		octets += f.octets
		k.sending++
		if !m.block {
			break
		}
	}
	if k.sending == 0 {
		return 0
	}
	return m.phy.DataTime(octets, k.rate)
}

// take appends a packet of the queue to the frames.
func (k *mediumLink) take(now sim.Time) bool {
	if len(k.frames) == mostFrames {
		return false
	}
	id := k.air.Take(now)
	if id == 0 {
		return false
	}
	m := k.station.medium
	k.frames = append(k.frames, frame{id: id, octets: m.phy.Frame(k.air.Size(id), m.block)})
	return true
}

// chooseRate takes the highest rate that the signal allows.
func (k *mediumLink) chooseRate(now sim.Time) {
	phy := k.station.medium.phy
	switch s := k.signal.(type) {
	case nil:
		k.rate = len(phy.Rates) - 1
	case FixedRate:
		k.rate = int(s)
	default:
		k.dBm = s.At(now)
		k.rate = phy.RateFor(k.dBm)
	}
}

// lost draws whether a frame is lost by a weak signal.
func (k *mediumLink) lost(f *frame) bool {
	k.drawn++
	switch k.signal.(type) {
	case nil, FixedRate:
		return false
	}
	return k.luck.FloatAt(k.drawn-1) < k.station.medium.phy.FrameLoss(k.rate, f.octets, k.dBm)
}

// outcome settles the frames that were in the transmission and reports whether the
// sender hears an acknowledgement.
func (k *mediumLink) outcome(now sim.Time, collided bool) bool {
	m := k.station.medium
	heard := false
	for i := range k.frames {
		f := &k.frames[i]
		if k.sending == 0 {
			break
		}
		if f.state != pending {
			continue
		}
		k.sending--
		f.tries++
		switch {
		case !collided && !k.lost(f):
			f.state = sent
			m.stats.Frames++
			heard = true
			continue
		case !collided:
			m.stats.Failed++
		}
		if f.tries >= m.cfg.Retries {
			f.state = givenUp
			m.stats.GivenUp++
		}
	}
	return heard
}

// release hands on what the receiver has in order.
func (k *mediumLink) release(now sim.Time) {
	n := 0
	for n < len(k.frames) && k.frames[n].state != pending {
		if f := &k.frames[n]; f.state == sent {
			k.air.Sent(now, f.id, now)
		} else {
			k.air.Lost(now, f.id, trace.RetryLimit)
		}
		n++
	}
	if n > 0 {
		k.frames = k.frames[:copy(k.frames, k.frames[n:])]
	}
}
