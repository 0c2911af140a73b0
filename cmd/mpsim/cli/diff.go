package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/internal/explain"
	"mpsim/results"
)

func (p *program) diffCommand() *cobra.Command {
	var f replayFlags
	var onlyB []string
	var recorded bool
	var sweeps contrastFlags
	c := &cobra.Command{
		Use:   "diff RUN_A RUN_B | SWEEP_A SWEEP_B | SWEEP --by FACTOR",
		Short: "where two runs first differ: event, decision of the scheduler, results",
		Long: "diff carries two runs out side by side and shows the first event that differs, with what came before and after;\n" +
			"the first decision of the scheduler that differs, with what both saw and their reasons; and the settings and\n" +
			"results that differ. The exit code is 0 if the runs are equal, and 1 if they are not.\n" +
			"Each RUN is a run directory or a scenario; --set and --seed change scenarios, --set-b only RUN_B.\n" +
			"With --recorded both are run directories, perhaps of different versions of mpsim, and their files are compared as\n" +
			"they are; both need the event log of mpsim run --events=all.\n\n" +
			"Of two sweep directories, or of one and a factor, it compares the means of the metrics over replications, with\n" +
			"intervals of the differences. The exit code is 1 if an interval excludes 0.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if isSweep(args[0]) {
				for _, name := range []string{"set", "set-b", "seed", "recorded", "flow"} {
					if c.Flags().Changed(name) {
						return usage(fmt.Errorf("--%s is for runs, and %s is a sweep", name, args[0]))
					}
				}
				sweeps.given = c.Flags().Changed("paired")
				return p.diffSweeps(args, &sweeps, f.json)
			}
			if len(args) < 2 {
				return usage(fmt.Errorf("%s is no sweep directory; two runs are compared", args[0]))
			}
			if name := sweeps.used(c); name != "" {
				return usage(fmt.Errorf("%s is for sweeps, and %s is none", name, args[0]))
			}
			f.given = c.Flags().Changed("seed")
			if recorded {
				return p.diffRecorded(args[0], args[1], &f, onlyB)
			}
			return p.diff(args[0], args[1], &f, onlyB)
		},
	}
	f.add(c, true)
	c.Flags().BoolVar(&recorded, "recorded", false, "compare two run directories as they are, without carrying them out again")
	sweeps.add(c)
	c.Flags().StringArrayVar(&onlyB, "set-b", nil, "override a key of RUN_B only, `key=value`; repeatable")
	return c
}

func (p *program) diff(pathA, pathB string, f *replayFlags, onlyB []string) error {
	a, err := p.open(pathA, f)
	if err != nil {
		return err
	}
	g := *f
	g.set = append(append([]string{}, f.set...), onlyB...)
	b, err := p.open(pathB, &g)
	if err != nil {
		return err
	}
	d, err := explain.Diff(p.ctx, a, b, f.flow)
	if err != nil {
		return replayed(err)
	}
	return p.showDifference(d, f.json)
}

// diffRecorded compares what two run directories hold.
func (p *program) diffRecorded(dirA, dirB string, f *replayFlags, onlyB []string) error {
	if f.given || f.flow != "" || len(f.set) > 0 || len(onlyB) > 0 {
		return usage(errors.New("--recorded takes two run directories as they are: no --seed, --flow, --set or --set-b"))
	}
	d, err := explain.Recorded(dirA, dirB)
	if err != nil {
		return usage(err)
	}
	return p.showDifference(d, f.json)
}

// showDifference prints a difference; it is exit code 1.
func (p *program) showDifference(d *explain.Difference, asJSON bool) error {
	var err error
	if asJSON {
		err = p.printJSON(d)
	} else {
		p.printDifference(d)
	}
	if err == nil && !d.Equal {
		err = &exitError{code: exitFailed}
	}
	return err
}

func (p *program) printDifference(d *explain.Difference) {
	fmt.Fprint(p.out, "A ")
	p.printOrigin(&d.A)
	fmt.Fprint(p.out, "B ")
	p.printOrigin(&d.B)
	if len(d.Setup) > 0 {
		t := newTable(table.Row{"setting", "A", "B"}, 4)
		for _, x := range d.Setup {
			a, b := parts(x.A, x.B)
			t.add(table.Row{x.Name, a, b})
		}
		fmt.Fprintln(p.out, "\n"+t.finish())
	}
	if d.Equal {
		fmt.Fprintln(p.out, "\nthe runs are equal")
		return
	}
	p.printEventDifference(d.Event)
	if x := d.Grant; x != nil {
		fmt.Fprintf(p.out, "\nfirst grant of a scheduler that differs, after %d equal ones, at %s s:\nA %s\nB %s\n", x.Number, at(x.At), recordOrEnd(x.A), recordOrEnd(x.B))
	} else if x := d.Decision; x != nil {
		fmt.Fprintf(p.out, "\nfirst decision of flow %s that differs, after %d bytes that went the same way:\n%s\n", x.Flow, x.Bytes, x.Sentence)
		for _, s := range []struct {
			name string
			d    *explain.Decision
		}{{"A", x.A}, {"B", x.B}} {
			if s.d != nil {
				fmt.Fprintf(p.out, "\n%s:", s.name)
				p.printDecision(s.d)
			}
		}
	} else {
		fmt.Fprintln(p.out, "\nno decision of a scheduler differs: the same data went to the same subflows at the same times")
	}
	if len(d.Metrics) == 0 {
		fmt.Fprintln(p.out, "\nno result differs")
		return
	}
	fmt.Fprintln(p.out, "\n"+changeTable(d.Metrics))
}

// recordOrEnd is a record of a log, or that there is none.
func recordOrEnd(line json.RawMessage) string {
	if line == nil {
		return "grants no more"
	}
	return string(line)
}

// parts leaves out what two settings have in common; they are lists.
func parts(a, b string) (onlyA, onlyB string) {
	x, y := strings.Split(a, ", "), strings.Split(b, ", ")
	without := func(list, other []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) }), ", ")
	}
	return without(x, y), without(y, x)
}

func (p *program) printEventDifference(e *explain.EventDifference) {
	if e == nil {
		fmt.Fprintln(p.out, "\nno recorded event differs; the hash covers more of each packet (its options and timestamps)")
		return
	}
	fmt.Fprintf(p.out, "\nfirst event that differs, after %d equal ones, at %s s:\n", e.Number, at(e.At))
	show := func(mark string, list []json.RawMessage) {
		for _, line := range list {
			fmt.Fprintf(p.out, "%s %s\n", mark, line)
		}
	}
	show(" ", e.Before)
	show("A", e.A)
	show("B", e.B)
	for _, s := range []struct {
		name string
		list []json.RawMessage
	}{{"A", e.A}, {"B", e.B}} {
		if len(s.list) == 0 {
			fmt.Fprintf(p.out, "%s ends here\n", s.name)
		}
	}
}

// changeTable shows the numbers that differ.
func changeTable(changes []results.Change) string {
	t := newTable(table.Row{"of", "metric", "A", "B", "B - A", ""}, 3)
	number := func(n *results.Number) string {
		if n == nil {
			return "-"
		}
		b, _ := n.MarshalJSON() // a number never fails
		return strings.TrimSuffix(string(b), "\n")
	}
	for _, c := range changes {
		by, part := "", ""
		if c.A != nil && c.B != nil {
			d := *c.B - *c.A
			by = short(float64(d))
			if *c.A != 0 {
				part = fmt.Sprintf("%+.1f %%", 100*float64(d / *c.A))
			}
		}
		t.AppendRow(table.Row{c.Entity, c.Metric, number(c.A), number(c.B), by, part})
	}
	return render(t)
}
