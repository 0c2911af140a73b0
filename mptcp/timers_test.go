package mptcp

import (
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// fakeTimed is an owner of a deadline.
type fakeTimed struct {
	at, armed sim.Time
	fired     []sim.Time
}

func (f *fakeTimed) deadline() sim.Time   { return f.at }
func (f *fakeTimed) setArmed(at sim.Time) { f.armed = at }
func (f *fakeTimed) expire(now sim.Time) {
	f.fired = append(f.fired, now)
	f.at = sim.Never
}

// TestTimers moves deadlines at random, near and far, and steps through time as
// next says: every owner is woken exactly at its deadline, in order, never
// earlier and never late.
func TestTimers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q timers
		n := rapid.IntRange(1, 12).Draw(t, "n")
		owners := make([]*fakeTimed, n)
		ids := make([]uint32, n)
		want := make([][]sim.Time, n)
		for i := range owners {
			owners[i] = &fakeTimed{at: sim.Never, armed: sim.Never}
			ids[i] = q.add(owners[i])
		}
		now := sim.Time(0)
		step := func(until sim.Time) {
			for q.next() <= until {
				now = max(now, q.next())
				for o := q.due(now); o != nil; o = q.due(now) {
					f := o.(*fakeTimed)
					if f.at > now {
						t.Fatalf("woken at %v, deadline %v", now, f.at)
					}
					o.expire(now)
				}
			}
			now = until
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, n-1).Draw(t, "owner")
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0, 1:
				owners[i].at = now + sim.Time(rapid.IntRange(0, 50).Draw(t, "in"))
				if owners[i].at < owners[i].armed { // as flows and connections do
					q.set(ids[i], owners[i].at)
				}
			case 2:
				owners[i].at = sim.Never
			case 3:
				to := now + sim.Time(rapid.IntRange(0, 30).Draw(t, "for"))
				for j, o := range owners {
					if o.at <= to {
						want[j] = append(want[j], o.at)
					}
				}
				step(to)
			}
		}
		for j, o := range owners {
			if len(o.fired) != len(want[j]) {
				t.Fatalf("owner %d woken at %v, want %v", j, o.fired, want[j])
			}
			for k := range o.fired {
				if o.fired[k] != want[j][k] {
					t.Fatalf("owner %d woken at %v, want %v", j, o.fired, want[j])
				}
			}
			q.remove(ids[j])
		}
		if len(q.heap) != 0 || q.next() != sim.Never {
			t.Fatalf("%d entries left", len(q.heap))
		}
	})
}
