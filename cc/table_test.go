package cc

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	for _, v := range []struct {
		name string
		set  []Setting
		want []string
	}{
		{"cubik", nil, []string{`unknown congestion controller "cubik"`, `did you mean "cubic"?`, "known: reno, cubic, dctcp, "}},
		{"LIA", nil, []string{`did you mean "lia"?`}},
		{"hybla", nil, []string{`unknown congestion controller "hybla" (known: reno, cubic, dctcp, `}},
		{"cubic", []Setting{{"hystert", 1}}, []string{`unknown parameter "hystert", did you mean "hystart"?`}},
		{"cubic", []Setting{{"hystart", 3}}, []string{`parameter "hystart" is 3, must lie between 0 and 2`}},
		{"cubic", []Setting{{"hystart", 0.5}}, []string{`must be a whole number`}},
		{"cubic", []Setting{{"mode", math.NaN()}}, []string{`parameter "mode" is NaN`}},
		{"reno", []Setting{{"mode", 1}}, []string{`unknown parameter "mode" (known: flightsize, pacing, hystartpp)`}},
		{"lia", []Setting{{"pacing", 1}, {"pacing", 0}}, []string{`parameter "pacing" is given twice`}},
		{"lia", []Setting{{"pacing", 2}, {"x", 0}}, []string{`between 0 and 1`, `unknown parameter "x"`}},
	} {
		c, err := New(v.name, v.set, nil)
		if err == nil || c != nil {
			t.Errorf("%s %v was accepted", v.name, v.set)
			continue
		}
		for _, want := range v.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s %v: error %q lacks %q", v.name, v.set, err, want)
			}
		}
	}
}

// Every row has what `mpsim list cc` prints, and its defaults make a controller.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Specs() {
		if s.Name == "" || s.Doc == "" || seen[s.Name] {
			t.Errorf("row %+v", s)
		}
		seen[s.Name] = true
		for _, p := range s.Params {
			if p.Doc == "" || p.check(p.Default) != nil || p.Min > p.Max {
				t.Errorf("%s: parameter %+v", s.Name, p)
			}
		}
		if _, err := New(s.Name, nil, nil); err != nil {
			t.Error(err)
		}
	}
}

// Every parameter changes what its controller is: none is parsed and ignored.
func TestEveryParameterReachesItsController(t *testing.T) {
	for _, s := range Specs() {
		for _, p := range s.Params {
			other := p.Max
			if p.Default == p.Max {
				other = p.Min
			}
			if sameController(must(t, s.Name), must(t, s.Name, Setting{p.Name, other})) {
				t.Errorf("%s: %s changes nothing", s.Name, p.Name)
			}
		}
	}
}

// sameController compares what two new controllers hold, but the addresses of
// nothing: neither has subflows yet.
func sameController(a, b Controller) bool {
	return fmt.Sprintf("%T %+v", a, a) == fmt.Sprintf("%T %+v", b, b)
}
