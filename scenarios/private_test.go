package scenarios

import (
	"net/netip"
	"strings"
	"testing"

	simnet "mpsim/net"
)

// twoSites is a phone behind a NAT, whose second address is in 10/8, and a server in
// a network of its own, in which another host has the same address.
var twoSites = `schema = 1
name = "two-sites"
duration = "20s"
[defaults]
profile = "rfc"
path_manager = "server"
` + hostText("phone") +
	routerText("home") +
	routerText("net") +
	routerText("site") +
	hostText("server") +
	hostText("printer") +
	linkText("wifi", "phone.wifi", "home.lan", "10Mbps", "5ms") +
	linkText("cable", "phone.cable", "home.cable", "10Mbps", "5ms") +
	linkText("dsl", "home.wan", "net.dsl", "10Mbps", "5ms") + `[[link.box]]
type = "nat"
profile = "full-cone"
` + linkText("uplink", "site.up", "net.site", "100Mbps", "5ms") +
	linkText("server", "server.eth0", "site.server", "100Mbps", "1ms") +
	linkText("printer", "printer.eth0", "site.printer", "100Mbps", "1ms") + `[[flow]]
name = "dl"
client = "phone"
server = "server"
via = "wifi"
size = "8MB"
[[flow]]
name = "print"
client = "server"
server = "printer"
size = "100kB"
`

// A client behind a NAT announces a private address. Where the server is, another
// host has the same one: it gets the join, does not know the token and resets it
// (RFC 8684 section 3.2, and section 5 on addresses that are not unique). The
// connection goes on as if nothing had happened. Where nobody has it, the SYN of the
// join ends at the NAT, and the same holds.
//
// row:A19
func TestPrivateAddressOfAnotherHost(t *testing.T) {
	for _, taken := range []bool{true, false} {
		sc := mustParse(t, twoSites)
		w, err := Build(sc, Run{Seed: 1, Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		private := sc.plan.ifaces["phone.cable"].addrs[0].Addr()
		own := netip.PrefixFrom(private, 32)
		if !strings.HasPrefix(private.String(), "10.") {
			t.Fatalf("%v is not private", private)
		}
		if taken {
			w.iface(sc.plan.ifaces["printer.eth0"]).AddAddr(own)
			site := w.node(sc.plan.byName["site"])
			site.RemoveRoute(simnet.MainTable, own, w.iface(sc.plan.ifaces["site.up"]))
			site.AddRoute(simnet.MainTable, own, w.iface(sc.plan.ifaces["site.printer"]), 0)
		}
		if err := w.RunToEnd(); err != nil {
			t.Fatal(err)
		}
		f := whole(t, w)
		if n := counterOf(t, w, "server", "AddAddr"); n != 1 {
			t.Errorf("the server got %d announcements", n)
		}
		if n := counterOf(t, w, "printer", "MPJoinNoTokenFound"); (n > 0) != taken {
			t.Errorf("taken %v: %d joins with an unknown token at the other host", taken, n)
		}
		if n := counterOf(t, w, "phone", "MPJoinSynRx"); n != 0 {
			t.Errorf("the phone got %d joins", n)
		}
		if len(f.subs) != 1 {
			t.Errorf("subflows %+v", f.subs)
		}
		joins := 0
		for _, i := range f.ends.Server.Subflows(nil) {
			if i.Tuple.Dst.Addr() != private {
				continue
			}
			joins++
			if taken && (!i.PeerReset.Seen && i.Why.String() == "" || !i.Ended) {
				t.Errorf("the join was not reset: %+v", i)
			}
		}
		if joins != 1 {
			t.Errorf("taken %v: %d joins of the server to %v", taken, joins, private)
		}
	}
}
