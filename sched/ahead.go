package sched

// This file is for schedulers that send ahead: they give a slow subflow data that
// lies behind what faster ones are yet to send, so that all of it arrives in order.
// What was left out is in Queue.Skipped. Data that was never granted is then a
// sequence of pieces: the skipped ranges, and everything from Next on.

// unsent returns how many bytes were never granted.
func (q *Queue) unsent() int64 {
	n := distance(q.Next, q.End)
	for i := range q.Skipped {
		n += int64(q.Skipped[i].Len)
	}
	return n
}

// unsentAt returns the place that has off bytes of data before it that were never
// granted, and how many bytes lie there in one piece and within the peer's window;
// 0: none.
func (q *Queue) unsentAt(off int64) (dsn uint64, n int64) {
	for i := range q.Skipped {
		r := &q.Skipped[i]
		if off < int64(r.Len) {
			return r.DSN + uint64(off), int64(r.Len) - off
		}
		off -= int64(r.Len)
	}
	dsn = q.Next + uint64(off)
	return dsn, min(distance(dsn, q.End), distance(dsn, q.PeerEdge))
}

// giveAt grants p, which is ready, as much of what lies off bytes into the unsent data as fits, but
// no more than limit bytes, and reports whether that is anything.
func (b *base) giveAt(q *Queue, p *Path, off, limit int64, why Why, out []Grant) ([]Grant, bool) {
	dsn, n := q.unsentAt(off)
	end := dsn + uint64(n)
	// As NewData: the window does not cut a segment short.
	if end == q.PeerEdge && end != q.End && (n >= p.MSS || q.Una != q.Next) {
		n -= n % p.MSS
	}
	if n == 0 {
		b.wait = PeerWindowClosed
		return out, false
	}
	if n = p.Fits(min(n, limit)); n <= 0 {
		b.wait = NoRoom
		return out, false
	}
	return append(out, Grant{Flow: p.Flow, DSN: dsn, Len: int(n), Kind: New, Penalise: NoFlow, Why: why}), true
}

// prepareAhead is prepare for schedulers that send ahead: it returns how many bytes
// were never granted, whether the peer has room for them or not.
func (b *base) prepareAhead(q *Queue, paths []Path, out []Grant) ([]Grant, int64) {
	out, done := b.again(q, paths, out)
	if done {
		return out, 0
	}
	return out, q.unsent()
}
