package scenarios

import (
	"io"
	"net/netip"

	"mpsim/internal/app"
	simnet "mpsim/net"
	"mpsim/sim"
)

// FlowReport is what became of a flow.
type FlowReport struct {
	Name, Protocol string
	Client, Server string
	CC, Scheduler  string // names; empty where they have no meaning
	Fallback       string // reason for which MPTCP was given up, or ""
	BytesDelivered int64  // to applications, in both directions
	CorruptBytes   int64  // of these, bytes that are not those of their place
	Start          sim.Time
	End            sim.Time // complete; sim.Never: it is not
	// Goodput counts the bytes of the record over the time from Start to End, or
	// to the end of the run, in bits per second.
	Goodput  float64
	MaxGap   sim.Duration
	Subflows []SubflowReport
	// Connected is when the handshake was complete, Closed when the connection
	// was over and Why; sim.Never if that did not happen.
	Connected, Closed sim.Time
	Why               string
	Error             string // dialling failed

	// Of datagram flows.
	PacketsSent, PacketsReceived, PacketsReordered int64
	Delays                                         *app.Delays
	// Of request flows.
	Latencies *app.Delays
}

// SubflowReport is one subflow of a flow; a TCP flow has one.
type SubflowReport struct {
	ID             int
	Interface      string // of the client, "node.iface"
	Local, Remote  netip.AddrPort
	Backup         bool
	State          string
	BytesSent      int64 // payload with retransmissions, by the sender of the flow
	BytesDelivered int64 // payload that the receiver's subflow took
	Retransmitted  int64
	Reinjected     int64
	SRTT           sim.Duration
}

// LinkReport is one direction of a link.
type LinkReport struct {
	Name, Direction string
	Discipline      string // of its queue; "": the link decides itself (drop-tail, and random on a fifo link)
	Stats           simnet.Stats
}

// ActionReport is an action of the timeline that was carried out.
type ActionReport struct {
	At                    sim.Time
	Action, Target, Label string
}

// Counter is a counter summed over all hosts.
type Counter struct {
	Name  string
	Value uint64
}

// ExpectReport is the verdict on one expectation.
type ExpectReport struct {
	Name  string
	Expr  string
	Value string // what was measured
	Pass  bool
	Miss  string // by how much it does not hold; empty: it does, or it compares texts
	Pos   Pos    // of the expression
}

// WriteStream has every byte that the receiving application of a flow reads from now on
// written to out. It reports false if there is no such flow.
func (w *World) WriteStream(flow string, out io.Writer) bool {
	f := w.byFlow[flow]
	if f != nil {
		f.record.Content = out
	}
	return f != nil
}

// Flows reports on all flows, in the order of the file.
func (w *World) Flows() []FlowReport {
	out := make([]FlowReport, len(w.flows))
	for i, f := range w.flows {
		out[i] = w.flowReport(f)
	}
	return out
}

func (w *World) flowReport(f *flowRun) FlowReport {
	d, r := f.decl, f.record
	out := FlowReport{
		Name: d.Name, Protocol: d.Protocol, Client: d.Client, Server: d.Server,
		CC: d.CC.Name, Scheduler: d.Scheduler.Name,
		BytesDelivered: r.Bytes, CorruptBytes: r.Corrupt,
		Start: d.Start.Time(), End: r.Done, Connected: sim.Never, Closed: sim.Never,
	}
	if f.reverse != nil {
		out.BytesDelivered += f.reverse.Bytes
		out.CorruptBytes += f.reverse.Corrupt
	}
	now := w.sim.Now()
	out.Goodput = f.goodput(out.Start, now) * 8
	for _, g := range r.GapsAt(now) {
		out.MaxGap = max(out.MaxGap, g.Length())
	}
	if x := f.datagram; x != nil {
		out.PacketsSent, out.PacketsReceived, out.PacketsReordered = x.Sent, x.Received, x.Reverse
		out.Delays = &x.Delays
	}
	if f.request != nil {
		out.Latencies = &f.request.Delays
	}
	if e := f.ends; e != nil {
		out.Connected, out.Closed, out.Why = e.Connected, e.Closed, e.Why.String()
		if e.Err != nil {
			out.Error = e.Err.Error()
		}
		f.observe(w)
		out.Fallback = f.fallback
		for _, x := range f.subs {
			out.Subflows = append(out.Subflows, x.SubflowReport)
		}
	}
	return out
}

// goodput is bytes a second between two times; a flow that is complete earlier
// counts up to then.
func (f *flowRun) goodput(from, to sim.Time) float64 {
	to = min(to, f.record.Done)
	if to <= from {
		return 0
	}
	return f.record.BytesIn(from, to) / to.Sub(from).Seconds()
}

// Links reports on all link directions, in the order of the file, up first.
func (w *World) Links() []LinkReport {
	out := make([]LinkReport, len(w.links))
	for i, l := range w.links {
		out[i] = LinkReport{Name: l.decl.Name, Direction: "down", Stats: l.link.Stats()}
		if l.link.Config().Discipline != nil {
			out[i].Discipline = l.dir.AQM.Name
		}
		if l.up {
			out[i].Direction = "up"
		}
	}
	return out
}

// Counters returns the counters of all hosts together.
func (w *World) Counters() []Counter {
	var out []Counter
	for _, n := range w.sc.plan.nodes {
		h := w.hosts[n.decl.Name]
		if h == nil {
			continue
		}
		for i, c := range h.Endpoint().Counters() {
			if i == len(out) {
				out = append(out, Counter{Name: c.Name})
			}
			out[i].Value += c.Value
		}
	}
	return out
}

// Outages returns the intervals in which links carried nothing by order of the
// timeline, in order of their beginning; an open one ends at sim.Never.
func (w *World) Outages() []Outage { return w.timeline.outages }

// Actions returns the entries of the timeline that were carried out, in the
// order of time.
func (w *World) Actions() []ActionReport {
	var out []ActionReport
	for _, a := range w.sc.byTime() {
		if a.Time.Time() <= w.sim.Now() {
			out = append(out, ActionReport{a.Time.Time(), a.Action, a.target(), a.Label})
		}
	}
	return out
}

// BoxActions returns on how many packets each box has acted, in the order of the
// file.
func (w *World) BoxActions() []uint64 {
	out := make([]uint64, len(w.boxes))
	for i := range w.boxes {
		out[i] = w.boxes[i].box.Acted()
	}
	return out
}

// CapturePoints returns the interfaces whose packets are captured: those that
// [output] names, else those of all clients.
func (w *World) CapturePoints() []*simnet.Interface {
	clients := make(map[string]bool)
	for _, f := range w.sc.Flows {
		clients[f.Client] = true
	}
	var out []*simnet.Interface
	for _, n := range w.sc.plan.nodes {
		for _, i := range n.ifaces {
			take := len(w.sc.Output.Capture) == 0 && clients[n.decl.Name]
			for _, p := range w.sc.Output.Capture {
				take = take || glob(p, i.fullName())
			}
			if take && i.link != nil {
				out = append(out, w.iface(i))
			}
		}
	}
	return out
}

// ConnName returns the name of the flow that a host's connection number in
// trace records belongs to, or "".
func (w *World) ConnName(node string, conn uint32) string {
	for _, f := range w.flows {
		for _, e := range f.ownEnds() {
			if e.node == node && e.open && e.number == conn {
				return f.decl.Name
			}
		}
	}
	return ""
}

// Expect evaluates the expectations at the present time.
func (w *World) Expect() []ExpectReport {
	v := &view{w: w, now: w.sim.Now()}
	out := make([]ExpectReport, len(w.sc.Expect))
	for i, e := range w.sc.Expect {
		value, miss, pass := e.parsed.verdict(v)
		out[i] = ExpectReport{Name: e.Name, Expr: e.Expr, Value: value, Pass: pass, Miss: miss, Pos: e.pos}
	}
	return out
}
