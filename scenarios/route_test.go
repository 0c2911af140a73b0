package scenarios

import "testing"

// routed is a phone behind two access links, a router and a server.
const routed = `schema = 1
name = "routed"
duration = "5s"
[[node]]
name = "phone"
[[node]]
name = "left"
router = true
[[node]]
name = "right"
router = true
[[node]]
name = "server"
[[link]]
name = "wifi"
a = "phone.wifi"
b = "left.wifi"
rate = "10Mbps"
delay = "5ms"
queue = "50pkt"
[[link]]
name = "lte"
a = "phone.lte"
b = "right.lte"
rate = "10Mbps"
delay = "15ms"
queue = "50pkt"
[[link]]
name = "core"
a = "left.core"
b = "right.core"
rate = "100Mbps"
delay = "5ms"
[[link]]
name = "server"
a = "right.server"
b = "server.eth0"
rate = "100Mbps"
queue = "500pkt"
[[flow]]
name = "dl"
protocol = "tcp"
client = "phone"
server = "server"
`

func linkBytes(w *World) map[string]uint64 {
	out := make(map[string]uint64)
	for _, l := range w.Links() {
		out[l.Name+"."+l.Direction] = l.Stats.SentBytes
	}
	return out
}

// Packets leave through the interface of their source and come back the same
// way, over two routers, though LTE is a hop nearer.
func TestSourceRoutingAcrossRouters(t *testing.T) {
	for via, other := range map[string]string{"wifi": "lte", "lte": "wifi"} {
		w := runText(t, routed, Run{}, "flow.dl.via="+via)
		b := linkBytes(w)
		for _, dir := range []string{".up", ".down"} {
			if b[via+dir] == 0 || b[other+dir] != 0 {
				t.Errorf("via %s: bytes %v", via, b)
			}
		}
		if f := w.Flows()[0]; f.Goodput < 9e6 || f.Subflows[0].Interface != "phone."+via {
			t.Errorf("via %s: %.0f b/s over %s", via, f.Goodput, f.Subflows[0].Interface)
		}
	}
}

// Without source routing everything leaves the nearest way; answers still come
// over the link of the address.
func TestDestinationRouting(t *testing.T) {
	w := runText(t, routed+"[[route]]\nnode = \"phone\"\nto = \"server\"\nvia = \"lte\"\n", Run{}, "node.phone.source_routing=false", "flow.dl.via=wifi")
	b := linkBytes(w)
	if b["lte.up"] == 0 || b["wifi.up"] != 0 || b["wifi.down"] == 0 || b["lte.down"] != 0 {
		t.Errorf("bytes %v", b)
	}
}

// An explicit route wins over source routing and automatic routes, for the
// source that it names.
func TestExplicitRoutes(t *testing.T) {
	route := "[[route]]\nnode = \"phone\"\nto = \"default\"\nvia = \"lte\"\nfrom = \"10.0.1.0/24\"\n"
	b := linkBytes(runText(t, routed+route, Run{}, "flow.dl.via=wifi"))
	if b["lte.up"] == 0 || b["wifi.up"] != 0 {
		t.Errorf("bytes %v", b)
	}
	b = linkBytes(runText(t, routed+route, Run{}, "flow.dl.via=lte"))
	if b["lte.up"] == 0 || b["wifi.up"] != 0 {
		t.Errorf("bytes %v", b)
	}
}

// A route into a dead end is found when the scenario is loaded.
func TestRouteIntoADeadEnd(t *testing.T) {
	_, err := Parse("in.toml", routed+"[[node]]\nname = \"stub\"\n[[link]]\nname = \"stub\"\na = \"left.stub\"\nb = \"stub.eth0\"\n"+
		"[[route]]\nnode = \"left\"\nto = \"server\"\nvia = \"stub\"\n", Options{Set: []string{"flow.dl.via=wifi"}})
	ps, ok := err.(Problems)
	if !ok || len(ps) != 1 || ps[0].Pos.Line != 44 {
		t.Errorf("%v", err)
	}
}

// Addresses that the file gives are used, IPv6 ones too; the MSS of IPv6 is 20
// bytes smaller: 1428 of 1500 bytes are payload.
func TestExplicitAddresses(t *testing.T) {
	w := runText(t, routed+`[[flow]]
name = "six"
protocol = "tcp"
client = "phone"
server = "server"
via = "six"
[[link]]
name = "six"
a = "phone.six"
b = "server.six"
rate = "10Mbps"
delay = "5ms"
queue = "50pkt"
`, Run{}, `node.phone.interface=[{name="six", addresses=["2001:db8::2/64"]}]`, `node.server.interface=[{name="six", addresses=["2001:db8::1/64"]}]`, "flow.dl.via=lte")
	f := w.Flows()[1]
	if got := f.Subflows[0].Local.Addr().String(); got != "2001:db8::2" {
		t.Errorf("local address %s", got)
	}
	goodput := f.Goodput / (10e6 * 1428 / 1500)
	if goodput < 0.98 || goodput > 1 || f.CorruptBytes != 0 {
		t.Errorf("goodput is %.4f of the ceiling", goodput)
	}
}
