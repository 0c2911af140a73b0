package scenarios

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"mpsim/sim"
)

// unit is one spelling of a unit and how many base units it stands for.
type unit struct {
	name   string
	factor int64
}

var (
	rateUnits = []unit{
		{"Gbps", 1e9}, {"Mbps", 1e6}, {"kbps", 1e3}, {"bps", 1},
		{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1},
		{"Gb/s", 1e9}, {"Mb/s", 1e6}, {"kb/s", 1e3}, {"b/s", 1},
	}
	timeUnits = []unit{
		{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"µs", 1e3}, {"min", 60e9}, {"h", 3600e9},
	}
	byteUnits = []unit{
		{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1},
		{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3},
	}
)

// splitQuantity parts "10 Mbps" into the number and the unit.
func splitQuantity(text string) (number, suffix string) {
	text = strings.TrimSpace(text)
	i := 0
	for i < len(text) && (strings.IndexByte("+-.", text[i]) >= 0 || isDigit(text[i])) {
		i++
	}
	return text[:i], strings.TrimSpace(text[i:])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// parseQuantity reads a number with a unit exactly: it must come to a whole
// number of base units that fits 63 bits.
func parseQuantity(what, example, text string, units []unit) (int64, error) {
	number, suffix := splitQuantity(text)
	if number == "" {
		return 0, fmt.Errorf("%q is not a %s; write a number and a unit, such as %q", text, what, example)
	}
	value, ok := new(big.Rat).SetString(number)
	if !ok || strings.HasPrefix(number, "+") {
		return 0, fmt.Errorf("%q is not a number; a %s looks like %q", number, what, example)
	}
	if suffix == "" {
		return 0, fmt.Errorf("%q has no unit; a %s looks like %q", text, what, example)
	}
	for _, u := range units {
		if u.name == suffix {
			value.Mul(value, new(big.Rat).SetInt64(u.factor))
			if !value.IsInt() {
				return 0, fmt.Errorf("%q is finer than one %s", text, units[smallest(units)].name)
			}
			if !value.Num().IsInt64() {
				return 0, fmt.Errorf("%q overflows; the largest %s is %d %s", text, what, int64(math.MaxInt64), units[smallest(units)].name)
			}
			return value.Num().Int64(), nil
		}
	}
	return 0, fmt.Errorf("unknown unit %q of a %s%s", suffix, what, didYouMean(suffix, unitNames(units)))
}

func unitNames(units []unit) []string {
	names := make([]string, len(units))
	for i, u := range units {
		names[i] = u.name
	}
	return names
}

func smallest(units []unit) int {
	for i, u := range units {
		if u.factor == 1 {
			return i
		}
	}
	return 0
}

// formatQuantity prints v in the largest unit in which it has at most three
// decimals, exactly. Only the leading units in descending order are used.
func formatQuantity(v int64, units []unit) string {
	for i, u := range units {
		if i > 0 && u.factor > units[i-1].factor {
			break
		}
		if v == 0 && u.factor != 1 {
			continue
		}
		if abs := max(v, -v); abs >= 0 && abs < u.factor {
			continue
		}
		r := new(big.Rat).SetFrac64(v, u.factor)
		if text := r.FloatString(3); exactly(text, r) {
			return trimZeros(text) + u.name
		}
	}
	base := units[smallest(units)]
	return fmt.Sprintf("%d%s", v, base.name)
}

func exactly(text string, r *big.Rat) bool {
	back, ok := new(big.Rat).SetString(text)
	return ok && back.Cmp(r) == 0
}

func trimZeros(text string) string {
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Rate is a data rate: "10Mbps", "10 Mbit/s", "10Mb/s", or "unlimited".
type Rate struct {
	Bits      sim.Rate // per second; 0 if Unlimited
	Unlimited bool
}

func (r *Rate) parse(text string) error {
	if text == "unlimited" {
		*r = Rate{Unlimited: true}
		return nil
	}
	v, err := parseQuantity("rate", "10Mbps", text, rateUnits)
	*r = Rate{Bits: sim.Rate(v)}
	return err
}

// String prints the rate as a scenario file writes it.
func (r Rate) String() string {
	if r.Unlimited {
		return "unlimited"
	}
	return formatQuantity(int64(r.Bits), rateUnits)
}

func (Rate) kind() (string, string) { return "rate", "10Mbps" }

func (r Rate) negative() bool { return r.Bits < 0 }

// Duration is a span of time or a point of virtual time: "15ms", "1.5s".
type Duration int64

// Duration returns d as the simulator's type.
func (d Duration) Duration() sim.Duration { return sim.Duration(d) }

// Time returns the point of virtual time that lies d after the start.
func (d Duration) Time() sim.Time { return sim.Time(d) }

func (d *Duration) parse(text string) error {
	v, err := parseQuantity("time", "15ms", text, timeUnits)
	*d = Duration(v)
	return err
}

// String prints the duration as a scenario file writes it.
func (d Duration) String() string { return formatQuantity(int64(d), timeUnits) }

func (Duration) kind() (string, string) { return "time", "15ms" }

func (d Duration) negative() bool { return d < 0 }

// Bytes is an amount of data: "64KiB", "10kB", "1500B", or "unlimited".
type Bytes struct {
	N         int64
	Unlimited bool
}

func (b *Bytes) parse(text string) error {
	if text == "unlimited" {
		*b = Bytes{Unlimited: true}
		return nil
	}
	v, err := parseQuantity("size", "64KiB", text, byteUnits)
	*b = Bytes{N: v}
	return err
}

// String prints the size as a scenario file writes it.
func (b Bytes) String() string {
	if b.Unlimited {
		return "unlimited"
	}
	if b.N >= 1000 && b.N%1000 == 0 && b.N%1024 != 0 {
		return formatQuantity(b.N, byteUnits[4:])
	}
	return formatQuantity(b.N, byteUnits)
}

func (Bytes) kind() (string, string) { return "size", "64KiB" }

// Buffer is the size of a socket buffer: bytes of payload, multiples of the flow's
// bandwidth-delay product ("2bdp"), or "auto".
type Buffer struct {
	N    int64
	BDP  float64 // until a flow has it
	Auto bool
}

func (b *Buffer) parse(text string) error {
	if text == "auto" {
		*b = Buffer{Auto: true}
		return nil
	}
	if number, suffix := splitQuantity(text); suffix == "bdp" {
		v, err := parseBDP(number)
		*b = Buffer{BDP: v}
		return err
	}
	v, err := parseQuantity("buffer size", "64KiB, 2bdp, or auto", text, append([]unit{{"bdp", 1}}, byteUnits...))
	*b = Buffer{N: v}
	return err
}

// parseBDP reads how many bandwidth-delay products "1.5bdp" are.
func parseBDP(number string) (float64, error) {
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, fmt.Errorf("%q is not a number of bandwidth-delay products, such as \"1bdp\"", number+"bdp")
	}
	v, _ := r.Float64()
	return v, nil
}

// String prints the size as a scenario file writes it.
func (b Buffer) String() string {
	if b.Auto {
		return "auto"
	}
	if b.BDP != 0 {
		return fmt.Sprintf("%gbdp", b.BDP)
	}
	return Bytes{N: b.N}.String()
}

func (Buffer) kind() (string, string) { return "size or auto", "64KiB" }

func (b Buffer) negative() bool { return b.N < 0 || b.BDP < 0 }

func (b Bytes) negative() bool { return b.N < 0 }

// Queue is the length of a queue in packets ("100pkt"), bytes ("64KiB"), or
// multiples of the bandwidth-delay product ("1bdp"); or "unlimited".
type Queue struct {
	Packets   int64
	Bytes     int64
	BDP       float64
	Unlimited bool
}

func (q *Queue) parse(text string) error {
	*q = Queue{}
	if text == "unlimited" {
		q.Unlimited = true
		return nil
	}
	number, suffix := splitQuantity(text)
	switch suffix {
	case "pkt":
		v, err := parseQuantity("queue", "100pkt", text, []unit{{"pkt", 1}})
		q.Packets = v
		return err
	case "bdp":
		v, err := parseBDP(number)
		q.BDP = v
		return err
	}
	units := append([]unit{{"pkt", 1}, {"bdp", 1}}, byteUnits...)
	if _, err := parseQuantity("queue", "100pkt", text, units); err != nil {
		return err
	}
	var b Bytes
	err := b.parse(text)
	q.Bytes = b.N
	return err
}

// String prints the queue as a scenario file writes it.
func (q Queue) String() string {
	switch {
	case q.Unlimited:
		return "unlimited"
	case q.BDP != 0:
		return fmt.Sprintf("%gbdp", q.BDP)
	case q.Bytes != 0:
		return Bytes{N: q.Bytes}.String()
	}
	return fmt.Sprintf("%dpkt", q.Packets)
}

func (Queue) kind() (string, string) { return "queue", "100pkt" }

func (q Queue) negative() bool { return q.Packets < 0 || q.Bytes < 0 || q.BDP < 0 }

// Probability is a number from 0 to 1, written as such or as "1%".
type Probability float64

func (p *Probability) parse(text string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	r, ok := new(big.Rat).SetString(strings.TrimSpace(number))
	if !ok || strings.ContainsAny(number, "/eE_") {
		return fmt.Errorf("%q is not a probability; write a number from 0 to 1, or a percentage such as \"1%%\"", text)
	}
	if percent {
		r.Quo(r, big.NewRat(100, 1))
	}
	f, _ := r.Float64()
	return p.fromNumber(f)
}

func (p *Probability) fromNumber(f float64) error {
	if !(f >= 0 && f <= 1) {
		return fmt.Errorf("a probability lies from 0 to 1 (or 0%% to 100%%), not %g", f)
	}
	*p = Probability(f)
	return nil
}

// String prints the probability as a number from 0 to 1.
func (p Probability) String() string { return trimFloat(float64(p)) }

func (Probability) kind() (string, string) { return "probability", "1%" }

func trimFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
