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
	return traceWith(t, strings.Replace(path, "%s", more, 1), Config{Quote: quote, Port: 5001})
}

func traceWith(t *testing.T, text string, cfg Config) []Hop {
	t.Helper()
	sc, err := scenarios.Parse("traced.toml", text, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.From, cfg.To, cfg.Hops, cfg.Seed = "client", "server", 10, 1
	hops, err := Run(context.Background(), sc, &cfg)
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

// path6 has IPv6 on both links and IPv4 too; its box takes options out.
const path6 = `schema = 1
name = "traced"
duration = "100s"
[[node]]
name = "client"
[[node.interface]]
name = "eth"
addresses = ["10.0.1.1/24", "fd00:1::1/64"]
[[node]]
name = "r1"
router = true
[[node.interface]]
name = "in"
addresses = ["10.0.1.2/24", "fd00:1::2/64"]
[[node.interface]]
name = "out"
addresses = ["10.0.2.1/24", "fd00:2::1/64"]
[[node]]
name = "r2"
router = true
[[node.interface]]
name = "in"
addresses = ["10.0.2.2/24", "fd00:2::2/64"]
[[node.interface]]
name = "out"
addresses = ["10.0.3.1/24", "fd00:3::1/64"]
[[node]]
name = "server"
[[node.interface]]
name = "eth"
addresses = ["10.0.3.2/24", "fd00:3::2/64"]
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
%s
[[link]]
name = "l2"
a = "r2.out"
b = "server.eth"
[[flow]]
name = "f"
client = "client"
server = "server"
start = "90s"
size = "1kB"
`

// By IPv6 routers quote up to 1232 octets in ICMPv6 time exceeded (RFC 4443 section
// 3.3), and the same changes are seen.
func TestIPv6(t *testing.T) {
	text := strings.Replace(path6, "%s", "", 1)
	for _, c := range []struct {
		v6        bool
		addresses []string
	}{{false, []string{"10.0.1.2", "10.0.2.2", "10.0.3.2"}}, {true, []string{"fd00:1::2", "fd00:2::2", "fd00:3::2"}}} {
		hops := traceWith(t, text, Config{Quote: 576, Port: 5001, IPv6: c.v6})
		for i, want := range []string{"", "ip.length option mptcp", ""} {
			if h := hops[i]; h.fields() != want || h.Address != c.addresses[i] || (h.Quoted > 0) != (i < 2) {
				t.Errorf("IPv6 %v, hop %d: %q changed, want %q: %+v", c.v6, i+1, h.fields(), want, h)
			}
		}
	}
	// The SYN has 20 octets of TCP and 24 of options, all of which is quoted.
	if h := traceWith(t, text, Config{Quote: 576, Port: 5001, IPv6: true})[0]; h.Quoted != 44 {
		t.Errorf("%d octets are quoted, want 44", h.Quoted)
	}
	only6 := strings.ReplaceAll(text, `"10.0.1.1/24", `, "")
	if h := traceWith(t, only6, Config{Quote: 576, Port: 5001})[0]; h.Address != "fd00:1::2" {
		t.Errorf("without IPv4 address: %+v", h)
	}
}

// A box that looks at port 21 only is seen by probes to that port.
func TestPort(t *testing.T) {
	text := strings.Replace(path6, "%s", `destination = ":21"`, 1)
	for port, want := range map[uint16]string{21: "ip.length option mptcp", 5001: ""} {
		if h := traceWith(t, text, Config{Quote: 576, Port: port})[1]; h.fields() != want || h.Quoted == 0 {
			t.Errorf("port %d: %q changed, want %q", port, h.fields(), want)
		}
	}
}
