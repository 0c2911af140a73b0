package scenarios

import (
	"errors"
	"math"
	"slices"
	"strings"
)

// Quantity is a number with the unit of what it measures: "bps", "s", "B", "pkt",
// "bdp", or "" for plain numbers and shares.
type Quantity struct {
	Value float64
	Unit  string
}

// ReadQuantity reads a value of a scenario file, such as "10Mbps", "15ms", "64KiB",
// "50pkt", "2bdp", "1%" or 0.5; false: it is not a number.
func ReadQuantity(text string) (Quantity, bool) {
	number, suffix := splitQuantity(text)
	if number == "" {
		return Quantity{}, false
	}
	q, err := literal(number, "")
	if err != nil {
		return Quantity{}, false
	}
	for _, f := range quantityUnits {
		for _, u := range f.units {
			if u.name == suffix {
				return Quantity{q.v * float64(u.factor) / f.scale, f.name}, true
			}
		}
	}
	switch suffix {
	case "":
		return Quantity{Value: q.v}, true
	case "%":
		return Quantity{Value: q.v / 100}, true
	}
	return Quantity{}, false
}

var quantityUnits = []struct {
	name  string
	units []unit
	scale float64 // of the factors
}{
	{"bps", rateUnits, 1}, {"s", timeUnits, 1e9}, {"B", byteUnits, 1}, {"pkt", []unit{{"pkt", 1}}, 1}, {"bdp", []unit{{"bdp", 1}}, 1},
}

// String writes the quantity as a scenario file does: rates, times, bytes and
// packets in whole base units.
func (q Quantity) String() string {
	switch q.Unit {
	case "bps":
		return formatQuantity(int64(math.Round(q.Value)), rateUnits)
	case "s":
		return formatQuantity(int64(math.Round(q.Value*1e9)), timeUnits)
	case "B":
		return formatQuantity(int64(math.Round(q.Value)), []unit{{"B", 1}})
	case "pkt":
		return formatQuantity(int64(math.Round(q.Value)), []unit{{"pkt", 1}})
	}
	return trimFloat(q.Value) + q.Unit
}

// Condition is a comparison over named values, in the language of expectations
// without its metrics of runs.
type Condition struct{ text string }

// NewCondition returns the condition that a text says; it is parsed where it is
// evaluated, as the dimensions depend on the values.
func NewCondition(text string) Condition { return Condition{text} }

// Names returns the names in the condition that are no function, each once.
func (c Condition) Names() []string {
	p := &exprParser{text: []rune(c.text)}
	var out []string
	for p.pos < len(p.text) {
		switch at := p.peek(); {
		case at == '\'' || at == '"':
			for p.pos++; p.pos < len(p.text) && p.peek() != at; p.pos++ {
			}
			p.pos++
		case isDigitRune(at) || at == '.':
			for isDigitRune(p.peek()) || isLetter(p.peek()) || p.peek() == '.' || p.peek() == '%' {
				p.pos++
			}
		case isLetter(at):
			n := p.name()
			if p.space(); p.peek() != '(' && !slices.Contains(out, n) {
				out = append(out, n)
			}
		default:
			p.pos++
		}
	}
	return out
}

// Holds evaluates the condition. Value gives the text of a named value, as a
// scenario file has it. The error tells where in the text it is wrong: at is in
// characters from 0.
func (c Condition) Holds(names []string, value func(name string) string) (holds bool, at int, err error) {
	scope := &nameScope{values: make(map[string]quantity, len(names)+1)}
	for _, n := range names {
		scope.values[n] = readValue(value(n))
	}
	parsed, _, fault := parseComparison(c.text, scope)
	if fault != nil {
		return false, fault.at, errors.New(fault.msg)
	}
	_, holds = parsed.eval(nil)
	return holds, 0, nil
}

// readValue makes a quantity of an expression of a value of a scenario.
func readValue(text string) quantity {
	q, ok := ReadQuantity(text)
	if !ok {
		return quantity{text: strings.TrimSpace(text), isText: true}
	}
	switch q.Unit {
	case "bps":
		return quantity{v: q.Value / 8, dim: dimRate}
	case "s":
		return quantity{v: q.Value, dim: dimTime}
	case "B":
		return quantity{v: q.Value, dim: dimSize}
	}
	return quantity{v: q.Value}
}
