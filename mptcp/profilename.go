package mptcp

// The names under which the tables of the profiles show their choices.

var (
	dsnWidthNames = [...]string{
		DSN8: "8 octets", DSN4: "4 octets", DSN4Wrap: "4 octets, 8 around wraps and at high rates",
	}
	dataAckWidthNames = [...]string{
		DataAckMirror: "as wide as the peer's numbers", DataAck4: "4 octets", DataAck8: "8 octets",
	}
	joinAckNames  = [...]string{JoinAckTwoSRTT: "every 2 SRTT", JoinAckRTO: "after RTO, doubling"}
	checksumNames = [...]string{
		ChecksumDefault: "default", ChecksumOnDemand: "if the peer asks",
		ChecksumRequired: "required", ChecksumRefused: "refused",
	}
	removeNames  = [...]string{RemoveProbes: "are probed", RemoveCloses: "are closed by FIN"}
	retransNames = [...]string{
		RetransDelivered: "of delivered data", RetransUpstream: "of any data, stale subflows",
	}
)

// String describes the width.
func (w DSNWidth) String() string { return nameOf(dsnWidthNames[:], int(w)) }

// String describes the width.
func (w DataAckWidth) String() string { return nameOf(dataAckWidthNames[:], int(w)) }

// String describes the timer.
func (j JoinAckTimer) String() string { return nameOf(joinAckNames[:], int(j)) }

// String describes the policy.
func (p ChecksumPolicy) String() string { return nameOf(checksumNames[:], int(p)) }

// String describes the timer.
func (r RetransTimer) String() string { return nameOf(retransNames[:], int(r)) }

// String says what becomes of the subflows.
func (r RemovePolicy) String() string { return nameOf(removeNames[:], int(r)) }

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}
