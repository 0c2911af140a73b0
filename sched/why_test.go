package sched

import (
	"strings"
	"testing"
)

// Every reason has a name of its own and a sentence.
func TestWhys(t *testing.T) {
	seen := map[string]bool{}
	for w := NoWhy + 1; int(w) < Whys(); w++ {
		if n := w.String(); n == "" || seen[n] || strings.ToLower(n) != n {
			t.Errorf("reason %d is called %q", w, n)
		}
		seen[w.String()] = true
		if s := w.Sentence(); !strings.HasSuffix(s, ".") {
			t.Errorf("%v: sentence %q", w, s)
		}
	}
	if s := Why(255); s.String() != "unknown" || s.Sentence() != "" {
		t.Errorf("%q %q", s.String(), s.Sentence())
	}
}
