package packetdrill

import (
	"fmt"
	"net/netip"
	"runtime/debug"
	"strings"

	"mpsim/sim"
)

// Options say how a script is run.
type Options struct {
	// Strict also compares what the original tool leaves out: DLL and checksum
	// beside an 8-byte DSN, address ids of MP_JOIN, REMOVE_ADDR, echoed
	// timestamps, payload, packets on unknown flows, every segment of a merge, and
	// packets that nobody asked for at the end.
	Strict bool
}

// Failure is a difference between what a script expects and what the system
// under test does.
type Failure struct {
	Pos Pos
	// Line is the source line; Msg what is wrong with it, with expected and actual
	// packet below each other.
	Line, Msg string
}

// Error prints the failure with position, message and source line.
func (f *Failure) Error() string {
	s := f.Pos.String() + ": " + f.Msg
	if f.Line != "" {
		s += "\n    script    " + strings.ReplaceAll(f.Line, "\n", "\n              ")
	}
	return s
}

// Bug is a broken invariant of the system under test, or of this package.
type Bug struct {
	Event *Event // in execution; nil: none
	Cause any
	Stack []byte
}

// Error prints the cause with the line of the script.
func (b *Bug) Error() string {
	where := ""
	if b.Event != nil {
		where = b.Event.Pos.String() + ": "
	}
	return fmt.Sprintf("%s%v\n%s", where, b.Cause, b.Stack)
}

// Run executes a script on a fresh system. It returns nil if everything is as
// the script says, a [*Failure] if not, and an [*Error] if the script could not
// be judged; a broken invariant is a [*Bug]. It closes the system.
func Run(sc *Script, sys System, opt Options) (err error) {
	r := &runner{
		sc: sc, sys: sys, opt: opt,
		names: map[string]*binding{}, keys: map[string]uint64{}, fds: map[int64]int{},
		bindPort: sc.Config.BindPort, port: 39999, peer: sc.Config.Remote.Addr(),
		counters: map[string]uint64{},
	}
	defer func() {
		sys.Close()
		switch v := recover().(type) {
		case nil:
		case bail:
			err = v.err
		case *Failure:
			err = v
		default:
			err = &Bug{Event: r.now, Cause: v, Stack: debug.Stack()}
		}
	}()
	r.run()
	return nil
}

// runner is one execution of a script.
type runner struct {
	sc  *Script
	sys System
	opt Options

	flows    []*flow
	current  *flow // of the last packet line
	names    map[string]*binding
	keys     map[string]uint64
	keyNames []string // in the order in which they were first given
	conns    []*connection

	port     uint16     // last ephemeral port of the script's side
	bindPort uint16     // of the system's listener
	peer     netip.Addr // last address of the script's side
	peerID   uint8      // last address id of the script's side

	fds      map[int64]int // descriptors of the script
	lastFD   int           // of the system: the socket of the last connection
	hasFD    bool
	blocked  *blockedCall
	counters map[string]uint64 // at the last `nstat -n`

	// The time of the last event, to which relative times are added.
	anchor sim.Time
	base   sim.Time // the anchor of the event in execution
	now    *Event   // in execution
}

func (r *runner) eventBase() sim.Time { return r.base }

func (r *runner) run() {
	for _, c := range r.sc.Init {
		r.command(c, nil)
	}
	for _, e := range r.sc.Events {
		r.event(e)
	}
	r.awaitCall()
	if r.opt.Strict {
		r.leftovers()
	}
	for _, c := range r.sc.Cleanup {
		r.command(c, nil)
	}
}

// event executes one event.
func (r *runner) event(e *Event) {
	r.base, r.now = r.anchor, e
	from, to := r.times(e)
	if e.Packet != nil && !e.Packet.Inbound {
		r.expect(e, from, to)
		return
	}
	if now := r.sys.Now(); from < now {
		from = now
	}
	r.sys.Run(from, false)
	r.anchor = from
	switch {
	case e.Packet != nil:
		r.inject(e.Packet)
	case e.Call != nil:
		r.syscall(e, to)
	case e.Command != nil:
		r.command(e.Command, e)
	case e.Code != nil:
		r.code(e)
	}
}

// times returns when an event may happen. A relative time counts from when the
// previous event happened.
func (r *runner) times(e *Event) (from, to sim.Time) {
	base := sim.Time(0)
	if e.Time.Relative {
		base = r.anchor
	}
	from, to = base.Add(e.Time.At), base.Add(e.Time.To)
	if !e.Time.Relative && !e.Time.Any && from < r.anchor {
		r.errorAt(e.Pos, "the time is before that of the previous event")
	}
	return from, to
}

// leftovers fails if the system has sent packets that the script does not
// expect.
func (r *runner) leftovers() {
	em, ok := r.sys.Next()
	if !ok {
		return
	}
	last := Pos{File: r.sc.File, Line: len(r.sc.Lines), Col: 1}
	text := ""
	if n := len(r.sc.Events); n > 0 {
		last, text = r.sc.Events[n-1].Pos, r.sc.Events[n-1].Text
	}
	p, err := readPacket(em)
	if err != nil {
		panic(&Failure{last, text, fmt.Sprintf("the system sent %v", err)})
	}
	f := r.flowOf(p.tuple)
	if f == nil {
		f = &flow{tuple: p.tuple}
	}
	panic(&Failure{last, text, fmt.Sprintf("behind the last line, at %s, the system sent a packet that is not expected:\n    actual    %s",
		seconds(p.at), r.lineOfLive(p, f, p, int(p.seg.Len)))})
}

// fail stops the script with a [Failure] of an event.
func (r *runner) fail(at Pos, e *Event, format string, args ...any) {
	text := ""
	if e != nil {
		text = e.Text
	}
	panic(&Failure{at, text, fmt.Sprintf(format, args...)})
}

// failPacket stops the script with expected and actual packet side by side.
func (r *runner) failPacket(e *Event, c comparison, why string) {
	var names []string
	for _, d := range c.diffs {
		names = append(names, d.field)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the packet differs in %s%s\n", strings.Join(names, ", "), why)
	fmt.Fprintf(&b, "    expected  %s\n    actual    %s", c.expected, c.actual)
	for _, d := range c.diffs {
		fmt.Fprintf(&b, "\n      %s: expected %s, actual %s", d.field, d.expected, d.actual)
	}
	r.fail(e.Pos, e, "%s", b.String())
}
