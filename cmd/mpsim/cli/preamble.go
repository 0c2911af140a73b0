package cli

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"

	"mpsim/internal/version"
	"mpsim/scenarios"
)

// printPreamble prints what a run uses, before it begins. Warnings go to
// standard error.
func (p *program) printPreamble(sc *scenarios.Scenario, pre *scenarios.Preamble) {
	fmt.Fprintf(p.out, "mpsim %s, scenario %s: %s\n\n", version.Version, sc.Name, sc.Title)
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	for i := range pre.Settings {
		t.AppendRow(table.Row{pre.Settings[i].Name(), pre.Settings[i].Value})
	}
	fmt.Fprintln(p.out, render(t))
	for i := range pre.Warnings {
		fmt.Fprintf(p.err, "warning: %s: %s\n", pre.Warnings[i].Name(), pre.Warnings[i].Value)
	}
}
