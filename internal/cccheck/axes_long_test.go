//go:build long

package cccheck

import "testing"

// The order of the controllers along the axes of Peng et al. (PAPERS 5): from the most
// friendly to the least, OLIA, BALIA, LIA; responsiveness the other way round, where 16
// seeds tell them apart: EWTCP, BALIA and LIA, OLIA; and no
// coupled one fails a goal but as theory says: EWTCP is slower than TCP on the better
// path and does not balance (NSDI'11), COUPLED is slower where delays differ (NSDI'11
// section 2.3).
//
// row:F4 row:F6
func TestAxes(t *testing.T) {
	reports := examine(t, Config{Names: []string{"olia", "balia", "lia", "ewtcp", "coupled", "reno"}, Seeds: 16})
	mean := func(i int, name string) float64 { return float64(of(&reports[i], name)[0].Mean) }
	for i := range 2 {
		if a, b := mean(i, "friendliness"), mean(i+1, "friendliness"); a <= b {
			t.Errorf("friendliness: %s %.3f, %s %.3f", reports[i].Controller, a, reports[i+1].Controller, b)
		}
	}
	for _, pair := range [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}} {
		slow, fast := pair[0], pair[1]
		if a, b := mean(slow, "responsiveness"), mean(fast, "responsiveness"); a <= b {
			t.Errorf("responsiveness: %s %.1f s, %s %.1f s", reports[slow].Controller, a, reports[fast].Controller, b)
		}
	}
	want := map[string][]string{
		"ewtcp":   {"unlike loss", "unlike delay", "off the congested path"},
		"coupled": {"unlike delay"},
		"reno":    {"shared bottleneck", "equal loss", "off the congested path"},
	}
	for i := range reports {
		var got []string
		for _, c := range reports[i].Failed([]string{"all"}) {
			got = append(got, c.Name)
			if c.Verdict != DoesNot {
				t.Errorf("%s, %s: %s", reports[i].Controller, c.Name, c.Verdict)
			}
		}
		expected := want[reports[i].Controller]
		if len(got) != len(expected) {
			t.Errorf("%s fails %q, want %q", reports[i].Controller, got, expected)
			continue
		}
		for k := range got {
			if got[k] != expected[k] {
				t.Errorf("%s fails %q, want %q", reports[i].Controller, got, expected)
			}
		}
	}
}
