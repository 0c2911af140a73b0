package scenarios

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"mpsim/sim"
)

// segmentChain is one to six boxes at the client's end of a link that join, cut and
// delay segments from the first SYN on, with every policy of which segments keep the
// options.
func segmentChain(rnd *rand.Rand, link string) string {
	of := func(all ...string) string { return all[rnd.IntN(len(all))] }
	var b strings.Builder
	fmt.Fprintf(&b, "[[link]]\nname = %q\n", link)
	for i := range 1 + rnd.IntN(6) {
		fmt.Fprintf(&b, "[[link.box]]\nname = \"%s-%d\"\ndirection = %q\n", link, i, of("up", "down", "both", "both"))
		switch rnd.IntN(6) {
		case 0:
			fmt.Fprintf(&b, "type = \"jitter\"\nbound = %q\n", of("1ms", "5ms"))
		case 1:
			fmt.Fprintf(&b, "type = \"split\"\nsize = %s\noptions = %q\n", of("400", "700", "1000", "1419"), of("all", "first", "last"))
		default:
			fmt.Fprintf(&b, "type = \"coalesce\"\nsize = %s\nhold = %q\noptions = %q\n",
				of("1500", "3000", "4000", "20000", "65000"), of("200us", "1ms", "3ms", "20ms"), of("first", "last", "both"))
		}
	}
	return b.String()
}

// runJoined runs n chains, with one path or two, with DSS checksums and without, by
// three stacks.
func runJoined(t *testing.T, n int, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	compared, kept := 0, 0
	for i := range n {
		boxes := segmentChain(rnd, "wifi")
		paths := boxedPaths
		switch rnd.IntN(4) {
		case 0, 1:
			paths = strings.Replace(paths, `, "lte 25ms 100pkt 10Mbps"`, "", 1)
		case 2:
			boxes += segmentChain(rnd, "lte")
		}
		profile := []string{"linux", "rfc", "linux-oot"}[rnd.IntN(3)]
		sums := []string{"required", "demand"}[rnd.IntN(2)]
		boxes = fmt.Sprintf("[defaults]\nprofile = %q\n", profile) + boxes
		run := func(flow string) *World {
			return runText(t, fmt.Sprintf(paths, boxes, flow, flow), Run{Seed: uint64(i + 1)})
		}
		plain, multi := run("protocol = \"tcp\""), run(fmt.Sprintf("checksum = %q", sums))
		for _, name := range []string{"dl", "up"} {
			p, m := plain.byFlow[name], multi.byFlow[name]
			if p.record.Corrupt+m.record.Corrupt != 0 {
				t.Errorf("%d: %s, checksums %s: %d bytes wrong of TCP, %d of MPTCP, with\n%s", i, name, sums, p.record.Corrupt, m.record.Corrupt, boxes)
			}
			if p.record.Bytes != 400_000 || p.record.Done == sim.Never {
				continue
			}
			compared++
			if m.observe(multi); m.fallback == "" {
				kept++
			}
			if m.record.Bytes == 400_000 && m.record.Done != sim.Never {
				continue
			}
			t.Errorf("%d: %s, checksums %s, %s: TCP is complete, MPTCP has %d bytes (fallback %q, closed %v), with\n%s",
				i, name, sums, profile, m.record.Bytes, m.fallback, m.ends.Why, boxes)
		}
	}
	if compared < n || kept < n {
		t.Errorf("TCP was complete in %d cases, MPTCP kept in %d", compared, kept)
	}
	t.Logf("TCP complete in %d of %d cases, MPTCP kept in %d of them", compared, 2*n, kept)
}

// TestRandomCoalescers: whatever plain TCP carries through boxes that join and cut
// segments and keep the options of some, MPTCP carries to the last byte, although most
// mappings may be lost (RFC 8684 sections 3.3.1 and 3.3.6).
//
// row:M6
func TestRandomCoalescers(t *testing.T) { runJoined(t, 200, 1) }

// TestNoFullSegmentKeepsItsMapping: one path cuts every full segment and joins its parts
// without the options, so that mappings of full segments never pass; the other joins all
// that comes within 20 ms and keeps the options of the last. What both have delivered in
// vain goes again on its own, on the one and on the other in turn, and what follows goes
// where that came through (RFC 8684 section 3.3.6).
func TestNoFullSegmentKeepsItsMapping(t *testing.T) {
	joins := func(name, hold, options string) string {
		return fmt.Sprintf("[[link.box]]\nname = %q\ntype = \"coalesce\"\nsize = 65000\nhold = %q\noptions = %q\n", name, hold, options)
	}
	boxes := "[defaults]\nprofile = \"rfc\"\n[[link]]\nname = \"wifi\"\n" + joins("slow", "20ms", "last") +
		"[[link]]\nname = \"lte\"\n" + joins("outer", "3ms", "last") + joins("inner", "200us", "first") +
		"[[link.box]]\ntype = \"split\"\nsize = 1419\noptions = \"last\"\n"
	w := runText(t, fmt.Sprintf(boxedPaths, boxes, `checksum = "demand"`, `checksum = "demand"`), Run{Seed: 1})
	if r := w.byFlow["dl"].record; r.Corrupt != 0 || r.Bytes != 400_000 || r.Done > sim.Time(60*sim.Second) {
		t.Errorf("%d bytes, %d wrong, complete at %v", r.Bytes, r.Corrupt, r.Done)
	}
}
