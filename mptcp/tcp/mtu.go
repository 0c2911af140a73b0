package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The MTU of the path: what routers say of it (RFC 1191, RFC 8201; Linux
// tcp_v4_mtu_reduced, tcp_simple_retransmit), and what probes find out where they say
// nothing (RFC 4821; Linux tcp_mtup_*, tcp_mtu_probe, tcp_mtu_probing, 6.x).
//
// A router's message counts if it quotes what is in flight (RFC 5927 section 7.2) and
// lowers the MTU. Segments in flight that are longer than the new size are presumed lost
// and sent again at once in pieces; the congestion window stays, for nothing was
// congested. After PathMTUExpiry the message is forgotten.
//
// With MTUProbing 1 a connection that gets no answer for as long as three doublings of
// the RTO take is suspected to send into a black hole: it goes down to BaseMSS, then with
// each further timeout to half of it, and searches upwards from there. With 2 it begins
// at BaseMSS. The search sends one segment of the size in the middle of the range that is
// left when nothing is lost, eleven segments fit the window, and so much data waits that
// a loss of the probe is found by duplicates. It ends when the range is below 8 bytes
// and is taken up again after MTUProbeInterval.
//
// Departures: the window counts bytes, so that neither a probe nor a new size changes it.
// What is below the least that Linux believes (552 bytes for IPv4) counts as that; Linux
// clears DF of segments then, which is not done here. So does a message without an MTU
// (routers before RFC 1191), unless the profile looks for the next plateau.

// mtuState is what a connection knows of its path.
type mtuState struct {
	search bool // Linux icsk_mtup.enabled
	clamp  int  // the peer's MSS, if mtuWatch
	path   int  // MTU that a router told; 0: none
	until  sim.Time
	low    int // range of the search, MTUs of IP
	high   int
	size   int   // MTU of the probe in flight; 0: none
	from   int64 // its range
	to     int64
	since  sim.Time // when the search began or ended
}

// Bounds of the search (net.ipv4.tcp_probe_threshold, tcp_mtu_probe_floor and tcp_retries1
// of Linux 6.18, which internal/live reads; eleven segments: tcp_mtu_probe).
const (
	probeThreshold  = 8
	probeFloor      = 48
	blackHoleRounds = 3
	probeWindow     = 11 // segments that the window holds at least
)

// minPathMTU is the least that is believed: Linux net.ipv4.route.min_pmtu, and the least MTU of
// IPv6 (RFC 8200 section 5).
func (c *Conn) minPathMTU() int {
	if c.ipHeader > 20 {
		return 1280
	}
	return 552
}

// headers is what IP and TCP add to a segment without options.
func (c *Conn) headers() int { return int(c.ipHeader) + 20 }

// startMTU begins to watch the path, when the peer's MSS is known (Linux tcp_mtup_init).
func (c *Conn) startMTU(now sim.Time) {
	m := &c.mtu
	if c.mtuWatch {
		return
	}
	c.mtuWatch = true
	m.clamp = c.outgo.peerMSS
	m.high = m.clamp + c.headers()
	m.low = c.mtuFor(c.p.BaseMSS)
	m.since = now
	m.search = c.p.MTUProbing > 1
	c.syncMSS()
}

// mtuFor is the MTU that a segment with n bytes of payload and timestamps needs (Linux
// tcp_mss_to_mtu).
func (c *Conn) mtuFor(n int) int {
	if c.options&useTS != 0 {
		n += 12
	}
	return n + c.headers()
}

// syncMSS computes the segment size from what is known (Linux tcp_sync_mss).
func (c *Conn) syncMSS() {
	m := &c.mtu
	size := m.clamp
	if m.path > 0 {
		m.high = min(m.high, m.path)
		size = min(size, m.path-c.headers())
	}
	if m.search {
		size = min(size, m.low-c.headers())
	}
	c.outgo.peerMSS = max(size, minMSS)
	c.updateMSS()
}

// SetPathMTU tells what is known of the path before the connection begins: an MTU until a
// time.
func (c *Conn) SetPathMTU(mtu int, until sim.Time) { c.mtu.path, c.mtu.until = mtu, until }

// PathMTU returns the MTU that a router has told, 0 if none has.
func (c *Conn) PathMTU() int { return c.mtu.path }

// plateaus are the MTUs that are common (RFC 1191 section 7, table 7-1).
var plateaus = [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68}

// plateauBelow returns the largest of them that is less than the length of a packet.
func plateauBelow(length int) int {
	for _, p := range plateaus {
		if p < length {
			return p
		}
	}
	return plateaus[len(plateaus)-1]
}

// HandleTooBig processes the message of a router that a segment with the given sequence
// number is longer than the MTU of the next link; length is that of the quoted packet, and
// mtu is 0 if the message does not say it (Profile.Plateaus). It reports whether the
// segment size falls.
func (c *Conn) HandleTooBig(now sim.Time, seq wire.Seq, mtu, length int) bool {
	if c.state == StateClosed || c.state == StateTimeWait {
		return false
	}
	if mtu == 0 && c.p.Plateaus {
		mtu = plateauBelow(length)
	}
	mtu = max(mtu, c.minPathMTU())
	m := &c.mtu
	if c.state == StateSynSent || c.state == StateSynReceived {
		if seq != c.iss {
			return false
		}
	} else if pos := c.sndPos(seq); pos < c.snd.una || pos > c.snd.nxt {
		c.refused(now, trace.PathMTU)
		return false
	}
	if m.path > 0 && mtu >= m.path || mtu >= c.mssOurs+c.headers() {
		return false
	}
	m.path, m.until = mtu, now.Add(c.p.PathMTUExpiry)
	if c.state == StateSynSent || c.state == StateSynReceived {
		return true // startMTU finds it
	}
	before := c.snd.mss
	c.startMTU(now)
	if m.size > mtu {
		m.high, m.size = min(m.high, m.size-1), 0
	}
	c.syncMSS()
	c.emit(now, trace.SegmentSize, trace.PathMTU, c.snd.una, int64(c.snd.mss), int64(mtu), 0, 0)
	if c.snd.mss < before {
		c.stats.PathMTUReductions++
	}
	c.resendLonger(now)
	return c.snd.mss < before
}

// resendLonger presumes everything lost that is longer than a segment may be now, and
// sends it again; the window stays (Linux tcp_simple_retransmit).
func (c *Conn) resendLonger(now sim.Time) {
	fl, rc := &c.flight, &c.recovery
	for i := fl.head; i != fl.tail; i++ {
		if r := fl.at(i); r.payload() > c.snd.mss {
			c.markLost(i, r)
		}
	}
	if fl.nLost == 0 {
		return
	}
	if c.caState != cc.LossState {
		rc.highSeq = c.snd.nxt
		rc.undoMarker, rc.undoable, rc.frto = -1, false, false
		c.reducing = false
		c.stopTLP()
		c.setCA(now, cc.LossState, trace.PathMTU)
	}
	c.rexmit = rexmitLost
}

// pathExpired forgets what a router said (RFC 1191 section 6.3).
func (c *Conn) pathExpired(now sim.Time) {
	m := &c.mtu
	m.path = 0
	c.mtuWatch = m.search
	m.high = m.clamp + c.headers()
	c.syncMSS()
	c.emit(now, trace.SegmentSize, trace.NoReason, c.snd.una, int64(c.snd.mss), 0, 0, 0)
}

// probeOutcome is what became of the wish to probe.
type probeOutcome uint8

const (
	probeNone probeOutcome = iota // go on without
	probeWait                     // leave nothing until there is room for it
	probeSent
)

// pollMTU is what new data has to wait for: the end of what a router said, or a probe.
func (c *Conn) pollMTU(now sim.Time, out *Segment) probeOutcome {
	m := &c.mtu
	if m.path > 0 && m.until <= now {
		c.pathExpired(now)
	}
	if !m.search || m.size != 0 || c.caState != cc.Open || c.gaps {
		return probeNone
	}
	mss := int64(c.newMSS())
	window := c.window()
	if window < probeWindow*mss {
		return probeNone
	}
	middle := (m.low + m.high) / 2
	n := int64(c.roomFor(middle-c.headers(), 0))
	if m.high-m.low < probeThreshold || n <= mss {
		c.searchAgain(now)
		return probeNone
	}
	need := n + int64(c.recovery.reordering+1)*mss
	s := &c.snd
	pipe := c.pipe()
	switch {
	case s.end-s.nxt < need || s.wnd < need:
		return probeNone
	case s.nxt+need > s.una+s.wnd || pipe+2*mss > window:
		if pipe == 0 {
			return probeNone
		}
		return probeWait
	case c.ext != nil && !c.ext.OneSegment(uint64(s.nxt), uint64(s.nxt+n)),
		c.paced && c.paceHolds(now):
		return probeNone
	}
	m.size, m.from = middle, s.nxt
	c.sendNew(now, out, int(n), false)
	m.to = s.nxt
	c.stats.MTUProbes++
	c.emit(now, trace.SegmentSize, trace.MTUProbe, m.from, n, int64(middle), int64(m.low), int64(m.high))
	return probeSent
}

// searchAgain opens the range again when the last search is long over (Linux
// tcp_mtu_check_reprobe).
func (c *Conn) searchAgain(now sim.Time) {
	m := &c.mtu
	if now.Sub(m.since) < c.p.MTUProbeInterval {
		return
	}
	m.low = c.outgo.peerMSS + c.headers()
	m.high = m.clamp + c.headers()
	if m.path > 0 {
		m.high = min(m.high, m.path)
	}
	m.since = now
}

// probeArrived is called when the probe is acknowledged.
func (c *Conn) probeArrived(now sim.Time) {
	m := &c.mtu
	m.low, m.size = m.size, 0
	c.syncMSS()
	c.stats.MTUProbesArrived++
	c.emit(now, trace.SegmentSize, trace.MTUProbeOK, c.snd.una, int64(c.snd.mss), int64(m.low), 0, 0)
}

// probeLost is called when losses are found; it reports whether the first of them is the
// probe, which is then no sign of congestion.
func (c *Conn) probeLost(now sim.Time) bool {
	m := &c.mtu
	if m.size == 0 || c.caState >= cc.CWR || c.snd.una != m.from {
		return false
	}
	m.high, m.size = m.size-1, 0
	c.stats.MTUProbesLost++
	c.emit(now, trace.SegmentSize, trace.MTUProbeLost, c.snd.una, int64(c.snd.mss), int64(m.high), 0, 0)
	c.resendLonger(now)
	return true
}

// suspectBlackHole is called at each retransmission timeout.
func (c *Conn) suspectBlackHole(now sim.Time) {
	if c.p.MTUProbing == 0 || c.retries.timeouts == 0 || c.recovery.resentAt < 0 ||
		now.Sub(c.recovery.resentAt) < c.p.retryTime(blackHoleRounds) {
		return
	}
	m := &c.mtu
	if !m.search {
		c.startMTU(now)
		m.search, m.since = true, now
	} else {
		n := max(min(c.p.BaseMSS, c.payloadAt(m.low)/2), probeFloor)
		m.low = c.mtuFor(n)
	}
	m.size = 0
	c.syncMSS()
	c.stats.MTUBlackHoles++
	c.emit(now, trace.SegmentSize, trace.MTUBlackHole, c.snd.una, int64(c.snd.mss), int64(m.low), 0, 0)
}

// payloadAt is the payload of a segment with timestamps in a packet of an MTU.
func (c *Conn) payloadAt(mtu int) int { return mtu - c.mtuFor(0) }
