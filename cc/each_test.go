package cc

import (
	"errors"
	"testing"

	"mpsim/sim"
)

// Subflows of an uncoupled controller do not see each other.
func TestEachIsUncoupled(t *testing.T) {
	for _, name := range []string{"reno", "cubic"} {
		alone := joined(t, name, 20, 10)
		pair := joined(t, name, 20, 10)
		setFlow(t, pair, 1, 40, 10, 20*sim.Millisecond)
		for i := range 500 {
			now := sim.Time(i) * sim.Time(sim.Millisecond)
			feed(alone, now, 0, mss, 100*sim.Millisecond)
			feed(pair, now, 0, mss, 100*sim.Millisecond)
			feed(pair, now, 1, mss, 20*sim.Millisecond)
			if i%100 == 99 {
				pair.OnLoss(now, 1, Loss{InFlight: 10 * mss, Nxt: uint64(i)})
			}
		}
		if alone.Window(0) != pair.Window(0) || alone.Window(0) == 20*mss {
			t.Errorf("%s: %d alone, %d beside another", name, alone.Window(0), pair.Window(0))
		}
	}
}

// A subflow that was never joined is a defect of the caller, and says so.
func TestUnknownFlow(t *testing.T) {
	for _, s := range variants() {
		for _, f := range []FlowID{-1, 1} {
			func() {
				defer func() {
					var bug *sim.Bug
					if err, _ := recover().(error); !errors.As(err, &bug) {
						t.Errorf("%s: flow %d: %v", s.String(), f, err)
					}
				}()
				s.joined(t, 10, 0).Window(f)
			}()
		}
	}
}

// A subflow that joins again under its old number starts afresh.
func TestJoinAgain(t *testing.T) {
	for _, s := range variants() {
		c := s.joined(t, 40, 10)
		c.OnLoss(0, 0, Loss{Nxt: 1})
		c.Leave(0, 0)
		c.Join(0, 0, Path{MSS: mss, InitWindow: 10 * mss, RTT: sim.Second})
		check(t, c, s.String(), 10*mss, MaxWindow)
		c.Undo(0, 0)
		check(t, c, s.String(), 10*mss, MaxWindow)
		if s.name == "cubic" && plateau(c) != 0 {
			t.Errorf("the plateau of the old subflow is still %v", plateau(c))
		}
	}
}
