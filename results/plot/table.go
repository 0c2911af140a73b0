package plot

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mpsim/results"
)

// Figures of many runs are drawn from a table with one row an outcome: the table.csv of a
// sweep directory, another CSV file with a line of names, or, of run directories, one row
// a flow.

// Table is such a table.
type Table struct {
	// Title is what the figure is called; it may be empty.
	Title   string
	columns []column
	rows    int
	// samples says that rows are samples of a series, which are no replications.
	samples bool
}

// column holds the cells of one name. A cell of no value is the empty text and NaN.
type column struct {
	name, unit string // unit as the manifest of a sweep has it: "bps", "s", "B", "pkt", "bdp" or ""
	role       string // "id", "factor", "metric", "verdict"; "" if unknown
	text       []string
	number     []float64
	numeric    bool // every cell that has a value is a number
}

// tableFrom makes the table of one that was read.
func tableFrom(read *results.Table) *Table {
	t := &Table{Title: capital(read.Title), rows: read.Rows}
	for i := range read.Columns {
		from := &read.Columns[i]
		c := newColumn(from.Name, from.Cells)
		if from.Role != "" {
			c.role, c.unit = from.Role, from.Unit
		}
		t.columns = append(t.columns, c)
	}
	return t
}

func newTable(names []string, rows [][]string) *Table {
	t := &Table{rows: len(rows)}
	for i, name := range names {
		var cells []string
		for _, r := range rows {
			cells = append(cells, r[i])
		}
		t.columns = append(t.columns, newColumn(name, cells))
	}
	return t
}

func newColumn(name string, cells []string) column {
	c := column{name: name, unit: suffixUnit(name), numeric: true}
	values := 0
	for _, text := range cells {
		v, err := strconv.ParseFloat(text, 64)
		if text == "" {
			v = math.NaN()
		} else if err != nil {
			c.numeric = false
		} else {
			values++
		}
		c.text, c.number = append(c.text, text), append(c.number, v)
	}
	c.numeric = c.numeric && values > 0
	return c
}

// suffixUnit is the unit that the name of a column ends in.
func suffixUnit(name string) string {
	switch {
	case strings.HasSuffix(name, "_bps"):
		return "bps"
	case strings.HasSuffix(name, "_s"):
		return "s"
	case strings.HasSuffix(name, "bytes"), strings.HasPrefix(name, "bytes_"):
		return "B"
	}
	return ""
}

// tableOf makes a table of runs: a row a flow.
func tableOf(runs []*Run) *Table {
	names := []string{"run", "scenario", "seed", "replication", "flow", "group", "protocol", "cc", "scheduler", "fallback", "goodput_bps", "bytes_delivered",
		"start_s", "end_s", "max_gap_s", "mean_delay_s", "mean_latency_s", "median_latency_s", "p95_latency_s", "max_latency_s"}
	var rows [][]string
	for _, r := range runs {
		s := &r.Summary
		for i := range s.Flows {
			f := &s.Flows[i]
			row := []string{r.Dir, s.Scenario, strconv.FormatUint(s.Seed, 10), fmt.Sprint(s.Replication), f.Name, groupOf(f.Name), f.Protocol, f.Controller, f.Scheduler, f.Fallback}
			rows = append(rows, append(row, flowNumbers(f, names[len(row):])...))
		}
	}
	t := newTable(names, rows)
	if len(runs) > 0 && !slices.ContainsFunc(runs, func(r *Run) bool { return r.Summary.Scenario != runs[0].Summary.Scenario }) {
		t.Title = capital(runs[0].Summary.Title)
	}
	return t
}

// groupOf returns the name of a flow without the number behind its last hyphen: the flows of
// a [[traffic]] are named so.
func groupOf(flow string) string {
	name := strings.TrimRight(flow, "0123456789")
	if group, ok := strings.CutSuffix(name, "-"); ok && len(name) < len(flow) && group != "" {
		return group
	}
	return flow
}

// samplesOf makes a table of the samples of a series: a row a sample, with the entity that it
// is of, in the window of the options.
func samplesOf(runs []*Run, o *Options) (*Table, error) {
	if len(runs) == 0 {
		return nil, errors.New("--samples: series are of run directories, not of a table")
	}
	var rows [][]string
	var have []string
	for _, r := range runs {
		var entities []string
		for k := range r.series {
			if k.metric == o.Samples {
				entities = append(entities, k.entity)
			} else if !slices.Contains(have, k.metric) {
				have = append(have, k.metric)
			}
		}
		slices.Sort(entities)
		for _, e := range entities {
			s := r.get(e, o.Samples)
			for i, at := range s.x {
				if at >= o.From && (o.To == 0 || at <= o.To) {
					rows = append(rows, []string{r.Dir, r.Summary.Scenario, strconv.FormatUint(r.Summary.Seed, 10), e,
						strconv.FormatFloat(at, 'g', -1, 64), strconv.FormatFloat(s.y[i], 'g', -1, 64)})
				}
			}
		}
	}
	if len(rows) == 0 {
		slices.Sort(have)
		return nil, fmt.Errorf("--samples: no samples of %q; the series have %s", o.Samples, strings.Join(have, ", "))
	}
	t := newTable([]string{"run", "scenario", "seed", "entity", "time_s", o.Samples}, rows)
	t.samples = true
	t.columns[5].role = "metric"
	if title := runs[0].Summary.Title; len(runs) == 1 {
		t.Title = capital(title)
	}
	return t, nil
}

// flowNumbers returns the fields of a flow as its summary has them, null as no value.
func flowNumbers(f *results.Flow, names []string) []string {
	b, _ := json.Marshal(f) // it was read from JSON
	var fields map[string]any
	_ = json.Unmarshal(b, &fields)
	var out []string
	for _, name := range names {
		text := ""
		if v, ok := fields[name].(float64); ok {
			text = strconv.FormatFloat(v, 'g', -1, 64)
		}
		out = append(out, text)
	}
	return out
}

func (t *Table) index(name string) int {
	return slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
}

// find returns the column of a name.
func (t *Table) find(flag, name string) (*column, error) {
	if i := t.index(name); i >= 0 {
		return &t.columns[i], nil
	}
	var names []string
	for i := range t.columns {
		names = append(names, t.columns[i].name)
	}
	return nil, fmt.Errorf("--%s: no column %q; have %s", flag, name, strings.Join(names, ", "))
}

// where returns the rows in which each COLUMN=VALUE holds; of several conditions on one
// column, one. A value is written as in the table or, of numbers, as the axes show it.
func (t *Table) where(conditions []string) (*Table, error) {
	holds := map[string][]bool{} // by column
	for _, text := range conditions {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--where %s: want COLUMN=VALUE", text)
		}
		c, err := t.find("where", name)
		if err != nil {
			return nil, err
		}
		if holds[name] == nil {
			holds[name] = make([]bool, t.rows)
		}
		found := false
		for i, v := range c.text {
			if v == value || strings.ReplaceAll(c.show(v), " ", "") == strings.ReplaceAll(value, " ", "") {
				holds[name][i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("--where %s: no row; column %q has %s", text, name, strings.Join(c.levels(), ", "))
		}
	}
	keep := make([]bool, t.rows)
	for i := range keep {
		keep[i] = true
		for _, h := range holds {
			keep[i] = keep[i] && h[i]
		}
	}
	out := &Table{Title: t.Title, samples: t.samples}
	for k := range t.columns {
		c := t.columns[k]
		c.text, c.number = nil, nil
		for i := range keep {
			if keep[i] {
				c.text, c.number = append(c.text, t.columns[k].text[i]), append(c.number, t.columns[k].number[i])
			}
		}
		out.columns, out.rows = append(out.columns, c), len(c.text)
	}
	return out, nil
}

// metric returns the column of numbers that a figure shows: the one asked for, or the
// first metric.
func (t *Table) metric(flag, name string) (*column, error) {
	if name != "" {
		c, err := t.find(flag, name)
		if err == nil && !c.numeric {
			err = fmt.Errorf("--%s: column %q does not hold numbers", flag, name)
		}
		return c, err
	}
	for i := range t.columns {
		if c := &t.columns[i]; c.numeric && (c.role == "metric" || c.role == "" && c.name == "goodput_bps") {
			return c, nil
		}
	}
	return nil, fmt.Errorf("name what to draw: --%s COLUMN", flag)
}

// factor returns the column of categories asked for, or the n-th factor, or nil.
func (t *Table) factor(flag, name string, n int) (*column, error) {
	if name != "" {
		return t.find(flag, name)
	}
	for i := range t.columns {
		if t.columns[i].role == "factor" {
			if n == 0 {
				return &t.columns[i], nil
			}
			n--
		}
	}
	return nil, nil
}

// levels are the different values of a column, numbers in their order, others in the order
// of the rows. A nil column has one.
func (c *column) levels() []string {
	if c == nil {
		return []string{""}
	}
	var out []string
	for _, v := range c.text {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if c.numeric {
		slices.SortStableFunc(out, func(a, b string) int {
			x, _ := strconv.ParseFloat(a, 64)
			y, _ := strconv.ParseFloat(b, 64)
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
	}
	return out
}

// is reports whether row i has a level.
func (c *column) is(i int, level string) bool { return c == nil || c.text[i] == level }

// show returns a level as an axis names it, with its unit.
func (c *column) show(level string) string {
	v, err := strconv.ParseFloat(level, 64)
	switch {
	case level == "":
		return "none"
	case err != nil || !c.numeric:
		return level
	case c.unit == "":
		return trim(v)
	}
	u := c.units(math.Abs(v))
	return trim(float64(v*u.factor)) + " " + u.name
}

// units returns the scale of an axis whose largest value is top.
func (c *column) units(top float64) unit { return unitOf(c.unit, top) }

// title is the name of a column on an axis; keys of scenarios stay as they are.
func (c *column) title() string {
	if strings.ContainsAny(c.name, ".[(") {
		return c.name
	}
	return capital(strings.ReplaceAll(c.name, "_", " "))
}

// seriesNames are the metrics of series whose names say little.
var seriesNames = map[string]string{"srtt_s": "Smoothed RTT", "cwnd_bytes": "Congestion window", "ssthresh_bytes": "Slow-start threshold"}

// label names a quantity with its unit.
func (c *column) label(u unit) string {
	name := seriesNames[c.name]
	if name == "" {
		name = c.name
		for _, end := range []string{"_bps", "_s", "_bytes"} {
			name = strings.TrimSuffix(name, end)
		}
		name = (&column{name: name}).title()
	}
	if u.name == "" {
		return name
	}
	return name + " (" + u.name + ")"
}

// group is the values of the rows that have certain levels. Those without a finite value
// are counted.
type group struct {
	values         []float64
	never, missing int
	points         int // different designs among the rows; 0 if the table does not say
}

// pooled reports whether rows of several designs are thrown together, which are no
// replications of one another: intervals and bands would mean nothing.
func (g *group) pooled() bool { return g.points > 1 }

// values collects what metric has in the rows that match; +Inf is counted as never.
func (t *Table) values(metric *column, match func(row int) bool) group {
	var g group
	var points []string
	point := t.index("point")
	for i := range t.rows {
		if point >= 0 && match(i) && !slices.Contains(points, t.columns[point].text[i]) {
			points = append(points, t.columns[point].text[i])
		}
		switch v := metric.number[i]; {
		case !match(i):
		case math.IsInf(v, 1):
			g.never++
		case math.IsNaN(v) || math.IsInf(v, 0):
			g.missing++
		default:
			g.values = append(g.values, v)
		}
	}
	slices.Sort(g.values)
	g.points = len(points)
	return g
}
