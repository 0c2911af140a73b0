package sched

// This file says how much new data the connection's windows let out.

// NewData returns how many bytes that were never sent the application has and
// the peer has room for, and of them how many a subflow with the given segment
// size may send. The last bytes before the peer's edge are held back while they
// would cut a segment short, as Linux does (tcp_snd_wnd_test) and RFC 9293
// section 3.8.6.2.1 asks, unless nothing is outstanding: then no DATA_ACK would
// ever move the edge.
func (q *Queue) NewData(mss int64) int64 {
	data := distance(q.Next, q.End)
	room := distance(q.Next, q.PeerEdge)
	n := wholeSegments(room, data, mss)
	if n == 0 && q.Una == q.Next {
		return min(data, room)
	}
	return n
}

// distance is b-a, or 0 if b lies before a.
func distance(a, b uint64) int64 { return max(int64(b-a), 0) }
