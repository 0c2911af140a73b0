package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/net/nat"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// behindNAT is a phone with two access networks, each behind a NAT, and a server
// with two addresses. WiFi goes through the router of a home and then through a
// carrier's, LTE through a carrier's only.
var behindNAT = `schema = 1
name = "natted"
duration = "20s"
%s
` + hostText("phone") + `%s
` + routerText("home") +
	routerText("carrier") +
	routerText("net") +
	hostText("server") + `source_routing = true
` + linkText("wifi", "phone.wifi", "home.lan", "10Mbps", "5ms") +
	linkText("dsl", "home.wan", "net.dsl", "10Mbps", "5ms") + `%s
` + linkText("lte", "phone.lte", "carrier.lan", "10Mbps", "20ms") +
	linkText("core", "carrier.wan", "net.core", "10Mbps", "5ms") + `%s
` + linkText("one", "server.one", "net.one", "100Mbps", "1ms") +
	linkText("two", "server.two", "net.two", "100Mbps", "1ms") + `[[flow]]
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
		w := runText(t, fmt.Sprintf(behindNAT, defaults, "", c.box, natOn("cgn", ""), c.more), Run{Verify: true},
			"link.one.rate=5Mbps", "link.two.rate=5Mbps", "link.one.queue=50pkt", "link.two.queue=50pkt")
		f := whole(t, w)
		// 64 Mbit take 13 s over one of the server's links, and half of that over both.
		if fast := f.record.Done < sim.Time(9*sim.Second); fast != c.joins {
			t.Errorf("%s: complete at %v", c.name, f.record.Done)
		}
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

// at is an action on a box of behindNAT.
func natAt(time, action, more string) string {
	return fmt.Sprintf("[[at]]\ntime = %q\naction = %q\nboxes = [\"dsl-nat\"]\n%s\n", time, action, more)
}

// A NAT that is restarted or gets another address in mid-transfer: the subflow goes
// on if the port is kept and segments in mid-stream are picked up, else it is reset
// or falls silent, and the other one carries on. No byte is lost or wrong.
//
// row:M1
func TestRebindInMidTransfer(t *testing.T) {
	for _, c := range []struct {
		name, box, action string
		goesOn            bool
	}{
		{"picked up, same port", natOn("home-router", `midstream = "pickup"`), natAt("1s", "nat.rebind", ""), true},
		{"Linux, whose stack resets what the server sends meanwhile", natOn("linux-conntrack", ""), natAt("1s", "nat.rebind", ""), false},
		{"picked up, other port", natOn("symmetric", `midstream = "pickup"`), natAt("1s", "nat.rebind", ""), false},
		{"reset", natOn("full-cone", "midstream = \"rst\"\nstray = \"rst\""), natAt("1s", "nat.rebind", ""), false},
		{"silent", natOn("home-router", ""), natAt("1s", "nat.rebind", ""), false},
		{"renumbered", natOn("linux-conntrack", ""), natAt("1s", "nat.renumber", `address = "192.0.2.99"`), false},
	} {
		w := runText(t, fmt.Sprintf(behindNAT, "", "", c.box, natOn("cgn", ""), c.action), Run{Verify: true})
		f := whole(t, w)
		if n := w.boxes[0].box.(*nat.NAT).Count(trace.MappingFlushed); n != 1 {
			t.Errorf("%s: %d mappings were forgotten", c.name, n)
		}
		// At 10 Mbit/s the WiFi subflow has carried some 1.2 MB when it happens, and
		// would carry half of all.
		if on := f.subs[0].BytesDelivered > 3e6; on != c.goesOn {
			t.Errorf("%s: the subflow has carried %d bytes, goes on %v", c.name, f.subs[0].BytesDelivered, on)
		}
	}
}

// A connection that idles for longer than the timer of a home router loses its
// subflow there; the other, behind a carrier's NAT that keeps to RFC 5382, serves
// the next request. With timers of the RFC on both paths nothing happens.
//
// row:M1
func TestIdleBehindNAT(t *testing.T) {
	requests := "app = \"request\"\n[flow.request]\nrequest = \"1kB\"\nresponse = \"200kB\"\ncount = 3\ninterval = \"400s\"\n"
	for _, c := range []struct {
		profile string
		timeout bool
	}{{"home-router", true}, {"port-restricted", false}} {
		text := strings.Replace(fmt.Sprintf(behindNAT, "", "", natOn(c.profile, ""), natOn("cgn", ""), requests), "size = \"8MB\"\n", "", 1)
		w := runText(t, text, Run{Verify: true}, "duration=1000s")
		f := w.byFlow["dl"]
		f.observe(w)
		if f.record.Bytes != 600_000 || f.record.Corrupt != 0 || f.fallback != "" {
			t.Errorf("%s: %d bytes of 600000 answered", c.profile, f.record.Bytes)
		}
		x := w.boxes[0].box.(*nat.NAT)
		if lost := x.Count(trace.MidstreamRefused) > 0; lost != c.timeout {
			t.Errorf("%s: the session timed out: %v", c.profile, lost)
		}
	}
}

// Two NATs in a row, at one interface and at two routers: joins, transfer and
// withdrawal work as through one.
//
// row:M1
func TestLayersOfNAT(t *testing.T) {
	second := "[[link.box]]\ntype = \"nat\"\nname = \"second\"\nprofile = \"cgn\"\noutside = [\"192.0.2.1\", \"192.0.2.2\"]\ninside = [\"10.0.2.0/24\"]\n"
	w := runText(t, fmt.Sprintf(behindNAT, "", "", natOn("home-router", "")+second, natOn("cgn", ""), ""), Run{Verify: true})
	f := whole(t, w)
	if len(f.subs) != 2 || f.subs[0].BytesDelivered < 1e6 {
		t.Errorf("subflows %+v", f.subs)
	}
	for i := range 2 {
		if n := w.boxes[i].box.Acted(); n < 1000 {
			t.Errorf("%s has translated %d packets", w.boxes[i].name, n)
		}
	}
	for _, i := range f.ends.Server.Subflows(nil) {
		if a := i.Tuple.Dst.Addr().String(); i.RemoteID == 0 && a != "192.0.2.1" && a != "192.0.2.2" {
			t.Errorf("the server sees %s", a)
		}
	}
}

// Stateful firewalls with the window tracking of Linux let every segment of real
// connections pass, with loss and SACK and many sizes, and out of order: nothing is
// out of window or state.
func TestFirewallLetsConnectionsPass(t *testing.T) {
	for seed := range uint64(5) {
		text := fmt.Sprintf(boxedPaths, boxOn("wifi", "firewall", "midstream = \"drop\"")+boxOn("lte", "firewall", "midstream = \"drop\"\nat = \"b\"\nopen = \"5001 5002\""), "", "")
		w := runText(t, text, Run{Verify: true, Seed: seed + 1}, "link.wifi.loss=2%", "link.lte.loss=1%")
		for _, name := range []string{"dl", "up"} {
			if f := w.byFlow[name]; f.record.Bytes != 400_000 || f.record.Corrupt != 0 {
				t.Errorf("seed %d: %s has %d bytes", seed, name, f.record.Bytes)
			}
		}
		for _, b := range w.boxes {
			x := b.box.(*nat.Firewall)
			for _, why := range []trace.Reason{trace.InvalidState, trace.OutOfWindow, trace.MidstreamRefused} {
				if n := x.Count(why); n != 0 {
					t.Errorf("seed %d: %s: %v %d times", seed, b.name, why, n)
				}
			}
			if x.Acted() < 300 {
				t.Errorf("seed %d: %s saw %d packets", seed, b.name, x.Acted())
			}
		}
	}
}

// The same over IPv6, where a firewall is all that stands between hosts: one at the
// client, one at the server with an open port.
func TestFirewallOverIPv6(t *testing.T) {
	text := `schema = 1
name = "six"
duration = "20s"
[[node]]
name = "phone"
[[node.interface]]
name = "wifi"
addresses = ["fd00:1::2/64"]
[[node.interface]]
name = "lte"
addresses = ["fd00:2::2/64"]
[[node]]
name = "server"
[[node.interface]]
name = "wifi"
addresses = ["fd00:1::1/64"]
[[node.interface]]
name = "lte"
addresses = ["fd00:2::1/64"]
` + sixLink("wifi") + sixLink("lte") + `
[[flow]]
name = "dl"
client = "phone"
server = "server"
via = "wifi"
size = "8MB"
`
	w := runText(t, text, Run{Verify: true})
	f := whole(t, w)
	if len(f.subs) != 2 || f.subs[1].BytesDelivered < 1e6 {
		t.Errorf("subflows %+v", f.subs)
	}
	for _, b := range w.boxes {
		x := b.box.(*nat.Firewall)
		if n := x.Count(trace.InvalidState) + x.Count(trace.OutOfWindow) + x.Count(trace.NoMapping); n != 0 || x.Acted() < 1000 {
			t.Errorf("%s refused %d packets of %d", b.name, n, x.Acted())
		}
	}
}

func sixLink(name string) string {
	return fmt.Sprintf("[[link]]\nname = %[1]q\na = \"phone.%[1]s\"\nb = \"server.%[1]s\"\nrate = \"8Mbps\"\ndelay = \"10ms\"\nloss = \"0.5%%\"\n"+
		"[[link.box]]\ntype = \"firewall\"\nname = \"client-%[1]s\"\nmidstream = \"drop\"\n[[link.box]]\ntype = \"firewall\"\nname = \"server-%[1]s\"\nat = \"b\"\nopen = \"5001\"\n", name)
}

// A firewall that drops SYNs with options which it does not know: on the first path
// the client gives MPTCP up after some SYNs (Linux: two), on the second the join
// fails and the connection goes on with one subflow.
func TestFirewallAgainstOptions(t *testing.T) {
	for link, fallback := range map[string]bool{"wifi": true, "lte": false} {
		text := fmt.Sprintf(boxedPaths, boxOn(link, "firewall", "options = \"drop\""), "", "")
		w := runText(t, text, Run{Verify: true})
		for _, name := range []string{"dl", "up"} {
			f := w.byFlow[name]
			f.observe(w)
			if f.record.Bytes != 400_000 || f.record.Corrupt != 0 {
				t.Errorf("%s: %s has %d bytes", link, name, f.record.Bytes)
			}
			if (f.fallback != "") != fallback || len(f.subs) > 1 && f.subs[1].BytesDelivered > 0 {
				t.Errorf("%s: %s: fallback %q, subflows %+v", link, name, f.fallback, f.subs)
			}
		}
	}
}

// mapped runs behindNAT with a request for UDP port 777 of the phone at 1 s, and
// returns when the home router granted something.
func mapped(t *testing.T, more string, set ...string) (times []sim.Time, w *World) {
	t.Helper()
	ask := "[[at]]\ntime = \"1s\"\naction = \"nat.map\"\nboxes = [\"dsl-nat\"]\ninterface = \"phone.wifi\"\nport = 777\nprotocol = \"udp\"\noutside_port = 888\n" + more
	sc := mustParse(t, fmt.Sprintf(behindNAT, "", "", natOn("home-router", ""), natOn("cgn", ""), ask), append(set, "duration=400s", "flow.dl.size=1kB")...)
	w, err := Build(sc, Run{Seed: 1, Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Trace().Subscribe(trace.Set(trace.Mapping), leases{&times})
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	return times, w
}

type leases struct{ times *[]sim.Time }

// Emit implements trace.Sink.
func (l leases) Emit(r *trace.Record) {
	if r.Why == trace.MappingLeased && r.C&0xffff == 888 && r.B&0xffff == 777 && r.D == 17 {
		*l.times = append(*l.times, r.At)
	}
}

// The PCP client repeats a request that got no answer after 3 s, more or less a
// tenth (RFC 6887 section 8.1.1), renews the lease between a half and five eighths
// of it (section 11.2.1), and lets it end if it is told to; the suggested port is
// given.
//
// row:E11
func TestAskingForMappings(t *testing.T) {
	nat := func(w *World) int { return w.boxes[0].box.(interface{ Mappings() int }).Mappings() }
	times, w := mapped(t, "lifetime = \"120s\"\nrenew = false\n")
	if len(times) != 1 || nat(w) != 0 {
		t.Errorf("without renewal: granted at %v, %d mappings at the end", times, nat(w))
	}
	times, w = mapped(t, "lifetime = \"120s\"\n")
	if nat(w) != 1 || len(times) < 5 || len(times) > 7 {
		t.Errorf("with renewal: granted at %v, %d mappings at the end", times, nat(w))
	}
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d < 60*sim.Second || d > 75*sim.Second+100*sim.Millisecond {
			t.Errorf("renewed after %v", d)
		}
	}
	lost := "[[at]]\ntime = \"900ms\"\naction = \"link.blackhole\"\nlinks = [\"wifi\"]\n[[at]]\ntime = \"8s\"\naction = \"link.restore\"\nlinks = [\"wifi\"]\n"
	times, _ = mapped(t, "renew = false\n"+lost)
	// 1 + 3 (2.7 to 3.3) = 4 s is lost, too; twice as long after that.
	if len(times) != 1 || times[0] < sim.Time(1*sim.Second+27*sim.Second/10+2*27*9*sim.Second/100) || times[0] > sim.Time(1*sim.Second+33*sim.Second/10+2*33*11*sim.Second/100+100*sim.Millisecond) {
		t.Errorf("after two losses: granted at %v", times)
	}
	// Given back.
	times, w = mapped(t, "[[at]]\ntime = \"2s\"\naction = \"nat.map\"\nboxes = [\"dsl-nat\"]\ninterface = \"phone.wifi\"\nport = 778\nlifetime = \"0s\"\n")
	if len(times) != 1 || nat(w) != 1 {
		t.Errorf("another port was given back: granted at %v, %d mappings at the end", times, nat(w))
	}
}

// A connection that is silent for 400 s loses its session in a home router after 300 s,
// unless the host has asked for it by PEER (RFC 6887 section 12), whose lease is renewed
// without a packet of the connection.
func TestAskingForASession(t *testing.T) {
	text := "schema = 1\nname = \"silent\"\nduration = \"900s\"\n" + hostText("phone") + routerText("home") + hostText("server") +
		linkText("wifi", "phone.wifi", "home.lan", "10Mbps", "5ms") +
		linkText("dsl", "home.wan", "server.eth0", "10Mbps", "5ms") + `[[link.box]]
type = "nat"
name = "dsl-nat"
[[flow]]
name = "web"
protocol = "tcp"
client = "phone"
server = "server"
app = "request"
request = { count = 3, interval = "400s", response = "10kB" }
`
	const peer = "[[at]]\ntime = \"1s\"\naction = \"nat.peer\"\nboxes = [\"dsl-nat\"]\nflows = [\"web\"]\nlifetime = \"600s\"\n"
	for _, c := range []struct {
		more  string
		bytes int64
	}{{"", 10_000}, {peer, 30_000}, {peer + "renew = false\n", 20_000}} {
		w := runText(t, text+c.more, Run{Verify: true})
		if f := w.byFlow["web"]; f.record.Bytes != c.bytes {
			t.Errorf("%d bytes, want %d with %q", f.record.Bytes, c.bytes, c.more)
		}
	}
}
