package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/results/report"
	"mpsim/sim/trace"
)

func (p *program) reportCommand() *cobra.Command {
	var src report.Source
	var out, records string
	c := &cobra.Command{
		Use:   "report RUN|SWEEP -o FILE.html",
		Short: "write one HTML file that shows a run or a sweep, to be opened without a network",
		Long: "report writes one self-contained HTML file: the verdict, figures with zoom and a common cursor, subflows, packets,\n" +
			"decisions, counters, the configuration and hashes of a run directory; or the table and the effects of the factors of\n" +
			"a sweep directory. Decisions need the event log of the run (--events), packets need --events=all, --trace or --pcap\n" +
			"(docs/REPORT.md).",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usage(errors.New("report: give the file a name: -o FILE.html"))
			}
			src.Dir = args[0]
			if records == "" {
				return usage(report.Write(&src, out))
			}
			return usage(reportOfRecords(&src, records, out))
		},
	}
	fl := c.Flags()
	fl.StringVarP(&out, "output", "o", "", "`file` to write")
	fl.StringVar(&records, "trace", "", "take events and packets from this `file` of mpsim run --trace")
	fl.Float64Var(&src.From, "from", 0, "keep events and packets from this `second` on")
	fl.Float64Var(&src.To, "to", 0, "keep events and packets up to this `second`")
	return c
}

// reportOfRecords makes a report with the events of a file of trace records.
func reportOfRecords(src *report.Source, records, out string) error {
	f, err := os.Open(records)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := results.OpenRecords(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", records, err)
	}
	in, lines := io.Pipe()
	go func() { lines.CloseWithError(execute.WriteEvents(lines, r, trace.AllKinds)) }()
	defer in.Close() // ends the writer, if the report needs no more
	src.Log, src.LogName = in, records
	return report.Write(src, out)
}
