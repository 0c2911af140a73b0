package script

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// This file makes a scheduler of a script. The script defines
//
//	pick(queue, paths)       grants by calling grant; returns what it likes
//	on_data_ack(una)         the peer has everything below una       (optional)
//	on_path_timeout(flow)    a retransmission timeout of a subflow   (optional)
//	on_path(flow, up)        a subflow became usable or ceased to be (optional)
//
// and calls
//
//	grant(path, range, why="", n=None)   moves bytes of a range to a path
//	wait(why)                            says why nothing is granted
//
// A grant without n takes what congestion window, send queue and for new data the
// peer's window leave, in whole segments unless the range ends, as the schedulers
// of package sched do. It returns the number of bytes, which may be 0.

// Scheduler returns the file as a row of the table of schedulers, under the name
// by which a scenario calls it. The error is of type [Errors].
func (f *File) Scheduler(name string) (sched.Spec, error) {
	if err := f.usable(kindScheduler); err != nil {
		return sched.Spec{}, err
	}
	return sched.Spec{
		Name: name, Doc: f.Doc, Params: f.Params,
		New: func(p cc.Params, rnd *sim.Rand) sched.Scheduler { return newScheduler(f, p, rnd) },
	}, nil
}

// scheduler is the scheduler of one connection.
type scheduler struct {
	run
	pick, dataAck, timeout, path *starlark.Function

	args    starlark.Tuple // of pick
	views   []*pathView
	tuples  []starlark.Value // of the first n views
	queue   queueView
	asks    sched.Facts
	waiting sched.Why

	rows []sched.Path // of the present call
	next uint64       // first byte that is not granted, within the call
	out  []sched.Grant
}

func newScheduler(f *File, p cc.Params, rnd *sim.Rand) *scheduler {
	s := &scheduler{}
	s.run.sched = s
	s.mustStart(f, p, rnd)
	s.pick, s.dataAck = s.hook("pick"), s.hook("on_data_ack")
	s.timeout, s.path = s.hook("on_path_timeout"), s.hook("on_path")
	s.queue.init(s)
	s.args = starlark.Tuple{&s.queue, nil}
	s.tuples = []starlark.Value{starlark.Tuple{}}
	for _, x := range factNames {
		if f.mentions(x.name) {
			s.asks |= x.fact
		}
	}
	return s
}

// factNames are the attributes that are computed only for scripts that mention
// them.
var factNames = []struct {
	name string
	fact sched.Facts
}{
	{"ssthresh", sched.FactSsthresh},
	{"device_queue", sched.FactDevice},
	{"device_rate_bps", sched.FactDevice},
	{"peer_flow", sched.FactPeerFlow},
	{"outstanding", sched.FactInFlight},
	{"pacing_bps", sched.FactPacing},
}

// Asks implements sched.Asker.
func (s *scheduler) Asks() sched.Facts { return s.asks }

// WhyWait implements sched.Explainer.
func (s *scheduler) WhyWait() sched.Why { return s.waiting }

// Pick calls the script.
func (s *scheduler) Pick(now sim.Time, q *sched.Queue, paths []sched.Path, out []sched.Grant) []sched.Grant {
	for len(s.views) < len(paths) {
		s.views = append(s.views, newPathView(s))
		t := make(starlark.Tuple, len(s.views))
		for i, v := range s.views {
			t[i] = v
		}
		s.tuples = append(s.tuples, t)
	}
	for i := range paths {
		s.views[i].row = &paths[i]
	}
	s.rows, s.next, s.out, s.waiting = paths, q.Next, out, sched.NoWhy
	s.queue.begin(q)
	s.args[1] = s.tuples[len(paths)]
	s.call(now, s.pick, s.args)
	for i := range paths {
		s.views[i].row = nil
	}
	out = s.out
	s.rows, s.out = nil, nil
	s.queue.end()
	return out
}

// OnDataAck implements sched.Scheduler.
func (s *scheduler) OnDataAck(now sim.Time, una uint64) {
	if s.dataAck != nil {
		s.call(now, s.dataAck, starlark.Tuple{starlark.MakeUint64(una)})
	}
}

// OnTimeout implements sched.Scheduler.
func (s *scheduler) OnTimeout(now sim.Time, f cc.FlowID) {
	if s.timeout != nil {
		s.call(now, s.timeout, starlark.Tuple{starlark.MakeInt(int(f))})
	}
}

// OnPath implements sched.Scheduler.
func (s *scheduler) OnPath(now sim.Time, f cc.FlowID, up bool) {
	if s.path != nil {
		s.call(now, s.path, starlark.Tuple{starlark.MakeInt(int(f)), starlark.Bool(up)})
	}
}

var errNotPicking = errors.New("only pick can do that, for the queue and paths that it was called with")

// grant carries grant(path, range, why="", n=None) out.
func (r *run) grant(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := r.sched
	if s == nil || s.rows == nil {
		return nil, errNotPicking
	}
	if len(kwargs) > 0 || len(args) != 3 {
		var err error
		if args, err = grantArgs(b, args, kwargs); err != nil {
			return nil, err
		}
	}
	to, what, why := args[0], args[1], args[2]
	var n starlark.Value
	if len(args) > 3 {
		n = args[3]
	}
	p, ok := to.(*pathView)
	if !ok {
		return nil, fmt.Errorf("the first argument is a path, not a %s", to.Type())
	}
	if p.row == nil {
		return nil, errNotPicking
	}
	x, ok := what.(*rangeView)
	if !ok {
		return nil, fmt.Errorf("the second argument is a range, not a %s", what.Type())
	}
	g := sched.Grant{Flow: p.row.Flow, Kind: x.kind, Penalise: sched.NoFlow}
	if why != nil {
		var err error
		if g.Why, err = reason(why); err != nil {
			return nil, err
		}
	}
	want, given := int64(0), n != nil && n != starlark.None
	if given {
		i, ok := n.(starlark.Int)
		if !ok {
			return nil, fmt.Errorf("n is a number of bytes, not a %s", n.Type())
		}
		want, ok = i.Int64()
		if !ok || want < 0 {
			return nil, fmt.Errorf("n is %v, not a number of bytes", n)
		}
	}
	return s.grantOf(&g, p, x, want, given)
}

// grantArgs puts the arguments of grant into their order.
func grantArgs(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Tuple, error) {
	out := make(starlark.Tuple, 4)
	err := starlark.UnpackArgs(b.Name(), args, kwargs, "path", &out[0], "range", &out[1], "why?", &out[2], "n?", &out[3])
	return out, err
}

// grantOf appends a grant of n bytes, or if that is not given of what fits.
func (s *scheduler) grantOf(g *sched.Grant, v *pathView, x *rangeView, n int64, given bool) (starlark.Value, error) {
	q, p := s.queue.q, v.row
	switch {
	case g.Kind == sched.New:
		g.DSN = s.next
		rest := *q
		rest.Next = s.next
		if given {
			n = min(n, rest.NewData(1))
		} else {
			n = p.Fits(rest.NewData(p.MSS))
		}
		s.next += uint64(max(n, 0))
	case x.r == nil:
		return nil, errNotPicking
	default:
		g.DSN = x.r.DSN
		if given {
			n = min(n, int64(x.r.Len))
		} else {
			n = p.Fits(int64(x.r.Len))
		}
	}
	if n <= 0 {
		return zero, nil
	}
	g.Len = int(n)
	if p != &v.own { // further grants of the call see this one
		v.own = *p
		p = &v.own
		v.row = p
	}
	p.Unsent, p.Queued, p.SendBufFree = p.Unsent+n, p.Queued+n, p.SendBufFree-n
	s.out = append(s.out, *g)
	return starlark.MakeInt64(n), nil
}

var zero = starlark.MakeInt(0)

// wait carries wait(why) out.
func (r *run) wait(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if r.sched == nil || r.sched.rows == nil {
		return nil, errNotPicking
	}
	if len(args) != 1 || len(kwargs) > 0 {
		return nil, errors.New("wait takes one reason")
	}
	why, err := reason(args[0])
	r.sched.waiting = why
	return starlark.None, err
}

// reasons are the reasons of decisions by their names.
var reasons = func() map[starlark.String]sched.Why {
	m := make(map[starlark.String]sched.Why)
	for w := range sched.Why(sched.Whys()) {
		m[starlark.String(w.String())] = w
	}
	return m
}()

func reason(v starlark.Value) (sched.Why, error) {
	name, ok := v.(starlark.String)
	if !ok {
		return 0, fmt.Errorf("a reason is a string, not a %s", v.Type())
	}
	if why, ok := reasons[name]; ok {
		return why, nil
	}
	known := make([]string, 0, sched.Whys())
	for w := sched.Why(1); int(w) < sched.Whys(); w++ {
		known = append(known, w.String())
	}
	return 0, cc.UnknownName("reason", string(name), known)
}
