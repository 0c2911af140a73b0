package pm

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"

	"github.com/google/go-cmp/cmp"
)

func local(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i), 2}) }
func remote(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(i), 1}), 80)
}

// script is a path manager under test: its view and what it ordered.
type script struct {
	pm     mptcp.PathManager
	act    mptcp.PathActions
	orders []string
	timers []uint32
	now    sim.Time
}

func newScript(t *testing.T, settings ...cc.Setting) *script {
	t.Helper()
	return scriptOf(t, "fullmesh", settings...)
}

func scriptOf(t *testing.T, name string, settings ...cc.Setting) *script {
	t.Helper()
	m, err := New(name, settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{pm: m}
	s.act.Client, s.act.Established = true, true
	s.act.InitialWindow = 14000
	s.act.Remote = []mptcp.PathRemote{{Addr: remote(1)}}
	s.act.Subflows = []mptcp.PathSubflow{{Flow: 0, Local: local(1), Remote: remote(1), Active: true, Usable: true}}
	return s
}

func (s *script) up(is ...int) *script {
	for _, i := range is {
		s.act.Local = append(s.act.Local, mptcp.PathLocal{Addr: local(i), ID: uint8(i)})
	}
	return s
}

// event gives an event to the path manager and carries its orders out.
func (s *script) event(ev mptcp.PathEvent) {
	s.pm.OnEvent(s.now, ev, &s.act)
	for _, o := range s.act.TakeOrders() {
		switch o.Kind {
		case mptcp.OrderOpen:
			s.orders = append(s.orders, fmt.Sprintf("%v-%v backup=%v", o.Local, o.Remote.Addr(), o.Backup))
			s.act.Subflows = append(s.act.Subflows, mptcp.PathSubflow{
				Flow: cc.FlowID(len(s.act.Subflows)), Local: o.Local, Remote: o.Remote, Active: true,
			})
		case mptcp.OrderAfter:
			s.orders = append(s.orders, "after "+o.After.String())
			s.timers = append(s.timers, o.Tag)
		case mptcp.OrderAnnounce:
			s.orders = append(s.orders, fmt.Sprintf("announce %v", o.Remote.Addr()))
		case mptcp.OrderClose, mptcp.OrderReset:
			s.orders = append(s.orders, fmt.Sprintf("%v %d", o.Kind, o.Flow))
		case mptcp.OrderWakeMoved, mptcp.OrderWakeBuffered:
			s.orders = append(s.orders, fmt.Sprintf("%v %d", o.Kind, o.Bytes))
		}
	}
}

// lose ends subflow i.
func (s *script) lose(i int, why trace.Reason) {
	f := s.act.Subflows[i]
	s.act.Subflows = append(s.act.Subflows[:i:i], s.act.Subflows[i+1:]...)
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowDown, Flow: f.Flow, Why: why, Local: f.Local, Remote: f.Remote})
}

func (s *script) expect(t *testing.T, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, s.orders); d != "" {
		t.Error(d)
	}
	s.orders = nil
}

// TestFullMesh is the vector of ALGORITHMS C1: client {A1,A2}, server {B1,B2}
// gives A1B1 (initial), A2B1, A1B2, A2B2.
func TestFullMesh(t *testing.T) {
	s := newScript(t).up(1, 2)
	s.act.Remote = append(s.act.Remote, mptcp.PathRemote{Addr: remote(2)})
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false", "10.0.1.2-10.9.2.1 backup=false", "10.0.2.2-10.9.2.1 backup=false")
}

// TestFullMeshTwoByThree: 2 client and 3 server addresses make 6 subflows.
//
// row:E1
func TestFullMeshTwoByThree(t *testing.T) {
	s := newScript(t).up(1, 2)
	s.act.Remote = append(s.act.Remote, mptcp.PathRemote{Addr: remote(2)}, mptcp.PathRemote{Addr: remote(3)})
	s.event(mptcp.PathEvent{Kind: mptcp.PathLocalUp, Local: local(2)})
	s.expect(t) // not before the connection is established
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	if n := len(s.act.Subflows); n != 6 {
		t.Errorf("%d subflows, want 6: %v", n, s.orders)
	}
	s.orders = nil
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: 1})
	s.expect(t) // every pair once
}

// TestFullMeshServer: only the side that opened the connection acts.
func TestFullMeshServer(t *testing.T) {
	s := newScript(t).up(1, 2)
	s.act.Client = false
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.expect(t)
}

// TestFullMeshForeignSource: the initial source is none of the host's addresses.
func TestFullMeshForeignSource(t *testing.T) {
	s := newScript(t).up(2, 3)
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.expect(t)
}

// TestFullMeshFamilies: addresses of different families make no pair, and of
// each at most eight count.
func TestFullMeshFamilies(t *testing.T) {
	s := newScript(t).up(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	s.act.Local = append(s.act.Local, mptcp.PathLocal{Addr: netip.MustParseAddr("2001:db8::2")})
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	if n := len(s.act.Subflows); n != 8 {
		t.Errorf("%d subflows, want 8", n)
	}
}

// TestFullMeshNumSubflows: several subflows per pair; the initial one counts.
func TestFullMeshNumSubflows(t *testing.T) {
	s := newScript(t, cc.Setting{Name: "num_subflows", Value: 2}).up(1, 2)
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.expect(t, "10.0.1.2-10.9.1.1 backup=false", "10.0.2.2-10.9.1.1 backup=false", "10.0.2.2-10.9.1.1 backup=false")
}

// TestFullMeshCreateOnErr: a subflow that failed is opened again after a second,
// with create_on_err only, and never one that ended in order.
//
// row:E5
func TestFullMeshCreateOnErr(t *testing.T) {
	for _, v := range []struct {
		value float64
		why   trace.Reason
		again bool
	}{
		{0, trace.ResetReceived, false},
		{1, trace.ResetReceived, true},
		{1, trace.TimedOut, true},
		{1, trace.Graceful, false},
		{1, trace.PathManagerRequest, false},
	} {
		s := newScript(t, cc.Setting{Name: "create_on_err", Value: v.value}).up(1, 2)
		s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
		s.orders = nil
		s.lose(1, v.why)
		if !v.again {
			s.expect(t)
			continue
		}
		s.expect(t, "after 1s")
		s.event(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: s.timers[0]})
		s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
	}
}

// TestFullMeshUnreachable: what could not be sent for is tried once more.
func TestFullMeshUnreachable(t *testing.T) {
	s := newScript(t).up(1, 2)
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.orders = nil
	s.lose(1, trace.Unreachable)
	s.expect(t, "after 1s")
	s.event(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: s.timers[0]})
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
	s.lose(1, trace.Unreachable)
	s.expect(t)
}

// TestFullMeshAddresses: an address that goes and comes back is meshed again, and
// its backup flag is obeyed.
func TestFullMeshAddresses(t *testing.T) {
	s := newScript(t).up(1)
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	s.expect(t)
	s.act.Local = append(s.act.Local, mptcp.PathLocal{Addr: local(2), Flags: mptcp.AddrBackup})
	s.event(mptcp.PathEvent{Kind: mptcp.PathLocalUp, Local: local(2)})
	s.expect(t, "10.0.2.2-10.9.1.1 backup=true")
	s.act.Local = s.act.Local[:1]
	s.lose(1, trace.Unreachable)
	s.event(mptcp.PathEvent{Kind: mptcp.PathLocalDown, Local: local(2)})
	s.expect(t)
	s.up(2)
	s.event(mptcp.PathEvent{Kind: mptcp.PathLocalUp, Local: local(2)})
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
}

// TestTable: names and parameters are checked.
func TestTable(t *testing.T) {
	if _, err := New("fulmesh", nil, nil); err == nil || !strings.Contains(err.Error(), "known: binder, default, fullmesh") {
		t.Errorf("error %v", err)
	}
	if _, err := New("fullmesh", []cc.Setting{{Name: "num_subflows", Value: 9}}, nil); err == nil {
		t.Error("num_subflows 9 was accepted")
	}
	m, err := New("default", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var act mptcp.PathActions
	act.Client = true
	act.Local = []mptcp.PathLocal{{Addr: local(1)}, {Addr: local(2)}}
	act.Remote = []mptcp.PathRemote{{Addr: remote(1)}}
	m.OnEvent(0, mptcp.PathEvent{Kind: mptcp.PathEstablished}, &act)
	if n := len(act.TakeOrders()); n != 0 {
		t.Errorf("default ordered %d actions", n)
	}
}

// remoteIn is an address of the peer in the subnet of local(i).
func remoteIn(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), 80)
}
