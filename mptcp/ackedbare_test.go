package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Data that is acknowledged without a DATA_ACK (RFC 8684 section 3.7), whenever that
// comes on the first subflow: a peer that has reverted to TCP takes its stream by
// position, and what is sent again on the data level for new data.

// bareCase is a history of a connection that a raw peer has opened. The peer's first
// 100 bytes and our first 1000 have been exchanged, unless it says otherwise.
type bareCase struct {
	name   string
	begin  func(t *testing.T, p *Profile) *rawPeer
	before func(r *rawPeer) (next wire.Seq)
	only   string // profile
	falls  bool   // the bare acknowledgement is a fallback; otherwise a reset with reason 6
}

var bareCases = []bareCase{
	{name: "first data", falls: true},
	{name: "the peer's first segment is missing", falls: true, begin: rawShaken},
	{name: "in mid-stream", falls: true, before: func(r *rawPeer) wire.Seq {
		for range 40 {
			next := r.wrote()
			r.send(wire.ACK, 101, 0, r.dss(0, 0, 0, next))
		}
		return 101
	}},
	{name: "data of the peer is held", only: "rfc", before: func(r *rawPeer) wire.Seq {
		r.send(wire.ACK, 101, 100, r.dss(101, 101, 100, 1))
		r.send(wire.ACK, 201, 20_000, r.dss(201, 201, 20_000, 1))
		r.send(wire.ACK, 20_201, 100, nil) // no mapping
		return 20_301
	}},
	{name: "the window was closed", begin: rawShaken, before: func(r *rawPeer) wire.Seq {
		for next := 1; ; next += 500 {
			out := r.send(wire.ACK|wire.PSH, wire.Seq(next), 500, r.dss(uint32(next), uint64(next), 500, 1))
			if len(out) > 0 && out[len(out)-1].Window == 0 {
				r.ep.Read(r.now, r.conn, 1<<40)
				r.poll()
				return wire.Seq(next + 500)
			}
			if next > 1<<20 {
				r.t.Fatal("the window never closes")
			}
		}
	}},
	{name: "a copy has overtaken other data", before: func(r *rawPeer) wire.Seq {
		r.send(wire.ACK, 201, 100, r.dss(201, 1, 100, 1))
		return 101
	}},
}

// rawShaken is a connection with a buffer of 20,000 bytes behind the third packet.
func rawShaken(t *testing.T, p *Profile) *rawPeer {
	t.Helper()
	o := rawOptions()
	o.ReceiveBuffer = 20_000
	r := rawListener(t, p, o)
	r.open(capable(1, flagH, 0, 0, 0))
	r.send(wire.ACK, 1, 0, capable(1, flagH, 2, r.key, r.peer))
	return r
}

// wrote has the endpoint send 500 bytes, which the next acknowledgement of the raw
// peer covers, and returns the data number behind them.
func (r *rawPeer) wrote() (next uint64) {
	r.t.Helper()
	before := r.info().Written
	r.ep.Write(r.now, r.conn, 500)
	n := 0
	for _, s := range r.poll() {
		n += int(s.Len)
	}
	if n != 500 {
		r.t.Fatalf("%d of 500 bytes sent", n)
	}
	r.ack += 500
	return before + 501
}

// TestSection3_7AckedBare: data of ours is acknowledged without a DATA_ACK on the only
// subflow that ever was. We drop out of MPTCP (RFC 8684 section 3.7: "MUST"), however
// late it is and whether or not the acknowledging segment is the next of the peer's
// stream, and send nothing again on the data level. Where the peer's own stream may
// hold data twice by then, its positions do not say what it is, and the subflow is
// reset with reason 6. An acknowledgement of data that a DATA_ACK has covered before
// changes nothing.
//
// row:C2
func TestSection3_7AckedBare(t *testing.T) {
	for _, p := range []*Profile{Linux(), RFC()} {
		for _, v := range bareCases {
			if v.only != "" && v.only != p.Name {
				continue
			}
			var r *rawPeer
			seq := wire.Seq(101)
			if v.begin == nil {
				r = rawEstablished(t, p, 100)
			} else {
				r = v.begin(t, p)
			}
			if v.before != nil {
				seq = v.before(r)
			}
			r.wrote()
			out := append(r.send(wire.ACK, seq, 0, nil), r.pass(10*sim.Second)...)
			resets := 0
			for _, s := range out {
				if s.Len > 0 {
					t.Errorf("%s, %s: %d bytes are sent again", p.Name, v.name, s.Len)
				}
				if s.Flags.Has(wire.RST) && s.Opt.Has(wire.OptRst) && s.Opt.Rst.Reason == 6 {
					resets++
				}
			}
			if fell := r.info().Fallback != 0; fell != v.falls || (resets != 0) == v.falls {
				t.Errorf("%s, %s: fallback %v, %d resets", p.Name, v.name, fell, resets)
			}
		}
		r := rawEstablished(t, p, 100)
		r.send(wire.ACK, 101, 0, r.dss(0, 0, 0, r.wrote()))
		r.send(wire.ACK, 101, 0, func(s *Segment) { r.dss(0, 0, 0, r.wrote())(s); s.Ack -= 500 })
		if out := r.send(wire.ACK, 101, 0, nil); len(out) != 0 || r.info().Fallback != 0 {
			t.Errorf("%s: data that was acknowledged by a DATA_ACK before: %d answers, %+v", p.Name, len(out), r.info())
		}
	}
}

// TestRevertedPeerIsFollowed: amid an upload the acknowledgement of the server's first
// data loses its DATA_ACK, so that the server reverts to TCP without a word and takes
// what comes by its position. The client sees that its data is acknowledged without a
// DATA_ACK, long after the first ones with one, and follows: nothing is sent again on
// the data level, and every byte is the right one.
//
// row:C2
func TestRevertedPeerIsFollowed(t *testing.T) {
	for pair := range 4 {
		w := newWorld(t, 10*ms)
		w.profile, w.served = Linux(), Linux()
		if pair&1 != 0 {
			w.profile = RFC()
		}
		if pair&2 != 0 {
			w.served = RFC()
		}
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 50_000
		w.flush(w.client)
		w.runTo(w.now.Add(sim.Second))
		srv.toWrite = 200
		w.flush(w.server)
		w.paths[0][0].box = strip(func(s *Segment) bool { return s.Len == 0 })
		w.runTo(w.now.Add(sim.Second))
		w.paths[0][0].box = nil
		cli.toWrite, cli.close = 50_000, true
		w.flush(w.client)
		w.runTo(w.now.Add(sim.Second))
		srv.close = true
		w.flush(w.server)
		w.runTo(w.now.Add(10 * sim.Second))
		if srv.off != 100_000 || srv.bad != 0 || !srv.eof || cli.off != 200 || !cli.eof || cli.saw(Fallback)+srv.saw(Fallback) != 2 {
			t.Errorf("pair %d: server read %d (%d bad, end %v), client %d (end %v), events %v, %v\n%s", pair, srv.off, srv.bad, srv.eof, cli.off, cli.eof, cli.events, srv.events, w.dump(12))
		}
		w.counter(w.client, "MPTCPRetrans", 0)
	}
}

// TestBareAckAmidJoin: as TestNoFallbackAmidJoin, but that the client's data is
// acknowledged without a DATA_ACK while it waits for the fourth packet of a join. The
// server has used the new subflow by then, so that it would send its data again; the
// client must not take the stream of the first one by position, and resets it.
func TestBareAckAmidJoin(t *testing.T) {
	for _, name := range []string{"rfc", "linux"} {
		w := newWorld(t, 10*ms, 25*ms)
		w.profile = ProfileByName(name)
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 400
		w.flush(w.client)
		w.runTo(sim.Time(100 * ms))
		if subs := w.client.ep.socks.get(cli.conn).conn.subs; len(subs) != 2 || subs[1].phase != phasePre {
			t.Fatalf("%s: no join in its handshake", name)
		}
		w.paths[0][1].box = strip(func(*Segment) bool { return true })
		w.paths[1][1].drop = func(_ int, now sim.Time, _ *Segment) bool { return now < sim.Time(130*ms) }
		cli.toWrite = 600
		w.flush(w.client)
		w.runTo(sim.Time(110 * ms))
		srv.toWrite = 200
		w.flush(w.server)
		w.runTo(sim.Time(20 * sim.Second))
		if cli.bad+srv.bad != 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 || srv.off != 1000 || cli.off != 200 {
			t.Errorf("%s: client read %d (%d bad), server %d (%d bad), events %v, %v\n%s", name, cli.off, cli.bad, srv.off, srv.bad, cli.events, srv.events, w.dump(20))
		}
	}
}

// TestRevertedPeerAmidJoin: the server misses the mapping of early data and goes on as
// TCP (RFC 8684 section 3.7) while the third packet of a join, which it will never
// establish, is on its way. It resets the join, and its ACK has no DATA_ACK. Whichever
// of the two arrives first, the client follows, and nothing is lost.
//
// row:C2
func TestRevertedPeerAmidJoin(t *testing.T) {
	const size = 100_000
	for _, name := range []string{"rfc", "linux"} {
		for _, delays := range [][]sim.Duration{{10 * ms, 40 * ms}, {40 * ms, 10 * ms}} {
			w := newWorld(t, delays...)
			w.profile = ProfileByName(name)
			w.start()
			srv := &app{}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			cli.toWrite = 400
			w.flush(w.client)
			var subs []*subflow
			w.paths[1][0].drop = func(_ int, _ sim.Time, s *Segment) bool { return !s.Flags.Has(wire.SYN) }
			w.until(sim.Second, "join", func() bool {
				subs = w.client.ep.socks.get(cli.conn).conn.subs
				return len(subs) == 2 && subs[1].phase == phasePre
			})
			lost := 0
			w.paths[0][0].box = strip(func(s *Segment) bool {
				if s.Len > 0 {
					lost++
				}
				return s.Len > 0 && lost == 1
			})
			cli.toWrite, cli.close = size-400, true
			w.flush(w.client)
			srv.close = true
			w.flush(w.server)
			w.runTo(sim.Time(20 * sim.Second))
			if srv.off != size || srv.bad != 0 || !srv.eof || !cli.eof || cli.saw(Fallback) != 1 || srv.saw(Fallback) != 1 {
				t.Errorf("%s %v: server read %d (%d bad), end %v and %v, events %v, %v\n%s",
					name, delays, srv.off, srv.bad, srv.eof, cli.eof, cli.events, srv.events, w.dump(20))
			}
		}
	}
}
