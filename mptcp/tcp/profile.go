package tcp

import (
	"math/bits"

	"mpsim/sim"
)

// Profile is the choice of timers and protocol variants: everything in which
// two correct TCPs differ, and nothing of congestion control. A Profile is
// shared by connections and must not be changed while one uses it.
type Profile struct {
	// Name is what scenarios call the profile.
	Name string

	// InitialRTO is the timeout before the first measurement (RFC 6298: 1 s).
	InitialRTO sim.Duration
	// MinRTO bounds the RTO from below: RFC 6298 asks for 1 s, Linux uses 200 ms.
	MinRTO sim.Duration
	// BaseRTO is the interval from which Retries2 and window probes count; 0: MinRTO.
	// It differs where MinRTO is that of a route: see SetRTOMin.
	BaseRTO sim.Duration
	// MaxRTO bounds RTO and probe interval from above (RFC 6298: >= 60 s; Linux
	// 120 s).
	MaxRTO sim.Duration
	// FallbackRTO is used when the handshake gave no measurement (RFC 6298
	// section 5.7: 3 s).
	FallbackRTO sim.Duration
	// Estimator computes RTO from round-trip times.
	Estimator Estimator

	// SynRetries is how often a SYN is sent again before giving up, beside
	// SynLinearTimeouts (Linux tcp_syn_retries 6).
	SynRetries int
	// SynLinearTimeouts is the number of first SYN timeouts that do not double
	// the interval (Linux tcp_syn_linear_timeouts 4: 1, 1, 1, 1, 1, 2, 4 s).
	SynLinearTimeouts int
	// SynAckRetries is the same for SYN/ACKs, always doubling (Linux 5).
	SynAckRetries int
	// Retries2 is R2 of RFC 1122: the connection is given up when data went
	// unacknowledged for as long as this many doublings of BaseRTO take (Linux
	// tcp_retries2 15: 924.6 s), or this many window probes were unanswered.
	Retries2 int
	// OrphanRetries takes the place of Retries2 when nobody waits for the
	// connection any more (Close, [Conn.Orphan]), and then answers to window probes
	// prolong its life only until the interval has grown to MaxRTO; 0: no such bound
	// (Linux tcp_orphan_retries, whose default of 0 means 8).
	OrphanRetries int
	// RestartSynLosses is how many retransmissions of SYN or SYN/ACK reduce the
	// initial window to one segment: RFC 5681 says 1; Linux 2, because its
	// initial RTO is short.
	RestartSynLosses int

	// AckEvery is how many full segments are acknowledged at once at the latest:
	// 2 (RFC 5681 section 4.2); 1 turns delayed ACKs off.
	AckEvery int
	// DelAckMin and DelAckMax bound the delay of an acknowledgement (Linux 40 and
	// 200 ms; RFC 1122: at most 500 ms). The delay adapts to the spacing of
	// arrivals between them.
	DelAckMin, DelAckMax sim.Duration
	// QuickAckStart is how many segments at the start of a connection with a receive
	// buffer of fixed size are each acknowledged at once. Linux acknowledges every
	// segment while its receive window opens, measured as about 70 segments; a
	// buffer that tunes itself does so by itself (Slope), behind QuickAckSegments.
	QuickAckStart int
	// QuickAckSegments is the same after silence longer than an RTO and after
	// segments out of the window (Linux TCP_MAX_QUICKACKS 16).
	QuickAckSegments int
	// AckOnRead leaves the ACK of a second segment to the application's reading if
	// the window would shrink, and acknowledges a short segment when it is read
	// (Linux tcp_cleanup_rbuf).
	AckOnRead bool
	// PingPong delays the ACK of a request that is likely to be answered soon
	// (Linux: after one reply within the delay; tcp_pingpong_thresh 1).
	PingPong bool
	// CompressSACK bounds the delay by which duplicate ACKs beyond the third are
	// gathered (Linux tcp_comp_sack_delay_ns 1 ms); 0 acknowledges each segment
	// that arrives out of order at once (RFC 5681).
	CompressSACK sim.Duration

	// The extensions that are offered or accepted.
	SACK, Timestamps, WindowScaling, ECN bool
	// MicrosecondTS makes the timestamp clock tick in microseconds instead of
	// milliseconds (Linux since 6.7, `ip route ... features tcp_usec_ts`; RFC 7323
	// section 5.4 recommends 1 ms to 1 s and allows down to 59 ns). Nothing of it is
	// negotiated: an end measures round trips by its own clock, but one-way delays
	// ([cc.Ack]) have a meaning only if both ends tick alike.
	MicrosecondTS bool
	// PAWSIdle is the silence after which the peer's timestamp clock may have wrapped,
	// so that TS.Recent is not compared any more: 24 days (RFC 7323 section 5.5), which
	// is for ticks of 1 ms; Linux since 6.7 half the wrap of a clock of microseconds,
	// 2147 s (TCP_PAWS_WRAP), which bounds it wherever MicrosecondTS is set.
	PAWSIdle sim.Duration
	// RACK finds losses by time (RFC 8985); without it, and with SACK, they are
	// found by RFC 6675.
	RACK bool
	// TLP probes for tail losses (RFC 8985 section 7); it needs SACK and RACK.
	TLP bool
	// FRTO detects spurious timeouts (RFC 5682).
	FRTO bool
	// PRRFromPipe makes proportional rate reduction start from the bytes in
	// flight (RFC 9937) instead of the window (Linux).
	PRRFromPipe bool
	// MaxReordering bounds the duplicate ACK threshold in segments (Linux 300).
	MaxReordering int

	// InitialWindowSegments is IW (RFC 6928: 10).
	InitialWindowSegments int
	// SlowStartAfterIdle restarts after idleness longer than RTO (RFC 5681
	// section 4.1; Linux tcp_slow_start_after_idle).
	SlowStartAfterIdle bool

	// Nagle is the rule for short segments.
	Nagle NagleRule

	// TimeWait is 2 MSL (Linux 60 s, RFC 9293 240 s).
	TimeWait sim.Duration
	// FinWait2 bounds FIN-WAIT-2 after Close (Linux tcp_fin_timeout 60 s); 0: no
	// bound.
	FinWait2 sim.Duration
	// ChallengeInterval is the least time between two ACKs that answer
	// unacceptable segments of one connection (Linux tcp_invalid_ratelimit
	// 500 ms; RFC 5961 section 7).
	ChallengeInterval sim.Duration

	// KeepaliveTime, KeepaliveInterval and KeepaliveProbes are those of RFC 1122
	// section 4.2.3.6, for connections with Config.Keepalive (Linux 7200 s, 75 s,
	// 9).
	KeepaliveTime, KeepaliveInterval sim.Duration
	KeepaliveProbes                  int

	// MTUProbing says when the size of segments is searched for by probes (RFC 4821;
	// Linux tcp_mtu_probing): 0 never, 1 when timeouts hint at a black hole, 2 always.
	MTUProbing int
	// BaseMSS is the payload with which the search begins (Linux tcp_base_mss 1024), and
	// MTUProbeInterval the time after which it is repeated (tcp_probe_interval 600 s).
	BaseMSS          int
	MTUProbeInterval sim.Duration
	// PathMTUExpiry is how long the message of a router about the MTU counts (Linux
	// net.ipv4.route.mtu_expires 600 s; RFC 1191 section 6.3: 10 minutes).
	PathMTUExpiry sim.Duration
	// Plateaus takes a router's message that states no MTU for the next plateau below the
	// length of the packet (RFC 1191 sections 5 and 7); otherwise for the least MTU that is
	// believed (Linux since 3.6: __ip_rt_update_pmtu; 552 was seen of 6.18).
	Plateaus bool

	// Granularity is the resolution of timers.
	Granularity Granularity
}

// Estimator names a way to compute the RTO.
type Estimator uint8

// The estimators.
const (
	// EstimatorLinux is that of tcp_rtt_estimator: the deviation is the largest
	// of the last round trip and at least MinRTO, so RTO >= SRTT+MinRTO.
	EstimatorLinux Estimator = iota
	// EstimatorRFC6298 is RTO = max(SRTT + 4*RTTVAR, MinRTO).
	EstimatorRFC6298
)

// NagleRule names a rule for segments shorter than MSS (RFC 9293 section 3.7.4).
type NagleRule uint8

// The rules.
const (
	// NagleMinshall holds a short segment while a short one is unacknowledged
	// (Linux; draft-minshall-nagle).
	NagleMinshall NagleRule = iota
	// NagleAny holds it while anything is unacknowledged (RFC 896).
	NagleAny
	// NagleOff sends short segments at once.
	NagleOff
)

// Granularity names a resolution of timers.
type Granularity uint8

// The granularities.
const (
	// Exact timers expire to the nanosecond.
	Exact Granularity = iota
	// LinuxHZ250 rounds timers up as the timer wheel of a kernel with HZ=250
	// does (kernel/time/timer.c): the further away, the coarser.
	LinuxHZ250
)

var granularityNames = [...]string{Exact: "exact", LinuxHZ250: "linux-hz250"}

// String returns the name that scenarios use.
func (g Granularity) String() string {
	if int(g) < len(granularityNames) {
		return granularityNames[g]
	}
	return "unknown"
}

// ParseGranularity returns the granularity of the given name.
func ParseGranularity(name string) (Granularity, bool) {
	for g, n := range granularityNames {
		if n == name {
			return Granularity(g), true
		}
	}
	return 0, false
}

// Linux returns the profile of upstream Linux 6.18 with default settings.
func Linux() *Profile {
	return &Profile{
		Name:       "linux",
		InitialRTO: sim.Second, MinRTO: 200 * sim.Millisecond, MaxRTO: 120 * sim.Second,
		FallbackRTO: 3 * sim.Second, Estimator: EstimatorLinux,
		SynRetries: 6, SynLinearTimeouts: 4, SynAckRetries: 5, Retries2: 15, OrphanRetries: 8,
		RestartSynLosses: 2,
		AckEvery:         2,
		DelAckMin:        40 * sim.Millisecond, DelAckMax: 200 * sim.Millisecond,
		QuickAckStart: 70, QuickAckSegments: 16, AckOnRead: true, PingPong: true,
		CompressSACK: sim.Millisecond,
		SACK:         true, Timestamps: true, WindowScaling: true,
		PAWSIdle: microsecondPAWS,
		RACK:     true, TLP: true, FRTO: true, MaxReordering: 300,
		InitialWindowSegments: 10, SlowStartAfterIdle: true,
		BaseMSS: 1024, MTUProbeInterval: 600 * sim.Second, PathMTUExpiry: 600 * sim.Second,
		Nagle:    NagleMinshall,
		TimeWait: 60 * sim.Second, FinWait2: 60 * sim.Second,
		ChallengeInterval: 500 * sim.Millisecond,
		KeepaliveTime:     7200 * sim.Second, KeepaliveInterval: 75 * sim.Second, KeepaliveProbes: 9,
	}
}

// RFC returns the profile of the text of the RFCs: minimum RTO of 1 s, RFC 6298,
// R2 of at least 3 minutes for a SYN (RFC 1122), delayed ACKs of 200 ms for
// every second segment, 2 MSL of 4 minutes.
func RFC() *Profile {
	return &Profile{
		Name:       "rfc",
		InitialRTO: sim.Second, MinRTO: sim.Second, MaxRTO: 60 * sim.Second,
		FallbackRTO: 3 * sim.Second, Estimator: EstimatorRFC6298,
		SynRetries: 7, SynAckRetries: 7, Retries2: 8,
		RestartSynLosses: 1,
		AckEvery:         2,
		DelAckMin:        200 * sim.Millisecond, DelAckMax: 200 * sim.Millisecond,
		SACK: true, Timestamps: true, WindowScaling: true,
		PAWSIdle: 24 * 24 * 3600 * sim.Second,
		RACK:     true, TLP: true, FRTO: true, PRRFromPipe: true, MaxReordering: 300,
		InitialWindowSegments: 10, SlowStartAfterIdle: true,
		BaseMSS: 1024, MTUProbeInterval: 600 * sim.Second, PathMTUExpiry: 600 * sim.Second, Plateaus: true,
		Nagle:             NagleAny,
		TimeWait:          240 * sim.Second,
		ChallengeInterval: 500 * sim.Millisecond,
		KeepaliveTime:     7200 * sim.Second, KeepaliveInterval: 75 * sim.Second, KeepaliveProbes: 9,
	}
}

// Profiles returns all profiles in the order in which they are listed.
func Profiles() []*Profile { return []*Profile{Linux(), RFC()} }

// Scale returns the window scale that a receive buffer needs (Linux
// tcp_select_initial_window): max(0, floor(log2 buffer) - 15), at most 14.
func Scale(buffer int64) uint8 {
	if buffer < 1<<16 {
		return 0
	}
	return uint8(min(bits.Len64(uint64(buffer))-16, 14))
}

// DataTimeout returns how long data is sent again without an acknowledgement
// before it is given up: R2 of RFC 1122 section 4.2.3.5.
func (p *Profile) DataTimeout() sim.Duration { return p.retryTime(p.Retries2) }

// retryTime is how long a number of doublings of the base RTO take (Linux
// tcp_model_timeout):
//
//	(2^(n+1)-1) BaseRTO            up to the doubling that reaches MaxRTO
//	... + (n - thresh) MaxRTO      beyond it
func (p *Profile) retryTime(n int) sim.Duration {
	base := p.baseRTO()
	thresh := bits.Len64(uint64(p.MaxRTO/base)) - 1
	if n <= thresh {
		return (2<<n - 1) * base
	}
	return (2<<thresh-1)*base + sim.Duration(n-thresh)*p.MaxRTO
}

func (p *Profile) baseRTO() sim.Duration {
	if p.BaseRTO > 0 {
		return p.BaseRTO
	}
	return p.MinRTO
}

// SetRTOMin sets the minimum RTO as Linux's `ip route ... rto_min` does: tail loss
// probes follow it, and an acknowledgement waits for at most a tick of the timer less
// (tcp_delack_max), but how long it takes to give up and the interval of window
// probes do not (TCP_RTO_MIN). 0 < d <= MaxRTO; Granularity is set before.
func (p *Profile) SetRTOMin(d sim.Duration) {
	tick := sim.Millisecond
	if p.Granularity == LinuxHZ250 {
		tick = 4 * sim.Millisecond
	}
	p.BaseRTO = p.baseRTO()
	p.MinRTO = d
	p.DelAckMax = min(p.DelAckMax, max(d, 2*tick)-tick)
}
