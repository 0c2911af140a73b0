package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Difference says where two runs first differ, and in which results.
type Difference struct {
	Schema int    `json:"schema"`
	A      Origin `json:"a"`
	B      Origin `json:"b"`
	Equal  bool   `json:"equal"` // the hashes are equal
	// Event is the first event that differs; null if none of those that are recorded
	// does (the hash covers more of a packet).
	Event *EventDifference `json:"event"`
	// Decision is the first decision of the scheduler that differs: which data goes to
	// which subflow at which time. Null: none does, or the flow is not MPTCP in one of
	// the runs.
	Decision *DecisionDifference `json:"decision"`
	// Grant is the first grant that differs, of runs that are compared as recorded.
	Grant   *GrantDifference        `json:"grant,omitempty"`
	Setup   []results.SettingChange `json:"setup"`
	Metrics []results.Change        `json:"metrics"`
}

// EventDifference is where the records of two runs part. Records are as in
// events.jsonl.
type EventDifference struct {
	At     sim.Time          `json:"time_ns"`
	Number uint64            `json:"number"` // of the records before that are equal
	Before []json.RawMessage `json:"before"` // the last of those
	A      []json.RawMessage `json:"a"`      // what follows; empty: the run ends
	B      []json.RawMessage `json:"b"`
}

// DecisionDifference is the first decision at which two schedulers differ.
type DecisionDifference struct {
	At   sim.Time `json:"time_ns"`
	Flow string   `json:"flow"`
	// Bytes is how much data, copies included, both gave to the same subflows at the
	// same times before.
	Bytes uint64 `json:"bytes"`
	// SameState: both saw the same, but for what they had granted at the same instant,
	// so that the difference is the schedulers'.
	SameState bool `json:"same_state"`
	// A and B are the answers of both; null: it was not asked any more.
	A        *Decision `json:"a"`
	B        *Decision `json:"b"`
	Sentence string    `json:"sentence"`
}

// context is how many records before and after a difference are shown.
const contextRecords = 5

// Diff compares two runs; flow names the one whose decisions are compared ("": the
// first over MPTCP).
func Diff(ctx context.Context, a, b *Run, flow string) (*Difference, error) {
	d := &comparison{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, r := range []*Run{a, b} {
		s := &d.sides[i]
		s.run = r
		s.tape = &tape{flow: flow, out: make(chan []item, 4), enough: &d.enough}
		go s.play(ctx)
	}
	d.compare()
	d.enough.Store(true)
	var first error
	for i := range d.sides {
		s := &d.sides[i]
		for range s.tape.out { // what is on its way
		}
		if s.err != nil && (first == nil || first == ErrInterrupted) {
			first = s.err
		}
		if s.err != nil {
			cancel()
		}
	}
	if first != nil {
		return nil, first
	}
	return d.difference(), nil
}

// side is one of the two runs.
type side struct {
	run     *Run
	tape    *tape
	outcome *execute.Outcome
	err     error

	seen    sim.Time // of the last item
	ended   bool
	records []trace.Record // not compared yet
	grants  []given        // not compared yet
	recent  []*Decision    // all, the last ones
}

// play carries the run out; the tape's end is the end of it.
func (s *side) play(ctx context.Context) {
	defer close(s.tape.out)
	if s.outcome, s.err = s.run.execute(ctx, s.tape.attach); s.err == nil {
		s.tape.flush()
	}
}

// pull takes the next items from the tape.
func (s *side) pull() {
	batch, ok := <-s.tape.out
	if !ok {
		s.ended, s.seen = true, sim.Never
		return
	}
	for i := range batch {
		x := &batch[i]
		s.seen = x.at()
		switch {
		case x.decision == nil:
			s.records = append(s.records, x.record)
		default:
			s.recent = append(s.recent, x.decision)
			for _, g := range x.decision.Grants {
				s.grants = append(s.grants, given{x.decision, g})
			}
		}
	}
}

// comparison reads two tapes side by side.
type comparison struct {
	sides  [2]side
	enough atomic.Bool

	equalRecords, equalBytes uint64
	before                   []trace.Record
	eventFound, grantFound   bool
	grantAt                  sim.Time
}

// compare reads until both differences are found with their context, or the runs
// end.
func (d *comparison) compare() {
	a, b := &d.sides[0], &d.sides[1]
	for !(a.ended && b.ended) {
		if a.seen <= b.seen && !a.ended || b.ended {
			a.pull()
		} else {
			b.pull()
		}
		d.compareRecords(a, b)
		d.compareGrants(a, b)
		if d.done() {
			return
		}
	}
}

// done reports whether nothing more is wanted from the tapes.
func (d *comparison) done() bool {
	if !d.eventFound || !d.grantFound {
		return false
	}
	for i := range d.sides {
		s := &d.sides[i]
		if !s.ended && (len(s.records) <= contextRecords || s.seen <= d.grantAt) {
			return false
		}
	}
	return true
}

func (d *comparison) compareRecords(a, b *side) {
	n := 0
	for !d.eventFound && n < len(a.records) && n < len(b.records) {
		if !sameEvent(&a.records[n], &b.records[n], a.tape, b.tape) {
			d.eventFound = true
			break
		}
		n++
	}
	if n > 0 {
		d.equalRecords += uint64(n)
		d.before = append(d.before, a.records[max(0, n-contextRecords):n]...)
		d.before = d.before[max(0, len(d.before)-contextRecords):]
		a.records, b.records = a.records[n:], b.records[n:]
	}
	if !d.eventFound {
		d.eventFound = missing(a, b, len(a.records), len(b.records), func(s *side) sim.Time { return s.records[0].At })
	}
	if d.eventFound {
		for _, s := range []*side{a, b} {
			s.records = s.records[:min(len(s.records), contextRecords+1)]
		}
	}
}

// missing reports whether one side has something that the other one cannot have any
// more, because it has got beyond that time or has ended.
func missing(a, b *side, inA, inB int, at func(*side) sim.Time) bool {
	switch {
	case inA > 0 && inB == 0:
		return b.seen > at(a)
	case inB > 0 && inA == 0:
		return a.seen > at(b)
	}
	return false
}

func (d *comparison) compareGrants(a, b *side) {
	n, m := 0, 0
	for !d.grantFound && n < len(a.grants) && m < len(b.grants) {
		x, y := &a.grants[n], &b.grants[m]
		k := common(x, y)
		if k == 0 {
			d.grantFound, d.grantAt = true, min(x.by.At, y.by.At)
			break
		}
		d.equalBytes += uint64(k)
		x.take(k)
		y.take(k)
		if x.Len == 0 {
			n++
		}
		if y.Len == 0 {
			m++
		}
	}
	a.grants, b.grants = a.grants[n:], b.grants[m:]
	if !d.grantFound && missing(a, b, len(a.grants), len(b.grants), func(s *side) sim.Time { return s.grants[0].by.At }) {
		d.grantFound = true
		for _, s := range []*side{a, b} {
			if len(s.grants) > 0 {
				d.grantAt = s.grants[0].by.At
			}
		}
	}
	if !d.grantFound {
		// Of what is equal on both sides only the last answers may still be asked for.
		low := min(a.seen, b.seen)
		for _, s := range []*side{a, b} {
			for len(s.recent) > 2*batchSize && s.recent[0].At < low {
				s.recent = s.recent[batchSize:]
			}
		}
	}
}

// answer returns what a side decided at the difference: its grant if it made that
// first, else its last answer at or before then.
func (d *comparison) answer(s *side) *Decision {
	if len(s.grants) > 0 && s.grants[0].by.At == d.grantAt {
		return s.grants[0].by
	}
	for i := len(s.recent) - 1; i >= 0; i-- {
		if x := s.recent[i]; x.At <= d.grantAt {
			return x
		}
	}
	return nil
}

// difference puts together what was found.
func (d *comparison) difference() *Difference {
	a, b := &d.sides[0], &d.sides[1]
	out := &Difference{Schema: 1, A: a.run.origin(a.outcome), B: b.run.origin(b.outcome)}
	out.Equal = out.A.Hash == out.B.Hash
	out.Setup = results.CompareSetup(&a.outcome.Summary, &b.outcome.Summary)
	out.Metrics = results.Compare(&a.outcome.Summary, &b.outcome.Summary)
	if d.eventFound {
		e := &EventDifference{Number: d.equalRecords, At: sim.Never}
		e.Before = lines(a.tape, d.before)
		e.A, e.B = lines(a.tape, a.records), lines(b.tape, b.records)
		for _, s := range []*side{a, b} {
			if len(s.records) > 0 {
				e.At = min(e.At, s.records[0].At)
			}
		}
		out.Event = e
	}
	if d.grantFound && a.tape.conn != nil && b.tape.conn != nil {
		x := &DecisionDifference{At: d.grantAt, Flow: a.tape.conn.Flow, Bytes: d.equalBytes, A: d.answer(a), B: d.answer(b)}
		for _, s := range []*side{a, b} {
			if g := d.answer(s); g != nil {
				names := newNaming(s.tape.world, s.tape.conn)
				l := &log{conn: s.tape.conn}
				g.name(l.idsOf(names, s.tape.sender()), names.over)
			}
		}
		x.SameState = x.A != nil && x.B != nil && sameState(x.A, x.B)
		x.Sentence = parted(x, a.tape.conn.Scheduler, b.tape.conn.Scheduler)
		out.Decision = x
	}
	return out
}

// lines are records as event logs have them.
func lines(t *tape, records []trace.Record) []json.RawMessage {
	var b bytes.Buffer
	e := results.NewEvents(&b, execute.NewNamer(t.world))
	for i := range records {
		e.Emit(&records[i])
	}
	_ = e.Flush() // a buffer takes everything
	out := []json.RawMessage{}
	for line := range bytes.Lines(b.Bytes()) {
		out = append(out, bytes.TrimSpace(line))
	}
	return out
}

// parted says in words how two schedulers differ.
func parted(x *DecisionDifference, a, b string) string {
	if a == b {
		a, b = "A", "B"
	}
	s := fmt.Sprintf("At %v s %s %s; %s %s.", x.At.Seconds(), a, answered(x.A, x.At), b, answered(x.B, x.At))
	if x.SameState {
		return s + " Both saw the same state, but for what they had granted at that instant."
	}
	return s + " They did not see the same state, so that something differed before."
}

func answered(d *Decision, at sim.Time) string {
	switch {
	case d == nil:
		return "was not asked yet"
	case d.Waits() && d.At == at:
		return "waits (" + orNone(d.Why) + ")"
	case d.Waits():
		return fmt.Sprintf("has waited since %v s (%s)", d.At.Seconds(), orNone(d.Why))
	case d.At < at:
		g := &d.Grants[0]
		return fmt.Sprintf("was not asked since it granted %s data [%d, %d) to subflow %d at %v s", g.Kind, g.DSN, g.DSN+uint64(g.Len), g.Subflow, d.At.Seconds())
	}
	g := &d.Grants[0]
	return fmt.Sprintf("grants %s data [%d, %d) to subflow %d (%s)", g.Kind, g.DSN, g.DSN+uint64(g.Len), g.Subflow, orNone(g.Why))
}

func orNone(why string) string {
	if why == "" {
		return "no reason given"
	}
	return why
}
