package radio

import (
	"fmt"

	"mpsim/sim"
)

// A host that moves along a line past access points or base stations: what it hears of
// each, to which it is attached, and when it changes over.
//
//	power(d) = Power - Reference - 10 Exponent log10(max(d, 1 m)) + X    (dBm)
//
// is log-distance path loss with shadowing (Rappaport, "Wireless communications", section
// 4.9): X is normal with standard deviation Shadowing, and over a way of s metres its
// correlation falls to exp(-s/Correlation) (Gudmundson, Electronics Letters 27(23), 1991).
//
// Two rules of attachment. WiFi (Scan): below Leave the association is lost, or left for
// another access point that is Hysteresis stronger if the own one is below Roam; then
// the host scans for Search, again and again until it hears one at Join or above, and
// needs Attach for association and addresses. Handover A3 of LTE (3GPP TS 36.331 section
// 5.5.4.4): a neighbour that is stronger by more than Offset for TimeToTrigger takes over
// after Interruption; below Leave the link fails and the rule of WiFi holds. A
// signal below Warn is a warning, which ends 3 dB above.
//
// Departures: one dimension; measured every 32 ms without filter; no fast fading; both
// directions alike; neighbours do not interfere, and all access points are on the
// link's one medium.

// Waypoint is a place of the host at a time, in metres.
type Waypoint struct {
	At    sim.Time
	Place float64
}

// Handover is a rule of attachment.
type Handover uint8

// The rules: never another than the strongest at the start, and never lost; scanning; A3.
const (
	Stay Handover = iota
	Scan
	A3
)

// MobileConfig describes a host's way and radio.
type MobileConfig struct {
	Way   []Waypoint // ascending times; straight in between, at rest before and behind
	Cells []float64  // places of access points or base stations in metres

	Power       float64 // radiated, dBm
	Reference   float64 // loss at 1 m, dB
	Exponent    float64
	Shadowing   float64 // dB
	Correlation float64 // m

	Handover          Handover
	Leave, Join, Roam float64 // dBm
	Hysteresis        float64 // dB
	Search, Attach    sim.Duration
	Offset            float64 // dB
	TimeToTrigger     sim.Duration
	Interruption      sim.Duration
	Warn              float64 // dBm; 0: no warning
}

// Attachment is what a moving host does to its link.
type Attachment interface {
	// Detach: the link carries nothing. Over says that it is for a handover, after
	// which it goes on, and not because the signal was lost.
	Detach(now sim.Time, over bool)
	// Attached: the link works again, at another cell perhaps.
	Attached(now sim.Time, cell int)
	// Warned: the signal has become low, or is no longer.
	Warned(now sim.Time, low bool)
}

// measurement is the time between two looks at the signal.
const measurement = 32 * sim.Millisecond

// Mobile is a moving host. It implements Signal.
type Mobile struct {
	cfg    MobileConfig
	sim    *sim.Sim
	timer  sim.Timer
	link   Attachment
	draws  *sim.Rand
	shadow []float64 // by cell, as multiples of the standard deviation
	place  float64   // at which they were drawn

	state   mobileState
	serving int
	next    int        // cell that is attached to at due
	due     sim.Time   // end of search, attachment or interruption
	since   []sim.Time // by cell: for how long it has been better; Never: it is not
	low     bool
	stats   MobileStats
}

// MobileStats are totals of a moving host.
type MobileStats struct {
	Handovers uint64
	Lost      uint64 // associations lost
	Warnings  uint64
	Detached  sim.Duration
}

type mobileState uint8

const (
	attached mobileState = iota
	searching
	attaching
)

// Check reports what is wrong with a configuration.
func (c *MobileConfig) Check() error {
	if len(c.Way) == 0 || len(c.Cells) == 0 {
		return fmt.Errorf("a moving host needs a way and a cell")
	}
	for i := range c.Way[1:] {
		if c.Way[i+1].At <= c.Way[i].At {
			return fmt.Errorf("waypoints at %v and %v are not in order", c.Way[i].At, c.Way[i+1].At)
		}
	}
	if c.Join < c.Leave {
		return fmt.Errorf("a signal of %g dBm is enough to attach but below %g dBm, at which attachment ends", c.Join, c.Leave)
	}
	return nil
}

// NewMobile returns a host on its way; its draws come from the stream "mobile/NAME". It is
// attached to the strongest cell, or searches if none is strong enough.
func NewMobile(s *sim.Sim, name string, cfg MobileConfig) *Mobile {
	if err := cfg.Check(); err != nil {
		sim.Bugf("mobile %s: %v", name, err)
	}
	m := &Mobile{
		cfg: cfg, sim: s, draws: s.Stream("mobile/" + name),
		shadow: make([]float64, len(cfg.Cells)), since: make([]sim.Time, len(cfg.Cells)),
	}
	m.place = m.Place(0)
	for i := range m.shadow {
		m.shadow[i] = m.draws.Normal()
		m.since[i] = sim.Never
	}
	m.serving = m.strongest(0)
	m.timer.Init(s.AddOrigin("mobile "+name), s.Register(m), 0)
	return m
}

// Start gives the host its link and begins to look at the signal.
func (m *Mobile) Start(link Attachment) {
	m.link = link
	m.timer.Set(m.sim, 0)
}

// Stats returns the totals up to now.
func (m *Mobile) Stats() MobileStats { return m.stats }

// Serving returns the cell to which the host is attached, or was last.
func (m *Mobile) Serving() int { return m.serving }

// Place returns where the host is at a time.
func (m *Mobile) Place(now sim.Time) float64 {
	w := m.cfg.Way
	if now <= w[0].At {
		return w[0].Place
	}
	for i := 1; i < len(w); i++ {
		if now <= w[i].At {
			part := float64(now-w[i-1].At) / float64(w[i].At-w[i-1].At)
			return w[i-1].Place + float64(part*(w[i].Place-w[i-1].Place))
		}
	}
	return w[len(w)-1].Place
}

// At implements Signal: the power in dBm received from the serving cell.
func (m *Mobile) At(now sim.Time) float64 { return m.Power(now, m.serving) }

// Power returns the power in dBm received from a cell.
func (m *Mobile) Power(now sim.Time, cell int) float64 {
	c := &m.cfg
	d := m.Place(now) - c.Cells[cell]
	return c.Power - c.Loss(max(d, -d)) + float64(c.Shadowing*m.shadow[cell])
}

// Loss returns the mean path loss in dB over a distance in metres.
func (c *MobileConfig) Loss(metres float64) float64 {
	const ln10 = 2.302585092994046
	return c.Reference + float64(10*c.Exponent*sim.Log(max(metres, 1))/ln10)
}

func (m *Mobile) strongest(now sim.Time) int {
	best := 0
	for i := range m.cfg.Cells {
		if m.Power(now, i) > m.Power(now, best) {
			best = i
		}
	}
	return best
}

// OnEvent implements sim.Handler: a measurement, or the end of a search, an
// attachment or an interruption.
func (m *Mobile) OnEvent(now sim.Time, _ uint64) {
	if !m.timer.Expired(m.sim) {
		return
	}
	m.move(now)
	if m.state != attached {
		if now >= m.due {
			m.settle(now)
		}
	} else {
		m.judge(now)
	}
	m.warn(now)
	next := (now/sim.Time(measurement) + 1) * sim.Time(measurement)
	if m.state != attached {
		next = min(next, m.due)
	}
	m.timer.Set(m.sim, next)
}

// move draws the shadows anew for the way since they were drawn.
func (m *Mobile) move(now sim.Time) {
	at := m.Place(now)
	s := at - m.place
	if s == 0 || m.cfg.Shadowing == 0 {
		return
	}
	rho := sim.Exp(-max(s, -s) / m.cfg.Correlation)
	fresh := sim.Sqrt(1 - float64(rho*rho))
	for i := range m.shadow {
		m.shadow[i] = float64(rho*m.shadow[i]) + float64(fresh*m.draws.Normal())
	}
	m.place = at
}

// judge decides whether an attached host stays.
func (m *Mobile) judge(now sim.Time) {
	c := &m.cfg
	own := m.At(now)
	if c.Handover == Stay {
		return
	}
	if own < c.Leave {
		m.stats.Lost++
		m.detach(now, false)
		m.search(now)
		return
	}
	best := m.strongest(now)
	switch {
	case c.Handover == Scan && own < c.Roam && best != m.serving && m.Power(now, best) > own+c.Hysteresis:
		m.detach(now, true)
		m.search(now)
	case c.Handover == A3:
		m.neighbours(now, own)
	}
}

// neighbours applies the rule A3.
func (m *Mobile) neighbours(now sim.Time, own float64) {
	best := -1
	for i := range m.since {
		if i == m.serving || m.Power(now, i) <= own+m.cfg.Offset {
			m.since[i] = sim.Never
			continue
		}
		m.since[i] = min(m.since[i], now)
		if now.Sub(m.since[i]) >= m.cfg.TimeToTrigger && (best < 0 || m.Power(now, i) > m.Power(now, best)) {
			best = i
		}
	}
	if best >= 0 {
		m.detach(now, true)
		m.attach(now, best, m.cfg.Interruption)
	}
}

func (m *Mobile) detach(now sim.Time, over bool) {
	for i := range m.since {
		m.since[i] = sim.Never
	}
	m.stats.Detached -= sim.Duration(now)
	m.link.Detach(now, over)
}

func (m *Mobile) search(now sim.Time) { m.state, m.due = searching, now.Add(m.cfg.Search) }

func (m *Mobile) attach(now sim.Time, cell int, d sim.Duration) {
	m.state, m.next, m.due = attaching, cell, now.Add(d)
}

// settle ends a search or an attachment.
func (m *Mobile) settle(now sim.Time) {
	if m.state == searching {
		if best := m.strongest(now); m.Power(now, best) >= m.cfg.Join {
			m.attach(now, best, m.cfg.Attach)
		} else {
			m.search(now)
		}
		return
	}
	if m.next != m.serving {
		m.stats.Handovers++
	}
	m.state, m.serving = attached, m.next
	m.stats.Detached += sim.Duration(now)
	m.link.Attached(now, m.serving)
}

// warn tells of a signal that has become low, or no longer is.
func (m *Mobile) warn(now sim.Time) {
	if m.cfg.Warn == 0 {
		return
	}
	dBm := m.At(now)
	low := dBm < m.cfg.Warn || m.low && dBm < m.cfg.Warn+3
	if low != m.low {
		m.low = low
		if low {
			m.stats.Warnings++
		}
		m.link.Warned(now, low)
	}
}
