package results

import (
	"math"
	"strconv"
)

// Scale returns by what to multiply quantities of a unit of tables ("bps", "s", "B", or
// another, which stays) of which the largest is top, so that they are read easily, and the
// name of the unit that they have then: powers of 1000, the first in which top is at least 1.
func Scale(unit string, top float64) (factor float64, name string) {
	type scale struct {
		factor float64
		name   string
	}
	scales := map[string][]scale{
		"bps": {{1e-9, "Gb/s"}, {1e-6, "Mb/s"}, {1e-3, "kb/s"}},
		"B":   {{1e-9, "GB"}, {1e-6, "MB"}, {1e-3, "kB"}, {1, "B"}},
		"s":   {{1, "s"}, {1e3, "ms"}, {1e6, "µs"}},
	}[unit]
	if scales == nil {
		return 1, unit
	}
	for _, s := range scales {
		if math.Abs(top)*s.factor >= 1 {
			return s.factor, s.name
		}
	}
	last := scales[len(scales)-1]
	return last.factor, last.name
}

// Show returns a cell for people: a number with four digits and its unit, "none" for no
// value.
func (c *TableColumn) Show(text string) string {
	if text == "" {
		return "none"
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || c.Type == "text" || c.Role == "id" {
		return text
	}
	factor, name := Scale(c.Unit, x)
	number := strconv.FormatFloat(x*factor, 'g', 4, 64)
	if name == "" {
		return number
	}
	return number + " " + name
}
