package scenarios

import (
	"fmt"
	"net/netip"

	"mpsim/internal/app"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// subflowRun is what a world knows of one subflow. Subflows are numbered by the
// client.
type subflowRun struct {
	SubflowReport
	name     string // "FLOW/ID"
	iface    string // of the client
	live     bool   // established and not over
	cwnd     int64  // of the sender, as inFlight
	ssthresh int64  // 0: not reduced yet
	srtt     sim.Duration
	inFlight int64
	received int64 // payload in order at the receiver of the flow's data
	arrived  int64 // payload that arrived there at all, duplicates included

	sampled int64 // received at the last point of the series
	binned  int64 // arrived at the last fine sample
	bins    []int64
}

// endInfo names the connection of one end in trace records.
type endInfo struct {
	node   string
	open   bool
	number uint32
}

// ownEnds returns the ends of a flow, client first; none for datagrams.
func (f *flowRun) ownEnds() []endInfo {
	if f.ends == nil {
		return nil
	}
	c, s := &f.ends.Client, &f.ends.Server
	return []endInfo{
		{f.decl.Client, c.Open, c.Number},
		{s.Host.Node().Name(), s.Open, s.Number},
	}
}

// sender returns node and connection number of the sending end.
func (f *flowRun) sender() (node string, conn uint32, ok bool) {
	ends := f.ownEnds()
	if ends == nil {
		return "", 0, false
	}
	e := ends[0]
	if f.download {
		e = ends[1]
	}
	return e.node, e.number, e.open
}

// observe brings what is known of a flow's subflows up to date: windows and
// counts from the sender, what arrived from the receiver.
func (f *flowRun) observe(w *World) {
	if f.ends == nil {
		return
	}
	sender, receiver := &f.ends.Client, &f.ends.Server
	if f.download {
		sender, receiver = receiver, sender
	}
	w.clientSubs = f.ends.Client.Subflows(w.clientSubs[:0])
	for i := range w.clientSubs {
		x := f.subflow(w, &w.clientSubs[i])
		state := w.clientSubs[i].State
		if last, ok := w.states.of(w, f.decl.Client, f.ends.Client.Number, int32(w.clientSubs[i].ID)); ok {
			state = last
		}
		x.State = state.String()
		x.Backup = w.clientSubs[i].Backup
	}
	w.subs = sender.Subflows(w.subs[:0])
	for i := range w.subs {
		f.observeSender(w, &w.subs[i], sender == &f.ends.Client)
	}
	w.subs = receiver.Subflows(w.subs[:0])
	for i := range w.subs {
		if x := f.find(&w.subs[i], receiver == &f.ends.Client); x != nil {
			x.received = int64(w.subs[i].Received)
			x.BytesDelivered = x.received
			x.arrived = w.subs[i].Stats.BytesReceived + w.subs[i].Stats.DuplicateBytes
		}
	}
	f.fallback = ""
	for _, e := range []*app.End{&f.ends.Client, &f.ends.Server} {
		info := e.Info()
		if info.Fallback != trace.NoReason && f.decl.Protocol == "mptcp" && f.fallback == "" {
			f.fallback = info.Fallback.String()
		}
		if e == receiver {
			f.dataSeq = int64(info.Received)
		}
	}
}

func (f *flowRun) observeSender(w *World, i *mptcp.SubflowInfo, client bool) {
	x := f.find(i, client)
	if x == nil {
		return
	}
	x.live = i.Established != sim.Never && !i.Ended
	x.BytesSent = i.Stats.BytesSent
	x.Retransmitted = i.Stats.RetransmittedBytes
	x.Reinjected = i.Reinjected
	x.SRTT, x.srtt = i.SRTT, i.SRTT
	x.cwnd, x.inFlight = i.Window, i.InFlight
	x.ssthresh = 0
	if i.Ssthresh < noThreshold {
		x.ssthresh = i.Ssthresh
	}
}

// noThreshold is a slow start threshold that no reduction has set.
const noThreshold = 1 << 40

// subflow returns the entry of a subflow of the client, making it if it is new.
func (f *flowRun) subflow(w *World, i *mptcp.SubflowInfo) *subflowRun {
	if x := f.find(i, true); x != nil {
		return x
	}
	x := &subflowRun{
		SubflowReport: SubflowReport{ID: int(i.ID), Local: i.Tuple.Src, Remote: i.Tuple.Dst},
		name:          fmt.Sprintf("%s/%d", f.decl.Name, i.ID),
	}
	if owner := w.sc.plan.owner[i.Tuple.Src.Addr()]; owner != nil {
		x.iface, x.Interface = owner.name, owner.fullName()
	}
	f.subs = append(f.subs, x)
	return x
}

// find returns the entry of a subflow as one end sees it, or nil.
func (f *flowRun) find(i *mptcp.SubflowInfo, client bool) *subflowRun {
	local, remote := i.Tuple.Src, i.Tuple.Dst
	if client {
		return f.byTuple(local, remote)
	}
	if x := f.byTuple(remote, local); x != nil || f.natted == nil {
		if x == nil && len(f.decl.Servers) > 0 {
			return f.balanced(remote)
		}
		return x
	}
	return f.behindNAT(i, remote, local)
}

func (f *flowRun) byTuple(local, remote netip.AddrPort) *subflowRun {
	for _, x := range f.subs {
		if x.Local == local && x.Remote == remote {
			return x
		}
	}
	return nil
}
