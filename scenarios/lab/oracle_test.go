package lab_test

import (
	"math"

	"mpsim/sim"
)

// The oracle of the equilibrium tests: the published rules of the controllers, packet
// by packet, on paths that lose every packet with a probability of their own
// and have no queue (Wischik et al., NSDI 2011; PAPERS 18.3). It shares no code with
// package cc.

// lossyPath is a path of that model.
type lossyPath struct {
	p   float64      // probability of loss
	rtt sim.Duration // without queueing
}

// ruleFlow is one subflow of the model; windows and credit are in packets.
type ruleFlow struct {
	lossyPath
	w      float64
	credit float64 // towards the next packet of window
	l1, l2 float64 // OLIA: packets between the last losses and since

	next, recovered float64 // s
	delivered       float64
}

func (f *ruleFlow) seconds() float64 { return f.rtt.Seconds() }

// rule is a controller of the model: the increase per packet acknowledged, the
// window after a loss, and the smallest such window of a real stack.
type rule struct {
	increase func(all []ruleFlow, r int) float64
	left     func(all []ruleFlow, r int) float64
	least    float64
	bytes    bool // what is left need not be whole packets
}

func halved(all []ruleFlow, r int) float64 { return all[r].w / 2 }

var rules = map[string]rule{
	"reno":  {func(all []ruleFlow, r int) float64 { return 1 / all[r].w }, halved, 2, false},
	"ewtcp": {ewtcpIncrease, halved, 2, false},
	"lia":   {liaIncrease, halved, 2, false},
	"olia":  {oliaIncrease, halved, 1, false},
	"balia": {baliaIncrease, baliaLeft, 1, true},
}

func ewtcpIncrease(all []ruleFlow, r int) float64 {
	n := float64(len(all))
	return 1 / (n * n * all[r].w)
}

func liaIncrease(all []ruleFlow, r int) float64 {
	var total, rate, best float64
	for i := range all {
		t := all[i].seconds()
		total += all[i].w
		rate += all[i].w / t
		best = math.Max(best, all[i].w/t/t)
	}
	alpha := total * best / (rate * rate)
	return math.Min(alpha/total, 1/all[r].w)
}

func oliaIncrease(all []ruleFlow, r int) float64 {
	quality := func(f *ruleFlow) float64 { return math.Max(f.l1, f.l2) / f.seconds() / f.seconds() }
	var rate, widest, best float64
	for i := range all {
		rate += all[i].w / all[i].seconds()
		widest = math.Max(widest, all[i].w)
		best = math.Max(best, quality(&all[i]))
	}
	m, c := 0, 0
	for i := range all {
		if all[i].w == widest {
			m++
		} else if quality(&all[i]) == best {
			c++
		}
	}
	f, n := &all[r], len(all)
	alpha := 0.0
	if c > 0 && f.w == widest {
		alpha = -1 / float64(n*m)
	} else if c > 0 && quality(f) == best {
		alpha = 1 / float64(n*c)
	}
	return f.w/(f.seconds()*f.seconds())/(rate*rate) + alpha/f.w
}

// baliaRates returns x_r, the largest and the sum.
func baliaRates(all []ruleFlow, r int) (x, most, sum float64) {
	for i := range all {
		v := all[i].w / all[i].seconds()
		most = math.Max(most, v)
		sum += v
	}
	return all[r].w / all[r].seconds(), most, sum
}

func baliaIncrease(all []ruleFlow, r int) float64 {
	x, most, sum := baliaRates(all, r)
	a := most / x
	return x / (all[r].seconds() * sum * sum) * (1 + a) / 2 * (4 + a) / 5
}

func baliaLeft(all []ruleFlow, r int) float64 {
	x, most, _ := baliaRates(all, r)
	return all[r].w - all[r].w/2*math.Min(most/x, 1.5)
}

// monteCarlo returns the packets per second that each subflow delivers and its mean
// window. After a reduction a round passes without another one. With real false a
// window is real and grows in that round, too, as in the published table; with true
// it is whole packets and does not grow, as in a stack with SACK.
func monteCarlo(u rule, paths []lossyPath, losses float64, real bool, lose func(r int) bool) (rates, windows []float64) {
	all := make([]ruleFlow, len(paths))
	for i := range all {
		all[i] = ruleFlow{lossyPath: paths[i], w: 10}
	}
	area := make([]float64, len(all))
	lost, begin, now := 0.0, 0.0, 0.0
	for lost < losses {
		r := 0
		for i := range all {
			if all[i].next < all[r].next {
				r = i
			}
		}
		f := &all[r]
		now = f.next
		recovering := now < f.recovered
		switch {
		case !(recovering && real) && lose(r):
			if lost++; lost == math.Floor(losses/20) {
				begin = now // the start does not count
				for i := range all {
					all[i].delivered, area[i] = 0, 0
				}
			}
			if !recovering {
				f.reduce(&u, u.left(all, r), real)
				f.l1, f.l2 = f.l2, 0
				f.recovered = now + f.seconds()
			}
		default:
			f.delivered++
			f.l2++
			if !real {
				f.w = math.Max(f.w+u.increase(all, r), 1)
			} else if !recovering {
				f.grow(u.increase(all, r))
			}
		}
		step := f.seconds() / f.w
		if real {
			step = f.seconds() / math.Floor(f.w)
		}
		area[r] += f.w * step
		f.next += step
	}
	for i := range all {
		rates = append(rates, all[i].delivered/(now-begin))
		windows = append(windows, area[i]/(now-begin))
	}
	return rates, windows
}

// reduce sets the window that is left.
func (f *ruleFlow) reduce(u *rule, left float64, real bool) {
	switch {
	case !real:
		f.w = math.Max(left, 1)
	case u.bytes:
		f.w = math.Max(left, u.least)
	default:
		f.w = math.Max(math.Floor(left), u.least)
	}
	f.credit = 0
}

// grow adds to the credit, and moves the window by whole packets.
func (f *ruleFlow) grow(by float64) {
	f.credit += by
	if f.credit >= 1 {
		f.w++
		f.credit--
	}
	if f.credit <= -1 {
		f.w = math.Max(f.w-1, 1)
		f.credit++
	}
}

// bernoulli loses independently.
func bernoulli(paths []lossyPath, seed uint64) func(int) bool {
	rnd := sim.NewRand(seed, 0, "oracle")
	return func(r int) bool { return rnd.Float64() < paths[r].p }
}
