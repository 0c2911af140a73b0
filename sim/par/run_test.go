package par

import (
	"fmt"
	"slices"
	"testing"

	"mpsim/sim"
)

// toy is a part of a model in which every event causes others, some of them in other
// parts, a lookahead later at least: the PHOLD of Fujimoto ("Performance of Time Warp
// under synthetic workloads", 1990).
type toy struct {
	s       *sim.Sim
	all     []*toy
	number  int
	origins int // of all parts together; part p has those that are p modulo parts
	handler sim.HandlerID
	out     [2][][]message
	parity  int
	first   sim.Time
	log     [][]string // by origin
	fails   sim.Time   // when it panics; 0: never
}

type message struct {
	at  sim.Time
	key sim.Key
	to  uint32
}

const toyAhead = 100

func newToys(parts, origins int) (all []*toy, engine []Part) {
	for p := range parts {
		t := &toy{s: sim.New(1, 0), number: p, origins: origins, log: make([][]string, origins+1)}
		t.handler = t.s.Register(t)
		t.out = [2][][]message{make([][]message, parts), make([][]message, parts)}
		for o := range origins {
			id := t.s.AddOrigin(fmt.Sprint(o))
			for k := range 3 {
				t.s.Schedule(sim.Time(7*o+k), t.s.NextKey(id), t.handler, uint32(id))
			}
		}
		t.s.Keep(func(o sim.NodeID) bool { return int(o)%parts == p })
		all = append(all, t)
		engine = append(engine, t)
	}
	for _, t := range all {
		t.all = all
	}
	return all, engine
}

// OnEvent is an event at origin arg: it causes one at an origin that depends on when
// and where it happens.
func (t *toy) OnEvent(now sim.Time, arg uint64) {
	if t.fails != 0 && now >= t.fails {
		panic(fmt.Sprint("part ", t.number, " fails"))
	}
	t.log[arg] = append(t.log[arg], fmt.Sprint(now, t.s.CurrentKey()))
	h := sim.NewRand(uint64(now), arg, "toy").Uint64()
	m := message{now + toyAhead + sim.Time(h%1000), t.s.NextKey(sim.NodeID(arg)), uint32(h>>32)%uint32(t.origins) + 1}
	if to := int(m.to) % len(t.all); to != t.number {
		t.out[t.parity][to] = append(t.out[t.parity][to], m)
		t.first = min(t.first, m.at)
		return
	}
	t.s.Schedule(m.at, m.key, t.handler, m.to)
}

func (t *toy) Window(number uint64, before sim.Time, most uint64) sim.Time {
	t.parity, t.first = int(number&1), sim.Never
	for i := range t.out[t.parity] {
		t.out[t.parity][i] = t.out[t.parity][i][:0]
	}
	t.s.Run(before-1, most)
	return t.first
}

func (t *toy) Take(number uint64) {
	for _, from := range t.all {
		if from == t {
			continue
		}
		for _, m := range from.out[number&1][t.number] {
			t.s.Schedule(m.at, m.key, t.handler, m.to)
		}
	}
}

func (t *toy) Next() (sim.Time, sim.Key) { return t.s.Next() }
func (t *toy) Events() uint64            { return t.s.Events() }
func (t *toy) Now() (sim.Time, sim.Key)  { return t.s.Now(), t.s.CurrentKey() }

// logs returns what happened at each origin, in order.
func logs(all []*toy) (out []string) {
	for o := range all[0].log {
		for _, t := range all {
			out = append(out, t.log[o]...)
		}
	}
	return out
}

func events(all []*toy) (sum uint64) {
	for _, t := range all {
		sum += t.s.Events()
	}
	return sum
}

// However many parts there are, and however often they rest, the same happens in the
// same order at every origin.
func TestPartsAgree(t *testing.T) {
	one, _ := newToys(1, 12)
	one[0].s.Run(50_000, 1e9)
	want := logs(one)
	for parts := range 5 {
		for _, pause := range []sim.Time{50_000, 777} {
			all, engine := newToys(parts+1, 12)
			r := New(engine, toyAhead)
			for at := sim.Time(0); at < 50_000; {
				at = min(at+pause, 50_000)
				if stop, f := r.Until(at, 1e9); stop != sim.Deadline || f != nil {
					t.Fatalf("%v, %v at %v", stop, f, at)
				}
				for _, p := range all {
					p.s.Advance(at)
				}
			}
			if !slices.Equal(logs(all), want) {
				t.Errorf("%d parts with pauses of %v differ", parts+1, pause)
			}
			if pause == 50_000 && (r.Windows < 300 || r.Windows > 500) {
				t.Errorf("%d windows of %v in %v", r.Windows, toyAhead, pause)
			}
		}
	}
}

// A budget ends a run behind the window in which it is spent, or, if asked for, behind
// the very event.
func TestBudget(t *testing.T) {
	all, engine := newToys(3, 12)
	r := New(engine, toyAhead)
	if stop, f := r.Until(1e6, 1000); stop != sim.Budget || f != nil || events(all) < 1000 || events(all) > 1000+r.Largest() {
		t.Fatalf("%v, %v after %d events", stop, f, events(all))
	}
	before := events(all)
	if stop, f := r.Exactly(1e6, 777); stop != sim.Budget || f != nil || events(all) != before+777 {
		t.Fatalf("%v, %v after %d events", stop, f, events(all)-before)
	}
	one, _ := newToys(1, 12)
	one[0].s.Run(1e6, events(all))
	if !slices.Equal(logs(all), logs(one)) {
		t.Error("not the same events as of one part")
	}
	if stop, _ := r.Exactly(sim.Time(one[0].s.Now()), 1e6); stop != sim.Deadline {
		t.Errorf("%v at the end", stop)
	}
}

// A panic in a part ends the run with the value; of two, the earlier counts.
func TestFailure(t *testing.T) {
	all, engine := newToys(3, 12)
	all[1].fails, all[2].fails = 20_010, 20_000
	_, f := New(engine, toyAhead).Until(1e6, 1e9)
	if f == nil || f.Part != 2 && all[2].s.Now() < all[1].s.Now() || f.Value != fmt.Sprint("part ", f.Part, " fails") || len(f.Stack) == 0 {
		t.Errorf("failure %+v", f)
	}
	if now := all[f.Part].s.Now(); now < 20_000 || now > 21_200 {
		t.Errorf("failed at %v", now)
	}
}

// A part that has nothing to do does not stop the others, and a run whose parts have
// nothing to do ends.
func TestIdle(t *testing.T) {
	all, engine := newToys(2, 2)
	for _, p := range all {
		p.s.Keep(func(sim.NodeID) bool { return false })
	}
	if stop, f := New(engine, toyAhead).Until(1e6, 1e9); stop != sim.Idle || f != nil {
		t.Errorf("%v, %v", stop, f)
	}
}
