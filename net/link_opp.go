package simnet

import (
	"errors"
	"fmt"
	"math"
	"sort"

	"mpsim/sim"
)

// This file models the trace-driven link of mahimahi (Netravali et al., USENIX
// ATC 2015; src/frontend/link_queue.cc). Each line of a trace is an opportunity
// to send 1504 octets at that millisecond: the MTU of 1500 and the 4 octets that
// its TUN device adds, which count for every packet. At an opportunity packets
// leave the queue until the 1504 octets are used up; one that does not fit is
// sent in part and goes on at the next opportunity; what is left when the queue
// is empty is lost. A packet leaves the link at the opportunity that sends its
// last octet. It is out of the queue, and does not count in its limit, from its
// first octet on. An opportunity at t is used before an arrival at t. After the
// last line the trace begins again, with the time of the last line as time 0,
// or the link is dead (once).
//
// The queue disciplines of mahimahi beside infinite and drop-tail (drop-head, CoDel,
// PIE) are in net/aqm.
//
// No event is spent on opportunities that nobody uses: which opportunities a
// packet gets follows from how many have gone by when it comes, and from the
// packets before it.

const (
	// opportunity is what one line of a trace sends, in octets.
	opportunity = 1504
	// tunHeader is what mahimahi's TUN device adds to each packet.
	tunHeader = 4
)

// Opportunities is a mahimahi trace. It is a value that several links may
// share; it must not change once a link uses it.
type Opportunities struct {
	// Milliseconds are the lines: not descending, not empty, the last not 0.
	Milliseconds []uint32
	// Once ends service after the last line instead of starting again.
	Once bool
}

// Validate reports what is wrong with the trace.
func (o *Opportunities) Validate() error {
	n := len(o.Milliseconds)
	if n == 0 {
		return errors.New("trace without opportunities")
	}
	for i := 1; i < n; i++ {
		if o.Milliseconds[i] < o.Milliseconds[i-1] {
			return fmt.Errorf("trace goes back from %d to %d ms", o.Milliseconds[i-1], o.Milliseconds[i])
		}
	}
	if o.Milliseconds[n-1] == 0 {
		return errors.New("last opportunity of a trace at 0 ms")
	}
	return nil
}

// Length returns the time after which the trace starts again.
func (o *Opportunities) Length() sim.Duration {
	return sim.Duration(o.Milliseconds[len(o.Milliseconds)-1]) * sim.Millisecond
}

// at returns the time of opportunity i, counted from 0 over all rounds.
func (o *Opportunities) at(i uint64) sim.Time {
	n := uint64(len(o.Milliseconds))
	round, line := i/n, i%n
	if round > 0 && o.Once {
		return sim.Never
	}
	last := uint64(o.Milliseconds[n-1])
	if round > math.MaxInt64/uint64(sim.Millisecond)/last-1 {
		return sim.Never
	}
	return sim.Time((round*last + uint64(o.Milliseconds[line])) * uint64(sim.Millisecond))
}

// through returns how many opportunities there are up to and including t.
func (o *Opportunities) through(t sim.Time) uint64 {
	n := uint64(len(o.Milliseconds))
	last := uint64(o.Milliseconds[n-1])
	ms := uint64(t) / uint64(sim.Millisecond)
	round := ms / last
	if o.Once && round > 0 {
		return n
	}
	// The lines of earlier rounds lie at or before round*last.
	ms -= round * last
	i := sort.Search(int(n), func(i int) bool { return uint64(o.Milliseconds[i]) > ms })
	return round*n + uint64(i)
}

// oppCursor is the number of opportunities of which the packets accepted so far
// have used the last octet, or which have gone by.
type oppCursor struct {
	opp *Opportunities
	pos uint64
}

// finish returns when the given work is done and how much is left of the last
// opportunity, as a negative remainder. At is the time of opportunity pos-1 if
// work is negative or zero because that one suffices.
func (c *oppCursor) finish(at sim.Time, work uint64) (sim.Time, uint64) {
	w := int64(work)
	if w <= 0 {
		return at, work
	}
	need := uint64(w+opportunity-1) / opportunity
	end := c.opp.at(c.pos + need - 1)
	if end == sim.Never {
		return sim.Never, 0
	}
	c.pos += need
	return end, work - need*opportunity
}
