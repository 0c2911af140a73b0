package script

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"mpsim/sched"
)

// pathView is the row of a subflow as pick sees it.
type pathView struct {
	s     *scheduler
	row   *sched.Path // nil outside of the call; &own once something is granted
	own   sched.Path
	takes *starlark.Builtin
	fits  *starlark.Builtin
}

func newPathView(s *scheduler) *pathView {
	v := &pathView{s: s}
	v.takes = starlark.NewBuiltin("takes", pathTakes).BindReceiver(v)
	v.fits = starlark.NewBuiltin("fits", pathFits).BindReceiver(v)
	return v
}

func (v *pathView) String() string {
	if v.row == nil {
		return "<path>"
	}
	return fmt.Sprintf("<path of subflow %d>", v.row.Flow)
}

func (v *pathView) Type() string         { return "path" }
func (v *pathView) Truth() starlark.Bool { return true }
func (v *pathView) Freeze()              {}
func (v *pathView) Hash() (uint32, error) {
	return 0, errors.New("unhashable type: path; use path.flow")
}

// pathNames are the attributes of a path.
var pathNames = []string{
	"backup", "cost", "device_queue", "device_rate_bps", "failed", "fits", "flow", "in_flight", "in_loss", "last_recv_ns",
	"mss", "pacing_bps", "potentially_failed", "queued", "room", "rttvar_ns", "send_buf_free", "srtt_ns", "ssthresh",
	"stale", "takes", "unsent", "weight", "window",
}

func (v *pathView) AttrNames() []string { return pathNames }

func (v *pathView) Attr(name string) (starlark.Value, error) {
	p := v.row
	if p == nil {
		return nil, errNotPicking
	}
	switch name {
	case "srtt_ns":
		return starlark.MakeInt64(int64(p.SRTT)), nil
	case "backup":
		return truth(p.Backup), nil
	case "failed":
		return truth(p.Failed()), nil
	case "takes":
		return v.takes, nil
	case "fits":
		return v.fits, nil
	case "room":
		return starlark.MakeInt64(p.Room()), nil
	case "flow":
		return starlark.MakeInt(int(p.Flow)), nil
	case "rttvar_ns":
		return starlark.MakeInt64(int64(p.RTTVar)), nil
	case "window":
		return starlark.MakeInt64(p.Window), nil
	case "in_flight":
		return starlark.MakeInt64(p.InFlight), nil
	case "unsent":
		return starlark.MakeInt64(p.Unsent), nil
	case "queued":
		return starlark.MakeInt64(p.Queued), nil
	case "send_buf_free":
		return starlark.MakeInt64(p.SendBufFree), nil
	case "cost":
		return starlark.Float(p.Cost), nil
	case "weight":
		return starlark.MakeInt64(int64(p.Weight)), nil
	case "mss":
		return starlark.MakeInt64(p.MSS), nil
	case "last_recv_ns":
		return starlark.MakeInt64(int64(p.LastRecv)), nil
	case "stale":
		return truth(p.Stale), nil
	case "potentially_failed":
		return truth(p.PotentiallyFailed), nil
	case "in_loss":
		return truth(p.InLoss), nil
	}
	return v.fact(name)
}

// fact returns an attribute that is computed for those who ask.
func (v *pathView) fact(name string) (starlark.Value, error) {
	if err := v.s.asked(name); err != nil {
		return nil, err
	}
	switch p := v.row; name {
	case "ssthresh":
		return starlark.MakeInt64(p.Ssthresh), nil
	case "device_queue":
		return starlark.MakeInt64(p.DeviceQueue), nil
	case "device_rate_bps":
		return starlark.MakeInt64(int64(p.DeviceRate)), nil
	case "pacing_bps":
		return starlark.MakeInt64(int64(p.Pacing)), nil
	}
	return nil, nil
}

// asked returns an error for a fact whose name the file does not mention.
func (s *scheduler) asked(name string) error {
	for _, x := range factNames {
		if x.name == name && s.asks&x.fact == 0 {
			return fmt.Errorf("%s is known only if the script names it as .%s", name, name)
		}
	}
	return nil
}

func pathTakes(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	p := b.Receiver().(*pathView).row
	n, err := bytesOf(b, p, args, kwargs)
	if err != nil {
		return nil, err
	}
	return truth(p.Ready(n) == sched.Ready), nil
}

func pathFits(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	p := b.Receiver().(*pathView).row
	n, err := bytesOf(b, p, args, kwargs)
	if err != nil {
		return nil, err
	}
	return starlark.MakeInt64(p.Fits(n)), nil
}

// bytesOf is the argument of a method of a path: a range, or a number of bytes.
func bytesOf(b *starlark.Builtin, p *sched.Path, args starlark.Tuple, kwargs []starlark.Tuple) (int64, error) {
	if p == nil {
		return 0, errNotPicking
	}
	if len(args) != 1 || len(kwargs) > 0 {
		return 0, fmt.Errorf("%s takes one range or number of bytes", b.Name())
	}
	switch x := args[0].(type) {
	case *rangeView:
		return x.length()
	case starlark.Int:
		if n, ok := x.Int64(); ok {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%s takes a range or a number of bytes, not %v", b.Name(), args[0])
}

// truth is a bool as a value, without an allocation.
func truth(b bool) starlark.Value {
	if b {
		return starlark.True
	}
	return starlark.False
}
