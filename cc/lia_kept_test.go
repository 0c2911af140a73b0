package cc

import (
	"testing"

	"pgregory.net/rapid"
)

// plainLIA is the formula below a controller with kept terms.
func plainLIA(c Controller) *lia {
	if k, ok := c.(*keptLIA); ok {
		return &k.lia
	}
	return c.(*lia)
}

// setWindow sets a window as no event does.
func setWindow(c Controller, f FlowID, w int64) {
	l := c.(*keptLIA)
	l.flows[f].W = w
	l.keep(f)
}

// Kept terms give the windows of sums that are taken over the subflows themselves, to the
// bit, whatever happens: over random walks with subflows that leave, come back and join
// without a round-trip time, and with groups.
func TestKeptTerms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		set := []Setting{{"flightsize", float64(rapid.IntRange(0, 1).Draw(t, "flightsize"))}}
		p, err := Resolve(liaParams, set)
		if err != nil {
			t.Fatal(err)
		}
		plain := &lia{newLinked(renoRules(p))}
		kept, err := New("lia", set, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := newWalk(t, n)
		w.join(plain, kept)
		for range 200 {
			if rapid.IntRange(0, 60).Draw(t, "grouped") == 57 {
				f, group := FlowID(rapid.IntRange(0, n-1).Draw(t, "subflow")), int32(rapid.IntRange(0, 1).Draw(t, "group"))
				plain.SetGroup(f, group)
				kept.(Grouped).SetGroup(f, group)
			}
			e, now := w.draw(t), w.now
			w.apply(plain, e)
			w.now = now
			w.apply(kept, e)
			for f := range plain.flows {
				if a, b := plain.flows[f], plainLIA(kept).flows[f]; a != b {
					t.Fatalf("after %+v, subflow %d: %+v, with kept terms %+v", e, f, a, b)
				}
			}
			if k := kept.(*keptLIA); !k.grouped {
				if s := plain.sums(plain.at(0)); s.liaThreshold() != k.threshold() {
					t.Fatalf("after %+v the threshold is %d, with kept terms %d", e, s.liaThreshold(), k.threshold())
				}
			}
		}
	})
}
