package proxy

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// terminating is a transparent proxy: it answers the SYNs that it picks in the
// server's name, opens a connection to the server in the client's name, and relays
// the bytes of both directions until both are closed; an error of one side resets
// the other. A slow side stops the other by its window. Addresses and ports are
// those of the hosts.
//
// Where a side speaks plain TCP, the host there falls back in its handshake, because
// MP_CAPABLE is not answered, or never offered (RFC 8684 section 3.1; RFC 8041
// section 3.1). Where it speaks MPTCP the proxy is a converter: joins of the host are
// taken if they pass here. The proxy opens no subflows of its own.
//
// Departures: SYNs are answered before the server has been asked, so that a refusal
// comes as a RST of an open connection. Urgent data, ECN and DSCP end here.
type terminating struct {
	mbox.Acting
	ep      *mptcp.Endpoint
	client  mptcp.SocketOptions // of the client's side
	server  mptcp.SocketOptions
	ways    mbox.FlowTable[way] // by route, of segments that are ours
	taken   map[netip.AddrPort]bool
	pairs   []*pair
	byConn  []half // by connection
	in, out mptcp.Segment
	event   mptcp.Event
	made    simnet.Packet
	buf     []byte
}

// way is the direction in which packets of a route travel.
type way struct {
	ours bool
	d    simnet.Dir
}

// half is one side of a pair.
type half struct {
	p    *pair
	side int
}

// pair is a connection on each side: 0 is the client's.
type pair struct {
	conn [2]mptcp.ConnID
	open [2]bool // can be written
	gone [2]bool
	from [2]relay // what comes from a side
}

// relay is a stream on its way from one side to the other.
type relay struct {
	off, n uint64 // read and not written yet
	sent   uint64 // bytes written
	shut   bool   // the end is written, too
}

// maxListeners bounds the server ends that a proxy answers for.
const maxListeners = 1 << 12

var protocols = []string{"tcp", "mptcp"}

var terminatingSpec = mbox.NewSpec("proxy",
	"ends connections whose SYN it picks, in either direction, and relays their bytes over a connection of its own",
	[]mbox.Param{
		{Name: "client_side", Kind: mbox.Choice, Default: "tcp", Choices: protocols, Doc: "what the proxy speaks to clients"},
		{Name: "server_side", Kind: mbox.Choice, Default: "tcp", Choices: protocols, Doc: "what it speaks to servers"},
		{Name: "buffer", Kind: mbox.Whole, Number: 1 << 20, Min: 4096, Max: 1 << 30, Doc: "bytes of each send and receive buffer"},
	},
	newTerminating)

func newTerminating(f mbox.Filter, g *mbox.Given, env *mbox.Env) mbox.Box {
	t := &terminating{Acting: mbox.NewActing(f, env), taken: make(map[netip.AddrPort]bool)}
	t.client = sideOptions(g.Text("client_side"), g.Number("buffer"))
	t.server = sideOptions(g.Text("server_side"), g.Number("buffer"))
	t.ep = mptcp.New(mptcp.Config{
		Stream: func(purpose string) *sim.Rand { return env.Net.Sim().Stream("proxy/" + env.Name + "/" + purpose) },
		Trace:  env.Node.Trace(),
	})
	return t
}

// sideOptions are the socket options of one side.
func sideOptions(protocol string, buffer int64) mptcp.SocketOptions {
	o := mptcp.SocketOptions{Name: "proxy", SendBuffer: buffer, ReceiveBuffer: buffer, NoDelay: true}
	name := "cubic"
	if protocol == "mptcp" {
		o.Protocol = mptcp.MPTCP
		name = "lia"
		o.Scheduler = func(rnd *sim.Rand) sched.Scheduler { return must(sched.NewScheduler("minrtt", nil, rnd)) }
	}
	o.Controller = func(rnd *sim.Rand) cc.Controller { return must(cc.New(name, nil, rnd)) }
	return o
}

// must returns a plug-in that exists.
func must[T any](x T, err error) T {
	if err != nil {
		sim.Bugf("plug-in of a proxy: %v", err)
	}
	return x
}

// Process implements simnet.Box.
func (t *terminating) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !mbox.IsTCP(p) || !t.takes(now, p, d) {
		out.Emit(p, d)
		return
	}
	t.in.Segment = *p.Segment()
	t.in.Opt = p.Options()
	t.in.Tuple = p.Tuple()
	t.in.Socket = 0
	t.ep.HandleSegment(now, &t.in)
	t.Env().Net.Free(p.ID())
	t.run(now, out)
}

// takes reports whether a packet is for the proxy: it belongs to a connection that
// was picked, or is a SYN that is.
func (t *terminating) takes(now sim.Time, p *simnet.Packet, d simnet.Dir) bool {
	if w := t.ways.Get(p.Route()); w != nil && w.ours {
		return true
	}
	if p.Segment().Flags&(wire.SYN|wire.ACK|wire.RST) != wire.SYN || !t.Picks(now, p, d) {
		return false
	}
	server := p.Tuple().Dst
	if !t.taken[server] && len(t.taken) >= maxListeners {
		t.Tell(now, p, trace.BoxFull)
		return false
	}
	there, back := p.Route(), t.Env().Net.Reverse(p.Route())
	if t.ways.Add(there) == nil || t.ways.Add(back) == nil {
		t.Tell(now, p, trace.BoxFull)
		return false
	}
	if !t.taken[server] {
		if _, err := t.ep.Listen(now, server, &t.client); err != nil {
			sim.Bugf("proxy: %v", err)
		}
		t.taken[server] = true
	}
	*t.ways.Get(there), *t.ways.Get(back) = way{true, d}, way{true, mbox.Opposite(d)}
	t.Note(now, p, trace.Terminated)
	return true
}

// NextTimeout implements simnet.Box.
func (t *terminating) NextTimeout() sim.Time { return t.ep.NextTimeout() }

// HandleTimeout implements simnet.Box.
func (t *terminating) HandleTimeout(now sim.Time, out simnet.Emitter) {
	t.ep.HandleTimeout(now)
	t.run(now, out)
}

// run sends what the endpoint wants to send and relays what it has received until
// there is nothing more to do.
func (t *terminating) run(now sim.Time, out simnet.Emitter) {
	for {
		for t.ep.PollSegment(now, &t.out) {
			t.emit(out)
		}
		if !t.ep.PollEvent(&t.event) {
			return
		}
		t.handle(now, &t.event)
	}
}

// emit sends a segment away from the box.
func (t *terminating) emit(out simnet.Emitter) {
	t.made = out.New(*t.out.Tuple)
	s := t.made.Segment()
	route := s.Route
	*s = t.out.Segment
	s.Route, s.Cold = route, 0
	if t.out.Opt != nil {
		t.made.AddOptions().CopyFrom(t.out.Opt)
	}
	w := t.ways.Get(t.made.Route())
	if w == nil {
		sim.Bugf("proxy: a segment of a flow that is not its own")
	}
	out.Emit(&t.made, w.d)
}

// handle acts on an event of the endpoint.
func (t *terminating) handle(now sim.Time, ev *mptcp.Event) {
	if ev.Kind == mptcp.Acceptable {
		for {
			c, ok := t.ep.Accept(ev.Conn)
			if !ok {
				return
			}
			t.join(now, c)
		}
	}
	if int(ev.Conn) >= len(t.byConn) || t.byConn[ev.Conn].p == nil {
		return
	}
	h := t.byConn[ev.Conn]
	p := h.p
	switch ev.Kind {
	case mptcp.Connected:
		p.open[h.side] = true
	case mptcp.Closed:
		t.byConn[ev.Conn] = half{}
		p.gone[h.side] = true
		if other := 1 - h.side; !p.gone[other] && ev.Why != trace.Graceful {
			t.ep.Abort(now, p.conn[other])
		}
		return
	}
	t.relay(now, p, 0)
	t.relay(now, p, 1)
	if p.from[0].shut && p.from[1].shut {
		t.ep.Close(now, p.conn[0])
		t.ep.Close(now, p.conn[1])
	}
}

// join opens the server's side of a connection that a client has opened.
func (t *terminating) join(now sim.Time, c mptcp.ConnID) {
	server, client := t.ep.SocketAddrs(c)
	o, err := t.ep.Dial(now, client, server, &t.server)
	if err != nil {
		t.ep.Abort(now, c) // the last connection of these ends is not over yet
		return
	}
	p := &pair{conn: [2]mptcp.ConnID{c, o}, open: [2]bool{true, false}}
	t.own(c, half{p, 0})
	t.own(o, half{p, 1})
}

func (t *terminating) own(c mptcp.ConnID, h half) {
	for int(c) >= len(t.byConn) {
		t.byConn = append(t.byConn, half{})
	}
	t.byConn[c] = h
}

// relay moves what has come from a side to the other one.
func (t *terminating) relay(now sim.Time, p *pair, side int) {
	r := &p.from[side]
	a, b := p.conn[side], p.conn[1-side]
	if p.gone[0] || p.gone[1] || !p.open[0] || !p.open[1] {
		return
	}
	for {
		if r.n == 0 {
			off, n := t.ep.Read(now, a, relayBytes)
			if n == 0 {
				break
			}
			r.off, r.n = off, uint64(n)
		}
		done := t.write(now, b, r)
		r.off, r.n, r.sent = r.off+done, r.n-done, r.sent+done
		if r.n > 0 {
			return
		}
	}
	if !r.shut && t.ep.ReadEOF(a) {
		r.shut = true
		t.ep.Shutdown(now, b)
	}
}

// relayBytes is how much is read at once.
const relayBytes = 1 << 16

// write writes what r holds: as it is where it is the content of its place in the
// stream, else its bytes.
func (t *terminating) write(now sim.Time, to mptcp.ConnID, r *relay) uint64 {
	if r.off == r.sent && r.off < wire.LiteralOffset {
		return uint64(t.ep.Write(now, to, int64(r.n)))
	}
	t.buf = t.ep.Bytes(r.off, int64(r.n), t.buf[:0])
	return uint64(t.ep.WriteBytes(now, to, t.buf))
}
