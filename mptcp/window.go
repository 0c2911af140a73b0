package mptcp

// The receive window of a connection is one for all subflows (RFC 8684 sections
// 3.3.4 and 3.3.5): a window field counts from the DATA_ACK in the same segment,
// and its right edge never moves back.

// peerWindow is the window that the peer offers us.
type peerWindow struct {
	edge uint64 // first data sequence number that may not be sent yet
}

// update takes a window field over: the largest right edge that any subflow
// brought holds, whatever the order in which segments arrive. It reports whether
// the edge has moved.
func (w *peerWindow) update(dataAck uint64, window int64) (moved bool) {
	edge := dataAck + uint64(window)
	if edge <= w.edge {
		return false
	}
	w.edge = edge
	return true
}

// localWindow is the window that we offer the peer.
type localWindow struct {
	told int64 // window in the last segment, where the buffer tunes itself
	// closed: no window was announced once, so that the peer may have probed it.
	closed bool
	size   int64  // of the receive buffer in bytes
	read   uint64 // first byte that the application has not read
	edge   uint64 // right edge announced so far; data beyond it is refused
}

// announce returns the window to put into a segment whose DATA_ACK is next, in
// whole units of 1<<scale bytes, and remembers the edge. It is rounded down as
// long as that does not move the edge back, and otherwise up (Linux,
// tcp_select_window), but never by a unit or more beyond the buffer: where that
// would happen the field falls short of the edge by less than a unit, which a
// sender that keeps the largest edge does not notice.
func (w *localWindow) announce(next uint64, scale uint8) int64 {
	unit := uint64(1) << scale
	limit := w.read + uint64(w.size)
	n := uint64(0)
	if limit > next {
		n = min((limit-next)&^(unit-1), 0xffff<<scale)
	}
	if next+n < min(w.edge, limit) {
		if up := n + unit; up <= 0xffff<<scale {
			n = up
		}
	}
	w.edge = max(w.edge, next+n)
	return int64(n)
}

// worthAnnouncing reports whether the application has read so much that the
// peer should hear of it without waiting for the next segment: the window it
// knows of is at most half the buffer, and would at least double (Linux,
// __tcp_cleanup_rbuf).
func (w *localWindow) worthAnnouncing(next uint64) bool {
	var known int64
	if w.edge > next {
		known = int64(w.edge - next)
	}
	free := int64(w.read + uint64(w.size) - next)
	return 2*known <= w.size && free > 0 && free >= 2*known
}
