package mptcp

import (
	"container/heap"
	"net/netip"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The driver of these tests: a client with several addresses, a server with one
// or more, and a pair of links for each address of the client, in virtual time,
// with exact losses and small middleboxes.

const ms = sim.Millisecond

// tester is testing.TB without what rapid does not have.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

var serverAddr = netip.MustParseAddr("10.0.9.1")

func clientAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i + 1), 2}) }

// record is a segment that was seen on a path.
type record struct {
	at     sim.Time
	path   int
	up     bool // from the client to the server
	seg    wire.Segment
	opt    wire.Options
	hasOpt bool
	lost   bool
}

func (r *record) options() *wire.Options {
	if r.hasOpt {
		return &r.opt
	}
	return nil
}

// direction is one direction of a path.
type direction struct {
	path  int
	up    bool
	delay sim.Duration
	rate  sim.Rate // 0: infinite
	limit int      // packets in the queue, with the one in service; 0: any
	free  sim.Time
	rem   uint64
	queue []sim.Time
	n     int // segments that entered
	// drop loses a segment; n counts from 0.
	drop func(n int, now sim.Time, s *Segment) bool
	// box rewrites a segment into none, one or several.
	box func(s *Segment) []*Segment
	// extra delays a segment further, so that it is overtaken.
	extra func(n int) sim.Duration
}

// app is the application of one end.
type app struct {
	conn    ConnID
	toWrite int64 // still to be written
	close   bool  // Shutdown when all is written
	full    bool  // Close instead of Shutdown
	idle    bool  // does not read
	literal bool  // writes literal bytes, with the content of virtual ones
	wrote   uint64
	buf     []byte
	off     uint64
	bad     int64
	eof     bool
	firstAt sim.Time
	lastAt  sim.Time
	gap     sim.Duration // longest time without new data
	events  []Event
}

func (a *app) saw(k EventKind) (n int) {
	for _, e := range a.events {
		if e.Kind == k {
			n++
		}
	}
	return n
}

// host is one end.
type host struct {
	name string
	ep   *Endpoint
	apps []*app
	// accept makes the application of a connection that came in.
	accept func() *app
}

func (h *host) app(c ConnID) *app {
	for _, a := range h.apps {
		if a.conn == c {
			return a
		}
	}
	return nil
}

type netEvent struct {
	at   sim.Time
	n    int
	to   *host
	seg  *Segment
	call func()
}

type netEvents []netEvent

func (h netEvents) Len() int { return len(h) }
func (h netEvents) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].n < h[j].n
}
func (h netEvents) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *netEvents) Push(x any)   { *h = append(*h, x.(netEvent)) }
func (h *netEvents) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// world is the network and both ends.
type world struct {
	t        tester
	now      sim.Time
	client   *host
	server   *host
	paths    [][2]*direction // up, down
	ev       netEvents
	n        int
	steps    int
	maxSteps int
	kept     keptCheck // of what is kept of subflows, at every step
	keep     bool
	log      []record
	pool     []*Segment
	run      trace.Run
	seed     uint64
	opt      SocketOptions // of both sides
	profile  *Profile
	served   *Profile // of the server, if it differs
	options  func(h string, o *SocketOptions)
	tuples   map[wire.Tuple]*wire.Tuple
	arrive   func(to *host, s *Segment) // sees each segment before its endpoint
}

// testPM opens a subflow from every local address that has none to the initial
// address of the peer, at once.
type testPM struct{}

func (testPM) OnEvent(_ sim.Time, ev PathEvent, act *PathActions) {
	if !act.Client || ev.Kind != PathEstablished && ev.Kind != PathLocalUp {
		return
	}
	for _, l := range act.Local {
		used := false
		for _, f := range act.Subflows {
			used = used || f.Local == l.Addr
		}
		if !used {
			act.Open(l.Addr, act.Remote[0].Addr, l.Flags&AddrBackup != 0)
		}
	}
}

func newController(name string) func(*sim.Rand) cc.Controller {
	return func(r *sim.Rand) cc.Controller {
		c, err := cc.New(name, nil, r)
		if err != nil {
			panic(err)
		}
		return c
	}
}

func kernelScheduler(*sim.Rand) sched.Scheduler {
	s, err := sched.NewScheduler("linux", nil, nil)
	if err != nil {
		panic(err)
	}
	return s
}

func newScheduler(*sim.Rand) sched.Scheduler {
	s, err := sched.NewScheduler("minrtt", nil, nil)
	if err != nil {
		panic(err)
	}
	return s
}

// newWorld returns a network with one path for each delay (one way), both ends
// without sockets.
func newWorld(t tester, delays ...sim.Duration) *world {
	w := &world{t: t, keep: true, maxSteps: 5_000_000, seed: 1, profile: Linux(), tuples: map[wire.Tuple]*wire.Tuple{}}
	w.opt = SocketOptions{
		Protocol: MPTCP, Controller: newController("reno"), Scheduler: newScheduler,
		PathManager: func(*sim.Rand) PathManager { return testPM{} },
		SendBuffer:  1 << 20, ReceiveBuffer: 1 << 20,
	}
	for i, d := range delays {
		w.paths = append(w.paths, [2]*direction{{path: i, up: true, delay: d}, {path: i, delay: d}})
	}
	return w
}

func (w *world) start() {
	w.client, w.server = w.newHost("client"), w.newHost("server")
	for i := range w.paths {
		w.client.ep.HandleAddr(w.now, clientAddr(i), true, 0)
	}
	w.server.ep.HandleAddr(w.now, serverAddr, true, 0)
}

func (w *world) newHost(name string) *host {
	profile := w.profile
	if name == "server" && w.served != nil {
		profile = w.served
	}
	return &host{name: name, ep: New(Config{
		Profile: profile,
		Stream:  func(p string) *sim.Rand { return sim.NewRand(w.seed, 0, name+"/"+p) },
		Trace:   w.run.AddNode(name),
	})}
}

// connect listens and dials, and returns the application of the client; that of
// the server is made by w.server.accept.
func (w *world) connect() *app {
	w.t.Helper()
	if w.client == nil {
		w.start()
	}
	if len(w.server.ep.socks.listeners) == 0 {
		o := w.opt
		o.PathManager = nil
		if w.options != nil {
			w.options("server", &o)
		}
		if _, err := w.server.ep.Listen(w.now, netip.AddrPortFrom(netip.Addr{}, 80), &o); err != nil {
			w.t.Fatal(err)
		}
	}
	o := w.opt
	if w.options != nil {
		w.options("client", &o)
	}
	a := &app{}
	c, err := w.client.ep.Dial(w.now, netip.AddrPortFrom(clientAddr(0), 0), netip.AddrPortFrom(serverAddr, 80), &o)
	if err != nil {
		w.t.Fatal(err)
	}
	a.conn = c
	w.client.apps = append(w.client.apps, a)
	w.flush(w.client)
	return a
}

// flush lets the applications of a host act and sends what it has to send.
func (w *world) flush(h *host) {
	for again := true; again; {
		again = false
		for {
			s := w.get()
			if !h.ep.PollSegment(w.now, s) {
				w.put(s)
				break
			}
			again = true
			w.send(h, s)
		}
		var e Event
		for h.ep.PollEvent(&e) {
			again = true
			w.event(h, &e)
		}
		for _, a := range h.apps {
			again = w.serve(h, a) || again
		}
	}
}

func (w *world) event(h *host, e *Event) {
	if e.Kind == Acceptable {
		for {
			c, ok := h.ep.Accept(e.Conn)
			if !ok {
				return
			}
			a := &app{}
			if h.accept != nil {
				a = h.accept()
			}
			a.conn = c
			h.apps = append(h.apps, a)
		}
	}
	if a := h.app(e.Conn); a != nil {
		if w.keep {
			a.events = append(a.events, *e)
		}
		if e.Kind == Closed {
			w.serve(h, a) // what is left to read
			h.ep.Close(w.now, a.conn)
			a.conn = 0
		}
	}
}

// serve lets an application read and write.
func (w *world) serve(h *host, a *app) (acted bool) {
	if a.conn == 0 {
		return false
	}
	for !a.idle {
		off, n := h.ep.Read(w.now, a.conn, 1<<40)
		if n == 0 {
			break
		}
		acted = true
		if off >= wire.LiteralOffset {
			a.buf = h.ep.Bytes(off, n, a.buf[:0])
			for b, at := a.buf, a.off; len(b) > 0; {
				k := wire.ContentEqual(b, at)
				if k == len(b) {
					break
				}
				a.bad++
				b, at = b[k+1:], at+uint64(k)+1
			}
		} else if off != a.off {
			a.bad += n
		}
		if a.off == 0 {
			a.firstAt = w.now
		} else {
			a.gap = max(a.gap, w.now.Sub(a.lastAt))
		}
		a.lastAt = w.now
		a.off += uint64(n)
	}
	if !a.eof && h.ep.ReadEOF(a.conn) {
		a.eof = true
		acted = true
	}
	if a.toWrite > 0 {
		n := w.write(h, a)
		a.toWrite -= n
		acted = acted || n > 0
	}
	if a.close && a.toWrite == 0 {
		a.close = false
		acted = true
		if a.full {
			h.ep.Close(w.now, a.conn)
		} else {
			h.ep.Shutdown(w.now, a.conn)
		}
	}
	return acted
}

// write writes what the send buffer takes.
func (w *world) write(h *host, a *app) (n int64) {
	if !a.literal {
		return h.ep.Write(w.now, a.conn, a.toWrite)
	}
	b := make([]byte, min(a.toWrite, 1<<20))
	wire.FillContent(b, a.wrote)
	n = int64(h.ep.WriteBytes(w.now, a.conn, b))
	a.wrote += uint64(n)
	return n
}

func (w *world) get() *Segment {
	if k := len(w.pool); k > 0 {
		s := w.pool[k-1]
		w.pool = w.pool[:k-1]
		return s
	}
	return new(Segment)
}

func (w *world) put(s *Segment) { w.pool = append(w.pool, s) }

// send puts a segment on its path.
func (w *world) send(h *host, s *Segment) {
	up := h == w.client
	addr := s.Tuple.Dst.Addr()
	if up {
		addr = s.Tuple.Src.Addr()
	}
	path := int(addr.As4()[2]) - 1
	if path < 0 || path >= len(w.paths) {
		w.t.Fatalf("no path for %v", addr)
	}
	d := w.paths[path][1]
	if up {
		d = w.paths[path][0]
	}
	w.verify(h, s)
	// The tuple may be used again: segments under way keep their own.
	tu := w.tuples[*s.Tuple]
	if tu == nil {
		tu = new(wire.Tuple)
		*tu = *s.Tuple
		w.tuples[*tu] = tu
	}
	s.Tuple = tu
	s.Socket = 0
	i := d.n
	d.n++
	lost := d.drop != nil && d.drop(i, w.now, s)
	if w.keep {
		r := record{at: w.now, path: path, up: up, seg: s.Segment, lost: lost}
		if s.Opt != nil {
			r.opt, r.hasOpt = *s.Opt, true
		}
		w.log = append(w.log, r)
	}
	if lost {
		w.put(s)
		return
	}
	if d.box != nil {
		for _, p := range d.box(s) {
			p.Tuple = tu
			w.carry(d, i, p)
		}
		return
	}
	w.carry(d, i, s)
}

func (w *world) carry(d *direction, i int, s *Segment) {
	at := w.now
	if d.rate > 0 {
		for len(d.queue) > 0 && d.queue[0] <= w.now {
			d.queue = d.queue[1:]
		}
		if d.limit > 0 && len(d.queue) >= d.limit {
			w.put(s)
			return
		}
		start := max(d.free, w.now)
		var took sim.Duration
		took, d.rem = d.rate.Serialise(40+int(s.Len)+s.OptionsLen(s.Opt), d.rem)
		d.free = start.Add(took)
		d.queue = append(d.queue, d.free)
		at = d.free
	}
	if d.extra != nil {
		at = at.Add(d.extra(i))
	}
	to := w.server
	if !d.up {
		to = w.client
	}
	w.n++
	heap.Push(&w.ev, netEvent{at: at.Add(d.delay), n: w.n, to: to, seg: s})
}

// verify checks what every emitted segment must satisfy: its options fit, and the
// packet is not longer than the MTU.
func (w *world) verify(h *host, s *Segment) {
	if !wire.Fits(&s.Segment, s.Opt) {
		w.t.Fatalf("%v %s: options do not fit", w.now, h.name)
	}
	if n := int(s.Len) + s.OptionsLen(s.Opt); n > 1460 {
		w.t.Fatalf("%v %s: %d bytes of options and payload", w.now, h.name, n)
	}
}

// at calls f at a time.
func (w *world) at(t sim.Time, f func()) {
	w.n++
	heap.Push(&w.ev, netEvent{at: t, n: w.n, call: f})
}

// step executes the next event; false: none before until.
func (w *world) step(until sim.Time) bool {
	for _, h := range []*host{w.client, w.server} {
		if why := w.kept.wrong(w.now, h.ep); why != "" {
			w.t.Fatalf("%v %s: %s\n%s", w.now, h.name, why, w.dump(16))
		}
	}
	if w.steps++; w.steps > w.maxSteps {
		w.t.Fatalf("more than %d steps at %v\n%s", w.maxSteps, w.now, w.dump(16))
	}
	at := min(w.client.ep.NextTimeout(), w.server.ep.NextTimeout())
	if len(w.ev) > 0 {
		at = min(at, w.ev[0].at)
	}
	if at > until {
		w.now = max(w.now, until)
		return false
	}
	w.now = max(w.now, at)
	switch {
	case len(w.ev) > 0 && w.ev[0].at <= w.now:
		e := heap.Pop(&w.ev).(netEvent)
		if e.call != nil {
			e.call()
			w.flush(w.client)
			w.flush(w.server)
			return true
		}
		e.seg.Socket = 0
		if w.arrive != nil {
			w.arrive(e.to, e.seg)
		}
		e.to.ep.HandleSegment(w.now, e.seg)
		w.put(e.seg)
		w.flush(e.to)
	case w.client.ep.NextTimeout() <= w.now:
		w.client.ep.HandleTimeout(w.now)
		w.flush(w.client)
	default:
		w.server.ep.HandleTimeout(w.now)
		w.flush(w.server)
	}
	return true
}

// runTo executes everything up to and including a time.
func (w *world) runTo(until sim.Time) {
	for w.step(until) {
	}
}

// until executes events until the condition holds, for at most a time.
func (w *world) until(limit sim.Duration, what string, cond func() bool) {
	w.t.Helper()
	end := w.now.Add(limit)
	for !cond() {
		if !w.step(end) {
			w.t.Fatalf("%s: not within %v\n%s", what, limit, w.dump(60))
		}
	}
}

// settleDown runs until both ends have forgotten everything.
func (w *world) settleDown(limit sim.Duration) {
	w.t.Helper()
	w.until(limit, "all flows forgotten", func() bool {
		return len(w.client.ep.flows.names.byTuple) == 0 && len(w.server.ep.flows.names.byTuple) == 0
	})
}
