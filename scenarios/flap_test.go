package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/sim"
)

// flapping is boxedPaths for ten seconds with an action on the link lte, and with a flow
// of datagrams over it.
func flapping(t *testing.T, seed uint64, keys string) *World {
	t.Helper()
	at := "[[at]]\ntime = \"1s\"\naction = \"link.flap\"\nlinks = [\"lte\"]\n" + keys
	text := strings.Replace(fmt.Sprintf(boxedPaths, at, "", ""), "name = ", fmt.Sprintf("seed = %d\nname = ", seed), 1)
	text = strings.Replace(text, "size = \"400kB\"", "stop = \"9s\"", 1)
	return runText(t, text, Run{})
}

// outagesOf are the outages of a direction as text.
func outagesOf(w *World, link string) string {
	var out []string
	for _, o := range w.timeline.outages {
		if o.Link == link {
			out = append(out, fmt.Sprintf("%v-%v", Duration(o.Start), Duration(o.End)))
		}
	}
	return strings.Join(out, " ")
}

// Links fail and work as often and as long as the action says; at until they work.
func TestFlap(t *testing.T) {
	for _, c := range []struct{ keys, up, down string }{
		{"down_time = \"constant 100ms\"\nup_time = \"constant 400ms\"\ncount = 3\n", "1s-1.1s 1.5s-1.6s 2s-2.1s", "1s-1.1s 1.5s-1.6s 2s-2.1s"},
		{"down_time = \"constant 300ms\"\nup_time = \"constant 500ms\"\nuntil = \"2s\"\n", "1s-1.3s 1.8s-2s", "1s-1.3s 1.8s-2s"},
		{"down_time = \"constant 300ms\"\nup_time = \"constant 500ms\"\nuntil = \"1.8s\"\n", "1s-1.3s", "1s-1.3s"},
		{"down_time = \"constant 100ms\"\nup_time = \"constant 100ms\"\ncount = 1\ndirection = \"up\"\n", "1s-1.1s", ""},
	} {
		w := flapping(t, 1, c.keys)
		if up, down := outagesOf(w, "lte.up"), outagesOf(w, "lte.down"); up != c.up || down != c.down {
			t.Errorf("%s: outages %q up, %q down; want %q and %q", c.keys, up, down, c.up, c.down)
		}
		if w.byLink["lte.up"].link.IsDown() {
			t.Errorf("%s: still down at the end", c.keys)
		}
	}
}

// Unless the failure is silent the client notices, and joins anew when the link works.
func TestSilentFlap(t *testing.T) {
	const keys = "down_time = \"constant 100ms\"\nup_time = \"constant 400ms\"\ncount = 1\n"
	told := counterOf(t, flapping(t, 1, keys), "client", "MPJoinSynTx")
	silent := counterOf(t, flapping(t, 1, keys+"silent = true\n"), "client", "MPJoinSynTx")
	if told != 3 || silent != 2 { // of two connections one is over by then
		t.Errorf("%d joins, %d with a silent failure; want 3 and 2", told, silent)
	}
}

// Random times: those of a stream of the action's own, so that they differ by seed and
// are the same whatever else happens; exponential ones have their mean, within four
// standard deviations.
func TestFlapAtRandom(t *testing.T) {
	const keys = "down_time = \"exponential 20ms\"\nup_time = \"uniform 10ms 30ms\"\n"
	one, other := flapping(t, 1, keys), flapping(t, 2, keys)
	if outagesOf(one, "lte.up") == outagesOf(other, "lte.up") || outagesOf(one, "lte.up") != outagesOf(one, "lte.down") {
		t.Error("seeds do not matter, or directions fail apart")
	}
	if again := flapping(t, 1, keys+"queue = \"keep\"\n"); outagesOf(again, "lte.up") != outagesOf(one, "lte.up") {
		t.Error("what else happens changes when the link fails")
	}
	var down, up sim.Duration
	var n int
	last := sim.Never
	for _, o := range one.timeline.outages {
		if o.Link != "lte.up" || o.End == sim.Never {
			continue
		}
		down += o.End.Sub(o.Start)
		if last != sim.Never {
			if d := o.Start.Sub(last); d < 10*sim.Millisecond || d > 30*sim.Millisecond {
				t.Errorf("up for %v", d)
			} else {
				up += d
			}
		}
		last = o.End
		n++
	}
	// The mean of n exponential times has the standard deviation mean/sqrt(n).
	if mean := down / sim.Duration(n); n < 150 || mean < 13*sim.Millisecond || mean > 27*sim.Millisecond {
		t.Errorf("%d outages of %v on average", n, mean)
	}
}

// A run in parts has the same failures, and the same fragments, as the run of one world.
func TestFlapAndFragmentsInParts(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(narrowPath, 0, "", "", true, "mptcp"), "[[node]]", "defaults.df = false\n[[node]]", 1) +
		"[[at]]\ntime = \"500ms\"\naction = \"link.flap\"\nlinks = [\"narrow\"]\ndown_time = \"exponential 50ms\"\nup_time = \"uniform 50ms 150ms\"\n"
	sc := mustParse(t, text, "duration=3s")
	if samePartedRun(t, sc, "", 2, 3) == 0 {
		t.Error("not divided")
	}
}
