package explain

import (
	"fmt"
	"strings"

	"mpsim/cc"
	"mpsim/internal/app"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file puts what path managers and loss recovery do into words.

func flowID(f int32) cc.FlowID { return cc.FlowID(f) }

// idsOf returns the function that names the subflows of one end.
func (l *log) idsOf(n *naming, end *app.End) func(cc.FlowID) int {
	return func(f cc.FlowID) int { return n.of(end, l.conn, f) }
}

// managed describes an event of a path manager and its orders.
func managed(now sim.Time, m *mptcp.Management) Event {
	ev := m.Event
	e := Event{At: now, What: "path manager: " + ev.Kind.String(), flow: -1}
	var parts []string
	switch ev.Kind {
	case mptcp.PathSubflowUp, mptcp.PathSubflowDown:
		e.flow = int32(ev.Flow)
	case mptcp.PathRTO:
		e.flow = int32(ev.Flow)
		parts = append(parts, fmt.Sprintf("next after %v", ev.RTO))
	case mptcp.PathPriority:
		e.flow = int32(ev.Flow)
		parts = append(parts, fmt.Sprintf("backup %v", ev.Backup))
	case mptcp.PathMoved, mptcp.PathBuffered:
		parts = append(parts, fmt.Sprintf("%d bytes", ev.Bytes))
	case mptcp.PathTimer:
		parts = append(parts, fmt.Sprintf("tag %d", ev.Tag))
	case mptcp.PathAddrAdded, mptcp.PathAddrRemoved, mptcp.PathAddrEchoed, mptcp.PathAddrLost:
		parts = append(parts, fmt.Sprintf("address id %d", ev.ID))
	}
	if ev.Local.IsValid() {
		parts = append(parts, "local "+ev.Local.String())
	}
	if ev.Remote.IsValid() {
		parts = append(parts, "remote "+ev.Remote.String())
	}
	if ev.Why != trace.NoReason {
		parts = append(parts, ev.Why.String())
	}
	e.Detail = strings.Join(parts, ", ")
	for i := range m.Orders {
		e.Actions = append(e.Actions, order(&m.Orders[i]))
	}
	return e
}

// order describes one order of a path manager.
func order(o *mptcp.PathOrder) string {
	backup := ""
	if o.Backup {
		backup = ", backup"
	}
	switch o.Kind {
	case mptcp.OrderOpen:
		from := "by route"
		if o.Local.IsValid() {
			from = o.Local.String()
		}
		return fmt.Sprintf("open %s to %v%s", from, o.Remote, backup)
	case mptcp.OrderClose:
		return fmt.Sprintf("close subflow %d", o.Flow)
	case mptcp.OrderBackup:
		if !o.Backup {
			return fmt.Sprintf("make subflow %d regular", o.Flow)
		}
		return fmt.Sprintf("make subflow %d a backup", o.Flow)
	case mptcp.OrderAfter:
		return fmt.Sprintf("call again in %v (tag %d)", o.After, o.Tag)
	case mptcp.OrderAnnounce:
		return fmt.Sprintf("announce %v (id %d)", o.Remote, o.ID)
	case mptcp.OrderRemove:
		return fmt.Sprintf("withdraw address id %d", o.ID)
	case mptcp.OrderCloseFrom:
		return fmt.Sprintf("close the subflows of address id %d", o.ID)
	case mptcp.OrderReset:
		return fmt.Sprintf("reset subflow %d", o.Flow)
	}
	return fmt.Sprintf("%v at %d bytes", o.Kind, o.Bytes)
}

// recovered describes a record of loss recovery, of a window, of a fallback or of an
// order that was refused.
func recovered(r *trace.Record) Event {
	e := Event{At: r.At, flow: r.Flow}
	switch r.Kind {
	case trace.RTO:
		e.What = "retransmission timeout"
		e.Detail = fmt.Sprintf("of %v, backoff %d, %d bytes in flight", sim.Duration(r.B), r.C, r.D)
	case trace.TailLossProbe:
		e.What = "tail loss probe"
		e.Detail = fmt.Sprintf("after %v, %d bytes in flight", sim.Duration(r.B), r.C)
	case trace.Recovery:
		e.What = "loss recovery ends"
		if r.A == 1 {
			e.What = "loss recovery begins"
		}
		e.Detail = fmt.Sprintf("window %d, threshold %d", r.C, r.D)
	case trace.Window:
		e.What = "window is " + fmt.Sprint(r.A)
		e.Detail = fmt.Sprintf("threshold %d, %d bytes in flight", r.B, r.C)
	case trace.Undo:
		e.What = "reduction is undone"
		e.Detail = fmt.Sprintf("window %d, threshold %d", r.A, r.B)
	case trace.PathManager:
		e.What = "path manager: an order is refused"
		e.Detail = mptcp.PathOrderKind(r.A).String()
	case trace.Fallback:
		e.What = "falls back to plain TCP"
	}
	if r.Why != trace.NoReason {
		if e.Detail != "" {
			e.Detail += ", "
		}
		e.Detail += r.Why.String()
	}
	return e
}
