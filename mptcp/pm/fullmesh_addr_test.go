package pm

import (
	"net/netip"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// hear gives the path manager an announced address.
func (s *script) hear(id uint8, a netip.AddrPort, again bool) {
	if !again {
		s.act.Remote = append(s.act.Remote, mptcp.PathRemote{Addr: a, ID: id})
	}
	s.event(mptcp.PathEvent{Kind: mptcp.PathAddrAdded, ID: id, Remote: a, Again: again})
}

// TestFullMeshRefresh: a subflow that could not be opened is not tried again,
// unless the peer announces the address anew (RFC 8684 section 3.4.1).
//
// row:A18 row:E8 rfc8684:3.4.1-8 rfc8684:3.9.3-3
func TestFullMeshRefresh(t *testing.T) {
	s := newScript(t).up(1)
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.hear(3, remote(2), false)
	s.expect(t, "10.0.1.2-10.9.2.1 backup=false")
	s.lose(1, trace.Refused)
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp})
	s.expect(t)
	s.hear(3, remote(2), true)
	s.expect(t, "10.0.1.2-10.9.2.1 backup=false")
	s.hear(3, remote(2), true) // it is being opened
	s.expect(t)
}

// TestFullMeshCorrelates: an address that the peer has joined from is not
// connected to when its announcement arrives: by the address id where a NAT has
// changed the address, by the address otherwise. In the other order a random
// delay before the join lets the peer's arrive first. An address of the other
// family that is only announced is connected to from an address of that family.
//
// row:A20
func TestFullMeshCorrelates(t *testing.T) {
	behindNAT := netip.MustParseAddrPort("192.0.2.9:1234")
	for _, from := range []netip.AddrPort{behindNAT, remote(2)} {
		for _, first := range []string{"join", "announcement", "announcement alone"} {
			s := newScript(t, cc.Setting{Name: "join_delay", Value: 0.5}).up(1)
			s.pm.(*fullMesh).rnd = sim.NewRand(1, 0, "pm")
			s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
			joined := func() {
				s.act.Subflows = append(s.act.Subflows, mptcp.PathSubflow{
					Flow: 1, Local: local(1), Remote: from, RemoteID: 3, Joined: true, Usable: true,
				})
				s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: 1, Local: local(1), Remote: from})
			}
			if first == "join" {
				joined()
			}
			s.hear(3, remote(2), false)
			if len(s.timers) != 1 {
				t.Fatalf("%s: %d timers, orders %v", first, len(s.timers), s.orders)
			}
			s.orders = nil
			if first == "announcement" {
				joined()
			}
			s.event(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: s.timers[0]})
			if first == "announcement alone" {
				s.expect(t, "10.0.1.2-10.9.2.1 backup=false")
			} else {
				s.expect(t)
			}
		}
	}
	six := netip.MustParseAddrPort("[2001:db8::1]:80")
	s := newScript(t).up(1)
	s.act.Local = append(s.act.Local, mptcp.PathLocal{Addr: netip.MustParseAddr("2001:db8::2"), ID: 2})
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.expect(t)
	s.hear(4, six, false)
	s.expect(t, "2001:db8::2-2001:db8::1 backup=false")
}

// TestFullMeshDenied: a peer that denies subflows to its initial address (flag C)
// gets none there, but at the addresses that it announces.
//
// row:A9
func TestFullMeshDenied(t *testing.T) {
	s := newScript(t).up(1, 2)
	s.act.JoinDenied = true
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.expect(t)
	s.hear(1, remote(2), false)
	s.expect(t, "10.0.1.2-10.9.2.1 backup=false", "10.0.2.2-10.9.2.1 backup=false")
}

// TestFullMeshCodes: after a reset with a reason a pair is opened again only if
// the flag T says that the condition passes, and later where resources or
// performance were short (RFC 8684 section 3.6).
//
// row:A26 rfc8684:3.6-1 rfc8684:3.6-2
func TestFullMeshCodes(t *testing.T) {
	for _, v := range []struct {
		code      uint8
		transient bool
		want      string
	}{
		{0, false, ""}, {1, false, ""}, {2, false, ""}, {2, true, "after 5s"}, {3, false, ""},
		{3, true, "after 1s"}, {4, true, "after 1s"}, {5, true, "after 5s"}, {6, false, ""},
	} {
		s := newScript(t, cc.Setting{Name: "create_on_err", Value: 1}).up(1, 2)
		s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
		s.orders = nil
		f := s.act.Subflows[1]
		s.act.Subflows = s.act.Subflows[:1]
		s.event(mptcp.PathEvent{
			Kind: mptcp.PathSubflowDown, Flow: f.Flow, Why: trace.ResetReceived, Local: f.Local, Remote: f.Remote,
			HasCode: true, Code: v.code, Transient: v.transient,
		})
		if v.want == "" {
			s.expect(t)
		} else {
			s.expect(t, v.want)
		}
	}
}

// TestFullMeshAnnounces: with announce the other addresses of the host are told to
// the peer, on either side, once each.
func TestFullMeshAnnounces(t *testing.T) {
	m, err := New("fullmesh", []cc.Setting{{Name: "announce", Value: 1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var act mptcp.PathActions
	act.Remote = []mptcp.PathRemote{{Addr: remote(1)}}
	act.Subflows = []mptcp.PathSubflow{{Local: local(1), Remote: remote(1)}}
	act.Local = []mptcp.PathLocal{{Addr: local(1)}, {Addr: local(2)}, {Addr: local(3), ID: 9}}
	var told []netip.Addr
	for _, k := range []mptcp.PathEventKind{mptcp.PathKeyed, mptcp.PathEstablished, mptcp.PathLocalUp} {
		m.OnEvent(0, mptcp.PathEvent{Kind: k}, &act)
		for _, o := range act.TakeOrders() {
			if o.Kind != mptcp.OrderAnnounce {
				t.Errorf("order %+v", o)
			}
			told = append(told, o.Remote.Addr())
		}
	}
	if len(told) != 2 || told[0] != local(2) || told[1] != local(3) {
		t.Errorf("announced %v", told)
	}
}
