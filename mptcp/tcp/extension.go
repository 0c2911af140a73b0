package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Segment is a segment on its way into or out of an endpoint: the hot line, the
// cold record if there is one, and what names the flow.
type Segment struct {
	wire.Segment
	// Opt is the cold record; nil: none. An endpoint that emits a segment with
	// options points it to Buf.
	Opt *wire.Options
	// Socket is the endpoint's own number of the socket, for carriers that
	// remember it: 0 on input means "look it up by Tuple", on output "no socket"
	// (a reset for an unknown flow).
	Socket uint32
	// Tuple names the flow from the sender's view. It is valid during the call
	// on input and until the socket closes on output.
	Tuple *wire.Tuple
	// Buf is the storage behind Opt for emitted segments.
	Buf wire.Options
}

// Options returns the cold record of an outgoing segment for writing, attaching
// Buf on first use.
func (s *Segment) Options() *wire.Options {
	if s.Opt == nil {
		s.Buf.Reset()
		s.Opt = &s.Buf
	}
	return s.Opt
}

// Extension is how another protocol rides on a connection; MPTCP is the one
// there is. Stream positions count payload bytes from 0 in each direction; they
// do not wrap. A connection without extension is plain TCP: it announces the
// room of its own receive buffer and queues what it receives for Read.
type Extension interface {
	// MSS returns the payload bytes of a full segment, given what TCP's own
	// options leave: the extension subtracts what it adds to every data segment.
	MSS(room int) int
	// SegmentAt is asked before payload is sent, first or again: at most max
	// bytes at stream position pos are wanted. It returns how many may go into
	// one segment (mapping boundary, option room; at least 1) and the true
	// offset in the application's stream of the first of them.
	SegmentAt(now sim.Time, pos uint64, max int) (n int, off uint64)
	// OneSegment reports whether the payload from position pos to end, which was
	// sent before, may go into one segment: short ones are joined when they are
	// sent again (Linux mptcp_skb_can_collapse).
	OneSegment(pos, end uint64) bool
	// WriteOptions adds the extension's options to an outgoing segment that is
	// complete but for SACK; room is what TCP's options leave of the 40 bytes.
	WriteOptions(now sim.Time, s *Segment, room int)
	// ReadOptions sees each incoming segment that passed TCP's checks of
	// sequence number, acknowledgement and timestamps, before TCP acts on it.
	ReadOptions(now sim.Time, s *Segment) Verdict
	// Deliver hands over n bytes of the received stream, in order, from position
	// pos on; off is the true offset that the sender gave them.
	Deliver(now sim.Time, pos uint64, n int, off uint64)
	// ReceiveWindow returns the window to announce, in bytes from what has been
	// received in order. TCP accepts data up to the highest edge ever announced.
	ReceiveWindow(now sim.Time) int64
	// OnEvent reports what happened to the connection.
	OnEvent(now sim.Time, e Event, why trace.Reason)
}

// Verdict is what an extension says of an incoming segment.
type Verdict uint8

// Parts of a Verdict.
const (
	// IgnoreWindow: the segment's window field must not be taken over.
	IgnoreWindow Verdict = 1 << iota
	// NotDuplicate: the segment does not count as a duplicate ACK, nor the SYN of a
	// SYN/ACK that crossed ours as a duplicate.
	NotDuplicate
	// Discard: TCP must not process the segment further (the extension has
	// dealt with it, usually by Abort).
	Discard
)

// Event is what happens to a connection.
type Event uint8

// The events of a connection.
const (
	// Connected: the handshake is complete (ESTABLISHED).
	Connected Event = iota
	// AckAdvanced: the peer acknowledged new stream bytes.
	AckAdvanced
	// InFlightFell: an acknowledgement that did not advance took something out of
	// flight, by selective blocks or losses that they show: more may leave.
	InFlightFell
	// TimedOutOnce: the retransmission timer expired.
	TimedOutOnce
	// PeerClosed: the peer's FIN arrived in order; its stream is complete.
	PeerClosed
	// Closed: the connection is over (TIME-WAIT entered, reset, given up).
	Closed
	// Forgotten: TIME-WAIT is over; the 4-tuple may be used again.
	Forgotten
)
