package trace

import "mpsim/sim"

// Record is one observed fact: 64 bytes without pointers. The meaning of A to E
// depends on the kind and is given beside its name in kinds.
type Record struct {
	At   sim.Time
	Kind Kind
	Why  Reason
	Node uint32 // index of the node within the run; not part of the hash
	// Conn is the endpoint's number of the connection (0: none), Flow the
	// number of the subflow within it (-1: the connection itself).
	Conn          uint32
	Flow          int32
	A, B, C, D, E int64
}

// Kind says what a record describes.
type Kind uint16

// KindSet is a set of kinds, one bit each.
type KindSet uint64

// AllKinds is the set of every kind.
const AllKinds = ^KindSet(0)

// The kinds of records. The comment gives A, B, C, D, E.
const (
	None            Kind = iota
	PacketSent           // an endpoint's packet enters the network: seq, ack, flags, payload bytes, wire bytes
	PacketReceived       // a packet reaches its endpoint: as PacketSent
	PacketDropped        // link number, seq, payload bytes, wire bytes, queue bytes
	PacketForwarded      // a link accepts a packet: link number, seq, payload bytes, wire bytes, queue bytes
	ConnState            // old state, new state
	SubflowState         // old state, new state
	Established          // connection usable: token, IDSN of ours, IDSN of the peer's
	Fallback             // MPTCP given up; Why says for which reason
	Grant                // scheduler decision: DSN, length, kind, number of candidates, penalised flow; Why is a sched.Why
	Wait                 // scheduler waits: next DSN, unsent bytes, number of candidates; Why is a sched.Why
	RTO                  // retransmission timeout: snd_una, RTO in ns, backoff, bytes in flight
	TailLossProbe        // snd_una, PTO in ns, bytes in flight
	Recovery             // loss recovery begins (A=1) or ends (A=0): high_seq, window, ssthresh
	Retransmit           // stream position, bytes, times sent
	Window               // window reduced or restored: window, ssthresh, bytes in flight
	Undo                 // a reduction is undone: window, ssthresh
	Reinject             // DSN, length, from flow, to flow
	Stale                // subflow marked stale (A=1) or live again (A=0)
	PathManager          // order of a path manager: action, local and remote address id, delay in ns or bytes; Why says why it was refused
	AppEvent             // application event: event, bytes
	Action               // timeline action: index in the scenario
	Counter              // an MPTcpExt counter changed: counter number, new value
	SegmentRefused       // TCP drops a segment or answers it with a challenge: rcv_nxt, snd_una
	SubflowPhase         // MPTCP handshake of a subflow: old phase, new phase
	VersionCached        // a peer refused a protocol version: that one, the one to try next (255: none)
	FastOpen             // TCP Fast Open: octets of the cookie, payload bytes of the SYN, of them acknowledged or accepted
	SYNCookie            // SYN cookies: 0 sent, 1 accepted, 2 refused; index of the MSS; token
	BoxAction            // a box acts on a packet; Why says how: box number, seq, payload bytes, flags
	AddressSignal        // ADD_ADDR or REMOVE_ADDR: what (see Signal), address id, port or count
	OptionLeftOut        // an option did not fit: option (wire.OptSet), octets or ids that it needs, octets left
	ICMPError            // an ICMP error about a connection: kind and code of the message; what became of it: 1 noted, 2 the end
	BlackholeFound       // SYNs with MP_CAPABLE got lost, a plain one did not: for how long the first failure is remembered in ns
	JoinDropped          // the peer has begun too many joins, one more SYN is dropped: its address id, the limit
	PathEvent            // a path manager learns of something: event, local and remote address id, value (timeout in ns, bytes, tag)
	Mapping              // a translator makes or ends a mapping; Why says which: box number, inside and outside address*65536+port, protocol, lifetime in ns
	SegmentSize          // the size of segments, or a probe for it; Why says what happened: stream position, payload bytes, MTU, for a probe the range left
	numKinds
)

type kindInfo struct {
	name   string
	fields [5]string
}

var kinds = [numKinds]kindInfo{
	None:            {"none", [5]string{}},
	PacketSent:      {"packet_sent", [5]string{"seq", "ack", "flags", "payload", "bytes"}},
	PacketReceived:  {"packet_received", [5]string{"seq", "ack", "flags", "payload", "bytes"}},
	PacketDropped:   {"packet_dropped", [5]string{"link", "seq", "payload", "bytes", "queue_bytes"}},
	PacketForwarded: {"packet_forwarded", [5]string{"link", "seq", "payload", "bytes", "queue_bytes"}},
	ConnState:       {"conn_state", [5]string{"old", "new"}},
	SubflowState:    {"subflow_state", [5]string{"old", "new"}},
	Established:     {"established", [5]string{"token", "idsn", "peer_idsn"}},
	Fallback:        {"fallback", [5]string{}},
	Grant:           {"grant", [5]string{"dsn", "len", "grant", "candidates", "penalised"}},
	Wait:            {"wait", [5]string{"dsn", "unsent", "candidates"}},
	RTO:             {"rto", [5]string{"snd_una", "rto_ns", "backoff", "in_flight"}},
	TailLossProbe:   {"tail_loss_probe", [5]string{"snd_una", "pto_ns", "in_flight"}},
	Recovery:        {"recovery", [5]string{"enter", "high_seq", "cwnd", "ssthresh"}},
	Retransmit:      {"retransmit", [5]string{"pos", "len", "times_sent"}},
	Window:          {"window", [5]string{"cwnd", "ssthresh", "in_flight"}},
	Undo:            {"undo", [5]string{"cwnd", "ssthresh"}},
	Reinject:        {"reinject", [5]string{"dsn", "len", "from", "to"}},
	Stale:           {"stale", [5]string{"stale"}},
	PathManager:     {"path_manager", [5]string{"action", "local_id", "remote_id", "value"}},
	AppEvent:        {"app", [5]string{"event", "bytes"}},
	Action:          {"action", [5]string{"index"}},
	Counter:         {"counter", [5]string{"counter", "value"}},
	SegmentRefused:  {"segment_refused", [5]string{"rcv_nxt", "snd_una"}},
	SubflowPhase:    {"subflow_phase", [5]string{"old", "new"}},
	VersionCached:   {"version_cached", [5]string{"refused", "next"}},
	FastOpen:        {"fast_open", [5]string{"cookie", "data", "acked"}},
	SYNCookie:       {"syn_cookie", [5]string{"what", "mss_index", "token"}},
	BoxAction:       {"box_action", [5]string{"box", "seq", "payload", "flags"}},
	BlackholeFound:  {"blackhole", [5]string{"timeout"}},
	AddressSignal:   {"address_signal", [5]string{"what", "id", "port"}},
	OptionLeftOut:   {"option_left_out", [5]string{"option", "need", "room"}},
	JoinDropped:     {"join_dropped", [5]string{"id", "limit"}},
	PathEvent:       {"path_event", [5]string{"event", "local_id", "remote_id", "value"}},
	Mapping:         {"mapping", [5]string{"box", "inside", "outside", "protocol", "lifetime_ns"}},
	SegmentSize:     {"segment_size", [5]string{"pos", "payload", "mtu", "low", "high"}},
	ICMPError:       {"icmp_error", [5]string{"error", "code", "outcome"}},
}

// String returns the name of the kind, as event logs print it.
func (k Kind) String() string {
	if k < numKinds {
		return kinds[k].name
	}
	return "unknown"
}

// Fields returns the names of A to E for records of this kind; unused ones are
// empty.
func (k Kind) Fields() [5]string {
	if k < numKinds {
		return kinds[k].fields
	}
	return [5]string{}
}

// Kinds returns the number of kinds; every smaller Kind is valid.
func Kinds() int { return int(numKinds) }

// Set returns the set of the given kinds.
func Set(ks ...Kind) KindSet {
	var s KindSet
	for _, k := range ks {
		s |= 1 << k
	}
	return s
}

// Signal is what an AddressSignal record tells of, as its first value.
type Signal int64

// The signals of address management (RFC 8684 section 3.4).
const (
	AnnouncementSent Signal = iota
	AnnouncementReceived
	AnnouncementGivenUp
	EchoSent
	EchoReceived
	RemovalSent
	RemovalReceived
	PathAnswers // a path whose address was withdrawn answers a keepalive
)
