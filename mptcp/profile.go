package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/sim"
)

// Profile is the choice of protocol variants and timers: everything in which two
// correct MPTCP stacks differ, and nothing of schedulers, controllers and path
// managers. A Profile is shared by connections and must not be changed while an
// endpoint uses it.
type Profile struct {
	// Name is what scenarios call the profile; Doc says in one line what it is.
	Name, Doc string
	// Sources say where the profile's fields come from that differ from those of
	// the RFC's profile.
	Sources []Source
	// TCP is the profile of every TCP connection, subflow or not.
	TCP tcp.Profile

	// Versions are the protocol versions that are offered and accepted. With both
	// the later one is offered first.
	Versions Versions
	// VersionMemory is how long a host that speaks both versions remembers that a
	// peer did not answer one (RFC 8684 section 3.1 leaves it open; the time is
	// that of Linux's blackhole_timeout).
	VersionMemory sim.Duration
	// Lacks is what the implementation cannot do.
	Lacks Ability
	// JoinBy says which end opens further subflows.
	JoinBy JoinRole
	// ReceiveBuffer is the rule for receive buffers.
	ReceiveBuffer ReceiveBufferRule
	// Checksum is what sockets want of DSS checksums unless they say otherwise. RFC
	// 8684 section 3.1 has flag A set unless the administrator decides otherwise;
	// Linux leaves it clear (checksum_enabled 0).
	Checksum ChecksumPolicy
	// OneAlgorithm takes an MP_CAPABLE only if it offers HMAC-SHA256 (bit H) and no
	// other algorithm, as Linux 6.18 does (measured: bits G and H are answered
	// without the option); RFC 8684 section 3.1 lets the listener choose one of
	// several.
	OneAlgorithm bool
	// VerifyDataKey takes the mapping of an MP_CAPABLE with data only if its first key
	// is the peer's of the handshake. Linux 6.18 does not look at the keys there
	// (measured: both swapped, the data is accepted).
	VerifyDataKey bool
	// CapableSYNs is how many SYNs carry MP_CAPABLE before the connection tries
	// without (RFC 8684 section 3.1; Linux syn_retrans_before_tcp_fallback 2:
	// three SYNs).
	CapableSYNs int
	// SubflowLimit is how many subflows beside the initial one a connection may
	// have, in both roles. It is the most that Linux can be configured to; the
	// two of its default belong to its own path manager.
	SubflowLimit int
	// RefuseAtACK answers an MP_JOIN that policy forbids only after its third
	// packet, as Linux does; otherwise its SYN is answered with the reset.
	RefuseAtACK bool
	// JoinBacklog bounds the joins of one connection that the peer has begun and not
	// completed; further SYNs are dropped unanswered, to be repeated. Linux does so
	// when the queue of requests of the listening socket is full (tcp_conn_request,
	// counted by TCPReqQFullDrop); there the bound is the backlog of the listener,
	// here it leaves room for as many subflows as may exist in the sets of carriers,
	// which have 64 places.
	JoinBacklog int
	// JoinAfterDataFIN lets subflows be added while our DATA_FIN is on its way:
	// what is not acknowledged yet may need a path (RFC 8684 section 3.3.3 allows
	// subflows until the DATA_FIN is acknowledged; the out-of-tree stack had no
	// check). Otherwise they are refused, as upstream Linux does.
	JoinAfterDataFIN bool
	// JoinFromThirdACK lets the side that was opened take a join as soon as the
	// third packet has shown that the peer has both keys (Linux 6.18, measured);
	// otherwise a DSS must have come (RFC 8684 section 3.1).
	JoinFromThirdACK bool
	// JoinAck says when the third packet of a join is sent again.
	JoinAck JoinAckTimer

	// DSN and DataAck are the widths in which data sequence numbers and DATA_ACKs
	// are sent (RFC 8684 section 3.3.1 leaves them to the sender of each packet).
	DSN     DSNWidth
	DataAck DataAckWidth
	// VerifyCookieKey lets a listener that answers by SYN cookies believe only a
	// key that it would have sent (draft-paasch-mptcp-syncookies-02 section 3.1.1);
	// otherwise any key that comes back is believed (Linux
	// mptcp_subflow_init_cookie_req, measured on 6.18; mptcp_cookies_reqsk_init of
	// v0.9x).
	VerifyCookieKey bool
	// AckKey answers the peer's key by an ACK at once, whose DATA_ACK tells the
	// peer that it need not repeat it (draft-paasch-mptcp-syncookies-02 section
	// 3.1.1). RFC 8684 does not ask for it and Linux does not send it.
	AckKey bool
	// FastOpenDSS leaves MP_CAPABLE out of the third packet of version 0 when the
	// payload of the SYN was acknowledged at least in part: a DSS confirms the
	// options (draft-barre-mptcp-tfo-04 section 4; no stack does it).
	FastOpenDSS bool
	// FastOpenRoom says how a SYN/ACK makes room for a fast open cookie beside
	// MP_CAPABLE.
	FastOpenRoom FastOpenRoom
	PathSignalling

	// MaxMapping is how many bytes one DSS mapping covers at most: Linux maps
	// whole buffers (up to 64 KiB) and repeats the option in each segment.
	MaxMapping int
	// HoldUnmapped keeps data that no mapping covers for up to a receive window
	// before the subflow is reset (RFC 8684 section 3.3.1); otherwise it is reset
	// at once (Linux), unless it is the last one that can carry data (unmapped.go).
	HoldUnmapped bool
	// RefuseDetached resets a subflow where the bytes of a segment are, by an earlier
	// mapping that they do not complete, the very data that the segment's own mapping
	// places behind them: the sender has sent again what is missing, and a box has made
	// the stream shorter. Linux counts DSSNotMatching there (subflow.c:
	// get_mapping_status, skb_is_fully_mapped) and resets a joined subflow; on the only
	// one it reverts to TCP, and the peer resets the connection after bytes that came
	// twice were delivered, which is not done here. A mapping of other data behind the
	// segment, as boxes leave that join and cut segments, is one in advance (RFC 8684
	// section 3.3.1), and so is every one without this.
	RefuseDetached bool
	// FastCloseOnAck ends a connection abruptly by MP_FASTCLOSE on an ACK of one
	// subflow, and waits for the answer (option A of RFC 8684 section 3.5);
	// otherwise by a RST with it on every subflow (option R, Linux).
	FastCloseOnAck bool
	// FastCloseRetries is how often an unanswered MP_FASTCLOSE on an ACK is sent again
	// before a RST with it ends the subflow (RFC 8684 section 3.5: three); with 0 the
	// RST is a plain one.
	FastCloseRetries int
	// FallBackOnMoving reverts to TCP on whichever subflow moves the data when options
	// vanish there, from data or from its acknowledgements, and closes the others;
	// otherwise a joined subflow is reset (RFC 8684 section 3.7). Implementation 3 of
	// the survey, which uses one path at a time, does so (question 4.3); it is not
	// always safe: what has no mapping is taken for the first byte that is missing.
	FallBackOnMoving bool
	// AnnounceFallback sends one infinite mapping with the next data after a
	// fallback that the peer may not have noticed (RFC 8684 section 3.7); Linux
	// sends none but in answer to MP_FAIL.
	AnnounceFallback bool
	// RepeatInfinite sends the infinite mapping of a subflow that replaces a failed one in
	// every segment until the peer acknowledges data behind it without DATA_ACK (RFC 8684
	// section 3.3.1 lets mappings be repeated, section 3.7 has the peer stop DATA_ACKs
	// then); otherwise one segment carries it, and its retransmissions (Linux clears
	// send_infinite_map with it).
	RepeatInfinite bool
	// DeliverFailed hands the data of a mapping whose checksum is wrong to the
	// application at once if the only subflow reverts to TCP (Linux); otherwise it
	// waits for the peer's infinite mapping or MP_FAIL.
	DeliverFailed bool
	// DataEstablishes: data with a mapping, even without a DATA_ACK, tells the client
	// that its key has arrived (RFC 8684 section 3.1: "the reliable delivery of the
	// ACK+MP_CAPABLE can be inferred by the receipt of this data with" a DSS). Upstream
	// Linux goes by a DATA_ACK (check_fully_established).
	DataEstablishes bool
	// RejoinAfterFail opens a subflow in infinite mapping after the only one was
	// reset with MP_FAIL (RFC 8684 section 3.7, MAY).
	RejoinAfterFail bool
	// InfiniteOneWay takes an infinite mapping of the peer for the peer's direction
	// only: our own keeps its mappings until the peer stops to acknowledge them
	// (draft-eardley-mptcp-implementations-survey-02, implementation 4, question
	// 4.7). RFC 8684 section 3.7 has both directions revert after an MP_FAIL.
	InfiniteOneWay bool
	// IgnoreUrgent sends and delivers urgent data like any other, without a mark (Linux
	// mptcp_sendmsg, __mptcp_move_skbs_from_subflow).
	IgnoreUrgent bool
	// ReleaseNeedsSubflow frees send buffer only when the subflows that carried
	// the data have acknowledged it too (RFC 8684 section 3.3.2); otherwise the
	// DATA_ACK alone frees it (Linux).
	ReleaseNeedsSubflow bool
	// SendCoversReceive makes a send buffer whose size nobody has chosen at least
	// as big as the receive buffer (RFC 8684 section 3.3.5); otherwise it has the
	// default size (Linux).
	SendCoversReceive bool
	// OutstandingPercent is the share of the send buffer that a subflow which has
	// timed out may hold although the peer has acknowledged the data, before it is
	// reset with code 0x04 (RFC 8684 section 3.6); 0: never.
	OutstandingPercent int

	// Reinject says when data is sent again on another subflow (RFC 8684 section
	// 3.3.6); ReinjectAfter is the number of timeouts in a row that
	// ReinjectConservative waits for. A subflow that ends always has its data
	// sent again.
	Reinject      ReinjectPolicy
	ReinjectAfter int
	// ICMPFailsSubflow: an ICMP error about an established subflow resets it, if
	// another one can carry data (RFC 8684 section 3.3.6). In Linux such errors are
	// advice, as for any TCP connection (tcp_v4_err).
	ICMPFailsSubflow bool
	// SubflowTimeouts is the number of timeouts in a row at which a subflow is
	// reset beside which another can carry data; 0: it goes on as long as TCP does.
	SubflowTimeouts int
	// Retrans is the connection-level retransmission timer. With RetransUpstream a
	// subflow becomes stale after more than StaleLossCount expiries without
	// progress (Linux net.mptcp.stale_loss_cnt 4; 0: never).
	Retrans        RetransTimer
	StaleLossCount int
	// BufferPage is the size in bytes of the pages into which written data is
	// copied, 0: data is not kept in buffers (Linux SKB_FRAG_PAGE_ORDER: 32 KiB).
	// Bursts of the scheduler and connection-level retransmissions end with one.
	BufferPage int
	// RcvBufOpt are the measures against a window that a slow subflow holds up
	// (NSDI'12). The out-of-tree stack has both; a socket can choose otherwise.
	RcvBufOpt RcvBufOpt
	// Reprobe caps the retransmission timeout of a silent subflow while another
	// one lives, so that a path that returns is found soon; 0: no cap. A socket
	// can ask for it too (SocketOptions.Reprobe).
	Reprobe sim.Duration

	// DataFINTimeout is the first interval after which an unacknowledged DATA_FIN
	// is sent again; later ones double up to the maximum RTO of TCP.
	DataFINTimeout sim.Duration
	// DataFINTwice repeats the first interval once (Linux: 0.2, 0.2, 0.4 s, ...).
	DataFINTwice bool
	// DataFINOnData sends a DATA_FIN from its second repetition on with the last byte of
	// the data, too (RFC 8684 section 3.3.3), so that it passes boxes that take options
	// from segments without payload. Linux repeats it on ACKs only (protocol.c:
	// __mptcp_retrans, mptcp_send_ack).
	DataFINOnData bool
	// AnswerDataFIN acknowledges a DATA_FIN that was received before. Linux does
	// not, so that a lost DATA_ACK is repaired only by the next segment.
	AnswerDataFIN bool
	// AckBeforeDataFIN lets an acknowledgement that is due for data leave before the
	// DATA_FIN behind the data counts, which a second one acknowledges, on every
	// subflow (Linux 6.18: move_skbs_to_msk leaves the DATA_FIN to a worker,
	// mptcp_check_data_fin). Where the first is a delayed one, or with the field
	// unset, one ACK is for both (RFC 8684 section 3.3.3).
	AckBeforeDataFIN bool
	// AckAfterFIN sends a pure ACK after the FIN of a subflow that ends because
	// the peer's DATA_FIN completed the closing (Linux 6.18).
	AckAfterFIN bool
	// CloseTimeout is how long a connection outlives its last subflow, and how
	// long one that the application has closed goes without progress (Linux
	// close_timeout 60 s).
	CloseTimeout sim.Duration
	// FINWithDataFIN sends the FINs of the subflows together with the DATA_FIN if the
	// peer has closed before and nothing is outstanding, so that the passive closer
	// owns TIME-WAIT (RFC 8041 section 3.6, figure 5).
	FINWithDataFIN bool
	// PassiveCloserWaits is how long a host whose peer has closed first waits for the
	// peer's FINs before it sends its own, to stay out of TIME-WAIT (the remedy of
	// RFC 8041 section 3.6); 0: it does not wait.
	PassiveCloserWaits sim.Duration
	// JoinWithoutData lets subflows be added after the first one has ended before it
	// carried data (survey, implementation 3, question 4.7); otherwise none may be
	// added before a DSS option was received (RFC 8684 section 3.1).
	JoinWithoutData bool
	// KeepStrippedJoin leaves a subflow whose SYN/ACK has no MP_JOIN allocated and
	// unused until the connection ends (survey, implementation 2, question 4.2);
	// otherwise it is reset (RFC 8684 section 3.2).
	KeepStrippedJoin bool
	// NagleOnData applies Nagle's rule and cork to the data of the connection before it
	// is granted to subflows (out-of-tree Linux, mptcp_write_xmit: "Nagle is handled at
	// the MPTCP-layer, so always push on the subflow"; RFC 9293 section 3.7.4 speaks of
	// the user's data); otherwise the TCP of each subflow applies them (upstream Linux).
	NagleOnData bool
	// WindowProbe is the first interval after which a closed connection-level
	// window is probed by a byte that the peer has already; TCP's own probes
	// carry it on from there.
	WindowProbe sim.Duration
}

// Source says what a field of a profile comes from. "Lacks X" is a member of Lacks.
type Source struct{ Field, From string }

// JoinAckTimer says when the third packet of a join is sent again.
type JoinAckTimer uint8

// The timers of the third packet of a join.
const (
	// JoinAckTwoSRTT repeats it every two smoothed round-trip times (Linux).
	JoinAckTwoSRTT JoinAckTimer = iota
	// JoinAckRTO repeats it after the RTO, doubling, like any segment (RFC 8684
	// section 3.2).
	JoinAckRTO
)

// ReinjectPolicy says when data in flight on one subflow is sent again on
// another (RFC 8684 section 3.3.6).
type ReinjectPolicy uint8

// The reinjection policies.
const (
	// ReinjectOnRTO sends everything again that only subflows carry which have
	// timed out and not been heard of since.
	ReinjectOnRTO ReinjectPolicy = iota
	// ReinjectAggressive does that too, and sends the first unacknowledged
	// mapping of a subflow again whenever its TCP enters fast recovery.
	ReinjectAggressive
	// ReinjectConservative is ReinjectOnRTO after several timeouts in a row.
	ReinjectConservative
	// ReinjectNone sends data again only if its subflow has ended.
	ReinjectNone
)

var reinjectNames = [...]string{
	ReinjectOnRTO: "on_rto", ReinjectAggressive: "aggressive",
	ReinjectConservative: "conservative", ReinjectNone: "none",
}

// String returns the name that scenarios use.
func (r ReinjectPolicy) String() string {
	if int(r) < len(reinjectNames) {
		return reinjectNames[r]
	}
	return "unknown"
}

// ParseReinjectPolicy returns the policy of the given name.
func ParseReinjectPolicy(name string) (ReinjectPolicy, bool) {
	for r, n := range reinjectNames {
		if n == name {
			return ReinjectPolicy(r), true
		}
	}
	return 0, false
}

// reprobeInterval is the cap of Reprobe where a socket asks for it.
const reprobeInterval = sim.Second

// Linux returns the profile of upstream Linux 6.18 with default settings.
func Linux() *Profile {
	return &Profile{
		Name: "linux", Doc: "upstream Linux 6.18 with default sysctl settings",
		TCP:      *tcp.Linux(),
		Versions: Version1, VersionMemory: 3600 * sim.Second,
		Checksum:     ChecksumOnDemand,
		OneAlgorithm: true,
		CapableSYNs:  3,
		SubflowLimit: 8, RefuseAtACK: true, JoinFromThirdACK: true, JoinBacklog: 32, JoinAck: JoinAckTwoSRTT,
		PathSignalling: linuxSignalling(),
		MaxMapping:     65428,
		Reinject:       ReinjectNone,
		Retrans:        RetransUpstream, StaleLossCount: 4, BufferPage: 32768,
		DataFINTimeout: 200 * sim.Millisecond, DataFINTwice: true, AckBeforeDataFIN: true, AckAfterFIN: true,
		DeliverFailed: true, RefuseDetached: true, IgnoreUrgent: true, FastCloseRetries: 3,
		CloseTimeout: 60 * sim.Second,
		WindowProbe:  200 * sim.Millisecond,
	}
}

// RFC returns the profile of the text of RFC 8684 and of the TCP RFCs.
func RFC() *Profile {
	return &Profile{
		Name: "rfc", Doc: "the text of RFC 8684 and of the TCP RFCs",
		TCP:      *tcp.RFC(),
		Versions: Version1, VersionMemory: 3600 * sim.Second,
		Checksum:     ChecksumOnDemand,
		CapableSYNs:  3,
		SubflowLimit: 32, JoinBacklog: 32, JoinAfterDataFIN: true, JoinAck: JoinAckRTO,
		FastOpenRoom: RoomShortCookie, VerifyCookieKey: true, VerifyDataKey: true,
		PathSignalling: rfcSignalling(),
		MaxMapping:     65428,
		HoldUnmapped:   true, ReleaseNeedsSubflow: true, OutstandingPercent: 50, SendCoversReceive: true,
		DataEstablishes:  true,
		AnnounceFallback: true, RepeatInfinite: true, RejoinAfterFail: true, FastCloseOnAck: true, FastCloseRetries: 3,
		Reinject:         ReinjectOnRTO,
		ICMPFailsSubflow: true,
		DataFINTimeout:   sim.Second, DataFINOnData: true, AnswerDataFIN: true,
		NagleOnData:  true,
		CloseTimeout: 60 * sim.Second,
		WindowProbe:  sim.Second,
	}
}

// LinuxOOT returns the profile of the out-of-tree Linux stack (v0.9x), on which
// most papers were measured: version 0, TCP as of the kernels it was made for (RFC
// 6675 and PRR without RACK), one mapping for each segment, numbers of 4 octets,
// checksums, reinjection after every timeout. Its sources are the answers of its
// team to the survey of 2013 (see [Linux086]); what v0.9x changed since is not known
// from a document.
func LinuxOOT() *Profile {
	t := *tcp.Linux()
	t.Name = "linux-oot"
	t.RACK, t.TLP = false, false
	t.SynLinearTimeouts = 0
	t.CompressSACK = 0
	return &Profile{
		Name: "linux-oot", Doc: "the out-of-tree Linux stack v0.9x on which most papers were measured",
		TCP:      t,
		Versions: Version0, VersionMemory: 3600 * sim.Second,
		Sources: []Source{
			{"Versions", "Q6.1: HMAC-SHA1 as in RFC 6824"},
			{"JoinBy", "Q3.2b: only the initiator of the original subflow starts a new one, but it accepts a join of the peer"},
			{"Checksum", "Q3.3e: configurable by sysctl; net.mptcp.mptcp_checksum is 1 unless changed"},
			{"SubflowLimit", "Q3.2c: 32 subflows"},
			{"DSN", "Q3.3c: 4 bytes"},
			{"DataAck", "Q3.3b, f: 4 bytes, even if the peer sends 64-bit data sequence numbers"},
			{"AnnounceFallback", "Q4.6: fallback uses an infinite mapping"},
			{"DeliverFailed", "Q4.5: FTP through NATs that change the payload goes on"},
			{"FastCloseOnAck", "Q3.5: supported; RFC 6824 section 3.5 has it on an ACK only"},
			{"Reinject", "Q5.3: upon an RTO all the unacknowledged data of the subflow is reinjected on others"},
			{"ReceiveBuffer", "Q5.1: Linux's autotuning, slightly modified"},
		},
		JoinBy:       JoinClient,
		Checksum:     ChecksumRequired,
		CapableSYNs:  4,
		SubflowLimit: 31, JoinBacklog: 31, JoinAfterDataFIN: true, JoinAck: JoinAckRTO,
		FastCloseOnAck: true, FastCloseRetries: 3, // the only form of RFC 6824 section 3.5
		PathSignalling: linuxOOTSignalling(),
		DSN:            DSN4, DataAck: DataAck4,
		RcvBufOpt:        OpportunisticRetransmit | PenaliseSlow,
		MaxMapping:       1,
		AnnounceFallback: true, DeliverFailed: true,
		Reinject:       ReinjectOnRTO,
		DataFINTimeout: 200 * sim.Millisecond, AnswerDataFIN: true,
		NagleOnData:  true,
		CloseTimeout: 60 * sim.Second,
		WindowProbe:  200 * sim.Millisecond,
	}
}

// Profiles returns the profiles in the order in which they are listed.
func Profiles() []*Profile {
	return []*Profile{Linux(), RFC(), LinuxOOT(), Linux086(), FreeBSD02(), IOS7(), NetScaler()}
}

// ProfileByName returns a fresh copy of the named profile, or nil.
func ProfileByName(name string) *Profile {
	for _, p := range Profiles() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// mappingLimit is how many bytes a mapping may cover on a subflow with the given
// segment size: whole segments, at least one.
func (p *Profile) mappingLimit(mss int) int {
	n := p.MaxMapping - p.MaxMapping%mss
	return max(n, mss)
}
