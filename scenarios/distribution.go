package scenarios

import (
	"fmt"
	"strings"

	"mpsim/sim"
)

// DistributionKind names the shape of a Distribution.
type DistributionKind uint8

// The shapes.
const (
	Constant    DistributionKind = iota // A
	Exponential                         // of mean A
	Uniform                             // from A to B
)

// Distribution is a random duration: "constant 100ms", "exponential 1s" (its
// mean) or "uniform 10ms 200ms".
type Distribution struct {
	Kind DistributionKind
	A, B Duration
}

var distributionNames = []string{"constant", "exponential", "uniform"}

func (d *Distribution) parse(text string) error {
	words := strings.Fields(text)
	if len(words) == 0 {
		return fmt.Errorf("empty distribution; write \"constant 100ms\", \"exponential 1s\" or \"uniform 10ms 200ms\"")
	}
	*d = Distribution{}
	want := 1
	switch words[0] {
	case "constant":
		d.Kind = Constant
	case "exponential":
		d.Kind = Exponential
	case "uniform":
		d.Kind, want = Uniform, 2
	default:
		return fmt.Errorf("unknown distribution %q%s", words[0], didYouMean(words[0], distributionNames))
	}
	if len(words)-1 != want {
		return fmt.Errorf("%s takes %d time(s), as in %q", words[0], want, exampleDistribution(d.Kind))
	}
	if err := d.A.parse(words[1]); err != nil {
		return err
	}
	if d.Kind == Uniform {
		if err := d.B.parse(words[2]); err != nil {
			return err
		}
		if d.B < d.A {
			return fmt.Errorf("uniform from %v to %v: the second time is smaller", d.A, d.B)
		}
	}
	return nil
}

func exampleDistribution(k DistributionKind) string {
	return []string{"constant 100ms", "exponential 1s", "uniform 10ms 200ms"}[k]
}

// String prints the distribution as a scenario file writes it.
func (d Distribution) String() string {
	if d.Kind == Uniform {
		return fmt.Sprintf("uniform %v %v", d.A, d.B)
	}
	return fmt.Sprintf("%s %v", distributionNames[d.Kind], d.A)
}

func (Distribution) kind() (string, string) { return "distribution", "exponential 1s" }

func (d Distribution) negative() bool { return d.A < 0 || d.B < 0 }

// Mean returns the mean of the distribution.
func (d Distribution) Mean() sim.Duration {
	if d.Kind == Uniform {
		return sim.Duration((d.A + d.B) / 2)
	}
	return sim.Duration(d.A)
}
