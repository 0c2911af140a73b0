package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Against a sorted list: whatever is pushed and popped in whatever order, more
// events than the ring holds included, the first one is what comes out. Spreads go
// from many events at one time to so few that the calendar has to become wider, and
// to the end of time.
func TestNearIsASortedList(t *testing.T) {
	var spilled, calendar, beyond, reshaped, ended bool
	rapid.Check(t, func(t *rapid.T) {
		var q near
		q.init()
		m := &sortedList{q: &q}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			spread := int64(1) << rapid.IntRange(0, 40).Draw(t, "spread")
			for range rapid.IntRange(0, 4*frontSize).Draw(t, "pushes") {
				// As everything that is scheduled, no earlier than what is executed.
				m.push(m.now + Time(rapid.Int64Range(0, spread).Draw(t, "delay")))
				spilled = spilled || q.far.len() > 0
				calendar = calendar || q.cal.n > 0
				beyond = beyond || q.cal.beyond.len() > 0
			}
			if rapid.IntRange(0, 9).Draw(t, "far") == 0 {
				m.push(Never - 1)
			}
			used := q.edge != Never
			for range rapid.IntRange(0, 4*frontSize).Draw(t, "pops") {
				if !m.pop(t) {
					break
				}
			}
			ended = ended || used && q.edge == Never
			if q.cal.heads != nil && rapid.Bool().Draw(t, "reshape") {
				shift := uint(rapid.IntRange(0, 30).Draw(t, "shift"))
				reshaped = true
				q.cal.emptied = reviewEvery // take asks for a review
				q.cal.taken, q.cal.late = reviewEvery, 0
				if shift > q.cal.shift {
					q.cal.late = reviewEvery
				} else if shift < q.cal.shift {
					q.cal.taken = 5 * reviewEvery
				}
			}
		}
		for m.pop(t) {
		}
	})
	if !spilled || !calendar || !beyond || !reshaped || !ended {
		t.Errorf("heap %v, calendar %v, heap behind it %v, reshaped %v, end of the calendar %v: want all",
			spilled, calendar, beyond, reshaped, ended)
	}
}

// sortedList is what near has to be equal to.
type sortedList struct {
	q    *near
	want []event
	key  Key
	now  Time
}

func inOrder(a, b event) int {
	switch {
	case a.before(&b):
		return -1
	case b.before(&a):
		return 1
	}
	return 0
}

func (m *sortedList) push(at Time) {
	m.key++
	e := event{at: at, key: m.key, arg: uint32(m.key)}
	m.q.push(e)
	i, _ := slices.BinarySearchFunc(m.want, e, inOrder)
	m.want = slices.Insert(m.want, i, e)
}

func (m *sortedList) pop(t *rapid.T) bool {
	e := m.q.peek()
	if m.q.len() != len(m.want) {
		t.Fatalf("%d events, want %d", m.q.len(), len(m.want))
	}
	if e == nil {
		return false
	}
	if *e != m.want[0] {
		t.Fatalf("first is %+v, want %+v", *e, m.want[0])
	}
	m.now = min(e.at, Never-2-1<<40)
	m.q.pop()
	m.want = m.want[1:]
	return true
}

// A calendar whose width or length does not suit the events takes another shape: of
// a thousand events that are always pending nearly all go through buckets that hold
// a few of them.
func TestCalendarSuitsItsEvents(t *testing.T) {
	for _, spread := range []Time{1, 1e3, 1e6, 1e9} {
		var q near
		q.init()
		rnd := New(1, 0).Stream("steps")
		push := func(now Time) { q.push(event{at: now + 1 + Time(rnd.IntN(uint64(1000*spread))), key: 1}) }
		for range 64 {
			push(0)
		}
		q.peek()
		for range 1000 {
			push(0)
		}
		var taken, emptied, late int
		for i := range 200_000 {
			e := q.peek()
			now := e.at
			q.pop()
			push(now)
			if c := &q.cal; i == 100_000 {
				c.taken, c.emptied, c.late = 0, 0, 0
			} else if i > 100_000 && c.emptied >= reviewEvery/2 {
				taken, emptied, late = c.taken, c.emptied, c.late
			}
		}
		if emptied == 0 || taken > (mostInBucket+1)*emptied || late > taken/3 {
			t.Errorf("spread %d: %d events in %d buckets, %d behind all of them", spread, taken, emptied, late)
		}
	}
}
