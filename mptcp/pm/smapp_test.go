package pm

import (
	"slices"
	"testing"

	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestSmappBackup: a second subflow only when the timeout exceeds the threshold,
// and only one (ALGORITHMS C5; CoNEXT'15).
//
// row:E3
func TestSmappBackup(t *testing.T) {
	s := scriptOf(t, "smapp-backup", set("latency", 0), set("close", 1)).up(1, 2, 3).establish()
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, Flow: 0, RTO: 999 * sim.Millisecond})
	s.expect(t)
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, Flow: 0, RTO: sim.Second})
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: 1})
	s.expect(t, "reset 0")
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: 1})
	s.expect(t)
}

// TestNetlinkLatency: user space sees each event later, in order; its own timers
// are not delayed.
func TestNetlinkLatency(t *testing.T) {
	s := scriptOf(t, "smapp-backup", set("latency", 0.001)).up(1, 2).establish()
	s.expect(t, "after 1ms")
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, RTO: 2 * sim.Second})
	s.expect(t, "after 1ms")
	s.fire()
	s.expect(t) // established
	s.fire()
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
}

// TestSmappFullMesh: after a reset a subflow is opened again soon, after a timeout
// or without a route later.
func TestSmappFullMesh(t *testing.T) {
	for _, v := range []struct {
		why  trace.Reason
		want string
	}{{trace.ResetReceived, "after 1s"}, {trace.TimedOut, "after 5s"}, {trace.Unreachable, "after 5s"}} {
		s := scriptOf(t, "smapp-fullmesh", set("latency", 0)).up(1, 2).establish()
		s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
		s.lose(1, v.why)
		s.expect(t, v.want)
		s.fire()
		s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
	}
}

// TestSmappStream: half of a block of 64 KiB must be there after half a second.
func TestSmappStream(t *testing.T) {
	s := scriptOf(t, "smapp-stream", set("latency", 0)).up(1, 2)
	s.act.Moved = 100
	s.establish().expect(t, "after 500ms")
	s.act.Moved = 100 + 32768
	s.fire()
	s.expect(t, "after 500ms")
	s.fire() // the next block
	s.expect(t, "after 500ms")
	s.act.Moved += 32767
	s.fire()
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false", "after 500ms")
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, Flow: 0, RTO: sim.Second})
	s.expect(t) // the other one cannot carry data yet
	s.act.Subflows[1].Usable = true
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, Flow: 0, RTO: sim.Second})
	s.expect(t, "reset 0")
}

// TestSmappRefresh: of five subflows the slowest is replaced every 2.5 s.
func TestSmappRefresh(t *testing.T) {
	s := scriptOf(t, "smapp-refresh", set("latency", 0)).up(1, 2).establish()
	const more = "10.0.1.2-10.9.1.1 backup=false"
	s.expect(t, more, more, more, more, "after 2.5s")
	for i, r := range []int64{50, 40, 10, 20, 30} {
		s.act.Subflows[i].Usable, s.act.Subflows[i].Rate = true, r
	}
	s.fire()
	s.expect(t, "close 2", more, "after 2.5s")
}

// TestScripted: actions by event, by the number of the event, and by time.
//
// row:E3
func TestScripted(t *testing.T) {
	s := scriptOf(t, "scripted", set("latency", 0)).up(1, 2).peer(2)
	s.pm.(*Scripted).Follow([]ScriptAction{
		{On: mptcp.PathCreated, Nth: 1, Do: ScriptAnnounce, Local: local(2)},
		{On: mptcp.PathEstablished, Nth: 1, Delay: sim.Second, Do: ScriptOpen, Local: local(2)},
		{On: mptcp.PathAddrAdded, Do: ScriptOpen},
		{On: mptcp.PathSubflowUp, Nth: 2, Do: ScriptReset, Flow: -1},
		{On: mptcp.PathRTO, Nth: 1, Do: ScriptClose, Flow: 0},
	})
	s.event(mptcp.PathEvent{Kind: mptcp.PathCreated})
	s.expect(t, "announce 10.0.2.2")
	s.establish().expect(t, "after 1s")
	s.fire()
	s.expect(t, "10.0.2.2-10.9.1.1 backup=false")
	s.event(mptcp.PathEvent{Kind: mptcp.PathAddrAdded, ID: 2, Remote: remote(2)})
	s.expect(t, "invalid IP-10.9.2.1 backup=false") // the route chooses
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: 1})
	s.expect(t)
	s.event(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: 2})
	s.expect(t, "reset 2")
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO})
	s.expect(t, "close 0")
	s.event(mptcp.PathEvent{Kind: mptcp.PathRTO})
	s.expect(t)
}

// TestMonitorNames: the names of events are those that `ip mptcp monitor` prints
// (iproute2 ip/ipmptcp.c).
//
// row:E3
func TestMonitorNames(t *testing.T) {
	for k, want := range map[mptcp.PathEventKind]string{
		mptcp.PathCreated: "CREATED", mptcp.PathEstablished: "ESTABLISHED", mptcp.PathClosed: "CLOSED",
		mptcp.PathAddrAdded: "ANNOUNCED", mptcp.PathAddrRemoved: "REMOVED",
		mptcp.PathSubflowUp: "SF_ESTABLISHED", mptcp.PathSubflowDown: "SF_CLOSED", mptcp.PathPriority: "SF_PRIO",
	} {
		if k.String() != want {
			t.Errorf("%d is %s, want %s", k, k, want)
		}
	}
}

// An address that the peer announces again may be tried again (RFC 8684 section 3.4.1):
// at once by the full mesh; by the backup and the streaming policies when they next need a
// subflow, and not before although the one that they opened has failed.
func TestSmappAnnouncedAgain(t *testing.T) {
	const open = "10.0.1.2-10.9.2.1 backup=false"
	needs := map[string]func(s *script){
		"smapp-backup": func(s *script) { s.event(mptcp.PathEvent{Kind: mptcp.PathRTO, RTO: sim.Second}) },
		"smapp-stream": func(s *script) { // the check of a block of which nothing has moved
			s.event(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: streamCheck})
			if s.orders = slices.DeleteFunc(s.orders, func(o string) bool { return o == "after 500ms" }); len(s.orders) == 0 {
				s.orders = nil
			}
		},
		"smapp-fullmesh": func(*script) {},
	}
	for _, name := range []string{"smapp-backup", "smapp-stream", "smapp-fullmesh"} {
		s := scriptOf(t, name, set("latency", 0)).up(1).establish()
		s.orders = nil
		s.hear(2, remote(2), false)
		needs[name](s)
		s.expect(t, open)
		s.lose(1, trace.Refused)
		s.orders = nil // the full mesh sets a timer
		needs[name](s)
		s.expect(t)
		s.hear(2, remote(2), true)
		needs[name](s)
		s.expect(t, open)
	}
}
