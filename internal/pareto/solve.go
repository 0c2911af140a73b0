package pareto

import "math"

// In the fluid model of LIA at equal round-trip times a connection has the rate of TCP
// on its best path, and its subflows share it as 1/p (RFC 6356; Khalili et al.,
// equation 2). That gives the fixed points. In the optimum with probing cost no
// connection uses a path that is not among its best, but for one packet in a round-trip
// time, without which it would not know.

// Rates are the mean rates of a user of each kind, in Mb/s of IP packets: those with
// two paths first (scenario B: blue, then red).
type Rates struct{ Multi, Other float64 }

// FixedPoint returns the rates of LIA's fluid model. Scenario C needs C1 >= C2.
func (s *Setting) FixedPoint() Rates {
	users := float64(s.N1) / float64(s.N2)
	switch s.Scenario {
	case A:
		return Rates{s.C1, s.C2 * otherOfA(users, s.C1/s.C2)}
	case B:
		blue, red := ratesOfB(s.C1, s.C2, float64(s.N1), s.Upgraded)
		return Rates{blue, red}
	}
	z := rootOfC(users, s.C1/s.C2)
	return Rates{s.C1 * (1 + z*z), s.C1 * z * (1 + z*z)}
}

// Optimum returns the rates of the optimum with probing cost: max-min fair among the
// users of what is left by probes.
func (s *Setting) Optimum() Rates {
	probe := 8 * packetBytes / rtt / 1e6
	users := float64(s.N1) / float64(s.N2)
	switch s.Scenario {
	case A: // the server is the limit of the others whatever they do
		return Rates{s.C1, s.C2 - users*probe}
	case B:
		x, t := s.C1/float64(s.N1), s.C2/float64(s.N2)
		if !s.Upgraded {
			probe = 0
		}
		// Blue users fill X, and T until they have as much as red ones.
		if equal := (x + t - probe) / 2; equal > x {
			return Rates{equal, equal}
		}
		blue := 8 * packetBytes / rtt / 1e6 // their probes of T
		return Rates{x - probe + blue, t - blue}
	}
	return Rates{s.C1 + probe, s.C2 - users*probe}
}

// otherOfA returns the normalised rate of the TCP users of scenario A: both paths of
// the others lose p1, one of them p1 + p2, the TCP users p2. Users is N1/N2, c is C1/C2.
// With z = sqrt(p1/p2).
func otherOfA(users, c float64) float64 {
	z := root(10, func(z float64) float64 { return z + users*z*z/(1+2*z*z) - 1/c })
	return z * c
}

// rootOfC returns z = sqrt(p1/p2) where the others lose p1 on their own path and p2 on
// the shared one, for c >= 1: a user of both has C1 (1 + z^2), one of the shared path
// C1 z (1 + z^2).
func rootOfC(users, c float64) float64 {
	return root(1, func(z float64) float64 { return z*z*z + users*z*z + z - 1/c })
}

// ratesOfB returns the rates of blue and red users, n of each, where red ones use TCP
// on T, or LIA on T and on X with T. x and y are TCP's rates at the loss of X and of T.
func ratesOfB(capX, capT, n float64, upgraded bool) (blue, red float64) {
	load := func(x, y float64) (onX, onT float64) {
		blue = math.Max(x, y)
		blueX := blue * x * x / (x*x + y*y)
		red = y
		redX := 0.0
		if upgraded {
			both := 1 / (1/(x*x) + 1/(y*y)) // 1/(pX+pT)
			redX = y * both / (both + y*y)
		}
		return n * (blueX + redX), n * (blue - blueX + red)
	}
	y := 0.0
	x := root(100, func(x float64) float64 {
		y = root(100, func(y float64) float64 { _, onT := load(x, y); return onT - capT })
		onX, _ := load(x, y)
		return onX - capX
	})
	load(x, y)
	return blue, red
}

// root returns where a growing function is 0, between 0 and most.
func root(most float64, f func(x float64) float64) float64 {
	low, high := 0.0, most
	for range 200 {
		if mid := (low + high) / 2; f(mid) < 0 {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}
