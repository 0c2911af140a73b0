package mptcp

import "mpsim/mptcp/tcp"

// This file holds the four implementations that answered the survey of July 2013
// (draft-eardley-mptcp-implementations-survey-02). Section 2 says which is which:
// Implementation 1 is Linux of UCLouvain, 2 FreeBSD of Swinburne, 3 a commercial
// OS that is not named (ios7: the one that shipped MPTCP two months later, for
// mobile devices, as a client, in active/backup mode), 4 NetScaler of Citrix. Each
// field stands beside the answer that it comes from; what the survey leaves open
// is that of linux-oot, the implementation with which all of them were tested.
//
// What belongs to the scheduler or the path manager is not in a profile: 1 has the
// lowest round-trip time first and a full mesh, 2 a round robin, 3 and 4 use one
// subflow and keep the others for its failure.

// Linux086 returns the profile of Implementation 1, Linux MPTCP v0.86 (Q9.2).
func Linux086() *Profile {
	p := LinuxOOT()
	p.Name, p.Doc = "linux086", "Implementation 1 of the survey: Linux MPTCP v0.86 of UCLouvain"
	p.Sources = append(p.Sources, Source{"JoinPort", "Q5.4: always the same port number as for the first subflow"})
	p.JoinPort = PortSame
	return p
}

// FreeBSD02 returns the profile of Implementation 2, patch v0.2 for FreeBSD-10.
// Its answers on ADD_ADDR disagree: the table of section 2 says no, the team's own
// answer (Q3.4a) that it is implemented and REMOVE_ADDR is not; the latter holds
// here.
func FreeBSD02() *Profile {
	p := surveyed()
	p.Name, p.Doc = "freebsd02", "Implementation 2 of the survey: FreeBSD-10 with the patch of Swinburne"
	p.Sources = []Source{
		{"Versions", "Q6.1: HMAC-SHA1 as in RFC 6824"},
		{"Lacks IPv6", "Q2.2: IPv4 only"},
		{"Lacks HMACCheck", "Q3.2d: no HMAC verification during the handshake"},
		{"Lacks Priority", "Q8.5: neither B bit nor MP_PRIO"},
		{"Lacks FastClose", "Q3.5: that stack has no MP_FASTCLOSE"},
		{"Lacks SendRemoveAddr", "Q3.4a: that stack has no REMOVE_ADDR"},
		{"Lacks ReceiveRemoveAddr", "Q3.4a: that stack has no REMOVE_ADDR"},
		{"Lacks DataFallback", "Q4.3: no fallback if the DSS does not get through"},
		{"Lacks AckFallback", "Q4.4: no fallback if the DATA_ACK is wrong"},
		{"Checksum", "Q3.1b, Q3.3e: not supported; who requires them gets plain TCP, which RFC 6824 section 3.1 leaves"},
		{"AnnounceFallback", "Q4.6: fallback uses an infinite mapping"},
		{"KeepStrippedJoin", "Q4.2: the subflow remains allocated, and is not used to send data"},
		{"JoinPort", "Q5.4: the same port numbers are re-used"},
		{"Lacks Reinjection", "Q5.3: data-level retransmits are not enabled"},
		{"JoinBy", "Q3.2b: either end"},
		{"SubflowLimit", "Q3.2c: 8 subflows"},
		{"DSN", "Q3.3c: 4 (default) and 8"},
		{"DataAck", "Q3.3b: 4 (default) and 8"},
		{"ReceiveBuffer", "Q5.1: TCP_MAXWIN << rcv_scale"},
	}
	p.Lacks = IPv6 | HMACCheck | Priority | FastClose | SendRemoveAddr | ReceiveRemoveAddr |
		DataFallback | AckFallback | Reinjection
	p.JoinBy = JoinEither
	p.Checksum = ChecksumRefused
	p.KeepStrippedJoin = true
	p.JoinPort = PortSame
	p.SubflowLimit = 7
	p.DSN, p.DataAck = DSN4Wrap, DataAckMirror
	p.ReceiveBuffer = BufferMaxWindow
	return p
}

// IOS7 returns the profile of Implementation 3.
func IOS7() *Profile {
	p := surveyed()
	p.Name, p.Doc = "ios7", "Implementation 3 of the survey: a commercial OS for mobile devices, client only"
	p.Sources = []Source{
		{"Versions", "Q6.1: HMAC-SHA1 as in RFC 6824"},
		{"Checksum", "Q3.3e: supported"},
		{"AnnounceFallback", "Q4.6: fallback uses an infinite mapping"},
		{"FallBackOnMoving", "Q4.3: the subflow on which fallback occurred is kept alive and the others are closed"},
		{"FastCloseRetries", "Q3.5: retransmission is not supported yet"},
		{"JoinWithoutData", "Q4.7: a join is allowed although the first subflow ended without having sent data"},
		{"JoinPort", "Q5.4: the local port changes"},
		{"Lacks PassiveOpen", "Q3.4a: a client side implementation only"},
		{"Lacks PassiveJoin", "Q3.4a: the client always initiates the subflows"},
		{"Lacks SendAddAddr", "Q3.4a: considered a security risk"},
		{"Lacks ReceiveAddAddr", "Q3.4a: considered a security risk"},
		{"Lacks ReceiveRemoveAddr", "Q3.4a: ignored; the client sends it"},
		{"Lacks AckFallback", "Q4.4: an unexpected DATA_ACK is ignored"},
		{"JoinBy", "Q3.2b: only the initiator of the original subflow"},
		{"SubflowLimit", "Q3.2c: no hard limit; address ids end at 255"},
		{"DSN", "Q3.3c: 4 bytes by default, 8 when the lower 32 bits wrap"},
		{"DataAck", "Q3.3b: 4 bytes by default, 8 in answer to 8"},
		{"Reinject", "Q5.3, Q8.1: other subflows are used when the preferred one begins to time out"},
		{"ReceiveBuffer", "Q5.1: the same at MPTCP and subflow level, automatic tuning off"},
	}
	p.Lacks = PassiveOpen | PassiveJoin | SendAddAddr | ReceiveAddAddr | ReceiveRemoveAddr | AckFallback
	p.JoinBy = JoinClient
	p.JoinWithoutData = true
	p.FallBackOnMoving = true
	p.FastCloseRetries = 0
	p.SubflowLimit = 254
	p.DSN, p.DataAck = DSN4Wrap, DataAckMirror
	p.ReceiveBuffer = BufferOfSubflow
	return p
}

// NetScaler returns the profile of Implementation 4, a proxy that terminates the
// MPTCP connections of clients.
func NetScaler() *Profile {
	p := surveyed()
	p.Name, p.Doc = "netscaler", "Implementation 4 of the survey: NetScaler firmware of Citrix"
	p.Sources = []Source{
		{"Versions", "Q6.1: HMAC-SHA1 as in RFC 6824"},
		{"Checksum", "Q3.3e: supported"},
		{"AnnounceFallback", "Q4.6: fallback uses an infinite mapping"},
		{"Lacks SendAddAddr", "Q3.4, Q5.4: ADD_ADDR is not supported"},
		{"Lacks ReceiveAddAddr", "Q3.4, Q5.4: ADD_ADDR is not supported"},
		{"JoinBy", "Q5.4: subflow initiation is not supported"},
		{"SubflowLimit", "Q3.2c: 6 subflows"},
		{"DSN", "Q3.3c: 4 or 8 octets in both directions"},
		{"DataAck", "Q3.3b: 4 or 8 octets in both directions"},
		{"Reinject", "Q5.3: on the subflow, and after 3 RTOs on an additional one"},
		{"ReinjectAfter", "Q5.3: 3 RTOs"},
		{"SubflowTimeouts", "Q5.3: closed with RST after 7 RTOs"},
		{"ReceiveBuffer", "Q5.1: varying with the service and application type"},
	}
	p.Lacks = SendAddAddr | ReceiveAddAddr
	p.JoinBy = JoinNobody
	p.SubflowLimit = 5
	p.DSN, p.DataAck = DSN4Wrap, DataAckMirror
	p.Reinject, p.ReinjectAfter, p.SubflowTimeouts = ReinjectConservative, 3, 7
	p.ReceiveBuffer = BufferOfService
	return p
}

// surveyed is what the profiles of Implementations 2 to 4 begin with: the survey
// asks nothing about TCP, so it is that of the RFCs as they were then, without
// RFC 8985.
func surveyed() *Profile {
	p := LinuxOOT()
	t := *tcp.RFC()
	t.RACK, t.TLP = false, false
	p.TCP = t
	p.RcvBufOpt = 0
	p.Checksum = ChecksumOnDemand
	p.DeliverFailed = false
	return p
}
