package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Config is what a connection is made of. It is copied.
type Config struct {
	// Profile is the choice of timers and variants; nil: Linux().
	Profile *Profile
	// CC governs the congestion window; subflows of one MPTCP connection share
	// it and have different Flow.
	CC   cc.Controller
	Flow cc.FlowID
	// ISS is the initial sequence number and TSOffset the start of the timestamp
	// clock; the endpoint draws both from its random stream.
	ISS      wire.Seq
	TSOffset uint32
	// MSS is the maximum segment size that is announced: 1460 for IPv4 and 1440
	// for IPv6 over Ethernet. Options are not counted in it (RFC 6691).
	MSS int
	// IPHeader is the length of IP's header: 20 or 40; 0: 20.
	IPHeader int
	// SendBuffer and ReceiveBuffer are in bytes of payload and fixed. With an
	// extension, which bounds both itself, ReceiveBuffer only chooses the window
	// scale and SendBuffer means nothing.
	SendBuffer, ReceiveBuffer int64
	// SendMemory and ReceiveMemory make them tune themselves instead.
	SendMemory, ReceiveMemory Memory
	// NoDelay switches the profile's Nagle rule off.
	NoDelay bool
	// CountSegments: the congestion window counts segments, as Linux's does: a short
	// one takes a whole MSS of it. Otherwise bytes count (RFC 5681).
	CountSegments bool
	// Keepalive probes an idle connection as the profile says.
	Keepalive bool
	// Ext rides on the connection; nil: plain TCP.
	Ext Extension
	// Arena keeps literal payload; nil: one of the connection's own.
	Arena *Arena
	// Scratch is working space that connections may share; nil: one of its own.
	Scratch *Scratch
	// Trace receives the records of the connection under ConnNumber; it may be
	// nil.
	Trace      *trace.Node
	ConnNumber uint32
}

// Conn is one connection. It is not safe for concurrent use. After each call of
// a method that takes the time, the owner polls until there is nothing to send
// and asks for the next timeout.
type Conn struct {
	// The fields lie in the order in which segments need them, in lines of 64 bytes: of
	// a thousand connections each segment finds another one, which is in no cache close
	// by, so that the lines touched are what a segment costs. Every segment touches
	// lines 0 to 5, one with payload also 6 to 8, and an acknowledgement of data 9 to 13.

	// Line 0: what decides which way a segment takes.
	state     State
	caState   cc.State
	rexmit    rexmitMode
	options   negotiated
	out       output // what Poll has to send beside data
	burst     uint16 // segments of new data sent since the last input
	closing   closing
	backoff   uint8
	keepalive bool
	noDelay   bool
	cork      bool
	slots     bool // Config.CountSegments
	forgotten bool
	tuned     bool // the receive buffer tunes itself
	sendTuned bool // the send buffer does
	literal   bool // lit names literal parts of our stream
	urgent    bool // marks.tx is not acknowledged
	urged     bool // marks.rx was set
	retrying  bool // retries.probes or retries.soft is set
	tlpResent bool // the tail loss probe was a retransmission
	ownRates  bool // the controller governs recovery, not PRR
	paced     bool // the controller may pace
	hearsSent bool // the controller wants to know what is sent
	keepsCwnd bool // snd.cwnd is the controller's window: nobody else changes it
	mtuWatch  bool // something is known of the path MTU or sought: pollNew has to look
	reducing  bool // proportional rate reduction decides what leaves
	gaps      bool // something arrived out of order or twice, and is to be reported
	heldUp    bool // the chronometer of the peer's window runs
	flow      cc.FlowID
	tsRecent  uint32 // TS.Recent
	tsOffset  uint32
	iss, irs  wire.Seq
	answers   bool // payload has come in at some time, so that ack has a say
	ackTimer  sim.Time

	// Line 1: whom it concerns.
	p       *Profile
	ext     Extension
	cc      cc.Controller
	scratch *Scratch
	rto     sim.Duration
	ecn     ecnState

	// Line 2: the deadlines.
	rtx        slot
	slow       slowSlot
	paceTimer  sim.Time // when to poll again because of pacing; Never: not waiting
	tsRecentAt sim.Time // when TS.Recent was taken
	tlpHigh    int64    // SND.NXT when a tail loss probe was sent; 0: none is outstanding

	// Lines 3 to 5: the two halves of the transmission control block, and what is
	// counted of every segment.
	rcv     receiver
	count   traffic
	mssOurs int
	snd     sender

	// Line 6: when to acknowledge.
	ack ackPolicy

	// Lines 7 to 11: sending, of which 8 is for losses.
	flight flight
	outgo  outgoing
	rate   rateState
	rtt    rttEstimator
	rtoCap sim.Duration
	usage  windowUsage
	rack   rack

	// Line 12: what was received and not read.
	queue spanQueue

	// Loss and reordering.
	paceDue  sim.Time // when the next segment may leave
	retries  retryState
	recovery recovery
	prr      prr
	ooo      reassembly
	sacks    sackState
	chrono   Chrono

	// The rest is cold.
	joined      bool // the controller knows the flow
	ipHeader    uint8
	reason      trace.Reason
	number      uint32
	sendBuffer  int64
	stats       Stats
	lit         *Literals
	marks       urgentMarks
	syn         synState
	mtu         mtuState
	fast        fastOpen
	reset       resetRequest
	challengeAt sim.Time // last rate-limited answer
	userTimeout sim.Duration
	finWait2    sim.Duration // bound of FIN-WAIT-2 of an orphan; 0: none
	priorACK    int64        // RCV.NXT that outPriorACK acknowledges
	trace       *trace.Node
	cost        float64 // of the path, for the controller

	// Buffers that tune themselves.
	sendMemory Memory
	tune       ReceiveTuning
	slope      Slope
	rcvRTT     receiveRTT
}

// Scratch is where a connection puts the arguments of interface methods, which would
// escape from the stack. All connections of an endpoint may share one: what is in it
// matters during one call only.
type Scratch struct {
	ack    cc.Ack
	record trace.Record
}

// traffic is the part of Stats that every segment changes.
type traffic struct {
	segmentsSent, segmentsReceived, bytesSent, bytesReceived int64
}

// sender is the send half of the transmission control block (RFC 9293 section
// 3.3.1), in stream positions.
type sender struct {
	una, nxt, end int64 // SND.UNA, SND.NXT, end of what was written
	wnd           int64 // window announced by the peer, from una
	wl1           int64 // receive position of the segment that set it
	maxWnd        int64 // largest ever
	mss           int   // payload bytes of a full segment now
	scale         uint8
}

// outgoing is what else is needed to send.
type outgoing struct {
	cwnd     int64 // the controller's window, if keepsCwnd
	peerMSS  int   // announced by the peer, bounded by what we announce
	small    int64 // end of the last short segment (Minshall)
	lastSent sim.Time
}

// receiver is the receive half.
type receiver struct {
	nxt    int64    // RCV.NXT
	wup    int64    // RCV.NXT when an ACK was last sent (Last.ACK.sent)
	wnd    int64    // window announced then
	edge   int64    // what the window is to reach, before rounding to the scale
	top    int64    // highest edge ever announced: what lies below is accepted
	fin    int64    // position of the peer's FIN; -1: not seen
	last   sim.Time // arrival of the last segment
	read   int64    // what the application has consumed
	scale  uint8
	step   int64 // the edge moves by no less, if the buffer has a fixed size
	buffer int64 // its size
}

// negotiated are the options both ends agreed on.
type negotiated uint8

const (
	useTS negotiated = 1 << iota
	useSACK
	useScale
	useECN
	useTLP // the profile probes tails, and selective acknowledgements let RACK judge
)

// output is what Poll has to send beside data and retransmissions.
type output uint16

const (
	outReset    output = 1 << iota // RST, see resetRequest
	outSYN                         // SYN or SYN/ACK
	outFirstACK                    // third segment of the handshake: pure, before data
	outHead                        // first segment again, whatever the window (RTO)
	outTail                        // tail loss probe
	outProbe                       // window probe or keepalive
	outACK                         // an ACK, which may ride on data
	outPureACK                     // an ACK without data
	outPriorACK                    // an ACK with the echo of before a change (RFC 8257)
)

// New returns a connection in CLOSED.
func New(cfg *Config) *Conn {
	c := new(Conn)
	c.Init(cfg)
	return c
}

// Init makes c a new connection in CLOSED, for owners that hold it by value.
func (c *Conn) Init(cfg *Config) {
	*c = Conn{
		p: cfg.Profile, cc: cfg.CC, flow: cfg.Flow, ext: cfg.Ext,
		iss: cfg.ISS, tsOffset: cfg.TSOffset,
		mssOurs: cfg.MSS, ipHeader: uint8(max(cfg.IPHeader, 20)), sendBuffer: cfg.SendBuffer,
		noDelay: cfg.NoDelay, slots: cfg.CountSegments, keepalive: cfg.Keepalive,
		trace: cfg.Trace, number: cfg.ConnNumber,
	}
	if c.p == nil {
		c.p = Linux()
	}
	c.rcv.buffer = cfg.ReceiveBuffer
	c.ooo.arena = cfg.Arena
	if c.ooo.arena == nil {
		c.ooo.arena = new(Arena)
	}
	if c.scratch = cfg.Scratch; c.scratch == nil {
		c.scratch = new(Scratch)
	}
	if c.cc == nil || c.mssOurs < minMSS || c.mssOurs > maxMSS {
		sim.Bugf("connection without controller or with MSS %d", c.mssOurs)
	}
	if m := cfg.ReceiveMemory; m.Auto() {
		c.tuned, c.rcv.buffer = true, m.ScaleBuffer()
		c.tune.Init(0, m, cfg.MSS)
	}
	if m := cfg.SendMemory; m.Auto() {
		c.sendTuned, c.sendMemory, c.sendBuffer = true, m, min(m.Initial, m.Max)
	}
	c.rcv.step = min(c.rcv.buffer/2, int64(c.mssOurs))
	c.rto = c.p.InitialRTO
	c.rtx.stop()
	c.slow.stop()
	c.ackTimer, c.paceTimer = sim.Never, sim.Never
	traits := cc.TraitsOf(c.cc)
	c.paced, c.ownRates, c.ecn.exact = traits.Paced, traits.OwnRecovery, traits.ExactECN
	c.keepsCwnd, c.hearsSent = traits.OwnWindows, !traits.IgnoresSent
	c.rcv.fin = -1
	c.challengeAt = -1 << 62
	c.rcv.last = -1
	c.rack.init()
	c.recovery.init()
	c.ack.mss = 536 // RFC 9293 default until the peer shows more
}

// maxMSS is what fits into an IPv4 packet without options.
const maxMSS = 1<<16 - 1 - 40

// minMSS is the least payload of a full segment that is believed (Linux
// TCP_MIN_MSS).
const minMSS = 88

// State returns the state of RFC 9293.
func (c *Conn) State() State { return c.state }

// CAState returns the state of loss recovery.
func (c *Conn) CAState() cc.State { return c.caState }

// SRTT returns the smoothed round-trip time; 0: not measured.
func (c *Conn) SRTT() sim.Duration { return c.rtt.srtt() }

// RTTVar returns the mean deviation of the round-trip time.
func (c *Conn) RTTVar() sim.Duration { return c.rtt.variance() }

// MinRTT returns the smallest round-trip time of the connection; 0: not measured.
func (c *Conn) MinRTT() sim.Duration { return c.rtt.min }

// RTO returns the present retransmission timeout, backoff included.
func (c *Conn) RTO() sim.Duration { return c.rto }

// Backoff returns how often the RTO was doubled since the last measurement.
func (c *Conn) Backoff() int { return int(c.backoff) }

// InFlight returns the bytes that are believed to be in the network (the pipe of
// RFC 6675).
func (c *Conn) InFlight() int64 { return c.pipe() }

// Unsent returns the written bytes that were not sent yet.
func (c *Conn) Unsent() int64 { return max(c.snd.end-c.snd.nxt, 0) }

// SendRoom returns how many bytes Write would take of a plain connection.
func (c *Conn) SendRoom() int64 { return max(c.sendBuffer-c.SendMemory(), 0) }

// SndUna returns the position up to which the peer acknowledged our stream.
func (c *Conn) SndUna() uint64 { return uint64(min(c.snd.una, c.snd.end)) }

// SndUnaSeq returns the sequence number that the peer expects next.
func (c *Conn) SndUnaSeq() wire.Seq { return c.sndSeq(c.snd.una) }

// SndNxt returns the position of the next byte to be sent for the first time.
func (c *Conn) SndNxt() uint64 { return uint64(min(c.snd.nxt, c.snd.end)) }

// SndEnd returns the end of what was written.
func (c *Conn) SndEnd() uint64 { return uint64(c.snd.end) }

// RcvNxt returns the position up to which the peer's stream arrived in order.
func (c *Conn) RcvNxt() uint64 {
	if c.PeerFIN() {
		return uint64(c.rcv.nxt - 1)
	}
	return uint64(max(c.rcv.nxt, 0))
}

// SendWindow returns the bytes that the peer's window leaves beyond SndNxt.
func (c *Conn) SendWindow() int64 { return c.snd.una + c.snd.wnd - c.snd.nxt }

// MSS returns the payload bytes of a full segment.
func (c *Conn) MSS() int { return c.snd.mss }

// LastReceived returns when the last segment arrived; -1: none has.
func (c *Conn) LastReceived() sim.Time { return c.rcv.last }

// PeerFIN reports whether the peer's stream is complete.
func (c *Conn) PeerFIN() bool { return c.rcv.fin >= 0 && c.rcv.nxt > c.rcv.fin }

// AckDue reports whether an acknowledgement is to be sent now.
func (c *Conn) AckDue() bool { return c.out&(outACK|outPureACK) != 0 }

// Reason says why the connection ended.
func (c *Conn) Reason() trace.Reason { return c.reason }

// Forgotten reports that the connection is over, TIME-WAIT included, and has
// nothing left to send: its owner may drop it.
func (c *Conn) Forgotten() bool { return c.forgotten }

// Scales returns the window shifts of the peer's and of our windows.
func (c *Conn) Scales() (send, receive uint8) { return c.snd.scale, c.rcv.scale }

// UsesTimestamps reports whether both ends agreed on timestamps.
func (c *Conn) UsesTimestamps() bool { return c.options&useTS != 0 }

// UsesSACK reports whether both ends agreed on selective acknowledgements.
func (c *Conn) UsesSACK() bool { return c.options&useSACK != 0 }

// UsesECN reports whether both ends agreed on ECN.
func (c *Conn) UsesECN() bool { return c.options&useECN != 0 }

// Stats returns the counters of the connection.
func (c *Conn) Stats() *Stats {
	n := &c.count
	c.stats.SegmentsSent, c.stats.SegmentsReceived = n.segmentsSent, n.segmentsReceived
	c.stats.BytesSent, c.stats.BytesReceived = n.bytesSent, n.bytesReceived
	return &c.stats
}

// SetPathCost tells the controller, when the flow joins it, what its path costs (in any
// unit; 0: none given).
func (c *Conn) SetPathCost(cost float64) { c.cost = cost }

// SetNoDelay switches the Nagle rule off or on.
func (c *Conn) SetNoDelay(off bool) { c.noDelay = off }

// pipe is RFC 6675's: what was sent, less what arrived or is lost, plus
// retransmissions.
func (c *Conn) pipe() int64 {
	f := &c.flight
	if c.slots {
		return int64(int32(f.len())-f.nSacked-f.nLost+f.nResent) * int64(c.snd.mss)
	}
	n := c.snd.nxt - c.snd.una
	if f.nSacked|f.nLost|f.nResent != 0 {
		n += f.resent - f.sacked - f.lost
	}
	return n
}

// slot is what a segment takes of the congestion window.
func (c *Conn) slot(r *sent) int64 {
	if c.slots {
		return int64(c.snd.mss)
	}
	return int64(r.len)
}

// sndSeq returns the sequence number of a position of our stream.
func (c *Conn) sndSeq(pos int64) wire.Seq { return c.iss + 1 + wire.Seq(pos) }

// sndPos returns the position of a sequence number near SND.UNA.
func (c *Conn) sndPos(q wire.Seq) int64 {
	return c.snd.una + int64(q.Diff(c.sndSeq(c.snd.una)))
}

// rcvSeq returns the sequence number of a position of the peer's stream.
func (c *Conn) rcvSeq(pos int64) wire.Seq { return c.irs + 1 + wire.Seq(pos) }

// rcvPos returns the position of a sequence number near RCV.NXT.
func (c *Conn) rcvPos(q wire.Seq) int64 {
	return c.rcv.nxt + int64(q.Diff(c.rcvSeq(c.rcv.nxt)))
}

// setState enters a state of RFC 9293.
func (c *Conn) setState(now sim.Time, s State) {
	if s == c.state {
		return
	}
	c.emit(now, trace.SubflowState, c.reason, int64(c.state), int64(s), 0, 0, 0)
	c.state = s
}

// event tells the extension.
func (c *Conn) event(now sim.Time, e Event, why trace.Reason) {
	if c.ext != nil {
		c.ext.OnEvent(now, e, why)
	}
}

// emit records a fact of the connection.
func (c *Conn) emit(now sim.Time, k trace.Kind, why trace.Reason, a, b, d, e, f int64) {
	if c.trace == nil {
		return
	}
	c.scratch.record = trace.Record{
		At: now, Kind: k, Why: why, Conn: c.number, Flow: int32(c.flow),
		A: a, B: b, C: d, D: e, E: f,
	}
	c.trace.Emit(&c.scratch.record)
}
