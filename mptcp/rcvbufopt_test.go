package mptcp

import (
	"slices"
	"testing"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// TestRcvBufOpt is the experiment of NSDI'12 section 4.2: WiFi of 8 Mb/s and 20 ms,
// 3G of 2 Mb/s and 150 ms with 2 s of queue, and a receive buffer of 200 kB. Without
// measures the connection is slower than WiFi alone, 7.6 Mb/s; penalisation, alone or
// with opportunistic retransmission, makes it faster.
//
// row:G7
func TestRcvBufOpt(t *testing.T) {
	for _, v := range []struct {
		opt                 RcvBufOpt
		least, most         float64 // Mb/s
		copies, punishments bool
	}{
		{RcvBufOptOff, 2, 6, false, false},
		{OpportunisticRetransmit, 2, 7, true, false},
		{PenaliseSlow, 7.6, 9.6, false, true},
		{OpportunisticRetransmit | PenaliseSlow, 7.6, 9.6, true, true},
	} {
		w, cli, srv := narrowWorld(t, v.opt)
		w.runTo(sim.Time(5 * sim.Second))
		rate := w.rate(cli, 20*sim.Second)
		if rate < v.least || rate > v.most || cli.bad != 0 {
			t.Errorf("%v: %.2f Mb/s, want %v to %v; %d bad bytes", v.opt, rate, v.least, v.most, cli.bad)
		}
		i := w.server.ep.Info(srv.conn)
		if i.Reinjected > 0 != v.copies || i.Penalties > 0 != v.punishments {
			t.Errorf("%v: reinjected %d, penalties %d", v.opt, i.Reinjected, i.Penalties)
		}
	}
}

// TestPenaliseOncePerTrip: a subflow is not penalised twice within a round trip of
// the one that waits for it, however often that asks.
func TestPenaliseOncePerTrip(t *testing.T) {
	w, _, srv := narrowWorld(t, PenaliseSlow)
	w.runTo(sim.Time(5 * sim.Second))
	if n := w.server.ep.Info(srv.conn).Penalties; n == 0 || n > 250 {
		t.Errorf("%d penalties in 250 round trips", n)
	}
}

// narrowWorld is a download over WiFi and 3G into a receive buffer of 200 kB.
func narrowWorld(t *testing.T, opt RcvBufOpt) (w *world, cli, srv *app) {
	return narrowWorldBy(t, opt, newScheduler)
}

// narrowWorldBy is narrowWorld with a scheduler.
func narrowWorldBy(t *testing.T, opt RcvBufOpt, s func(*sim.Rand) sched.Scheduler) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 75*ms)
	w.opt.Scheduler = s
	w.profile = LinuxOOT()
	w.keep, w.maxSteps = false, 1<<30
	w.opt.RcvBufOpt = opt
	w.opt.SendBuffer, w.opt.ReceiveBuffer = 4<<20, 200_000
	for i, rate := range []sim.Rate{8 * sim.MegabitPerSecond, 2 * sim.MegabitPerSecond} {
		for _, d := range w.paths[i] {
			d.rate, d.limit = rate, []int{53, 333}[i]
		}
	}
	w.start()
	srv = &app{toWrite: 1 << 40}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 17
	w.flush(w.client)
	return w, cli, srv
}

// Which carriers make a copy worth sending (out-of-tree Linux, mptcp_sched.c; the vectors
// of ALGORITHMS B9): one of 200 ms beside a subflow of 20 ms, none of 60 ms unless its
// window is as small as 3 segments.
func TestJudgeCarrier(t *testing.T) {
	const mss = 1448
	for _, v := range []struct {
		slow           sim.Duration
		segments       int64
		worth, decided bool
	}{
		{200 * ms, 20, true, false},
		{60 * ms, 20, false, true},
		{60 * ms, 3, true, true},
		{60 * ms, 4, true, true},
		{60 * ms, 5, false, true},
		{80 * ms, 20, false, true},
		{81 * ms, 20, true, false},
	} {
		if worth, decided := judgeCarrier(20*ms, v.slow, v.segments*mss, mss); worth != v.worth || decided != v.decided {
			t.Errorf("%v, window %d: %v, decided %v", v.slow, v.segments, worth, decided)
		}
	}
}

// Of several slower subflows that carry the oldest data the first has its window halved,
// 20 segments to 10 and the threshold it had reached with it (ALGORITHMS B9); the kernel
// looks no further even if that one repairs a loss or is not slower. Its BLEST punishes
// all of them.
func TestWhoIsPenalised(t *testing.T) {
	kernelBLEST := schedulerNamed("blest", cc.Setting{Name: "mode", Value: 1})
	for _, v := range []struct {
		name      string
		scheduler func(*sim.Rand) sched.Scheduler
		carriers  uint64
		fast      int
		halved    []int
	}{
		{"minrtt", newScheduler, 1<<1 | 1<<2, 0, []int{1}},
		{"minrtt, the last carries it, too", newScheduler, 1<<0 | 1<<2, 0, []int{2}},
		{"minrtt, the first is faster", newScheduler, 1<<0 | 1<<2, 1, nil},
		{"blest, linux-oot", kernelBLEST, 1<<1 | 1<<2, 0, []int{1, 2}},
		{"blest, linux-oot, the first is faster", kernelBLEST, 1<<0 | 1<<2, 1, []int{2}},
		{"blest, ref", schedulerNamed("blest"), 1<<1 | 1<<2, 0, []int{1}},
	} {
		w := newWorld(t, 10*ms, 40*ms, 80*ms)
		w.profile, w.opt.Scheduler, w.opt.RcvBufOpt = LinuxOOT(), v.scheduler, PenaliseSlow
		w.start()
		srv := &app{toWrite: 1 << 18}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 17
		w.flush(w.client)
		w.runTo(sim.Time(5 * sim.Second))
		if cli.off != 1<<18 {
			t.Fatalf("%d bytes", cli.off)
		}
		c := w.server.ep.socks.get(srv.conn).conn
		var before [3]int64
		for i := range before {
			before[i] = c.cc.Window(cc.FlowID(i))
		}
		c.penaliseCarriers(w.now, &sched.Range{DSN: 1, Len: 1000, Carried: v.carriers}, c.subs[v.fast])
		for i := range before {
			mss, want := int64(c.subs[i].flow.tcp.MSS()), before[i]
			if slices.Contains(v.halved, i) {
				want = max(want/mss/2, 1) * mss
			}
			if got := c.cc.Window(cc.FlowID(i)); got != want {
				t.Errorf("%s: window of subflow %d was %d and is %d, want %d", v.name, i, before[i], got, want)
			}
		}
		if got := w.server.ep.Info(srv.conn).Penalties; got != int64(len(v.halved)) {
			t.Errorf("%s: %d penalties", v.name, got)
		}
	}
}
