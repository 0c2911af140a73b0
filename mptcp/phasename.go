package mptcp

// PhaseName names a value of a trace.SubflowPhase record: how far the MPTCP side
// of a subflow has come. It is "" for a value that no record has.
func PhaseName(v int64) string {
	switch phase(v) {
	case phaseSYN:
		return "syn"
	case phaseSYNACK:
		return "synack"
	case phaseKeyed:
		return "keyed"
	case phasePre:
		return "pre_established"
	case phaseFull:
		return "fully_established"
	case phasePlain:
		return "plain"
	}
	return ""
}
