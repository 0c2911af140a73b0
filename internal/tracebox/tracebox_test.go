package tracebox

import (
	"context"
	"strings"
	"testing"

	"mpsim/scenarios"
)

// path has a router that takes MPTCP options out, a NAT and a box that renumbers, one
// behind the other, and a router that sends nothing.
const path = `schema = 1
name = "traced"
duration = "100s"
[[node]]
name = "client"
[[node]]
name = "r1"
router = true
[[node]]
name = "r2"
router = true
[[node]]
name = "r3"
router = true
[[node]]
name = "r4"
router = true
%s
[[node]]
name = "server"
[[link]]
name = "l0"
a = "client.eth"
b = "r1.in"
[[link]]
name = "l1"
a = "r1.out"
b = "r2.in"
[[link.box]]
type = "strip"
mode = "remove"
[[link]]
name = "l2"
a = "r2.out"
b = "r3.in"
[[link.box]]
type = "nat"
outside = ["192.0.2.7"]
[[link]]
name = "l3"
a = "r3.out"
b = "r4.in"
[[link.box]]
type = "rewrite-isn"
[[link]]
name = "l4"
a = "r4.out"
b = "server.eth"
[[flow]]
name = "f"
client = "client"
server = "server"
start = "90s"
size = "1kB"
`

func trace(t *testing.T, more string, quote int) []Hop {
	t.Helper()
	sc, err := scenarios.Parse("traced.toml", strings.Replace(path, "%s", more, 1), scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hops, err := Run(context.Background(), sc, &Config{From: "client", To: "server", Quote: quote, Hops: 10, Port: 5001, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return hops
}

// fields are the names of what changed at a hop.
func (h *Hop) fields() string {
	var names []string
	for _, c := range h.Changed {
		names = append(names, c.Field)
	}
	return strings.Join(names, " ")
}

// Routers that quote everything (RFC 1812) show that options are missing from the
// second on and sequence numbers differ at the fourth; the far end answers the fifth
// SYN. Where the quote ends after 8 octets (RFC 792), the missing option is seen by
// the length of the packet alone.
//
// row:M22
func TestHopsThatChangeFields(t *testing.T) {
	hops := trace(t, "", 576)
	if len(hops) < 5 {
		t.Fatalf("%d hops: %+v", len(hops), hops)
	}
	for i, want := range []string{"", "ip.length option mptcp", "", "tcp.seq"} {
		if got := hops[i].fields(); got != want || hops[i].Quoted < 40 || hops[i].Address == "" || hops[i].TTL != i+1 {
			t.Errorf("hop %d: %q changed, want %q: %+v", i+1, got, want, hops[i])
		}
	}
	if h := hops[4]; h.Probe != "SYN" || h.Quoted != 0 || h.Address == "" {
		t.Errorf("the far end: %+v", h)
	}
	if h := hops[5]; h.Probe != "data" {
		t.Errorf("behind the far end: %+v", h)
	}
	for i, want := range []string{"", "ip.length", "", "tcp.seq"} {
		if h := trace(t, "", 8)[i]; h.fields() != want || h.Quoted != 8 {
			t.Errorf("8 octets, hop %d: %q changed, want %q: %+v", i+1, h.fields(), want, h)
		}
	}
}

// A router whose scenario says so quotes less, and sends one message in an hour.
func TestQuietRouter(t *testing.T) {
	hops := trace(t, "icmp_quote = 20\nicmp_interval = \"1h\"", 576)
	if hops[3].Quoted != 20 || hops[3].fields() != "tcp.seq" {
		t.Errorf("%+v", hops[3])
	}
	for _, h := range hops {
		if h.Probe == "data" && h.TTL == 4 && h.Address != "" {
			t.Errorf("a second message in an hour: %+v", h)
		}
	}
}

// Names that are none are errors.
func TestUnknownEnds(t *testing.T) {
	sc, err := scenarios.Parse("traced.toml", strings.Replace(path, "%s", "", 1), scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{From: "clint", To: "server"}, {From: "client", To: "sever"}, {From: "client", To: "client"}} {
		if _, err := Run(context.Background(), sc, &c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
