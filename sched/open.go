package sched

import "math/bits"

// Most of the time all subflows but one are full, and with many of them nothing of
// their rows lies in a cache close by. So the endpoint keeps which rows are open, as
// it fills them in, and a scheduler that looks for a ready subflow passes over the
// others without a look.

// MaxOpen is the largest number of rows of which [Queue.Open] can tell.
const MaxOpen = 64

// IsOpen reports whether the subflow is Ready for a full segment.
func (p *Path) IsOpen() bool {
	return !p.PotentiallyFailed && !p.Stale && !p.InLoss && p.MSS > 0 && min(p.Room(), p.SendBufFree) >= p.MSS
}

// Windowed is implemented by schedulers that give new data only to subflows that are
// Ready for it, and for which a question without a grant has no consequence: while no
// row is open for as much data as waits, they need not be asked.
type Windowed interface {
	// Windowed returns whether that holds, always the same.
	Windowed() bool
}

// lowestOpen returns the open subflow with the smallest round-trip time that is no
// backup, the first in order on a tie; nil: there is none. Then lowestOf decides, which
// for as much data as Queue.Sifted asks for finds the same subflow.
func lowestOpen(q *Queue, paths []Path) (best *Path) {
	if !q.Sifted {
		return nil
	}
	for set := q.Open; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(set)
		if i >= len(paths) {
			break
		}
		if p := &paths[i]; !p.Backup && (best == nil || p.SRTT < best.SRTT) {
			best = p
		}
	}
	return best
}
