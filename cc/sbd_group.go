package cc

import "math/bits"

// Groups of subflows that share a bottleneck, RFC 8382 section 3.3.1. Those that have a
// bottleneck are sorted by each estimate in turn, from the largest, within the groups so
// far, and a group is cut between neighbours that differ by no less than
//
//	freq_est  p_f
//	var_est   p_mad of the larger
//	skew_est  p_s
//	pkt_loss  p_d of the larger, if that is above p_l
//
// Section 3.3.2 lets a coupled congestion controller heed only groups that are stable.
// Here two subflows are coupled if the verdicts of the last 64 intervals had them in one
// group at least as often as a part of them says, and two that are each coupled with a
// third are coupled. Doubt is on the side of coupling: a connection that is wrongly
// coupled has less than it could have, one that wrongly is not takes from others.

// sbdGroups are the groups of one connection.
type sbdGroups struct {
	stable float64
	order  []int32 // subflows with a bottleneck, sorted
	group  []int32 // by FlowID: the last verdict; -1: no bottleneck
	// together and asked have, for each pair, a bit for each of the last 64 verdicts: that
	// there was one, and that it was one group. The pair a > b is at a*(a-1)/2+b.
	together, asked []uint64
	coupled         []int32 // by FlowID: the group, counted from 0 by first subflow
	least           []int32 // by FlowID: the first subflow of the group
}

// grow makes room for a subflow.
func (g *sbdGroups) grow(n int) {
	for len(g.group) < n {
		for range len(g.group) {
			g.together, g.asked = append(g.together, 0), append(g.asked, 0)
		}
		g.group = append(g.group, 0)
		g.order = append(g.order, 0)
		g.coupled = append(g.coupled, 0)
		g.least = append(g.least, 0)
	}
}

// forget drops what is known of the pairs of a subflow.
func (g *sbdGroups) forget(f int) {
	for o := range g.group {
		if o != f {
			k := pairIndex(o, f)
			g.together[k], g.asked[k] = 0, 0
		}
	}
}

func pairIndex(a, b int) int {
	if a < b {
		a, b = b, a
	}
	return a*(a-1)/2 + b
}

// judge forms the groups of those paths that are not nil, i.e. of subflows that have
// joined, and of those that are ready passes a verdict.
func (g *sbdGroups) judge(paths []*sbdPath) {
	g.divide(paths)
	for a := range paths {
		for b := range a {
			if p, q := paths[a], paths[b]; p == nil || q == nil || !p.ready() || !q.ready() {
				continue
			}
			k := pairIndex(a, b)
			g.together[k] <<= 1
			if g.group[a] >= 0 && g.group[a] == g.group[b] {
				g.together[k]++
			}
			g.asked[k] = g.asked[k]<<1 | 1
		}
	}
	g.couple(paths)
}

// couple joins all pairs that are to be coupled. A subflow that has left keeps its
// group, for what is still on its way.
func (g *sbdGroups) couple(paths []*sbdPath) {
	for f := range g.least {
		g.least[f] = int32(f)
	}
	for a := range paths {
		for b := range a {
			if x, y := g.least[a], g.least[b]; x != y && paths[a] != nil && paths[b] != nil && g.stays(pairIndex(a, b)) {
				g.merge(max(x, y), min(x, y))
			}
		}
	}
	n := int32(0)
	for f, p := range paths {
		switch first := g.least[f]; {
		case p == nil:
		case int(first) == f:
			g.coupled[f] = n
			n++
		default:
			g.coupled[f] = g.coupled[first]
		}
	}
}

func (g *sbdGroups) merge(from, to int32) {
	for f := range g.least {
		if g.least[f] == from {
			g.least[f] = to
		}
	}
}

// stays reports whether a pair is coupled; one without a verdict is.
func (g *sbdGroups) stays(k int) bool {
	return float64(bits.OnesCount64(g.together[k])) >= g.stable*float64(bits.OnesCount64(g.asked[k]))
}

// divide passes the verdict on the present estimates.
func (g *sbdGroups) divide(paths []*sbdPath) {
	order := g.order[:0]
	for f, p := range paths {
		g.group[f] = -1
		if p != nil && p.ready() && p.bottled {
			g.group[f] = 0
			order = append(order, int32(f))
		}
	}
	for by := sbdByFreq; by <= sbdByLoss; by++ {
		g.sort(paths, order, by)
		number, before := int32(0), int32(0)
		for i, f := range order {
			old := g.group[f]
			if i > 0 && (old != before || by.apart(paths[order[i-1]], paths[f])) {
				number++
			}
			before = old
			g.group[f] = number
		}
	}
}

// sort orders by group, and within a group from the largest estimate; equal ones by
// FlowID.
func (g *sbdGroups) sort(paths []*sbdPath, order []int32, by sbdEstimate) {
	for i := 1; i < len(order); i++ {
		for j := i; j > 0; j-- {
			a, b := order[j-1], order[j]
			x, y := by.of(paths[a]), by.of(paths[b])
			if g.group[a] < g.group[b] || g.group[a] == g.group[b] && (x > y || x == y && a < b) {
				break
			}
			order[j-1], order[j] = b, a
		}
	}
}

// sbdEstimate is what groups are divided by, in the order of RFC 8382.
type sbdEstimate uint8

const (
	sbdByFreq sbdEstimate = iota
	sbdByVariance
	sbdBySkew
	sbdByLoss
)

func (e sbdEstimate) of(p *sbdPath) float64 {
	switch e {
	case sbdByFreq:
		return float64(p.crossings) // N of one connection is one
	case sbdByVariance:
		return p.variance
	case sbdBySkew:
		return p.skew
	}
	return p.loss
}

// apart reports whether two neighbours are too different, the larger first.
func (e sbdEstimate) apart(larger, smaller *sbdPath) bool {
	r, x := larger.rules, e.of(larger)
	limit := 0.0
	switch e {
	case sbdByFreq:
		limit = r.pf * float64(r.n)
	case sbdByVariance:
		limit = r.pmad * x
	case sbdBySkew:
		limit = r.ps
	case sbdByLoss:
		if x <= r.pl {
			return false
		}
		limit = r.pd * x
	}
	return x-e.of(smaller) >= limit
}
