package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"mpsim/results/plot"
)

func (p *program) plotCommand() *cobra.Command {
	var kind, out, data string
	var o plot.Options
	c := &cobra.Command{
		Use:   "plot RUN...|SWEEP|TABLE.csv -o FIG.{png,svg,pdf,tex}",
		Short: "draw a figure from run directories, a sweep directory or a table",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error {
			if out == "" && data == "" {
				return usage(fmt.Errorf("plot: give the figure a name: -o FIG.png, .svg, .pdf or .tex"))
			}
			s, err := plot.Open(paths)
			if err != nil {
				return usage(err)
			}
			if out != "" {
				err = plot.Write(kind, s, &o, out)
			}
			if err == nil && data != "" {
				err = plot.WriteData(kind, s, &o, data)
			}
			return usage(err)
		},
	}
	fl := c.Flags()
	fl.StringVar(&kind, "kind", "goodput", "what to draw (mpsim list plot)")
	fl.StringVarP(&out, "output", "o", "", "file to write; its extension names the format")
	fl.StringVar(&data, "data", "", "write what the figure shows as a table into this `file` (CSV)")
	fl.StringVar(&o.Title, "title", "", "`text` in place of the title of the scenario or sweep; - for none")
	fl.BoolVar(&o.Full, "full", false, "as wide as a page of two columns (182 mm), not as one of them (89 mm)")
	fl.StringVar(&o.Metric, "metric", "", "`column` of the values")
	fl.StringVar(&o.X, "x", "", "`column` along the axis")
	fl.StringVar(&o.Y, "y", "", "`column` up the axis")
	fl.StringVar(&o.By, "by", "", "`column` whose values are drawn apart")
	fl.StringArrayVar(&o.Where, "where", nil, "draw only rows of the table in which `COLUMN=VALUE` holds; may be given again, for one column with other values")
	fl.StringArrayVar(&o.Bounds, "bound", nil, "`column` whose values are lines across a scatter figure; may be given again")
	fl.BoolVar(&o.Log, "log", false, "logarithmic axis x of a scatter figure")
	fl.StringVar(&o.Samples, "samples", "", "`metric` of series.csv of runs, whose samples are drawn in place of a table")
	fl.StringVar(&o.Flow, "flow", "", "`name` of an MPTCP flow")
	fl.StringVar(&o.Subflow, "subflow", "", "`number` of a subflow, of a diagram of packets")
	fl.IntVar(&o.Count, "count", 0, "most packets of a diagram of packets (default 40)")
	fl.Float64Var(&o.From, "from", 0, "first `second` shown")
	fl.Float64Var(&o.To, "to", 0, "last `second` shown")
	return c
}
