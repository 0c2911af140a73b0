package cc_test

import (
	"fmt"

	"mpsim/cc"
	"mpsim/sim"
)

// gentle is Reno with a growth of half a segment per round-trip time.
type gentle struct{ cc.Flow }

// OnAck is all that differs from the rules of a Flow.
func (g *gentle) OnAck(_ sim.Time, a *cc.Ack) {
	n := g.Growth(a)
	if g.SlowStart() {
		n = g.Increase(n)
	}
	if n > 0 {
		g.Additive(2*g.W, n)
	}
}

// A controller of one's own: state what differs from Reno, lift it to a
// connection, and give it a row in a table.
func ExampleEach() {
	table := append(cc.Specs(), cc.Spec{
		Name: "gentle", Doc: "half of Reno's additive increase",
		New: func(cc.Params, *sim.Rand) cc.Controller {
			return cc.Each(gentle{Flow: cc.NewFlow(cc.Rules{})})
		},
	})
	c, err := cc.Make(table, "gentle", nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Join(0, 0, cc.Path{MSS: 1000, InitWindow: 20_000})
	c.OnLoss(0, 0, cc.Loss{InFlight: 20_000, Nxt: 20_000})
	for range 20 {
		c.OnAck(0, 0, &cc.Ack{Acked: 1000, Delivered: 1000, InFlight: 10_000, CwndLimited: true})
	}
	fmt.Println(c.Window(0))
	// Output: 11000
}
