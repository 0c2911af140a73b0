package results

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The summary of a sweep: for each point of its design, or where these are many for each
// value of each factor, the mean of a metric with its interval.
//
// A sample is one replication: its value at the point, or its mean over all points that have
// the value of the factor. Replications of one number are therefore independent of the
// others with and without common random numbers, and points, which are no replications of
// one another, add nothing to their number. Replications that not all of these points have
// are left out, because their mean would be one over other points.

// LevelMean is the mean of a metric over the runs of one setting.
type LevelMean struct {
	// Factor is the name of a factor and Level its value, or the range of its values;
	// both are empty where the setting is all runs. Of a point, Factor is "" and Level
	// "name=value ..." of all factors.
	Factor string `json:"factor"`
	Level  string `json:"level"`
	// Shown is the value of the factor for people, with its unit; of a point, of all
	// factors in their order.
	Shown  []string `json:"shown"`
	Metric string   `json:"metric"`
	Unit   string   `json:"unit"` // as of a TableColumn
	// Points are the points of the design that the setting has, Replications the samples
	// of the mean.
	Points       int `json:"points"`
	Replications int `json:"replications"`
	// Mean and its interval; NaN (null) without samples, the interval also with one.
	Mean Number `json:"mean"`
	Low  Number `json:"low"`
	High Number `json:"high"`
	// Never counts the runs with an infinite value, Missing those without one; neither is
	// part of the mean.
	Never   int `json:"never"`
	Missing int `json:"missing"`
	// Identical: there are several samples, and they are one value. See IdenticalWarning.
	Identical bool `json:"identical"`
}

// TableSummary is what LevelMeans finds out about a table.
type TableSummary struct {
	Title   string   `json:"title"`
	Factors []string `json:"factors"`
	Level   Number   `json:"level"` // of confidence
	Points  int      `json:"points"`
	Runs    int      `json:"runs"`
	// Failed runs do not satisfy an expectation, Errors came to no result.
	Failed int         `json:"failed"`
	Errors int         `json:"errors"`
	Means  []LevelMean `json:"means"`
}

// MostPoints is the number of points up to which a summary shows each; with more it
// shows each value of each factor. MostLevels is the number of values of a factor up to
// which these are shown; more, as a range has, are divided into three parts.
const (
	MostPoints = 12
	MostLevels = 8
)

// LevelMeans summarises the table of a sweep for the given metrics; nil means all that are
// numbers. The table must have the columns of sweeps.
func (t *Table) LevelMeans(metrics []string, level float64) (*TableSummary, error) {
	point := t.column("point")
	if point == nil || t.column("replication") == nil {
		return nil, fmt.Errorf("the table is not that of a sweep: it has no columns point and replication")
	}
	if metrics == nil {
		for _, c := range t.Columns {
			if c.Role == "metric" && c.Type == "number" {
				metrics = append(metrics, c.Name)
			}
		}
	}
	s := &TableSummary{Title: t.Title, Factors: append([]string{}, t.Names("factor")...), Level: Number(level), Points: len(distinct(point.Cells)), Runs: t.Rows, Means: []LevelMean{}}
	s.Failed, s.Errors = t.filled("failed"), t.filled("error")
	settings := t.levelSettings(s.Points)
	for _, name := range metrics {
		c := t.column(name)
		if c == nil || c.Role != "metric" {
			return nil, fmt.Errorf("no metric %q; the table has %s", name, listed(t.Names("metric")))
		}
		if c.Type != "number" {
			return nil, fmt.Errorf("metric %q is a %s", name, c.Type)
		}
		for i := range settings {
			s.Means = append(s.Means, t.levelMean(&settings[i], c, level))
		}
	}
	return s, nil
}

// MeansBy returns the means of a metric over the runs that have each value of a column, a
// factor or "point", in the order of the table.
func (t *Table) MeansBy(column, metric string, level float64) ([]LevelMean, error) {
	by, c := t.column(column), t.column(metric)
	switch {
	case by == nil || t.column("point") == nil || t.column("replication") == nil:
		return nil, fmt.Errorf("the table is not that of a sweep with a column %q", column)
	case c == nil || c.Type != "number":
		return nil, fmt.Errorf("the table has no column %q of numbers", metric)
	}
	var out []LevelMean
	for _, s := range divide(column, by.Cells) {
		out = append(out, t.levelMean(&s, c, level))
	}
	return out, nil
}

// filled counts the cells of a column that have a value.
func (t *Table) filled(name string) int {
	n := 0
	if c := t.column(name); c != nil {
		for _, text := range c.Cells {
			if text != "" {
				n++
			}
		}
	}
	return n
}

// setting is some rows of a table.
type setting struct {
	factor, level string
	shown         []string
	rows          []int
}

// levelSettings divides the rows by point, or by the values of each factor.
func (t *Table) levelSettings(points int) []setting {
	if points <= MostPoints {
		out := divide("", t.settings(""))
		for i := range out {
			out[i].shown = []string{}
			for k := range t.Columns {
				if c := &t.Columns[k]; c.Role == "factor" {
					out[i].shown = append(out[i].shown, c.Show(c.Cells[out[i].rows[0]]))
				}
			}
		}
		return out
	}
	out := divide("", make([]string, t.Rows))
	out[0].shown = []string{"all runs"}
	for i := range t.Columns {
		c := &t.Columns[i]
		switch {
		case c.Role != "factor":
		case c.Type == "number" && len(distinct(c.Cells)) > MostLevels:
			out = append(out, c.thirds()...)
		default:
			parts := divide(c.Name, c.Cells)
			for k := range parts {
				parts[k].shown = []string{c.Show(parts[k].level)}
			}
			out = append(out, parts...)
		}
	}
	return out
}

// divide divides rows by what they are called.
func divide(factor string, labels []string) []setting {
	var out []setting
	for i, label := range labels {
		k := slices.IndexFunc(out, func(s setting) bool { return s.level == label })
		if k < 0 {
			k = len(out)
			out = append(out, setting{factor: factor, level: label})
		}
		out[k].rows = append(out[k].rows, i)
	}
	return out
}

// thirds divides the rows by the part of the factor's values that theirs lies in; a part is
// called "LOW..HIGH".
func (c *TableColumn) thirds() []setting {
	row := map[string]int{}
	for i, text := range c.Cells {
		row[text] = i
	}
	levels := distinct(c.Cells)
	slices.SortStableFunc(levels, func(a, b string) int {
		x, _ := c.number(row[a])
		y, _ := c.number(row[b])
		return cmp.Compare(x, y)
	})
	out := make([]setting, 3)
	for k := range out {
		part := levels[k*len(levels)/3 : (k+1)*len(levels)/3]
		low, high := part[0], part[len(part)-1]
		out[k] = setting{factor: c.Name, level: low + ".." + high, shown: []string{c.Show(low) + " to " + c.Show(high)}}
		for i, text := range c.Cells {
			if slices.Contains(part, text) {
				out[k].rows = append(out[k].rows, i)
			}
		}
	}
	return out
}

// levelMean averages a metric over the rows of a setting.
func (t *Table) levelMean(s *setting, c *TableColumn, level float64) LevelMean {
	m := LevelMean{Factor: s.factor, Level: s.level, Shown: s.shown, Metric: c.Name, Unit: c.Unit, Mean: Number(math.NaN()), Low: Number(math.NaN()), High: Number(math.NaN())}
	point, replication := t.column("point"), t.column("replication")
	var points []string
	sums, counts := map[string]float64{}, map[string]int{}
	var order []string
	for _, i := range s.rows {
		if !slices.Contains(points, point.Cells[i]) {
			points = append(points, point.Cells[i])
		}
		x, ok := c.number(i)
		switch {
		case !ok:
			m.Missing++
			continue
		case math.IsInf(x, 0) || math.IsNaN(x):
			m.Never++
			continue
		}
		r := replication.Cells[i]
		if counts[r] == 0 {
			order = append(order, r)
		}
		sums[r] += x
		counts[r]++
	}
	m.Points = len(points)
	var samples []float64
	for _, r := range order {
		if counts[r] == len(points) {
			samples = append(samples, sums[r]/float64(counts[r]))
		}
	}
	m.Replications = len(samples)
	if len(samples) == 0 {
		return m
	}
	m.Mean = Number(average(samples))
	if len(samples) > 1 {
		e, low, high := Interval(samples, level)
		m.Mean, m.Low, m.High = Number(e), Number(low), Number(high)
		m.Identical = len(slices.Compact(slices.Clone(samples))) == 1
	}
	return m
}

// Warnings says what to know before the means of a summary are used.
func (s *TableSummary) Warnings() []string {
	var out []string
	several, identical, single := 0, 0, 0
	partly, never := []string{}, []string{}
	note := func(list *[]string, name string) {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for i := range s.Means {
		m := &s.Means[i]
		switch {
		case m.Replications > 1:
			several++
			if m.Identical {
				identical++
			}
		case m.Replications == 1:
			single++
		}
		if m.Missing > 0 {
			note(&partly, m.Metric)
		}
		if m.Never > 0 {
			note(&never, m.Metric)
		}
	}
	if several > 0 && identical == several {
		out = append(out, IdenticalWarning)
	}
	if single > 0 {
		out = append(out, "means of one replication have no interval")
	}
	if len(partly) > 0 {
		out = append(out, "runs without a value are left out of the means of "+strings.Join(partly, ", "))
	}
	if len(never) > 0 {
		out = append(out, "runs in which it never happened (inf) are left out of the means of "+strings.Join(never, ", ")+": look at medians (mpsim plot --kind cdf)")
	}
	return out
}
