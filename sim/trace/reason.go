package trace

// Reason says why something happened: a drop, a fallback, a window reduction,
// the end of a connection. Packages append their reasons here, so that event
// logs need no other table.
type Reason uint16

// The reasons.
const (
	NoReason Reason = iota

	// Drops in the network.
	QueueFull
	RandomLoss
	PatternLoss
	LinkDown
	NoRoute
	TTLExpired
	PacketTooBig
	NoSocket

	// Segments discarded by TCP.
	BadSequence
	BadAck
	PAWS
	BadFlags
	ChallengeAck

	// Window reductions.
	LossRecovery
	Timeout
	ECNEcho
	ProbeRepaired
	IdleRestart
	Penalty

	// Ends of connections.
	Graceful
	ResetReceived
	ResetSent
	TimedOut
	Refused
	Unreachable

	// Fallback to plain TCP, named after Linux's MPTcpExt counters.
	NotOffered
	MPCapableFallbackSYNACK
	MPCapableFallbackACK
	MPCapableDataFallback
	DssFallback
	InfiniteMap

	// Ends of subflows.
	NoTokenFound
	BadHMAC
	MiddleboxInterference
	PathManagerRequest

	// More drops in the network.
	NotForwarding
	BoxDrop
	MPCapableSYNTXDrop // no answer to SYNs with MP_CAPABLE
	ArenaFull          // no room for literal payload

	// TCP Fast Open and SYN cookies.
	OptionRoom        // an option did not fit into the 40 octets
	TimestampsDropped // timestamps gave way to another option
	CookieShortened   // the cookie was cut to the room that is left
	CookieDropped     // no cookie was granted because MP_CAPABLE needs the room
	CapableDropped    // MP_CAPABLE was left out because the cookie needs the room
	CookieInvalid     // a cookie was not ours, or too old
	FastOpenOverflow  // too many connections by fast open are pending
	SYNDataUnacked    // the SYN/ACK did not acknowledge all of the SYN's payload
	CookieCacheFull   // an older destination was forgotten
	BacklogFull       // the backlog of a listener is full

	// MPTCP in mid-stream.
	ChecksumFailure // of a DSS mapping
	ChecksumMissing // in a DSS mapping, though it was negotiated
	MPFail          // fallback in mid-stream after MP_FAIL

	// What boxes do to packets.
	OptionsStripped
	SegmentSplit
	SegmentsCoalesced
	PayloadRewritten
	WindowShrunk
	BoxReject
	Duplicated
	MSSClamped
	SequenceRewritten
	Balanced // a new flow was given to one of several servers
	EarlyAck
	Terminated      // a proxy takes a connection
	LocalRetransmit // a proxy sends again what it has acknowledged
	CookieSent      // a SYN is answered by a cookie
	CookieProved    // a client has acknowledged a cookie
	BoxFull         // no room for the state of another flow or change
	// Path management.
	AddressIDInUse        // an address id has another address
	TableFull             // a bounded table has no room
	NoOptionSpace         // 40 octets of options are not enough
	AddressRemoved        // the peer has withdrawn the address
	UnknownAddressID      // a withdrawn address id names nothing
	TooMuchOutstanding    // a silent subflow holds the send buffer
	SimultConnectFallback // both ends opened the first subflow at once
	Underperforming       // a subflow loses much and brings little beside another
	SubflowLimit          // no more subflows are allowed, or the connection is closing
	NotEstablished        // the peer is not known to have our key yet

	// Drops of queue disciplines.
	HeadDrop    // a waiting packet gave its room to a new one
	EarlyDrop   // before the queue was full, by a random draw
	SojournDrop // packets have waited too long
	Policed     // more than the agreed rate

	// What translators and stateful firewalls do.
	MappingCreated   // a mapping or, in a firewall, a session begins
	MappingExpired   // it has been idle for too long, or its lease is over
	MappingFlushed   // the translator was restarted or renumbered
	MappingLeased    // it was asked for by PCP
	MappingExpected  // an FTP client has announced it to its server
	NoMapping        // a packet from outside belongs to no mapping
	InboundFiltered  // a mapping is there, but not for this remote address or port
	PortsExhausted   // no outside port is free, or the host has its share
	HairpinRefused   // from inside to an outside address of the translator
	MidstreamRefused // a segment without SYN from inside belongs to no session
	InvalidState     // a segment does not fit the state of its connection
	OutOfWindow      // sequence or acknowledgement number outside of the window
	UnknownOption    // a SYN carries an option that the firewall does not know
	DataInSYN        // a SYN carries data
	SYNHeld          // an unsolicited SYN from outside waits for one from inside
	SpoofedSource    // the source address does not belong behind the interface
	Untranslatable   // a fragment, an unknown protocol or a bad ICMP message

	// What faults of links do, and what is learnt of the MTU of a path.
	BurstLoss    // lost in a burst
	BadChecksum  // the checksum of a packet is wrong
	Corrupted    // a bit of a packet was changed
	Overtaken    // a packet went ahead of others
	PathMTU      // a router told the MTU of the next hop
	MTUProbe     // a larger segment was sent to see whether it arrives
	MTUProbeOK   // it has
	MTUProbeLost // it has not
	MTUBlackHole // segments of the full size vanish

	// Drops of radio links.
	RetryLimit // a frame was sent as often as the standard allows

	// What further boxes do.
	ECNBleached     // the ECN field was cleared
	DSCPChanged     // the DSCP was changed
	Shaped          // a packet waits for tokens
	Inspected       // an intrusion detector has read payload
	SignatureFound  // an intrusion detector has found what it looks for
	CaptiveAnswer   // a captive portal answered in the name of the server
	ICMPSent        // an ICMP error was sent about a packet
	Normalised      // header fields were cleared
	Held            // a segment waits for what precedes it
	HoleRejected    // a segment behind a gap was dropped
	Replayed        // a retransmission has the payload and options that passed before
	Inconsistent    // a retransmission has other bytes than those that passed before
	OptionsCopied   // options of one segment were put into another
	UnknownProtocol // the IP protocol is not one that the box knows

	// What happens to fragments of IPv4 packets.
	FragmentOverlap   // a fragment overlaps others of its packet, or is there already
	FragmentInvalid   // a fragment cannot be a part of a packet
	FragmentTimeout   // the rest of the packet did not come in time
	FragmentsFull     // no room to keep more fragments
	FragmentUnordered // a fragment came before the first one of its packet
	FragmentRefused   // a box lets no fragments pass
	numReasons
)

var reasons = [numReasons]string{
	NoReason:                "",
	QueueFull:               "queue_full",
	RandomLoss:              "random_loss",
	PatternLoss:             "pattern_loss",
	LinkDown:                "link_down",
	NoRoute:                 "no_route",
	TTLExpired:              "ttl_expired",
	PacketTooBig:            "packet_too_big",
	NoSocket:                "no_socket",
	BadSequence:             "bad_sequence",
	BadAck:                  "bad_ack",
	PAWS:                    "paws",
	BadFlags:                "bad_flags",
	ChallengeAck:            "challenge_ack",
	LossRecovery:            "loss_recovery",
	Timeout:                 "timeout",
	ECNEcho:                 "ecn_echo",
	ProbeRepaired:           "probe_repaired",
	IdleRestart:             "idle_restart",
	Penalty:                 "penalty",
	Graceful:                "graceful",
	ResetReceived:           "reset_received",
	ResetSent:               "reset_sent",
	TimedOut:                "timed_out",
	Refused:                 "refused",
	Unreachable:             "unreachable",
	NotOffered:              "not_offered",
	MPCapableFallbackSYNACK: "MPCapableFallbackSYNACK",
	MPCapableFallbackACK:    "MPCapableFallbackACK",
	MPCapableDataFallback:   "MPCapableDataFallback",
	DssFallback:             "DssFallback",
	InfiniteMap:             "InfiniteMap",
	NoTokenFound:            "no_token_found",
	BadHMAC:                 "bad_hmac",
	MiddleboxInterference:   "middlebox_interference",
	PathManagerRequest:      "path_manager_request",
	NotForwarding:           "not_forwarding",
	BoxDrop:                 "box_drop",
	MPCapableSYNTXDrop:      "MPCapableSYNTXDrop",
	ArenaFull:               "arena_full",
	OptionRoom:              "option_room",
	TimestampsDropped:       "timestamps_dropped",
	CookieShortened:         "cookie_shortened",
	CookieDropped:           "cookie_dropped",
	CapableDropped:          "capable_dropped",
	CookieInvalid:           "cookie_invalid",
	FastOpenOverflow:        "fast_open_overflow",
	SYNDataUnacked:          "syn_data_unacked",
	CookieCacheFull:         "cookie_cache_full",
	BacklogFull:             "backlog_full",
	ChecksumFailure:         "checksum_failure",
	ChecksumMissing:         "checksum_missing",
	MPFail:                  "MPFail",
	OptionsStripped:         "options_stripped",
	SegmentSplit:            "segment_split",
	SegmentsCoalesced:       "segments_coalesced",
	PayloadRewritten:        "payload_rewritten",
	WindowShrunk:            "window_shrunk",
	BoxReject:               "box_reject",
	Duplicated:              "duplicated",
	MSSClamped:              "mss_clamped",
	SequenceRewritten:       "sequence_rewritten",
	Balanced:                "balanced",
	EarlyAck:                "early_ack",
	Terminated:              "terminated",
	LocalRetransmit:         "local_retransmit",
	CookieSent:              "cookie_sent",
	CookieProved:            "cookie_proved",
	BoxFull:                 "box_full",
	AddressIDInUse:          "address_id_in_use",
	TableFull:               "table_full",
	NoOptionSpace:           "no_option_space",
	AddressRemoved:          "address_removed",
	TooMuchOutstanding:      "too_much_outstanding",
	UnknownAddressID:        "unknown_address_id",
	SimultConnectFallback:   "SimultConnectFallback",
	Underperforming:         "underperforming",
	SubflowLimit:            "subflow_limit",
	NotEstablished:          "not_established",
	HeadDrop:                "head_drop",
	EarlyDrop:               "early_drop",
	SojournDrop:             "sojourn_drop",
	Policed:                 "policed",
	MappingCreated:          "mapping_created",
	MappingExpired:          "mapping_expired",
	MappingFlushed:          "mapping_flushed",
	MappingLeased:           "mapping_leased",
	MappingExpected:         "mapping_expected",
	NoMapping:               "no_mapping",
	InboundFiltered:         "inbound_filtered",
	PortsExhausted:          "ports_exhausted",
	HairpinRefused:          "hairpin_refused",
	MidstreamRefused:        "midstream_refused",
	InvalidState:            "invalid_state",
	OutOfWindow:             "out_of_window",
	UnknownOption:           "unknown_option",
	DataInSYN:               "data_in_syn",
	SYNHeld:                 "syn_held",
	SpoofedSource:           "spoofed_source",
	Untranslatable:          "untranslatable",
	BurstLoss:               "burst_loss",
	BadChecksum:             "bad_checksum",
	Corrupted:               "corrupted",
	Overtaken:               "overtaken",
	PathMTU:                 "path_mtu",
	MTUProbe:                "mtu_probe",
	MTUProbeOK:              "mtu_probe_ok",
	MTUProbeLost:            "mtu_probe_lost",
	MTUBlackHole:            "mtu_black_hole",
	RetryLimit:              "retry_limit",
	ECNBleached:             "ecn_bleached",
	DSCPChanged:             "dscp_changed",
	Shaped:                  "shaped",
	Inspected:               "inspected",
	SignatureFound:          "signature_found",
	CaptiveAnswer:           "captive_answer",
	ICMPSent:                "icmp_sent",
	Normalised:              "normalised",
	Held:                    "held",
	HoleRejected:            "hole_rejected",
	Replayed:                "replayed",
	Inconsistent:            "inconsistent",
	OptionsCopied:           "options_copied",
	UnknownProtocol:         "unknown_protocol",
	FragmentOverlap:         "fragment_overlap",
	FragmentInvalid:         "fragment_invalid",
	FragmentTimeout:         "fragment_timeout",
	FragmentsFull:           "fragments_full",
	FragmentUnordered:       "fragment_unordered",
	FragmentRefused:         "fragment_refused",
}

// String returns the name of the reason, or "" for NoReason.
func (r Reason) String() string {
	if r < numReasons {
		return reasons[r]
	}
	return "unknown"
}

// Reasons returns the number of reasons; every smaller Reason is valid.
func Reasons() int { return int(numReasons) }

// ParseReason returns the reason of a name.
func ParseReason(name string) (Reason, bool) {
	for r, n := range reasons {
		if n == name && n != "" {
			return Reason(r), true
		}
	}
	return NoReason, false
}
