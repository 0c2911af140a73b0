package mptcp

import (
	"container/heap"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// joinWorld is a download over two paths.
func joinWorld(t *testing.T, size int64) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 20*ms)
	for _, p := range w.paths {
		p[0].rate, p[1].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
		p[0].limit, p[1].limit = 50, 50
	}
	w.start()
	srv = &app{toWrite: size, close: true}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	return w, cli, srv
}

func (w *world) finish(t *testing.T, cli, srv *app, size int64) {
	t.Helper()
	w.until(60*sim.Second, "download", func() bool { return cli.eof })
	if cli.off != uint64(size) || cli.bad != 0 {
		t.Errorf("read %d (%d bad), want %d", cli.off, cli.bad, size)
	}
}

// TestJoinLosses loses each of the four packets of the handshake of a join. The
// subflow comes up each time, and no data precedes the fourth packet at the
// client or the third at the server.
//
// row:A11
func TestJoinLosses(t *testing.T) {
	const size = 3 << 20
	for _, v := range []struct{ up, down []int }{
		{}, {up: []int{0}}, {down: []int{0}}, {up: []int{1}}, {down: []int{1}},
		{up: []int{1, 2}}, {down: []int{1, 2}}, {up: []int{0, 2}, down: []int{1}},
	} {
		w, cli, srv := joinWorld(t, size)
		w.paths[1][0].drop, w.paths[1][1].drop = dropNth(v.up...), dropNth(v.down...)
		w.finish(t, cli, srv, size)
		subs := w.server.ep.Subflows(srv.conn, nil)
		if len(subs) != 2 || !subs[1].Usable || subs[1].Granted == 0 {
			t.Errorf("lost %v: no second subflow\n%s", v, w.dump(20))
		}
		third, fourth, answered := false, false, false
		for i := range w.log {
			r := &w.log[i]
			if r.path != 1 {
				continue
			}
			ack := r.hasOpt && r.opt.Has(wire.OptJoin) && r.opt.Join.Form == wire.JoinACK
			third = third || ack && !r.lost
			if !r.up && r.seg.Opt.Has(wire.HasDSS) && !third {
				t.Errorf("lost %v: data before the third packet: %s", v, w.line(r))
			}
			if r.up && r.seg.Opt.Has(wire.HasDSS) && !fourth {
				t.Errorf("lost %v: DSS in PRE_ESTABLISHED: %s", v, w.line(r))
			}
			fourth = fourth || !r.up && r.seg.Opt.Has(wire.HasDSS) && !r.lost
			if !answered && !r.up && r.seg.Opt.Has(wire.HasDSS) {
				answered = true
				if r.seg.Len != 0 || r.seg.Opt.Has(wire.HasMap) {
					t.Errorf("lost %v: the fourth packet is %s", v, w.line(r))
				}
			}
		}
	}
}

// TestJoinThirdPacketTimer: while the fourth packet is missing, the third is sent
// every two smoothed round-trip times (Linux), or after the RTO, doubling (RFC
// 8684 section 3.2).
//
// row:A11
func TestJoinThirdPacketTimer(t *testing.T) {
	for _, name := range []string{"linux", "rfc"} {
		w := newWorld(t, 10*ms, 20*ms)
		w.profile = ProfileByName(name)
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.paths[1][1].drop = func(n int, _ sim.Time, _ *Segment) bool { return n >= 1 }
		w.runTo(sim.Time(4 * sim.Second))
		var at []sim.Time
		for i := range w.log {
			if r := &w.log[i]; r.path == 1 && r.hasOpt && r.opt.Has(wire.OptJoin) && r.opt.Join.Form == wire.JoinACK {
				at = append(at, r.at)
			}
		}
		if len(at) < 3 {
			t.Fatalf("%s: %d third packets", name, len(at))
		}
		first, second := at[1].Sub(at[0]), at[2].Sub(at[1])
		if name == "linux" && (first != 80*ms || second != 80*ms) {
			t.Errorf("linux: intervals %v, %v, want 80ms", first, second)
		}
		if name == "rfc" && (first != sim.Second || second != 2*sim.Second) {
			t.Errorf("rfc: intervals %v, %v, want 1s, 2s", first, second)
		}
	}
}

// TestJoinFailures: whatever goes wrong in a join ends in a reset with the code
// of RFC 8684 section 3.6 that Linux uses, and the connection goes on.
//
// row:A11
func TestJoinFailures(t *testing.T) {
	const size = 200_000
	flip := func(s *Segment, form wire.JoinForm, f func(*wire.Join)) {
		if s.Opt.Has(wire.OptJoin) && s.Opt.Join.Form == form {
			f(&s.Opt.Join)
		}
	}
	strip := func(s *Segment, form wire.JoinForm) {
		if s.Opt.Has(wire.OptJoin) && s.Opt.Join.Form == form {
			s.Opt.Present &^= wire.OptJoin
		}
	}
	for _, v := range []struct {
		name     string
		up, down func(s *Segment)
		resetUp  bool // who sends the reset
		reason   uint8
		counter  string // of the one who notices
	}{
		{"unknown token", func(s *Segment) { flip(s, wire.JoinSYN, func(j *wire.Join) { j.Token++ }) }, nil, false, 1, "MPJoinNoTokenFound"},
		{"HMAC of SYN/ACK", nil, func(s *Segment) { flip(s, wire.JoinSYNACK, func(j *wire.Join) { j.HMAC64++ }) }, true, 1, "MPJoinSynAckHMacFailure"},
		{"nonce of SYN", func(s *Segment) { flip(s, wire.JoinSYN, func(j *wire.Join) { j.Nonce++ }) }, nil, true, 1, "MPJoinSynAckHMacFailure"},
		{"HMAC of ACK", func(s *Segment) { flip(s, wire.JoinACK, func(j *wire.Join) { j.HMAC[19]++ }) }, nil, false, 1, "MPJoinAckHMacFailure"},
		{"no option in SYN/ACK", nil, func(s *Segment) { strip(s, wire.JoinSYNACK) }, true, 1, ""},
		{"no option in ACK", func(s *Segment) { strip(s, wire.JoinACK) }, nil, false, 1, ""},
		{"no option in SYN", func(s *Segment) { strip(s, wire.JoinSYN) }, nil, true, 1, ""},
	} {
		w, cli, srv := joinWorld(t, size)
		edit := func(f func(*Segment)) func(*Segment) []*Segment {
			return func(s *Segment) []*Segment {
				if f != nil && s.Opt != nil {
					f(s)
				}
				return []*Segment{s}
			}
		}
		w.paths[1][0].box, w.paths[1][1].box = edit(v.up), edit(v.down)
		w.finish(t, cli, srv, size)
		var reset *record
		for i := range w.log {
			if r := &w.log[i]; r.path == 1 && r.seg.Flags.Has(wire.RST) && reset == nil {
				reset = r
			}
		}
		if reset == nil || reset.up != v.resetUp || !reset.hasOpt || !reset.opt.Has(wire.OptRst) || reset.opt.Rst.Reason != v.reason {
			t.Errorf("%s: reset %v\n%s", v.name, reset != nil, w.dump(30))
		}
		if h := w.server; v.counter != "" {
			if v.resetUp {
				h = w.client
			}
			w.counter(h, v.counter, 1)
		}
		if cli.saw(SubflowDown) != 1 || cli.saw(Fallback)+srv.saw(Fallback) != 0 || cli.saw(SubflowUp) > 1 {
			t.Errorf("%s: events %v", v.name, cli.events)
		}
	}
}

// TestSubflowLimit: beyond the limit a join is answered with reason 3, after the
// third packet as in Linux or at once.
func TestSubflowLimit(t *testing.T) {
	for _, name := range []string{"linux", "rfc"} {
		const size = 2 << 20
		w := newWorld(t, 10*ms, 20*ms, 20*ms)
		w.profile = ProfileByName(name)
		for _, p := range w.paths {
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
		}
		w.options = func(h string, o *SocketOptions) {
			if h == "server" {
				o.SubflowLimit = 1
			}
		}
		w.start()
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.finish(t, cli, srv, size)
		w.counter(w.server, "MPJoinRejected", 1)
		w.counter(w.server, "MPJoinSynRx", 2)
		// Linux counts a third packet only if it accepts the subflow (mptcp_join.sh,
		// "single subflow, limited by the server": 1 1 0).
		w.counter(w.server, "MPJoinAckRx", 1)
		found := false
		for i := range w.log {
			r := &w.log[i]
			found = found || !r.up && r.seg.Flags.Has(wire.RST) && r.hasOpt && r.opt.Rst.Reason == 3
		}
		if !found {
			t.Errorf("%s: no reset with reason 3\n%s", name, w.dump(40))
		}
	}
}

// TestJoinAfterClose: the token of a connection that both sides have closed is
// unknown (capture 01 shows the kernel's reset with reason 1).
func TestJoinAfterClose(t *testing.T) {
	w, cli, srv := joinWorld(t, 10_000)
	cli.close, cli.full = false, false
	w.paths[1][0].delay = 500 * ms
	w.until(sim.Second, "read", func() bool { return cli.eof })
	w.client.ep.Close(w.now, cli.conn)
	w.flush(w.client)
	w.runTo(sim.Time(2 * sim.Second))
	w.counter(w.server, "MPJoinNoTokenFound", 1)
	w.counter(w.server, "MPJoinSynRx", 1) // counted before the token is looked for (Linux, subflow_check_req)
	if srv.saw(Closed) != 1 || cli.saw(Closed) != 1 {
		t.Errorf("not closed: %v %v", cli.events, srv.events)
	}
	w.settleDown(100 * sim.Second)
}

// TestBackup: a backup subflow carries nothing while the regular one lives, takes
// over when that dies, and MP_PRIO changes its part (RFC 8684 section 3.3.8).
func TestBackup(t *testing.T) {
	w, cli, srv := joinWorld(t, 1<<40)
	cli.idle = false
	w.client.ep.HandleAddr(0, clientAddr(1), true, AddrBackup)
	w.runTo(sim.Time(2 * sim.Second))
	subs := w.server.ep.Subflows(srv.conn, nil)
	if len(subs) != 2 || !subs[1].Backup || subs[1].Granted != 0 || subs[0].Delivered == 0 {
		t.Fatalf("backup carries data: %+v", subs)
	}
	w.counter(w.server, "MPJoinSynBackupRx", 1)
	w.counter(w.client, "MPJoinSynAckBackupRx", 0)
	for _, d := range w.paths[0] {
		d.drop = func(int, sim.Time, *Segment) bool { return true }
	}
	before := cli.off
	w.runTo(sim.Time(4 * sim.Second))
	subs = w.server.ep.Subflows(srv.conn, subs[:0])
	if subs[1].Delivered < 1<<20 || cli.off == before || cli.bad != 0 {
		t.Errorf("backup did not take over: %+v", subs)
	}
}

// TestPrio: changing the backup flag of an address sends MP_PRIO on its subflow,
// alone in its ACK beside the DATA_ACK, and the peer's data moves (RFC 8684
// section 3.3.8; capture 06 of the kernel: 28 octets of options).
func TestPrio(t *testing.T) {
	w, _, srv := joinWorld(t, 1<<40)
	w.runTo(sim.Time(2 * sim.Second))
	for _, backup := range []bool{true, false} {
		flags := AddrFlags(0)
		if backup {
			flags = AddrBackup
		}
		from := len(w.log)
		w.client.ep.HandleAddr(w.now, clientAddr(0), true, flags)
		w.flush(w.client)
		n := 0
		for i := from; i < len(w.log); i++ {
			if r := &w.log[i]; r.hasOpt && r.opt.Has(wire.OptPrio) {
				n++
				if r.path != 0 || r.opt.Prio.Backup != backup || r.seg.Len != 0 || r.seg.OptionsLen(&r.opt) != 28 {
					t.Errorf("%s", w.line(r))
				}
			}
		}
		w.runTo(w.now.Add(sim.Second))
		before := w.server.ep.Subflows(srv.conn, nil)[0].Granted
		w.runTo(w.now.Add(sim.Second))
		moved := w.server.ep.Subflows(srv.conn, nil)[0].Granted > before
		if n != 1 || moved == backup {
			t.Errorf("backup %v: %d MP_PRIO, data on the subflow: %v", backup, n, moved)
		}
	}
	w.counter(w.client, "MPPrioTx", 2)
	w.counter(w.server, "MPPrioRx", 2)
}

// TestEndOfAddress: a lost address ends its subflow without a packet; its data is
// sent on the other.
func TestEndOfAddress(t *testing.T) {
	const size = 4 << 20
	w, cli, srv := joinWorld(t, size)
	w.runTo(sim.Time(sim.Second))
	w.client.ep.HandleAddr(w.now, clientAddr(0), false, 0)
	w.flush(w.client)
	at := w.now
	w.finish(t, cli, srv, size)
	for i := range w.log {
		if r := &w.log[i]; r.up && r.path == 0 && r.at > at {
			t.Errorf("sent from the lost address: %s", w.line(r))
		}
	}
	down := false
	for _, e := range cli.events {
		down = down || e.Kind == SubflowDown && e.Flow == 0 && e.Why == trace.Unreachable
	}
	if !down {
		t.Errorf("events %v", cli.events)
	}
}

// TestJoinAfterDataFIN: the server has sent data and DATA_FIN when the only path
// ends; another address of the client appears. Where the profile allows it, a
// subflow from there carries the rest; upstream Linux refuses it with reason 3.
func TestJoinAfterDataFIN(t *testing.T) {
	for _, v := range []struct {
		name  string
		joins bool
	}{{"linux", false}, {"rfc", true}, {"linux-oot", true}} {
		const size = 10_000
		w := newWorld(t, 10*ms, 20*ms)
		w.profile = ProfileByName(v.name)
		w.paths[0][1].rate = 100_000 // takes 0.9 s
		w.start()
		w.client.ep.HandleAddr(0, clientAddr(1), false, 0)
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.runTo(sim.Time(400 * ms))
		if !w.server.ep.socks.get(srv.conn).conn.closing.finSent || cli.off == 0 || cli.off == size {
			t.Fatalf("%s: DATA_FIN not in flight, %d read", v.name, cli.off)
		}
		w.client.ep.HandleAddr(w.now, clientAddr(0), false, 0)
		w.client.ep.HandleAddr(w.now, clientAddr(1), true, 0)
		w.flush(w.client)
		w.runTo(sim.Time(30 * sim.Second))
		refused := counterOf(w.server.ep, "MPJoinRejected") > 0
		if whole := cli.eof && cli.off == size && cli.bad == 0; whole != v.joins || refused == v.joins {
			t.Errorf("%s: read %d, end %v, refused %v\n%s", v.name, cli.off, cli.eof, refused, w.dump(20))
		}
	}
}

// TestReprobeSparesHandshakes: the cap of a silent subflow's timeout is for data
// that another path carries meanwhile. A SYN that is sent every second would use
// its attempts up within seconds: a join whose path is silent for 20 s comes up
// whether Reprobe is on or not.
func TestReprobeSparesHandshakes(t *testing.T) {
	for _, reprobe := range []bool{false, true} {
		w := newWorld(t, 10*ms, 20*ms, 30*ms)
		w.keep = false
		w.opt.Reprobe = reprobe
		w.paths[2][0].drop = func(_ int, now sim.Time, _ *Segment) bool { return now < sim.Time(20*sim.Second) }
		w.paths[0][0].rate, w.paths[0][0].limit = 10_000_000, 100
		cli := w.connect()
		cli.toWrite = 1 << 20
		w.runTo(sim.Time(130 * sim.Second))
		subs := w.client.ep.Subflows(cli.conn, nil)
		if len(subs) != 3 || subs[2].Established == sim.Never {
			t.Errorf("reprobe %v: %+v", reprobe, subs)
		}
	}
}

// TestUserTimeoutOfLaterSubflows: the option holds for subflows that are opened
// after it was set as it does for those that were there.
func TestUserTimeoutOfLaterSubflows(t *testing.T) {
	for _, before := range []bool{false, true} {
		w := newWorld(t, 10*ms, 15*ms)
		w.keep = false
		for _, p := range w.paths {
			p[0].rate, p[0].limit = 10_000_000, 60
		}
		cli := w.connect()
		set := func() {
			w.client.ep.SetOption(w.now, cli.conn, OptionUserTimeout, int64(5*sim.Second))
			w.flush(w.client)
		}
		if before {
			set()
		}
		cli.toWrite = 1 << 40
		w.runTo(sim.Time(2 * sim.Second))
		if !before {
			set()
		}
		silent := func(int, sim.Time, *Segment) bool { return true }
		w.paths[1][0].drop, w.paths[1][1].drop = silent, silent
		w.runTo(sim.Time(20 * sim.Second))
		subs := w.client.ep.Subflows(cli.conn, nil)
		if len(subs) != 2 || !subs[1].Ended || subs[1].Why != trace.TimedOut || subs[0].Ended {
			t.Errorf("set before the join %v: %+v", before, subs)
		}
		if d := subs[1].End.Sub(sim.Time(2 * sim.Second)); d < 5*sim.Second || d > 7*sim.Second {
			t.Errorf("set before the join %v: ended after %v", before, d)
		}
	}
}

// TestSubflowUpAfterAccept: an application that accepts late hears of the
// subflows that have come up meanwhile, and none is told to nobody.
func TestSubflowUpAfterAccept(t *testing.T) {
	w := newWorld(t, 10*ms, 15*ms)
	w.start()
	cli := w.connect()
	cli.toWrite = 100
	w.flush(w.client)
	w.runTo(sim.Time(15 * ms)) // the server has answered the SYN
	listener := ConnID(1)
	var got []Event
	var e Event
	for w.now < sim.Time(300*ms) {
		w.now = w.now.Add(ms)
		for len(w.ev) > 0 && w.ev[0].at <= w.now {
			w.deliverQuietly()
		}
		for w.server.ep.PollEvent(&e) {
			got = append(got, e)
		}
	}
	if len(got) != 1 || got[0].Kind != Acceptable {
		t.Fatalf("before accept: %v", got)
	}
	c, ok := w.server.ep.Accept(listener)
	if !ok {
		t.Fatal("nothing to accept")
	}
	up := 0
	for w.server.ep.PollEvent(&e) {
		if e.Kind == SubflowUp && e.Conn == c && e.Flow == 1 {
			up++
		}
	}
	if up != 1 {
		t.Errorf("%d SubflowUp after accept", up)
	}
}

// deliverQuietly hands the next segment over without polling the server's events.
func (w *world) deliverQuietly() {
	e := heap.Pop(&w.ev).(netEvent)
	e.seg.Socket = 0
	e.to.ep.HandleSegment(e.at, e.seg)
	if e.to == w.client {
		w.flush(w.client)
		return
	}
	for s := w.get(); w.server.ep.PollSegment(w.now, s); s = w.get() {
		w.send(w.server, s)
	}
}

// TestNoUploadBeforeFourthPacket: who opened a subflow sends no data on it before
// the fourth packet has arrived, however often that is lost, although it has data
// waiting and its TCP is established (RFC 8684 section 3.2).
//
// row:A11
func TestNoUploadBeforeFourthPacket(t *testing.T) {
	for lost := range 4 {
		w := newWorld(t, 10*ms, 20*ms)
		for _, p := range w.paths {
			p[0].rate, p[0].limit = 10*sim.MegabitPerSecond, 50
		}
		k := 0
		w.paths[1][1].drop = func(_ int, _ sim.Time, s *Segment) bool {
			if s.Flags.Has(wire.SYN) {
				return false
			}
			k++
			return k <= lost
		}
		fourth := sim.Never
		w.start()
		w.arrive = func(to *host, s *Segment) {
			if to == w.client && s.Tuple.Dst.Addr() == clientAddr(1) && !s.Flags.Has(wire.SYN) {
				fourth = min(fourth, w.now)
			}
		}
		cli := w.connect()
		cli.toWrite = 2 << 20
		w.flush(w.client)
		w.runTo(sim.Time(3 * sim.Second))
		first := sim.Never
		for i := range w.log {
			if r := &w.log[i]; r.path == 1 && r.up && r.seg.Len > 0 {
				first = min(first, r.at)
			}
		}
		if fourth == sim.Never || first < fourth || first > fourth.Add(sim.Second) {
			t.Errorf("%d lost: data at %v, fourth packet at %v", lost, first, fourth)
		}
	}
}

// TestInitialWindowPerSubflow: every subflow begins with an initial window of its own, so
// that a connection of n subflows has n of them (RFC 6356 leaves slow start uncoupled).
func TestInitialWindowPerSubflow(t *testing.T) {
	w := newWorld(t, 10*ms, 20*ms, 30*ms)
	w.start()
	srv := &app{toWrite: 1000}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 17
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	n := len(w.log)
	srv.toWrite = 1 << 20
	w.flush(w.server)
	var sent [3]int
	for _, r := range w.log[n:] {
		if !r.up && r.seg.Len > 0 {
			sent[r.path]++
		}
	}
	// On the first the answer of 1000 bytes was acknowledged, which grew its window by less
	// than a segment.
	if sent != [3]int{10, 10, 10} {
		t.Errorf("%v segments at once, want 10 on each", sent)
	}
}
