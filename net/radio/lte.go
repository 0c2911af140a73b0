package radio

import (
	"mpsim/sim"

	simnet "mpsim/net"
)

// The user plane of LTE between a base station and one device: subframes, HARQ, in-order
// delivery by RLC in acknowledged mode, and the states of the radio resource control.
//
// Modelled: each subframe (TTI) of 1 ms carries one transport block of rate x 1 ms octets of
// IP, cut out of the stream of packets without regard to their borders. A block fails
// with probability BLER; it is sent again 8 ms later in its HARQ process, whose subframe is
// then not free for a new one (3GPP TS 36.321 section 5.3.2, FDD). After Attempts
// failures RLC repeats it when a status report has asked for it (TS 36.322). RLC
// delivers in order: a packet waits for every block before it. So loss of the radio is
// delay, with all that is behind held back, and nothing is lost.
// A device that was silent for Tail is idle (RRC_IDLE) and needs Promotion first; one that
// was silent for DRXAfter listens only once in DRXCycle; one whose send queue was empty
// for longer than Grant asks for a grant first, which takes that long (scheduling
// request, grant, first transmission).
//
// Departures: the rate is what the scheduler of the cell leaves to the device, as the
// link's rate, trace of rates or profile says, and the block error rate does not depend
// on it. HARQ combines nothing: every attempt fails alike. A packet leaves the
// queue when its last octet is in a block. Blocks that RLC repeats take their room
// from the next blocks. At 32 rounds RLC would give up the radio link; here the round
// counts as received. Short DRX, the paging cycle of idle devices and handover
// (mobile.go) are apart; headers of PDCP, RLC and MAC count as part of the rate.

// TTI is the length of a subframe, HARQTime the time from an attempt to the next.
const (
	TTI       = sim.Millisecond
	HARQTime  = processes * TTI
	processes = 8
	rounds    = 32
)

// LTEConfig are the parameters of a device. Defaults are those of LTEDefaults.
type LTEConfig struct {
	BLER      float64      // probability that an attempt fails, up to 0.9
	Attempts  int          // of HARQ
	RLCDelay  sim.Duration // from the last failed attempt to the repetition by RLC
	Promotion sim.Duration // from idle to connected
	Tail      sim.Duration // silence after which the device is idle
	DRXAfter  sim.Duration // silence after which it sleeps
	DRXCycle  sim.Duration // 0: it never sleeps
	Grant     sim.Duration // from a request to the first transmission
}

// LTEDefaults returns what Huang et al., "A close examination of performance and power
// characteristics of 4G LTE networks", MobiSys 2012, measured (promotion 260 ms, tail
// 11.576 s, sleep after 100 ms, cycle of 40 ms), with a first block error rate of a tenth and
// four attempts, the common target of link adaptation; RLC delay and grant assumed.
func LTEDefaults() LTEConfig {
	return LTEConfig{
		BLER: 0.1, Attempts: 4, RLCDelay: 40 * ms, Promotion: 260 * ms, Tail: 11576 * ms,
		DRXAfter: 100 * ms, DRXCycle: 40 * ms, Grant: 15 * ms,
	}
}

// LTE is one device.
type LTE struct {
	cfg   LTEConfig
	hears Signal // nil: perfect
	noise float64
	used  bool
	ready sim.Time // end of the last promotion
	last  sim.Time // end of the last subframe in which it sent or received
	stats LTEStats
}

// LTEStats are totals of both directions.
type LTEStats struct {
	Promotions  uint64
	Blocks      uint64 // transport blocks
	Failures    uint64 // attempts that failed
	Repetitions uint64 // blocks that RLC sent again
}

// NewLTE returns an idle device.
func NewLTE(cfg LTEConfig) *LTE {
	if !(cfg.BLER >= 0 && cfg.BLER <= 0.9) || cfg.Attempts < 1 {
		sim.Bugf("LTE with block error rate %v and %d attempts", cfg.BLER, cfg.Attempts)
	}
	return &LTE{cfg: cfg}
}

// Hear makes the rate depend on a signal: that of the link is for CQI 15. Noise is in dBm.
func (u *LTE) Hear(s Signal, noise float64) { u.hears, u.noise = s, noise }

// rate returns what the signal leaves of a rate.
func (u *LTE) rate(now sim.Time, r sim.Rate) sim.Rate {
	if u.hears == nil {
		return r
	}
	return AtCQI(r, CQI(u.hears.At(now)-u.noise))
}

// Stats returns the totals up to now.
func (u *LTE) Stats() LTEStats { return u.stats }

// Direction returns what serves one direction of the device's link. Random numbers come from
// the stream "link/NAME/harq".
func (u *LTE) Direction(uplink bool) func(*simnet.Air) simnet.Radio {
	return func(a *simnet.Air) simnet.Radio {
		k := &lteLink{air: a, device: u, uplink: uplink, luck: a.Stream("harq")}
		s := a.Sim()
		k.timer.Init(a.Origin(), s.Register(k), 0)
		for i := range k.busy {
			k.busy[i] = -1
		}
		return k
	}
}

// wake returns when a direction whose queue was empty may be served.
func (u *LTE) wake(now sim.Time, k *lteLink) sim.Time {
	c := &u.cfg
	if !u.used || now > u.last.Add(c.Tail) {
		u.used = true
		u.stats.Promotions++
		u.ready = now.Add(c.Promotion)
		u.last = u.ready
	}
	if now <= u.ready {
		return u.ready
	}
	asleep := u.last.Add(c.DRXAfter)
	switch {
	case !k.uplink && c.DRXCycle > 0 && now > asleep:
		n := (now.Sub(asleep) + c.DRXCycle - 1) / c.DRXCycle
		return asleep.Add(n * c.DRXCycle)
	case k.uplink && now > k.sent.Add(c.Grant):
		return now.Add(c.Grant)
	}
	return now
}

// lteLink is one direction.
type lteLink struct {
	air    *simnet.Air
	device *LTE
	uplink bool
	timer  sim.Timer
	active bool // the timer goes from subframe to subframe
	luck   *sim.Rand
	drawn  uint64

	sent   sim.Time // end of the last subframe of this direction
	busy   [processes]sim.Time
	rest   uint64 // of the rate, in units of 1e-9 bit
	debt   int    // octets that RLC repeats
	packet simnet.PacketID
	left   int      // octets of it that are in no block yet
	whole  sim.Time // when all blocks so far are received
	ends   []simnet.PacketID
}

// Offered implements simnet.Radio.
func (k *lteLink) Offered(now sim.Time) {
	if k.active || !k.air.Works() || k.packet == 0 && !k.air.Waits() {
		return
	}
	k.active = true
	if now >= k.whole {
		k.debt = 0 // repeated while nothing else was sent
	}
	at := k.device.wake(now, k)
	k.timer.Set(k.air.Sim(), (at+sim.Time(TTI)-1)/sim.Time(TTI)*sim.Time(TTI))
}

// Changed implements simnet.Radio.
func (k *lteLink) Changed(now sim.Time, emptied bool) {
	if emptied {
		k.packet, k.left = 0, 0
	}
	k.Offered(now)
}

// OnEvent implements sim.Handler: a subframe begins.
func (k *lteLink) OnEvent(now sim.Time, _ uint64) {
	if !k.timer.Expired(k.air.Sim()) {
		return
	}
	more := k.air.Works()
	if more && now > k.busy[now/sim.Time(TTI)%processes] {
		more = k.block(now)
	}
	if k.active = more; more {
		k.timer.Set(k.air.Sim(), now+sim.Time(TTI))
	}
}

// block fills a transport block and reports whether there is more to send.
func (k *lteLink) block(now sim.Time) bool {
	k.rest += uint64(k.device.rate(now, k.air.Rate(now))) * uint64(TTI)
	room := int(k.rest / (8 * 1e9))
	k.rest %= 8 * 1e9
	repeated := min(room, k.debt)
	k.debt -= repeated
	room -= repeated
	size := 0
	k.ends = k.ends[:0]
	for size < room {
		if k.packet == 0 {
			if k.packet = k.air.Take(now); k.packet == 0 {
				break
			}
			k.left = k.air.Size(k.packet)
		}
		n := min(room-size, k.left)
		size += n
		if k.left -= n; k.left == 0 {
			k.ends = append(k.ends, k.packet)
			k.packet = 0
		}
	}
	if size > 0 {
		k.sent = now + sim.Time(TTI)
		k.device.last = max(k.device.last, k.sent)
		k.whole = max(k.whole, k.transmit(now, size))
	}
	for _, id := range k.ends {
		k.air.Sent(now, id, k.whole)
	}
	return k.packet != 0 || k.air.Waits()
}

// transmit returns when a block that is first sent now is received.
func (k *lteLink) transmit(now sim.Time, octets int) sim.Time {
	c, stats := &k.device.cfg, &k.device.stats
	stats.Blocks++
	process := now / sim.Time(TTI) % processes
	at := now
	for range rounds {
		failed := 0
		for failed < c.Attempts && k.fails() {
			failed++
		}
		stats.Failures += uint64(failed)
		if at == now {
			k.busy[process] = now.Add(sim.Duration(min(failed, c.Attempts-1)) * HARQTime)
		}
		if failed < c.Attempts {
			at = at.Add(sim.Duration(failed) * HARQTime)
			break
		}
		at = at.Add(sim.Duration(c.Attempts-1)*HARQTime + TTI + c.RLCDelay)
		stats.Repetitions++
		k.debt += octets
	}
	return at.Add(TTI)
}

func (k *lteLink) fails() bool {
	k.drawn++
	return k.luck.FloatAt(k.drawn-1) < k.device.cfg.BLER
}
