package radio

import (
	"mpsim/sim"

	simnet "mpsim/net"
)

// A medium is a channel of 802.11 that stations share under the distributed
// coordination function (IEEE Std 802.11-2016 section 10.3): who has a frame waits
// until the medium was idle for DIFS and then for a random number of slots, which
// count only while the medium is idle. Whose slots end together collide. A frame that
// arrives is acknowledged after SIFS; one that is not is sent again after a wait
// drawn from twice as many slots. The access point is a station like the others, so
// that acknowledgements of TCP contend with the data that they answer.
//
// Modelled: slots, SIFS, DIFS (AIFS of best effort in 802.11n), contention windows and
// their doubling, the retry limit, the wait after every transmission even without a
// further frame, acknowledgements and block acknowledgements, A-MPDU with selective
// repetition and delivery in order, time on air by symbols, loss of frames by signal
// strength (signal.go). A station serves its links in turn.
//
// Departures: all stations hear each other (no hidden stations, no capture, no
// RTS/CTS); after a collision everybody waits for SIFS, an acknowledgement and DIFS,
// which is what EIFS and the sender's timeout come to; a frame that is offered
// between a transmission and the end of DIFS counts as offered while the medium was
// busy; a frame that may be sent at once is sent at the next slot boundary. Rates
// follow the signal at once; there is no rate adaptation by loss, no beacons, no
// power saving, no management frames, and A-MSDU is not there.

// MediumConfig are the choices of a medium.
type MediumConfig struct {
	Standard *Standard
	// Aggregate lets stations send A-MPDUs, if the standard has them.
	Aggregate bool
	// Retries is how often a frame is sent at most (dot11ShortRetryLimit, 7).
	Retries int
}

// Medium is a shared channel.
type Medium struct {
	name     string
	sim      *sim.Sim
	phy      *Standard
	cfg      MediumConfig
	block    bool // frames are aggregated and block-acknowledged
	timer    sim.Timer
	sending  bool     // until the timer
	base     sim.Time // from which slots count; Never: while sending
	stations []*station
	senders  []*station // of the transmission under way
	stats    MediumStats
}

// MediumStats are totals of a medium.
type MediumStats struct {
	Transmissions uint64 // successful or not, collisions as one
	Collisions    uint64
	Frames        uint64 // data frames acknowledged
	Failed        uint64 // data frames lost by a weak signal
	GivenUp       uint64 // packets lost at the retry limit
	Busy          sim.Duration
}

// station is what contends: a node, with the directions in which it sends.
type station struct {
	medium  *Medium
	name    string
	draws   *sim.Rand
	links   []*mediumLink
	turn    int  // link that is served next
	backoff int  // slots from Medium.base on
	window  int  // contention window
	failed  int  // transmissions in a row
	active  bool // it contends
	current *mediumLink
}

// NewMedium returns an idle channel. Its random numbers come from the streams
// "medium/NAME/STATION".
func NewMedium(s *sim.Sim, name string, cfg MediumConfig) *Medium {
	m := &Medium{name: name, sim: s, phy: cfg.Standard, cfg: cfg, block: cfg.Aggregate && cfg.Standard.aggregates}
	if cfg.Retries < 1 {
		sim.Bugf("medium %s sends frames %d times", name, cfg.Retries)
	}
	m.timer.Init(s.AddOrigin("medium "+name), s.Register(m), 0)
	return m
}

// Stats returns the totals up to now.
func (m *Medium) Stats() MediumStats { return m.stats }

// Link returns what serves one direction of a link: the named station sends. Links
// that name the same station share its backoff. Signal is what receivers hear.
func (m *Medium) Link(stationName string, signal Signal) func(*simnet.Air) simnet.Radio {
	return func(a *simnet.Air) simnet.Radio {
		k := &mediumLink{air: a, station: m.station(stationName), signal: signal, luck: a.Stream("frames")}
		k.frames = make([]frame, 0, mostFrames)
		k.station.links = append(k.station.links, k)
		return k
	}
}

func (m *Medium) station(name string) *station {
	for _, s := range m.stations {
		if s.name == name {
			return s
		}
	}
	s := &station{medium: m, name: name, draws: m.sim.Stream("medium/" + m.name + "/" + name), window: m.phy.CWMin}
	m.stations = append(m.stations, s)
	m.senders = make([]*station, 0, len(m.stations))
	return s
}

// offered is called when a station has something to send that had not before.
func (m *Medium) offered(now sim.Time, s *station) {
	switch {
	case m.sending || now < m.base:
		if s.backoff == 0 && !s.active {
			s.draw()
		}
	case m.base.Add(sim.Duration(s.backoff)*m.phy.Slot) <= now:
		past := now.Sub(m.base)
		s.backoff = int((past + m.phy.Slot - 1) / m.phy.Slot)
	}
	s.active = true
	m.contend()
}

// contend sets the timer to the end of the shortest wait.
func (m *Medium) contend() {
	if m.sending {
		return
	}
	first := -1
	for _, s := range m.stations {
		if s.wants() && (first < 0 || s.backoff < first) {
			first = s.backoff
		}
	}
	if first < 0 {
		m.timer.Set(m.sim, sim.Never)
		return
	}
	m.timer.Set(m.sim, m.base.Add(sim.Duration(first)*m.phy.Slot))
}

// OnEvent implements sim.Handler: a wait or a transmission ends.
func (m *Medium) OnEvent(now sim.Time, _ uint64) {
	if !m.timer.Expired(m.sim) {
		return
	}
	if m.sending {
		m.finish(now)
	} else {
		m.begin(now)
	}
	m.contend()
}

// begin starts the transmissions of those whose wait ends now.
func (m *Medium) begin(now sim.Time) {
	passed := int(now.Sub(m.base) / m.phy.Slot)
	m.senders = m.senders[:0]
	longest := sim.Duration(0)
	for _, s := range m.stations {
		if s.backoff > passed || !s.wants() {
			s.backoff = max(s.backoff-passed, 0)
			continue
		}
		s.backoff = 0
		if air := s.compose(now); air > 0 {
			m.senders = append(m.senders, s)
			longest = max(longest, air)
		}
	}
	m.base = now
	if len(m.senders) == 0 {
		return
	}
	m.sending = true
	m.stats.Transmissions++
	if len(m.senders) > 1 {
		m.stats.Collisions++
	}
	m.stats.Busy += longest
	m.timer.Set(m.sim, now.Add(longest))
}

// finish ends the transmission under way; the exchange goes on for SIFS and an
// acknowledgement, or as long as one would take.
func (m *Medium) finish(now sim.Time) {
	m.sending = false
	answer := sim.Duration(0)
	for _, s := range m.senders {
		if s.current != nil {
			answer = max(answer, m.phy.AckTime(s.current.rate, m.block))
		}
	}
	m.stats.Busy += m.phy.SIFS + answer
	m.base = now.Add(m.phy.SIFS + answer + m.phy.Wait)
	collided := len(m.senders) > 1
	for _, s := range m.senders {
		s.conclude(now, collided)
	}
}

// wants reports whether the station has something to send.
func (s *station) wants() bool {
	for _, k := range s.links {
		if k.wants() {
			return true
		}
	}
	return false
}

// compose chooses the link whose turn it is and what it sends, and returns the time
// that takes.
func (s *station) compose(now sim.Time) sim.Duration {
	for range s.links {
		k := s.links[s.turn]
		s.turn = (s.turn + 1) % len(s.links)
		if !k.wants() {
			continue
		}
		if air := k.compose(now); air > 0 {
			s.current = k
			return air
		}
	}
	return 0
}

// conclude hands out what has arrived and draws the next wait.
func (s *station) conclude(now sim.Time, collided bool) {
	k := s.current
	s.current = nil
	heard := k != nil && k.outcome(now, collided)
	if heard {
		s.failed, s.window = 0, s.medium.phy.CWMin
	} else {
		s.failed++
		s.window = min(2*s.window+1, s.medium.phy.CWMax)
		if s.failed >= s.medium.cfg.Retries {
			s.failed, s.window = 0, s.medium.phy.CWMin
		}
	}
	s.draw()
	if k != nil {
		k.release(now)
	}
	s.active = s.wants()
}

func (s *station) draw() { s.backoff = int(s.draws.IntN(uint64(s.window) + 1)) }
