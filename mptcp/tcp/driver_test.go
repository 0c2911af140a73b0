package tcp

import (
	"container/heap"
	"fmt"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
)

// The driver of these tests: two connections and a link in each direction, in
// virtual time, with exact losses.

const ms = sim.Millisecond

// host is one end: a connection and an application.
type host struct {
	name  string
	c     *Conn
	cfg   Config
	out   *link
	write int64 // bytes that the application still wants to write
	close bool  // CloseWrite when all is written
	read  bool  // the application reads at once
	got   int64 // bytes read
	bad   int64 // bytes whose offset was wrong
	sent  []record
	rcvd  []record
}

// record is a segment that was seen.
type record struct {
	at  sim.Time
	seg Segment
}

// link is one direction.
type link struct {
	delay   sim.Duration
	rate    sim.Rate // 0: infinite
	limit   int      // packets in the queue, with the one in service; 0: any
	free    sim.Time
	rem     uint64
	n       int // segments that entered
	queue   []sim.Time
	drop    func(n int, now sim.Time, s *Segment) bool
	mangle  func(n int, s *Segment)
	extra   func(n int, s *Segment) sim.Duration // additional delay: reordering
	dropped int
	ce      func(n int) bool
}

type event struct {
	at   sim.Time
	n    int
	to   *host
	seg  *Segment
	call func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].n < h[j].n
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// net is the pair.
type net struct {
	t     testing.TB
	now   sim.Time
	a, b  *host
	ev    eventHeap
	n     int
	steps int
	log   bool
	keep  bool // keep all segments in sent and rcvd
	// accept takes the SYN at b; nil: Accept.
	accept func(now sim.Time, c *Conn, s *Segment)
	pool   []*Segment
	// handle takes a segment in; nil: Handle.
	handle func(now sim.Time, c *Conn, s *Segment)
}

func newCC(t testing.TB, name string) cc.Controller {
	c, err := cc.New(name, nil, sim.NewRand(1, 0, "test"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newNet returns a client a and a server b in CLOSED over links of the given
// one-way delay.
func newNet(t testing.TB, delay sim.Duration, change func(a, b *Config)) *net {
	n := &net{t: t, keep: true}
	ca := Config{Profile: Linux(), CC: newCC(t, "reno"), ISS: 1000, TSOffset: 7, MSS: 1460,
		SendBuffer: 1 << 20, ReceiveBuffer: 1 << 20}
	cb := ca
	cb.CC, cb.ISS, cb.TSOffset = newCC(t, "reno"), 5000, 99
	cb.Profile = Linux()
	if change != nil {
		change(&ca, &cb)
	}
	n.a = &host{name: "a", cfg: ca, c: New(&ca), out: &link{delay: delay}, read: true}
	n.b = &host{name: "b", cfg: cb, c: New(&cb), out: &link{delay: delay}, read: true}
	return n
}

// connect runs the handshake.
func (n *net) connect() {
	n.t.Helper()
	n.a.c.Connect(n.now)
	n.flush(n.a)
	n.runUntil(func() bool { return n.a.c.State() == StateEstablished && n.b.c.State() == StateEstablished })
}

func (n *net) peer(h *host) *host {
	if h == n.a {
		return n.b
	}
	return n.a
}

// at schedules a call.
func (n *net) at(t sim.Time, f func()) {
	n.n++
	heap.Push(&n.ev, event{at: t, n: n.n, call: f})
}

// flush lets the applications act and sends what a connection has to send.
func (n *net) flush(h *host) {
	c := h.c
	for {
		if h.write > 0 {
			h.write -= c.Write(n.now, h.write)
			if h.write == 0 && h.close {
				c.CloseWrite(n.now)
			}
		}
		for h.read {
			off, k, ok := c.Read(n.now, 1<<40)
			if !ok {
				break
			}
			if off != uint64(h.got) {
				h.bad += k
			}
			h.got += k
		}
		out := n.get()
		if !c.Poll(n.now, out) {
			n.put(out)
			return
		}
		n.verify(h, out)
		n.send(h, out)
	}
}

func (n *net) get() *Segment {
	if k := len(n.pool); k > 0 {
		s := n.pool[k-1]
		n.pool = n.pool[:k-1]
		return s
	}
	return new(Segment)
}

func (n *net) put(s *Segment) { n.pool = append(n.pool, s) }

// verify checks what every emitted segment must satisfy.
func (n *net) verify(h *host, s *Segment) {
	if !wire.Fits(&s.Segment, s.Opt) {
		n.t.Fatalf("%v %s: options do not fit: %s", n.now, h.name, n.line(h, s))
	}
	limit := n.peer(h).cfg.MSS
	if int(s.Len)+s.OptionsLen(s.Opt) > limit {
		n.t.Fatalf("%v %s: %d bytes of payload and options in a segment of %d: %s", n.now, h.name,
			int(s.Len)+s.OptionsLen(s.Opt), limit, n.line(h, s))
	}
}

// send puts a segment on the link.
func (n *net) send(h *host, s *Segment) {
	l := h.out
	idx := l.n
	l.n++
	if n.log {
		n.t.Logf("%v %s", n.now, n.line(h, s))
	}
	if n.keep {
		h.sent = append(h.sent, record{n.now, *copySegment(s)})
	}
	if l.drop != nil && l.drop(idx, n.now, s) {
		l.dropped++
		n.put(s)
		return
	}
	at := n.now
	if l.rate > 0 {
		for len(l.queue) > 0 && l.queue[0] <= n.now {
			l.queue = l.queue[1:]
		}
		if l.limit > 0 && len(l.queue) >= l.limit {
			l.dropped++
			n.put(s)
			return
		}
		var d sim.Duration
		start := max(l.free, n.now)
		d, l.rem = l.rate.Serialise(40+int(s.Len)+s.OptionsLen(s.Opt), l.rem)
		l.free = start.Add(d)
		l.queue = append(l.queue, l.free)
		at = l.free
	}
	if l.ce != nil && l.ce(idx) && s.TOS&wire.ECNMask != 0 {
		s.TOS |= wire.CE
	}
	if l.mangle != nil {
		l.mangle(idx, s)
	}
	if l.extra != nil {
		at = at.Add(l.extra(idx, s))
	}
	n.n++
	heap.Push(&n.ev, event{at: at.Add(l.delay), n: n.n, to: n.peer(h), seg: s})
}

func copySegment(s *Segment) *Segment {
	d := *s
	if s.Opt != nil {
		d.Buf = *s.Opt
		d.Opt = &d.Buf
	}
	return &d
}

// step executes the next event and reports whether there was one before until.
func (n *net) step(until sim.Time) bool {
	n.steps++
	if n.steps > 50_000_000 {
		n.t.Fatal("too many steps")
	}
	at := min(n.a.c.NextTimeout(), n.b.c.NextTimeout())
	if len(n.ev) > 0 {
		at = min(at, n.ev[0].at)
	}
	if at > until {
		n.now = max(n.now, until)
		return false
	}
	n.now = max(n.now, at)
	switch {
	case len(n.ev) > 0 && n.ev[0].at <= n.now:
		e := heap.Pop(&n.ev).(event)
		if e.call != nil {
			e.call()
			n.flush(n.a)
			n.flush(n.b)
			return true
		}
		n.deliver(e.to, e.seg)
		n.put(e.seg)
	case n.a.c.NextTimeout() <= n.now:
		n.a.c.HandleTimeout(n.now)
		n.flush(n.a)
	default:
		n.b.c.HandleTimeout(n.now)
		n.flush(n.b)
	}
	return true
}

func (n *net) deliver(h *host, s *Segment) {
	if n.keep {
		h.rcvd = append(h.rcvd, record{n.now, *copySegment(s)})
	}
	if h.c.State() == StateClosed {
		if h == n.b && s.Flags&(wire.SYN|wire.ACK|wire.RST) == wire.SYN && !h.c.Forgotten() {
			if n.accept != nil {
				n.accept(n.now, h.c, s)
			} else {
				h.c.Accept(n.now, s)
			}
		} else {
			out := n.get()
			if ResetFor(s, out) {
				n.send(h, out)
			}
			return
		}
	} else if n.handle != nil {
		n.handle(n.now, h.c, s)
	} else {
		h.c.Handle(n.now, s)
	}
	n.flush(h)
}

// run executes everything up to and including a time.
func (n *net) run(until sim.Time) {
	for n.step(until) {
	}
}

// runUntil executes events until the condition holds.
func (n *net) runUntil(cond func() bool) {
	n.t.Helper()
	for !cond() {
		if !n.step(n.now.Add(1000 * sim.Second)) {
			n.t.Fatalf("condition does not come true; a is %v, b is %v at %v", n.a.c.State(), n.b.c.State(), n.now)
		}
	}
}

// line prints a segment with relative sequence numbers.
func (n *net) line(h *host, s *Segment) string {
	p := n.peer(h)
	end := s.Seq - h.cfg.ISS + wire.Seq(s.Len)
	str := fmt.Sprintf("%s > %v %d:%d(%d) ack %d win %d", h.name, s.Flags, s.Seq-h.cfg.ISS, end, s.Len, s.Ack-p.cfg.ISS, s.Window)
	if s.Opt.Has(wire.OptSACK) {
		var b strings.Builder
		for i := range int(s.Opt.NSACK) {
			fmt.Fprintf(&b, " %d:%d", s.Opt.SACK[i].Start-p.cfg.ISS, s.Opt.SACK[i].End-p.cfg.ISS)
		}
		str += " sack" + b.String()
	}
	return str
}

// data returns the segments with payload that h sent.
func (h *host) data() (out []record) {
	for _, r := range h.sent {
		if r.seg.Len > 0 {
			out = append(out, r)
		}
	}
	return out
}

// dropData drops the segments with payload whose ordinal (from 0, among those
// with payload) is in the set.
func dropData(set ...int) func(int, sim.Time, *Segment) bool {
	k := -1
	return func(_ int, _ sim.Time, s *Segment) bool {
		if s.Len == 0 {
			return false
		}
		k++
		for _, x := range set {
			if x == k {
				return true
			}
		}
		return false
	}
}
