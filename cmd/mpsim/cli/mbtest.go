package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/internal/mbtest"
	"mpsim/scenarios"
)

// mbtestFlags are the flags of `mpsim mbtest`.
type mbtestFlags struct {
	cfg        mbtest.Config
	json       bool
	population bool
	people     mbtest.PopulationConfig
}

func (p *program) mbtestCommand() *cobra.Command {
	var f mbtestFlags
	c := &cobra.Command{
		Use:   "mbtest",
		Short: "try MPTCP against middleboxes: behaviour x path x direction, one verdict each",
		Long: "mbtest runs a download and an upload between a client with two access networks and a server with one address through one\n" +
			"middlebox, on the path of the first subflow, of the second, or on both, and plain TCP through the same box. The verdicts:\n" +
			"kept (MPTCP with both subflows), fallback (plain TCP, and why), closed (a subflow was refused or reset), error (the\n" +
			"connection ended, and the application knows), broken. The exit code is 1 if a verdict is not the one that RFC 8684\n" +
			"sections 3.7 and 6 and RFC 8041 section 3.1 state. With --population it draws access networks as Honda et al. (IMC 2011)\n" +
			"met them and prints on how many of them MPTCP is kept, falls back or is broken, by port. See docs/MBTEST.md.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.mbtest(&f) },
	}
	fl := c.Flags()
	fl.StringSliceVar(&f.cfg.Behaviours, "behaviour", nil, "only these `names`")
	fl.StringSliceVar(&f.cfg.Paths, "path", nil, "only boxes on these `paths`: first, second, both")
	fl.StringSliceVar(&f.cfg.Profiles, "profile", nil, "`profiles` of both hosts (default linux)")
	fl.BoolVar(&f.cfg.Set, "set", false, "only the behaviours of MBtest: NAT, ports, seq, split, coalesce, strip, payload")
	fl.Uint64Var(&f.cfg.Seed, "seed", 1, "seed of the runs")
	fl.BoolVar(&f.json, "json", false, "print a JSON array of cells")
	fl.BoolVar(&f.population, "population", false, "draw a population of access networks instead")
	fl.IntVar(&f.people.Networks, "networks", mbtest.Networks, "size of the population")
	fl.StringArrayVar(&f.people.Rates, "rate", nil, "share of networks with a trait at a port, `NAME:PORT=PERCENT`, such as syn-option:80=20")
	return c
}

func (p *program) mbtest(f *mbtestFlags) error {
	if f.population {
		return p.mbtestPopulation(f)
	}
	cells, err := mbtest.Run(p.ctx, &f.cfg)
	if err != nil {
		return p.mbtestError(err)
	}
	failed := 0
	for i := range cells {
		if !cells[i].Pass {
			failed++
		}
	}
	if f.json {
		if err := json.NewEncoder(p.out).Encode(cells); err != nil {
			return err
		}
	} else {
		p.printGrid(cells, failed)
	}
	if failed > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (p *program) mbtestPopulation(f *mbtestFlags) error {
	cfg := &f.people
	switch {
	case len(f.cfg.Behaviours) > 0 || len(f.cfg.Paths) > 0 || f.cfg.Set:
		return usage(errors.New("--behaviour, --path and --set are of the grid, not of --population"))
	case len(f.cfg.Profiles) > 1:
		return usage(errors.New("--population takes one profile"))
	case cfg.Networks < 1 || cfg.Networks > 1_000_000:
		return usage(fmt.Errorf("--networks is %d; it must lie between 1 and 1000000", cfg.Networks))
	case len(f.cfg.Profiles) == 1:
		cfg.Profile = f.cfg.Profiles[0]
	}
	cfg.Seed = f.cfg.Seed
	out, err := mbtest.RunPopulation(p.ctx, cfg)
	if err != nil {
		return p.mbtestError(err)
	}
	if f.json {
		return json.NewEncoder(p.out).Encode(out)
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"port", "networks", "MPTCP", "fallback", "broken"})
	text := func(s mbtest.Share) string {
		return fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*s.Share, 100*s.Low, 100*s.High)
	}
	for _, o := range out {
		t.AppendRow(table.Row{o.Port, o.Networks, text(o.MPTCP), text(o.Fallback), text(o.Broken)})
	}
	fmt.Fprintln(p.out, render(t))
	return nil
}

// mbtestError gives an error of a run its exit code.
func (p *program) mbtestError(err error) error {
	var bug *scenarios.BugError
	switch {
	case errors.As(err, &bug):
		return &exitError{exitBug, err}
	case p.ctx.Err() != nil:
		return &exitError{exitInterrupted, errInterrupted}
	}
	return usage(err)
}

// printGrid prints a row for each pair of transfers.
func (p *program) printGrid(cells []mbtest.Cell, failed int) {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"profile", "behaviour", "box on", "packets", "download", "upload", "stated by"})
	text := func(c *mbtest.Cell) string {
		s := string(c.Verdict)
		if c.Why != "" {
			s += " (" + c.Why + ")"
		}
		if !c.Pass {
			want := make([]string, len(c.Expected))
			for i, v := range c.Expected {
				want[i] = string(v)
			}
			s += ", NOT " + strings.Join(want, " or ")
		}
		return s
	}
	for i := 0; i+1 < len(cells); i += 2 {
		c := &cells[i]
		section := c.Section
		if up := cells[i+1].Section; up != section {
			section += "; upload: " + up
		}
		t.AppendRow(table.Row{c.Profile, c.Behaviour, c.Path, c.Direction, text(c), text(&cells[i+1]), section})
	}
	fmt.Fprintln(p.out, render(t))
	fmt.Fprintf(p.out, "\n%d cells, %d of them not as documented\n", len(cells), failed)
}
