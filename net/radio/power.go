package radio

import "mpsim/sim"

// The power that the radio of a telephone takes, by state and throughput:
//
//	P = Up tu + Down td + Active    while it sends or receives at tu and td Mb/s
//	P = Tail                        for TailTime afterwards
//	E = Promote PromoteTime         for every change from idle to connected
//
// Source: Huang, Qian, Gerber, Mao, Sen, Spatscheck, "A close examination of performance and
// power characteristics of 4G LTE networks", MobiSys 2012, tables 3 and 4 (HTC
// ThunderBolt, the power of the rest of the telephone taken off). Not modelled: the
// signal, sleep within the tail (its mean is in Tail), power when idle.

// Power is the model of one kind of radio.
type Power struct {
	Name             string
	Up, Down, Active float64 // mW per Mb/s, mW per Mb/s, mW
	Tail, Promote    float64 // mW
	TailTime         sim.Duration
	PromoteTime      sim.Duration
}

// Powers returns the table of models.
func Powers() []Power {
	return []Power{
		{"lte", 438.39, 51.97, 1288.04, 1060.0, 1210.7, 11576 * ms, 260100 * us},
		{"umts", 868.98, 122.12, 817.88, 601.3, 659.4, 8088200 * us, 582100 * us},
		{"wifi", 283.17, 137.01, 132.86, 119.3, 124.4, 238100 * us, 79100 * us},
	}
}

// FindPower looks a model up, or returns nil.
func FindPower(name string) *Power {
	for _, p := range Powers() {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

// Meter adds up energy over consecutive intervals.
type Meter struct {
	Power
	// Joules is the energy of the intervals that counted.
	Joules float64

	silent    sim.Duration // since the last activity
	connected bool
}

// Add takes the next interval with the octets sent and received in it. What does not count
// changes the state only.
func (m *Meter) Add(d sim.Duration, up, down int64, counts bool) {
	e := 0.0 // mJ
	switch {
	case up+down > 0:
		if !m.connected {
			e = float64(m.Promote * m.PromoteTime.Seconds())
		}
		m.connected, m.silent = true, 0
		megabits := float64(m.Up*float64(up)) + float64(m.Down*float64(down))
		e += float64(megabits*8e-6) + float64(m.Active*d.Seconds())
	case m.connected:
		rest := min(d, m.TailTime-m.silent)
		m.silent += d
		m.connected = m.silent < m.TailTime
		e = float64(m.Tail * rest.Seconds())
	}
	if counts {
		m.Joules += float64(e / 1000)
	}
}
