package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"mpsim/results"
)

// The summary of a sweep for people: what it ends with, and what --summary prints of a
// table later.

// summaryFlags are the flags of `mpsim sweep --summary`.
type summaryFlags struct {
	on, json bool
	metrics  []string
	level    float64
}

// sweepSummary prints the summary of a sweep directory or of its table.
func (p *program) sweepSummary(path string, f *summaryFlags) error {
	if !(f.level > 0 && f.level < 1) {
		return usage(fmt.Errorf("--level %v: a level of confidence lies between 0 and 1", f.level))
	}
	t, err := results.ReadTable(path)
	if err != nil {
		return usage(err)
	}
	s, err := t.LevelMeans(f.metrics, f.level)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", path, err))
	}
	if f.json {
		return p.printJSON(s)
	}
	if s.Title != "" {
		fmt.Fprintln(p.out, s.Title)
	}
	printSummary(p.out, s)
	for _, w := range s.Warnings() {
		fmt.Fprintln(p.err, "warning: "+w)
	}
	_, err = fmt.Fprintf(p.out, "%d points, %d runs: %d with failed expectations, %d without result\n", s.Points, s.Runs, s.Failed, s.Errors)
	return err
}

// check refuses flags that belong to --summary alone.
func (f *summaryFlags) check(changed func(name string) bool) error {
	if f.on {
		return nil
	}
	for _, name := range []string{"metric", "level", "json"} {
		if changed(name) {
			return errors.New("--" + name + " goes with --summary")
		}
	}
	return nil
}

// printSummary prints a row for each point, or for each value of each factor, and a column
// for each metric.
func printSummary(w io.Writer, s *results.TableSummary) {
	var metrics []string
	for i := range s.Means {
		if !slices.Contains(metrics, s.Means[i].Metric) {
			metrics = append(metrics, s.Means[i].Metric)
		}
	}
	if len(metrics) == 0 {
		return
	}
	rows := len(s.Means) / len(metrics)
	byPoint := s.Points <= results.MostPoints
	head := table.Row{"factor", "value", "points"}
	if byPoint {
		head = table.Row{}
		for _, name := range s.Factors {
			head = append(head, name)
		}
	}
	names := len(head)
	head = append(head, "n")
	cells := make([][]string, len(metrics))
	for k := range metrics {
		column := s.Means[k*rows : (k+1)*rows]
		var title string
		title, cells[k] = summaryColumn(column, s.Means[:rows])
		head = append(head, title)
	}
	t := newTable(head, names+1)
	last := ""
	for i := range rows {
		m := &s.Means[i]
		row := table.Row{}
		if !byPoint {
			name := m.Factor
			if name == last {
				name = ""
			}
			last = m.Factor
			row = table.Row{name}
		}
		for _, text := range m.Shown {
			row = append(row, text)
		}
		if !byPoint {
			row = append(row, m.Points)
		}
		row = append(row, m.Replications)
		for k := range metrics {
			row = append(row, cells[k][i])
		}
		t.AppendRow(row)
	}
	fmt.Fprintf(w, "mean ± half of the %g %% interval over n replications\n%s\n", 100*float64(s.Level), render(t))
}

// summaryColumn returns the head and the cells of the column of a metric, in a unit in which
// its largest mean is read easily. The number of replications is said where it is not that
// of the first column.
func summaryColumn(means, first []results.LevelMean) (title string, cells []string) {
	top := 0.0
	for i := range means {
		if v := math.Abs(float64(means[i].Mean)); v > top {
			top = v
		}
	}
	factor, unit := results.Scale(means[0].Unit, top)
	title = means[0].Metric
	if unit != "" {
		title += " (" + unit + ")"
	}
	for i := range means {
		m := &means[i]
		text := "-"
		if m.Replications > 0 {
			text = strconv.FormatFloat(float64(m.Mean)*factor, 'g', 4, 64)
		}
		if half := float64(m.High-m.Mean) * factor; !math.IsNaN(half) {
			text += " ± " + strconv.FormatFloat(half, 'g', 2, 64)
		}
		var notes []string
		if m.Replications != first[i].Replications {
			notes = append(notes, fmt.Sprintf("n %d", m.Replications))
		}
		if m.Never > 0 {
			notes = append(notes, fmt.Sprintf("never %d", m.Never))
		}
		if m.Missing > 0 {
			notes = append(notes, fmt.Sprintf("none %d", m.Missing))
		}
		if len(notes) > 0 {
			text += " (" + strings.Join(notes, ", ") + ")"
		}
		cells = append(cells, text)
	}
	return title, cells
}
