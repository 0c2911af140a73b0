package tcp

// State is a state of RFC 9293 section 3.3.2. LISTEN belongs to the endpoint.
type State uint8

// The states of a connection.
const (
	StateClosed State = iota
	StateSynSent
	StateSynReceived
	StateEstablished
	StateFinWait1
	StateFinWait2
	StateCloseWait
	StateClosing
	StateLastAck
	StateTimeWait
	numStates
)

var stateNames = [numStates]string{
	StateClosed: "CLOSED", StateSynSent: "SYN-SENT", StateSynReceived: "SYN-RECEIVED",
	StateEstablished: "ESTABLISHED", StateFinWait1: "FIN-WAIT-1", StateFinWait2: "FIN-WAIT-2",
	StateCloseWait: "CLOSE-WAIT", StateClosing: "CLOSING", StateLastAck: "LAST-ACK",
	StateTimeWait: "TIME-WAIT",
}

// String returns the name of the state as RFC 9293 writes it.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "unknown"
}

// stateSet is a set of states, one bit each.
type stateSet uint16

func states(ss ...State) (set stateSet) {
	for _, s := range ss {
		set |= 1 << s
	}
	return set
}

func (set stateSet) has(s State) bool { return set>>(s&15)&1 != 0 }

var (
	// sending are the states in which payload and FIN may leave.
	sending = states(StateEstablished, StateCloseWait, StateFinWait1, StateClosing, StateLastAck)
	// receiving are the states in which new payload is accepted.
	receiving = states(StateEstablished, StateFinWait1, StateFinWait2)
	// finSent are the states in which our stream has ended.
	finSent = states(StateFinWait1, StateFinWait2, StateClosing, StateLastAck, StateTimeWait)
)
