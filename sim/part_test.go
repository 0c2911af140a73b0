package sim

import (
	"slices"
	"testing"
)

// Keep drops the events of other origins, both of packets and of deadlines, and leaves
// the others in their order.
func TestKeep(t *testing.T) {
	s := New(1, 0)
	r := &recorder{s: s}
	h := s.Register(r)
	mine, other := s.AddOrigin("mine"), s.AddOrigin("other")
	var timers [4]Timer
	for i := range uint32(200) { // more than the ring holds
		origin := mine
		if i%3 == 0 {
			origin = other
		}
		s.Schedule(Time(1000-i), s.NextKey(origin), h, i)
	}
	for i := range timers {
		timers[i].Init([...]NodeID{mine, other}[i%2], h, uint32(1000+i))
		timers[i].Set(s, Time(900+i))
	}
	s.Keep(func(o NodeID) bool { return o == mine })
	if at, key := s.Next(); at != 1000-199 || key.Origin() != mine {
		t.Errorf("the next event is at %v, of origin %d", at, key.Origin())
	}
	var want []uint64
	for i := 199; i >= 0; i-- {
		if 1000-i == 900 || 1000-i == 902 {
			want = append(want, uint64(1000+(1000-i-900)))
		}
		if i%3 != 0 {
			want = append(want, uint64(i))
		}
	}
	s.Run(2000, 1e6)
	slices.Sort(want)
	slices.Sort(r.args)
	if !slices.Equal(r.args, want) {
		t.Errorf("carried out %d events, want %d", len(r.args), len(want))
	}
	if at, _ := s.Next(); at != Never || s.Taken(mine) == 0 {
		t.Errorf("an event is left at %v; %d numbers taken", at, s.Taken(mine))
	}
	s.Advance(3000)
	if s.Now() != 3000 {
		t.Errorf("the clock shows %v", s.Now())
	}
}

// The clock does not jump over an event.
func TestAdvanceKeepsEvents(t *testing.T) {
	s := New(1, 0)
	s.Schedule(10, s.NextKey(s.AddOrigin("a")), s.Register(&recorder{s: s}), 0)
	defer func() {
		if recover() == nil {
			t.Error("the clock went past an event")
		}
	}()
	s.Advance(10)
	s.Advance(11)
}
