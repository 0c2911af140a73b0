package pm

import (
	"net/netip"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim/trace"
)

// withdraw takes an announced address away, with the subflows to it.
func (s *script) withdraw(id uint8) {
	var gone []mptcp.PathSubflow
	for i, r := range s.act.Remote {
		if r.ID != id {
			continue
		}
		s.act.Remote = append(s.act.Remote[:i:i], s.act.Remote[i+1:]...)
		var rest []mptcp.PathSubflow
		for _, f := range s.act.Subflows {
			if f.Remote == r.Addr {
				gone = append(gone, f)
			} else {
				rest = append(rest, f)
			}
		}
		s.act.Subflows = rest
		break
	}
	s.event(mptcp.PathEvent{Kind: mptcp.PathAddrRemoved, ID: id, Closed: len(gone)})
	for _, f := range gone {
		s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowDown, Flow: f.Flow, Why: trace.AddressRemoved, Local: f.Local, Remote: f.Remote, ID: id})
	}
}

var v6 = netip.MustParseAddrPort("[2001:db8::1]:80")

// keepsPairs are the path managers that try each pair of addresses once, ready to
// connect to what the peer announces.
func keepsPairs(t *testing.T, name string) *script {
	t.Helper()
	var settings []cc.Setting
	if name == "subnet" {
		settings = []cc.Setting{set("prefix4", 1), set("on_failure", 0)}
	}
	s := scriptOf(t, name, settings...).up(1)
	s.act.Client = name != "server"
	if name == "subnet" { // the initial subflow is of another network
		s.act.Remote[0].Addr = v6
		s.act.Subflows[0].Remote = v6
	}
	s.establish()
	if name == "ondemand" {
		s.event(mptcp.PathEvent{Kind: mptcp.PathMoved, Bytes: 1 << 30})
	}
	s.orders = nil
	return s
}

// TestAnnouncedAgain: where a subflow failed it is tried again when the peer announces
// the address again (RFC 8684 section 3.4.1), and not before; it is opened again, too,
// when the peer has withdrawn the address and announces it anew, and that as often as
// it does, which is more often than pairs are remembered.
func TestAnnouncedAgain(t *testing.T) {
	const open = "10.0.1.2-10.9.2.1 backup=false"
	for _, name := range []string{"fullmesh", "ondemand", "server", "subnet"} {
		s := keepsPairs(t, name)
		s.hear(2, remote(2), false)
		s.expect(t, open)
		s.lose(1, trace.Refused)
		s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp})
		s.expect(t)
		s.hear(2, remote(2), true)
		s.expect(t, open)
		s.hear(2, remote(2), true) // it is being opened
		s.expect(t)
		for range 2 {
			s.withdraw(2)
			s.expect(t)
			s.hear(2, remote(2), false)
			s.expect(t, open)
		}
		s.withdraw(2)
		for i := range 2*maxPairs + 1 {
			s.orders = nil
			s.hear(9, remote(10+i%240), false)
			if len(s.orders) != 1 {
				t.Fatalf("%s, announcement %d: orders %v", name, i, s.orders)
			}
			s.withdraw(9)
		}
	}
}

// A timer of a pair that is forgotten does not act on the pair that takes its place.
func TestFullMeshTimerOfForgottenPair(t *testing.T) {
	s := newScript(t, set("create_on_err", 1)).up(1).establish()
	s.hear(2, remote(2), false)
	s.lose(1, trace.ResetReceived)
	s.expect(t, "10.0.1.2-10.9.2.1 backup=false", "after 1s")
	s.withdraw(2)
	s.hear(3, remote(3), false)
	s.expect(t, "10.0.1.2-10.9.3.1 backup=false")
	s.lose(1, trace.ResetReceived)
	s.expect(t, "after 1s")
	s.event(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: s.timers[0]})
	s.expect(t)
	s.event(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: s.timers[1]})
	s.expect(t, "10.0.1.2-10.9.3.1 backup=false")
}
