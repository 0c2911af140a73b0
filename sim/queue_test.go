package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// recorder notes the order in which its events arrive.
type recorder struct {
	s    *Sim
	args []uint64
	keys []Key
}

func (r *recorder) OnEvent(_ Time, arg uint64) {
	r.args = append(r.args, arg)
	r.keys = append(r.keys, r.s.CurrentKey())
}

func TestOrderIsTimeThenOriginThenNumber(t *testing.T) {
	s := New(1, 0)
	r := &recorder{s: s}
	h := s.Register(r)
	a, b := s.AddOrigin("a"), s.AddOrigin("b")
	kb1 := s.NextKey(b)
	ka1, ka2 := s.NextKey(a), s.NextKey(a)
	// Queued in an order that has nothing to do with the law.
	s.Schedule(7, ka2, h, 3)
	s.Schedule(7, kb1, h, 4)
	s.Schedule(5, kb1, h, 0)
	s.Schedule(7, ka1, h, 2)
	s.Schedule(7, s.NextKey(Observer), h, 5)
	s.Schedule(7, s.NextKey(Scenario), h, 1)
	if why := s.Run(Never, 100); why != Idle {
		t.Fatalf("Run = %v, want Idle", why)
	}
	if want := []uint64{0, 1, 2, 3, 4, 5}; !slices.Equal(r.args, want) {
		t.Errorf("order %v, want %v", r.args, want)
	}
	if s.Events() != 5 {
		t.Errorf("%d events counted, want 5: the observer's does not count", s.Events())
	}
}

// chatter schedules further events from within events, so that the hole at the
// root is filled, closed and left open in all combinations.
type chatter struct {
	s       *Sim
	h       HandlerID
	origin  NodeID
	plan    []uint8
	last    Time
	lastKey Key
	bad     bool
	seen    int
	pushed  int
}

func (c *chatter) OnEvent(now Time, _ uint64) {
	if now < c.last || (now == c.last && c.s.CurrentKey() <= c.lastKey) {
		c.bad = true
	}
	c.last, c.lastKey = now, c.s.CurrentKey()
	c.seen++
	c.push()
}

func (c *chatter) push() {
	for n := 3; n > 0 && len(c.plan) > 0; n-- {
		step := c.plan[0]
		c.plan = c.plan[1:]
		if step&1 == 0 {
			return
		}
		c.pushed++
		c.s.Schedule(c.s.Now()+Time(step>>1), c.s.NextKey(c.origin), c.h, 0)
	}
}

func TestQueueReturnsEveryEventInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := New(1, 0)
		c := &chatter{s: s, origin: s.AddOrigin("a"), last: -1}
		c.h = s.Register(c)
		c.plan = rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "plan")
		n := rapid.IntRange(1, 40).Draw(rt, "start")
		for range n {
			s.Schedule(Time(rapid.IntRange(0, 50).Draw(rt, "at")), s.NextKey(c.origin), c.h, 0)
		}
		s.Run(Never, ^uint64(0))
		if c.bad {
			rt.Fatal("events out of order")
		}
		if c.seen != n+c.pushed || s.Pending() != 0 {
			rt.Fatalf("%d events seen of %d, %d pending", c.seen, n+c.pushed, s.Pending())
		}
	})
}

func TestRunStops(t *testing.T) {
	s := New(1, 0)
	r := &recorder{s: s}
	h := s.Register(r)
	a := s.AddOrigin("a")
	for i := range 5 {
		s.Schedule(Time(10*i), s.NextKey(a), h, uint32(i))
	}
	if why := s.Run(20, 2); why != Budget || len(r.args) != 2 {
		t.Errorf("Run = %v after %d events, want Budget after 2", why, len(r.args))
	}
	if why := s.Run(20, 100); why != Deadline || len(r.args) != 3 || s.Now() != 20 {
		t.Errorf("Run = %v at %v after %d events, want Deadline at 20 ns after 3", why, s.Now(), len(r.args))
	}
	if why := s.Run(Never, 100); why != Idle || len(r.args) != 5 {
		t.Errorf("Run = %v after %d events, want Idle after 5", why, len(r.args))
	}
}

func TestSchedulingInThePastIsABug(t *testing.T) {
	defer func() {
		if _, ok := recover().(*Bug); !ok {
			t.Error("no Bug for an event before now")
		}
	}()
	s := New(1, 0)
	r := &recorder{s: s}
	h := s.Register(r)
	a := s.AddOrigin("a")
	s.Schedule(10, s.NextKey(a), h, 0)
	s.Run(Never, 1)
	s.Schedule(9, s.NextKey(a), h, 0)
}

// hold reschedules itself, which is the steady state of every simulation.
type hold struct {
	s      *Sim
	h      HandlerID
	origin NodeID
	step   [256]Time
	n      int
}

func (d *hold) OnEvent(now Time, _ uint64) {
	d.n++
	d.s.Schedule(now+d.step[d.n&255], d.s.NextKey(d.origin), d.h, 0)
}

func newHold(pending int) *hold {
	d := &hold{s: New(1, 0)}
	d.h = d.s.Register(d)
	d.origin = d.s.AddOrigin("a")
	rnd := d.s.Stream("steps")
	for i := range d.step {
		d.step[i] = Time(rnd.IntN(1000) + 1)
	}
	for i := range pending {
		d.s.Schedule(Time(i), d.s.NextKey(d.origin), d.h, 0)
	}
	d.s.Run(Never, uint64(16*pending))
	return d
}

func TestEngineDoesNotAllocate(t *testing.T) {
	d := newHold(1000)
	if n := testing.AllocsPerRun(10, func() { d.s.Run(Never, 1000) }); n != 0 {
		t.Errorf("%v allocations per 1000 events, want 0", n)
	}
}

func BenchmarkEventHold(b *testing.B) {
	for _, pending := range []int{100, 1000, 10000, 100000} {
		b.Run(map[int]string{100: "100", 1000: "1k", 10000: "10k", 100000: "100k"}[pending], func(b *testing.B) {
			d := newHold(pending)
			b.ReportAllocs()
			b.ResetTimer()
			d.s.Run(Never, uint64(b.N))
		})
	}
}
