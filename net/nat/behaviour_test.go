package nat_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mpsim/internal/boxtest"
	"mpsim/net/wire"
	"mpsim/sim"
)

// All combinations of mapping and filtering, for UDP and TCP, against the tables of
// RFC 4787 sections 4.1 and 5 (RFC 5382 section 4 says the same of TCP). Mapping: is
// the outside port of a second packet, to the same address and another port, or to
// another address, that of the first? Filtering: who may come in to an outside port
// from which one packet went to x:80?
func TestMappingAndFiltering(t *testing.T) {
	names := []string{"endpoint-independent", "address-dependent", "address-and-port-dependent"}
	sends := map[string]func(*boxtest.Rig, string, string) []string{"udp": (*boxtest.Rig).UDP, "tcp": (*boxtest.Rig).SYN}
	for proto, send := range sends {
		for m, mapping := range names {
			for f, filtering := range names {
				r := newRig(t)
				r.Put("nat", "profile=full-cone", "outside=p", "ports=random", "mapping="+mapping, "filtering="+filtering, "unsolicited_syn=drop", "hold=0s")
				first := r.Source(send(r.Rig, "a:1000", "x:80"))
				samePort := r.Source(send(r.Rig, "a:1000", "x:81")) == first
				sameAddr := r.Source(send(r.Rig, "a:1000", "y:80")) == first
				wantPort, wantAddr := m < 2, m < 1
				if samePort != wantPort || sameAddr != wantAddr {
					t.Errorf("%s mapping %s, filtering %s: port used again for another port %v, want %v; for another address %v, want %v",
						proto, mapping, filtering, samePort, wantPort, sameAddr, wantAddr)
				}

				r = newRig(t)
				r.Put("nat", "profile=full-cone", "outside=p", "mapping="+mapping, "filtering="+filtering, "unsolicited_syn=drop", "hold=0s")
				send(r.Rig, "a:1000", "x:80")
				for _, c := range []struct {
					from string
					pass bool
				}{{"x:80", true}, {"x:81", f < 2}, {"y:80", f < 1}, {"y:99", f < 1}} {
					got := send(r.Rig, c.from, "p:1000")
					in := len(got) > 0 && strings.HasPrefix(got[len(got)-1], "a: "+c.from+" > a:1000 ")
					if in != c.pass {
						t.Errorf("%s mapping %s, filtering %s: from %s let in %v, want %v: %q", proto, mapping, filtering, c.from, in, c.pass, got)
					}
				}
				if r.Net.Allocated() != 0 {
					t.Errorf("%d packets left", r.Net.Allocated())
				}
			}
		}
	}
}

// The names of RFC 3489 are what RFC 4787 calls by other words.
func TestProfilesByName(t *testing.T) {
	for _, c := range []struct {
		profile      string
		samePort     bool   // for another remote end
		letIn        string // of x:80 x:81 y:80
		unsolicited  string // what a SYN to an unmapped port brings back
		afterSixSecs bool
	}{
		{"full-cone", true, "x:80 x:81 y:80", "net: p:0 > x:0", true},
		{"restricted", true, "x:80 x:81", "net: p:0 > x:0", true},
		{"port-restricted", true, "x:80", "net: p:0 > x:0", true},
		{"symmetric", false, "x:80", "net: p:0 > x:0", true},
		{"cgn", true, "x:80 x:81 y:80", "net: p:0 > x:0", true},
		{"home-router", true, "x:80", "", false},
		{"linux-conntrack", true, "x:80", "Flags [R.]", false},
	} {
		r := newRig(t)
		r.Quiet = true
		r.Put("nat", "profile="+c.profile, "outside=p")
		out := r.Source(r.UDP("a:1000", "x:80"))
		if again := r.Source(r.UDP("a:1000", "y:80")) == out; again != c.samePort {
			t.Errorf("%s: port used again %v", c.profile, again)
		}
		r = newRig(t)
		r.Quiet = true
		r.Put("nat", "profile="+c.profile, "outside=p")
		out = r.Source(r.UDP("a:1000", "x:80"))
		var in []string
		for _, from := range []string{"x:80", "x:81", "y:80"} {
			if got := r.UDP(from, out); len(got) > 0 && strings.HasPrefix(got[0], "a: ") {
				in = append(in, from)
			}
		}
		if strings.Join(in, " ") != c.letIn {
			t.Errorf("%s lets in %v, want %s", c.profile, in, c.letIn)
		}
		got := r.SYN("x:5555", "p:7777")
		if c.afterSixSecs {
			if len(got) != 0 || len(r.Wait(6*sim.Second-1)) != 0 {
				t.Errorf("%s: answer to a SYN before 6 s", c.profile)
			}
			got = r.Wait(1)
		}
		if text := strings.Join(got, "\n"); !strings.Contains(text, c.unsolicited) || (c.unsolicited == "") != (text == "") {
			t.Errorf("%s: unsolicited SYN: %q", c.profile, got)
		}
	}
}

// Ports: preserved if free, of the same parity and range, in sequence, at random;
// overloaded if the whole connection stays unambiguous.
func TestPorts(t *testing.T) {
	ports := func(settings ...string) (out []string) {
		r := newRig(t)
		r.Put("nat", append([]string{"profile=full-cone", "outside=p"}, settings...)...)
		for _, c := range [][2]string{{"a:1000", "x:80"}, {"b:1000", "x:80"}, {"b:1000", "y:80"}, {"b:1001", "x:80"}, {"a:500", "x:80"}} {
			out = append(out, strings.TrimPrefix(r.Source(r.UDP(c[0], c[1])), "p:"))
		}
		return out
	}
	num := func(s string) (n int) { fmt.Sscan(s, &n); return n }
	got := ports()
	if got[0] != "1000" || got[1] == "1000" || num(got[1]) < 1024 || got[2] != got[1] || got[3] != "1001" || got[4] != "500" {
		t.Errorf("preserve: %v", got)
	}
	got = ports("ports=sequential", "first_port=6000")
	if strings.Join(got, " ") != "6000 6001 6001 6002 6003" {
		t.Errorf("sequential: %v", got)
	}
	got = ports("ports=parity")
	for i, inside := range []int{1000, 1000, 1000, 1001, 500} {
		if n := num(got[i]); n%2 != inside%2 || n < 1024 != (inside < 1024) {
			t.Errorf("parity: %d got %d", inside, n)
		}
	}
	got = ports("ports=random", "first_port=40000", "last_port=40100")
	for _, p := range got {
		if num(p) < 40000 || num(p) > 40100 {
			t.Errorf("random: %v", got)
		}
	}
	// Linux: b keeps port 1000 towards y, where a does not use it.
	got = ports("mapping=address-and-port-dependent", "overload=true")
	if got[0] != "1000" || got[1] == "1000" || got[2] != "1000" {
		t.Errorf("overload: %v", got)
	}
}

// A pool is used in pairs or arbitrarily; the limit of ports of a host holds, and a
// freed port is not given to another host for a while (RFC 6888 REQ-8).
func TestPool(t *testing.T) {
	r := newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=cgn", "outside=p,q,r,s")
	r.Router.AddRoute(0, prefix("q"), r.WAN, 0)
	used := map[string]bool{}
	for i := range 40 {
		src := r.Source(r.UDP(fmt.Sprintf("a:%d", 2000+i), "x:80"))
		used[src[:1]] = true
	}
	if len(used) != 1 {
		t.Errorf("a paired pool gave one host the addresses %v", used)
	}
	r = newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=cgn", "outside=p,q,r,s", "paired=false", "ports_per_host=50")
	for i := range 60 {
		got := r.Source(r.UDP(fmt.Sprintf("a:%d", 2000+i), "x:80"))
		if (got == "") != (i >= 50) {
			t.Fatalf("mapping %d of at most 50: %q", i, got)
		}
		if got != "" {
			used[got[:1]] = true
		}
	}
	if len(used) != 4 {
		t.Errorf("an arbitrary pool of 4 gave the addresses %v", used)
	}

	r = newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=cgn", "outside=p", "first_port=7000", "last_port=7000", "udp_timer=10s")
	if got := r.Source(r.UDP("a:1", "x:80")); got != "p:7000" {
		t.Fatal(got)
	}
	r.Wait(11 * sim.Second)
	if got := r.Source(r.UDP("b:1", "x:80")); got != "" {
		t.Errorf("a port freed a second ago goes to another host: %s", got)
	}
	if got := r.Source(r.UDP("a:2", "x:80")); got != "p:7000" {
		t.Errorf("the host that had it does not get it: %q", got)
	}
	r.Wait(131 * sim.Second)
	if got := r.Source(r.UDP("b:1", "x:80")); got != "p:7000" {
		t.Errorf("after two minutes: %q", got)
	}
}

// What turns at the router loses a hop, as everything does that a router passes on.
func TestHairpinCountsAsAHop(t *testing.T) {
	r := newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=full-cone", "outside=p", "hairpin=true")
	r.UDP("b:2000", "x:80")
	for ttl, want := range map[uint8]uint8{1: 0, 2: 1, 64: 63} {
		r.Wire = nil
		id := r.Net.Alloc()
		*r.Net.Segment(id) = wire.Segment{Route: uint32(r.Net.Intern(wire.Tuple{Src: boxtest.At("a:1"), Dst: boxtest.At("p:2000"), Proto: wire.ProtoUDP})), TTL: ttl}
		r.Nodes["a"].Send(r.Sim.Now(), id)
		r.Wait(0)
		got := uint8(0)
		if len(r.Wire) == 1 {
			got = r.Wire[0].Bytes[8]
		}
		if got != want {
			t.Errorf("TTL %d arrives as %d, want %d (0: not at all)", ttl, got, want)
		}
	}
}

// Timers of UDP: what leaves keeps a session alive, what comes in only where that
// is so configured (RFC 4787 REQ-6).
func TestUDPTimers(t *testing.T) {
	alive := func(r *rig, from string) bool {
		got := r.UDP(from, "p:1000")
		return len(got) > 0 && strings.HasPrefix(got[len(got)-1], "a: ")
	}
	for _, refresh := range []bool{false, true} {
		r := newRig(t)
		r.Put("nat", "profile=full-cone", "outside=p", fmt.Sprintf("inbound_refresh=%v", refresh))
		r.UDP("a:1000", "x:80")
		r.Wait(299 * sim.Second)
		r.UDP("a:1000", "x:80")
		r.Wait(299 * sim.Second)
		if !alive(r, "x:80") {
			t.Error("ended before five minutes")
		}
		r.Wait(2 * sim.Second)
		if alive(r, "x:80") != refresh {
			t.Errorf("inbound_refresh %v: alive %v after 301 s without packets from inside", refresh, !refresh)
		}
	}
	// Linux: 30 s for one packet, 120 s for a stream.
	r := newRig(t)
	r.Put("nat", "profile=linux-conntrack", "outside=p")
	r.UDP("a:1000", "x:80")
	r.Wait(31 * sim.Second)
	if alive(r, "x:80") {
		t.Error("unanswered datagram: session lives for 31 s")
	}
	r.UDP("a:1000", "x:80")
	r.UDP("x:80", "p:1000")
	r.Wait(119 * sim.Second)
	if !alive(r, "x:80") {
		t.Error("stream ended before 120 s")
	}
	r.Wait(121 * sim.Second)
	if alive(r, "x:80") {
		t.Error("stream lives for 121 s")
	}
}

func prefix(name string) netip.Prefix {
	return netip.PrefixFrom(boxtest.Addresses[name], boxtest.Addresses[name].BitLen())
}
