package script

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"go.starlark.net/starlark"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/sim"
)

// This file makes a path manager of a script. The script defines
//
//	on_event(event, conn)
//
// event.kind is the name of the kind of event in event logs, such as "ESTABLISHED";
// conn shows what [mptcp.PathActions] holds and takes its orders. Events are rare, so
// what a script looks at is copied. The events that path managers must ask for are
// asked for if the file has their name as a string.

// PathManager returns the file as a row of the table of path managers, under the
// name by which a scenario calls it. The error is of type [Errors].
func (f *File) PathManager(name string) (pm.Spec, error) {
	if err := f.usable(kindPathManager); err != nil {
		return pm.Spec{}, err
	}
	return pm.Spec{
		Name: name, Doc: f.Doc, Params: f.Params,
		New: func(p cc.Params, rnd *sim.Rand) mptcp.PathManager {
			m := new(pathManager)
			m.mustStart(f, p, rnd)
			m.event = m.hook("on_event")
			m.conn.init()
			return m
		},
	}, nil
}

// pathManager is the path manager of one connection.
type pathManager struct {
	run
	event *starlark.Function
	conn  connView
}

// OnEvent implements mptcp.PathManager.
func (m *pathManager) OnEvent(now sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	m.conn.act = act
	m.call(now, m.event, starlark.Tuple{eventRecord(&ev), &m.conn})
	m.conn.act = nil
}

// watched are the events that path managers must ask for.
var watched = []struct {
	kind  mptcp.PathEventKind
	watch mptcp.PathWatch
}{
	{mptcp.PathCreated, mptcp.WatchCreated}, {mptcp.PathPriority, mptcp.WatchPriority}, {mptcp.PathRTO, mptcp.WatchRTO},
}

// Watches implements mptcp.PathWatcher.
func (m *pathManager) Watches() mptcp.PathWatch {
	var out mptcp.PathWatch
	for _, w := range watched {
		if m.file.says(w.kind.String()) {
			out |= w.watch
		}
	}
	return out
}

// fixed returns a record that scripts cannot change.
func fixed(kind string, names []string, values ...starlark.Value) starlark.Value {
	return &record{kind: kind, names: names, values: values, frozen: true}
}

var eventNames = []string{
	"kind", "flow", "why", "local", "remote", "tag", "id", "again", "closed", "has_code", "transient", "code", "backup",
	"rto_ns", "bytes", "endpoint", "changed",
}

func eventRecord(ev *mptcp.PathEvent) starlark.Value {
	return fixed("event", eventNames,
		starlark.String(ev.Kind.String()), starlark.MakeInt(int(ev.Flow)), starlark.String(ev.Why.String()), addrValue(ev.Local), toValue(ev.Remote),
		starlark.MakeInt64(int64(ev.Tag)), starlark.MakeInt(int(ev.ID)), truth(ev.Again), starlark.MakeInt(ev.Closed),
		truth(ev.HasCode), truth(ev.Transient), starlark.MakeInt(int(ev.Code)), truth(ev.Backup),
		starlark.MakeInt64(int64(ev.RTO)), starlark.MakeInt64(ev.Bytes), endpointRecord(&ev.Endpoint), flagsRecord(ev.Changed))
}

var flagNames = []string{"signal", "subflow", "backup", "fullmesh", "laminar"}

func flagsRecord(f mptcp.AddrFlags) starlark.Value {
	return fixed("flags", flagNames, flagValues(f)...)
}

func flagValues(f mptcp.AddrFlags) []starlark.Value {
	var out []starlark.Value
	for _, bit := range []mptcp.AddrFlags{mptcp.AddrSignal, mptcp.AddrSubflow, mptcp.AddrBackup, mptcp.AddrFullmesh, mptcp.AddrLaminar} {
		out = append(out, truth(f&bit != 0))
	}
	return out
}

var (
	localNames    = append([]string{"ip", "id"}, flagNames...)
	endpointNames = append([]string{"ip", "id", "port"}, flagNames...)
	remoteNames   = []string{"addr", "ip", "id"}
	subflowNames  = []string{"flow", "local", "remote", "active", "usable", "backup", "joined", "half_open", "local_id", "remote_id", "failed", "srtt_ns", "rto_ns", "rate_bps", "acked"}
)

func endpointRecord(e *mptcp.AddrConfig) starlark.Value {
	return fixed("endpoint", endpointNames,
		append([]starlark.Value{addrValue(e.Addr), starlark.MakeInt(int(e.ID)), starlark.MakeInt(int(e.Port))}, flagValues(e.Flags)...)...)
}

// connView is a connection as on_event sees it.
type connView struct {
	act     *mptcp.PathActions // nil outside of the call
	methods map[string]*starlark.Builtin
}

func (v *connView) init() {
	v.methods = make(map[string]*starlark.Builtin)
	for _, o := range orders {
		v.methods[o.name] = starlark.NewBuiltin(o.name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if v.act == nil {
				return nil, errStale
			}
			return starlark.None, o.give(v.act, b.Name(), args, kwargs)
		})
	}
}

func (v *connView) String() string        { return "<connection>" }
func (v *connView) Type() string          { return "connection" }
func (v *connView) Truth() starlark.Bool  { return true }
func (v *connView) Freeze()               {}
func (v *connView) Hash() (uint32, error) { return 0, errors.New("unhashable type: connection") }

var connNames = []string{
	"add_addr_accepted", "after", "announce", "buffered", "client", "close", "close_from", "endpoints", "established", "initial_window",
	"join_denied", "limit", "local", "moved", "open", "remote", "remove", "reset", "set_backup", "subflows", "wake_buffered", "wake_moved",
}

func (v *connView) AttrNames() []string { return connNames }

func (v *connView) Attr(name string) (starlark.Value, error) {
	a := v.act
	if a == nil {
		return nil, errStale
	}
	var list starlark.Tuple
	switch name {
	case "client":
		return truth(a.Client), nil
	case "limit":
		return starlark.MakeInt(a.Limit), nil
	case "add_addr_accepted":
		return starlark.MakeInt(a.AddAddrAccepted), nil
	case "established":
		return truth(a.Established), nil
	case "buffered":
		return starlark.MakeInt64(a.Buffered), nil
	case "moved":
		return starlark.MakeInt64(a.Moved), nil
	case "initial_window":
		return starlark.MakeInt64(a.InitialWindow), nil
	case "join_denied":
		return truth(a.JoinDenied), nil
	case "endpoints":
		for i := range a.Endpoints {
			list = append(list, endpointRecord(&a.Endpoints[i]))
		}
	case "local":
		for _, l := range a.Local {
			list = append(list, fixed("local address", localNames,
				append([]starlark.Value{addrValue(l.Addr), starlark.MakeInt(int(l.ID))}, flagValues(l.Flags)...)...))
		}
	case "remote":
		for _, r := range a.Remote {
			list = append(list, fixed("remote address", remoteNames, toValue(r.Addr), addrValue(r.Addr.Addr()), starlark.MakeInt(int(r.ID))))
		}
	case "subflows":
		for _, f := range a.Subflows {
			list = append(list, fixed("subflow", subflowNames,
				starlark.MakeInt(int(f.Flow)), addrValue(f.Local), toValue(f.Remote), truth(f.Active), truth(f.Usable), truth(f.Backup),
				truth(f.Joined), truth(f.HalfOpen), starlark.MakeInt(int(f.LocalID)), starlark.MakeInt(int(f.RemoteID)), truth(f.Failed), starlark.MakeInt64(int64(f.SRTT)),
				starlark.MakeInt64(int64(f.RTO)), starlark.MakeInt64(8*f.Rate), starlark.MakeUint64(f.Acked)))
		}
	default:
		if m := v.methods[name]; m != nil {
			return m, nil
		}
		return nil, nil
	}
	return list, nil
}

// order is a method of a connection that orders something.
type order struct {
	name string
	give func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error
}

// wake is an order to be told of a number of bytes.
func wake(give func(a *mptcp.PathActions, bytes int64)) func(*mptcp.PathActions, string, starlark.Tuple, []starlark.Tuple) error {
	return func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var n int64
		if err := starlark.UnpackArgs(name, args, kwargs, "bytes", &n); err != nil {
			return err
		}
		if n <= 0 {
			return fmt.Errorf("%d bytes are there already", n)
		}
		give(a, n)
		return nil
	}
}

// orders are the methods of a connection.
var orders = []order{
	{"open", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var local, remote starlark.Value
		var id uint8
		var backup bool
		var port uint16
		if err := starlark.UnpackArgs(name, args, kwargs, "local", &local, "remote", &remote, "id?", &id, "backup?", &backup, "port?", &port); err != nil {
			return err
		}
		to, ok := remote.(addrPort)
		if !ok {
			return fmt.Errorf("remote is an address with a port, not a %s", remote.Type())
		}
		var from netip.Addr
		if local != starlark.None {
			l, ok := local.(addr)
			if !ok {
				return fmt.Errorf("local is an address or None, not a %s", local.Type())
			}
			from = netip.Addr(l)
		}
		switch {
		case port == 0:
			a.OpenTo(from, netip.AddrPort(to), id, backup)
		case id != 0 || !from.IsValid():
			return errors.New("a local port goes with a local address and without an id")
		default:
			a.OpenPort(netip.AddrPortFrom(from, port), netip.AddrPort(to), backup)
		}
		return nil
	}},
	{"close", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var f int32
		err := starlark.UnpackArgs(name, args, kwargs, "flow", &f)
		if err == nil {
			a.Close(cc.FlowID(f))
		}
		return err
	}},
	{"reset", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var f int32
		err := starlark.UnpackArgs(name, args, kwargs, "flow", &f)
		if err == nil {
			a.Reset(cc.FlowID(f))
		}
		return err
	}},
	{"wake_moved", wake((*mptcp.PathActions).WakeMoved)},
	{"wake_buffered", wake((*mptcp.PathActions).WakeBuffered)},
	{"set_backup", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var f int32
		var backup bool
		err := starlark.UnpackArgs(name, args, kwargs, "flow", &f, "backup", &backup)
		if err == nil {
			a.SetBackup(cc.FlowID(f), backup)
		}
		return err
	}},
	{"announce", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var what starlark.Value
		var id uint8
		var port uint16
		if err := starlark.UnpackArgs(name, args, kwargs, "addr", &what, "id?", &id, "port?", &port); err != nil {
			return err
		}
		ip, ok := what.(addr)
		if !ok {
			return fmt.Errorf("what is announced is an address, not a %s", what.Type())
		}
		a.Announce(id, netip.AddrPortFrom(netip.Addr(ip), port))
		return nil
	}},
	{"remove", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var id uint8
		err := starlark.UnpackArgs(name, args, kwargs, "id", &id)
		if err == nil {
			a.Remove(id)
		}
		return err
	}},
	{"close_from", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var id uint8
		err := starlark.UnpackArgs(name, args, kwargs, "id", &id)
		if err == nil {
			a.CloseFrom(id)
		}
		return err
	}},
	{"after", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var d int64
		var tag uint32
		if err := starlark.UnpackArgs(name, args, kwargs, "delay_ns", &d, "tag?", &tag); err != nil {
			return err
		}
		if d < 0 || d > math.MaxInt64/4 {
			return fmt.Errorf("a delay of %d ns", d)
		}
		a.After(sim.Duration(d), tag)
		return nil
	}},
}

// addr is an address; scripts compare it, use it as a key and hand it back.
type addr netip.Addr

// addrValue is an address, or None.
func addrValue(a netip.Addr) starlark.Value {
	if !a.IsValid() {
		return starlark.None
	}
	return addr(a)
}

func (a addr) String() string        { return netip.Addr(a).String() }
func (a addr) Type() string          { return "address" }
func (a addr) Truth() starlark.Bool  { return true }
func (a addr) Freeze()               {}
func (a addr) Hash() (uint32, error) { return starlark.String(a.String()).Hash() }
func (a addr) AttrNames() []string   { return []string{"is4"} }

func (a addr) Attr(name string) (starlark.Value, error) {
	if name == "is4" {
		return truth(netip.Addr(a).Is4()), nil
	}
	return nil, nil
}

// addrPort is an address with a port.
type addrPort netip.AddrPort

// toValue is an address with a port, or None.
func toValue(a netip.AddrPort) starlark.Value {
	if !a.IsValid() {
		return starlark.None
	}
	return addrPort(a)
}

func (a addrPort) String() string        { return netip.AddrPort(a).String() }
func (a addrPort) Type() string          { return "address with port" }
func (a addrPort) Truth() starlark.Bool  { return true }
func (a addrPort) Freeze()               {}
func (a addrPort) Hash() (uint32, error) { return starlark.String(a.String()).Hash() }
func (a addrPort) AttrNames() []string   { return []string{"ip", "port"} }

func (a addrPort) Attr(name string) (starlark.Value, error) {
	switch name {
	case "ip":
		return addr(netip.AddrPort(a).Addr()), nil
	case "port":
		return starlark.MakeInt(int(netip.AddrPort(a).Port())), nil
	}
	return nil, nil
}
