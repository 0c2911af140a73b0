package mptcp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// Exhaustive exploration of the explored of RFC 8684: every way to lose,
// duplicate or delay past its followers up to three of the packets of an
// exchange is tried, and each must end in a consistent state on both sides: the
// data intact, nothing left of the connection at either end, in bounded time.

// fate is what the network does to a packet.
type fate uint8

const (
	lose fate = iota
	duplicate
	swap // it arrives after those that are sent within the next round trip
	fates
)

func (f fate) String() string { return [...]string{"lose", "duplicate", "swap"}[f] }

// mishap is a fate of the n-th packet of a run, counted over both directions and
// all paths in the order of sending.
type mishap struct {
	n    int
	fate fate
}

// exploring is what is explored.
type exploring struct {
	name string
	// begin builds the world up to where the exchange begins; the packets from
	// there on are numbered from 0.
	begin func(t tester) *exploration
	// aborted: the connection is cut off, so data may be missing at its end.
	aborted bool
	// limit bounds the time until both hosts have forgotten everything.
	limit sim.Duration
	// shows is a counter that the exchange raises if it takes place at all.
	shows string
}

// exploration is a world that is ready to begin the exchange.
type exploration struct {
	w        *world
	start    func()
	cli, srv *app
	up, down uint64 // bytes that must arrive
	sent     int    // packets since the exchange began
	// agree is how many subflows both ends must have, usable, a while after the
	// exchange, before they close; 0: they close at once.
	agree int
	// damaged is how many bytes may be wrong, because a box has changed them and
	// nothing but the fallback to TCP was left.
	damaged int64
}

// mishapsOn applies mishaps to the packets sent from now on.
func (x *exploration) mishapsOn(mishaps []mishap) {
	current := fates
	for _, p := range x.w.paths {
		for _, d := range p {
			box := d.box
			d.drop = func(_ int, _ sim.Time, _ *Segment) bool {
				current = fates
				for _, m := range mishaps {
					if m.n == x.sent {
						current = m.fate
					}
				}
				x.sent++
				return current == lose
			}
			d.box = func(s *Segment) []*Segment {
				out := []*Segment{s}
				if box != nil {
					out = box(s)
				}
				if current == duplicate {
					out = append(out, copyOf(out[0]))
				}
				return out
			}
			d.extra = func(int) sim.Duration {
				if current == swap {
					return 2*d.delay + ms
				}
				return 0
			}
		}
	}
}

func copyOf(s *Segment) *Segment {
	c := new(Segment)
	c.Segment = s.Segment
	if s.Opt != nil {
		c.Buf = *s.Opt
		c.Opt = &c.Buf
	}
	c.Tuple = s.Tuple
	return c
}

// openExchange is a connection over one path, or over two if both, in which each side
// sends so many bytes and closes.
func openExchange(t tester, both bool, up, down int64) *exploration {
	return openWith(t, ChecksumOnDemand, both, up, down)
}

func openWith(t tester, sums ChecksumPolicy, both bool, up, down int64) *exploration {
	delays := []sim.Duration{10 * ms}
	if both {
		delays = append(delays, 15*ms)
	}
	w := newWorld(t, delays...)
	w.keep = false
	w.opt.Checksum = sums
	w.start()
	x := &exploration{w: w, up: uint64(up), down: uint64(down)}
	x.srv = &app{toWrite: down, close: true}
	w.server.accept = func() *app { return x.srv }
	x.start = func() {
		x.cli = w.connect()
		x.cli.toWrite, x.cli.close = up, x.agree == 0
		w.flush(w.client)
	}
	return x
}

// established begins with a connection on which some data has passed in both
// directions and everything is acknowledged.
func established(t tester, both bool) *exploration {
	return establishedWith(t, ChecksumOnDemand, both)
}

func establishedWith(t tester, sums ChecksumPolicy, both bool) *exploration {
	x := openWith(t, sums, both, 1000, 1000)
	x.srv.close = false
	x.establish()
	return x
}

// establish opens the connection and lets data pass in both directions.
func (x *exploration) establish() {
	w := x.w
	x.cli = w.connect()
	x.cli.toWrite = 1000
	w.flush(w.client)
	w.until(10*sim.Second, "data", func() bool { return x.cli.off == 1000 && x.srv.off == 1000 })
	w.runTo(w.now.Add(sim.Second)) // delayed acknowledgements and joins
}

// closeExchange explores how an established connection is closed: by one side, by
// both, or with data in front.
func closeExchange(both bool, client, server int64) func(t tester) *exploration {
	return func(t tester) *exploration {
		x := established(t, both)
		x.up, x.down = uint64(1000+client), uint64(1000+server)
		x.start = func() {
			x.cli.toWrite, x.cli.close = client, true
			x.srv.toWrite, x.srv.close = server, true
			x.w.flush(x.w.client)
			x.w.flush(x.w.server)
		}
		return x
	}
}

// joinExchange explores how a client opens a second subflow; agree as in
// exploration. Without agreement both sides close while the join is between its
// second and its third packet.
func joinExchange(agree int) func(t tester) *exploration {
	return func(t tester) *exploration {
		x := openExchange(t, true, 1000, 1000)
		x.srv.close = false
		w := x.w
		w.client.ep.HandleAddr(w.now, clientAddr(1), false, 0)
		x.establish()
		x.agree = agree
		x.start = func() {
			w.client.ep.HandleAddr(w.now, clientAddr(1), true, 0)
			w.flush(w.client)
			if agree == 0 {
				w.at(w.now.Add(20*ms), func() { x.cli.close, x.srv.close = true, true })
				return
			}
			x.up, x.down = 2000, 2000
			w.at(w.now.Add(60*ms), func() { x.cli.toWrite, x.srv.toWrite = 1000, 1000 })
		}
		return x
	}
}

// failExchange explores what follows when a box changes the first data segment on
// the first path of a connection with checksums: on the only subflow the
// connection goes on as TCP and the damage is delivered, beside another one the
// data comes again whole.
func failExchange(both bool) func(t tester) *exploration {
	return func(t tester) *exploration {
		x := establishedWith(t, ChecksumRequired, both)
		x.up, x.down = 1500, 4000
		if !both {
			x.damaged = 1460
		}
		x.w.paths[0][1].box = shift(0, 64)
		x.start = func() {
			x.cli.toWrite, x.cli.close = 500, true
			x.srv.toWrite, x.srv.close = 3000, true
			x.w.flush(x.w.client)
			x.w.flush(x.w.server)
		}
		return x
	}
}

// abruptExchange explores the abrupt end of a connection with two subflows, in
// either form.
func abruptExchange(onAck bool) func(t tester) *exploration {
	return func(t tester) *exploration {
		x := established(t, true)
		x.start = func() {
			p := *x.w.client.ep.profile
			p.FastCloseOnAck = onAck
			x.w.client.ep.socks.get(x.cli.conn).conn.p = &p
			x.w.client.ep.Abort(x.w.now, x.cli.conn)
			x.cli.conn = 0
			x.w.flush(x.w.client)
			// If all resets are lost, the peer finds out when it sends (RFC 9293
			// section 3.5.1: half-open connections).
			x.w.at(x.w.now.Add(5*sim.Second), func() { x.srv.toWrite, x.srv.close = 1000, true })
		}
		return x
	}
}

// addAddrExchange explores how a server announces an address that the client opens
// a subflow to; agree as in exploration.
func addAddrExchange(agree int) func(t tester) *exploration {
	return func(t tester) *exploration {
		x := openExchange(t, false, 1000, 1000)
		x.srv.close, x.agree = false, agree
		w := x.w
		w.options = func(h string, o *SocketOptions) {
			o.PathManager = func(*sim.Rand) PathManager { return announcedPM{} }
		}
		x.establish()
		x.start = func() {
			addr := netip.MustParseAddr("10.0.9.2")
			w.server.ep.HandleAddr(w.now, addr, true, 0)
			if _, err := w.server.ep.AddAddr(w.now, AddrConfig{Addr: addr, Flags: AddrSignal}); err != nil {
				t.Fatal(err)
			}
			x.cli.close, x.srv.close = agree == 0, agree == 0
			w.flush(w.client)
			w.flush(w.server)
		}
		return x
	}
}

// announcedPM announces what is configured and connects to what is announced.
type announcedPM struct{}

func (announcedPM) OnEvent(_ sim.Time, ev PathEvent, act *PathActions) {
	switch ev.Kind {
	case PathEndpointAdded:
		act.Announce(ev.Endpoint.ID, netip.AddrPortFrom(ev.Endpoint.Addr, 0))
	case PathAddrAdded:
		if !ev.Again {
			act.OpenTo(act.Local[0].Addr, ev.Remote, ev.ID, false)
		}
	}
}

// explored are the exchanges that issue from RFC 8684 sections 3.1, 3.2, 3.3.3, 3.5.
var explored = []exploring{
	{"handshake", func(t tester) *exploration { return openExchange(t, false, 1, 1) }, false, 300 * sim.Second, "MPCapableACKRX"},
	{"handshake client data", func(t tester) *exploration { return openExchange(t, false, 3000, 0) }, false, 300 * sim.Second, "MPCapableACKRX"},
	{"handshake server data", func(t tester) *exploration { return openExchange(t, false, 0, 3000) }, false, 300 * sim.Second, "MPCapableACKRX"},
	{"join", joinExchange(2), false, 300 * sim.Second, "MPJoinAckRx"},
	{"join and close", joinExchange(0), false, 300 * sim.Second, "MPJoinSynTx"},
	{"ADD_ADDR", addAddrExchange(2), false, 300 * sim.Second, "AddAddr"},
	{"ADD_ADDR and close", addAddrExchange(0), false, 300 * sim.Second, "AddAddrTx"},
	{"DATA_FIN by both", closeExchange(false, 0, 0), false, 300 * sim.Second, "DataFinTx"},
	{"DATA_FIN with data", closeExchange(true, 1500, 1500), false, 300 * sim.Second, "DataFinTx"},
	{"MP_FAIL on the only subflow", failExchange(false), false, 300 * sim.Second, "MPFailTx"},
	{"MP_FAIL on one of two", failExchange(true), false, 300 * sim.Second, "MPFailTx"},
	{"fast close by RST", abruptExchange(false), true, 2000 * sim.Second, "MPFastcloseTx"},
	{"fast close by ACK", abruptExchange(true), true, 2000 * sim.Second, "MPFastcloseTx"},
}

// explore runs one combination and says what is wrong with its end.
func (e *exploring) explore(t tester, mishaps []mishap, keep bool) (x *exploration, fault string) {
	x = e.begin(t)
	w := x.w
	w.keep = keep
	x.mishapsOn(mishaps)
	x.start()
	if x.agree > 0 {
		if fault := x.disagreement(); fault != "" {
			return x, fault
		}
	}
	end := w.now.Add(e.limit)
	for !x.over() {
		if !w.step(end) {
			return x, fmt.Sprintf("not over after %v: %s", e.limit, x.left())
		}
	}
	switch {
	case x.srv.bad+x.cli.bad > x.damaged:
		return x, "corrupt data"
	case !e.aborted && (x.srv.off != x.up || x.cli.off != x.down):
		return x, fmt.Sprintf("the server has %d of %d bytes, the client %d of %d", x.srv.off, x.up, x.cli.off, x.down)
	}
	return x, ""
}

// disagreement lets a while pass, says if the ends see different subflows, and
// makes them close.
func (x *exploration) disagreement() string {
	w := x.w
	w.runTo(w.now.Add(120 * sim.Second))
	for _, h := range []*host{w.client, w.server} {
		usable := 0
		for _, a := range h.apps {
			if h.ep.Info(a.conn).Fallback != trace.NoReason {
				usable++ // without MPTCP there is one path
			}
			for _, f := range h.ep.Subflows(a.conn, nil) {
				if f.Usable {
					usable++
				}
			}
		}
		if usable != x.agree {
			return fmt.Sprintf("%s: %d subflows can be used, expected %d; %s", h.name, usable, x.agree, x.left())
		}
	}
	x.cli.close, x.srv.close = true, true
	w.flush(w.client)
	w.flush(w.server)
	return ""
}

// over reports whether nothing is left of the connection at either end.
func (x *exploration) over() bool {
	return len(x.w.ev) == 0 && forgotten(x.w.client.ep) && forgotten(x.w.server.ep)
}

func forgotten(e *Endpoint) bool {
	if len(e.flows.names.byTuple) != 0 || len(e.tokens) != 0 {
		return false
	}
	for _, s := range e.socks.slots {
		if s != nil && s.listen == nil && !s.reaped {
			return false
		}
	}
	return true
}

func (x *exploration) left() string {
	var b strings.Builder
	for _, h := range []*host{x.w.client, x.w.server} {
		fmt.Fprintf(&b, "%s: %d flows, %d tokens", h.name, len(h.ep.flows.names.byTuple), len(h.ep.tokens))
		for _, s := range h.ep.socks.slots {
			if s == nil || s.listen != nil || s.reaped {
				continue
			}
			fmt.Fprintf(&b, "; socket %d %v", s.number, h.ep.Info(s.id).State)
			for _, f := range h.ep.Subflows(s.id, nil) {
				fmt.Fprintf(&b, " [%d %v ended=%v]", f.ID, f.State, f.Ended)
			}
		}
		b.WriteString("; ")
	}
	return b.String()
}

// each calls f with every choice of up to most mishaps among n packets.
func each(n, most int, f func([]mishap) bool) {
	var choose func(from int, chosen []mishap) bool
	choose = func(from int, chosen []mishap) bool {
		if !f(chosen) {
			return false
		}
		if len(chosen) == most {
			return true
		}
		for i := from; i < n; i++ {
			for k := range fates {
				if !choose(i+1, append(chosen[:len(chosen):len(chosen)], mishap{i, k})) {
					return false
				}
			}
		}
		return true
	}
	choose(0, nil)
}

// TestExplore tries every combination.
func TestExplore(t *testing.T) {
	for i := range explored {
		e := &explored[i]
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			x, fault := e.explore(t, nil, false)
			if fault != "" {
				t.Fatal(fault)
			}
			if counterOf(x.w.client.ep, e.shows)+counterOf(x.w.server.ep, e.shows) == 0 {
				t.Fatalf("%s is 0: nothing was explored", e.shows)
			}
			packets := min(x.sent, mostPackets)
			runs, faults := 0, 0
			each(packets, 3, func(m []mishap) bool {
				runs++
				if _, fault := e.explore(t, m, false); fault != "" {
					x, _ := e.explore(t, m, true)
					t.Errorf("%v: %s\n%s", m, fault, x.w.dump(60))
					faults++
				}
				return faults < 3
			})
			t.Logf("%d of %d packets, %d runs", packets, x.sent, runs)
		})
	}
}
