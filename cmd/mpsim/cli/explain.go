package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/internal/explain"
	"mpsim/results"
	"mpsim/sim"
)

func (p *program) explainCommand() *cobra.Command {
	var f replayFlags
	var dsn uint64
	var when, span time.Duration
	c := &cobra.Command{
		Use:   "explain RUN --dsn N | --time T [--for D]",
		Short: "why the scheduler decided so: candidates, their state, the reason, and what became of the data",
		Long: "explain carries a run out again and shows decisions of the scheduler of one flow: the subflows that it could\n" +
			"choose from with their state and the terms of their controller, the choice or the waiting, and the reason.\n" +
			"--dsn N shows the decisions about byte N of the stream (the first is 1, as in events.jsonl) and its fate;\n" +
			"--time T the last decisions up to T, with --for all from T to T+D, and what path managers and loss recovery did.\n" +
			"RUN is a run directory or a scenario.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.given = c.Flags().Changed("seed")
			q := explain.Query{Flow: f.flow, DSN: dsn, At: sim.Time(when), For: sim.Duration(span)}
			switch byTime, byDSN := c.Flags().Changed("time"), c.Flags().Changed("dsn"); {
			case byTime == byDSN:
				return usage(errors.New("explain: give either --dsn N or --time T"))
			case byDSN && dsn == 0:
				return usage(errors.New("explain: data sequence numbers begin with 1"))
			case byDSN && span != 0:
				return usage(errors.New("explain: --for goes with --time"))
			case when < 0 || span < 0:
				return usage(errors.New("explain: --time and --for must not be negative"))
			}
			return p.explain(args[0], &f, q)
		},
	}
	f.add(c, true)
	c.Flags().Uint64Var(&dsn, "dsn", 0, "`number` of a byte of the flow's stream, from 1")
	virtual(c, &when, "time", "virtual `time`, for example 1.25s")
	virtual(c, &span, "for", "show everything in this `time` from --time on")
	return c
}

func (p *program) explain(path string, f *replayFlags, q explain.Query) error {
	r, err := p.open(path, f)
	if err != nil {
		return err
	}
	a, err := explain.Explain(p.ctx, r, q)
	if err != nil {
		return replayed(err)
	}
	if f.json {
		return p.printJSON(a)
	}
	p.printOrigin(&a.Origin)
	fmt.Fprintf(p.out, "flow %s, sent by %s: scheduler %s, controller %s\n", a.Flow, a.Sender, a.Scheduler, a.Controller)
	if len(a.Decisions) == 0 {
		fmt.Fprintln(p.out, "\nno decision of the scheduler: "+nothing(&q))
	}
	for i := range a.Decisions {
		p.printDecision(&a.Decisions[i])
	}
	if a.DSN != nil {
		p.printEvents(fmt.Sprintf("what became of byte %d", q.DSN), a.Fate)
	}
	p.printEvents("path manager and loss recovery", a.Events)
	if a.LeftOut > 0 {
		fmt.Fprintf(p.out, "\n%d more entries are left out\n", a.LeftOut)
	}
	return nil
}

func nothing(q *explain.Query) string {
	if q.DSN != 0 {
		return fmt.Sprintf("byte %d was never written, or leaves without one", q.DSN)
	}
	return "it was not asked then"
}

// printDecision prints one decision: answer, reason, queue, candidates.
func (p *program) printDecision(d *explain.Decision) {
	fmt.Fprintln(p.out)
	for i := range d.Grants {
		g := &d.Grants[i]
		fmt.Fprintf(p.out, "%s s  grant %s [%d, %d) to subflow %d: %s%s\n", at(d.At), g.Kind, g.DSN, g.DSN+uint64(g.Len), g.Subflow,
			reason(g.Why, g.Sentence), penalty(g.Penalised))
	}
	if d.Waits() {
		times := ""
		if d.Times > 1 {
			times = fmt.Sprintf(" (%d times until %s s)", d.Times, at(d.Until))
		}
		fmt.Fprintf(p.out, "%s s  wait%s: %s\n", at(d.At), times, reason(d.Why, d.Sentence))
	}
	q := &d.Queue
	fmt.Fprintf(p.out, "  una %d, next %d, end %d (%d bytes were never granted), peer's window up to %d (%d bytes)",
		q.Una, q.Next, q.End, int64(q.End-q.Next), q.PeerEdge, int64(q.PeerEdge-q.Next))
	if q.Skipped > 0 {
		fmt.Fprintf(p.out, ", %d skipped", q.Skipped)
	}
	if q.Reinject > 0 {
		fmt.Fprintf(p.out, ", %d to be sent again", q.Reinject)
	}
	fmt.Fprintln(p.out)
	if len(d.Candidates) > 0 {
		fmt.Fprintln(p.out, candidateTable(d))
	}
}

func reason(name, sentence string) string {
	if name == "" {
		return "the scheduler gives no reason"
	}
	return name + ". " + sentence
}

func penalty(subflow *int) string {
	if subflow == nil {
		return ""
	}
	return fmt.Sprintf(" The window of subflow %d is reduced, because it holds up the connection.", *subflow)
}

func candidateTable(d *explain.Decision) string {
	t := newTable(table.Row{"", "subflow", "over", "srtt ms", "rttvar ms", "cwnd", "ssthresh", "in flight", "unsent", "room", "buffer free", ""}, 4)
	for i := range d.Candidates {
		c := &d.Candidates[i]
		chosen, threshold := "", "-"
		if c.Chosen {
			chosen = ">"
		}
		if c.Ssthresh != nil {
			threshold = strconv.FormatInt(*c.Ssthresh, 10)
		}
		t.add(table.Row{chosen, c.Subflow, c.Over, millis(c.SRTT), millis(c.RTTVar), c.Window, threshold, c.InFlight, c.Unsent, c.Room,
			c.SendBufFree, flags(c)})
	}
	s := t.finish()
	for i := range d.Candidates {
		c := &d.Candidates[i]
		s += fmt.Sprintf("\n  controller of %d: %s %s", c.Subflow, c.Phase, terms(c))
	}
	return s
}

func millis(s results.Number) string { return fmt.Sprintf("%.3f", float64(s)*1e3) }

// flags are the states of a subflow that exclude it.
func flags(c *explain.Candidate) string {
	var s []string
	for _, f := range []struct {
		on   bool
		name string
	}{{c.Backup, "backup"}, {c.Stale, "stale"}, {c.Failed, "potentially failed"}, {c.InLoss, "repairs losses"}} {
		if f.on {
			s = append(s, f.name)
		}
	}
	return strings.Join(s, ", ")
}

func terms(c *explain.Candidate) string {
	var s []string
	for _, t := range c.Terms {
		s = append(s, t.Name+"="+short(float64(t.Value)))
	}
	if len(s) == 0 && c.Alpha != nil {
		s = append(s, "alpha="+short(float64(*c.Alpha)))
	}
	return strings.Join(s, " ")
}

func (p *program) printEvents(title string, events []explain.Event) {
	if len(events) == 0 {
		return
	}
	t := newTable(table.Row{"time s", "node", "subflow", title, ""}, 6)
	for i := range events {
		e := &events[i]
		subflow := ""
		if e.Subflow != nil {
			subflow = strconv.Itoa(*e.Subflow)
		}
		t.AppendRow(table.Row{at(e.At), e.Node, subflow, e.What, e.Detail})
		for _, a := range e.Actions {
			t.AppendRow(table.Row{"", "", "", "  orders", a})
		}
	}
	fmt.Fprintln(p.out, "\n"+render(t))
}
