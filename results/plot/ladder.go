package plot

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"mpsim/results"
	"mpsim/sim"
)

// The packet sequence diagram: a vertical line for each host and box, time downwards, and an
// arrow for each packet on each of its ways from one of them to the next, from its departure to
// its arrival, in the colour of its subflow. Routers are left out: their packets go on as they
// came. A cross is where a packet ended, a diamond where a box changed it, with what it changed.
//
// Time runs downwards everywhere, but not at one scale: what happens at one moment is drawn
// apart so that its labels can be read, and long pauses are cut short, where the vertical lines
// are dotted. Departures have their times at the left.

// mostPackets is how many packets a diagram shows unless it is asked for more.
const mostPackets = 40

// ladder is such a diagram, laid out on a paper of points from the top left.
type ladder struct {
	title, note string
	columns     []ladderColumn
	arrows      []arrow
	pauses      [][2]float64 // heights between which time is cut short
	height      float64      // of the vertical lines
	legend      []key
	full        bool
}

type ladderColumn struct {
	place    placeName
	name, is string  // what it is called, and what it is
	x        float64 // from the left edge of the paper
}

// arrow is a packet on its way from one column to the next.
type arrow struct {
	packet    uint64
	from, to  int
	dep, arr  sim.Time
	y0, y1    float64
	group     int // of the legend
	label     string
	first     bool // the first way of the packet
	changed   string
	lost      string // reason; "": it arrives
	midway    bool   // it ends between the columns
	open      bool   // nothing is known of its end
	depAt     int
	arrAt     int
	labelFrom float64 // ends of the label
	labelTo   float64
}

// packetDiagram builds the diagram of a run.
func packetDiagram(s *Source, o *Options) (drawing, error) {
	if len(s.Runs) != 1 {
		return nil, errors.New("this figure is drawn from one run directory")
	}
	r := s.Runs[0]
	count := o.Count
	if count == 0 {
		count = mostPackets
	}
	all, err := journeysOf(r, o, count)
	if err != nil {
		return nil, err
	}
	n, err := all.choose(o, count)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, ErrNothing
	}
	l := &ladder{full: o.Full, title: o.titled(capital(cmp.Or(r.Summary.Title, r.Summary.Scenario)))}
	l.note = "Time downwards (ms), not to scale"
	if n > count {
		l.note += fmt.Sprintf("; first %d of %d packets", count, n)
	}
	l.place(all)
	l.connect(all)
	l.layout()
	return l, nil
}

// shown reports whether a place has a vertical line: hosts, boxes, and routers where packets
// begin or end.
func (st *stop) shown() bool {
	return st.place.kind == results.PlaceHost || st.place.kind == results.PlaceBox || st.place.kind == results.PlaceRouter && (!st.came || st.dropped)
}

// place finds the columns: the ends of connections outside, the end that began on the left, and
// between them the others in the order of the ways that come by them.
func (l *ladder) place(all *journeys) {
	type score struct {
		sum   float64
		count int
	}
	scores := map[placeName]*score{}
	for _, j := range all.list {
		var way []*stop
		for i := range j.stops {
			if st := &j.stops[i]; st.shown() && (len(way) == 0 || way[len(way)-1].place != st.place) {
				way = append(way, st)
			}
		}
		for _, st := range way {
			if scores[st.place] == nil {
				scores[st.place] = new(score)
				l.columns = append(l.columns, ladderColumn{place: st.place, name: st.place.name, is: st.what()})
			}
		}
		if len(way) == 0 {
			continue
		}
		whole := len(way) > 1 && way[0].place.kind == results.PlaceHost && way[len(way)-1].place.kind == results.PlaceHost
		for i, st := range way {
			part := float64(i) / math.Max(float64(len(way)-1), 1)
			if o, ok := all.origin[j.group]; ok && way[0].place != o {
				part = 1 - part
			}
			s := scores[st.place]
			switch {
			case whole:
				s.sum, s.count = s.sum+part, s.count+1
			case s.count == 0: // until a whole way comes by
				s.sum = part
			}
		}
	}
	slices.SortStableFunc(l.columns, func(a, b ladderColumn) int {
		at := func(p placeName) float64 {
			s := scores[p]
			return s.sum / math.Max(float64(s.count), 1)
		}
		return cmp.Compare(at(a.place), at(b.place))
	})
}

// what says what a place is.
func (st *stop) what() string {
	switch st.place.kind {
	case results.PlaceBox:
		if st.typ != st.place.name && strings.ToLower(st.place.name) != st.typ {
			return st.typ
		}
		return "box"
	case results.PlaceRouter:
		return "router"
	}
	return "host"
}

func (l *ladder) column(p placeName) int {
	return slices.IndexFunc(l.columns, func(c ladderColumn) bool { return c.place == p })
}

// named returns the column of a node or box that a link leads to, or -1.
func (l *ladder) named(name string, from int) int {
	for _, kind := range []results.PlaceKind{results.PlaceBox, results.PlaceHost} {
		if k := l.column(placeName{kind, name}); k >= 0 && k != from {
			return k
		}
	}
	return -1
}

// connect makes the arrows.
func (l *ladder) connect(all *journeys) {
	next := map[[2]string]int{} // the column that comes behind one and what follows it
	for _, j := range all.list {
		for _, h := range hops(j) {
			if h.from.shown() && h.to != nil && h.to.place.kind != results.PlaceLink {
				next[[2]string{h.from.place.name, h.via}] = l.column(h.to.place)
			}
		}
	}
	last := map[said]string{}
	var groups []int
	for _, j := range all.list {
		g := slices.Index(groups, j.group)
		if g < 0 {
			g = len(groups)
			groups = append(groups, j.group)
			l.legend = append(l.legend, key{name: all.groups[j.group].name, color: palette[g%len(palette)], width: normal})
		}
		for i, h := range hops(j) {
			a := arrow{packet: j.id, from: l.column(h.from.place), dep: h.from.out, depAt: h.from.outAt, group: g, first: i == 0}
			if a.first {
				a.label = h.from.label
			}
			if h.from.came && h.from.place.kind == results.PlaceBox {
				a.changed = h.from.changed()
				if at := (said{h.from.place, j.group, j.stops[0].place}); a.changed != "" && a.changed == last[at] {
					a.changed = " " // as with the packet before
				} else if a.changed != " " {
					last[at] = a.changed
				}
			}
			switch {
			case h.to == nil:
				a.open, a.midway, a.arr, a.arrAt, a.to = true, true, a.dep, a.depAt, l.side(a.from, next, h)
			case h.to.place.kind == results.PlaceLink:
				a.lost, a.midway, a.arr, a.arrAt, a.to = h.to.why, true, h.to.in, h.to.inAt, l.side(a.from, next, h)
			default:
				a.to, a.arr, a.arrAt = l.column(h.to.place), h.to.in, h.to.inAt
				if h.to.dropped {
					a.lost = h.to.why
				}
			}
			l.arrows = append(l.arrows, a)
		}
	}
	l.entries()
}

// said is where a change is said: at a box, of a subflow, in one direction.
type said struct {
	place placeName
	group int
	from  placeName
}

// entries adds what marks mean to the legend.
func (l *ladder) entries() {
	if slices.ContainsFunc(l.arrows, func(a arrow) bool { return a.changed != "" }) {
		l.legend = append(l.legend, key{name: "changed", color: black, shape: diamond{}, bare: true})
	}
	if slices.ContainsFunc(l.arrows, func(a arrow) bool { return a.lost != "" }) {
		l.legend = append(l.legend, key{name: "lost", color: black, shape: cross{}, bare: true})
	}
}

// changed says how a box has changed a packet; addresses only of the first packet that it
// changes so.
func (st *stop) changed() string {
	list := st.before.changes(&st.after)
	if len(list) == 0 {
		return ""
	}
	if !st.newTuples {
		list = slices.DeleteFunc(list, func(s string) bool { return strings.HasPrefix(s, "from ") || strings.HasPrefix(s, "to ") })
	}
	if len(list) == 0 {
		return " "
	}
	return strings.Join(list, ", ")
}

// hop is a packet's way from one place with a vertical line to the next.
type hop struct {
	from, to *stop  // to: nil if it is not known, or of a link that dropped it
	via      string // the place or link that follows the first one
}

func hops(j *journey) []hop {
	var out []hop
	var from *stop
	via := ""
	for i := range j.stops {
		st := &j.stops[i]
		if from != nil && via == "" {
			via = st.place.name
			if st.place.kind == results.PlaceLink {
				via = st.beyond
			}
		}
		switch {
		case from != nil && (st.shown() || st.place.kind == results.PlaceLink):
			out = append(out, hop{from, st, via})
			from = nil
		}
		if st.left && st.shown() {
			from, via = st, ""
		}
	}
	if from != nil {
		out = append(out, hop{from, nil, via})
	}
	return out
}

// side returns the column towards which a packet is lost: the one that others came to on the
// same way, or that the link leads to, or a neighbour.
func (l *ladder) side(from int, next map[[2]string]int, h hop) int {
	if k, ok := next[[2]string{h.from.place.name, h.via}]; ok && k >= 0 {
		return k
	}
	if k := l.named(h.via, from); k >= 0 {
		return k
	}
	if from == len(l.columns)-1 {
		return max(from-1, 0)
	}
	return from + 1
}
