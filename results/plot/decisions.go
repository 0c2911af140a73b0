package plot

import (
	"fmt"
	"image/color"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// sequence draws what tcptrace draws of TCP (S. Ostermann, tcptrace time-sequence graphs) and
// mptcptrace of MPTCP (B. Hesmans and O. Bonaventure, "Tracing Multipath TCP connections",
// SIGCOMM 2014 demo), from the decisions of the sender: above, the data sequence numbers
// that the scheduler granted, in the colour of the subflow that got them or, if another one
// had got them before, in one of their own, and in black what arrived in order; below, the
// same of each subflow in its own sequence space, with its retransmissions as triangles.
func sequence(s *Source, o *Options) (*figure, error) {
	r, d, err := decisionsOf(s, o)
	if err != nil {
		return nil, err
	}
	f := newFigure(s.Runs)
	if f.xMin, f.tMax, err = o.window(r); err != nil {
		return nil, err
	}
	var ids []int
	for i := range d.events {
		if e := &d.events[i]; e.Kind == "grant" && !slices.Contains(ids, e.Subflow) {
			ids = append(ids, e.Subflow)
		}
	}
	slices.Sort(ids)
	ids = ids[:min(len(ids), maxPanels-1)]
	all := panel{title: d.flow.Name, note: describe(d.flow), shades: outages(&r.Summary)}
	if got := r.get(d.flow.Name, "data_seq_bytes"); got != nil {
		all.lines = append(all.lines, line{x: got.x, y: got.y, color: black, width: normal})
		f.enter(key{name: "in order at the receiver", color: black, width: normal})
	}
	below := make([]panel, len(ids))
	for k, id := range ids {
		c := paint(subflowColors[k])
		below[k] = panel{title: d.name(id), note: "sequence of the subflow", shades: all.shades}
		f.enter(key{name: d.name(id), color: c, width: thick})
		if got := r.get(fmt.Sprintf("%s/%d", d.flow.Name, id), "seq_bytes"); got != nil {
			below[k].lines = append(below[k].lines, line{x: got.x, y: got.y, color: black, width: normal})
		}
		d.draw(f, id, c, &all, &below[k])
	}
	if slices.ContainsFunc(all.lines, func(ln line) bool { return ln.color == paint(againColor) }) {
		f.enter(key{name: "granted again", color: paint(againColor), width: thick})
	}
	if slices.ContainsFunc(below, func(p panel) bool { return len(p.marks) > 0 }) {
		f.enter(key{name: "retransmitted", color: black, shape: draw.TriangleGlyph{}})
	}
	return f.stretch(append([]panel{all}, below...))
}

// The colours of subflows, and of what is granted again.
var subflowColors = [maxPanels - 1]int{0, 1, 2, 4, 5}

const againColor = 3

// draw adds what a subflow was granted to the panel of the connection and to its own.
func (d *decisions) draw(f *figure, id int, c color.Color, all, own *panel) {
	data := stroke{column: (f.tMax - f.xMin) / columns, gap: d.reach(f) / gaps}
	sub := data
	again, subAgain := data, data
	pos := 0.0
	for i := range d.events {
		e := &d.events[i]
		if e.Subflow != id {
			continue
		}
		at, n := e.at(), float64(e.Len)
		inside := at >= f.xMin && at <= f.tMax
		switch e.Kind {
		case "grant":
			from := float64(e.DSN) - 1
			if inside && e.Grant == "new" {
				data.extend(all, at, from, from+n, c)
				sub.extend(own, at, pos, pos+n, c)
			} else if inside {
				again.extend(all, at, from, from+n, paint(againColor))
				subAgain.extend(own, at, pos, pos+n, paint(againColor))
			}
			pos += n
		case "retransmit":
			if inside {
				y := float64(e.Pos)
				own.marks = append(own.marks, mark{x: at, y: y, low: y, high: y, color: black, shape: draw.TriangleGlyph{}, radius: 1.4})
			}
		}
	}
}

// reach returns how many bytes of data lie between what was granted in the window.
func (d *decisions) reach(f *figure) float64 {
	low, high := math.Inf(1), 0.0
	for i := range d.events {
		if e := &d.events[i]; e.Kind == "grant" && e.at() >= f.xMin && e.at() <= f.tMax {
			low, high = math.Min(low, float64(e.DSN)), math.Max(high, float64(e.DSN)+float64(e.Len))
		}
	}
	return math.Max(high-low, 0)
}

// gaps is how many gaps the height of a figure keeps apart.
const gaps = 300

// stroke joins vertical strokes that the eye would.
type stroke struct {
	column, gap float64 // least distance of two, in seconds and bytes
	open        bool
	start       float64
	index       int
}

func (s *stroke) extend(p *panel, at, low, high float64, c color.Color) {
	if s.open && at-s.start < s.column {
		if y := p.lines[s.index].y; low <= y[1]+s.gap && high >= y[0]-s.gap {
			y[0], y[1] = math.Min(y[0], low), math.Max(y[1], high)
			return
		}
	}
	s.open, s.start, s.index = true, at, len(p.lines)
	p.lines = append(p.lines, line{x: []float64{at, at}, y: []float64{low, high}, color: c, width: 0.9, stroke: true})
}

// stretch gives each panel the range of the bytes that its strokes span.
func (f *figure) stretch(panels []panel) (*figure, error) {
	most := 0.0
	for i := range panels {
		low, high := math.Inf(1), math.Inf(-1)
		for _, ln := range panels[i].lines {
			for k, x := range ln.x {
				if x >= f.xMin && x <= f.tMax {
					low, high = math.Min(low, ln.y[k]), math.Max(high, ln.y[k])
				}
			}
		}
		if !(low <= high) {
			low, high = 0, 1
		}
		panels[i].yMin, panels[i].yMax = span(low, high)
		most = math.Max(most, high)
	}
	if most == 0 {
		return nil, ErrNothing
	}
	u := byteUnit(most)
	for i := range panels {
		p := &panels[i]
		p.yMin, p.yMax = p.yMin*u.factor, p.yMax*u.factor
		for k := range p.lines {
			p.lines[k].y = (&series{p.lines[k].x, p.lines[k].y}).scaled(u.factor).y
		}
		for k := range p.marks {
			m := &p.marks[k]
			m.y, m.low, m.high = m.y*u.factor, m.low*u.factor, m.high*u.factor
		}
	}
	f.yLabel, f.panels = "Sequence ("+u.name+")", panels
	return f, nil
}

// timeline draws when the scheduler granted data to which subflow, and why it waited when
// it granted none: a row a subflow, a row a reason. A wait lasts until the next grant.
func timeline(s *Source, o *Options) (*figure, error) {
	r, d, err := decisionsOf(s, o)
	if err != nil {
		return nil, err
	}
	f := newFigure(s.Runs)
	if f.xMin, f.tMax, err = o.window(r); err != nil {
		return nil, err
	}
	rows := d.rows()
	p := panel{title: d.flow.Name, note: describe(d.flow), shades: outages(&r.Summary), yMin: -0.5, yMax: float64(len(rows)) - 0.5}
	for i, name := range rows {
		p.yTicks = append(p.yTicks, tick{float64(len(rows) - 1 - i), name})
	}
	d.blocks(f, &p, rows)
	if len(p.areas) == 0 {
		return nil, ErrNothing
	}
	c := column{name: "row"}
	f.left = labelRoom(rows, &c) - 8
	f.height = max(48, 14*vg.Length(len(rows)))
	f.panels = []panel{p}
	return f, nil
}

// rows are the subflows in their order, then the reasons of waits by name.
func (d *decisions) rows() []string {
	ids, reasons := map[int]bool{}, map[string]bool{}
	for i := range d.events {
		switch e := &d.events[i]; e.Kind {
		case "grant":
			ids[e.Subflow] = true
		case "wait":
			reasons[waitRow(e)] = true
		}
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		out = append(out, d.name(id))
	}
	return append(out, slices.Sorted(maps.Keys(reasons))...)
}

func waitRow(e *event) string { return "wait: " + strings.ReplaceAll(e.Why, "_", " ") }

// grantColors are the colours of the kinds of grants.
var grantColors = map[string]int{"new": 0, "reinject": 1, "redundant": 2, "opportunistic": 3}

// blocks adds the grants and waits that lie in the window. Grants of one column are one
// block, in the colour of its least usual kind.
func (d *decisions) blocks(f *figure, p *panel, rows []string) {
	bin := (f.tMax - f.xMin) / columns
	kinds := map[string]bool{}
	last := make([]int, len(rows)) // the latest block of each row, from 1 on
	add := func(row string, from, to float64, c color.Color) {
		k := slices.Index(rows, row)
		if from, to = math.Max(from, f.xMin), math.Min(to, f.tMax); from >= to {
			return
		}
		if i := last[k]; i > 0 {
			if b := &p.areas[i-1]; b.fill == c && from <= b.x[1]+float64(bin/2) {
				b.x[1], b.x[2] = math.Max(b.x[1], to), math.Max(b.x[2], to)
				return
			}
		}
		y := float64(len(rows) - 1 - k)
		p.areas = append(p.areas, block(from, y-0.36, to, y+0.36, c))
		last[k] = len(p.areas)
	}
	type open struct {
		from float64
		kind string
	}
	grants := map[int]*open{}
	flush := func(id int) {
		if g := grants[id]; g != nil {
			kinds[g.kind] = kinds[g.kind] || g.from >= f.xMin && g.from < f.tMax
			add(d.name(id), g.from, g.from+bin, paint(grantColors[g.kind]))
		}
	}
	var waiting *event
	for i := range d.events {
		e := &d.events[i]
		if e.Kind != "grant" && e.Kind != "wait" {
			continue
		}
		if waiting != nil && (e.Kind == "grant" || e.Why != waiting.Why) {
			add(waitRow(waiting), waiting.at(), e.at(), grey)
			waiting = nil
		}
		if e.Kind == "wait" {
			if waiting == nil {
				waiting = e
			}
			continue
		}
		if g := grants[e.Subflow]; g != nil && e.at()-g.from < bin {
			if grantColors[e.Grant] > grantColors[g.kind] {
				g.kind = e.Grant
			}
			continue
		}
		flush(e.Subflow)
		grants[e.Subflow] = &open{e.at(), e.Grant}
	}
	if waiting != nil {
		add(waitRow(waiting), waiting.at(), f.tMax, grey)
	}
	for _, id := range slices.Sorted(maps.Keys(grants)) {
		flush(id)
	}
	for _, k := range []string{"new", "reinject", "redundant", "opportunistic"} {
		if kinds[k] {
			f.enter(key{name: "granted: " + k, color: paint(grantColors[k]), filled: true})
		}
	}
}
