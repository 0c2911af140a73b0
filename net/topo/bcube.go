package topo

import (
	"fmt"

	"mpsim/sim"
)

// BCube (Guo et al., SIGCOMM'09): servers with k+1 interfaces and switches of n
// ports; servers forward. The address of a server is k+1 digits of base n; its
// interface of level l leads to the switch of those servers that differ in digit l
// only.

var bcubeSpec = Spec{
	Name: "bcube",
	Doc: "BCube_k of switches with n ports: n^(k+1) servers h<number>, whose interface eth<l> leads to switch s<l>_<number> of level l; servers forward, " +
		"and the subflows of [[traffic]] take the paths of the paper",
	Classes: []string{"host"},
	Params: []Param{
		{Name: "n", Doc: "ports of a switch", Default: 4, Min: 2, Max: 16},
		{Name: "k", Doc: "levels beyond the first", Default: 1, Min: 0, Max: 3},
	},
	Make: func(v *Values, _ *Env) (*Graph, error) { return makeBCube(v.n("n"), v.n("k")), nil },
}

// bcube is the arithmetic of addresses.
type bcube struct {
	n, k  int
	power []int // n^l
}

func newBCube(n, k int) *bcube {
	b := &bcube{n: n, k: k, power: []int{1}}
	for l := range k + 1 {
		b.power = append(b.power, b.power[l]*n)
	}
	return b
}

func (b *bcube) servers() int { return b.power[b.k+1] }

func (b *bcube) digit(server, l int) int { return server / b.power[l] % b.n }

// with returns the server whose digit l is d instead.
func (b *bcube) with(server, l, d int) int { return server + (d-b.digit(server, l))*b.power[l] }

// switchOf is the number within its level of the switch of a server: the address
// without digit l.
func (b *bcube) switchOf(server, l int) int {
	return server/b.power[l+1]*b.power[l] + server%b.power[l]
}

func makeBCube(n, k int) *Graph {
	b, g := newBCube(n, k), new(Graph)
	for s := range b.servers() {
		g.host(s/n, "h%d", s)
	}
	for l := range k + 1 {
		for s := range b.power[k] {
			g.router("s%d_%d", l, s)
		}
	}
	for s := range b.servers() {
		g.Nodes[s].Forward = k > 0
		for l := range k + 1 {
			g.attach("host", s, fmt.Sprintf("eth%d", l), hostAddr(s, l), b.servers()+l*b.power[k]+b.switchOf(s, l))
		}
	}
	g.Paths = b.paths
	return g
}

// link is the number of the link of a server at a level.
func (b *bcube) link(server, l int) int { return server*(b.k+1) + l }

// hop is the two links from a server to another one that differs in digit l.
func (b *bcube) hop(path []int, from, to, l int) []int {
	return append(path, b.link(from, l), b.link(to, l))
}

// paths returns the parallel paths between two servers (BuildPathSet, section 3.2),
// one for each first interface: it corrects digit i first and then i-1, ..., 0, k,
// ..., i+1; where the servers do not differ in digit i, it takes a detour over a
// neighbour, drawn at random, and corrects that digit last. With count 1 it is one
// random shortest path.
func (b *bcube) paths(from, to, count int, rnd *sim.Rand) [][]int {
	if count == 1 {
		return [][]int{b.shortest(from, to, rnd)}
	}
	var short, long [][]int
	for i := range b.k + 1 {
		var path []int
		at := from
		detour := b.digit(from, i) == b.digit(to, i)
		if detour {
			d := int(rnd.IntN(uint64(b.n - 1)))
			if d >= b.digit(from, i) {
				d++
			}
			next := b.with(at, i, d)
			path, at = b.hop(path, at, next, i), next
		}
		for step := range b.k + 1 {
			l := ((i-step)%(b.k+1) + b.k + 1) % (b.k + 1)
			if next := b.with(at, l, b.digit(to, l)); next != at && !(detour && step == 0) {
				path, at = b.hop(path, at, next, l), next
			}
		}
		if detour {
			long = append(long, b.hop(path, at, to, i))
			continue
		}
		short = append(short, path)
	}
	all := append(short, long...)
	return all[:min(count, len(all))]
}

// shortest corrects the digits that differ in random order.
func (b *bcube) shortest(from, to int, rnd *sim.Rand) (path []int) {
	var levels []int
	for l := range b.k + 1 {
		if b.digit(from, l) != b.digit(to, l) {
			levels = append(levels, l)
		}
	}
	for i := len(levels) - 1; i > 0; i-- {
		j := int(rnd.IntN(uint64(i + 1)))
		levels[i], levels[j] = levels[j], levels[i]
	}
	at := from
	for _, l := range levels {
		next := b.with(at, l, b.digit(to, l))
		path, at = b.hop(path, at, next, l), next
	}
	return path
}
