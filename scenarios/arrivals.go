package scenarios

import (
	"cmp"
	"math"
	"slices"

	"mpsim/internal/app"
	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// arrivals follows the order in which the data of a flow reaches the receiving host, on
// whatever subflow: a tap on its interfaces reads from each segment where in the
// application's stream its payload belongs. It costs only flows that an expectation asks
// about, and has no influence on the run.
//
// The metrics are those of RFC 4737 and RFC 5236 for a stream of bytes (RFC 4737 section
// 3.3: NextExp is the end of the payload). A unit is a segment that brings at least one
// byte for the first time; its number s is the first such byte. Copies count nothing,
// and what was lost and sent again is late and therefore reordered, as for an
// application. Not followed: applications with several connections or without a stream
// (ftp, datagrams), literal data, packets whose addresses a box at the receiver's own
// interface changes.
type arrivals struct {
	f        *flowRun
	receiver *app.End
	subs     []mptcp.SubflowInfo // scratch of mine

	pending []arrival // of routes that are not yet known to be the flow's or not
	known   map[uint32]bool
	foreign bool // something could not be followed

	next    uint64    // all below has arrived
	nextExp uint64    // highest end seen
	waiting []arrival // behind gaps, sorted, without overlap
	tops    []top     // running maxima of s above next, rising

	segments, reordered int64
	extents, buffered   tally
	wait                app.Delays
}

// arrival is payload from start to end.
type arrival struct {
	start, end uint64
	at         sim.Time
	route      uint32
}

// top is a segment whose number exceeded all before it.
type top struct {
	s     uint64
	index int64
}

// tally counts small numbers.
type tally []int64

func (t *tally) add(k int64) {
	for int64(len(*t)) <= k {
		*t = append(*t, 0)
	}
	(*t)[k]++
}

// quantile is the nearest-rank quantile; 0 if nothing was counted.
func (t tally) quantile(q float64) float64 {
	n := int64(0)
	for _, c := range t {
		n += c
	}
	need := max(int64(math.Ceil(float64(q*float64(n))-1e-9)), 1)
	for k, c := range t {
		if need -= c; need <= 0 {
			return float64(k)
		}
	}
	return 0
}

// maxPending bounds the segments that come between the start of a flow and the moment
// when its receiver has the connection: data of SYNs, and what other flows send.
const maxPending = 1 << 14

// followArrivals attaches the taps that expectations need.
func (w *World) followArrivals() {
	if w.run.NoExpect || len(w.sc.orderedFlows) == 0 {
		return
	}
	w.arrivals = make(map[string]*arrivals)
	for _, name := range w.sc.orderedFlows {
		f := w.byFlow[name]
		if f.ends == nil || f.ftp != nil {
			continue
		}
		a := &arrivals{f: f, receiver: &f.ends.Server, known: make(map[uint32]bool)}
		nodes := append([]string{f.decl.Server}, f.decl.Servers...)
		if f.download {
			a.receiver, nodes = &f.ends.Client, []string{f.decl.Client}
		}
		w.arrivals[name] = a
		slices.Sort(nodes)
		for _, n := range slices.Compact(nodes) {
			for _, ifc := range w.hosts[n].Node().Interfaces() {
				ifc.AddTap(a)
			}
		}
	}
}

// Packet implements simnet.Tap.
func (a *arrivals) Packet(now sim.Time, ifc *simnet.Interface, dir simnet.Dir, id simnet.PacketID) {
	n := ifc.Node().Network()
	s := n.Segment(id)
	if dir != simnet.In || s.Len == 0 {
		return
	}
	mine, known := a.known[s.Route]
	if !known {
		known, mine = a.resolve(n, s.Route)
	}
	if known && !mine || !known && now < a.f.decl.Start.Time() {
		return
	}
	if o := n.Options(id); o.Has(wire.OptPieces) {
		for i := range o.Pieces {
			p := &o.Pieces[i]
			a.foreign = a.foreign || mine && p.Data != nil
			a.take(arrival{p.Off, p.Off + uint64(p.Len), now, s.Route}, known)
		}
		return
	}
	a.take(arrival{s.Off, s.Off + uint64(s.Len), now, s.Route}, known)
}

// resolve finds out whether packets of a route belong to the flow. Before the receiver
// has the connection that is not known.
func (a *arrivals) resolve(n *simnet.Network, route uint32) (known, mine bool) {
	if !a.receiver.Open {
		return false, false
	}
	t := n.Tuple(simnet.RouteID(route))
	a.subs = a.receiver.Subflows(a.subs[:0])
	for i := range a.subs {
		if x := &a.subs[i].Tuple; x.Src == t.Dst && x.Dst == t.Src {
			mine = true
		}
	}
	a.known[route] = mine
	waiting := a.pending
	a.pending = nil
	for _, p := range waiting { // what came first goes first
		if is, ok := a.known[p.route]; !ok {
			if ok, is = a.resolve(n, p.route); ok && is {
				a.arrive(p)
			}
		} else if is {
			a.arrive(p)
		}
	}
	return true, mine
}

func (a *arrivals) take(p arrival, known bool) {
	switch {
	case known:
		a.arrive(p)
	case len(a.pending) < maxPending:
		a.pending = append(a.pending, p)
	default:
		a.foreign = true
	}
}

// arrive counts a segment.
func (a *arrivals) arrive(p arrival) {
	p.start = max(p.start, a.next)
	i, _ := slices.BinarySearchFunc(a.waiting, p.start, func(x arrival, s uint64) int { return cmp.Compare(x.end, s+1) })
	// Entry i is the first that ends behind p.start.
	for ; i < len(a.waiting) && a.waiting[i].start <= p.start; i++ {
		p.start = max(p.start, a.waiting[i].end)
	}
	if p.start >= p.end {
		return // a copy
	}
	index := a.segments
	a.segments++
	if p.start < a.nextExp {
		a.reordered++
		// The earliest arrival with a higher number was a running maximum.
		k, _ := slices.BinarySearchFunc(a.tops, p.start, func(x top, s uint64) int { return cmp.Compare(x.s, s+1) })
		if k < len(a.tops) {
			a.extents.add(index - a.tops[k].index)
		}
	} else {
		a.tops = append(a.tops, top{p.start, index})
	}
	a.nextExp = max(a.nextExp, p.end)
	if p.start > a.next {
		if i < len(a.waiting) {
			p.end = min(p.end, a.waiting[i].start)
		}
		a.waiting = slices.Insert(a.waiting, i, p)
	} else {
		a.next = p.end
		a.wait.Add(0)
		a.drain(p.at)
	}
	a.buffered.add(int64(len(a.waiting)))
}

// drain delivers what waited for what has come.
func (a *arrivals) drain(now sim.Time) {
	n := 0
	for ; n < len(a.waiting) && a.waiting[n].start <= a.next; n++ {
		a.next = max(a.next, a.waiting[n].end)
		a.wait.Add(now.Sub(a.waiting[n].at))
	}
	a.waiting = slices.Delete(a.waiting, 0, n)
	old := 0
	for old < len(a.tops) && a.tops[old].s <= a.next {
		old++
	}
	a.tops = slices.Delete(a.tops, 0, old)
}

// order returns what is known of the order in which a flow's data arrived; nil if that
// could not be followed.
func (v *view) order(a *arguments) *arrivals {
	w := v.w
	f := v.flow(a, 0)
	if f.ends == nil {
		return nil
	}
	if w.parted != nil {
		node := f.decl.Client
		if !f.download {
			node = f.ends.Server.Host.Node().Name()
		}
		w = w.parted.of(node)
	}
	x := w.arrivals[a.names[0]]
	if x == nil || x.foreign || x.segments == 0 {
		return nil
	}
	return x
}

func orderMetrics() []Metric {
	of := func(name, doc string, result dimension, p []MetricParam, get func(x *arrivals, q float64) float64) Metric {
		return Metric{Name: name, Doc: doc, Params: p, result: result, order: true, eval: func(v *view, a *arguments) quantity {
			x := v.order(a)
			if x == nil {
				return num(math.NaN())
			}
			q := 0.0
			if len(p) > 1 {
				q = a.values[1]
			}
			return num(get(x, q))
		}}
	}
	whole, part := params(pFlow), params(pFlow, pShare)
	return []Metric{
		of("reordered", "share of the segments with new data that reached the receiver, over all subflows, after data from behind them (RFC 4737 section 3, Type-P-Reordered-Ratio-Stream; what was lost and sent again counts)", dimNumber, whole,
			func(x *arrivals, _ float64) float64 { return float64(x.reordered) / float64(x.segments) }),
		of("reorder_extent", "quantile, over the reordered segments, of how many arrivals a segment came after the first one from behind it (RFC 4737 section 4.2); 0 if none is reordered", dimNumber, part,
			func(x *arrivals, q float64) float64 { return x.extents.quantile(q) }),
		of("reorder_buffer", "quantile, over the arrivals of segments with new data, of the segments that then wait for data before them (RFC 5236 section 5, reorder buffer-occupancy density)", dimNumber, part,
			func(x *arrivals, q float64) float64 { return x.buffered.quantile(q) }),
		of("hol_delay", "head-of-line blocking: quantile, over the segments with new data, of the time from arrival at the receiver until all data before them is there; to 1/64", dimTime, part,
			func(x *arrivals, q float64) float64 { return x.wait.Quantile(q).Seconds() }),
		of("mean_hol_delay", "mean of hol_delay", dimTime, whole,
			func(x *arrivals, _ float64) float64 { return x.wait.Mean().Seconds() }),
	}
}
