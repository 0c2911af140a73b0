package script

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"mpsim/sched"
)

// queueView is the connection's data as pick sees it.
type queueView struct {
	s *scheduler
	q *sched.Queue // nil outside of the call

	fresh       rangeView
	skipped     rangeList
	reinject    rangeList
	outstanding rangeList
	newData     *starlark.Builtin
}

func (v *queueView) init(s *scheduler) {
	v.s = s
	v.fresh = rangeView{s: s, kind: sched.New, fresh: true}
	v.skipped = rangeList{s: s, kind: sched.New}
	v.reinject = rangeList{s: s, kind: sched.Reinject}
	v.outstanding = rangeList{s: s, kind: sched.Redundant}
	v.newData = starlark.NewBuiltin("new_data", queueNewData).BindReceiver(v)
}

func (v *queueView) begin(q *sched.Queue) { v.q = q }

func (v *queueView) end() {
	v.q = nil
	v.skipped.forget()
	v.reinject.forget()
	v.outstanding.forget()
}

func (v *queueView) String() string        { return "<queue>" }
func (v *queueView) Type() string          { return "queue" }
func (v *queueView) Truth() starlark.Bool  { return true }
func (v *queueView) Freeze()               {}
func (v *queueView) Hash() (uint32, error) { return 0, errors.New("unhashable type: queue") }

var queueNames = []string{
	"end", "fresh", "new_data", "next", "outstanding", "peer_edge", "peer_flow", "reinject", "send_buffer", "sendable", "skipped", "una",
}

func (v *queueView) AttrNames() []string { return queueNames }

func (v *queueView) Attr(name string) (starlark.Value, error) {
	q := v.q
	if q == nil {
		return nil, errNotPicking
	}
	switch name {
	case "fresh":
		return &v.fresh, nil
	case "reinject":
		v.reinject.fill(q.Reinject, q.Una)
		return &v.reinject, nil
	case "skipped":
		v.skipped.fill(q.Skipped, q.Una)
		return &v.skipped, nil
	case "sendable":
		rest := *q
		rest.Next = v.s.next
		return starlark.MakeInt64(rest.NewData(1)), nil
	case "new_data":
		return v.newData, nil
	case "next":
		return starlark.MakeUint64(v.s.next), nil
	case "una":
		return starlark.MakeUint64(q.Una), nil
	case "end":
		return starlark.MakeUint64(q.End), nil
	case "peer_edge":
		return starlark.MakeUint64(q.PeerEdge), nil
	case "send_buffer":
		return starlark.MakeInt64(q.SendBuffer), nil
	}
	if err := v.s.asked(name); err != nil {
		return nil, err
	}
	switch name {
	case "outstanding":
		v.outstanding.fill(q.InFlight, q.Una)
		return &v.outstanding, nil
	case "peer_flow":
		return starlark.MakeInt(int(q.PeerFlow)), nil
	}
	return nil, nil
}

func queueNewData(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := b.Receiver().(*queueView)
	if v.q == nil {
		return nil, errNotPicking
	}
	var mss int64
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &mss); err != nil {
		return nil, err
	}
	if mss <= 0 {
		return nil, fmt.Errorf("a segment of %d bytes", mss)
	}
	rest := *v.q
	rest.Next = v.s.next
	return starlark.MakeInt64(rest.NewData(mss)), nil
}

// rangeView is a range of data: the new data, some of it that was skipped, or a range
// that was sent before.
type rangeView struct {
	s     *scheduler
	kind  sched.Kind
	fresh bool         // all new data behind what was granted
	r     *sched.Range // nil if fresh, and outside of the call
	list  *rangeList   // nil if fresh
}

func (v *rangeView) length() (int64, error) {
	switch {
	case v.s.queue.q == nil || !v.fresh && v.r == nil:
		return 0, errNotPicking
	case v.fresh:
		return max(int64(v.s.queue.q.End-v.s.next), 0), nil
	}
	return int64(v.r.Len), nil
}

func (v *rangeView) String() string { return "<range of data>" }
func (v *rangeView) Type() string   { return "range of data" }
func (v *rangeView) Freeze()        {}
func (v *rangeView) Hash() (uint32, error) {
	return 0, errors.New("unhashable type: range of data; use range.dsn")
}

// Truth says that there is at least one byte.
func (v *rangeView) Truth() starlark.Bool {
	n, err := v.length()
	return starlark.Bool(err == nil && n > 0)
}

var rangeNames = []string{"carriers", "dsn", "len"}

func (v *rangeView) AttrNames() []string { return rangeNames }

func (v *rangeView) Attr(name string) (starlark.Value, error) {
	n, err := v.length()
	if err != nil {
		return nil, err
	}
	switch name {
	case "len":
		return starlark.MakeInt64(n), nil
	case "carriers":
		return (*carrierSet)(v), nil
	case "dsn":
		if v.fresh {
			return starlark.MakeUint64(v.s.next), nil
		}
		return starlark.MakeUint64(v.r.DSN), nil
	}
	return nil, nil
}

// carrierSet is the set of paths that have carried a range: path in set.
type carrierSet rangeView

func (v *carrierSet) String() string        { return "<paths that have carried the range>" }
func (v *carrierSet) Type() string          { return "set of paths" }
func (v *carrierSet) Freeze()               {}
func (v *carrierSet) Hash() (uint32, error) { return 0, errors.New("unhashable type: set of paths") }
func (v *carrierSet) Truth() starlark.Bool  { return v.r != nil && v.r.Carried != 0 }

// Has implements the operator in.
func (v *carrierSet) Has(y starlark.Value) (bool, error) {
	p, ok := y.(*pathView)
	if !ok {
		return false, fmt.Errorf("a set of paths holds paths, not a %s", y.Type())
	}
	if p.row == nil {
		return false, errNotPicking
	}
	return v.r != nil && v.r.CarriedBy(p.row), nil
}

// rangeList is a list of ranges, without what the peer has by now.
type rangeList struct {
	s      *scheduler
	kind   sched.Kind
	ranges []sched.Range
	views  []*rangeView
	filled bool // for the present call
}

// fill copies what is left of the ranges above una.
func (v *rangeList) fill(from []sched.Range, una uint64) {
	if v.filled {
		return
	}
	v.filled = true
	v.ranges = v.ranges[:0]
	for i := range from {
		if r := from[i].Unacked(una); r.Len > 0 {
			v.ranges = append(v.ranges, r)
		}
	}
	for len(v.views) < len(v.ranges) {
		v.views = append(v.views, &rangeView{s: v.s, kind: v.kind, list: v})
	}
	for i := range v.ranges {
		v.views[i].r = &v.ranges[i]
	}
}

// forget ends the life of the ranges of a call.
func (v *rangeList) forget() {
	if !v.filled {
		return
	}
	v.filled = false
	for i := range v.ranges {
		v.views[i].r = nil
	}
	v.ranges = v.ranges[:0]
}

func (v *rangeList) String() string             { return fmt.Sprintf("<%d ranges of data>", len(v.ranges)) }
func (v *rangeList) Type() string               { return "list of ranges" }
func (v *rangeList) Freeze()                    {}
func (v *rangeList) Hash() (uint32, error)      { return 0, errors.New("unhashable type: list of ranges") }
func (v *rangeList) Truth() starlark.Bool       { return len(v.ranges) > 0 }
func (v *rangeList) Len() int                   { return len(v.ranges) }
func (v *rangeList) Index(i int) starlark.Value { return v.views[i] }

// Iterate implements starlark.Iterable.
func (v *rangeList) Iterate() starlark.Iterator {
	if len(v.ranges) == 0 {
		return noRanges{}
	}
	return &rangeIterator{v, 0}
}

// noRanges is the iterator of an empty list.
type noRanges struct{}

func (noRanges) Next(*starlark.Value) bool { return false }
func (noRanges) Done()                     {}

type rangeIterator struct {
	list *rangeList
	i    int
}

func (it *rangeIterator) Next(p *starlark.Value) bool {
	if it.i >= len(it.list.ranges) {
		return false
	}
	*p = it.list.views[it.i]
	it.i++
	return true
}

func (it *rangeIterator) Done() {}
