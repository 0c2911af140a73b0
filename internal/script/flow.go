package script

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"go.starlark.net/starlark"

	"mpsim/cc"
	"mpsim/sim"
)

// flowView is a subflow as a controller sees it: its window, and what the script
// keeps of it.
type flowView struct {
	c      *controller
	id     starlark.Value
	f      cc.Flow
	joined bool
	pacing sim.Rate
	flight int64 // bytes in flight before the last acknowledgement
	alpha  float64
	own    record // fields that on_join has made
	open   bool   // on_join is running: fields may be made

	increase, additive, half *starlark.Builtin
}

func newFlowView(c *controller, f cc.FlowID) *flowView {
	v := &flowView{c: c, id: starlark.MakeInt(int(f)), f: cc.NewFlow(c.rules), alpha: math.NaN(), own: record{kind: "flow"}}
	v.increase = starlark.NewBuiltin("increase", flowIncrease).BindReceiver(v)
	v.additive = starlark.NewBuiltin("additive", flowAdditive).BindReceiver(v)
	v.half = starlark.NewBuiltin("half", flowHalf).BindReceiver(v)
	return v
}

func (v *flowView) String() string        { return fmt.Sprintf("<subflow %v>", v.id) }
func (v *flowView) Type() string          { return "flow" }
func (v *flowView) Truth() starlark.Bool  { return true }
func (v *flowView) Freeze()               {}
func (v *flowView) Hash() (uint32, error) { return 0, errors.New("unhashable type: flow; use flow.id") }

var flowNames = []string{
	"additive", "alpha", "credit", "half", "id", "increase", "initial_window", "mss", "pacing_bps", "segments", "slow_start",
	"srtt_ns", "ssthresh", "window",
}

func (v *flowView) AttrNames() []string { return append(slices.Clone(flowNames), v.own.names...) }

func (v *flowView) Attr(name string) (starlark.Value, error) {
	f := &v.f
	switch name {
	case "window":
		return starlark.MakeInt64(f.W), nil
	case "srtt_ns":
		return starlark.MakeInt64(int64(f.SRTT)), nil
	case "slow_start":
		return truth(f.SlowStart()), nil
	case "mss":
		return starlark.MakeInt64(f.MSS), nil
	case "increase":
		return v.increase, nil
	case "additive":
		return v.additive, nil
	case "half":
		return v.half, nil
	case "ssthresh":
		return starlark.MakeInt64(f.Thresh), nil
	case "credit":
		return starlark.MakeInt64(f.Cnt), nil
	case "segments":
		return starlark.MakeInt64(f.Segments()), nil
	case "id":
		return v.id, nil
	case "initial_window":
		return starlark.MakeInt64(f.IW), nil
	case "alpha":
		return starlark.Float(v.alpha), nil
	case "pacing_bps":
		return starlark.MakeInt64(int64(v.pacing)), nil
	}
	return v.own.Attr(name)
}

// SetField sets the window and what goes with it, or a field of the script's.
func (v *flowView) SetField(name string, x starlark.Value) error {
	switch name {
	case "window":
		return setBytes(&v.f.W, name, x, v.f.MSS)
	case "ssthresh":
		return setBytes(&v.f.Thresh, name, x, v.f.MSS)
	case "credit":
		return setBytes(&v.f.Cnt, name, x, 0)
	case "pacing_bps":
		return setBytes((*int64)(&v.pacing), name, x, 0)
	case "alpha":
		n, ok := starlark.AsFloat(x)
		if !ok {
			return fmt.Errorf("alpha is a number, not a %s", x.Type())
		}
		v.alpha = n
		return nil
	}
	if slices.Contains(flowNames, name) {
		return fmt.Errorf("%s of a flow cannot be set", name)
	}
	if !v.open && !slices.Contains(v.own.names, name) {
		return fmt.Errorf("a flow has no field %s; on_join(flow) can give it one", name)
	}
	return v.own.SetField(name, x)
}

// setBytes sets a whole number of at least some value.
func setBytes(to *int64, name string, x starlark.Value, least int64) error {
	i, ok := x.(starlark.Int)
	if !ok {
		return fmt.Errorf("%s is a whole number, not a %s: int(x) makes one", name, x.Type())
	}
	n, ok := i.Int64()
	if !ok || n < least || n > cc.MaxWindow {
		return fmt.Errorf("%s is %v; it must lie between %d and %d", name, x, least, cc.MaxWindow)
	}
	*to = n
	return nil
}

// flowIncrease is flow.increase(n): slow start, up to the threshold. It returns
// what is left of n.
func flowIncrease(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	n, err := wholeArg(b, 0, 1, args, kwargs)
	if err != nil {
		return nil, err
	}
	return starlark.MakeInt64(b.Receiver().(*flowView).f.Increase(n)), nil
}

// flowAdditive is flow.additive(t, n): a segment for every t of n bytes.
func flowAdditive(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	t, err := wholeArg(b, 0, 2, args, kwargs)
	if err != nil {
		return nil, err
	}
	n, err := wholeArg(b, 1, 2, args, kwargs)
	if err != nil {
		return nil, err
	}
	if t == 0 {
		return nil, errors.New("a segment for every 0 bytes")
	}
	b.Receiver().(*flowView).f.Additive(t, n)
	return starlark.None, nil
}

// flowHalf is flow.half(): the threshold of Reno after a loss.
func flowHalf(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args)+len(kwargs) > 0 {
		return nil, errors.New("half takes no arguments")
	}
	return starlark.MakeInt64(b.Receiver().(*flowView).f.Half(b.Receiver().(*flowView).flight)), nil
}

// wholeArg returns argument i of n, a number of bytes.
func wholeArg(b *starlark.Builtin, i, n int, args starlark.Tuple, kwargs []starlark.Tuple) (int64, error) {
	if len(args) != n || len(kwargs) > 0 {
		return 0, fmt.Errorf("%s takes %s", b.Name(), plural(n, "number"))
	}
	x, ok := args[i].(starlark.Int)
	if !ok {
		return 0, fmt.Errorf("%s takes whole numbers of bytes, not a %s: int(x) makes one", b.Name(), args[i].Type())
	}
	v, ok := x.Int64()
	if !ok || v < 0 || v > cc.MaxWindow {
		return 0, fmt.Errorf("%s(%v): not between 0 and %d bytes", b.Name(), x, cc.MaxWindow)
	}
	return v, nil
}

// errStale is the error of a value that was kept beyond its call.
var errStale = errors.New("it is known during the call only that it was given to")

// ackView is an acknowledgement as on_ack sees it.
type ackView struct {
	a      *cc.Ack // nil outside of the call
	growth int64
}

func (v *ackView) String() string        { return "<ack>" }
func (v *ackView) Type() string          { return "ack" }
func (v *ackView) Truth() starlark.Bool  { return true }
func (v *ackView) Freeze()               {}
func (v *ackView) Hash() (uint32, error) { return 0, errors.New("unhashable type: ack") }

var ackNames = []string{
	"acked", "app_limited", "ce", "cwnd_limited", "delivered", "growth", "in_flight", "interval_ns", "min_rtt_ns", "nxt", "owd_ns",
	"rate_delivered", "rtt_ns", "srtt_ns", "state", "una",
}

func (v *ackView) AttrNames() []string { return ackNames }

// ackStates are the states of loss recovery.
var ackStates = [...]starlark.Value{
	cc.Open: starlark.String("open"), cc.Disorder: starlark.String("disorder"), cc.CWR: starlark.String("cwr"),
	cc.Recovery: starlark.String("recovery"), cc.LossState: starlark.String("loss"),
}

func (v *ackView) Attr(name string) (starlark.Value, error) {
	a := v.a
	if a == nil {
		return nil, errStale
	}
	whole := func(x int64) (starlark.Value, error) { return starlark.MakeInt64(x), nil }
	switch name {
	case "growth":
		return whole(v.growth)
	case "acked":
		return whole(a.Acked)
	case "delivered":
		return whole(a.Delivered)
	case "interval_ns":
		return whole(int64(a.Interval))
	case "rate_delivered":
		return whole(a.RateDelivered)
	case "rtt_ns":
		return whole(int64(a.RTT))
	case "srtt_ns":
		return whole(int64(a.SRTT))
	case "min_rtt_ns":
		return whole(int64(a.MinRTT))
	case "owd_ns":
		return whole(int64(a.OWD))
	case "in_flight":
		return whole(a.InFlight)
	case "una":
		return starlark.MakeUint64(a.Una), nil
	case "nxt":
		return starlark.MakeUint64(a.Nxt), nil
	case "state":
		return ackStates[a.State], nil
	case "cwnd_limited":
		return truth(a.CwndLimited), nil
	case "app_limited":
		return truth(a.AppLimited), nil
	case "ce":
		return whole(a.CE)
	}
	return nil, nil
}

// lossView is a loss as on_loss and on_timeout see it.
type lossView struct {
	l     cc.Loss
	valid bool // during the call
}

func (v *lossView) String() string        { return "<loss>" }
func (v *lossView) Type() string          { return "loss" }
func (v *lossView) Truth() starlark.Bool  { return true }
func (v *lossView) Freeze()               {}
func (v *lossView) Hash() (uint32, error) { return 0, errors.New("unhashable type: loss") }

func (v *lossView) AttrNames() []string { return []string{"bytes", "in_flight", "nxt", "una"} }

func (v *lossView) Attr(name string) (starlark.Value, error) {
	if !v.valid {
		return nil, errStale
	}
	switch name {
	case "in_flight":
		return starlark.MakeInt64(v.l.InFlight), nil
	case "bytes":
		return starlark.MakeInt64(v.l.Bytes), nil
	case "una":
		return starlark.MakeUint64(v.l.Una), nil
	case "nxt":
		return starlark.MakeUint64(v.l.Nxt), nil
	}
	return nil, nil
}
