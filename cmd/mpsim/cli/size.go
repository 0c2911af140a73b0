package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag value in bytes with a unit: "512MiB", "2GB".
type size uint64

var sizeUnits = []struct {
	name   string
	factor float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// Set implements pflag.Value.
func (s *size) Set(text string) error {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n > 0) || n*u.factor >= math.MaxInt64 {
			break
		}
		*s = size(n * u.factor)
		return nil
	}
	return fmt.Errorf("%q is not a size such as 512MiB or 2GB", text)
}

// String implements pflag.Value.
func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(*s), 10) + "B"
}

// Type implements pflag.Value.
func (s *size) Type() string { return "SIZE" }
