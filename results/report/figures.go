package report

import (
	"cmp"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"mpsim/results"
	"mpsim/sim"
)

// Time series: panels of lines over one grid of times. A panel with many points has an
// overview as well, the least and the largest value of each of overviewColumns columns, which
// is drawn until somebody zooms in. Rates have none: of them the page draws means.

const (
	overviewOver    = 4000 // points
	overviewColumns = 1000
	maxEntities     = 48 // flows, and links, whose series are kept
)

// oneSeries is one metric of one entity.
type oneSeries struct {
	at    []int64 // ns
	value []float64
}

type seriesKey struct{ entity, metric string }

type seriesSet struct{ byKey map[seriesKey]*oneSeries }

func (s *seriesSet) get(entity, metric string) *oneSeries { return s.byKey[seriesKey{entity, metric}] }

// readSeries reads the series of a run directory.
func readSeries(dir string) (*seriesSet, error) {
	f, err := os.Open(filepath.Join(dir, results.SeriesName))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	set := &seriesSet{byKey: map[seriesKey]*oneSeries{}}
	err = results.ReadSeries(f, func(p results.Point) error {
		k := seriesKey{p.Entity, p.Metric}
		s := set.byKey[k]
		if s == nil {
			s = new(oneSeries)
			set.byKey[k] = s
		}
		s.at = append(s.at, int64(p.At))
		s.value = append(s.value, p.Value)
		return nil
	})
	if err != nil {
		return nil, inFile(f.Name(), err)
	}
	return set, nil
}

// metric describes what a panel shows.
type metric struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Unit  string `json:"unit"` // "bps", "B" or "s"
	Of    string `json:"of"`   // "flow" or "link"
	// Shown says whether it is shown at first.
	Shown bool `json:"shown"`
	// Floor says that the axis begins at 0.
	Floor bool `json:"floor"`
	// Rate says that a value is a mean over the interval that ends at its time: many of them
	// are drawn as means over longer intervals, not as least and largest values.
	Rate bool `json:"rate"`
}

// metrics are the series that a page shows, in their order.
var metrics = []metric{
	{"goodput_bps", "Goodput", "bps", "flow", true, true, true},
	{"cwnd_bytes", "Congestion window", "B", "flow", true, true, false},
	{"srtt_s", "Smoothed RTT", "s", "flow", true, true, false},
	{"in_flight_bytes", "In flight", "B", "flow", false, true, false},
	{"ssthresh_bytes", "Slow start threshold", "B", "flow", false, true, false},
	{"seq", "Bytes in order at the receiver", "B", "flow", false, false, false},
	{"queue_bytes", "Queue", "B", "link", true, true, false},
	{"rate_bps", "Link rate", "bps", "link", false, true, true},
}

// panelData is one panel as the page reads it.
type panelData struct {
	Metric string     `json:"metric"`
	Entity string     `json:"entity"` // flow or link
	Title  string     `json:"title"`
	Shown  bool       `json:"shown"`
	N      int        `json:"n"`
	Time   int        `json:"time"` // ns
	Series []lineData `json:"series"`
	// The overview, if N is large: times of its points, and per series their values.
	OverviewTime int   `json:"overview_time,omitempty"`
	Overview     []int `json:"overview,omitempty"`
}

type lineData struct {
	Name  string `json:"name"`
	Total bool   `json:"total,omitempty"`
	Value int    `json:"value"`
}

// figureData is all panels of a run.
type figureData struct {
	Metrics  []metric    `json:"metrics"`
	Entities []entity    `json:"entities"`
	Panels   []panelData `json:"panels"`
	// LeftOut counts flows and links beyond maxEntities.
	LeftOut int `json:"left_out,omitempty"`
}

type entity struct {
	Name  string `json:"name"`
	Of    string `json:"of"`
	Shown bool   `json:"shown"`
}

// curve is a line before it becomes a column.
type curve struct {
	name  string
	total bool
	data  *oneSeries
}

// figures collects the panels of a run.
func figures(s *results.Summary, set *seriesSet, b *blobs) *figureData {
	d := &figureData{Metrics: metrics, Entities: []entity{}, Panels: []panelData{}}
	flows := shownFlows(s)
	for i := range s.Flows {
		f := &s.Flows[i]
		if i >= maxEntities {
			d.LeftOut++
			continue
		}
		shown := slices.Contains(flows, f.Name)
		d.Entities = append(d.Entities, entity{f.Name, "flow", shown})
		for _, m := range metrics {
			if m.Of == "flow" {
				d.add(b, &m, f.Name, f.Name, shown, flowCurves(f, set, m.ID))
			}
		}
	}
	links, rest := busiest(s, set)
	d.LeftOut += rest
	for k, name := range links {
		shown := k < 3
		d.Entities = append(d.Entities, entity{name, "link", shown})
		for _, m := range metrics {
			if m.Of != "link" {
				continue
			}
			var c []curve
			for _, dir := range []string{"down", "up"} {
				if one := set.get(name+"."+dir, m.ID); one != nil {
					c = append(c, curve{dir, false, one})
				}
			}
			d.add(b, &m, name, "link "+name, shown, c)
		}
	}
	return d
}

// shownFlows are the flows whose panels are open at first: those of MPTCP before others.
func shownFlows(s *results.Summary) []string {
	const atFirst = 2
	var out []string
	for _, mptcp := range []bool{true, false} {
		for i := range s.Flows {
			if f := &s.Flows[i]; (f.Protocol == "mptcp") == mptcp && len(out) < atFirst && (mptcp || len(out) == 0) {
				out = append(out, f.Name)
			}
		}
	}
	return out
}

// flowCurves are the lines of a flow: its total, where there is one, and its subflows.
func flowCurves(f *results.Flow, set *seriesSet, metric string) []curve {
	total, sub := metric, metric
	switch metric {
	case "seq":
		total, sub = "data_seq_bytes", "seq_bytes"
	case "goodput_bps":
	default:
		total = ""
	}
	var out []curve
	for i := range f.Subflows {
		sf := &f.Subflows[i]
		if one := set.get(f.Name+"/"+strconv.Itoa(sf.ID), sub); one != nil {
			out = append(out, curve{subflowNameOf(f, int64(sf.ID)), false, one})
		}
	}
	if one := set.get(f.Name, total); one != nil && total != "" && (len(out) != 1 || metric == "seq") {
		name := "total"
		if metric == "seq" {
			name = "connection"
		}
		out = append([]curve{{name, true, one}}, out...)
	}
	return out
}

// busiest returns the names of links, those with the longest queues first, and how many
// more there are.
func busiest(s *results.Summary, set *seriesSet) ([]string, int) {
	type load struct {
		name  string
		queue float64
	}
	var all []load
	for i := range s.Links {
		l := &s.Links[i]
		top := float64(l.MeanQueueBytes)
		k := slices.IndexFunc(all, func(x load) bool { return x.name == l.Name })
		if k < 0 {
			k = len(all)
			all = append(all, load{name: l.Name})
		}
		all[k].queue = math.Max(all[k].queue, top)
	}
	slices.SortStableFunc(all, func(a, b load) int { return cmp.Compare(b.queue, a.queue) })
	rest := max(0, len(all)-maxEntities)
	var out []string
	for _, l := range all[:len(all)-rest] {
		out = append(out, l.name)
	}
	return out, rest
}

// add makes a panel of curves.
func (d *figureData) add(b *blobs, m *metric, entity, title string, shown bool, curves []curve) {
	if len(curves) == 0 {
		return
	}
	grid := commonGrid(curves)
	p := panelData{Metric: m.ID, Entity: entity, Title: title, Shown: shown, N: len(grid), Time: b.ints(grid, true)}
	var columns [][]float64
	for _, c := range curves {
		v := c.data.on(grid)
		columns = append(columns, v)
		p.Series = append(p.Series, lineData{c.name, c.total, b.floats(v)})
	}
	if len(grid) > overviewOver && !m.Rate {
		at, values := overview(grid, columns, overviewColumns)
		p.OverviewTime = b.ints(at, true)
		for _, v := range values {
			p.Overview = append(p.Overview, b.floats(v))
		}
	}
	d.Panels = append(d.Panels, p)
}

// commonGrid is all times of the curves, sorted.
func commonGrid(curves []curve) []int64 {
	grid := curves[0].data.at
	for _, c := range curves[1:] {
		if !slices.Equal(grid, c.data.at) {
			grid = slices.Concat(grid, c.data.at)
			slices.Sort(grid)
			grid = slices.Compact(grid)
		}
	}
	return grid
}

// on returns the values at the times of a grid that holds those of the series; NaN where
// there is none.
func (s *oneSeries) on(grid []int64) []float64 {
	out := make([]float64, len(grid))
	k := 0
	for i, at := range grid {
		out[i] = math.NaN()
		for ; k < len(s.at) && s.at[k] <= at; k++ {
			if s.at[k] == at {
				out[i] = s.value[k]
			}
		}
	}
	return out
}

// overview returns two points a column of time: the least and the largest value of each
// curve in it, in the order in which they occur.
func overview(grid []int64, curves [][]float64, columns int) (at []int64, values [][]float64) {
	values = make([][]float64, len(curves))
	from, width := grid[0], float64(grid[len(grid)-1]-grid[0])/float64(columns)
	for i := 0; i < len(grid); {
		c := int(float64(grid[i]-from) / width)
		end := i + 1
		for end < len(grid) && int(float64(grid[end]-from)/width) == c {
			end++
		}
		at = append(at, grid[i], grid[end-1])
		if end-i == 1 {
			at = at[:len(at)-1]
		}
		for k, curve := range curves {
			low, high := extremes(curve[i:end])
			first, second := math.NaN(), math.NaN()
			if low >= 0 {
				first, second = curve[i+min(low, high)], curve[i+max(low, high)]
			}
			values[k] = append(values[k], first)
			if end-i > 1 {
				values[k] = append(values[k], second)
			}
		}
		i = end
	}
	return at, values
}

// extremes returns the places of the least and the largest value, -1 if there is none.
func extremes(v []float64) (low, high int) {
	low, high = -1, -1
	for i, x := range v {
		if math.IsNaN(x) {
			continue
		}
		if low < 0 || x < v[low] {
			low = i
		}
		if high < 0 || x > v[high] {
			high = i
		}
	}
	return low, high
}

// seconds prints a duration in the unit that suits it.
func seconds(s float64) string { return sim.Duration(math.Round(s * 1e9)).String() }
