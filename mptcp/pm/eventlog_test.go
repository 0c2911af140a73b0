package pm_test

import (
	"fmt"
	"testing"

	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"

	"github.com/google/go-cmp/cmp"
)

// eventLog collects the events of one node, and what orders were refused.
type eventLog struct {
	node    uint32
	events  []string
	refused []string
}

// Emit implements trace.Sink.
func (l *eventLog) Emit(r *trace.Record) {
	switch {
	case r.Node != l.node:
	case r.Kind == trace.PathEvent:
		text := mptcp.PathEventKind(r.A).String()
		if r.Flow >= 0 {
			text += fmt.Sprintf(" %d", r.Flow)
		}
		l.events = append(l.events, text)
	case r.Kind == trace.PathManager && r.Why != trace.NoReason:
		l.refused = append(l.refused, mptcp.PathOrderKind(r.A).String()+" "+r.Why.String())
	}
}

func (w *joinNet) log() (logs [2]*eventLog) {
	for i := range logs {
		logs[i] = &eventLog{node: uint32(i)}
		w.trace.Subscribe(trace.Set(trace.PathEvent, trace.PathManager), logs[i])
	}
	return logs
}

// TestEventLog: the events of a connection whose server announces an address to
// which the client opens a subflow, makes it a backup and ends it, with the names
// and in the order in which `ip mptcp monitor` shows them on both sides: REMOVED
// comes when the option is received, before the worker ends the subflows
// (mptcp_pm_rm_addr_received).
//
// row:E3
func TestEventLog(t *testing.T) {
	w := newJoinNet(t, nil)
	logs := w.log()
	for end := range w.ep {
		w.ep[end].SetPathLimits(0, mptcp.PathLimits{AddAddrAccepted: 1, Subflows: 1})
	}
	ids := w.add(server, mptcp.AddrConfig{Addr: far(server, 2), Flags: mptcp.AddrSignal})
	w.connect()
	w.talk(100 * sim.Millisecond)
	if err := w.ep[server].ChangeAddr(w.now, ids, mptcp.AddrSignal|mptcp.AddrBackup); err != nil {
		t.Fatal(err)
	}
	w.flush(server)
	w.talk(100 * sim.Millisecond)
	if err := w.ep[server].DelAddr(w.now, ids); err != nil {
		t.Fatal(err)
	}
	w.flush(server)
	w.talk(100 * sim.Millisecond)
	for _, end := range []int{client, server} {
		w.ep[end].Close(w.now, w.conn[end])
		w.flush(end)
		w.run(100 * sim.Millisecond)
	}
	w.run(100 * sim.Second)
	want := [2][]string{
		server: {"CREATED", "keyed", "ESTABLISHED", "addr_echoed", "SF_ESTABLISHED 1", "endpoint_changed", "endpoint_removed", "SF_CLOSED 1", "CLOSED"},
		client: {"CREATED", "ESTABLISHED", "ANNOUNCED", "SF_ESTABLISHED 1", "SF_PRIO 1", "REMOVED", "SF_CLOSED 1", "CLOSED"},
	}
	for end := range want {
		if d := cmp.Diff(want[end], logs[end].events); d != "" {
			t.Errorf("end %d (want, got):\n%s", end, d)
		}
	}
}

// TestRefusedOrders: an order beyond the limit of subflows is in the log, with the
// reason: the warning that a full mesh grows beyond what the host allows (RFC 8041
// section 3.4).
//
// row:E1
func TestRefusedOrders(t *testing.T) {
	w := newJoinNet(t, func(p [2]*mptcp.Profile) { p[client].SubflowLimit = 2 }).with("fullmesh")
	logs := w.log()
	w.connect()
	w.talk(100 * sim.Millisecond)
	if d := cmp.Diff([]string{"open subflow_limit"}, logs[client].refused); d != "" || w.live(client) != 3 {
		t.Errorf("%d subflows; refused (want, got):\n%s", w.live(client), d)
	}
}
