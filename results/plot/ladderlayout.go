package plot

import (
	"slices"

	"gonum.org/v1/plot/vg/draw"

	"mpsim/sim"
)

// Lengths of the diagram of packets, in points.
const (
	ladderLeft    = 38.0 // for times and half of the first name
	ladderRight   = 20.0
	ladderRow     = 8.0 // between labels of one place
	ladderLeast   = 1.3 // between different times
	ladderMost    = 20.0
	ladderTypical = 15.0 // for the median of the times that packets take
	ladderTop     = 10.0 // from the names to the first event
	ladderSize    = 6.0  // of labels
	arrowGap      = 6.5  // from the line to its label, so that heads of arrows stay in sight
)

// moment is a departure or an arrival.
type moment struct {
	arrow int
	end   bool
	at    sim.Time
	order int
}

// layout places columns, and every departure and arrival at a height.
func (l *ladder) layout() {
	width := float64(figureWidth)
	if l.full {
		width = fullWidth
	}
	n := len(l.columns) - 1
	half := func(k int) float64 {
		return float64(textStyle(sizeText, true, black, draw.XLeft, 0).Width(l.columns[k].name))/2 + 3
	}
	left, right := max(ladderLeft, half(0)), max(ladderRight, half(n))
	for i := range l.columns {
		l.columns[i].x = left + (width-left-right)*float64(i)/float64(max(n, 1))
	}
	var moments []moment
	var takes []sim.Time
	for i := range l.arrows {
		a := &l.arrows[i]
		l.measure(a, width)
		moments = append(moments, moment{i, false, a.dep, a.depAt}, moment{i, true, a.arr, a.arrAt})
		if a.arr > a.dep {
			takes = append(takes, a.arr-a.dep)
		}
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.order - b.order })
	scale := 0.0
	if len(takes) > 0 {
		slices.Sort(takes)
		scale = ladderTypical / float64(takes[len(takes)/2])
	}
	l.heights(moments, scale)
}

// heights gives each moment its height: the time since the one before, but at most
// ladderMost, and so much that labels keep apart.
func (l *ladder) heights(moments []moment, scale float64) {
	type text struct{ from, to, y float64 }
	var texts []text
	clear := func(y, from, to float64) float64 {
		for _, t := range texts[max(0, len(texts)-64):] {
			if from < t.to && to > t.from {
				y = max(y, t.y+ladderRow)
			}
		}
		return y
	}
	y := ladderTop
	last := sim.Time(0)
	for i, m := range moments {
		a := &l.arrows[m.arrow]
		if i == 0 {
			last = m.at
		}
		before := y
		if d := float64(m.at-last) * scale; m.at > last {
			if y += min(max(d, ladderLeast), ladderMost); d > 2*ladderMost {
				l.pauses = append(l.pauses, [2]float64{before, y})
			}
		}
		last = m.at
		switch {
		case m.end && a.lost != "":
			x := l.crossAt(a)
			w := labelWidth(reason(a.lost)) + 5
			y = clear(y, x, x+w)
			texts = append(texts, text{x, x + w, y})
			a.y1 = y
		case m.end:
			a.y1 = y
		default:
			if a.text() != "" {
				y = clear(y, a.labelFrom, a.labelTo)
				texts = append(texts, text{a.labelFrom, a.labelTo, y})
			}
			a.y0 = y
		}
	}
	l.height = y + 6
}

// text is what stands at an arrow.
func (a *arrow) text() string {
	if a.label != "" {
		return a.label
	}
	if a.changed == " " {
		return ""
	}
	return a.changed
}

// measure finds where the label of an arrow stands: beside its departure, in its direction.
func (l *ladder) measure(a *arrow, width float64) {
	w := labelWidth(a.text())
	x := l.columns[a.from].x
	if a.to >= a.from {
		a.labelFrom = min(x+arrowGap, width-w-2)
	} else {
		a.labelFrom = max(x-arrowGap-w, ladderLeft-4)
	}
	a.labelTo = a.labelFrom + w
}

func labelWidth(s string) float64 {
	return float64(textStyle(ladderSize, false, black, draw.XLeft, 0).Width(s))
}

// crossAt is where an arrow ends.
func (l *ladder) crossAt(a *arrow) float64 {
	end := a.end()
	low := int(end)
	x := l.columns[low].x
	if part := end - float64(low); part > 0 {
		x += part * (l.columns[low+1].x - x)
	}
	return x
}

// end is where an arrow ends, in columns; one that ends on the way is half-way to the next
// column.
func (a *arrow) end() float64 {
	switch {
	case !a.midway:
		return float64(a.to)
	case a.to > a.from:
		return float64(a.from) + 0.5
	case a.to < a.from:
		return float64(a.from) - 0.5
	}
	return float64(a.from)
}
