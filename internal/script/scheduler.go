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
//	grant(path, range, ...)   moves bytes of a range to a path; see grant.go
//	wait(why)                 says why nothing is granted

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
