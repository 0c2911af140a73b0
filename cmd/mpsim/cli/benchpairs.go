package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"

	"github.com/jedib0t/go-pretty/v6/table"

	"mpsim/internal/bench"
	"mpsim/sim"
)

// benchAgainst compares this program with another one.
func (p *program) benchAgainst(args []string, f *benchFlags) error {
	base, err := exec.LookPath(f.base)
	if err != nil {
		return usage(fmt.Errorf("--base: %w", err))
	}
	list, err := chosen(args)
	if err != nil {
		return usage(err)
	}
	var all []*bench.Ratio
	for _, b := range list {
		r, err := bench.CompareBinaries(p.ctx, base, b.Name, f.count)
		if errors.Is(err, bench.ErrInterrupted) {
			return err
		}
		if err != nil {
			return usage(err)
		}
		all = append(all, r)
	}
	return p.printRatios(all, f.json, "this", "base")
}

// benchNS3 compares the dumbbells with ns-3.
func (p *program) benchNS3(f *benchFlags, o *bench.Options) error {
	var all []*bench.NS3
	var ratios []*bench.Ratio
	for _, n := range []int{1, 100} {
		r, err := bench.CompareNS3(p.ctx, n, 15*sim.Second, f.count, *o)
		if errors.Is(err, bench.ErrInterrupted) {
			return err
		}
		if err != nil {
			return usage(err)
		}
		all, ratios = append(all, r), append(ratios, r.Ratio)
	}
	if f.json {
		return json.NewEncoder(p.out).Encode(all)
	}
	if err := p.printRatios(ratios, false, "ns-3", "mpsim"); err != nil {
		return err
	}
	for _, r := range all {
		fmt.Fprintf(p.out, "%s: payload fills %.3f of the bottleneck in ns-3, %.3f here; %d events there\n", r.Name, r.UtilisationNS3, r.Utilisation, r.EventsNS3)
	}
	return nil
}

// printRatios prints comparisons in pairs.
func (p *program) printRatios(all []*bench.Ratio, asJSON bool, first, second string) error {
	if asJSON {
		return json.NewEncoder(p.out).Encode(all)
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"benchmark", first, second, "unit", "ratio", "interval", "confidence", "pairs", ""})
	for _, r := range all {
		t.AppendRow(table.Row{r.Name, fmt.Sprintf("%.4g", float64(r.First)), fmt.Sprintf("%.4g", float64(r.Second)), r.Unit, fmt.Sprintf("%.3f", float64(r.Median)),
			fmt.Sprintf("%.3f-%.3f", float64(r.Low), float64(r.High)), fmt.Sprintf("%.0f %%", 100*float64(r.Confidence)), r.Pairs, r.Note})
	}
	fmt.Fprintln(p.out, render(t))
	return nil
}

// benchInstructions counts instructions.
func (p *program) benchInstructions(args []string, f *benchFlags) error {
	list, err := chosen(args)
	if err != nil {
		return usage(err)
	}
	var all []*bench.Instructions
	for _, b := range list {
		x, err := b.CountInstructions(p.ctx, sim.Duration(f.until))
		if errors.Is(err, bench.ErrInterrupted) {
			return err
		}
		if err != nil {
			return usage(err)
		}
		all = append(all, x)
	}
	if f.json {
		return json.NewEncoder(p.out).Encode(all)
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"benchmark", "instructions/hop", "loop", "setup", "packet-hops", "counted by"})
	for _, x := range all {
		t.AppendRow(table.Row{x.Name, fmt.Sprintf("%.1f", x.PerHop), x.Loop, x.Setup, x.PacketHops, x.Counter})
	}
	fmt.Fprintln(p.out, render(t))
	return nil
}

// costs prints what things cost beside a run.
func (p *program) costs(f *benchFlags, o *bench.Options, measure func(context.Context, bench.Options) ([]bench.Cost, error)) error {
	all, err := measure(p.ctx, *o)
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(p.out).Encode(all)
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"cost", "CPU ms", "ratio", "(min-max)", "MB written", ""})
	for _, c := range all {
		ratio, between, written := "-", "-", "-"
		if c.Ratio > 0 {
			ratio, between = fmt.Sprintf("%.2f", float64(c.Ratio)), fmt.Sprintf("%.2f-%.2f", float64(c.RatioMin), float64(c.RatioMax))
		}
		if c.Bytes > 0 {
			written = fmt.Sprintf("%.1f", float64(c.Bytes)/1e6)
		}
		t.AppendRow(table.Row{c.Name, fmt.Sprintf("%.1f", 1e3*float64(c.CPU)), ratio, between, written, c.Doc})
	}
	fmt.Fprintln(p.out, render(t))
	return nil
}
