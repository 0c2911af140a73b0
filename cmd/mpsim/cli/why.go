package cli

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/internal/explain"
	"mpsim/sim"
)

func (p *program) whyCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "why RUN [--flow NAME]",
		Short: "what limits a flow: where its time went",
		Long: "why carries a run out again and says for every moment of a flow what kept its sender from sending more:\n" +
			"the application, a congestion window, the receive window, head-of-line blocking, the scheduler, loss recovery, ...\n" +
			"The times add up to that of the flow. RUN is a run directory or a scenario.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.given = c.Flags().Changed("seed")
			r, err := p.open(args[0], &f)
			if err != nil {
				return err
			}
			a, err := explain.Why(p.ctx, r, f.flow)
			if err != nil {
				return replayed(err)
			}
			if f.json {
				return p.printJSON(a)
			}
			p.printAttribution(a)
			return nil
		},
	}
	f.add(c, true)
	return c
}

func (p *program) printAttribution(a *explain.Attribution) {
	p.printOrigin(&a.Origin)
	by := "controller " + a.Controller
	if a.Scheduler != "" {
		by = "scheduler " + a.Scheduler + ", " + by
	}
	fmt.Fprintf(p.out, "flow %s (%s), sent by %s: %s\n%.3f Mb/s from %s to %s s\n", a.Flow, a.Protocol, a.Sender, by,
		a.Goodput/1e6, at(a.Start), at(a.End))
	t := newTable(table.Row{"limit", "time s", "share", "meaning"}, 5)
	for _, x := range a.Limits {
		t.AppendRow(table.Row{x.Limit, at(sim.Time(x.Time)), percent(x.Share), a.Meaning[x.Limit]})
	}
	fmt.Fprintln(p.out, "\n"+render(t))
	if len(a.Waits) > 0 {
		t = newTable(table.Row{"the scheduler waited", "time s", "share", "reason"}, 5)
		for _, x := range a.Waits {
			t.AppendRow(table.Row{x.Why, at(sim.Time(x.Time)), percent(x.Share), x.Sentence})
		}
		fmt.Fprintln(p.out, "\n"+render(t))
	}
	if len(a.Subflows) > 0 {
		fmt.Fprintln(p.out, "\n"+timeTable(a))
	}
	if b := &a.Blocking; b.Time > 0 {
		fmt.Fprintf(p.out, "\nthe receiver held data behind a gap for %s of the time, %.0f bytes on average, at most %d\n", percent(b.Share), b.MeanBytes, b.MaxBytes)
		for _, x := range b.By {
			if x.Subflow >= 0 {
				fmt.Fprintf(p.out, "  for want of data of subflow %d (%s): %s s\n", x.Subflow, x.Over, at(sim.Time(x.Time)))
			}
		}
	}
	fmt.Fprintln(p.out, "\n"+a.Verdict)
}

// timeTable shows the time of each subflow in seconds.
func timeTable(a *explain.Attribution) string {
	t := newTable(table.Row{"subflow", "over", "absent", "handshake", "idle", "cwnd", "pacing", "receive window", "unused", "recovery", "sent bytes"}, 3)
	sec := func(d sim.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
	for i := range a.Subflows {
		x := &a.Subflows[i]
		t.add(table.Row{x.Subflow, x.Over, sec(x.Absent), sec(x.Handshake), sec(x.Idle), sec(x.Window), sec(x.Pacing), sec(x.Receive), sec(x.Unused), sec(x.Recovery), x.BytesSent})
	}
	return t.finish()
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
