package sim

import (
	"testing"

	"pgregory.net/rapid"
)

// alarm owns one lazily moved timer and notes when it fires.
type alarm struct {
	s     *Sim
	t     Timer
	fired []Time
	keys  []Key
	steps []func(*alarm)
}

func (a *alarm) OnEvent(now Time, arg uint64) {
	if arg == 1 {
		step := a.steps[0]
		a.steps = a.steps[1:]
		step(a)
		return
	}
	if a.t.Expired(a.s) {
		a.fired = append(a.fired, now)
		a.keys = append(a.keys, a.s.CurrentKey())
	}
}

func newAlarm() (*alarm, NodeID) {
	s := New(1, 0)
	a := &alarm{s: s}
	h := s.Register(a)
	o := s.AddOrigin("a")
	a.t.Init(o, h, 0)
	return a, o
}

func TestTimerMovesLazily(t *testing.T) {
	a, _ := newAlarm()
	a.t.Set(a.s, 100)
	for i := range 50 {
		a.t.Set(a.s, Time(101+i)) // postponed fifty times: one queue entry
	}
	if n := a.s.Pending(); n != 1 {
		t.Errorf("%d queue entries for one timer, want 1", n)
	}
	a.s.Run(Never, 1000)
	if len(a.fired) != 1 || a.fired[0] != 150 {
		t.Errorf("fired at %v, want once at 150 ns", a.fired)
	}
}

func TestTimerEarlierAndStopped(t *testing.T) {
	a, _ := newAlarm()
	a.t.Set(a.s, 100)
	a.t.Set(a.s, 40)
	a.s.Run(60, 1000)
	if len(a.fired) != 1 || a.fired[0] != 40 {
		t.Fatalf("fired at %v, want 40 ns", a.fired)
	}
	a.t.Set(a.s, 100) // the first entry for 100 is still queued and must not count
	a.t.Set(a.s, Never)
	a.s.Run(Never, 1000)
	if len(a.fired) != 1 {
		t.Errorf("a stopped timer fired at %v", a.fired[1:])
	}
}

// TestTimerFiresAtItsDeadlineAndKey compares the lazy timer with the plainest
// model: the deadline and key set last, nothing else.
func TestTimerFiresAtItsDeadlineAndKey(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, o := newAlarm()
		n := rapid.IntRange(1, 30).Draw(rt, "n")
		at := Time(0)
		var wantAt []Time
		var wantKey []Key
		deadline, key := Never, Key(0)
		for range n {
			at += Time(rapid.IntRange(0, 6).Draw(rt, "gap"))
			set := Never
			if rapid.IntRange(0, 5).Draw(rt, "kind") > 0 {
				set = at + Time(rapid.IntRange(0, 12).Draw(rt, "delay"))
			}
			a.steps = append(a.steps, func(a *alarm) {
				// What the model expects up to this step. A timer due now but with
				// a later key than this event has not fired yet.
				if deadline < a.s.Now() || (deadline == a.s.Now() && key < a.s.CurrentKey()) {
					wantAt, wantKey = append(wantAt, deadline), append(wantKey, key)
					deadline = Never
				}
				a.t.Set(a.s, set)
				if a.t.Deadline() != deadline {
					deadline = a.t.Deadline()
					key = a.t.key
				}
			})
			a.s.Schedule(at, a.s.NextKey(o), 0, 1)
		}
		a.s.Run(Never, 10000)
		if deadline != Never {
			wantAt, wantKey = append(wantAt, deadline), append(wantKey, key)
		}
		if len(a.fired) != len(wantAt) {
			rt.Fatalf("fired at %v, want %v", a.fired, wantAt)
		}
		for i := range wantAt {
			if a.fired[i] != wantAt[i] || a.keys[i] != wantKey[i] {
				rt.Fatalf("firing %d at %v key %x, want %v key %x", i, a.fired[i], a.keys[i], wantAt[i], wantKey[i])
			}
		}
	})
}
