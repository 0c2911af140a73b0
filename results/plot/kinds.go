package plot

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gonum.org/v1/plot/vg"

	"mpsim/results"
)

// Kind is one kind of figure.
type Kind struct {
	Name, Doc string
	Params    []Param
	build     func(s *Source, o *Options) (*figure, error)
	other     func(s *Source, o *Options) (drawing, error) // without axes; build is nil
}

// Kinds is the table of figures.
var Kinds = []Kind{
	{"goodput", "application bytes per second of each flow and of its subflows", nil,
		ofRuns(perFlow("goodput_bps", true, rateUnit, "Goodput")), nil},
	{"cwnd", "congestion window of each subflow", nil, ofRuns(perFlow("cwnd_bytes", false, byteUnit, "Congestion window")), nil},
	{"srtt", "smoothed round-trip time of each subflow", nil, ofRuns(perFlow("srtt_s", false, timeUnit, "Smoothed RTT")), nil},
	{"dataseq", "data sequence: bytes in order at the receiver of each flow", nil, ofRuns(dataSequence), nil},
	{"queue", "occupancy of the queues that were used most", nil, ofRuns(queues), nil},
	{"load", "queueing delay against load of the links with queues, a mark a second; several runs side by side", nil, ofRuns(delayAgainstLoad), nil},
	{"sequence", "data granted to each subflow in sequence space, with retransmissions, as tcptrace draws it; from --events", paramsOfFlow, sequence, nil},
	{"timeline", "when the scheduler granted data to which subflow, and what it waited for; from --events", paramsOfFlow, timeline, nil},
	{"packets", "packet sequence diagram between hosts and boxes: each packet with its way, what became of it, and its label; from --packets", paramsOfPackets, nil, packetDiagram},
	{"cdf", "distribution function of a metric over runs, with its 95 % band (DKW), or of the samples of a series",
		append([]Param{paramMetric, paramBy, paramWhere, paramSamples}, paramsOfTime...), ofTable(distribution), nil},
	{"rank", "values of a metric in ascending order over their rank", []Param{paramMetric, paramBy, paramWhere}, ofTable(ranks), nil},
	{"bars", "means of a metric by category with their 95 % intervals", []Param{paramMetric, paramX, paramBy, paramWhere}, ofTable(bars), nil},
	{"box", "median, quartiles, whiskers and outliers of a metric, or of the samples of a series, by category",
		append([]Param{paramMetric, paramX, paramBy, paramWhere, paramSamples}, paramsOfTime...), ofTable(boxes), nil},
	{"heatmap", "mean of a metric over two factors as colours", []Param{paramMetric, paramX, paramY, paramWhere}, ofTable(heatMap), nil},
	{"scatter", "two metrics against each other, a mark a design with its intervals; bounds as lines",
		[]Param{paramXValue, paramYValue, paramBy, paramWhere, paramBound, paramLog}, ofTable(scatter), nil},
}

func lookup(name string) (*Kind, error) {
	var names []string
	for i := range Kinds {
		if Kinds[i].Name == name {
			return &Kinds[i], nil
		}
		names = append(names, Kinds[i].Name)
	}
	return nil, fmt.Errorf("unknown figure %q; have %s", name, strings.Join(names, ", "))
}

// The widths of lines, in points.
const (
	thick  vg.Length = 1.8 // totals, which lie below the other lines
	normal vg.Length = 1
)

// maxPanels is how many panels a figure has at most.
const maxPanels = 6

// colors hands out the palette by name, in the order of first use, so that an
// interface has one colour in every panel.
type colors struct {
	names  []string
	legend []key
}

func (c *colors) of(name string) color.Color {
	i := slices.Index(c.names, name)
	if i < 0 {
		i = len(c.names)
		c.names = append(c.names, name)
		c.legend = append(c.legend, key{name: name, color: palette[i%len(palette)], width: normal})
	}
	return palette[i%len(palette)]
}

// perFlow builds figures with one panel a flow and one line a subflow. A metric
// that adds up has a line for the total too, and is a mean over intervals.
func perFlow(metric string, adds bool, units func(float64) unit, label string) func([]*Run) (*figure, error) {
	return func(runs []*Run) (*figure, error) {
		f := newFigure(runs)
		var c colors
		var raw []panel
		top, width, totals := 0.0, 0.0, false
		for _, r := range runs {
			for i := range r.Summary.Flows {
				flow := &r.Summary.Flows[i]
				p := panel{title: panelName(runs, r, flow.Name), note: describe(flow), shades: outages(&r.Summary)}
				lines := r.subflows(flow, metric)
				total := r.get(flow.Name, metric)
				if adds && total != nil && len(lines) > 1 {
					lines = append([]named{{"total", total}}, lines...)
				}
				for _, n := range lines {
					s := n.series
					if adds {
						s, width = s.binned()
					}
					ln := line{x: s.x, y: s.y, width: normal}
					if n.name == "total" {
						ln.color, ln.width, totals = black, thick, true
					} else {
						ln.color = c.of(n.name)
					}
					top = math.Max(top, s.top())
					p.lines = append(p.lines, ln)
				}
				if len(p.lines) > 0 {
					raw = append(raw, p)
				}
			}
		}
		if len(raw) == 0 {
			return nil, ErrNothing
		}
		u := units(top)
		f.yLabel = label + " (" + u.name + ")"
		f.legend = c.legend
		if totals {
			f.legend = append([]key{{name: "total", color: black, width: thick}}, f.legend...)
		}
		if adds && width > 0 {
			f.note(fmt.Sprintf("mean of %s ms", trim(width*1e3)))
		}
		f.finish(raw, u, top)
		return f, nil
	}
}

// named is a line with its name in the legend.
type named struct {
	name string
	*series
}

// subflows returns the lines of a flow, each named after the interface of the
// client, or numbered.
func (r *Run) subflows(flow *results.Flow, metric string) []named {
	var out []named
	for _, sf := range flow.Subflows {
		if s := r.get(flow.Name+"/"+strconv.Itoa(sf.ID), metric); s != nil {
			out = append(out, named{subflowName(&sf), s})
		}
	}
	if len(flow.Subflows) == 0 {
		if s := r.get(flow.Name, metric); s != nil {
			out = append(out, named{flow.Name, s})
		}
	}
	return out
}

func subflowName(sf *results.Subflow) string {
	if _, ifc, ok := strings.Cut(sf.Interface, "."); ok {
		return ifc
	}
	return "subflow " + strconv.Itoa(sf.ID)
}

// panelName tells runs apart if there are several.
func panelName(runs []*Run, r *Run, name string) string {
	if len(runs) == 1 {
		return name
	}
	return fmt.Sprintf("%s (%s, seed %d)", name, r.Summary.Scenario, r.Summary.Seed)
}

// describe says in a few words what a flow is and what it achieved.
func describe(f *results.Flow) string {
	words := []string{strings.ToUpper(f.Protocol)}
	if f.Fallback != "" {
		words[0] += " fallen back to TCP"
	}
	if f.Controller != "" {
		words = append(words, f.Controller)
	}
	if f.Scheduler != "" {
		words = append(words, f.Scheduler)
	}
	u := rateUnit(float64(f.Goodput))
	return strings.Join(words, ", ") + fmt.Sprintf(": %.3g %s", float64(f.Goodput)*u.factor, u.name)
}

// dataSequence shows every flow in one panel.
func dataSequence(runs []*Run) (*figure, error) {
	f := newFigure(runs)
	var c colors
	p := panel{shades: commonOutages(runs)}
	top := 0.0
	for _, r := range runs {
		for i := range r.Summary.Flows {
			flow := &r.Summary.Flows[i]
			s := r.get(flow.Name, "data_seq_bytes")
			if s == nil {
				continue
			}
			p.lines = append(p.lines, line{x: s.x, y: s.y, color: c.of(panelName(runs, r, flow.Name)), width: normal})
			top = math.Max(top, s.top())
		}
	}
	if len(p.lines) == 0 {
		return nil, ErrNothing
	}
	u := byteUnit(top)
	f.yLabel = "Data sequence (" + u.name + ")"
	f.legend = c.legend
	f.finish([]panel{p}, u, top)
	return f, nil
}

// queues shows the links whose queues were longest on average, both directions
// in one panel.
func queues(runs []*Run) (*figure, error) {
	f := newFigure(runs)
	top := 0.0
	for _, r := range runs {
		for _, l := range r.Summary.Links {
			if s := r.get(l.Name+"."+l.Direction, "queue_bytes"); s != nil {
				top = math.Max(top, s.top())
			}
		}
	}
	if top == 0 {
		return nil, ErrNothing
	}
	var c colors
	var raw []panel
	var means []float64
	for _, r := range runs {
		last := ""
		for _, l := range r.Summary.Links {
			s := r.get(l.Name+"."+l.Direction, "queue_bytes")
			if s == nil || s.top() < negligible*top {
				continue
			}
			if l.Name != last || len(raw) == 0 {
				raw, means, last = append(raw, panel{title: panelName(runs, r, l.Name), shades: outages(&r.Summary)}), append(means, 0), l.Name
			}
			p := &raw[len(raw)-1]
			p.lines = append(p.lines, line{x: s.x, y: s.y, color: c.of(l.Direction), width: normal})
			means[len(means)-1] += float64(l.MeanQueueBytes)
		}
	}
	raw = longest(raw, means)
	u := byteUnit(top)
	f.yLabel = "Queue (" + u.name + ")"
	f.legend = c.legend
	f.finish(raw, u, top)
	return f, nil
}

// negligible is the part of the longest queue below which one is not drawn.
const negligible = 0.02

// longest keeps the panels with the largest means, in their order.
func longest(panels []panel, means []float64) []panel {
	if len(panels) <= maxPanels {
		return panels
	}
	sorted := slices.Sorted(slices.Values(means))
	least := sorted[len(sorted)-maxPanels]
	var out []panel
	for i, p := range panels {
		if means[i] >= least && len(out) < maxPanels {
			out = append(out, p)
		}
	}
	return out
}

func newFigure(runs []*Run) *figure {
	f := &figure{tMax: 1e-9}
	for i, r := range runs {
		f.tMax = math.Max(f.tMax, float64(r.Summary.SimTime))
		if i == 0 {
			f.title = r.Summary.Title
			if f.title == "" {
				f.title = r.Summary.Scenario
			}
			f.title = capital(f.title)
		}
	}
	if len(runs) > 1 {
		f.title = ""
	}
	return f
}

// capital returns a text with a capital first letter, as a title has it.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// note adds a remark to the label of the time axis.
func (f *figure) note(text string) { f.xNote = text }

// finish converts the panels to the unit of the axis and gives them one range.
func (f *figure) finish(raw []panel, u unit, top float64) {
	if len(raw) > maxPanels {
		f.title += fmt.Sprintf(" (first %d of %d)", maxPanels, len(raw))
		raw = raw[:maxPanels]
	}
	yMax := ceiling(top*u.factor, yTicks(len(raw)))
	for _, p := range raw {
		for i := range p.lines {
			p.lines[i].y = (&series{p.lines[i].x, p.lines[i].y}).scaled(u.factor).y
		}
		p.yMax = yMax
		f.panels = append(f.panels, p)
	}
}

// outages joins the outages of one span of time under one name.
func outages(s *results.Summary) []interval {
	var out []interval
	var links [][]string
	for _, o := range s.Outages {
		iv := interval{from: float64(o.Start), to: float64(o.End)}
		i := slices.IndexFunc(out, func(x interval) bool { return x.from == iv.from && x.to == iv.to })
		if i < 0 {
			i = len(out)
			out = append(out, iv)
			links = append(links, nil)
		}
		links[i] = append(links[i], o.Link)
	}
	for i := range out {
		out[i].label = outageLabel(s, out[i].from, links[i])
	}
	return out
}

// commonOutages are the outages of all runs, none if they differ.
func commonOutages(runs []*Run) []interval {
	var first []interval
	for i, r := range runs {
		o := outages(&r.Summary)
		if i > 0 && !slices.Equal(o, first) {
			return nil
		}
		first = o
	}
	return first
}

// outageLabel is what the scenario says of an outage, or else which links it
// concerns.
func outageLabel(s *results.Summary, from float64, links []string) string {
	for _, a := range s.Actions {
		if float64(a.At) == from && a.Label != "" {
			return a.Label
		}
	}
	prefix := links[0]
	for _, l := range links[1:] {
		for !strings.HasPrefix(l, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	if prefix = strings.TrimRight(prefix, "-_.0123456789"); prefix == "" {
		return "outage"
	}
	return prefix + " outage"
}

// trim prints a number without trailing zeros.
func trim(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }
