package cccheck

import (
	"fmt"
	"slices"

	"mpsim/results/plot"
)

// axesGroup is the group of checks that a figure shows.
const axesGroup = "axes"

// Figure returns the three axes of Peng et al. for the controllers of the reports: the
// friendliest first, so that a glance along the columns shows what it costs. The error
// says which report lacks them.
func Figure(reports []Report) (*plot.Triple, error) {
	t := &plot.Triple{Axes: [3]plot.Axis{
		{Name: "friendliness", Note: "1 is fair", Label: "TCP over fair", Reference: 1},
		{Name: "responsiveness", Note: "less is quicker", Label: "Recovery time (s)"},
		{Name: "oscillation", Note: "less is steadier", Label: "Deviation/mean"},
	}}
	for i := range reports {
		r := &reports[i]
		row := plot.TripleRow{Name: r.Controller}
		for k := range t.Axes {
			c := slices.IndexFunc(r.Checks, func(c Result) bool { return c.Group == axesGroup && c.Name == t.Axes[k].Name })
			if c < 0 {
				return nil, fmt.Errorf("the figure needs the group of checks %q of %s", axesGroup, r.Controller)
			}
			row.Mean[k], row.Low[k], row.High[k] = float64(r.Checks[c].Mean), float64(r.Checks[c].Low), float64(r.Checks[c].High)
		}
		t.Rows = append(t.Rows, row)
	}
	slices.SortStableFunc(t.Rows, func(a, b plot.TripleRow) int {
		switch {
		case a.Mean[0] > b.Mean[0]:
			return -1
		case a.Mean[0] < b.Mean[0]:
			return 1
		}
		return 0
	})
	return t, nil
}
