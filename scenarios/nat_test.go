package scenarios

import (
	"fmt"
	"testing"

	"mpsim/net/nat"
	"mpsim/sim/trace"
)

// behindNAT is a phone with two access networks, each behind a NAT, and a server
// with two addresses. WiFi goes through the router of a home and then through a
// carrier's, LTE through a carrier's only.
const behindNAT = `schema = 1
name = "natted"
duration = "20s"
%s
[[node]]
name = "phone"
%s
[[node]]
name = "home"
router = true
[[node]]
name = "carrier"
router = true
[[node]]
name = "net"
router = true
[[node]]
name = "server"
[[link]]
name = "wifi"
a = "phone.wifi"
b = "home.lan"
rate = "10Mbps"
delay = "5ms"
[[link]]
name = "dsl"
a = "home.wan"
b = "net.dsl"
rate = "10Mbps"
delay = "5ms"
%s
[[link]]
name = "lte"
a = "phone.lte"
b = "carrier.lan"
rate = "10Mbps"
delay = "20ms"
[[link]]
name = "core"
a = "carrier.wan"
b = "net.core"
rate = "10Mbps"
delay = "5ms"
%s
[[link]]
name = "one"
a = "server.one"
b = "net.one"
rate = "100Mbps"
delay = "1ms"
[[link]]
name = "two"
a = "server.two"
b = "net.two"
rate = "100Mbps"
delay = "1ms"
[[flow]]
name = "dl"
client = "phone"
server = "server"
via = "wifi"
to = "one"
size = "8MB"
%s
`

func natOn(profile, more string) string {
	return fmt.Sprintf("[[link.box]]\ntype = \"nat\"\nprofile = %q\n%s\n", profile, more)
}

// whole fails unless the transfer is complete and every byte right.
func whole(t *testing.T, w *World) *flowRun {
	t.Helper()
	f := w.byFlow["dl"]
	f.observe(w)
	if f.record.Bytes != 8_000_000 || f.record.Corrupt != 0 || f.fallback != "" {
		t.Errorf("%d bytes, %d of them wrong, fallback %q", f.record.Bytes, f.record.Corrupt, f.fallback)
	}
	return f
}

// A host behind NATs of any kind joins from its second address, though no address
// that it has ever is seen outside: MP_JOIN names the connection by its token, and
// addresses by ids (RFC 8684 section 3.2).
func TestJoinFromBehindNAT(t *testing.T) {
	for _, p := range nat.ProfileNames() {
		w := runText(t, fmt.Sprintf(behindNAT, "", "", natOn(p, ""), natOn(p, ""), ""), Run{Verify: true})
		f := whole(t, w)
		if len(f.subs) != 2 || f.subs[0].BytesDelivered < 1e6 || f.subs[1].BytesDelivered < 1e6 {
			t.Errorf("%s: subflows %+v", p, f.subs)
			continue
		}
		for _, i := range f.ends.Server.Subflows(nil) {
			if a := i.Tuple.Dst.Addr(); a == f.subs[0].Local.Addr() || a == f.subs[1].Local.Addr() {
				t.Errorf("%s: the server sees the inside address %v", p, a)
			}
		}
		for _, b := range w.boxes {
			if x := b.box.(*nat.NAT); x.Acted() < 1000 {
				t.Errorf("%s: %s translated %d packets", p, b.name, x.Acted())
			}
		}
	}
}

// counterOf returns a counter of one host.
func counterOf(t *testing.T, w *World, host, name string) int {
	t.Helper()
	for _, c := range w.hosts[host].Endpoint().Counters() {
		if c.Name == name {
			return int(c.Value)
		}
	}
	t.Fatalf("no counter %s", name)
	return 0
}

// A host withdraws the address behind one of two NATs: the server, which has never
// seen that address, ends the subflow by its id (RFC 8684 section 3.4.2).
//
// row:M1
func TestRemoveAddrFromBehindNAT(t *testing.T) {
	open := "[[flow.path_action]]\non = \"ESTABLISHED\"\ndo = \"open\"\nfrom = \"lte\"\n"
	remove := "[[flow.path_action]]\non = \"SF_ESTABLISHED\"\nafter = \"1s\"\ndo = \"remove\"\nfrom = \"lte\"\n"
	w := runText(t, fmt.Sprintf(behindNAT, "[defaults]\npath_manager = \"scripted\"\n", "", natOn("home-router", ""), natOn("cgn", ""), open+remove), Run{Verify: true})
	f := whole(t, w)
	if n, m := counterOf(t, w, "server", "RmAddr"), counterOf(t, w, "server", "RmAddrDrop"); n != 1 || m != 0 {
		t.Errorf("the server has understood %d REMOVE_ADDR, and %d not", n, m)
	}
	ended := 0
	for _, i := range f.ends.Server.Subflows(nil) {
		if i.Why == trace.AddressRemoved && f.find(&i, false) == f.subs[1] {
			ended++
		}
	}
	if len(f.subs) != 2 || f.subs[1].BytesDelivered == 0 || ended != 1 {
		t.Errorf("subflows %+v, %d ended", f.subs, ended)
	}
}

// A join that the server begins, from another address, comes in only where
// filtering does not depend on the address, or where the client has asked for an
// explicit mapping by PCP, which admits everybody (RFC 6887 section 2.2). Behind a
// second NAT, the request fails: the server sees another address than the client
// names (section 8.2).
//
// row:M1 row:E11
func TestInboundJoin(t *testing.T) {
	pcp := func(box string) string {
		return fmt.Sprintf("[[at]]\ntime = \"200ms\"\naction = \"nat.map\"\nboxes = [%q]\nflows = [\"dl\"]\n", box)
	}
	outer := "[[link.box]]\ntype = \"nat\"\nname = \"outer\"\nprofile = \"full-cone\"\npcp = true\noutside = [\"192.0.2.7\"]\n"
	for _, c := range []struct {
		name, box, more string
		joins           bool
		refused         trace.Reason
	}{
		{"endpoint-independent filtering", natOn("full-cone", ""), "", true, trace.NoReason},
		{"address-dependent filtering", natOn("restricted", ""), "", false, trace.InboundFiltered},
		{"address and port-dependent filtering", natOn("port-restricted", ""), "", false, trace.InboundFiltered},
		{"endpoint-dependent mapping", natOn("symmetric", ""), "", false, trace.InboundFiltered},
		{"Linux", natOn("linux-conntrack", ""), "", false, trace.NoMapping},
		{"PCP", natOn("home-router", ""), pcp("dsl-nat"), true, trace.MappingLeased},
		{"PCP behind a second NAT", natOn("home-router", "") + outer, pcp("outer"), false, trace.InboundFiltered},
	} {
		defaults := "[defaults]\npath_manager = { name = \"server\", announce = 0, delay = 0.5 }\nprofile = \"rfc\"\n"
		w := runText(t, fmt.Sprintf(behindNAT, defaults, "", c.box, natOn("cgn", ""), c.more), Run{Verify: true})
		f := whole(t, w)
		if joins := len(f.subs) == 2 && f.subs[1].BytesDelivered > 1e6; joins != c.joins {
			t.Errorf("%s: the server's join succeeds: %v", c.name, joins)
		}
		x := w.boxes[0].box.(*nat.NAT)
		if c.refused != trace.NoReason && x.Count(c.refused) == 0 {
			t.Errorf("%s: %v does not occur", c.name, c.refused)
		}
		if last := w.boxes[len(w.boxes)-2].box.(*nat.NAT); !c.joins && last.Count(trace.MappingLeased) > 0 {
			t.Errorf("%s: a mapping was granted", c.name)
		}
	}
}
