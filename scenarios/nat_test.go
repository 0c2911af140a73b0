package scenarios

import (
	"fmt"
	"testing"

	"mpsim/net/nat"
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
profile = "rfc"
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
