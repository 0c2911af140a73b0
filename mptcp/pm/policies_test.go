package pm

import (
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

func set(name string, v float64) cc.Setting { return cc.Setting{Name: name, Value: v} }

func (s *script) establish() *script {
	s.event(mptcp.PathEvent{Kind: mptcp.PathEstablished})
	return s
}

// fire lets the timer of the last order After expire.
func (s *script) fire() {
	s.event(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: s.timers[len(s.timers)-1]})
}

func (s *script) peer(is ...int) *script {
	for _, i := range is {
		s.act.Remote = append(s.act.Remote, mptcp.PathRemote{Addr: remote(i), ID: uint8(i)})
	}
	return s
}

// down takes an address away, with the subflows from it.
func (s *script) down(i int) {
	a := local(i)
	for k := range s.act.Local {
		if s.act.Local[k].Addr == a {
			s.act.Local = append(s.act.Local[:k], s.act.Local[k+1:]...)
			break
		}
	}
	var gone, rest []mptcp.PathSubflow
	for _, f := range s.act.Subflows {
		if f.Local == a {
			gone = append(gone, f)
		} else {
			rest = append(rest, f)
		}
	}
	s.act.Subflows = rest
	s.event(mptcp.PathEvent{Kind: mptcp.PathLocalDown, Local: a})
	for _, f := range gone {
		s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowDown, Flow: f.Flow, Why: trace.Unreachable, Local: f.Local, Remote: f.Remote})
	}
}

func (s *script) comes(i int) {
	s.up(i)
	s.event(mptcp.PathEvent{Kind: mptcp.PathLocalUp, Local: local(i)})
}

// TestNdiffports is the vector of ALGORITHMS C2: N = 4 makes four subflows between
// the same addresses; none is replaced; other addresses do not count.
//
// row:E2
func TestNdiffports(t *testing.T) {
	s := scriptOf(t, "ndiffports", set("num_subflows", 4)).up(1, 2).peer(2).establish()
	const more = "10.0.1.2-10.9.1.1 backup=false"
	s.expect(t, more, more, more)
	s.lose(2, trace.ResetReceived)
	s.comes(3)
	s.expect(t)

	s = scriptOf(t, "ndiffports").up(1).establish()
	s.expect(t, more) // two by default

	s = scriptOf(t, "ndiffports").up(1)
	s.act.Client = false
	s.establish().expect(t)
}

// TestServerOpens: the side that was dialled opens, also to what the client
// announces later; each pair once. The client announces.
func TestServerOpens(t *testing.T) {
	s := scriptOf(t, "server").up(1, 2)
	s.act.Client = false
	s.establish().expect(t, "10.0.2.2-10.9.1.1 backup=false")
	s.peer(2)
	s.event(mptcp.PathEvent{Kind: mptcp.PathAddrAdded, ID: 2, Remote: remote(2)})
	s.expect(t, "10.0.1.2-10.9.2.1 backup=false", "10.0.2.2-10.9.2.1 backup=false")
	s.lose(1, trace.ResetReceived)
	s.event(mptcp.PathEvent{Kind: mptcp.PathAddrAdded, ID: 2, Remote: remote(2)})
	s.expect(t)

	s = scriptOf(t, "server", set("delay", 0.5)).up(1, 2)
	s.act.Client = false
	s.establish().expect(t, "after 500ms")
	s.fire()
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")

	scriptOf(t, "server").up(1, 2).establish().expect(t, "announce 10.0.2.2")
	scriptOf(t, "server", set("announce", 0)).up(1, 2).establish().expect(t)
}

// TestSinglePath: break before make. Never two subflows; the next address takes
// over when the last subflow is gone, and the first one when it is back.
//
// row:E10
func TestSinglePath(t *testing.T) {
	s := scriptOf(t, "singlepath").up(1, 2).establish()
	s.expect(t)
	s.down(1)
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: 0})
	s.comes(1) // the first address is back: close, and open when that is through
	s.expect(t, "close 0")
	s.lose(0, trace.PathManagerRequest)
	s.expect(t, "10.0.1.2-10.9.1.1 backup=false")

	s = scriptOf(t, "singlepath", set("prefer_first", 0)).up(1, 2).establish()
	s.down(1)
	s.orders = nil
	s.comes(1)
	s.expect(t)
}

// TestSinglePathWaits: without another address the connection waits for one; a
// radio takes its time; attempts that fail go round.
func TestSinglePathWaits(t *testing.T) {
	s := scriptOf(t, "singlepath", set("bring_up", 0.2)).up(1).establish()
	s.down(1)
	s.expect(t)
	s.comes(2)
	s.expect(t, "after 200ms")
	s.comes(3)
	s.expect(t)
	s.fire()
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
	s.lose(0, trace.Refused)
	s.expect(t, "after 1.2s")
	s.fire()
	s.expect(t, "10.0.3.2-10.9.1.1 backup=false")
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp})
	s.lose(0, trace.ResetReceived)
	s.expect(t, "after 200ms") // it had been up: no retry delay
}

// TestSinglePathSilentLoss: with rto a subflow is given up whose timeout has grown
// to that, and not before.
func TestSinglePathSilentLoss(t *testing.T) {
	s := scriptOf(t, "singlepath", set("rto", 1.5)).up(1, 2).establish()
	if w := s.pm.(mptcp.PathWatcher).Watches(); w != mptcp.WatchRTO {
		t.Errorf("watches %b", w)
	}
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, Local: local(1), Remote: remote(1), RTO: 1400 * sim.Millisecond})
	s.expect(t)
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, Local: local(1), Remote: remote(1), RTO: 1500 * sim.Millisecond})
	s.expect(t, "reset 0")
	s.lose(0, trace.PathManagerRequest)
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
}

// TestOnDemandBytes: nothing before so many bytes were delivered, then a mesh.
//
// row:E7
func TestOnDemandBytes(t *testing.T) {
	s := scriptOf(t, "ondemand").up(1, 2, 3).establish()
	s.expect(t, "wake_moved 100000")
	s.event(mptcp.PathEvent{Kind: mptcp.PathMoved, Bytes: 100000})
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false", "10.0.3.2-10.9.1.1 backup=false")
	s.lose(1, trace.TimedOut) // not tried again (RFC 8684 section 3.9.3)
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp})
	s.expect(t)
	s.lose(0, trace.TimedOut)
	s.expect(t)
}

// TestOnDemandTriggers: time, and a timeout that has grown.
func TestOnDemandTriggers(t *testing.T) {
	s := scriptOf(t, "ondemand", set("bytes", 0), set("delay", 2)).up(1, 2).establish()
	s.expect(t, "after 2s")
	s.fire()
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")

	s = scriptOf(t, "ondemand", set("bytes", 0), set("rto", 1)).up(1, 2).establish()
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, RTO: 999 * sim.Millisecond})
	s.expect(t)
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, RTO: sim.Second})
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
}

// TestOnDemandWindows is RFC 8684 section 3.9.2: one subflow for each initial
// window's worth of data that is buffered, at a limited rate, and limited in all.
//
// row:E7
func TestOnDemandWindows(t *testing.T) {
	s := scriptOf(t, "ondemand", set("bytes", 0), set("windows", 1), set("interval", 0.1), set("max_subflows", 4)).up(1, 2, 3, 4, 5).establish()
	s.expect(t, "wake_buffered 28000") // of 14000 each
	s.event(mptcp.PathEvent{Kind: mptcp.PathBuffered, Bytes: 28000})
	s.expect(t, "wake_buffered 42000", "10.0.2.2-10.9.1.1 backup=false")
	s.now = s.now.Add(10 * sim.Millisecond)
	s.event(mptcp.PathEvent{Kind: mptcp.PathBuffered, Bytes: 100000}) // seven
	s.expect(t, "wake_buffered 112000", "after 90ms")
	s.now = s.now.Add(90 * sim.Millisecond)
	s.fire()
	s.expect(t, "10.0.3.2-10.9.1.1 backup=false", "after 100ms")
	s.now = s.now.Add(100 * sim.Millisecond)
	s.fire()
	s.expect(t, "10.0.4.2-10.9.1.1 backup=false")
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp})
	s.expect(t) // four in all
}

// TestSubnet: addresses of one subnet are linked, others not (RFC 8041 section 3.4,
// figure 3, first strategy); where all share one, the n-th goes to the n-th
// (second strategy).
func TestSubnet(t *testing.T) {
	s := scriptOf(t, "subnet", set("prefix4", 8)).up(1, 2).peer(2) // 10.0.i.2 and 10.9.i.1: one subnet 10/8
	s.establish().expect(t, "announce 10.0.2.2", "10.0.2.2-10.9.2.1 backup=false")

	s = scriptOf(t, "subnet").up(1, 2).peer(2)
	s.act.Remote[0].Addr = remoteIn(1)
	s.act.Remote[1].Addr = remoteIn(2)
	s.act.Subflows[0].Remote = remoteIn(1)
	s.establish().expect(t, "announce 10.0.2.2", "10.0.2.2-10.0.2.1 backup=false")
	s.comes(3) // shares no subnet
	s.expect(t, "announce 10.0.3.2")
	s.lose(1, trace.TimedOut) // crosses
	s.expect(t, "10.0.2.2-10.0.1.1 backup=false")

	s = scriptOf(t, "subnet", set("on_failure", 1)).up(1)
	s.act.Remote[0].Addr, s.act.Subflows[0].Remote = remoteIn(1), remoteIn(1)
	s.establish()
	s.lose(0, trace.TimedOut)
	s.expect(t, "after 1s")
	s.fire()
	s.expect(t, "10.0.1.2-10.0.1.1 backup=false")
}

// TestFullMeshBackup: with backup = 1 the address of the initial subflow alone is
// no backup, also when it comes back.
//
// row:E10
func TestFullMeshBackup(t *testing.T) {
	s := newScript(t, set("backup", 1)).up(1, 2).establish()
	s.expect(t, "10.0.2.2-10.9.1.1 backup=true")
	s.down(1)
	s.orders = nil
	s.comes(1)
	s.expect(t, "10.0.1.2-10.9.1.1 backup=false")
}

// TestLinuxDefaults is the first vector of ALGORITHMS C4: limits 0 and 2; of the
// client's four subflow addresses that of the initial subflow is not counted, two
// are used, and the fourth is not.
func TestLinuxDefaults(t *testing.T) {
	s := scriptOf(t, "linux").up(1, 2, 3, 4)
	s.act.Limit = mptcp.DefaultPathLimits().Subflows
	s.act.AddAddrAccepted = mptcp.DefaultPathLimits().AddAddrAccepted
	for i := 1; i <= 4; i++ {
		s.act.Endpoints = append(s.act.Endpoints, mptcp.AddrConfig{ID: uint8(i), Addr: local(i), Flags: mptcp.AddrSubflow})
	}
	s.establish().expect(t, "10.0.2.2-10.9.1.1 backup=false", "10.0.3.2-10.9.1.1 backup=false")
}

// TestBinder: one subflow through each gateway, from ports that pin them
// (ALGORITHMS C3: subflows = gateway lists + 1).
func TestBinder(t *testing.T) {
	m, err := New("binder", []cc.Setting{set("gateways", 3), set("port", 42000)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newScript(t).up(1, 2)
	m.OnEvent(0, mptcp.PathEvent{Kind: mptcp.PathEstablished}, &s.act)
	for i, o := range s.act.TakeOrders() {
		if i >= 3 || o.Kind != mptcp.OrderOpen || o.Port != 42001+uint16(i) || o.Local != local(1) || o.Remote != remote(1) {
			t.Errorf("order %d: %+v", i, o)
		}
	}
}
