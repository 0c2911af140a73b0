package pareto

import (
	"fmt"
	"math"
	"strings"
)

// Scenario is one of the three of the paper.
type Scenario string

// The scenarios.
const (
	// A: N1 users of a server behind a link of N1 C1 have a second path through an
	// access point of N2 C2, which N2 users of TCP share. It gives them nothing.
	A Scenario = "A"
	// B: N1 blue users have a path through X, of C1 in all, and one through T, of C2 in
	// all. N2 = N1 red users have TCP through T; upgraded, they have MPTCP, and a second
	// path through X and T.
	B Scenario = "B"
	// C: N1 users have an access point of N1 C1 to themselves and use one of N2 C2, too,
	// which N2 users of TCP share.
	C Scenario = "C"
)

// Setting is a scenario with its numbers.
type Setting struct {
	Scenario Scenario
	N1, N2   int     // users of each kind, at least 1; B: as many red as blue
	C1, C2   float64 // Mb/s of a user (A, C), or of X and T (B); above 0
	Upgraded bool    // B: red users have MPTCP
}

const (
	rtt         = 0.15 // s, without queueing
	packetBytes = 1500
	// from is when measuring begins, s.
	from = 30
)

// Text returns the scenario file for a run of some seconds, in which MPTCP flows have a
// controller, given as a TOML value, and others Reno. Flows of the first kind come
// first.
func (s *Setting) Text(controller string, seconds int) string {
	w := &writer{}
	w.line(`schema = 1
name = "conext12-scenario-%s"
duration = "%ds"

[defaults]
cc = %s
tcp_cc = "reno"
sample = "1s"`, strings.ToLower(string(s.Scenario)), seconds, controller)
	switch s.Scenario {
	case A:
		s.textA(w)
	case B:
		s.textB(w)
	default:
		s.textC(w)
	}
	return w.String()
}

func (s *Setting) textA(w *writer) {
	w.routers("core", "gate", "isp", "ap")
	w.users(s.N1, s.N2, "one", "two")
	w.bottleneck("uplink", "core.up", "gate.core", float64(s.N1)*s.C1)
	w.bottleneck("shared", "ap.up", "core.ap", float64(s.N2)*s.C2)
	w.link("isp", "isp.up", "core.isp")
	w.servers(math.Min(float64(s.N1)*s.C1, float64(s.N2)*s.C2), "gate.s", "core.s")
	w.access(s.N1, "private", "one{i}.private", "isp.c{i}")
	w.access(s.N1, "open", "one{i}.shared", "ap.c{i}")
	w.access(s.N2, "two", "two{i}.eth", "ap.t{i}")
	w.flows(s.N1, "one", "mptcp", "server1", "private", 0)
	w.flows(s.N2, "two", "tcp", "server2", "eth", 50)
}

func (s *Setting) textB(w *writer) {
	w.routers("core", "xin", "xout", "tin", "tout")
	w.users(s.N1, s.N2, "blue", "red")
	if s.Upgraded {
		w.line("[[node.interface]]\nname = \"x\"\naddresses = [\"10.200.{i}.2/24\"]")
	}
	w.bottleneck("X", "xout.up", "xin.down", s.C1)
	w.bottleneck("T", "tout.up", "tin.down", s.C2)
	w.link("to-x", "xin.up", "core.x")
	w.link("to-t", "tin.up", "core.t")
	w.link("x-t", "tin.x", "xout.t")
	w.servers(math.Min(s.C1, s.C2), "core.s1", "core.s2")
	w.access(s.N1, "blue-x", "blue{i}.x", "xout.b{i}")
	w.access(s.N1, "blue-t", "blue{i}.t", "tout.b{i}")
	w.access(s.N2, "red-t", "red{i}.t", "tout.r{i}")
	protocol := "tcp"
	if s.Upgraded {
		protocol = "mptcp"
		w.access(s.N2, "red-x", "red{i}.x", "tout.x{i}")
		// Towards the second interface of a red user packets pass X and then T, of which
		// no shortest path knows.
		w.line("\n[[route]]\nnode = \"core\"\nto = %q\nvia = \"x\"\n\n[[route]]\nnode = \"xin\"\nto = %q\nvia = \"down\"", beyondX, beyondX)
	}
	w.flows(s.N1, "blue", "mptcp", "server1", "x", 0)
	w.flows(s.N2, "red", protocol, "server2", "t", 50)
}

func (s *Setting) textC(w *writer) {
	w.routers("core", "ap1", "ap2")
	w.users(s.N1, s.N2, "one", "two")
	w.bottleneck("own", "ap1.up", "core.ap1", float64(s.N1)*s.C1)
	w.bottleneck("shared", "ap2.up", "core.ap2", float64(s.N2)*s.C2)
	w.servers(math.Min(float64(s.N1)*s.C1, float64(s.N2)*s.C2), "core.s1", "core.s2")
	w.access(s.N1, "own", "one{i}.own", "ap1.c{i}")
	w.access(s.N1, "shared", "one{i}.shared", "ap2.c{i}")
	w.access(s.N2, "two", "two{i}.eth", "ap2.t{i}")
	w.flows(s.N1, "one", "mptcp", "server1", "own", 0)
	w.flows(s.N2, "two", "tcp", "server2", "eth", 50)
}

// beyondX holds the second addresses of red users.
const beyondX = "10.200.0.0/16"

// writer writes the tables of a scenario file.
type writer struct{ strings.Builder }

func (w *writer) line(format string, a ...any) { fmt.Fprintf(w, format+"\n", a...) }

func (w *writer) routers(names ...string) {
	for _, n := range names {
		w.line("\n[[node]]\nname = %q\nrouter = true", n)
	}
}

// users makes the servers and the hosts of both kinds.
func (w *writer) users(n1, n2 int, first, second string) {
	w.line("\n[[node]]\nname = \"server1\"\n\n[[node]]\nname = \"server2\"")
	w.line("\n[[node]]\nrepeat = %d\nname = \"%s{i}\"", n1, first)
	w.line("\n[[node]]\nrepeat = %d\nname = \"%s{i}\"", n2, second)
}

func (w *writer) link(name, a, b string) {
	w.line("\n[[link]]\nname = %q\na = %q\nb = %q", name, a, b)
}

// servers are the links of both servers, which hold packets back for up to one packet
// time of the narrowest bottleneck: nothing in a real network is in step.
func (w *writer) servers(rate float64, first, second string) {
	for i, b := range []string{first, second} {
		w.link(fmt.Sprintf("server%d", i+1), fmt.Sprintf("server%d.eth", i+1), b)
		w.line("up = { jitter = \"%dus\" }", int(math.Round(8*packetBytes/rate)))
	}
}

// bottleneck is a link with the queue of the paper's routers: Click's RED (gentle, a
// weight of 1/16 in the average) with thresholds of 25 and 50 packets at 10 Mb/s and
// 0.1 between them, in proportion to the rate.
func (w *writer) bottleneck(name, a, b string, rate float64) {
	w.link(name, a, b)
	packets := func(at10 float64) int { return int(math.Round(at10 * rate / 10)) }
	w.line("down = { rate = \"%gMbps\", queue = \"%dpkt\", aqm = { name = \"red\", min = \"%dpkt\", max = \"%dpkt\", maxp = 0.1, weight = 0.0625, gentle = 1, mean_packet = \"1500B\" } }",
		rate, packets(100), packets(25), packets(50))
}

// access is a link of each user, with the whole delay.
func (w *writer) access(n int, name, a, b string) {
	w.line("\n[[link]]\nrepeat = %d\nname = \"%s{i}\"\na = %q\nb = %q\ndelay = \"%gms\"", n, name, a, b, rtt/2*1e3)
}

// flows start 100 ms apart.
func (w *writer) flows(n int, name, protocol, server, via string, offset int) {
	w.line("\n[[flow]]\nrepeat = %d\nname = \"%s{i}\"\nprotocol = %q\nclient = \"%s{i}\"\nserver = %q\nvia = %q\nstart = \"{i}%02dms\"",
		n, name, protocol, name, server, via, offset)
}
