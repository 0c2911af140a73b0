package results

import (
	"math"
	"strconv"
)

// AppendNumber appends the shortest decimal form of x that reads back exactly.
// Integers have no decimal point, and an exponent appears only where the plain
// form would be long (below 1e-6 and from 1e21 on), as in JSON of other tools.
func AppendNumber(b []byte, x float64) []byte {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return append(b, "NaN"...)
	case math.IsInf(x, 1):
		return append(b, "+Inf"...)
	case math.IsInf(x, -1):
		return append(b, "-Inf"...)
	case x == 0:
		return append(b, '0')
	case a < 1e-6 || a >= 1e21:
		return strconv.AppendFloat(b, x, 'e', -1, 64)
	case a < 1<<53 && x == math.Trunc(x):
		return strconv.AppendInt(b, int64(x), 10)
	}
	return strconv.AppendFloat(b, x, 'f', -1, 64)
}
