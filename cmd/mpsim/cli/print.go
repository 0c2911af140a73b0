package cli

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"mpsim/internal/execute"
	"mpsim/results"
)

// printOutcome prints the result of a run: flows, subflows, links,
// expectations, hash, and last where the files are.
func (p *program) printOutcome(o *execute.Outcome) {
	s := &o.Summary
	fmt.Fprintln(p.out)
	fmt.Fprintln(p.out, flowTable(s))
	if n := subflowTable(s); n != "" {
		fmt.Fprintln(p.out, "\n"+n)
	}
	fmt.Fprintln(p.out, "\n"+linkTable(s))
	p.printExpectations(s)
	if o.Unchecked != "" {
		fmt.Fprintln(p.err, "warning: "+o.Unchecked)
	}
	fmt.Fprintf(p.out, "\n%s s simulated in %.2f s, %d events, %d packet-hops\nhash %s\n",
		short(float64(s.SimTime)), o.Wall.Seconds(), s.Events, s.PacketHops, s.Hash)
	if s.Stopped != "" {
		fmt.Fprintf(p.out, "stopped: %s\n", s.Stopped)
	}
	if o.Dir == "" {
		return
	}
	for _, f := range o.Figures {
		fmt.Fprintf(p.out, "figure  %s\n", filepath.Join(o.Dir, f))
	}
	if o.Capture {
		fmt.Fprintf(p.out, "capture %s\n", filepath.Join(o.Dir, results.CaptureName))
	}
	fmt.Fprintf(p.out, "summary %s\n", filepath.Join(o.Dir, results.SummaryName))
}

func newTable(header table.Row, rightFrom int) *limited {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(header)
	var columns []table.ColumnConfig
	for i := rightFrom; i <= len(header); i++ {
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	return &limited{Writer: t}
}

func flowTable(s *results.Summary) string {
	t := newTable(table.Row{"flow", "protocol", "goodput Mb/s", "bytes", "corrupt", "longest gap s", "end s"}, 3)
	for _, f := range s.Flows {
		protocol := f.Protocol
		if f.Fallback != "" {
			protocol += ", fell back: " + f.Fallback
		}
		end := "-"
		if f.End != nil {
			end = fmt.Sprintf("%.6f", float64(*f.End))
		}
		t.add(table.Row{f.Name, protocol, fmt.Sprintf("%.3f", float64(f.Goodput)/1e6), f.BytesDelivered, f.CorruptBytes,
			fmt.Sprintf("%.3f", float64(f.MaxGap)), end})
	}
	return t.finish()
}

func subflowTable(s *results.Summary) string {
	t := newTable(table.Row{"subflow", "over", "state", "sent bytes", "retransmitted", "reinjected", "srtt ms"}, 4)
	for _, f := range s.Flows {
		for _, sf := range f.Subflows {
			over := sf.Interface
			if over == "" {
				over = sf.Local
			}
			state := sf.State
			if sf.Backup {
				state += ", backup"
			}
			t.add(table.Row{f.Name + "/" + strconv.Itoa(sf.ID), over, state, sf.BytesSent, sf.BytesRetransmitted,
				sf.BytesReinjected, fmt.Sprintf("%.1f", float64(sf.SRTT)*1e3)})
		}
	}
	if t.rows == 0 {
		return ""
	}
	return t.finish()
}

// maxRows keeps the tables of a large scenario readable; summary.json has every
// flow and subflow and every link, those without traffic too.
const maxRows = 24

// limited adds rows to a table up to maxRows and says how many more there are.
type limited struct {
	table.Writer
	rows int
}

func (l *limited) add(row table.Row) {
	if l.rows++; l.rows <= maxRows {
		l.AppendRow(row)
	}
}

func (l *limited) finish() string {
	if l.rows > maxRows {
		l.AppendRow(table.Row{fmt.Sprintf("and %d more", l.rows-maxRows)})
	}
	return render(l)
}

func linkTable(s *results.Summary) string {
	t := newTable(table.Row{"link", "direction", "MB", "drops", "utilisation", "mean queue kB", "p99 queue kB"}, 3)
	for _, l := range s.Links {
		if l.Packets+l.Drops == 0 {
			continue
		}
		t.add(table.Row{l.Name, l.Direction, fmt.Sprintf("%.3f", float64(l.Bytes)/1e6), l.Drops,
			fmt.Sprintf("%.3f", float64(l.Utilisation)), fmt.Sprintf("%.1f", float64(l.MeanQueueBytes)/1e3),
			fmt.Sprintf("%.1f", float64(l.P99QueueBytes)/1e3)})
	}
	return t.finish()
}

func (p *program) printExpectations(s *results.Summary) {
	if len(s.Expect) == 0 {
		return
	}
	t := newTable(table.Row{"", "expectation", "measured"}, 4)
	for _, e := range s.Expect {
		verdict := "ok"
		if !e.Pass {
			verdict = "FAILED"
		}
		t.AppendRow(table.Row{verdict, e.Expr, e.Value})
	}
	fmt.Fprintln(p.out, "\n"+render(t))
}

func short(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
