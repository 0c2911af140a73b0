package app

import (
	"math"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Bulk is a transfer in one direction: the sender writes as fast as the
// connection takes it, and closes its direction when it has written all or is
// told to stop; the receiver reads at once and then closes too.
type Bulk struct {
	ends
	upload   bool
	record   *Record
	sender   bulkSender
	receiver bulkReceiver
}

// Unlimited is the size of a transfer that has no end of its own.
const Unlimited = math.MaxInt64

// NewBulk prepares a transfer of size bytes, from the client if upload, else
// from the server. It listens at once and dials at the start time.
func NewBulk(client, server *host.Host, s Socket, size int64, upload bool, r *Record) (*Bulk, error) {
	b := &Bulk{upload: upload, record: r}
	b.init(client, server, s)
	b.sender = bulkSender{b: b, left: size}
	b.receiver.b = b
	if err := b.listen(b.accept); err != nil {
		return nil, err
	}
	client.SetAlarm(b.clientApp(), s.Start, alarmStart)
	return b, nil
}

// Record returns what the receiver has received.
func (b *Bulk) Record() *Record { return b.record }

// Stop ends the transfer: nothing more is written, and the sender closes.
func (b *Bulk) Stop(now sim.Time) {
	b.sender.left = 0
	if b.sender.at != nil {
		b.sender.fill(now)
		b.sender.at.Host.Pump(now)
	}
}

func (b *Bulk) clientApp() host.App {
	if b.upload {
		return &b.sender
	}
	return &b.receiver
}

func (b *Bulk) accept(now sim.Time, c mptcp.ConnID) host.App {
	b.Server.open(c)
	if b.upload {
		b.receiver.at = &b.Server
		return &b.receiver
	}
	b.sender.open(now, &b.Server)
	return &b.sender
}

// start dials.
func (b *Bulk) start(now sim.Time, a host.App) {
	b.record.Start(now)
	if !b.upload {
		b.dial(now, a)
		return
	}
	n := b.dialData(now, a, b.sender.left)
	if b.sender.left != Unlimited {
		b.sender.left -= n
	}
}

// bulkSender is the writing end.
type bulkSender struct {
	b      *Bulk
	at     *End // nil: no connection yet
	left   int64
	closed bool
}

// open is called when the sender's connection exists.
func (s *bulkSender) open(now sim.Time, at *End) {
	s.at = at
	if stop := s.b.socket.Stop; stop != sim.Never {
		at.Host.SetAlarm(s, max(stop, now), alarmStop)
	}
	s.fill(now)
}

// fill writes what the send buffer takes.
func (s *bulkSender) fill(now sim.Time) {
	ep := s.at.Host.Endpoint()
	for s.left > 0 {
		n := ep.Write(now, s.at.Conn, s.left)
		if n == 0 {
			return
		}
		if s.left != Unlimited {
			s.left -= n
		}
	}
	if !s.closed {
		s.closed = true
		ep.Shutdown(now, s.at.Conn)
	}
}

// OnEvent implements host.App.
func (s *bulkSender) OnEvent(now sim.Time, ev *mptcp.Event) {
	s.b.note(now, ev, s.at)
	switch ev.Kind {
	case mptcp.Connected, mptcp.Writable:
		if !s.closed {
			s.fill(now)
		}
	case mptcp.Readable:
		if s.at.Host.Endpoint().ReadEOF(s.at.Conn) {
			s.at.Host.Endpoint().Close(now, s.at.Conn)
		}
	}
}

// OnAlarm implements host.App.
func (s *bulkSender) OnAlarm(now sim.Time, arg uint32) {
	switch arg {
	case alarmStart:
		s.at = &s.b.Client
		s.b.start(now, s)
		if s.b.Client.Open {
			s.open(now, s.at)
		}
	case alarmStop:
		s.b.Stop(now)
	}
}

// bulkReceiver is the reading end.
type bulkReceiver struct {
	b  *Bulk
	at *End
}

// OnEvent implements host.App.
func (r *bulkReceiver) OnEvent(now sim.Time, ev *mptcp.Event) {
	r.b.note(now, ev, r.at)
	if ev.Kind != mptcp.Readable {
		return
	}
	drain(now, r.at, r.b.record)
	ep := r.at.Host.Endpoint()
	if ep.ReadEOF(r.at.Conn) {
		r.b.record.Finish(now)
		ep.Close(now, r.at.Conn)
	}
}

// OnAlarm implements host.App.
func (r *bulkReceiver) OnAlarm(now sim.Time, arg uint32) {
	if arg == alarmStart {
		r.at = &r.b.Client
		r.b.start(now, r)
	}
}
