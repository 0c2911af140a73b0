package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/cc"
	"mpsim/internal/cccheck"
	"mpsim/results/plot"
	"mpsim/scenarios"
)

// ccCheckFlags are the flags of `mpsim cc-check`.
type ccCheckFlags struct {
	seeds, jobs             int
	base, plot              string
	params, groups, require []string
	json                    bool
}

func (p *program) ccCheckCommand() *cobra.Command {
	var f ccCheckFlags
	groups := strings.Join(cccheck.Groups(), ", ")
	c := &cobra.Command{
		Use:   "cc-check NAME...",
		Short: "check congestion controllers against the goals of RFC 6356 and their theory",
		Long: "cc-check measures what connections with a controller get, over seeds and with 95 % intervals of the means: the three goals\n" +
			"of RFC 6356 (improve throughput, do no harm, balance congestion), equivalence over one path, scale invariances, and\n" +
			"friendliness, responsiveness, oscillation. It says what a controller does not meet, and fails for it only with --require.\n" +
			"Groups of checks: " + groups + ". See docs/CC-CHECK.md.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, names []string) error { return p.ccCheck(names, &f) },
	}
	fl := c.Flags()
	fl.IntVar(&f.seeds, "seeds", 10, "replications")
	fl.IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "simulations at a time; the report does not depend on it")
	fl.StringVar(&f.base, "base", "", "single-path controller to compare with (default: reno; for uncoupled controllers themselves)")
	fl.StringArrayVar(&f.params, "param", nil, "parameter `key=value` of the controllers (mpsim list cc)")
	fl.StringSliceVar(&f.groups, "only", nil, "make only the checks of these `groups`")
	fl.StringSliceVar(&f.require, "require", nil, "exit code 1 unless the checks of these `groups` are met; goals means the three goals, all every check with a bound")
	fl.StringVar(&f.plot, "plot", "", "draw friendliness, responsiveness and oscillation into this `file` (.png, .svg, .pdf)")
	fl.BoolVar(&f.json, "json", false, "print a JSON object, or an array for several controllers")
	return c
}

func (p *program) ccCheck(names []string, f *ccCheckFlags) error {
	cfg := cccheck.Config{Names: names, Base: f.base, Seeds: f.seeds, Jobs: f.jobs, Groups: f.groups, Plugins: p.plugins}
	var err error
	if cfg.Params, err = settings(f.params); err != nil {
		return usage(err)
	}
	for _, g := range f.require {
		if known := append(cccheck.Groups(), "goals", "all"); !slices.Contains(known, g) {
			return usage(cc.UnknownName("group of checks", g, known))
		}
	}
	if f.plot != "" {
		if _, err := plot.FormatOf(f.plot); err != nil {
			return usage(err)
		}
		if len(f.groups) > 0 && !slices.Contains(f.groups, "axes") {
			return usage(errors.New("--plot draws the group axes, which --only leaves out"))
		}
	}
	reports, err := cccheck.Run(p.ctx, cfg)
	var bug *scenarios.BugError
	switch {
	case errors.As(err, &bug):
		return &exitError{exitBug, err}
	case p.ctx.Err() != nil:
		return &exitError{exitInterrupted, errInterrupted}
	case err != nil:
		return usage(err)
	}
	if f.plot != "" {
		figure, err := cccheck.Figure(reports)
		if err == nil {
			err = figure.Save(f.plot)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case f.json && len(reports) == 1:
		err = json.NewEncoder(p.out).Encode(reports[0])
	case f.json:
		err = json.NewEncoder(p.out).Encode(reports)
	default:
		p.printCCChecks(reports)
	}
	if err != nil {
		return err
	}
	for i := range reports {
		if len(reports[i].Failed(f.require)) > 0 {
			return &exitError{code: exitFailed}
		}
	}
	return nil
}

// settings reads parameters "key=value".
func settings(texts []string) ([]cc.Setting, error) {
	var out []cc.Setting
	for _, t := range texts {
		name, value, ok := strings.Cut(t, "=")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("--param %s: write key=value, value being a number", t)
		}
		out = append(out, cc.Setting{Name: name, Value: v})
	}
	return out, nil
}

func (p *program) printCCChecks(reports []cccheck.Report) {
	for i := range reports {
		r := &reports[i]
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		fmt.Fprintf(p.out, "%s, compared to %s, %d seeds, 95 %% intervals\n\n", r.Controller, r.Base, r.Seeds)
		t := table.NewWriter()
		t.SetStyle(plainStyle())
		t.AppendHeader(table.Row{"group", "check", "measured", "interval", "bound", "verdict", ""})
		group := ""
		for _, c := range r.Checks {
			first := c.Group
			if first == group {
				first = ""
			}
			group = c.Group
			measured := fmt.Sprintf("%.3f", float64(c.Mean))
			if c.Unit != "" {
				measured += " " + c.Unit
			}
			t.AppendRow(table.Row{first, c.Name, measured, fmt.Sprintf("%.3f to %.3f", float64(c.Low), float64(c.High)),
				boundText(&c), c.Verdict, c.Note})
		}
		fmt.Fprintln(p.out, render(t))
	}
}

func boundText(c *cccheck.Result) string {
	switch {
	case c.AtLeast != nil && c.AtMost != nil:
		return fmt.Sprintf("%.3g to %.3g", *c.AtLeast, *c.AtMost)
	case c.AtLeast != nil:
		return fmt.Sprintf("at least %.3g", *c.AtLeast)
	case c.AtMost != nil:
		return fmt.Sprintf("at most %.3g", *c.AtMost)
	}
	return ""
}
