package scenarios

import (
	"fmt"
	"slices"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// announcedMSS collects the MSS options of SYNs that leave a host, and how long its longest
// packet is.
type announcedMSS struct {
	list    []uint16
	longest int
}

// Packet implements simnet.Tap.
func (a *announcedMSS) Packet(_ sim.Time, ifc *simnet.Interface, d simnet.Dir, id simnet.PacketID) {
	if d == simnet.In {
		return
	}
	n := ifc.Node().Network()
	s, o := n.Segment(id), n.Options(id)
	if s.Flags.Has(wire.SYN) && o.Has(wire.OptMSS) {
		a.list = append(a.list, o.MSS)
	}
	a.longest = max(a.longest, len(wire.AppendPacket(nil, n.Tuple(simnet.RouteID(s.Route)), s, o, -1)))
}

// twoMTUs is a client with two paths to a server: prefix of its addresses and of the
// server's, MTU of its first path, keys of the flow.
const twoMTUs = `schema = 1
name = "mss"
duration = "20s"
[[node]]
name = "client"
[[node.interface]]
name = "one"
addresses = ["%[1]s1/%[5]d"]
[[node.interface]]
name = "two"
addresses = ["%[2]s1/%[5]d"]
[[node]]
name = "server"
[[node.interface]]
name = "one"
addresses = ["%[1]s2/%[5]d"]
[[node.interface]]
name = "two"
addresses = ["%[2]s2/%[5]d"]
[[link]]
name = "one"
a = "client.one"
b = "server.one"
rate = "10Mbps"
delay = "5ms"
mtu = "%[3]dB"
[[link]]
name = "two"
a = "client.two"
b = "server.two"
rate = "10Mbps"
delay = "5ms"
[[flow]]
name = "ul"
client = "client"
server = "server"
via = "one"
direction = "up"
size = "300kB"
%[4]s
`

// A host announces what the MTU of its interface leaves (RFC 9293 section 3.7.1), each
// subflow that of its own, and sends nothing longer, so that nothing is dropped. The
// values for 1400, 9000 and 200 are those of a Linux 6.18 kernel, whose least is
// min_adv_mss; a flow may say another one (ip route advmss).
func TestAnnouncedMSS(t *testing.T) {
	const v4one, v4two, v6one, v6two = "10.0.1.", "10.0.2.", "fd00:1::", "fd00:2::"
	for _, c := range []struct {
		one, two string
		mtu      int
		flow     string
		want     []uint16
		longest  int
	}{
		{v4one, v4two, 1400, "", []uint16{1360, 1460}, 1500},
		{v4one, v4two, 1400, `protocol = "tcp"`, []uint16{1360}, 1400},
		{v4one, v4two, 9000, `protocol = "tcp"`, []uint16{8960}, 9000},
		{v4one, v4two, 200, `protocol = "tcp"`, []uint16{256}, 60},
		{v4one, v4two, 65535, `protocol = "tcp"`, []uint16{1460}, 1500},
		{v6one, v6two, 1400, "", []uint16{1340, 1440}, 1500},
		{v6one, v6two, 1280, `protocol = "tcp"`, []uint16{1220}, 1280},
		{v4one, v4two, 1400, "protocol = \"tcp\"\nmss = 1000", []uint16{1000}, 1040},
	} {
		bits := 24
		if c.one == v6one {
			bits = 64
		}
		var set []string
		if c.mtu == 200 { // which has no room for more with DF
			set = []string{"flow.ul.size=1B"}
		}
		seen := &announcedMSS{}
		w, err := Build(mustParse(t, fmt.Sprintf(twoMTUs, c.one, c.two, c.mtu, c.flow, bits), set...), Run{Seed: 1, Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, ifc := range w.hosts["client"].Node().Interfaces() {
			ifc.AddTap(seen)
		}
		if err := w.RunToEnd(); err != nil {
			t.Fatal(err)
		}
		drops := w.byLink["one.up"].link.Stats().MTUDrops
		if f := w.byFlow["ul"]; !slices.Equal(seen.list, c.want) || seen.longest != c.longest || drops != 0 || f.record.Done == sim.Never {
			t.Errorf("MTU %d, %s: announced %v, want %v; longest packet %d, want %d; %d dropped, done %v", c.mtu, c.flow, seen.list, c.want, seen.longest, c.longest, drops, f.record.Done)
		}
	}
}
