package scenarios

import (
	"fmt"
	"runtime/debug"
	"strings"

	"mpsim/internal/script"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// pollEvery is how many events are executed between two calls of poll: a few
// milliseconds of real time.
const pollEvery = 1 << 15

// Run lets time pass until the given time, until maxEvents events were executed
// (0: any number), or until poll returns false. Poll may be nil; it is called
// every few milliseconds of real time. The stop is sim.Deadline when the end was
// reached, sim.Budget for the limit of events and sim.Halted for poll. A broken
// invariant is a *BugError, a script that fails a *ScriptError.
func (w *World) Run(until sim.Time, maxEvents uint64, poll func(now sim.Time, events uint64) bool) (stop sim.Stop, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *script.Error:
			err = &ScriptError{Script: r, Time: w.sim.Now(), Node: w.sim.OriginName(w.sim.CurrentKey().Origin())}
		default:
			err = w.bug(r, debug.Stack())
		}
	}()
	if maxEvents == 0 {
		maxEvents = ^uint64(0)
	}
	if w.parted != nil {
		return w.parted.run(until, maxEvents, poll)
	}
	for {
		used := w.sim.Events()
		if used >= maxEvents {
			return sim.Budget, nil
		}
		stop = w.sim.Run(until, min(pollEvery, maxEvents-used))
		if stop == sim.Idle { // nothing more can happen before the end
			stop = sim.Deadline
		}
		if stop != sim.Budget {
			return stop, nil
		}
		if poll != nil && !poll(w.sim.Now(), w.sim.Events()) {
			return sim.Halted, nil
		}
	}
}

// RunToEnd runs the scenario for its duration.
func (w *World) RunToEnd() error {
	_, err := w.Run(w.sc.Duration.Time(), 0, nil)
	return err
}

// BugError is a broken invariant: a defect of mpsim or of a plug-in.
type BugError struct {
	Message  string
	Time     sim.Time
	Node     string // whose event was being executed
	Last     []trace.Record
	NodeName func(node uint32) string
	Replay   string // command that runs into it again
	Stack    string
}

// bug describes a panic.
func (w *World) bug(r any, stack []byte) *BugError {
	b := &BugError{
		Message: fmt.Sprint(r), Time: w.sim.Now(), Node: w.sim.OriginName(w.sim.CurrentKey().Origin()),
		Last: w.trace.Last(), NodeName: w.trace.NodeName, Replay: w.replay(), Stack: string(stack),
	}
	if known, ok := r.(*sim.Bug); ok {
		b.Message = known.Message
	}
	return b
}

// replay is the command that repeats the run.
func (w *World) replay() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mpsim run %s --seed %d", w.sc.path, w.run.Seed)
	for _, s := range w.sc.set {
		fmt.Fprintf(&b, " --set '%s'", s)
	}
	if w.run.DataDir != "" {
		fmt.Fprintf(&b, " --data %s", w.run.DataDir)
	}
	if w.run.Replication != 0 {
		fmt.Fprintf(&b, " (replication %d)", w.run.Replication)
	}
	return b.String()
}

// Error returns several lines: what, when, where, the last records, how to
// replay it, and the stack.
func (b *BugError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "broken invariant at %v in node %q: %s\n", b.Time, b.Node, b.Message)
	fmt.Fprintf(&s, "replay: %s\n", b.Replay)
	if len(b.Last) > 0 {
		fmt.Fprintf(&s, "last %d records:\n", len(b.Last))
	}
	for i := range b.Last {
		r := &b.Last[i]
		fmt.Fprintf(&s, "  %v %s conn=%d flow=%d %v", r.At, b.NodeName(r.Node), r.Conn, r.Flow, r.Kind)
		if r.Why != trace.NoReason {
			fmt.Fprintf(&s, " %v", r.Why)
		}
		for k, name := range r.Kind.Fields() {
			if name != "" {
				fmt.Fprintf(&s, " %s=%d", name, [...]int64{r.A, r.B, r.C, r.D, r.E}[k])
			}
		}
		s.WriteByte('\n')
	}
	s.WriteString(b.Stack)
	return strings.TrimRight(s.String(), "\n")
}
