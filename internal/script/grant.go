package script

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"mpsim/sched"
)

// This file carries out
//
//	grant(path, range, why="", n=None, at=None, kind=None, penalise=None)
//
// which moves bytes of a range of data to a path. Without n it takes what congestion
// window, send queue and for new data the peer's window leave, in whole segments unless
// the range ends, as the schedulers of package sched do; with n so many bytes, even
// beyond the congestion window. It returns the number of bytes, which may be 0.
//
//   - at is the data sequence number to begin with, by default that of the range. Of
//     queue.fresh it may lie ahead; what it leaves out is in queue.skipped from the next
//     call on.
//   - kind says what a grant of data that was sent before is: "reinject", "redundant" or
//     "opportunistic" (NSDI'12); by default "reinject" of queue.reinject and "redundant" of
//     queue.outstanding.
//   - penalise is a path whose window is halved because it holds up the connection.
//
// Data in flight is not granted to a path that has carried it: TCP sees to it there.

var errNotPicking = errors.New("only pick can do that, for the queue and paths that it was called with")

// grantArgs are the arguments of grant; nil: not given.
type grantArgs struct{ path, data, why, n, at, kind, penalise starlark.Value }

// grant is the function of that name.
func (r *run) grant(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := r.sched
	if s == nil || s.rows == nil {
		return nil, errNotPicking
	}
	var a grantArgs
	if len(kwargs) == 0 && len(args) == 3 {
		a.path, a.data, a.why = args[0], args[1], args[2]
	} else if err := starlark.UnpackArgs(b.Name(), args, kwargs, "path", &a.path, "range", &a.data, "why?", &a.why, "n?", &a.n,
		"at?", &a.at, "kind?", &a.kind, "penalise?", &a.penalise); err != nil {
		return nil, err
	}
	p, err := livePath(a.path, "the first argument")
	if err != nil {
		return nil, err
	}
	x, ok := a.data.(*rangeView)
	switch {
	case !ok:
		return nil, fmt.Errorf("the second argument is a range, not a %s", a.data.Type())
	case x.r == nil && !x.fresh:
		return nil, errNotPicking
	}
	g := sched.Grant{Flow: p.row.Flow, Kind: x.kind, Penalise: sched.NoFlow, DSN: s.next}
	if x.r != nil {
		g.DSN = x.r.DSN
	}
	if a.why != nil {
		if g.Why, err = reason(a.why); err != nil {
			return nil, err
		}
	}
	n := int64(-1)
	if given(a.n) {
		if n, ok = whole64(a.n); !ok {
			return nil, fmt.Errorf("n is %v, not a number of bytes", a.n)
		}
	}
	if len(kwargs) > 0 || len(args) > 4 {
		if err := a.modify(&g, x); err != nil {
			return nil, err
		}
	}
	return s.grantOf(&g, p, x, n)
}

func given(v starlark.Value) bool { return v != nil && v != starlark.None }

// whole64 returns a whole number from 0 on.
func whole64(v starlark.Value) (int64, bool) {
	i, ok := v.(starlark.Int)
	if !ok {
		return 0, false
	}
	n, ok := i.Int64()
	return n, ok && n >= 0
}

// livePath returns an argument that is a path of the present call.
func livePath(v starlark.Value, what string) (*pathView, error) {
	p, ok := v.(*pathView)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s is a path, not a %s", what, v.Type())
	case p.row == nil:
		return nil, errNotPicking
	}
	return p, nil
}

// kinds are the kinds of grants of data that was sent before.
var kinds = map[starlark.String]sched.Kind{
	"reinject": sched.Reinject, "redundant": sched.Redundant, "opportunistic": sched.Opportunistic,
}

// modify applies the arguments that few grants have.
func (a *grantArgs) modify(g *sched.Grant, x *rangeView) error {
	if given(a.at) {
		at, ok := whole64(a.at)
		if !ok || uint64(at) < g.DSN {
			return fmt.Errorf("at is %v, not a data sequence number from %d on", a.at, g.DSN)
		}
		g.DSN = uint64(at)
	}
	if given(a.kind) {
		name, _ := a.kind.(starlark.String)
		kind, ok := kinds[name]
		switch {
		case !ok:
			return fmt.Errorf("kind is %v, not \"reinject\", \"redundant\" or \"opportunistic\"", a.kind)
		case x.kind == sched.New:
			return fmt.Errorf("data that was never sent has no kind %v", a.kind)
		}
		g.Kind = kind
	}
	if given(a.penalise) {
		slow, err := livePath(a.penalise, "penalise")
		if err != nil {
			return err
		}
		g.Penalise = slow.row.Flow
	}
	return nil
}

// grantOf appends a grant from g.DSN on of n bytes, or if n is negative of what fits.
func (s *scheduler) grantOf(g *sched.Grant, v *pathView, x *rangeView, n int64) (starlark.Value, error) {
	p, fits := v.row, int64(0)
	if x.fresh {
		rest := *s.queue.q
		rest.Next = g.DSN
		if n < 0 {
			fits = p.Fits(rest.NewData(p.MSS))
		} else {
			fits = min(n, rest.NewData(1))
		}
	} else {
		if x.list == &s.queue.outstanding && x.r.CarriedBy(p) {
			return zero, nil
		}
		left := int64(x.r.DSN+uint64(x.r.Len)) - int64(g.DSN)
		if n < 0 {
			fits = p.Fits(left)
		} else {
			fits = min(n, left)
		}
	}
	if fits <= 0 {
		return zero, nil
	}
	g.Len = int(fits)
	switch end := g.DSN + uint64(fits); {
	case x.fresh:
		s.next = end
	case x.kind == sched.New: // what is left of it behind the grant
		*x.r = x.r.Unacked(end)
	}
	if p != &v.own { // further grants of the call see this one
		v.own = *p
		p = &v.own
		v.row = p
	}
	p.Unsent, p.Queued, p.SendBufFree = p.Unsent+fits, p.Queued+fits, p.SendBufFree-fits
	s.out = append(s.out, *g)
	return starlark.MakeInt64(fits), nil
}

var zero = starlark.MakeInt(0)
