package tcp

import "mpsim/sim"

// Holdup says why a connection sends no new data now.
type Holdup uint8

// The reasons for sending nothing.
const (
	NotHeld       Holdup = iota // data may leave
	NothingToSend               // all of it has left
	HeldByPeer                  // the peer's window
	HeldByWindow                // the congestion window, or what reduces it
	HeldByNagle                 // the rest does not fill a segment
	HeldByPacing                // the controller's rate
)

// Holdup returns what keeps new data from leaving. It changes nothing.
func (c *Conn) Holdup(now sim.Time) Holdup {
	mss := c.snd.mss // nextNew brings it up to date
	_, _, why := c.nextNew()
	c.snd.mss = mss
	switch why {
	case blockedNothing:
		return NothingToSend
	case blockedByPeer:
		return HeldByPeer
	case blockedByWindow:
		return HeldByWindow
	case blockedByNagle:
		return HeldByNagle
	}
	if c.paced && now < c.paceDue {
		return HeldByPacing
	}
	return NotHeld
}

// WriteClosed reports whether our stream has been ended.
func (c *Conn) WriteClosed() bool { return c.closing.queued }
