package scenarios

import (
	"math"

	"mpsim/net/radio"
	"mpsim/sim"
)

// radioMetrics are the metrics of radio links.
func radioMetrics() []Metric {
	pMedium := MetricParam{Name: "medium", kind: argMedium}
	of := func(name, doc string, get func(s *radio.MediumStats, now sim.Time) float64) Metric {
		return Metric{Name: name, Doc: doc, Params: params(pMedium), eval: func(v *view, a *arguments) quantity {
			s := v.w.media[a.names[0]].Stats()
			return num(get(&s, v.now))
		}}
	}
	mobile := func(name, doc string, get func(s *radio.MobileStats) float64) Metric {
		return Metric{Name: name, Doc: doc, Params: params(pLink), eval: func(v *view, a *arguments) quantity {
			m := v.link(a, 0).mobile
			if m == nil {
				return num(math.NaN())
			}
			s := m.Stats()
			return num(get(&s))
		}}
	}
	return []Metric{
		of("collisions", "share of the transmissions on a medium in which several stations collided", func(s *radio.MediumStats, _ sim.Time) float64 {
			return float64(s.Collisions) / float64(max(s.Transmissions, 1))
		}),
		of("airtime", "share of the time for which a medium was busy, acknowledgements included", func(s *radio.MediumStats, now sim.Time) float64 {
			return s.Busy.Seconds() / max(now.Seconds(), 1e-9)
		}),
		of("aggregation", "data frames received for each transmission on a medium", func(s *radio.MediumStats, _ sim.Time) float64 {
			return float64(s.Frames) / float64(max(s.Transmissions, 1))
		}),
		mobile("handovers", "how often the host of a link with `radio` has changed to another cell", func(s *radio.MobileStats) float64 { return float64(s.Handovers) }),
		mobile("associations_lost", "how often it was too far from all cells", func(s *radio.MobileStats) float64 { return float64(s.Lost) }),
		mobile("signal_warnings", "how often its signal has become low (`warn`)", func(s *radio.MobileStats) float64 { return float64(s.Warnings) }),
		{
			Name: "promotions", Doc: "how often the device of a link with `lte` went from idle to connected", Params: params(pLink),
			eval: func(v *view, a *arguments) quantity {
				u := v.link(a, 0).device
				if u == nil {
					return num(math.NaN())
				}
				return num(float64(u.Stats().Promotions))
			},
		},
		{
			Name: "energy", Doc: "energy in joules that the radio at the end of a link takes from `from` to `to`, with the power model of a `device`: lte, umts or wifi (Huang et al., MobiSys'12), to 10 ms", fine: true,
			Params: params(pLink, MetricParam{Name: "device", kind: argDevice}, pFrom, pTo),
			eval: func(v *view, a *arguments) quantity {
				return num(v.link(a, 0).energy(radio.FindPower(a.names[1]), a.time(2, 0), a.time(3, v.now)))
			},
		},
		{
			Name: "cost", Doc: "what of cost_total arose on subflows of a client interface", Params: params(pFlow, pIface),
			eval: func(v *view, a *arguments) quantity {
				return num(v.cost(a, func(x *subflowRun) bool { return x.iface == a.names[1] }))
			},
		},
		{
			Name: "cost_total", Doc: "cost of a flow: megabytes of payload that arrived over each subflow times the `cost` of its path", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity {
				return num(v.cost(a, func(*subflowRun) bool { return true }))
			},
		},
	}
}

// cost adds up what payload that arrived over subflows of a flow costs.
func (v *view) cost(a *arguments, of func(x *subflowRun) bool) float64 {
	sum := 0.0
	for _, x := range v.observed(a).subs {
		if of(x) {
			sum += float64(float64(x.arrived) / 1e6 * v.w.pathFacts(x.Local.Addr(), x.Remote.Addr()).Cost)
		}
	}
	return sum
}

// radioDevices are the names of the power models.
func radioDevices() []string {
	var out []string
	for _, p := range radio.Powers() {
		out = append(out, p.Name)
	}
	return out
}

// energy adds up the power of a radio in joules over an interval: promotion at the first
// activity after an idle time, activity with its rates, the tail, and idleness. The
// direction up of a link is what the device sends.
func (l *linkRun) energy(p *radio.Power, from, to sim.Time) float64 {
	meter := radio.Meter{Power: *p}
	step := sim.Time(fineStep)
	var sent, back uint64
	for i := range l.fine {
		s := &l.fine[i]
		begin := sim.Time(i) * step
		up, down := s.sent-sent, s.back-back
		sent, back = s.sent, s.back
		if !l.up {
			up, down = down, up
		}
		meter.Add(fineStep, int64(up), int64(down), begin >= from && begin < to)
	}
	return meter.Joules
}
