package simnet_test

import (
	"math"
	"testing"

	simnet "mpsim/net"
	"mpsim/sim"
)

// poisson offers packets to a link at exponential distances.
type poisson struct {
	*pair
	rng     *sim.Rand
	mean    float64 // ns
	left    int
	clock   float64
	handler sim.HandlerID
	offered []sim.Time
	waited  float64 // sum of the waiting times, ns
	service sim.Time
}

func (g *poisson) OnEvent(now sim.Time, _ uint64) {
	g.offered = append(g.offered, now)
	g.send(1500)
	g.next()
}

func (g *poisson) next() {
	if g.left == 0 {
		return
	}
	g.left--
	g.clock += g.mean * g.rng.Exp()
	g.sim.Schedule(sim.Time(g.clock), g.sim.NextKey(sim.Scenario), g.handler, 0)
}

// Receive sums up what a packet has waited beyond its own service: the link is
// in order, so that the first that was offered arrives first.
func (g *poisson) Receive(now sim.Time, id simnet.PacketID) {
	g.waited += float64(now - g.offered[0] - g.service)
	g.offered = g.offered[1:]
	g.net.Free(id)
}

// TestMD1 is A3 of the paper facts: Poisson arrivals, constant service: the mean
// wait is rho/(2(1-rho)) service times. By Little's law the mean number in the
// system is rho times (wait + 1).
func TestMD1(t *testing.T) {
	for _, c := range []struct {
		rho, wait, tolerance float64
	}{{0.5, 0.5, 0.02}, {0.8, 2.0, 0.03}, {0.9, 4.5, 0.05}} {
		const service = 1200 * us // 1500 octets at 10 Mb/s
		const packets = 1000000
		g := &poisson{pair: newPair(t, simnet.LinkConfig{Rate: 10e6}), service: service,
			mean: float64(service) / c.rho, left: packets}
		g.rng = g.sim.Stream("arrivals")
		g.handler = g.sim.Register(g)
		g.b.SetReceiver(g)
		g.next()
		g.finish()
		wait := g.waited / packets / float64(service)
		if math.Abs(wait-c.wait) > c.tolerance*c.wait {
			t.Errorf("rho %v: mean wait %v service times, want %v", c.rho, wait, c.wait)
		}
		inSystem := g.ab.Stats().MeanQueueBytes / 1500
		if want := c.rho * (c.wait + 1); math.Abs(inSystem-want) > c.tolerance*want {
			t.Errorf("rho %v: %v packets in the system, want %v", c.rho, inSystem, want)
		}
		if u := g.ab.Stats().Utilisation; math.Abs(u-c.rho) > 0.005 {
			t.Errorf("rho %v: utilisation %v", c.rho, u)
		}
	}
}
