package plot

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot/vg/draw"

	"mpsim/results"
)

// Figures of how outcomes scatter: distribution functions with their band, boxes, and bars
// of means with their intervals. Rows without a finite value are said in the figure, not
// drawn.

// level is the confidence of intervals and bands.
const level = 0.95

// maxGroups is how many groups a figure tells apart: the palette has no more.
const maxGroups = 6

// groups returns the levels of --by.
func (t *Table) groups(o *Options) (*column, []string, error) {
	name := o.By
	if name == "" && t.samples && o.X != "entity" {
		name = "entity"
	}
	c, err := t.factor("by", name, math.MaxInt)
	if err != nil {
		return nil, nil, err
	}
	levels := c.levels()
	if len(levels) > maxGroups {
		return nil, nil, fmt.Errorf("--by: column %q has %d values; a figure tells %d apart: choose some by --where %s=VALUE (%s)", c.name, len(levels), maxGroups,
			c.name, strings.Join(levels, ", "))
	}
	return c, levels, nil
}

// distribution draws the empirical distribution function of each group with the band of
// Dvoretzky, Kiefer and Wolfowitz, which holds the true function with 95 % confidence:
// epsilon = sqrt(ln(2/0.05)/(2n)) (P. Massart, "The tight constant in the
// Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18(3), 1990). What never
// happened counts: the function then stays below 1.
func distribution(t *Table, o *Options) (*figure, error) {
	metric, err := t.metric("metric", o.Metric)
	if err != nil {
		return nil, err
	}
	by, levels, err := t.groups(o)
	if err != nil {
		return nil, err
	}
	all := t.values(metric, func(int) bool { return true })
	if len(all.values) == 0 {
		return nil, ErrNothing
	}
	least, most := all.values[0], all.values[len(all.values)-1]
	u := metric.units(math.Max(math.Abs(least), math.Abs(most)))
	f := &figure{title: t.Title, yLabel: "Fraction of runs", xName: metric.label(u)}
	f.xMin, f.tMax = span(least*u.factor, most*u.factor)
	p := panel{yMax: 1, note: "shaded: 95 % confidence (DKW)"}
	var counts string
	for k, name := range levels {
		g := t.values(metric, func(i int) bool { return by.is(i, name) })
		n := len(g.values) + g.never
		if len(g.values) == 0 {
			continue
		}
		c := palette[k]
		ln := line{color: c, width: normal, x: []float64{f.xMin}, y: []float64{0}}
		for i, v := range g.values {
			x := v * u.factor
			ln.x, ln.y = append(ln.x, x, x), append(ln.y, float64(i)/float64(n), float64(i+1)/float64(n))
		}
		ln.x, ln.y = append(ln.x, f.tMax), append(ln.y, float64(len(g.values))/float64(n))
		shaded := band(&ln, math.Sqrt(math.Log(2/(1-level))/(2*float64(n))))
		shaded.fill = faded(c)
		if len(levels) > 1 {
			shaded.fill, shaded.edge, shaded.hair = faint(c), c, true
		}
		switch {
		case t.samples:
			p.note, f.yLabel = "samples of a run depend on each other: no band", "Fraction of samples"
		case g.pooled():
			p.note = "rows of several designs: no band"
		default:
			p.areas = append(p.areas, shaded)
		}
		p.lines = append(p.lines, ln)
		if by != nil {
			f.enter(key{name: fmt.Sprintf("%s (%d)", by.show(name), n), color: c, width: normal})
		} else {
			counts = fmt.Sprintf(", n = %d", n)
		}
	}
	p.note += counts + all.remark()
	f.panels = []panel{p}
	return f, nil
}

// band is the area at most epsilon above and below a line, between 0 and 1.
func band(ln *line, epsilon float64) area {
	var r area
	for i := range ln.x {
		r.x, r.y = append(r.x, ln.x[i]), append(r.y, math.Min(ln.y[i]+epsilon, 1))
	}
	for i := len(ln.x) - 1; i >= 0; i-- {
		r.x, r.y = append(r.x, ln.x[i]), append(r.y, math.Max(ln.y[i]-epsilon, 0))
	}
	return r
}

// remark says what a figure leaves out.
func (g *group) remark() string {
	text := ""
	if g.never > 0 {
		text += fmt.Sprintf("; never in %d", g.never)
	}
	if g.missing > 0 {
		text += fmt.Sprintf("; %d without value", g.missing)
	}
	return text
}

// span returns the ends of an axis for values between two: from 0 if they lie near it,
// with a little room otherwise.
func span(low, high float64) (float64, float64) {
	room := (high - low) * 0.04
	if room == 0 {
		room = math.Max(math.Abs(high)*0.1, 0.5)
	}
	if low >= 0 && low < high/2 {
		return 0, high + room
	}
	return low - room, high + room
}

// byCategory lays out the groups of a figure with categories: those of --by stand beside
// each other in each category of --x. each draws one, note describes them by the size of
// the largest.
func byCategory(t *Table, o *Options, note func(most int) string, each func(p *panel, g *group, at, half float64, c color.RGBA, u unit)) (*figure, error) {
	metric, err := t.metric("metric", o.Metric)
	if err != nil {
		return nil, err
	}
	x, err := t.factor("x", o.X, 0)
	if err != nil {
		return nil, err
	}
	by, levels, err := t.groups(o)
	if err != nil {
		return nil, err
	}
	all := t.values(metric, func(int) bool { return true })
	if len(all.values) == 0 {
		return nil, ErrNothing
	}
	u := metric.units(math.Max(math.Abs(all.values[0]), math.Abs(all.values[len(all.values)-1])))
	categories := x.levels()
	f := &figure{title: t.Title, yLabel: metric.label(u), xName: " ", xMin: -0.5, tMax: float64(len(categories)) - 0.5, xTicks: []tick{}}
	if x != nil {
		f.xName = x.title()
		for i, c := range categories {
			f.xTicks = append(f.xTicks, tick{float64(i), x.show(c)})
		}
	}
	var p panel
	most, width := 0, 0.8/float64(len(levels))
	for k, name := range levels {
		if by != nil {
			f.enter(key{name: by.show(name), color: palette[k], filled: true})
		}
		for i, c := range categories {
			g := t.values(metric, func(row int) bool { return x.is(row, c) && by.is(row, name) })
			at := float64(i) - 0.4 + float64(width*(float64(k)+0.5))
			if len(g.values) > 0 {
				most = max(most, len(g.values))
				each(&p, &g, at, math.Min(width*0.44, 0.3), palette[k], u)
			}
		}
	}
	p.note = note(most)
	if n := all.never + all.missing; n > 0 {
		p.note += fmt.Sprintf("; %d without value", n)
	}
	f.panels = []panel{p}
	return f, nil
}

// bars draws means from 0, with Student's interval where a mean is of several values.
func bars(t *Table, o *Options) (*figure, error) {
	low, high := 0.0, 0.0
	pooled := false
	note := func(most int) string {
		switch {
		case most == 1:
			return "one value each"
		case pooled:
			return "mean over several designs: no interval"
		}
		return fmt.Sprintf("mean, 95 %% interval, n = %d", most)
	}
	f, err := byCategory(t, o, note, func(p *panel, g *group, at, half float64, c color.RGBA, u unit) {
		m := mean(g.values, u.factor)
		m.x, m.color = at, black
		if g.pooled() {
			m.low, m.high, pooled = m.y, m.y, true
		}
		p.areas = append(p.areas, block(at-half, 0, at+half, m.y, c))
		p.marks = append(p.marks, m)
		low, high = math.Min(low, m.low), math.Max(high, m.high)
	})
	if err != nil {
		return nil, err
	}
	f.panels[0].fit(low, high)
	return f, nil
}

// mean returns the mean of values and its interval, scaled, as a mark without a shape.
func mean(values []float64, factor float64) mark {
	m := mark{y: stat.Mean(values, nil) * factor}
	m.low, m.high = m.y, m.y
	if len(values) > 1 {
		_, low, high := results.Interval(values, level)
		m.low, m.high = low*factor, high*factor
	}
	return m
}

// fit gives a panel an axis that holds 0 and the values between two.
func (p *panel) fit(low, high float64) {
	p.yMax = ceiling(high, yTicks(1))
	if high <= 0 {
		p.yMax = 0
	}
	if low < 0 {
		p.yMin = -ceiling(-low, yTicks(1))
	}
}

// boxes draws Tukey's boxes ("Exploratory Data Analysis", 1977): quartiles and median
// (linear between order statistics, as R's type 7), whiskers to the furthest values within
// 1.5 of the height of the box, and the values beyond as rings.
func boxes(t *Table, o *Options) (*figure, error) {
	low, high := math.Inf(1), math.Inf(-1)
	f, err := byCategory(t, o, func(int) string { return "median, quartiles, whiskers up to 1.5 IQR" }, func(p *panel, g *group, at, half float64, c color.RGBA, u unit) {
		v := make([]float64, len(g.values))
		for i := range v {
			v[i] = g.values[i] * u.factor
		}
		p.box(v, at, half, c)
		low, high = math.Min(low, v[0]), math.Max(high, v[len(v)-1])
	})
	if err != nil {
		return nil, err
	}
	p := &f.panels[0]
	p.yMin, p.yMax = span(low, high)
	return f, nil
}

// box adds the box of ascending values.
func (p *panel) box(v []float64, at, half float64, c color.RGBA) {
	q := [3]float64{quantile(v, 0.25), quantile(v, 0.5), quantile(v, 0.75)}
	fence := 1.5 * (q[2] - q[0])
	bottom, top := q[0], q[2]
	for _, x := range v {
		switch {
		case x < q[0]-fence || x > q[2]+fence:
			p.marks = append(p.marks, mark{x: at, y: x, low: x, high: x, color: c, shape: draw.RingGlyph{}, radius: 1.4})
		default:
			bottom, top = math.Min(bottom, x), math.Max(top, x)
		}
	}
	b := block(at-half, q[0], at+half, q[2], faded(c))
	b.edge = c
	p.areas = append(p.areas, b)
	for _, w := range [][2]float64{{bottom, q[0]}, {q[2], top}} {
		p.lines = append(p.lines, line{x: []float64{at, at}, y: []float64{w[0], w[1]}, color: c, width: 0.7})
	}
	for _, end := range []float64{bottom, top} {
		p.lines = append(p.lines, line{x: []float64{at - half/2, at + half/2}, y: []float64{end, end}, color: c, width: 0.7})
	}
	p.lines = append(p.lines, line{x: []float64{at - half, at + half}, y: []float64{q[1], q[1]}, color: c, width: 1.6})
}

// quantile returns a quantile of ascending values, linear between order statistics (type 7
// of R. Hyndman and Y. Fan, "Sample quantiles in statistical packages", 1996).
func quantile(v []float64, part float64) float64 {
	h := part * float64(len(v)-1)
	i := int(h)
	if i+1 >= len(v) {
		return v[len(v)-1]
	}
	return v[i] + float64((h-float64(i))*(v[i+1]-v[i]))
}
