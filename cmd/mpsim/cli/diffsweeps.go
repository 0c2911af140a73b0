package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/results"
)

// mpsim diff of sweeps: how metrics differ between two of them, or between the values of
// one factor.

// contrastFlags say what to compare.
type contrastFlags struct {
	by      string
	metrics []string
	level   float64
	paired  bool
	given   bool // --paired
}

func (f *contrastFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.by, "by", "", "the `factor` of one sweep whose values to compare")
	fl.StringArrayVar(&f.metrics, "metric", nil, "compare only this `metric` of sweeps; repeatable")
	fl.Float64Var(&f.level, "level", 0.95, "confidence level of the intervals of sweeps")
	fl.BoolVar(&f.paired, "paired", false, "pair the replications of sweeps by number, or with =false do not; default: where they had the same seeds")
}

// used reports a flag of sweeps; "": none.
func (f *contrastFlags) used(c *cobra.Command) string {
	for _, name := range []string{"by", "metric", "level", "paired"} {
		if c.Flags().Changed(name) {
			return "--" + name
		}
	}
	return ""
}

// isSweep reports whether a path is a sweep directory or a table.
func isSweep(path string) bool {
	if filepath.Ext(path) == ".csv" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, results.TableName))
	return err == nil
}

// sweepsDiffer is the outcome of the comparison, with --json.
type sweepsDiffer struct {
	Schema    int                `json:"schema"`
	By        string             `json:"by"`
	Level     results.Number     `json:"level"`
	Equal     bool               `json:"equal"` // no interval excludes 0
	Contrasts []results.Contrast `json:"contrasts"`
}

func (p *program) diffSweeps(paths []string, f *contrastFlags, asJSON bool) error {
	if !(f.level > 0 && f.level < 1) {
		return usage(fmt.Errorf("--level %v: a level of confidence lies between 0 and 1", f.level))
	}
	t, by, err := sweepTable(paths, f.by)
	if err != nil {
		return usage(err)
	}
	pairing := results.PairBySeed
	if f.given {
		pairing = results.PairNever
		if f.paired {
			pairing = results.PairAlways
		}
	}
	metrics := f.metrics
	if len(metrics) == 0 {
		for _, c := range t.Columns {
			if c.Role == "metric" && c.Type == "number" {
				metrics = append(metrics, c.Name)
			}
		}
	}
	out := sweepsDiffer{Schema: results.SchemaVersion, By: by, Level: results.Number(f.level), Equal: true, Contrasts: []results.Contrast{}}
	for _, m := range metrics {
		list, err := t.Contrasts(by, m, pairing, f.level)
		if err != nil {
			return usage(err)
		}
		out.Contrasts = append(out.Contrasts, list...)
	}
	out.Equal = !slices.ContainsFunc(out.Contrasts, func(c results.Contrast) bool { return c.Differ })
	if asJSON {
		err = p.printJSON(&out)
	} else {
		p.printContrasts(&out)
	}
	if err == nil && !out.Equal {
		err = &exitError{code: exitFailed}
	}
	return err
}

// sweepTable returns the table to look at, and the factor to compare by.
func sweepTable(paths []string, by string) (*results.Table, string, error) {
	a, err := results.ReadTable(paths[0])
	if err != nil {
		return nil, "", err
	}
	if len(paths) == 1 {
		if by == "" {
			return nil, "", errors.New("one sweep: --by says which factor to compare by; or name a second sweep")
		}
		return a, by, nil
	}
	if by != "" {
		return nil, "", errors.New("two sweeps are compared with each other, and --by compares within one")
	}
	b, err := results.ReadTable(paths[1])
	if err != nil {
		return nil, "", err
	}
	nameA, nameB := paths[0], paths[1]
	if nameA == nameB {
		nameB += " (again)"
	}
	t, err := results.Join(a, b, "sweep", nameA, nameB)
	return t, "sweep", err
}

func (p *program) printContrasts(d *sweepsDiffer) {
	t := newTable(table.Row{"metric", "setting", d.By, "against", "n", "mean", "against", "difference", fmt.Sprintf("%g %% interval", 100*float64(d.Level)), "differ", "method"}, 5)
	identical := false
	for _, c := range d.Contrasts {
		n := fmt.Sprint(c.CountB)
		if c.CountA != c.CountB {
			n += "/" + fmt.Sprint(c.CountA)
		}
		method, differ := "Welch", "no"
		switch {
		case c.CountA < 2 || c.CountB < 2:
			method, differ = "too few", "-"
		case c.Paired:
			method = "paired"
		}
		if c.Differ {
			differ = "yes"
		}
		identical = identical || c.Identical
		metric := c.Metric
		if c.Unit != "" {
			metric += " (" + c.Unit + ")"
		}
		t.AppendRow(table.Row{metric, c.Setting, c.B, c.A, n, short(float64(c.MeanB)), short(float64(c.MeanA)), short(float64(c.Difference)),
			short(float64(c.Low)) + " to " + short(float64(c.High)), differ, method})
	}
	fmt.Fprintln(p.out, render(t))
	if identical {
		fmt.Fprintln(p.err, "warning: "+results.IdenticalWarning)
	}
}
