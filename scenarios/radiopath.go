package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"mpsim/internal/host"
	simnet "mpsim/net"
	"mpsim/net/radio"
	"mpsim/sim"
)

// checkLTE checks the key lte of a link.
func (c *checker) checkLTE(l *Link) {
	if l.LTE == nil {
		return
	}
	if l.Medium != "" {
		c.add(l.pos("lte"), "link %q is on a medium of 802.11: leave lte out", l.Name)
	}
	for _, d := range []*Direction{l.Up, l.Down} {
		if l.Profile.Name == "" && d.Trace == nil && (d.Rate == nil || d.Rate.Unlimited) {
			c.add(l.pos("lte"), "link %q: lte needs a rate, a profile or a trace of rates in both directions", l.Name)
			return
		}
	}
}

// checkRadioPath checks the key radio of a link.
func (c *checker) checkRadioPath(l *Link) {
	r := l.Radio
	if r == nil {
		return
	}
	switch {
	case l.Medium == "" && l.LTE == nil:
		c.add(l.pos("radio"), "link %q: radio needs a medium or lte, which decide what a signal carries", l.Name)
	case l.PHYRate != nil:
		c.add(l.pos("phy_rate"), "link %q: radio chooses rates by the signal: leave phy_rate out", l.Name)
	}
	if r.Handover == "" {
		r.Handover = "scan"
		if l.LTE != nil {
			r.Handover = "a3"
		}
	}
	if c.noted(&r.meta, "walk", "cells") {
		return
	}
	cfg, err := r.config()
	if err == nil {
		err = cfg.Check()
	}
	if err != nil {
		c.add(r.pos("walk"), "link %q: %v", l.Name, err)
	}
}

// config translates the table.
func (r *RadioPath) config() (radio.MobileConfig, error) {
	cfg := radio.MobileConfig{
		Power: r.Power, Reference: r.Reference, Exponent: r.Exponent, Shadowing: r.Shadowing, Correlation: r.Correlation,
		Leave: r.Leave, Join: r.Join, Roam: r.Roam, Hysteresis: r.Hysteresis, Search: r.Search.Duration(), Attach: r.Attach.Duration(),
		Offset: r.Offset, TimeToTrigger: r.TimeToTrigger.Duration(), Interruption: r.Interruption.Duration(), Warn: r.Warn,
	}
	switch r.Handover {
	case "scan":
		cfg.Handover = radio.Scan
	case "a3":
		cfg.Handover = radio.A3
	}
	for _, m := range r.Cells {
		cfg.Cells = append(cfg.Cells, float64(m))
	}
	for _, text := range r.Walk {
		at, place, _ := strings.Cut(text, " ")
		var d Duration
		metres, isMetres := strings.CutSuffix(strings.TrimSpace(place), "m")
		x, err := strconv.ParseFloat(metres, 64)
		if err != nil || !isMetres || !(x >= -1e6 && x <= 1e6) || d.parse(at) != nil {
			return cfg, fmt.Errorf("%q is no waypoint such as \"10s 25m\"", text)
		}
		cfg.Way = append(cfg.Way, radio.Waypoint{At: d.Time(), Place: x})
	}
	return cfg, nil
}

// mobile makes the moving host of a link, or returns nil.
func (w *World) mobile(l *Link) *radio.Mobile {
	if l.Radio == nil {
		return nil
	}
	cfg, err := l.Radio.config()
	if err != nil {
		sim.Bugf("radio of link %q passed its check: %v", l.Name, err)
	}
	return radio.NewMobile(w.sim, l.Name, cfg)
}

// lte makes the device of a link.
func (l *Link) lte(signal *radio.Mobile) *radio.LTE {
	e := l.LTE
	u := radio.NewLTE(radio.LTEConfig{
		BLER: e.BLER, Attempts: e.Attempts, RLCDelay: e.RLCDelay.Duration(), Promotion: e.Promotion.Duration(), Tail: e.Tail.Duration(),
		DRXAfter: e.DRXAfter.Duration(), DRXCycle: e.DRXCycle.Duration(), Grant: e.Grant.Duration(),
	})
	if signal != nil {
		u.Hear(signal, l.Radio.Noise)
	}
	return u
}

// attachment is what a moving host does to its link. The host is the one at end a.
type attachment struct {
	up, down *simnet.Link
	host     *host.Host // nil: a router
	decl     *RadioPath
}

// Detach implements radio.Attachment.
func (a *attachment) Detach(_ sim.Time, over bool) {
	o := simnet.Outage{KeepQueue: over && a.decl.Forward, KeepInFlight: true, Silent: over || !a.decl.Notify}
	a.up.Down(o)
	a.down.Down(o)
}

// Attached implements radio.Attachment.
func (a *attachment) Attached(sim.Time, int) {
	a.up.Up()
	a.down.Up()
}

// Warned implements radio.Attachment.
func (a *attachment) Warned(now sim.Time, low bool) {
	if a.host != nil {
		a.host.SetLowSignal(now, a.up.From(), low)
	}
}

// startRadio lets the host of a link begin to move.
func (w *World) startRadio(l *Link, m *radio.Mobile, up, down *simnet.Link) {
	if m != nil {
		m.Start(&attachment{up: up, down: down, host: w.hosts[station(l.A)], decl: l.Radio})
	}
}
