package bench

import (
	"fmt"
	"path"
	"strings"

	simnet "mpsim/net"
	"mpsim/scenarios"
)

// guard is what a run must show to be believed: the work that was counted is the
// work that the physics asks for.
type guard struct {
	// capacity of all bottlenecks together in bits per second, and the band in which
	// the share of it that carried payload lies. With packet > 0 each packet of
	// payload octets counts as so many.
	capacity  float64
	low, high float64
	packet    float64
	bytes     int64   // that all flows together deliver, where they end
	payload   float64 // octets of a data packet
	acks      float64 // acknowledgements for each data packet
	// ackLink are the link directions (a pattern of path.Match) that carry all
	// acknowledgements, each once, and nothing else.
	// They are counted there where losses make more of them than one for two packets.
	ackLink string
	// lossy: much of what is sent gets lost, or is on its way when the run ends in the
	// first slow start. The count of hops then lies between what the
	// delivered bytes ask for and what the sent ones do.
	lossy bool
}

// tolerance of the count of packet-hops against delivered bytes times path length.
const tolerance = 0.05

// work is what a run has carried.
type work struct {
	delivered, sent int64   // payload octets of all subflows
	hops, sentHops  float64 // that they ask for
	flows           int64   // octets that the applications have read
	corrupt         int64
}

// measureWork adds up the flows of a run.
func measureWork(w *scenarios.World, g *guard) (sum work) {
	d := newDistances(w.Network())
	acks := g.acks
	if g.ackLink != "" {
		acks = g.countAcks(w)
	}
	for _, f := range w.Flows() {
		sum.flows += f.BytesDelivered
		sum.corrupt += f.CorruptBytes
		length := float64(d.between(f.Client, f.Server))
		for _, s := range f.Subflows {
			sum.delivered += s.BytesDelivered
			sum.sent += s.BytesSent
			sum.hops += float64(s.BytesDelivered) / g.payload * length * (1 + acks)
			sum.sentHops += float64(s.BytesSent) / g.payload * length * (1 + acks)
		}
	}
	return sum
}

// countAcks returns the acknowledgements for each data packet that was delivered.
func (g *guard) countAcks(w *scenarios.World) float64 {
	packets, data := uint64(0), int64(0)
	for _, l := range w.Links() {
		if is, _ := path.Match(g.ackLink, l.Name+"."+l.Direction); is {
			packets += l.Stats.Accepted
		}
	}
	for _, f := range w.Flows() {
		for _, s := range f.Subflows {
			data += s.BytesDelivered
		}
	}
	return float64(packets) * g.payload / float64(data)
}

// utilisation returns the share of the capacity that carried payload; 0 without a
// capacity.
func (g *guard) utilisation(w *work, seconds float64) float64 {
	if g.capacity == 0 {
		return 0
	}
	bits := float64(w.delivered) * 8
	if g.packet > 0 {
		bits *= g.packet / g.payload
	}
	return bits / (g.capacity * seconds)
}

// check returns what cannot be.
func (g *guard) check(m *Measurement, w *work) (wrong []string) {
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if w.corrupt != 0 {
		complain("%d corrupt bytes", w.corrupt)
	}
	if u := float64(m.Utilisation); g.capacity > 0 && !(u >= g.low && u <= g.high) {
		complain("the utilisation of %.3f is not between %.3f and %.3f", u, g.low, g.high)
	}
	if g.bytes > 0 && w.flows != g.bytes {
		complain("%d bytes delivered, not %d", w.flows, g.bytes)
	}
	most := w.hops
	if g.lossy {
		most = w.sentHops
	}
	if h := float64(m.PacketHops); !(h >= (1-tolerance)*w.hops && h <= (1+tolerance)*most) {
		complain("%d packet-hops, but delivered bytes x path length ask for %.0f to %.0f", m.PacketHops, w.hops, most)
	}
	return wrong
}

// distances are numbers of links between nodes.
type distances struct {
	near  map[string][]string
	known map[[2]string]int
}

func newDistances(n *simnet.Network) *distances {
	d := &distances{near: map[string][]string{}, known: map[[2]string]int{}}
	for _, l := range n.Links() {
		if l.From() != nil {
			a := l.From().Node().Name()
			d.near[a] = append(d.near[a], l.To().Node().Name())
		}
	}
	return d
}

// between returns the least number of links between two nodes, 0 if there is no
// way.
func (d *distances) between(a, b string) int {
	if n, ok := d.known[[2]string{a, b}]; ok {
		return n
	}
	seen := map[string]int{a: 0}
	for queue := []string{a}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == b {
			break
		}
		for _, next := range d.near[at] {
			if _, ok := seen[next]; !ok {
				seen[next] = seen[at] + 1
				queue = append(queue, next)
			}
		}
	}
	d.known[[2]string{a, b}] = seen[b]
	return seen[b]
}

func join(names []string) string { return strings.Join(names, ", ") }
