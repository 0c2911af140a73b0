package app

import (
	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Pattern is what the client of a Request asks for.
type Pattern struct {
	Request, Response int64        // bytes
	Count             int          // requests; then the client closes
	Interval          sim.Duration // between the starts of requests, unless a response is late
	Think             sim.Duration // from a response to the next request
}

// Request is a client that sends requests over one connection, each after the
// response to the one before, and a server that answers each: small, sensitive
// to delay, as a voice assistant is. The latency of a request runs from the
// write of the request to the last byte of the response.
type Request struct {
	ends
	pattern Pattern
	record  *Record // responses at the client
	server  requestServer

	Latencies []sim.Duration // of the responses so far
	Delays    Delays         // the same, for quantiles

	sent    int   // requests begun
	unsent  int64 // bytes of the present request that are not written yet
	asked   sim.Time
	goal    int64 // bytes of responses when the present one is complete
	waiting bool  // a response is due
	stopped bool
}

// NewRequest prepares the flow. The record counts the responses at the client.
func NewRequest(client, server *host.Host, s Socket, p Pattern, r *Record) (*Request, error) {
	q := &Request{pattern: p, record: r, Latencies: make([]sim.Duration, 0, min(p.Count, 1<<16))}
	q.init(client, server, s)
	q.server = requestServer{q: q, record: NewRecord(0)}
	if err := q.listen(q.server.accept); err != nil {
		return nil, err
	}
	client.SetAlarm(q, s.Start, alarmStart)
	if s.Stop != sim.Never {
		client.SetAlarm(q, s.Stop, alarmStop)
	}
	return q, nil
}

// Record returns what the client has received.
func (q *Request) Record() *Record { return q.record }

// ServerRecord returns what the server has received.
func (q *Request) ServerRecord() *Record { return q.server.record }

// Stop lets the client close after the response that it waits for.
func (q *Request) Stop(now sim.Time) {
	q.stopped = true
	if q.Client.Open && !q.waiting && q.Connected != sim.Never {
		q.finish(now)
		q.Client.Host.Pump(now)
	}
}

// OnAlarm implements host.App.
func (q *Request) OnAlarm(now sim.Time, arg uint32) {
	switch arg {
	case alarmStart:
		q.record.Start(now)
		if q.fastOpen() {
			q.begin(now)
			q.unsent -= q.dialData(now, q, q.unsent)
			return
		}
		q.dial(now, q)
	case alarmStop:
		q.Stop(now)
	case alarmNext:
		if !q.stopped {
			q.ask(now)
		}
	}
}

// OnEvent implements host.App.
func (q *Request) OnEvent(now sim.Time, ev *mptcp.Event) {
	first := q.Connected == sim.Never
	q.note(now, ev, &q.Client)
	switch ev.Kind {
	case mptcp.Connected:
		if first && q.sent == 0 {
			q.ask(now)
		}
	case mptcp.Writable:
		q.write(now)
	case mptcp.Readable:
		drain(now, &q.Client, q.record)
		if q.waiting && q.record.Bytes >= q.goal {
			q.answered(now)
		}
	}
}

// ask begins the next request and writes it.
func (q *Request) ask(now sim.Time) {
	q.begin(now)
	q.write(now)
}

// begin begins the next request.
func (q *Request) begin(now sim.Time) {
	q.sent++
	q.asked = now
	q.unsent = q.pattern.Request
	q.goal += q.pattern.Response
	q.waiting = true
}

func (q *Request) write(now sim.Time) {
	if q.unsent > 0 {
		q.unsent -= q.Client.Host.Endpoint().Write(now, q.Client.Conn, q.unsent)
	}
}

// answered ends a request and sets the time of the next one.
func (q *Request) answered(now sim.Time) {
	q.waiting = false
	latency := now.Sub(q.asked)
	q.Latencies = append(q.Latencies, latency)
	q.Delays.Add(latency)
	if q.sent >= q.pattern.Count || q.stopped {
		q.finish(now)
		return
	}
	next := max(now.Add(q.pattern.Think), q.asked.Add(q.pattern.Interval))
	if next == now {
		q.ask(now)
		return
	}
	q.Client.Host.SetAlarm(q, next, alarmNext)
}

func (q *Request) finish(now sim.Time) {
	q.record.Finish(now)
	q.Client.Host.Endpoint().Close(now, q.Client.Conn)
}

// requestServer is the answering end.
type requestServer struct {
	q      *Request
	at     *End
	record *Record // requests
	done   int64   // requests answered
	owed   int64   // bytes of responses to write
	closed bool
}

func (s *requestServer) accept(now sim.Time, c mptcp.ConnID) host.App {
	s.at = &s.q.Server
	s.at.open(c)
	return s
}

// OnAlarm implements host.App; the server has no alarms.
func (s *requestServer) OnAlarm(sim.Time, uint32) {}

// OnEvent implements host.App.
func (s *requestServer) OnEvent(now sim.Time, ev *mptcp.Event) {
	ep := s.at.Host.Endpoint()
	s.q.note(now, ev, s.at)
	switch ev.Kind {
	case mptcp.Readable:
		drain(now, s.at, s.record)
		for s.record.Bytes >= (s.done+1)*s.q.pattern.Request {
			s.done++
			s.owed += s.q.pattern.Response
		}
		s.write(now)
		if ep.ReadEOF(s.at.Conn) && s.owed == 0 && !s.closed {
			s.closed = true
			ep.Close(now, s.at.Conn)
		}
	case mptcp.Writable:
		s.write(now)
	}
}

func (s *requestServer) write(now sim.Time) {
	if s.owed > 0 {
		s.owed -= s.at.Host.Endpoint().Write(now, s.at.Conn, s.owed)
	}
}
