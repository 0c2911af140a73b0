// Package tcp is one regular TCP connection as a state machine without I/O: it
// takes the time and segments, and gives back segments and one deadline.
//
// It follows RFC 9293 with RFC 1122, 2018, 2883, 3042, 3168, 5681, 5682, 5961,
// 6298, 6582, 6675, 6928, 7323, 8985 and 9937. Where these leave a choice, or
// where Linux 6.18 (net/ipv4/tcp_*.c) differs from their letter, the [Profile]
// decides. How many bytes may be in flight is the business of package cc; which
// bytes are sent, lost and sent again is decided here.
//
// Positions. A stream of each direction is numbered from 0 by positions that do
// not wrap; the wire's sequence number is ISN+1+position. The FIN, once queued,
// occupies the position behind the last byte. Payload is virtual: the send
// buffer is three positions, and what was sent and not yet acknowledged is a
// ring of pointer-free records in sequence order (flight.go). Literal bytes, where
// there are any, lie beside it: literal.go for what is sent, arena.go for the
// memory.
//
// Where things are: profile.go choices, conn.go the connection and its getters,
// handshake.go, input.go (checks of an incoming segment), predict.go (the short way of
// most segments), ack.go (what an acknowledgement says), cwnd.go, scoreboard.go (SACK), recovery.go (the states of loss
// recovery), undo.go, rack.go, tlp.go, prr.go, rtt.go, timers.go, timeout.go,
// receive.go, reassembly.go, sack.go (the blocks we report), delack.go,
// window.go, output.go, nagle.go, close.go, ecn.go, reset.go, icmp.go, fastopen.go,
// tuning.go (buffers that tune themselves), rate.go (delivery rate samples for
// controllers), stats.go, extension.go (the hook for MPTCP).
//
// Not modelled: path MTU discovery, pacing inside TCP, TCP segmentation offload
// (every segment is one packet), accurate ECN.
package tcp
