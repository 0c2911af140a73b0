package tcp

// The congestion window is the controller's, but a segment needs it three times, and
// each question is an indirect call. Of a controller whose windows change only by calls
// that name the flow (cc.Traits.OwnWindows) the answer is kept: it is asked for again
// after each call that may change it. Of others, wrappers say, it is asked for each time.

// window returns the congestion window in bytes.
func (c *Conn) window() int64 {
	if c.keepsCwnd {
		return c.outgo.cwnd
	}
	return c.cc.Window(c.flow)
}

// refreshWindow asks for the window after a call of the controller.
func (c *Conn) refreshWindow() {
	if c.keepsCwnd {
		c.outgo.cwnd = c.cc.Window(c.flow)
	}
}

// WindowReduced says that the owner of the controller has called it for this flow, which
// only happens to make the window smaller (package sched calls it a penalty).
func (c *Conn) WindowReduced() { c.refreshWindow() }
