package scenarios

import (
	"strings"
	"testing"
)

// Measures are values of the language of expectations, in bits per second, seconds and
// bytes; a comparison is 1 or 0.
func TestMeasures(t *testing.T) {
	want := []struct {
		expr, unit string
		condition  bool
	}{
		{"goodput(dl)", "bps", false}, {"bytes(dl)", "B", false}, {"connected(dl)", "s", false}, {"subflows(dl)", "", false},
		{"fallback(dl)", "text", false}, {"bytes(dl) > 0B", "", true}, {"bytes(dl) < 0B", "", true},
		{"bytes(dl)/2s", "bps", false},
	}
	var list []Measure
	for _, m := range want {
		list = append(list, Measure{Name: "x", Expr: m.expr, Condition: m.condition})
	}
	sc, err := Parse("small.toml", small, Options{Measures: list, NoExpect: true})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	got, f := w.Measure(), w.Flows()[0]
	for i := range want {
		if u := sc.Unit(i); u != want[i].unit {
			t.Errorf("%s is in %q, want %q", want[i].expr, u, want[i].unit)
		}
	}
	if got[0].Value != f.Goodput || got[1].Value != float64(f.BytesDelivered) || got[4].Text != "none" || got[5].Value != 1 || got[6].Value != 0 || !near(got[7].Value, 4*got[1].Value) {
		t.Errorf("measured %+v of %+v", got, f)
	}
	if len(w.Expect()) != 0 {
		t.Error("expectations of the file are evaluated")
	}
	_, err = Parse("small.toml", small, Options{Measures: []Measure{{Name: "g", Expr: "goodput(d)", Pos: Pos{File: "s", Line: 2, Col: 5}}}})
	if err == nil || !strings.Contains(err.Error(), "s:2:14: g: no flow \"d\"") {
		t.Errorf("a measure of an unknown flow: %v", err)
	}
}

// Conditions compare named values with their units.
func TestConditions(t *testing.T) {
	values := map[string]string{"a.rate": "10Mbps", "b.rate": "9000 kbps", "d": "20ms", "cc": "lia", "n": "7", "p": "1%", "q": "50pkt"}
	for text, want := range map[string]string{
		"a.rate > b.rate": "true", "a.rate < b.rate": "false", "a.rate*d == 25kB": "true", "cc != 'olia'": "true", "n/2 == 3.5": "true",
		"p == 0.01": "true", "q < 51": "true", "max(a.rate, b.rate) <= 10Mbps": "true", "1ms < d < 21ms": "true",
		"a.rate > d": "a rate is compared with a time", "a.rat > b.rate": "unknown name", "goodput(dl) > a.rate": "unknown name \"goodput\"",
	} {
		c := NewCondition(text)
		var names []string
		for _, n := range c.Names() {
			if values[n] != "" {
				names = append(names, n)
			}
		}
		holds, _, err := c.Holds(names, func(n string) string { return values[n] })
		switch got := map[bool]string{true: "true", false: "false"}[holds]; {
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v, want %s", text, err, want)
		case err == nil && got != want:
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
