package mbtest

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"mpsim/internal/proxy"
	"mpsim/net/mbox"
	"mpsim/net/nat"
)

// The grid comes out as RFC 8684 sections 3.7 and 6 and RFC 8041 section 3.1 state,
// with the profile of the text and with that of upstream Linux. No cell is broken but
// those of which the documents say so.
//
// row:M23
func TestGrid(t *testing.T) {
	cells, err := Run(context.Background(), &Config{Profiles: []string{"linux", "rfc"}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	count, acted := map[Verdict]int{}, map[string]uint64{}
	for _, c := range cells {
		count[c.Verdict]++
		if !c.Pass {
			t.Errorf("%s: %s, box on %s, packets %s, data %s: %s (%s), %s has %v; %d bytes, %d wrong, TCP %d, %d", c.Profile, c.Behaviour, c.Path, c.Direction, c.Transfer,
				c.Verdict, c.Why, c.Section, c.Expected, c.Bytes, c.Corrupt, c.TCPBytes, c.TCPCorrupt)
		}
		acted[c.Behaviour+c.Path] += c.Acted
		if !c.TCPDone && c.Verdict != Blocked {
			t.Errorf("%s: %s, box on %s, packets %s: plain TCP is not complete", c.Profile, c.Behaviour, c.Path, c.Direction)
		}
	}
	for name, n := range acted {
		if n == 0 {
			t.Errorf("%s: the boxes have done nothing", name)
		}
	}
	t.Logf("%d cells: %v", len(cells), count)
}

// Every box that mpsim list mbox prints is in the grid, or there is a reason why not,
// which docs/MBTEST.md gives.
func TestGridHasEveryBox(t *testing.T) {
	page, err := os.ReadFile("../../docs/MBTEST.md")
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{}
	rows := Behaviours()
	for i := range rows {
		in[rows[i].Box.Type] = true
	}
	out := Outside()
	for _, s := range slices.Concat(mbox.Specs(), nat.Specs(), proxy.Specs()) {
		reason := out[s.Name]
		delete(out, s.Name)
		if in[s.Name] == (reason != "") {
			t.Errorf("%s: in the grid %v, reason %q", s.Name, in[s.Name], reason)
		}
		if reason != "" && !strings.Contains(string(page), "`"+s.Name+"`") {
			t.Errorf("docs/MBTEST.md does not say why %s is not in the grid", s.Name)
		}
	}
	if len(out) > 0 {
		t.Errorf("reasons for what is no box: %v", out)
	}
}
