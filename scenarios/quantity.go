package scenarios

import (
	"fmt"
	"math"
	"strconv"
)

// dimension is what a quantity of an expectation measures: exponents of bytes
// and of seconds. A rate is bytes per second.
type dimension struct{ bytes, seconds int8 }

var (
	dimNumber = dimension{}
	dimSize   = dimension{bytes: 1}
	dimTime   = dimension{seconds: 1}
	dimRate   = dimension{bytes: 1, seconds: -1}
)

func (d dimension) String() string {
	switch d {
	case dimNumber:
		return "a number"
	case dimSize:
		return "a size"
	case dimTime:
		return "a time"
	case dimRate:
		return "a rate"
	}
	return fmt.Sprintf("bytes^%d s^%d", d.bytes, d.seconds)
}

// quantity is a value of an expectation: a number with its dimension in bytes
// and seconds, or a text.
type quantity struct {
	v      float64
	dim    dimension
	text   string
	isText bool
}

// String prints the quantity in a readable unit with six digits.
func (q quantity) String() string {
	if q.isText {
		return strconv.Quote(q.text)
	}
	num := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	if math.IsInf(q.v, 1) && q.dim == dimTime {
		return "never"
	}
	switch q.dim {
	case dimNumber:
		return num(q.v)
	case dimSize:
		return num(q.v) + "B"
	case dimTime:
		return num(q.v) + "s"
	case dimRate:
		return num(q.v*8/1e6) + "Mbps"
	}
	return num(q.v) + " (" + q.dim.String() + ")"
}

// literalUnits are the units of numbers in expectations, as factors to bytes
// and seconds.
var literalUnits = []struct {
	name   string
	factor float64
	dim    dimension
}{
	{"ns", 1e-9, dimTime}, {"us", 1e-6, dimTime}, {"ms", 1e-3, dimTime}, {"s", 1, dimTime}, {"min", 60, dimTime},
	{"bps", 1.0 / 8, dimRate}, {"kbps", 1e3 / 8, dimRate}, {"Mbps", 1e6 / 8, dimRate}, {"Gbps", 1e9 / 8, dimRate},
	{"B", 1, dimSize}, {"kB", 1e3, dimSize}, {"MB", 1e6, dimSize}, {"GB", 1e9, dimSize},
	{"KiB", 1 << 10, dimSize}, {"MiB", 1 << 20, dimSize}, {"GiB", 1 << 30, dimSize},
	{"%", 0.01, dimNumber},
}

// literal makes the quantity of a number with its unit.
func literal(number, unit string) (quantity, error) {
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return quantity{}, fmt.Errorf("%q is not a number", number)
	}
	if unit == "" {
		return quantity{v: v}, nil
	}
	names := make([]string, len(literalUnits))
	for i, u := range literalUnits {
		if u.name == unit {
			return quantity{v: v * u.factor, dim: u.dim}, nil
		}
		names[i] = u.name
	}
	return quantity{}, fmt.Errorf("unknown unit %q%s", unit, didYouMean(unit, names))
}
