package scenarios

import (
	"strings"

	"mpsim/net/radio"

	simnet "mpsim/net"
	"mpsim/sim"
)

// MediumStandards returns the kinds of [[medium]] with what they are.
func MediumStandards() [][2]string {
	var out [][2]string
	for _, s := range radio.Standards() {
		out = append(out, [2]string{s.Name, s.Doc})
	}
	return out
}

// checkMedia checks the [[medium]] tables.
func (c *checker) checkMedia() {
	for i, m := range c.sc.Media {
		c.name(m.Name, m.valuePos("name"), "medium")
		for _, other := range c.sc.Media[:i] {
			if other.Name == m.Name {
				c.add(m.valuePos("name"), "a second medium named %q; the first is at %v", m.Name, other.pos("name"))
			}
		}
		if _, err := radio.FindStandard(m.Standard); err != nil {
			var known []string
			for _, s := range radio.Standards() {
				known = append(known, s.Name)
			}
			c.add(m.valuePos("standard"), "unknown standard %q%s", m.Standard, didYouMean(m.Standard, known))
		}
	}
}

// medium returns the medium of a name, or nil.
func (sc *Scenario) medium(name string) *Medium {
	for _, m := range sc.Media {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// checkRadio checks the keys of a radio link, and completes its queues: a device of
// Linux holds 1000 packets.
func (c *checker) checkRadio(l *Link) {
	c.checkLTE(l)
	c.checkRadioPath(l)
	if l.Medium == "" {
		if l.PHYRate != nil {
			c.add(l.pos("phy_rate"), "link %q: phy_rate has no meaning without medium", l.Name)
		}
		return
	}
	c.radioRates(l, "medium")
	m := c.sc.medium(l.Medium)
	if m == nil {
		var known []string
		for _, m := range c.sc.Media {
			known = append(known, m.Name)
		}
		c.add(l.valuePos("medium"), "there is no medium %q%s", l.Medium, didYouMean(l.Medium, known))
		return
	}
	if l.PHYRate != nil {
		if s, err := radio.FindStandard(m.Standard); err == nil {
			if _, err := s.RateIndex(l.PHYRate.Bits); err != nil {
				c.add(l.valuePos("phy_rate"), "link %q: %v", l.Name, err)
			}
		}
	}
	for _, d := range []*Direction{l.Up, l.Down} {
		if d.Queue == nil {
			d.Queue = &Queue{Packets: 1000}
		}
	}
}

// radioRates refuses rates beside a key that brings them.
func (c *checker) radioRates(l *Link, key string) {
	for _, d := range []*Direction{l.Up, l.Down} {
		if l.Profile.Name != "" || d.Trace != nil || d.Rate != nil && !d.Rate.Unlimited {
			c.add(l.pos(key), "link %q: %s decides what the link carries: leave rate, trace and profile out", l.Name, key)
			return
		}
	}
}

// buildMedia makes the shared media.
func (w *World) buildMedia() map[string]*radio.Medium {
	w.media = make(map[string]*radio.Medium)
	for _, m := range w.sc.Media {
		s, err := radio.FindStandard(m.Standard)
		if err != nil {
			sim.Bugf("standard %q passed its check: %v", m.Standard, err)
		}
		w.media[m.Name] = radio.NewMedium(w.sim, m.Name, radio.MediumConfig{Standard: s, Aggregate: m.Aggregate, Retries: m.Retries})
	}
	return w.media
}

// addRadio gives the two directions of a link what serves them, and returns the host that
// moves and the device, if there are.
func (w *World) addRadio(l *Link, media map[string]*radio.Medium, up, down *simnet.LinkConfig) (*radio.Mobile, *radio.LTE) {
	m := w.mobile(l)
	if l.LTE != nil {
		u := l.lte(m)
		up.Radio, down.Radio = u.Direction(true), u.Direction(false)
		return m, u
	}
	if l.Medium != "" {
		signal := w.signal(l, m)
		up.Radio = media[l.Medium].Link(station(l.A), signal)
		down.Radio = media[l.Medium].Link(station(l.B), signal)
	}
	return m, nil
}

// station is the node of an interface: it has one backoff for all of its links.
func station(end string) string {
	name, _, _ := strings.Cut(end, ".")
	return name
}

// signal returns what the two ends of a link hear of each other.
func (w *World) signal(l *Link, m *radio.Mobile) radio.Signal {
	if m != nil {
		return m
	}
	if l.PHYRate == nil {
		return nil
	}
	s, err := radio.FindStandard(w.sc.medium(l.Medium).Standard)
	if err != nil {
		sim.Bugf("standard of link %q passed its check: %v", l.Name, err)
	}
	i, err := s.RateIndex(l.PHYRate.Bits)
	if err != nil {
		sim.Bugf("rate of link %q passed its check: %v", l.Name, err)
	}
	return radio.FixedRate(i)
}
