package cc

// Traits are what a controller asks of TCP beside a window. They hold for all
// subflows and do not change.
type Traits struct {
	// Paced: PacingRate may be other than 0, so TCP asks for it after each
	// acknowledgement and spaces segments by it.
	Paced bool
	// ExactECN: the connection negotiates ECN whatever the profile says, and as a
	// receiver echoes marks exactly (RFC 8257 section 3.2; Linux
	// TCP_CONG_NEEDS_ECN and tcp_dctcp.h).
	ExactECN bool
	// OwnRecovery: Window governs sending during recovery, too, instead of
	// proportional rate reduction (Linux's cong_control).
	OwnRecovery bool
	// OwnWindows: Window, Ssthresh and, unless Paced, PacingRate of a subflow change
	// only by calls that name it, and not by OnSent, so that who asks may keep them until
	// then.
	OwnWindows bool
	// IgnoresSent: OnSent does nothing and need not be called.
	IgnoresSent bool
}

// Characterised is a controller that states its traits.
type Characterised interface {
	Traits() Traits
}

// TraitsOf returns the traits of a controller. One that does not state them may
// be paced and asks for nothing else.
func TraitsOf(c any) Traits {
	if t, ok := c.(Characterised); ok {
		return t.Traits()
	}
	return Traits{Paced: true}
}

// Traits returns those of the algorithm.
func (e *each[S, P]) Traits() Traits { return TraitsOf(P(&e.prototype)) }

// Traits: a flow is paced if its rules say so.
func (f *Flow) Traits() Traits { return Traits{Paced: f.rules.Paced, OwnWindows: true} }
