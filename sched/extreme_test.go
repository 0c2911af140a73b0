package sched

import (
	"fmt"
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// everySetting calls f for each scheduler of the table with the defaults of its
// parameters, and with each parameter at each end of its range.
func everySetting(f func(name string, settings []cc.Setting)) {
	for _, s := range Specs() {
		f(s.Name, nil)
		for _, p := range s.Params {
			for _, v := range []float64{p.Min, p.Max} {
				f(s.Name, []cc.Setting{{Name: p.Name, Value: v}})
			}
		}
	}
}

// weather is a connection whose subflows come, go, come back under the same numbers,
// fail, recover and become backups while data is granted, carried and acknowledged.
// With wild set its numbers are of the widest range: round-trip times from none to an
// hour, windows from one segment of one byte to a terabyte, and empty windows.
type weather struct {
	rnd   *sim.Rand
	wild  bool
	now   sim.Time
	q     Queue
	paths []Path // of the subflows that are up, by FlowID
}

func newWeather(seed uint64, name string, wild bool) *weather {
	w := &weather{rnd: sim.NewRand(seed, 0, name), wild: wild}
	w.q = Queue{Una: 1, Next: 1, End: 1, PeerEdge: 1, SendBuffer: 1 << 20, PeerFlow: NoFlow}
	return w
}

func (w *weather) n(n int) int { return int(w.rnd.IntN(uint64(n))) }

func oneOf[T any](w *weather, of ...T) T { return of[w.n(len(of))] }

// up brings a subflow of the given number up.
func (w *weather) up(s Scheduler, f cc.FlowID) {
	p := Path{
		Flow: f, Lane: uint8(f), MSS: mss, Window: 10 * mss, SendBufFree: 1 << 20, Ssthresh: cc.MaxWindow,
		SRTT: sim.Duration(1+w.n(9)) * 10 * ms, Pacing: sim.Rate(1+w.n(9)) * mbps, Weight: int32(w.n(4)), Cost: float64(w.n(3)),
	}
	i := 0
	for i < len(w.paths) && w.paths[i].Flow < f {
		i++
	}
	w.paths = append(w.paths, Path{})
	copy(w.paths[i+1:], w.paths[i:])
	w.paths[i] = p
	s.OnPath(w.now, f, true)
}

// down takes the subflow of row i away.
func (w *weather) down(s Scheduler, i int) {
	p := w.paths[i]
	for k := range w.q.InFlight {
		w.q.InFlight[k].Carried &^= 1 << p.Lane
	}
	for k := range w.q.Reinject {
		w.q.Reinject[k].Carried &^= 1 << p.Lane
	}
	w.paths = append(w.paths[:i], w.paths[i+1:]...)
	s.OnPath(w.now, p.Flow, false)
}

// change does something to a connection.
func (w *weather) change(s Scheduler, flows int) {
	w.now = w.now.Add(oneOf(w, 0, ms, 10*ms, 500*ms))
	w.q.End = max(w.q.End, w.q.Next+uint64(w.n(40*mss)))
	w.q.PeerEdge = max(w.q.PeerEdge, w.q.Una+uint64(w.n(60*mss)))
	if w.wild && w.n(20) == 0 {
		w.q.End += 1 << 32
		w.q.PeerEdge += 1 << 33
	}
	if w.n(4) == 0 {
		w.acknowledge(s)
	}
	if f := cc.FlowID(w.n(flows)); w.n(10) == 0 && !w.has(f) {
		w.up(s, f)
	}
	for i := range w.paths {
		p := &w.paths[i]
		switch w.n(12) {
		case 0:
			p.Backup = !p.Backup
		case 1:
			p.PotentiallyFailed = !p.PotentiallyFailed
			if p.PotentiallyFailed {
				s.OnTimeout(w.now, p.Flow)
			}
		case 2:
			p.Stale = !p.Stale
		case 3:
			p.InLoss = !p.InLoss
		case 4, 5, 6, 7:
			p.InFlight, p.Unsent, p.Queued, p.SendBufFree = 0, 0, 0, 1<<20
			p.LastRecv = w.now
		case 8:
			w.q.PeerFlow = p.Flow
		case 9:
			if w.wild {
				w.extremes(p)
			}
		}
	}
	if len(w.paths) > 1 && w.n(10) == 0 {
		w.down(s, w.n(len(w.paths)))
	}
}

func (w *weather) has(f cc.FlowID) bool {
	for i := range w.paths {
		if w.paths[i].Flow == f {
			return true
		}
	}
	return false
}

// extremes gives a row numbers of the widest range.
func (w *weather) extremes(p *Path) {
	p.SRTT = oneOf(w, 0, 1, sim.Microsecond, 200*ms, 60*sim.Second, 3600*sim.Second)
	p.RTTVar = oneOf(w, 0, 1, ms, 3600*sim.Second)
	p.MSS = oneOf[int64](w, 1, 536, 1460, 65535)
	p.Window = p.MSS * oneOf[int64](w, 0, 1, 10, 1<<20)
	if w.n(4) == 0 {
		p.Window = cc.MaxWindow
	}
	p.InFlight = oneOf(w, 0, p.Window, 2*p.Window)
	p.SendBufFree = oneOf(w, -1, 0, p.MSS, 1<<31)
	p.Queued = oneOf[int64](w, 0, 1, 1<<31)
	p.Pacing = oneOf[sim.Rate](w, 0, 1, 1<<60)
	p.Ssthresh = oneOf(w, 2*p.MSS, p.Window, cc.MaxWindow)
	p.DeviceQueue = oneOf[int64](w, 0, 1, 1<<40)
	p.DeviceRate = oneOf[sim.Rate](w, 0, 1, 1<<60)
	p.Weight = oneOf[int32](w, 0, 1, 1<<31-1)
	p.Cost = oneOf(w, 0, 1e-300, 1e300)
}

// acknowledge moves the DATA_ACK on, and puts some of what is in flight on the list.
func (w *weather) acknowledge(s Scheduler) {
	q := &w.q
	last := q.Next
	if len(q.Skipped) > 0 {
		last = q.Skipped[0].DSN
	}
	q.Una += w.rnd.IntN(last - q.Una + 1)
	for len(q.InFlight) > 0 && q.InFlight[0].Unacked(q.Una).Len == 0 {
		q.InFlight = q.InFlight[1:]
	}
	if len(q.InFlight) > 0 {
		q.InFlight[0] = q.InFlight[0].Unacked(q.Una)
	}
	keep := q.Reinject[:0]
	for _, r := range q.Reinject {
		if r = r.Unacked(q.Una); r.Len > 0 {
			keep = append(keep, r)
		}
	}
	if q.Reinject = keep; len(keep) == 0 && len(q.InFlight) > 0 && w.n(3) == 0 {
		q.Reinject = append(q.Reinject, q.InFlight[w.n(len(q.InFlight))])
	}
	s.OnDataAck(w.now, q.Una)
}

// drain asks until the scheduler waits, and carries out what it grants.
func (w *weather) drain(t *testing.T, name string, s Scheduler, see func(Grant)) {
	for rounds := 0; len(w.paths) > 0 && (w.q.Next != w.q.End || len(w.q.Reinject)+len(w.q.Skipped) > 0 || len(w.q.InFlight) > 0); rounds++ {
		out := s.Pick(w.now, &w.q, w.paths, nil)
		if len(out) == 0 || rounds > 200 {
			return
		}
		for _, g := range out {
			i := 0
			for i < len(w.paths) && w.paths[i].Flow != g.Flow {
				i++
			}
			switch q := &w.q; {
			case i == len(w.paths):
				t.Fatalf("%s: %+v to a subflow that is not there", name, g)
			case g.Len <= 0 || g.Len > 1<<34:
				t.Fatalf("%s: %+v", name, g)
			case g.Kind == New && (g.DSN+uint64(g.Len) > q.End || g.DSN+uint64(g.Len) > q.PeerEdge || !q.isNew(name, g.DSN, g.DSN+uint64(g.Len))):
				t.Fatalf("%s: %+v outside %+v", name, g, q)
			case g.Kind != New && (g.DSN < q.Una || g.DSN+uint64(g.Len) > q.Next):
				t.Fatalf("%s: %+v outside %+v", name, g, q)
			}
			see(g)
			carryOut(g, &w.q, &w.paths[i])
		}
	}
}

// Whatever happens, grants are such as the connection can carry out, and nothing
// panics.
func TestExtremes(t *testing.T) {
	everySetting(func(name string, settings []cc.Setting) {
		for seed := range uint64(4) {
			w := newWeather(seed, "weather", true)
			s := make1(t, name, settings...)
			for range 150 {
				w.change(s, 1+int(seed)*20)
				w.drain(t, name, s, func(Grant) {})
			}
		}
	})
}

// After any history a connection with room on living subflows gets all of its data
// out, however these have become backups, failed and recovered meanwhile.
func TestNothingStarvesAfterChanges(t *testing.T) {
	everySetting(func(name string, settings []cc.Setting) {
		for seed := range uint64(6) {
			s := make1(t, name, settings...)
			w := newWeather(seed, "weather", false)
			for range 60 {
				w.change(s, 4)
				w.drain(t, name, s, func(Grant) {})
			}
			if len(w.paths) == 0 {
				w.up(s, 0)
			}
			q := &w.q
			q.End = max(q.End, q.Next+50*mss)
			for round := 0; q.Next != q.End || len(q.Skipped) > 0; round++ {
				if round > 6000 { // 10 segments of a byte in each
					t.Errorf("%s %v, seed %d: %d bytes and %+v are left: %v; %+v", name, settings, seed, q.End-q.Next, q.Skipped, s.(Explainer).WhyWait(), w.paths)
					return
				}
				for i := range w.paths {
					p := &w.paths[i]
					p.InFlight, p.Unsent, p.Queued, p.SendBufFree = 0, 0, 0, 1<<20
					p.PotentiallyFailed, p.Stale, p.InLoss = false, false, false
				}
				if q.Una, q.InFlight, q.Reinject = q.Next, nil, nil; len(q.Skipped) > 0 {
					q.Una = q.Skipped[0].DSN
				}
				q.PeerEdge = max(q.PeerEdge, q.Una+60*mss)
				w.now = w.now.Add(10 * ms)
				s.OnDataAck(w.now, q.Una)
				w.drain(t, name, s, func(Grant) {})
			}
		}
	})
}

// The number of a subflow that has left is given again (a connection remembers 256):
// nothing of the old one is left. After all have left and come back a scheduler
// decides like a new one, but for what it knows of the connection.
func TestNumbersAreGivenAgain(t *testing.T) {
	everySetting(func(name string, settings []cc.Setting) {
		if name == "random" {
			return // it has drawn
		}
		for seed := range uint64(4) {
			old := make1(t, name, settings...)
			w := newWeather(seed, "weather", false)
			for range 100 {
				w.change(old, 4)
				w.drain(t, name, old, func(Grant) {})
			}
			for len(w.paths) > 0 {
				w.down(old, 0)
			}
			fresh := make1(t, name, settings...)
			likeNew(old, fresh)
			play := func(s Scheduler) string {
				r := newWeather(seed, "again", false)
				r.now = w.now
				r.q.Una, r.q.Next, r.q.End, r.q.PeerEdge = w.q.Next, w.q.Next, w.q.Next, w.q.Next
				for f := range cc.FlowID(3) {
					r.up(s, f)
				}
				var log []byte
				for range 40 {
					r.change(s, 3)
					r.drain(t, name, s, func(g Grant) { log = fmt.Appendf(log, "%d:%d+%d ", g.Flow, g.DSN-w.q.Next, g.Len) })
				}
				return string(log)
			}
			if a, b := play(old), play(fresh); a != b {
				i := 0
				for i < min(len(a), len(b)) && a[i] == b[i] {
					i++
				}
				t.Errorf("%s %v, seed %d: differs at %d: ...%.60s and ...%.60s", name, settings, seed, i, a[i:], b[i:])
				return
			}
		}
	})
}

// likeNew gives a scheduler what a new one knows of the connection: whose turn it is,
// and what it has learned of the application and the peer.
func likeNew(old, fresh Scheduler) {
	switch s := old.(type) {
	case *weighted:
		s.turn = NoFlow
	case *redundant:
		s.last = NoFlow
	case *alternate:
		s.last = NoFlow // and nothing is left of its piece
	case *blest:
		s.lambda, s.blocked, s.changed = fresh.(*blest).lambda, false, 0
	case *ecf:
		s.waiting = false
	}
}

// BLEST's estimate does not wrap: it grows with the slow subflow's round-trip time and
// with the fast one's window, up to any of both, and what is above any send window
// makes the segment wait.
func TestBlestWide(t *testing.T) {
	for mode := range 2 {
		for _, thresh := range []int64{2 * mss, cc.MaxWindow} {
			s := make1(t, "blest", set("mode", float64(mode)))
			last := int64(0)
			for window := int64(10 * mss); window <= cc.MaxWindow; window *= 4 {
				q := Queue{Una: 1, Next: 1, End: 1 << 40, PeerEdge: 1 << 28}
				fast := Path{MSS: mss, Window: window, InFlight: window, SRTT: sim.Microsecond, Ssthresh: thresh, SendBufFree: 1 << 20}
				row := int64(0)
				for rtt := 100 * ms; rtt <= 3600*sim.Second; rtt *= 3 {
					slow := path(1, rtt, 0)
					paths := []Path{fast, slow}
					s.OnPath(0, 1, true)
					if out := s.Pick(0, &q, paths, nil); len(out) > 0 && rtt > sim.Second {
						t.Errorf("mode %d, window %d, round-trip time %v: %+v", mode, window, rtt, out)
					}
					x := s.(*blest).during(&paths[0], &paths[1])
					if x < row || row == 0 && x < last {
						t.Errorf("mode %d, window %d, round-trip time %v: %d bytes, %d and %d before", mode, window, rtt, x, row, last)
					}
					if row == 0 {
						last = x
					}
					row = x
				}
			}
		}
	}
}
