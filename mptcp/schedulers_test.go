package mptcp

import (
	"fmt"
	"net/netip"
	"testing"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
)

// schedulerNamed makes a scheduler of the table for a socket.
func schedulerNamed(name string, settings ...cc.Setting) func(*sim.Rand) sched.Scheduler {
	return func(rnd *sim.Rand) sched.Scheduler {
		s, err := sched.NewScheduler(name, settings, rnd)
		if err != nil {
			panic(err)
		}
		return s
	}
}

// variants calls f for each scheduler with its defaults, and with the other value of
// each of its switches.
func variants(f func(what string, make func(*sim.Rand) sched.Scheduler)) {
	for _, s := range sched.Specs() {
		if s.Name == "alternate-bytes" {
			f(s.Name, schedulerNamed(s.Name, cc.Setting{Name: "bytes", Value: 500}))
			continue
		}
		f(s.Name, schedulerNamed(s.Name))
		for _, p := range s.Params {
			if p.Whole && p.Max == p.Min+1 {
				x := cc.Setting{Name: p.Name, Value: p.Min + p.Max - p.Default}
				f(fmt.Sprintf("%s %s=%v", s.Name, p.Name, x.Value), schedulerNamed(s.Name, x))
			}
		}
	}
}

// Every scheduler delivers every byte over two unlike paths with losses, of which one
// falls silent for ever and the other for a while, into a small receive buffer, with
// opportunistic retransmission and penalisation, and by either way of retransmitting.
func TestEverySchedulerDelivers(t *testing.T) {
	const size = 300_000
	for _, profile := range []func() *Profile{Linux, LinuxOOT} {
		variants(func(what string, make func(*sim.Rand) sched.Scheduler) {
			p := profile()
			w := newWorld(t, 10*ms, 40*ms)
			w.profile, w.keep = p, false
			w.opt.Scheduler = make
			w.opt.SendBuffer, w.opt.ReceiveBuffer = 200_000, 60_000
			w.opt.RcvBufOpt = OpportunisticRetransmit | PenaliseSlow
			for i, pair := range w.paths {
				for _, d := range pair {
					d.rate, d.limit = 4*sim.MegabitPerSecond, 30
				}
				silent := sim.Time(500 * ms)
				pair[1].drop = func(n int, now sim.Time, _ *Segment) bool {
					return n%53 == 17+i || i == 0 && now > silent || i == 1 && now > silent && now < silent.Add(700*ms)
				}
			}
			w.start()
			w.server.accept = func() *app { return &app{toWrite: size, close: true, full: true} }
			cli := w.connect()
			cli.toWrite = 17
			w.flush(w.client)
			w.until(300*sim.Second, what+" of profile "+p.Name, func() bool { return cli.eof })
			if cli.off != size || cli.bad != 0 {
				t.Errorf("%s of profile %s: %d bytes, %d bad", what, p.Name, cli.off, cli.bad)
			}
		})
	}
}

// Opportunistic retransmission and penalisation beside every scheduler: WiFi of 8 Mb/s
// and 3G of 2 Mb/s with a deep queue, a receive buffer of 200 kB, where TCP over WiFi
// alone has 7.6 Mb/s. Schedulers that fill the slow path when it has room are held up by
// it and stay far below; penalisation helps all of them. Those that foresee when data
// arrives are not held up in the first place (BLEST, Networking 2016, figure 5). Both
// measures do nothing when they are off.
//
// row:G4 row:G7
func TestRcvBufOptBesideEveryScheduler(t *testing.T) {
	const heldUp, foresees, other = 1, 2, 3
	kinds := map[string]int{
		"minrtt": heldUp, "roundrobin": heldUp, "weighted": heldUp, "random": heldUp, "overflow": heldUp,
		"cost": heldUp, "equalsplit": heldUp, "qaware": heldUp, "ecf": heldUp,
		"blest": foresees, "daps": foresees, "stms": foresees, "sttf": foresees,
		// What linux has put into the queue of the slow subflow waits there, however
		// small its window is made; jitter leaves the slow path out.
		"linux": other, "jitter": other,
		// One subflow at a time, or everything on each.
		"backup": other, "mirror": other, "redundant": other,
	}
	for _, s := range sched.Specs() {
		kind := kinds[s.Name]
		if s.Name == "alternate-bytes" {
			continue // not for bulk data
		}
		for _, opt := range []RcvBufOpt{RcvBufOptOff, OpportunisticRetransmit, PenaliseSlow} {
			w, cli, srv := narrowWorldBy(t, opt, schedulerNamed(s.Name))
			rate := w.rate(cli, 8*sim.Second)
			i := w.server.ep.Info(srv.conn)
			copies, penalties := i.Reinjected > 0 && s.Name != "redundant", i.Penalties > 0
			slow := rate < 6
			switch {
			case kind == 0:
				t.Errorf("%s is of no kind", s.Name)
			case cli.bad != 0:
				t.Errorf("%s, %v: %d bad bytes", s.Name, opt, cli.bad)
			case copies && opt != OpportunisticRetransmit || penalties && opt != PenaliseSlow:
				t.Errorf("%s, %v: %d penalties, %d bytes sent again", s.Name, opt, i.Penalties, i.Reinjected)
			case kind == heldUp && (slow != (opt != PenaliseSlow) || opt != RcvBufOptOff && !copies && !penalties):
				t.Errorf("%s, %v: %.2f Mb/s, %d penalties, %d bytes sent again", s.Name, opt, rate, i.Penalties, i.Reinjected)
			case kind == foresees && rate < 7.6:
				t.Errorf("%s, %v: %.2f Mb/s", s.Name, opt, rate)
			}
		}
	}
}

// One subflow with the redundant scheduler sends everything once: the goodput is that
// of minRTT (multipath-tcp/mptcp issue 435: it was half).
//
// row:G3
func TestRedundantAlone(t *testing.T) {
	const size = 1 << 20
	took := map[string]sim.Time{}
	for _, name := range []string{"minrtt", "redundant"} {
		w := newWorld(t, 10*ms)
		w.opt.Scheduler = schedulerNamed(name)
		for _, d := range w.paths[0] {
			d.rate, d.limit = 10*sim.MegabitPerSecond, 50
		}
		w.start()
		var srv *app
		w.server.accept = func() *app { srv = &app{toWrite: size, close: true}; return srv }
		cli := w.connect()
		cli.toWrite = 17
		w.flush(w.client)
		w.until(20*sim.Second, name, func() bool { return cli.eof })
		took[name] = w.now
		subs := w.server.ep.Subflows(srv.conn, nil)
		if len(subs) != 1 || subs[0].Granted != size {
			t.Errorf("%s: %+v", name, subs)
		}
	}
	if took["redundant"] != took["minrtt"] {
		t.Errorf("alone: %v", took)
	}
}

// The server answers on the subflow on which the client currently sends.
//
// row:G6
func TestMirrorFollows(t *testing.T) {
	w := newWorld(t, 10*ms, 12*ms)
	pin := &pinned{}
	w.options = func(host string, o *SocketOptions) {
		o.Scheduler = schedulerNamed("mirror")
		if host == "client" {
			o.Scheduler = func(*sim.Rand) sched.Scheduler { return pin }
		}
	}
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	ask := func() {
		cli.toWrite = 100
		w.flush(w.client)
		w.runTo(w.now.Add(15 * ms))
		srv.toWrite = 20_000
		w.flush(w.server)
		w.runTo(w.now.Add(300 * ms))
	}
	ask() // both subflows are up behind this
	granted := [2]uint64{}
	for i, f := range w.server.ep.Subflows(srv.conn, nil) {
		granted[i] = f.Granted
	}
	for _, f := range []cc.FlowID{1, 0, 0, 1, 1, 0} {
		pin.flow = f
		ask()
		for i, s := range w.server.ep.Subflows(srv.conn, nil) {
			want := uint64(0)
			if cc.FlowID(i) == f {
				want = 20_000
			}
			if s.Granted-granted[i] != want {
				t.Errorf("the client sends on %d: subflow %d was granted %d", f, i, s.Granted-granted[i])
			}
			granted[i] = s.Granted
		}
	}
}

// pinned is a scheduler that uses one subflow.
type pinned struct{ flow cc.FlowID }

func (s *pinned) Pick(_ sim.Time, q *sched.Queue, paths []sched.Path, out []sched.Grant) []sched.Grant {
	for i := range paths {
		if p := &paths[i]; p.Flow == s.flow && q.Next != q.End {
			return append(out, sched.Grant{Flow: p.Flow, DSN: q.Next, Len: int(q.End - q.Next), Penalise: sched.NoFlow})
		}
	}
	return out
}
func (*pinned) OnDataAck(sim.Time, uint64)       {}
func (*pinned) OnTimeout(sim.Time, cc.FlowID)    {}
func (*pinned) OnPath(sim.Time, cc.FlowID, bool) {}

// A scheduler sees what the host knows of paths: cost and weight always, the queue of
// the device if it asks.
func TestPathFacts(t *testing.T) {
	for _, asks := range []sched.Facts{0, sched.FactDevice | sched.FactSsthresh} {
		w := newWorld(t, 10*ms, 12*ms)
		seen := &witness{asks: asks}
		w.opt.Scheduler = func(*sim.Rand) sched.Scheduler { return seen }
		w.start()
		w.client.ep.view = tellsOfPaths{}
		cli := w.connect()
		w.runTo(w.now.Add(300 * ms))
		cli.toWrite = 100
		w.flush(w.client)
		w.runTo(w.now.Add(300 * ms))
		cli.toWrite = 100
		w.flush(w.client)
		if len(seen.rows) != 2 || seen.buffer != w.opt.SendBuffer {
			t.Fatalf("%+v, buffer %d", seen.rows, seen.buffer)
		}
		for i, r := range seen.rows {
			queue, rate, ssthresh := int64(0), sim.Rate(0), int64(0)
			if asks != 0 {
				queue, rate, ssthresh = int64(1000*(i+1)), 7, cc.MaxWindow
			}
			if r.Cost != float64(i+1) || r.Weight != int32(10*(i+1)) || r.DeviceQueue != queue || r.DeviceRate != rate || r.Ssthresh != ssthresh {
				t.Errorf("asks %b: subflow %d is %+v", asks, i, r)
			}
		}
	}
}

type witness struct {
	pinned
	asks   sched.Facts
	rows   []sched.Path
	buffer int64
}

func (s *witness) Asks() sched.Facts { return s.asks }

func (s *witness) Pick(now sim.Time, q *sched.Queue, paths []sched.Path, out []sched.Grant) []sched.Grant {
	s.rows = append(s.rows[:0], paths...)
	s.buffer = q.SendBuffer
	return s.pinned.Pick(now, q, paths, out)
}

// tellsOfPaths knows the paths of a world by the client's address.
type tellsOfPaths struct{}

func (tellsOfPaths) PathFacts(local, _ netip.Addr) PathFacts {
	n := local.As4()[2]
	return PathFacts{Cost: float64(n), Weight: 10 * int64(n)}
}

func (tellsOfPaths) MTU(_, _ netip.Addr) int { return 0 }

func (tellsOfPaths) Device(_ sim.Time, _ uint32, t *wire.Tuple) (int64, sim.Rate) {
	return 1000 * int64(t.Src.Addr().As4()[2]), 7
}

// Single bytes in turn over two paths that lose one packet in fifty: every data segment
// carries one byte, what the second path carries first lies between what the first one
// does, and because windows count segments no queue overflows, so that few segments are
// sent again. (Windows of bytes let 14,000 of them out at once.)
func TestAlternateBytesOverLossyPaths(t *testing.T) {
	const size = 5000
	w := newWorld(t, 10*ms, 30*ms)
	w.opt.Scheduler = schedulerNamed("alternate-bytes")
	for _, pair := range w.paths {
		for _, d := range pair {
			d.rate, d.limit = 8*sim.MegabitPerSecond, 100
		}
		pair[1].drop = func(n int, _ sim.Time, _ *Segment) bool { return n%50 == 31 }
	}
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 17
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second)) // both subflows stand
	from := len(w.log)
	srv.toWrite, srv.close = size, true
	w.flush(w.server)
	w.until(60*sim.Second, "the data", func() bool { return cli.off == size })
	owner := map[wire.DSN]int{}
	segments, neighbours := 0, 0
	for i := range w.log[from:] {
		r := &w.log[from+i]
		if r.up || r.seg.Len == 0 {
			continue
		}
		if segments++; r.seg.Len != 1 {
			t.Fatalf("a segment of %d bytes", r.seg.Len)
		}
		dsn := r.seg.DSN
		if _, again := owner[dsn]; again {
			continue
		}
		owner[dsn] = r.path
		if p, ok := owner[dsn-1]; ok && p == r.path {
			neighbours++
		}
	}
	if cli.bad != 0 || segments > size*11/10 || neighbours > 0 {
		t.Errorf("%d bytes took %d segments, %d neighbours went the same way; %d bad", size, segments, neighbours, cli.bad)
	}
}
