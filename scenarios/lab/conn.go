package lab

import (
	"mpsim/internal/app"
	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Conn is one end of a connection. It reads what arrives at once and checks
// every byte against what the other end sent.
type Conn struct {
	lab  *Lab
	host *host.Host
	id   mptcp.ConnID

	connected, eof, closed bool
	left                   int64 // to be written still
	finish                 bool  // our direction ends behind it
	record                 app.Record
	keeps                  bool // what arrives is kept
	kept                   []byte
	last                   mptcp.ConnInfo // when it was over
	lastSubflows           []mptcp.SubflowInfo
	events                 []mptcp.Event
}

// ID names the connection in calls to the endpoint.
func (c *Conn) ID() mptcp.ConnID { return c.id }

// Endpoint returns the protocol stack that the connection belongs to. After a
// command to it that sends segments, Pump must be called.
func (c *Conn) Endpoint() *mptcp.Endpoint { return c.host.Endpoint() }

// Pump sends what commands to the endpoint have made.
func (c *Conn) Pump() { c.host.Pump(c.lab.Now()) }

// Send appends n bytes to the stream. They are written as fast as the send
// buffer takes them; no time passes.
func (c *Conn) Send(n int64) {
	c.left += n
	c.fill(c.lab.Now())
	c.Pump()
}

// SendBytes appends literal bytes to the stream and returns how many the send buffer
// had room for; what Send has not written yet comes later. No time passes.
func (c *Conn) SendBytes(b []byte) int {
	n := c.Endpoint().WriteBytes(c.lab.Now(), c.id, b)
	c.Pump()
	return n
}

// KeepBytes keeps what arrives from now on for Bytes, instead of checking it.
func (c *Conn) KeepBytes() { c.keeps = true }

// Bytes returns what has arrived since KeepBytes.
func (c *Conn) Bytes() []byte { return c.kept }

// Shutdown ends our direction behind everything that was sent.
func (c *Conn) Shutdown() {
	c.finish = true
	c.fill(c.lab.Now())
	c.Pump()
}

// Close ends both directions; Abort does so at once by resets.
func (c *Conn) Close() {
	c.Endpoint().Close(c.lab.Now(), c.id)
	c.Pump()
}

// Abort ends the connection at once by resets.
func (c *Conn) Abort() {
	c.Endpoint().Abort(c.lab.Now(), c.id)
	c.Pump()
}

// Received returns how many bytes have arrived, and Corrupt how many of them are
// not what was sent at their place in the stream.
func (c *Conn) Received() int64 { return c.record.Bytes }

// Corrupt returns how many bytes of Received are not what was sent.
func (c *Conn) Corrupt() int64 { return c.record.Corrupt }

// Record returns when the bytes arrived.
func (c *Conn) Record() *app.Record { return &c.record }

// Connected reports whether the handshake is complete.
func (c *Conn) Connected() bool { return c.connected }

// EOF reports whether the peer's stream has ended.
func (c *Conn) EOF() bool { return c.eof }

// Closed reports whether the connection is over.
func (c *Conn) Closed() bool { return c.closed }

// Info returns the state of the connection, the last one if it is over.
func (c *Conn) Info() mptcp.ConnInfo {
	if c.closed {
		return c.last
	}
	return c.Endpoint().Info(c.id)
}

// Subflows returns the subflows that the connection has or had.
func (c *Conn) Subflows() []mptcp.SubflowInfo {
	if c.closed {
		return c.lastSubflows
	}
	return c.Endpoint().Subflows(c.id, nil)
}

// Events returns what the endpoint has told of the connection.
func (c *Conn) Events() []mptcp.Event { return c.events }

// fill writes what the send buffer takes.
func (c *Conn) fill(now sim.Time) {
	for c.left > 0 {
		n := c.Endpoint().Write(now, c.id, c.left)
		if n == 0 {
			return
		}
		c.left -= n
	}
	if c.finish {
		c.finish = false
		c.Endpoint().Shutdown(now, c.id)
	}
}

// OnEvent implements host.App.
func (c *Conn) OnEvent(now sim.Time, ev *mptcp.Event) {
	c.events = append(c.events, *ev)
	switch ev.Kind {
	case mptcp.Connected:
		c.connected = true
		c.fill(now)
	case mptcp.Writable:
		c.fill(now)
	case mptcp.Readable:
		c.read(now)
	case mptcp.Closed:
		c.last, c.lastSubflows = c.Info(), c.Subflows()
		c.closed = true
	}
}

// OnAlarm implements host.App; there are none.
func (c *Conn) OnAlarm(sim.Time, uint32) {}

func (c *Conn) read(now sim.Time) {
	e := c.Endpoint()
	for {
		off, n := e.Read(now, c.id, 1<<62)
		if n == 0 {
			break
		}
		if c.keeps {
			c.kept = e.Bytes(off, n, c.kept)
			continue
		}
		c.record.Deliver(now, off, n)
	}
	c.eof = e.ReadEOF(c.id)
}
