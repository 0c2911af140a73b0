package mptcp

import (
	"math/bits"

	"mpsim/sched"
)

// The size of connection-level segments (RFC 8041 section 3.8). A stack that keeps
// written data in packets of one MSS has to choose whose, if those of the subflows
// differ: what is longer than a subflow's own leaves in two segments, which take two
// slots of its congestion window.
//
// What is modelled: grants consist of such segments, each is a mapping of its own or
// several, windows of such connections count segments, and with SegmentAdaptive the
// size is the one that promises most:
//
//	max over S    sum over subflows    rate * S / (ceil(S/MSS) * MSS)
//
// Departures: sizes are chosen when data is granted, not when it is written; the rate
// of a subflow is its window in a smoothed round-trip time; a tie goes to the larger
// size. The TCP of subflows does without Nagle's rule, since a segment may be shorter
// than its MSS without being the last; that of the connection (NagleOnData) stays. No
// document says how the out-of-tree stack weighs the sizes.

// MSSPolicy is how the size of connection-level segments is chosen.
type MSSPolicy uint8

// The policies.
const (
	// SegmentFree: data is cut when it is sent, to the MSS of its subflow (upstream
	// Linux, and the simulator's default).
	SegmentFree MSSPolicy = iota
	// SegmentMax and SegmentMin: the largest or smallest MSS of all usable subflows.
	SegmentMax
	SegmentMin
	// SegmentAdaptive: the MSS that promises the highest throughput.
	SegmentAdaptive
)

var mssPolicyNames = [...]string{
	SegmentFree: "free", SegmentMax: "max", SegmentMin: "min", SegmentAdaptive: "adaptive",
}

// String returns the name that scenarios use.
func (p MSSPolicy) String() string {
	if int(p) < len(mssPolicyNames) {
		return mssPolicyNames[p]
	}
	return "unknown"
}

// ParseMSSPolicy returns the policy of the given name.
func ParseMSSPolicy(name string) (MSSPolicy, bool) {
	for p, n := range mssPolicyNames {
		if n == name {
			return MSSPolicy(p), true
		}
	}
	return 0, false
}

// chooseSegment returns the size of connection-level segments now; 0: there is no
// usable subflow.
func (c *connection) chooseSegment() int {
	size, most := 0, uint64(0)
	for _, f := range c.alive {
		if !f.usable() {
			continue
		}
		mss := f.flow.tcp.MSS()
		switch c.sock.opt.MSSPolicy {
		case SegmentMax:
			size = max(size, mss)
		case SegmentMin:
			if size == 0 || mss < size {
				size = mss
			}
		default:
			if v := c.promise(mss); size == 0 || v > most || v == most && mss > size {
				size, most = mss, v
			}
		}
	}
	return size
}

// inSegments shows the scheduler subflows that take connection-level segments: one
// that is longer than a subflow's own fits, too, if a slot is free; what is left of
// it waits in the subflow for the next.
func (c *connection) inSegments(rows []sched.Path) {
	size := int64(c.segment)
	for i := range rows {
		r := &rows[i]
		r.Window += max(size-r.MSS, 0)
		r.MSS = size
	}
}

// promise is the throughput in bytes a second that segments of a size promise.
func (c *connection) promise(size int) (sum uint64) {
	for _, f := range c.alive {
		t := &f.flow.tcp
		srtt := uint64(t.SRTT())
		if !f.usable() || srtt == 0 {
			continue
		}
		slots := uint64((size+t.MSS()-1)/t.MSS()) * uint64(t.MSS())
		hi, lo := bits.Mul64(uint64(c.cc.Window(f.id)), 1e9*uint64(size)/slots)
		if hi < srtt {
			q, _ := bits.Div64(hi, lo, srtt)
			sum += q
		}
	}
	return sum
}
