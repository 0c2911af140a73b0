package results

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Pairing says how the replications of two settings belong together.
type Pairing uint8

const (
	// PairBySeed pairs replications of one number if all of these had the same seed in
	// both settings (common random numbers), and does not pair otherwise.
	PairBySeed Pairing = iota
	// PairAlways pairs replications of one number.
	PairAlways
	// PairNever takes the settings for independent.
	PairNever
)

// Contrast is how a metric differs between two values of a factor, the other factors
// being the same.
type Contrast struct {
	Metric string `json:"metric"`
	Unit   string `json:"unit"`
	// Setting is what the other factors are, "name=value ..."; "" without others.
	Setting string `json:"setting"`
	A       string `json:"a"`
	B       string `json:"b"`
	// CountA and CountB are replications with a value; of a paired contrast only pairs.
	CountA int    `json:"count_a"`
	CountB int    `json:"count_b"`
	MeanA  Number `json:"mean_a"`
	MeanB  Number `json:"mean_b"`
	// Difference is B less A with its interval; NaN (null) with fewer than two
	// replications of either, or where one is never complete.
	Difference Number `json:"difference"`
	Low        Number `json:"low"`
	High       Number `json:"high"`
	Paired     bool   `json:"paired"`
	Differ     bool   `json:"differ"` // the interval excludes 0
	// Identical: all replications of A have one value, and all of B; see
	// IdenticalWarning.
	Identical bool `json:"identical"`
}

// Contrasts compares every further value of a factor with its first one (in the order of
// the table), separately for every combination of the other factors. Differences have
// Student's interval where replications are paired, else Welch's. A factor that has one
// value only, or a metric that is a text, is an error.
func (t *Table) Contrasts(by, metric string, pairing Pairing, level float64) ([]Contrast, error) {
	factor, value := t.column(by), t.column(metric)
	if factor == nil || factor.Role != "factor" {
		return nil, fmt.Errorf("no factor %q; the table has %s", by, listed(t.Names("factor")))
	}
	if value == nil || value.Role != "metric" {
		return nil, fmt.Errorf("no metric %q; the table has %s", metric, listed(t.Names("metric")))
	}
	if value.Type != "number" {
		return nil, fmt.Errorf("metric %q is a %s", metric, value.Type)
	}
	levels, settings := distinct(factor.Cells), t.settings(by)
	if len(levels) < 2 {
		return nil, fmt.Errorf("factor %q has one value only", by)
	}
	var out []Contrast
	for _, s := range distinct(settings) {
		rows := func(name string) (in []int) {
			for i := range t.Rows {
				if settings[i] == s && factor.Cells[i] == name {
					in = append(in, i)
				}
			}
			return in
		}
		a := rows(levels[0])
		for _, name := range levels[1:] {
			b := rows(name)
			if len(a) == 0 || len(b) == 0 {
				continue // a constraint took the point away
			}
			c := t.contrast(value, a, b, pairing, level)
			c.Metric, c.Unit, c.Setting, c.A, c.B = metric, value.Unit, s, levels[0], name
			out = append(out, c)
		}
	}
	return out, nil
}

// settings describes the factors but one, by row.
func (t *Table) settings(by string) []string {
	out := make([]string, t.Rows)
	for i := range out {
		var parts []string
		for _, c := range t.Columns {
			if c.Role == "factor" && c.Name != by {
				parts = append(parts, c.Name+"="+c.Cells[i])
			}
		}
		out[i] = strings.Join(parts, " ")
	}
	return out
}

func distinct(cells []string) (out []string) {
	for _, x := range cells {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// contrast compares the rows a and b.
func (t *Table) contrast(value *TableColumn, a, b []int, pairing Pairing, level float64) Contrast {
	x, y, sameSeeds := t.pairs(value, a, b)
	c := Contrast{Paired: pairing == PairAlways || pairing == PairBySeed && sameSeeds}
	if !c.Paired {
		x, y = values(value, a), values(value, b)
	}
	c.CountA, c.CountB = len(x), len(y)
	c.MeanA, c.MeanB = Number(average(x)), Number(average(y))
	e := Estimate{math.NaN(), math.NaN(), math.NaN()}
	switch {
	case len(x) < 2 || len(y) < 2:
	case c.Paired:
		e = Paired(y, x, level)
	default:
		e = Welch(y, x, level)
	}
	c.Difference, c.Low, c.High, c.Differ = Number(e.Value), Number(e.Low), Number(e.High), e.Excludes(0)
	c.Identical = len(x) > 1 && len(y) > 1 && len(slices.Compact(x)) == 1 && len(slices.Compact(y)) == 1
	return c
}

// pairs returns the values of the replications that both have, and whether each had the
// same seed in both.
func (t *Table) pairs(value *TableColumn, a, b []int) (x, y []float64, sameSeeds bool) {
	replication, seed := t.column("replication"), t.column("seed")
	if replication == nil || seed == nil {
		return nil, nil, false
	}
	sameSeeds = true
	for _, i := range a {
		for _, k := range b {
			if replication.Cells[i] != replication.Cells[k] {
				continue
			}
			v, ok := value.number(i)
			w, too := value.number(k)
			if ok && too {
				x, y = append(x, v), append(y, w)
				sameSeeds = sameSeeds && seed.Cells[i] == seed.Cells[k]
			}
		}
	}
	return x, y, sameSeeds
}

func values(c *TableColumn, rows []int) (out []float64) {
	for _, i := range rows {
		if v, ok := c.number(i); ok {
			out = append(out, v)
		}
	}
	return out
}

func average(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
