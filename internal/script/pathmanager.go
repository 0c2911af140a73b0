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
// event.kind is one of the names of [mptcp.PathEventKind]; conn shows what
// [mptcp.PathActions] holds and takes its orders. Events are rare, so what a script
// looks at is copied.

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

// fixed returns a record that scripts cannot change.
func fixed(kind string, names []string, values ...starlark.Value) starlark.Value {
	return &record{kind: kind, names: names, values: values, frozen: true}
}

var eventNames = []string{
	"kind", "flow", "why", "local", "remote", "tag", "id", "again", "closed", "has_code", "transient", "code", "endpoint", "changed",
}

func eventRecord(ev *mptcp.PathEvent) starlark.Value {
	return fixed("event", eventNames,
		starlark.String(ev.Kind.String()), starlark.MakeInt(int(ev.Flow)), starlark.String(ev.Why.String()), addrValue(ev.Local), toValue(ev.Remote),
		starlark.MakeInt64(int64(ev.Tag)), starlark.MakeInt(int(ev.ID)), truth(ev.Again), starlark.MakeInt(ev.Closed),
		truth(ev.HasCode), truth(ev.Transient), starlark.MakeInt(int(ev.Code)), endpointRecord(&ev.Endpoint), flagsRecord(ev.Changed))
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
	subflowNames  = []string{"flow", "local", "remote", "active", "usable", "backup", "joined", "half_open", "local_id", "remote_id"}
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
	"add_addr_accepted", "after", "announce", "client", "close", "close_from", "endpoints", "established", "join_denied", "limit",
	"local", "open", "remote", "remove", "set_backup", "subflows",
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
				truth(f.Joined), truth(f.HalfOpen), starlark.MakeInt(int(f.LocalID)), starlark.MakeInt(int(f.RemoteID))))
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

// orders are the methods of a connection.
var orders = []order{
	{"open", func(a *mptcp.PathActions, name string, args starlark.Tuple, kwargs []starlark.Tuple) error {
		var local, remote starlark.Value
		var id uint8
		var backup bool
		if err := starlark.UnpackArgs(name, args, kwargs, "local", &local, "remote", &remote, "id?", &id, "backup?", &backup); err != nil {
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
		a.OpenTo(from, netip.AddrPort(to), id, backup)
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
