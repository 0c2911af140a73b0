package scenarios

import (
	"fmt"
	"testing"

	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/nat"
	"mpsim/net/wire"
	"mpsim/sim"
)

const offPath = `schema = 1
name = "off-path"
duration = "6s"
[defaults]
versions = "v0"
profile = "rfc"
[[node]]
name = "net"
router = true
[[node.interface]]
name = "attacker"
anti_spoof = %v
[[node.interface]]
name = "client"
anti_spoof = %v
[[node]]
name = "client"
[[node]]
name = "server"
[[node]]
name = "attacker"
[[link]]
name = "client"
a = "client.eth0"
b = "net.client"
rate = "5Mbps"
delay = "5ms"
[[link]]
name = "server"
a = "server.eth0"
b = "net.server"
rate = "10Mbps"
delay = "5ms"
[[link]]
name = "attacker"
a = "attacker.eth0"
b = "net.attacker"
rate = "10Mbps"
delay = "1ms"
[[flow]]
name = "dl"
client = "client"
server = "server"
size = "2MB"
`

// lastSegment remembers the last segment that it saw from the server.
type lastSegment struct {
	n     *simnet.Network
	port  uint16
	seg   wire.Segment
	tuple wire.Tuple
}

// Packet implements simnet.Tap.
func (l *lastSegment) Packet(_ sim.Time, _ *simnet.Interface, d simnet.Dir, id simnet.PacketID) {
	s := l.n.Segment(id)
	if t := l.n.Tuple(simnet.RouteID(s.Route)); d == simnet.Out && t.Src.Port() == l.port {
		l.seg, l.tuple = *s, *t
	}
}

// An attacker who is not on the path, but has found out ports and sequence numbers,
// announces its own address in the server's name: version 0 of the protocol has no
// HMAC there, and the client opens a subflow to the attacker, the first of the steps
// by which it gets into the middle (draft-ietf-mptcp-attacks section 2). Ingress
// filtering where the attacker is connected drops the forged segment, and leaves
// the connection, and what is not forged, alone.
//
// row:I3
func TestIngressFilteringStopsTheHijack(t *testing.T) {
	for _, filtered := range []bool{false, true} {
		sc := mustParse(t, fmt.Sprintf(offPath, filtered, filtered))
		w, err := Build(sc, Run{Seed: 1, Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		net := w.node(sc.plan.byName["net"])
		tap := &lastSegment{n: w.net, port: 5001}
		net.Interface("client").AddTap(tap)
		if _, err := w.Run(sim.Time(sim.Second), 0, nil); err != nil {
			t.Fatal(err)
		}
		evil := sc.plan.ifaces["attacker.eth0"].addrs[0].Addr()
		id := w.net.Alloc()
		s := w.net.Segment(id)
		*s = wire.Segment{
			Route: uint32(w.net.Intern(tap.tuple)), Seq: tap.seg.Seq.Add(int(tap.seg.Len)), Ack: tap.seg.Ack,
			Flags: wire.ACK, Window: tap.seg.Window, TTL: 64, Opt: tap.seg.Opt & wire.HasTS, TSVal: tap.seg.TSVal, TSEcr: tap.seg.TSEcr,
		}
		o := w.net.AddOptions(id)
		o.Present |= wire.OptAddAddr
		o.AddAddr = wire.AddAddr{V0: true, AddrID: 9, Addr: evil}
		w.node(sc.plan.byName["attacker"]).Send(w.sim.Now(), id)
		if err := w.RunToEnd(); err != nil {
			t.Fatal(err)
		}
		f := w.byFlow["dl"]
		f.observe(w)
		joined := 0
		for _, i := range f.ends.Client.Subflows([]mptcp.SubflowInfo{}) {
			if i.Tuple.Dst.Addr() == evil {
				joined++
			}
		}
		if (joined > 0) == filtered {
			t.Errorf("filtered %v: %d subflows to the attacker", filtered, joined)
		}
		if f.record.Bytes != 2_000_000 || f.record.Corrupt != 0 {
			t.Errorf("filtered %v: %d bytes", filtered, f.record.Bytes)
		}
		want := uint64(0)
		if filtered {
			want = 1
		}
		var got uint64
		for _, b := range w.boxes {
			got += b.box.(*nat.AntiSpoof).Acted()
		}
		if got != want {
			t.Errorf("filtered %v: %d packets dropped", filtered, got)
		}
	}
}
