package mptcp

import (
	"math"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ConnInfo is what a connection shows. Byte counts are payload of the
// application's stream.
type ConnInfo struct {
	Name     string
	Number   uint32    // how manieth socket of the endpoint it is, as in traces
	Protocol Protocol  // what the application asked for
	State    tcp.State // of the connection; of MPTCP by its DATA_FINs
	// Fallback says why an MPTCP connection is plain TCP; NoReason: it is not.
	Fallback trace.Reason
	Why      trace.Reason // of the end
	// Started is when the socket was created, Established when the handshake was
	// complete, Ended when it was over; sim.Never: not yet.
	Started, Established, Ended sim.Time
	Token, PeerToken            uint32 // of MPTCP
	Version                     uint8  // of MPTCP: 0 (RFC 6824) or 1 (RFC 8684)

	Written       uint64 // by the application
	Acked         uint64 // by the peer's DATA_ACK, or TCP's ACK
	Received      uint64 // in order
	Read          uint64 // by the application
	OutOfOrder    int64  // received behind a gap
	Duplicate     int64  // received more than once at the data level
	Refused       int64  // received beyond the window or the bounds
	Reinjected    int64  // sent again on another subflow
	Useful        int64  // of Reinjected: the copy was acknowledged before the original
	Useless       int64  // of Reinjected: the original was
	Penalties     int64  // windows halved because a subflow held up the connection
	ConnTimeouts  int64  // expiries of the connection-level timer that sent data again
	PeerWindow    int64  // right edge of the peer's window less what was granted
	Subflows      int    // that there ever were
	SchedulerAsks int64
	// Stranded is how many subflows are allocated but can never carry data.
	Stranded int
	// FastCloseWait: MP_FASTCLOSE is on its way, and the peer has not answered.
	FastCloseWait bool
}

// SubflowInfo is what a subflow of a connection shows; a plain TCP connection has
// one. Byte counts are payload.
type SubflowInfo struct {
	ID     cc.FlowID
	Socket uint32 // Segment.Socket
	Tuple  wire.Tuple
	// LocalID and RemoteID are the address ids (RFC 8684 section 3.4).
	LocalID, RemoteID uint8
	Active            bool // we opened it
	Backup            bool // by either side's wish
	Failed            bool // timed out and not heard of since
	Usable            bool // may be granted data
	Ended             bool
	State             tcp.State
	Why               trace.Reason // of the end
	PeerReset         PeerReset    // of a subflow that the peer has reset
	CA                cc.State
	SRTT, RTTVar      sim.Duration
	MinRTT, RTO       sim.Duration
	Backoff           int
	MSS               int
	Window, Ssthresh  int64 // congestion window and slow start threshold
	Alpha             float64
	InFlight, Unsent  int64
	// Lost, Sacked and Resent are segments in flight (Linux lost_out, sacked_out,
	// retrans_out), Reordering the threshold of duplicate acknowledgements.
	Lost, Sacked, Resent, Reordering int
	AdvertisedMSS                    int        // in bytes; Linux advmss
	Chrono                           tcp.Chrono // how long it was busy, and limited by the peer's window
	LastData                         sim.Time   // arrival of payload in order; none yet: establishment
	// Delivered is what the peer has acknowledged of our stream, Received what
	// has arrived of its stream in order; Granted is what was moved into the
	// subflow, and Reinjected what of that another subflow had carried.
	Granted, Delivered, Received uint64
	Reinjected                   int64
	Stats                        tcp.Stats
	// Started is when the SYN was ordered or came, Established when data could be
	// carried, End when the subflow was over; sim.Never: not yet.
	Started, Established, End sim.Time
}

// PeerReset is what the RST of a peer said by MP_TCPRST (RFC 8684 section 3.6).
type PeerReset struct {
	Seen      bool  // there was one
	Reason    uint8 // its code, 0 to 6
	Transient bool  // flag T: the subflow may be opened again
}

// Info returns the state of a connection; the zero value if there is none.
func (e *Endpoint) Info(id ConnID) ConnInfo {
	s := e.socks.get(id)
	if s == nil || s.listen != nil {
		return ConnInfo{}
	}
	i := ConnInfo{
		Name: s.opt.Name, Number: s.number, Protocol: s.opt.Protocol, Why: s.reason,
		Started: s.started, Established: s.usable, Ended: s.ended, Read: s.readBytes,
		Subflows: 1,
	}
	if s.conn != nil {
		s.conn.info(&i)
		return i
	}
	t := &s.flow.tcp
	i.State = t.State()
	if s.notOffered {
		i.Fallback = trace.NotOffered
	}
	i.Written, i.Acked, i.Received = t.SndEnd(), t.SndUna(), t.RcvNxt()
	i.Duplicate = t.Stats().DuplicateBytes
	i.PeerWindow = t.SendWindow()
	return i
}

func (c *connection) info(i *ConnInfo) {
	i.State = c.state()
	i.Fallback = c.fallback.why
	i.Version = c.version
	i.Token, i.PeerToken = c.local.token, c.remote.token
	sent := uint64(c.early.sent)
	i.Written, i.Acked, i.Received = c.send.end-1+sent, c.send.una-1+sent, c.recv.next-1+uint64(c.early.got)
	i.OutOfOrder, i.Duplicate, i.Refused = c.recv.queued, c.recv.duplicate, c.recv.refused
	st := &c.stats
	c.settleCopies()
	i.Reinjected, i.Useful, i.Useless = st.reinjected, st.useful, st.useless
	i.Penalties = st.penalties
	i.ConnTimeouts, i.SchedulerAsks = st.retransmits, st.picks
	i.PeerWindow = int64(c.peer.edge - c.send.next)
	i.Subflows = len(c.subs)
	for _, f := range c.subs {
		if f.stranded && !f.dead {
			i.Stranded++
		}
	}
	i.FastCloseWait = c.fastClose.f != nil && !c.fastClose.f.dead
}

// state maps the DATA_FINs to the states of TCP (RFC 8684 appendix D).
func (c *connection) state() tcp.State {
	cl := &c.closing
	switch {
	case c.fallback.on:
		return c.fallback.f.flow.tcp.State()
	case !c.sock.connected:
		return c.subs[0].flow.tcp.State()
	case c.over:
		return tcp.StateClosed
	case cl.finSent && !cl.finAcked && !cl.peerDone:
		return tcp.StateFinWait1
	case cl.finAcked && !cl.peerDone:
		return tcp.StateFinWait2
	case cl.finSent && cl.peerDone && cl.passive:
		return tcp.StateLastAck
	case cl.finSent && cl.peerDone:
		return tcp.StateClosing
	case cl.peerDone:
		return tcp.StateCloseWait
	}
	return tcp.StateEstablished
}

// Subflows appends what the subflows of a connection show to buf, in the order of
// their ids, those that have ended included.
func (e *Endpoint) Subflows(id ConnID, buf []SubflowInfo) []SubflowInfo {
	s := e.socks.get(id)
	switch {
	case s == nil || s.listen != nil:
		return buf
	case s.conn == nil:
		i := SubflowInfo{Started: s.started, Established: s.usable, End: s.ended, Usable: s.connected && !s.closed, Ended: s.closed, Why: s.reason}
		s.flow.info(&i)
		return append(buf, i)
	}
	for _, f := range s.conn.subs {
		i := SubflowInfo{
			ID: f.id, LocalID: f.localID, RemoteID: f.remoteID, Active: f.active,
			Backup: f.isBackup(), Failed: f.failed, Usable: f.usable() || f.phase == phasePlain && f.opened(),
			Ended: f.dead, Why: f.why, PeerReset: PeerReset{Seen: f.peerRstSeen, Reason: f.peerRst.Reason, Transient: f.transient()}, Reinjected: f.reinjected,
			Started: f.started, Established: f.usableAt, End: f.endedAt,
		}
		f.flow.info(&i)
		buf = append(buf, i)
	}
	return buf
}

// info fills in what TCP and the controller know.
func (f *flow) info(i *SubflowInfo) {
	t := &f.tcp
	i.Socket, i.Tuple = f.id, f.tuple
	i.State, i.CA = t.State(), t.CAState()
	i.SRTT, i.RTTVar, i.MinRTT, i.RTO, i.Backoff = t.SRTT(), t.RTTVar(), t.MinRTT(), t.RTO(), t.Backoff()
	i.MSS, i.InFlight, i.Unsent = t.MSS(), t.InFlight(), t.Unsent()
	i.Granted, i.Delivered, i.Received = t.SndEnd(), t.SndUna(), t.RcvNxt()
	i.Lost, i.Sacked, i.Resent, i.Reordering = t.Lost(), t.Sacked(), t.Resent(), t.Reordering()
	i.AdvertisedMSS, i.Chrono, i.LastData = t.AdvertisedMSS(), t.Chrono(), t.LastData()
	i.Stats = *t.Stats()
	i.Alpha = math.NaN()
	if i.Established != sim.Never && !i.Ended {
		m := f.cc.Observe(i.ID)
		i.Window, i.Ssthresh, i.Alpha = m.Window, m.Ssthresh, m.Alpha
	}
}
