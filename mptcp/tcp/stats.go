package tcp

// Stats counts what happened on a connection. Bytes are payload bytes.
type Stats struct {
	SegmentsSent     int64 // all, also without payload
	SegmentsReceived int64 // all
	BytesSent        int64 // with retransmissions
	BytesReceived    int64 // new ones, in order or not
	DuplicateBytes   int64 // received again

	RetransmittedSegments int64
	RetransmittedBytes    int64
	PathMTUReductions     int64 // messages of routers that made segments shorter
	MTUProbes             int64 // segments sent to search for the path MTU
	MTUProbesArrived      int64 // Linux TCPMTUPSuccess
	MTUProbesLost         int64 // Linux TCPMTUPFail
	MTUBlackHoles         int64 // timeouts that made segments shorter
	SoftErrors            int64 // ICMP errors about what was in flight
	Timeouts              int64 // retransmission timer expiries in synchronised states
	SynTimeouts           int64 // of SYN or SYN/ACK
	FastRecoveries        int64
	TailProbes            int64 // tail loss probes sent
	TailRepairs           int64 // losses that a probe repaired
	LostRetransmissions   int64
	SpuriousUndos         int64 // reductions taken back: DSACK, Eifel, F-RTO
	WindowProbes          int64
	Keepalives            int64

	DuplicateAcks       int64 // received
	DSACKsReceived      int64
	DSACKsSent          int64
	SACKReneges         int64
	Reorderings         int64 // reordering events seen by SACK
	CompressedAcks      int64 // duplicate ACKs that were gathered into one
	DelayedAcks         int64 // ACKs that the delay timer sent
	OutOfOrderSegments  int64
	ReassemblyDrops     int64 // out-of-order segments beyond the bound
	OutOfWindowSegments int64
	PAWSDrops           int64
	BadAcks             int64
	ChallengeAcks       int64
	BadResets           int64 // RSTs that were answered or ignored

	CEReceived    int64 // segments marked in the network
	ECNReductions int64
}
