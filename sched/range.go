package sched

// Unacked returns what of the range lies at or above una: the rest has arrived.
func (r *Range) Unacked(una uint64) Range {
	gone := min(distance(r.DSN, una), int64(r.Len))
	return Range{DSN: r.DSN + uint64(gone), Len: r.Len - int(gone), Carried: r.Carried}
}
