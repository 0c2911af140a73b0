package plot

import (
	"fmt"
	"math"
	"strconv"

	"mpsim/results"
)

// tick is a labelled position on an axis.
type tick struct {
	at    float64
	label string
}

// ticks returns between 3 and about n+1 ticks at multiples of 1, 2 or 5 times a
// power of ten that lie in [lo, hi], with labels of equal precision.
func ticks(lo, hi float64, n int) []tick {
	if !(hi > lo) || n < 1 {
		return nil
	}
	step := niceStep((hi - lo) / float64(n))
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	var out []tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9; i++ {
		out = append(out, tick{i * step, strconv.FormatFloat(i*step+0, 'f', digits, 64)})
	}
	return out
}

// logTicks returns ticks at 1, 2 and 5 times powers of ten that lie in [lo, hi], or at powers of
// ten alone if that were many.
func logTicks(lo, hi float64) []tick {
	steps := []float64{1, 2, 5}
	if hi/lo > 1e4 {
		steps = steps[:1]
	}
	var out []tick
	for p := math.Pow(10, math.Floor(math.Log10(lo))); p <= hi; p *= 10 {
		for _, m := range steps {
			if v := m * p; v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, tick{v, strconv.FormatFloat(v, 'g', 6, 64)})
			}
		}
	}
	return out
}

// logarithmic gives the figure a logarithmic axis for values between two.
func (f *figure) logarithmic(low, high float64) error {
	if !(low > 0) {
		return fmt.Errorf("--log: the axis has the value %g; a logarithmic one begins above 0", low)
	}
	room := math.Max(math.Pow(high/low, 0.04), 1.05)
	f.xLog, f.xMin, f.tMax = true, low/room, high*room
	return nil
}

// niceStep returns the smallest of 1, 2, 5 times a power of ten that is at least
// x.
func niceStep(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= x*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// ceiling returns the end of an axis that begins at 0 and shows values up to
// top: a little room above, rounded to half a step of its ticks.
func ceiling(top float64, n int) float64 {
	if !(top > 0) {
		return 1
	}
	half := niceStep(top/float64(n)) / 2
	return math.Ceil(top*1.04/half) * half
}

// unit is a scale of an axis.
type unit struct {
	factor float64 // from the unit of the series
	name   string
}

// unitOf is the scale for values of a unit of tables up to top.
func unitOf(name string, top float64) unit {
	var u unit
	u.factor, u.name = results.Scale(name, top)
	return u
}

func rateUnit(top float64) unit { return unitOf("bps", top) }

func byteUnit(top float64) unit { return unitOf("B", top) }

func timeUnit(top float64) unit { return unitOf("s", top) }
