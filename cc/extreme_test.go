package cc

import (
	"fmt"
	"math"
	"testing"

	"mpsim/sim"
)

// everySetting calls f for each controller of the table with the defaults of its
// parameters, and with each parameter at each end of its range.
func everySetting(f func(name string, settings []Setting)) {
	for _, s := range Specs() {
		f(s.Name, nil)
		modes := []float64{0}
		if indexOf(s.Params, "mode") >= 0 {
			modes = []float64{0, 1}
		}
		for _, p := range s.Params {
			for _, v := range []float64{p.Min, p.Max} {
				for _, m := range modes {
					set := []Setting{{p.Name, v}}
					if p.Name != "mode" && len(modes) > 1 {
						set = append(set, Setting{"mode", m})
					}
					f(s.Name, set)
				}
			}
		}
	}
}

// storm is a sequence of events of the widest range: up to 64 subflows that come, go
// and come back with other segment sizes, round-trip times from 1 ns to an hour or
// none at all, acknowledgements from nothing to a gigabyte, losses and timeouts at
// any moment and on subflows that have left.
type storm struct {
	rnd *sim.Rand
	now sim.Time
	mss []int64 // by FlowID
	at  []uint64
}

func (s *storm) n(n int) int { return int(s.rnd.IntN(uint64(n))) }

func pick[T any](s *storm, of ...T) T { return of[s.n(len(of))] }

func (s *storm) rtt() sim.Duration {
	return pick(s, 0, 1, 100, 124, 125, sim.Microsecond, 30*sim.Millisecond, 100*sim.Millisecond, 3*sim.Second,
		(1<<32)*125, sim.Duration(3600)*sim.Second)
}

func (s *storm) join(c Controller, f int) {
	for f >= len(s.mss) {
		s.mss, s.at = append(s.mss, 0), append(s.at, 0)
	}
	s.mss[f] = pick[int64](s, 1, 88, 536, 1428, 1460, 8948, 65535)
	s.at[f] = pick[uint64](s, 0, 1, 1<<32-1000, 1<<62)
	c.Join(s.now, FlowID(f), Path{
		MSS: s.mss[f], InitWindow: s.mss[f] * pick[int64](s, 0, 1, 10, 1000), RTT: s.rtt(),
	})
}

// step does one thing to a subflow and returns it.
func (s *storm) step(c Controller) FlowID {
	s.now = s.now.Add(pick(s, 0, 1, sim.Microsecond, sim.Millisecond, 50*sim.Millisecond, 100*sim.Second))
	f := s.n(len(s.mss))
	id, w, mss := FlowID(f), c.Window(FlowID(f)), s.mss[f]
	flight := pick(s, 0, 1, mss, w/2, w, 3*w)
	l := Loss{InFlight: flight, Bytes: mss, Una: s.at[f], Nxt: s.at[f] + uint64(flight)}
	switch s.n(16) {
	default:
		acked := pick(s, 0, 1, mss, w, 1<<30)
		s.at[f] += uint64(acked)
		rtt := s.rtt()
		c.OnSent(s.now, id, mss)
		c.OnAck(s.now, id, &Ack{
			Acked: acked, Delivered: pick(s, 0, acked, acked+mss), Interval: rtt, RateDelivered: acked,
			RTT: rtt, SRTT: pick(s, rtt, s.rtt()), MinRTT: pick(s, 0, 1, rtt), OWD: pick(s, 0, rtt/2),
			InFlight: flight, Una: s.at[f], Nxt: s.at[f] + uint64(flight),
			State:       pick(s, Open, Open, Open, Disorder, CWR, Recovery, LossState),
			CwndLimited: s.n(4) > 0, AppLimited: s.n(4) == 0, CE: pick(s, 0, 1, acked),
		})
	case 0:
		c.OnLoss(s.now, id, l)
	case 1:
		c.OnTimeout(s.now, id, l)
	case 2:
		c.OnIdleRestart(s.now, id, pick(s, 0, sim.Second, 3600*sim.Second), pick(s, 1, sim.Millisecond, 120*sim.Second))
	case 3:
		c.Reduce(s.now, id, Reason(s.n(int(UnusedWindow)+1)))
	case 4:
		c.Undo(s.now, id)
	case 5:
		c.Leave(s.now, id)
	case 6:
		s.join(c, f)
		return id
	case 7:
		if len(s.mss) < 64 {
			s.join(c, len(s.mss))
			return FlowID(len(s.mss) - 1)
		}
	}
	return id
}

// Whatever happens: no panic, windows from one segment to MaxWindow, a pacing rate
// that is not negative, terms that are numbers.
func TestExtremes(t *testing.T) {
	var terms []Term
	everySetting(func(name string, settings []Setting) {
		for seed := range uint64(3) {
			s := &storm{rnd: sim.NewRand(seed, 0, "storm")}
			c := must(t, name, settings...)
			for f := range 1 + int(seed) {
				s.join(c, f)
			}
			for range 800 {
				f := s.step(c)
				w, thresh := c.Window(f), c.Ssthresh(f)
				if w < s.mss[f] || w > MaxWindow || thresh < s.mss[f] || thresh > MaxWindow {
					t.Fatalf("%s %v: window %d, threshold %d, segments of %d", name, settings, w, thresh, s.mss[f])
				}
				if c.PacingRate(f) < 0 {
					t.Fatalf("%s %v: paced at %v", name, settings, c.PacingRate(f))
				}
				if a := c.Observe(f).Alpha; math.IsInf(a, 0) {
					t.Fatalf("%s %v: alpha %v", name, settings, a)
				}
				terms = c.(Explainer).Terms(f, terms[:0])
				for _, x := range terms {
					if math.IsNaN(x.Value) || math.IsInf(x.Value, 0) {
						t.Fatalf("%s %v: %s is %v", name, settings, x.Name, x.Value)
					}
				}
			}
		}
	})
}

// The number of a subflow that has left is given again (a connection remembers 256):
// nothing of the old one is left. A connection all of whose subflows have left and
// come back does what a new one does.
func TestNumbersAreGivenAgain(t *testing.T) {
	everySetting(func(name string, settings []Setting) {
		for seed := range uint64(4) {
			old, fresh := must(t, name, settings...), must(t, name, settings...)
			s := &storm{rnd: sim.NewRand(seed, 0, "storm")}
			for f := range 3 {
				s.join(old, f)
			}
			for range 200 {
				s.step(old)
			}
			for f := range s.mss {
				old.Leave(s.now, FlowID(f))
			}
			n, now := 3, s.now
			play := func(c Controller) string {
				r := &storm{rnd: sim.NewRand(seed, 1, "again"), now: now}
				for f := range n {
					r.join(c, f)
				}
				var log []byte
				for range 150 {
					for f := range n {
						x := r.mss[f]
						w := c.Window(FlowID(f))
						r.at[f] += uint64(w)
						a := ackOf(w, w, pick(r, 20*sim.Millisecond, 21*sim.Millisecond, 90*sim.Millisecond))
						a.Una, a.Nxt = r.at[f], r.at[f]+uint64(w)
						c.OnSent(r.now, FlowID(f), x)
						c.OnAck(r.now, FlowID(f), &a)
						if r.n(40) == 0 {
							c.OnLoss(r.now, FlowID(f), Loss{InFlight: w, Una: r.at[f], Nxt: r.at[f] + uint64(w)})
						}
					}
					r.now = r.now.Add(30 * sim.Millisecond)
					for f := range n {
						log = fmt.Append(log, c.Window(FlowID(f)), " ", c.Ssthresh(FlowID(f)), " ")
					}
				}
				return string(log)
			}
			a, b := play(old), play(fresh)
			if a != b {
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
