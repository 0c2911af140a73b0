package nat

import "mpsim/net/wire"

// State is that of a tracked TCP connection, as Linux's connection tracking has
// them (net/netfilter/nf_conntrack_proto_tcp.c).
type State uint8

// The states.
const (
	NoState     State = iota
	SYNSent           // SYN in the original direction
	SYNReceived       // SYN/ACK seen
	Established
	FINWait   // a FIN seen
	CloseWait // and acknowledged
	LastAck   // FINs of both directions seen
	TimeWait  // and acknowledged
	Closed    // RST seen
	SYNSent2  // SYNs in both directions: simultaneous open
	numStates

	// What the table of transitions says beside a new state.
	ignored = numStates     // the packet passes, nothing changes
	invalid = numStates + 1 // the packet does not fit
)

// kind of a segment, the row of the table.
type segmentKind uint8

const (
	kindSYN segmentKind = iota
	kindSYNACK
	kindFIN
	kindACK
	kindRST
	kindNone
)

// transitions is tcp_conntracks of Linux: by direction (original, reply), kind of
// the segment and old state.
var transitions = [2][kindNone][numStates]State{
	{
		kindSYN:    {SYNSent, SYNSent, ignored, ignored, ignored, ignored, ignored, SYNSent, SYNSent, SYNSent2},
		kindSYNACK: {invalid, invalid, SYNReceived, invalid, invalid, invalid, invalid, invalid, invalid, SYNReceived},
		kindFIN:    {invalid, invalid, FINWait, FINWait, LastAck, LastAck, LastAck, TimeWait, Closed, invalid},
		kindACK:    {Established, invalid, Established, Established, CloseWait, CloseWait, TimeWait, TimeWait, Closed, invalid},
		kindRST:    {invalid, Closed, Closed, Closed, Closed, Closed, Closed, Closed, Closed, Closed},
	},
	{
		kindSYN:    {invalid, SYNSent2, invalid, invalid, invalid, invalid, invalid, SYNSent, invalid, SYNSent2},
		kindSYNACK: {invalid, SYNReceived, ignored, ignored, ignored, ignored, ignored, ignored, ignored, SYNReceived},
		kindFIN:    {invalid, invalid, FINWait, FINWait, LastAck, LastAck, LastAck, TimeWait, Closed, invalid},
		kindACK:    {invalid, ignored, SYNReceived, Established, CloseWait, CloseWait, TimeWait, TimeWait, Closed, ignored},
		kindRST:    {invalid, Closed, Closed, Closed, Closed, Closed, Closed, Closed, Closed, Closed},
	},
}

// kindOf is get_conntrack_index of Linux.
func kindOf(f wire.Flags) segmentKind {
	switch {
	case f.Has(wire.RST):
		return kindRST
	case f.Has(wire.SYN | wire.ACK):
		return kindSYNACK
	case f.Has(wire.SYN):
		return kindSYN
	case f.Has(wire.FIN):
		return kindFIN
	case f.Has(wire.ACK):
		return kindACK
	}
	return kindNone
}

// sane reports whether a combination of flags occurs in real connections
// (tcp_valid_flags of Linux).
func sane(f wire.Flags) bool {
	switch f & (wire.FIN | wire.SYN | wire.RST | wire.ACK | wire.URG) {
	case wire.SYN, wire.SYN | wire.URG, wire.SYN | wire.ACK, wire.RST, wire.RST | wire.ACK,
		wire.FIN | wire.ACK, wire.FIN | wire.ACK | wire.URG, wire.ACK, wire.ACK | wire.URG:
		return true
	}
	return false
}

// verdict is what tracking says of a packet.
type verdict uint8

const (
	accepted verdict = iota
	passes           // it passes, but changes nothing and keeps nothing alive
	misfit           // it does not fit the state
	outside          // it does not fit the window
	reopens          // it begins a new connection of the same addresses and ports
)

// tracked is one TCP connection as tracking sees it.
type tracked struct {
	seen     [2]side // original and reply direction
	state    State
	repeated uint8 // how often the last ACK or data segment came again

	replied  bool // the reply direction has been seen
	picked   bool // in mid-stream: the windows are unknown, and so not checked
	both     bool // SYNs in both directions
	lastKind segmentKind
	lastDir  uint8
	lastWin  uint16
	lastSeq  wire.Seq
	lastAck  wire.Seq
	lastEnd  wire.Seq

	// ignoredScale and ignoredSACK are the options of the last SYN that was ignored.
	ignoredScale int8
	ignoredSACK  bool
	// challenge: that SYN may be answered by a challenge ACK (RFC 5961).
	challenge bool
}

// begin starts tracking with the first segment of a connection, and reports
// whether tracking may start with it: loose allows mid-stream.
func (c *tracked) begin(s *wire.Segment, o *wire.Options, loose bool) bool {
	*c = tracked{}
	first := transitions[0][kindACK][NoState]
	if k := kindOf(s.Flags); k == kindNone {
		return false
	} else {
		first = transitions[0][k][NoState]
	}
	switch {
	case first >= numStates || first == Established && !loose:
		return false
	case first == SYNSent:
		c.seen[0].start(s, o)
		c.seen[0].maxEnd = c.seen[0].end
	default:
		c.picked = true
		d := &c.seen[0]
		d.end = endOf(s)
		d.maxWin = max(uint32(s.Window), 1)
		d.maxEnd = d.end + wire.Seq(d.maxWin)
		d.sack, c.seen[1].sack = true, true
	}
	return true
}

// segment takes one segment in direction dir (0: original). If check is false,
// what does not fit passes.
func (c *tracked) segment(s *wire.Segment, o *wire.Options, dir uint8, check bool) verdict {
	k := kindOf(s.Flags)
	if !sane(s.Flags) {
		return judge(misfit, check)
	}
	old := c.state
	next := transitions[dir][k][old]
	if next == SYNSent && old >= TimeWait {
		if c.seen[0].closer || c.seen[1].closer || c.lastDir == dir && c.lastKind == kindRST {
			return reopens
		}
		next = ignored
	}
	switch next {
	case ignored:
		if k != kindSYNACK || !c.resync(s, dir) {
			c.note(s, o, k, dir, old)
			return passes
		}
		old, next = SYNSent, SYNReceived
	case invalid:
		return judge(misfit, check)
	case TimeWait:
		if old == LastAck && k == kindACK && c.lastDir != dir && c.lastKind == kindSYN && c.challenge {
			c.challenge = false
			return passes
		}
	case SYNSent2:
		c.both = true
	case SYNReceived:
		if dir == 1 && k == kindACK && c.both {
			next = Established
		}
	case Closed:
		if k == kindRST {
			var v verdict
			if next, v = c.reset(s, dir, old); v != accepted {
				return judge(v, check)
			}
		}
	}
	if v := c.window(s, o, dir, k, old, check); v != accepted {
		return v
	}
	c.lastKind, c.lastDir = k, dir
	c.state = next
	c.replied = c.replied || dir == 1
	if old != next && next == FINWait {
		c.seen[dir].closer = true
	}
	return accepted
}

// judge is what becomes of a segment that does not fit.
func judge(v verdict, check bool) verdict {
	if check {
		return v
	}
	return passes
}

// note remembers an ignored segment: if it is a SYN whose answer comes, tracking
// was out of step and follows the ends.
func (c *tracked) note(s *wire.Segment, o *wire.Options, k segmentKind, dir uint8, old State) {
	c.lastKind, c.lastDir = k, dir
	c.lastSeq, c.lastEnd, c.lastWin = s.Seq, endOf(s), s.Window
	if k == kindSYN && dir == 0 {
		var d side
		d.options(o)
		c.ignoredScale, c.ignoredSACK = d.scale, d.sack
		c.challenge = old == LastAck
	}
}

// resync follows a SYN/ACK that answers a SYN which was ignored.
func (c *tracked) resync(s *wire.Segment, dir uint8) bool {
	if c.lastKind != kindSYN || c.lastDir == dir || s.Ack != c.lastEnd {
		return false
	}
	c.seen[dir^1] = side{
		end: c.lastEnd, maxEnd: c.lastEnd, maxWin: max(uint32(c.lastWin), 1),
		scale: c.ignoredScale, sack: c.ignoredSACK,
	}
	c.seen[dir] = side{}
	c.challenge = false
	return true
}

// reset judges a RST by what the other end has acknowledged: one of an established
// connection ends it only if its number is exact (RFC 5961 section 3).
func (c *tracked) reset(s *wire.Segment, dir uint8, old State) (State, verdict) {
	peer := &c.seen[dir^1]
	if !peer.acked || s.Seq == 0 && !c.established() {
		return Closed, accepted
	}
	if s.Seq.Before(peer.maxAck) {
		return Closed, outside
	}
	if !c.established() || s.Seq == peer.maxAck || c.lastKind == kindACK && c.lastDir == dir && s.Seq == c.lastEnd {
		return Closed, accepted
	}
	return old, accepted
}

// established is nf_conntrack_tcp_established: a handshake was seen and no end.
func (c *tracked) established() bool {
	return c.state == Established && c.replied
}

// unacknowledged reports whether one end waits for an acknowledgement, or has
// repeated something three times, or the other end's window is closed.
func (c *tracked) unacknowledged() bool {
	return c.repeated >= 3 || c.seen[0].unacked || c.seen[1].unacked || c.lastWin == 0 && c.lastKind == kindACK ||
		c.state == Established && !c.replied
}
