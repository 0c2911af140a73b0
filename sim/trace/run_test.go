package trace

import (
	"testing"

	"mpsim/sim"
)

// build makes a run of the named nodes and lets each emit the same records.
func build(names ...string) *Run {
	r := &Run{}
	for _, name := range names {
		n := r.AddNode(name)
		if name == "idle" {
			continue
		}
		for i := range 10 {
			n.Emit(&Record{At: sim.Time(i), Kind: Grant, A: int64(i)})
		}
	}
	return r
}

func TestHashIgnoresOrderAndIdleNodes(t *testing.T) {
	want := build("a", "b").Hash()
	for _, r := range []*Run{build("b", "a"), build("idle", "a", "b"), build("a", "idle", "b")} {
		if r.Hash() != want {
			t.Error("the hash depends on construction order or on an idle node")
		}
	}
	if build("a", "c").Hash() == want || build("a").Hash() == want {
		t.Error("the hash does not depend on which nodes recorded")
	}
}

func TestEveryHashedFieldMatters(t *testing.T) {
	base := Record{At: 1, Kind: RTO, Why: Timeout, Conn: 2, Flow: 3, A: 4, B: 5, C: 6, D: 7, E: 8}
	hash := func(r Record) Hash {
		run := &Run{}
		run.AddNode("n").Emit(&r)
		return run.Hash()
	}
	want := hash(base)
	for i, change := range []func(*Record){
		func(r *Record) { r.At++ }, func(r *Record) { r.Kind++ }, func(r *Record) { r.Why++ },
		func(r *Record) { r.Conn++ }, func(r *Record) { r.Flow++ }, func(r *Record) { r.A++ },
		func(r *Record) { r.B++ }, func(r *Record) { r.C++ }, func(r *Record) { r.D++ },
		func(r *Record) { r.E++ },
	} {
		r := base
		change(&r)
		if hash(r) == want {
			t.Errorf("change %d of the record leaves the hash", i)
		}
	}
	moved := base
	moved.Node = 99
	if hash(moved) != want {
		t.Error("the node's number enters the hash")
	}
}

func TestChainDistinguishesOrderAndSurvivesZeroFactors(t *testing.T) {
	var a, b, z Chain
	a.Fold(1, 2)
	a.Fold(3, 4)
	b.Fold(3, 4)
	b.Fold(1, 2)
	if a == b {
		t.Error("the chain does not depend on order")
	}
	// The words that make the first factor zero must not erase the state.
	seen := map[Chain]bool{}
	for i := range uint64(1000) {
		c := Chain{lo: i, hi: i * 7}
		c.Fold(i^k0, 5)
		if seen[c] {
			t.Fatal("two states became one through a zero factor")
		}
		seen[c] = true
	}
	z.Fold(0, 0)
	if z == (Chain{}) {
		t.Error("folding zeros leaves the chain empty")
	}
}

type counter struct{ n [64]int }

func (c *counter) Emit(r *Record) { c.n[r.Kind]++ }

func TestSinksGetTheKindsTheyWantAndChangeNothing(t *testing.T) {
	want := build("a").Hash()
	r := &Run{}
	n := r.AddNode("a")
	var c counter
	r.Subscribe(Set(Grant), &c)
	late := r.AddNode("late")
	for i := range 10 {
		n.Emit(&Record{At: sim.Time(i), Kind: Grant, A: int64(i)})
	}
	if r.Hash() != want {
		t.Error("a sink changes the hash")
	}
	if !late.Wants(Grant) {
		t.Error("a node declared after Subscribe is not observed")
	}
	if c.n[Grant] != 10 || n.Wants(RTO) {
		t.Errorf("the sink got %d grants, want 10 and nothing else", c.n[Grant])
	}
}

func TestLastKeepsTheNewestRecords(t *testing.T) {
	r := &Run{}
	n := r.AddNode("a")
	for i := range 3 * recent {
		n.Emit(&Record{At: sim.Time(i), Kind: RTO})
	}
	last := r.Last()
	if len(last) != recent || last[0].At != 2*recent || last[recent-1].At != 3*recent-1 {
		t.Errorf("%d records from %v to %v", len(last), last[0].At, last[len(last)-1].At)
	}
}

func TestEveryKindAndReasonHasAName(t *testing.T) {
	names := map[string]bool{}
	for k := range Kinds() {
		s := Kind(k).String()
		if s == "" || names[s] {
			t.Errorf("kind %d is named %q", k, s)
		}
		names[s] = true
	}
	for r := NoReason + 1; r < numReasons; r++ {
		if s := r.String(); s == "" || names[s] {
			t.Errorf("reason %d is named %q", r, s)
		}
	}
	if Kinds() > 64 {
		t.Error("more kinds than a KindSet holds")
	}
}

func BenchmarkFold(b *testing.B) {
	var c Chain
	for i := range b.N {
		c.Fold(uint64(i), 1)
	}
}

func BenchmarkEmit(b *testing.B) {
	r := &Run{}
	n := r.AddNode("a")
	for i := range b.N {
		n.Emit(&Record{At: sim.Time(i), Kind: Grant, A: int64(i)})
	}
}
