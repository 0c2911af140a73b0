package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestDataFINWithoutData: both sides have ended their streams and the last data of
// both is lost, while pure ACKs pass. Neither can acknowledge the other's DATA_FIN,
// so nothing but retransmissions is sent: a DATA_FIN every 200 ms or more, and the
// data at the RTO.
func TestDataFINWithoutData(t *testing.T) {
	for _, name := range []string{"linux", "rfc", "linux-oot"} {
		w := newWorld(t, 10*ms)
		w.profile = ProfileByName(name)
		w.start()
		srv := &app{toWrite: 5000}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 5000
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		lose := func(_ int, _ sim.Time, s *Segment) bool { return s.Len > 0 && w.now < sim.Time(6*sim.Second) }
		w.paths[0][0].drop, w.paths[0][1].drop = lose, lose
		n := len(w.log)
		cli.toWrite, cli.close, srv.toWrite, srv.close = 5000, true, 5000, true
		w.flush(w.client)
		w.flush(w.server)
		w.runTo(sim.Time(6 * sim.Second))
		if n = len(w.log) - n; n > 200 {
			t.Errorf("%s: %d segments in 5 s", name, n)
		}
		w.until(60*sim.Second, "closed", func() bool { return cli.saw(Closed)+srv.saw(Closed) == 2 })
		if cli.off != 10_000 || srv.off != 10_000 {
			t.Errorf("%s: read %d and %d", name, cli.off, srv.off)
		}
	}
}

// TestDataFINAnsweredAtOnce: the DATA_ACK of a DATA_FIN is lost, and the DATA_FIN
// comes again: profiles with AnswerDataFIN acknowledge it at once, Linux does not.
//
// row:B8
func TestDataFINAnsweredAtOnce(t *testing.T) {
	for _, p := range []*Profile{RFC(), Linux()} {
		r := rawEstablished(t, p, 100)
		fin := func(s *Segment) {
			r.dss(0, 101, 1, 1)(s)
			s.Segment.Opt |= wire.DataFIN
		}
		acks := func(out []*Segment) (n int) {
			for _, s := range out {
				if s.Segment.Opt.Has(wire.DataAck8) && s.DataAck == r.dsn(102) {
					n++
				}
			}
			return n
		}
		if n := acks(r.send(wire.ACK, 101, 0, fin)); n != 1 {
			t.Errorf("%s: DATA_FIN answered by %d DATA_ACKs", p.Name, n)
		}
		r.pass(300 * ms)
		want := 0
		if p.Name == "rfc" {
			want = 1
		}
		if n := acks(r.send(wire.ACK, 101, 0, fin)); n != want {
			t.Errorf("%s: repeated DATA_FIN answered by %d DATA_ACKs, want %d", p.Name, n, want)
		}
	}
}

// TestDataFINPeerGone: a DATA_FIN to a peer that has vanished is given up after the
// time in which TCP gives up data (RFC 1122 section 4.2.3.5: at least 100 s; Linux
// with tcp_retries2 = 15: 924.6 s), and at the latest one interval later.
func TestDataFINPeerGone(t *testing.T) {
	for _, name := range []string{"linux", "rfc"} {
		w := newWorld(t, 10*ms)
		w.profile = ProfileByName(name)
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		gone := func(int, sim.Time, *Segment) bool { return true }
		w.paths[0][0].drop, w.paths[0][1].drop = gone, gone
		cli.close = true
		w.flush(w.client)
		w.until(1200*sim.Second, "end", func() bool { return cli.saw(Closed) == 1 })
		if e := cli.events[len(cli.events)-1]; e.Why != trace.TimedOut || w.now < sim.Time(100*sim.Second) {
			t.Errorf("%s: ended at %v: %v", name, w.now, e)
		}
		if name == "linux" && w.now < sim.Time(924600*ms) {
			t.Errorf("ended at %v", w.now)
		}
	}
}

// TestDataBehindDataFIN: data that waits behind a gap and beyond a DATA_FIN that
// comes later does not become part of the stream (RFC 8684 section 3.3.3: the
// DATA_FIN is the last number of the sender).
func TestDataBehindDataFIN(t *testing.T) {
	r := rawEstablished(t, RFC(), 100)
	j := r.join(t)
	j.send(wire.ACK, 1, 100, j.dss(1, 201, 100, 1)) // 201 to 300 wait
	r.send(wire.ACK, 101, 0, func(s *Segment) {
		r.dss(0, 251, 1, 1)(s)
		s.Segment.Opt |= wire.DataFIN
	})
	r.send(wire.ACK, 101, 100, r.dss(101, 101, 100, 1))
	if c := r.ep.open(r.conn).conn; c.recv.next != 251 || !c.closing.peerDone || c.recv.queued != 0 {
		t.Errorf("next %d, end of stream %v, %d waiting", c.recv.next, c.closing.peerDone, c.recv.queued)
	}
}

// TestDataFINBackoff: a DATA_FIN that nobody acknowledges is sent again after 200 ms, in
// Linux twice, and doubling up to 120 s (mptcp_set_datafin_timeout: TCP_RTO_MIN << retries,
// TCP_RTO_MAX).
func TestDataFINBackoff(t *testing.T) {
	for name, want := range map[string][]sim.Duration{
		"linux":     {200 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms, 51200 * ms, 102400 * ms, 120 * sim.Second, 120 * sim.Second},
		"linux-oot": {200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms, 51200 * ms, 102400 * ms, 120 * sim.Second, 120 * sim.Second},
	} {
		w := newWorld(t, 10*ms)
		w.profile, w.maxSteps = ProfileByName(name), 1<<30
		w.start()
		srv := &app{toWrite: 5000}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 5000
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		w.paths[0][0].drop = func(int, sim.Time, *Segment) bool { return true }
		n := len(w.log)
		srv.close = true
		w.flush(w.server)
		w.runTo(sim.Time(600 * sim.Second))
		var at []sim.Time
		for _, r := range w.log[n:] {
			if !r.up && r.seg.Opt.Has(wire.DataFIN) {
				at = append(at, r.at)
			}
		}
		if len(at) <= len(want) {
			t.Fatalf("%s: DATA_FINs at %v", name, at)
		}
		for i, d := range want {
			if got := at[i+1].Sub(at[i]); got != d {
				t.Errorf("%s: DATA_FIN %d after %v, want %v", name, i+1, got, d)
			}
		}
	}
}

// All data has arrived when both sides end their streams, and a box takes the options of the
// client's segments without payload from then on. On ACKs the client's DATA_FIN never
// arrives, nor does its DATA_ACK of the server's. It may go on data (RFC 8684 section
// 3.3.3): the second repetition sends the last byte again, and the connection ends in order.
// Linux goes on sending it on ACKs.
func TestDataFINOnData(t *testing.T) {
	const size = 5000
	for _, c := range []struct {
		profile string
		sums    ChecksumPolicy
		literal bool
	}{
		{"rfc", ChecksumOnDemand, false},
		{"rfc", ChecksumRequired, false},
		{"rfc", ChecksumRequired, true},
		{"linux", ChecksumOnDemand, false},
	} {
		w := checksumWorld(t, c.sums, c.sums, 10*ms, 20*ms)
		w.profile = ProfileByName(c.profile)
		w.start()
		srv := &app{toWrite: size}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.literal, cli.toWrite = c.literal, size
		w.flush(w.client)
		w.runTo(sim.Time(2 * sim.Second))
		for _, p := range w.paths {
			p[0].box = strip(func(s *Segment) bool {
				if s.Len > 0 && s.Opt.Has(wire.OptPieces) != c.literal {
					t.Errorf("%+v: the byte is literal: %v", c, !c.literal)
				}
				return s.Len == 0
			})
		}
		n := len(w.log)
		cli.close, srv.close = true, true
		w.flush(w.client)
		w.flush(w.server)
		w.runTo(sim.Time(30 * sim.Second))
		data := 0
		for i := n; i < len(w.log); i++ {
			if r := &w.log[i]; r.up && r.seg.Len > 0 {
				if data++; !r.seg.Opt.Has(wire.DataFIN) || r.seg.Len != 1 || r.seg.MapLen != 2 {
					t.Errorf("%+v: %s", c, w.line(r))
				}
			}
		}
		if srv.off != size || cli.off != size || srv.bad+cli.bad != 0 {
			t.Errorf("%+v: read %d and %d, %d bad", c, cli.off, srv.off, srv.bad+cli.bad)
		}
		if c.profile == "linux" {
			if data != 0 || srv.eof {
				t.Errorf("linux: %d segments with data, end of stream %v", data, srv.eof)
			}
			continue
		}
		if data != 1 || !srv.eof || !cli.eof || cli.saw(Closed)+srv.saw(Closed) != 2 ||
			cli.events[len(cli.events)-1].Why != trace.Graceful || srv.events[len(srv.events)-1].Why != trace.Graceful {
			t.Errorf("%+v: %d segments with data, events %v, %v\n%s", c, data, cli.events, srv.events, w.dump(30))
		}
	}
}
