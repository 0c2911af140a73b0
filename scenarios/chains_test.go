package scenarios

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"mpsim/net/nat"
	"mpsim/sim"
)

// randomChain is up to five boxes at the client's end of a link, NATs and firewalls
// among them, that treat a connection alike from its first SYN on. Coalescers are
// those of TestRandomCoalescers.
func randomChain(rnd *rand.Rand, link string) string {
	kinds := []string{
		`type = "split"` + "\nsize = 700", `type = "clamp-mss"` + "\nmss = 1000",
		`type = "rewrite-isn"`, `type = "shrink-window"` + "\nwindow = 20000", `type = "duplicate"` + "\nprobability = 0.1",
		`type = "strip"` + "\npackets = \"syn\"\noptions = [\"mptcp\"]", `type = "strip"` + "\noptions = [\"mp_join\"]",
		`type = "firewall"`, `type = "firewall"` + "\nmidstream = \"drop\"\noptions = \"strip\"", `type = "firewall"` + "\nmidstream = \"rst\"\ndata_in_syn = \"drop\"",
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[[link]]\nname = %q\n", link)
	for i := range rnd.IntN(6) {
		box := kinds[rnd.IntN(len(kinds))]
		if rnd.IntN(2) == 0 {
			third := 1
			if link == "lte" {
				third = 2
			}
			names := nat.ProfileNames()
			box = fmt.Sprintf("type = \"nat\"\nprofile = %q\noutside = [\"203.0.%d.%d\"]", names[rnd.IntN(len(names))], third, 10+i)
		}
		fmt.Fprintf(&b, "[[link.box]]\nname = \"%s-%d\"\n%s\n", link, i, box)
	}
	return b.String()
}

// Whatever chain of boxes and NATs plain TCP survives, MPTCP survives: with DSS
// checksums every byte arrives as it was sent, over one path or two, or after
// fallback.
func TestRandomChainsWithNATs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	compared, kept := 0, 0
	for i := range 120 {
		boxes := randomChain(rnd, "wifi") + randomChain(rnd, "lte")
		run := func(flow string) *World {
			return runText(t, fmt.Sprintf(boxedPaths, boxes, flow, flow), Run{Verify: true, Seed: uint64(i + 1)})
		}
		plain, multi := run("protocol = \"tcp\""), run("checksum = \"required\"")
		for _, name := range []string{"dl", "up"} {
			p, m := plain.byFlow[name], multi.byFlow[name]
			if p.record.Corrupt+m.record.Corrupt != 0 {
				t.Errorf("%s: %d bytes wrong of TCP, %d of MPTCP, with\n%s", name, p.record.Corrupt, m.record.Corrupt, boxes)
			}
			if p.record.Bytes != 400_000 || p.record.Done == sim.Never {
				continue
			}
			compared++
			if m.observe(multi); m.fallback == "" {
				kept++
			}
			if m.record.Bytes != 400_000 || m.record.Done == sim.Never {
				t.Errorf("%s: TCP is complete, MPTCP has %d bytes (fallback %q, closed %v), with\n%s", name, m.record.Bytes, m.fallback, m.ends.Why, boxes)
			}
		}
	}
	if compared < 150 || kept < 50 {
		t.Errorf("TCP was complete in %d cases, and MPTCP kept in %d", compared, kept)
	}
	t.Logf("TCP complete in %d of 240 cases, MPTCP kept in %d of them", compared, kept)
}
