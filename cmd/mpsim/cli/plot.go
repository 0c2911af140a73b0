package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"mpsim/results/plot"
)

func (p *program) plotCommand() *cobra.Command {
	var kind, out string
	c := &cobra.Command{
		Use:   "plot RUN... -o FIG.{png,svg,pdf}",
		Short: "draw a figure from run directories",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, dirs []string) error {
			if out == "" {
				return usage(fmt.Errorf("plot: give the figure a name: -o FIG.png, .svg or .pdf"))
			}
			var runs []*plot.Run
			for _, d := range dirs {
				r, err := plot.Load(d)
				if err != nil {
					return usage(err)
				}
				runs = append(runs, r)
			}
			return usage(plot.Save(kind, runs, out))
		},
	}
	c.Flags().StringVar(&kind, "kind", "goodput", "what to draw (mpsim list plot)")
	c.Flags().StringVarP(&out, "output", "o", "", "file to write; its extension names the format")
	return c
}
