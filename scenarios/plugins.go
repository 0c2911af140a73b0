package scenarios

import (
	"path"
	"slices"
	"strings"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/net/radio"
	"mpsim/sched"
	"mpsim/sim"
)

// Plugins are the tables in which a scenario's names are looked up. A program
// with plug-ins of its own appends to those of Builtin.
type Plugins struct {
	CC           []cc.Spec
	Schedulers   []sched.Spec
	PathManagers []pm.Spec
}

// Builtin returns the tables of the plug-ins that mpsim ships.
func Builtin() *Plugins {
	return &Plugins{CC: cc.Specs(), Schedulers: sched.Specs(), PathManagers: pm.Specs()}
}

func (p *Plugins) orBuiltin() *Plugins {
	if p == nil {
		return Builtin()
	}
	return p
}

// Preset is one row of the table of presets: the choices that make a run
// like one of the systems that papers measured.
type Preset struct {
	Name, Doc   string
	Profile     string
	CC          string
	Scheduler   string
	PathManager string
	Reinject    string
	// Coupled are parameters of the coupled controllers of MPTCP flows, of those that
	// have them, unless the scenario gives them.
	Coupled []cc.Setting
	// SendBuffer and ReceiveBuffer are written as in a scenario.
	SendBuffer, ReceiveBuffer string
}

// Presets returns the table of presets.
func Presets() []Preset {
	return []Preset{
		{
			Name: "mpsim", Doc: "timers and protocol behaviour of Linux 6.x, coupled by LIA, lowest round-trip time first, full mesh, reinjection after a timeout; slow start of coupled controllers ends by HyStart++ (hystartpp = 1) unless told otherwise",
			Profile: "linux", CC: "lia", Scheduler: "minrtt", PathManager: "fullmesh", Reinject: "on_rto",
			Coupled:    []cc.Setting{{Name: "hystartpp", Value: 1}},
			SendBuffer: "4MiB", ReceiveBuffer: "6MiB",
		},
		{
			Name: "linux", Doc: "upstream Linux 6.18: uncoupled CUBIC, its own scheduler and path manager, buffers that tune themselves",
			Profile: "linux", CC: "cubic", Scheduler: "linux", PathManager: "linux", Reinject: "profile",
			SendBuffer: "auto", ReceiveBuffer: "auto",
		},
		{
			Name: "linux-oot", Doc: "the out-of-tree Linux stack v0.9x on which most papers were measured; coupled controllers have its integers (mode = 1) unless told otherwise",
			Profile: "linux-oot", CC: "lia", Scheduler: "minrtt", PathManager: "fullmesh", Reinject: "profile",
			Coupled:    []cc.Setting{{Name: "mode", Value: 1}},
			SendBuffer: "4MiB", ReceiveBuffer: "6MiB",
		},
	}
}

// The kinds of plug-ins, as messages name them.
const (
	kindCC          = "congestion controller"
	kindScheduler   = "scheduler"
	kindPathManager = "path manager"
	kindLinkProfile = "link profile"
)

// pluginKind is one table of plug-ins as the checker sees it.
type pluginKind struct {
	what   string
	names  []string
	params [][]cc.Param
}

func (p *Plugins) ccKind() pluginKind {
	k := pluginKind{what: kindCC}
	for _, s := range p.CC {
		k.names, k.params = append(k.names, s.Name), append(k.params, s.Params)
	}
	return k
}

func (p *Plugins) schedulerKind() pluginKind {
	k := pluginKind{what: kindScheduler}
	for _, s := range p.Schedulers {
		k.names, k.params = append(k.names, s.Name), append(k.params, s.Params)
	}
	return k
}

func (p *Plugins) pathManagerKind() pluginKind {
	k := pluginKind{what: kindPathManager}
	for _, s := range p.PathManagers {
		k.names, k.params = append(k.names, s.Name), append(k.params, s.Params)
	}
	return k
}

func linkProfileKind() pluginKind {
	k := pluginKind{what: kindLinkProfile}
	for _, p := range radio.Profiles() {
		var params []cc.Param
		for _, q := range p.Params() {
			params = append(params, cc.Param{Name: q.Name, Doc: q.Doc, Default: q.Default, Min: q.Min, Max: q.Max})
		}
		k.names, k.params = append(k.names, p.Name), append(k.params, params)
	}
	return k
}

// fillCoupled gives a coupled controller the parameters of the preset that it has
// and is not told.
func (c *checker) fillCoupled(ref *PluginRef, preset []cc.Setting) {
	var params []cc.Param
	if strings.HasPrefix(ref.Name, scriptPrefix) && path.Ext(ref.Name) == ".star" {
		if f := c.script(ref); f != nil && f.Coupled {
			params = f.Params
		}
	} else if i := slices.IndexFunc(c.plugins.CC, func(s cc.Spec) bool { return s.Name == ref.Name && s.Coupled }); i >= 0 {
		params = c.plugins.CC[i].Params
	}
	for _, v := range preset {
		told := slices.ContainsFunc(ref.Params, func(q PluginParam) bool { return q.Name == v.Name })
		has := slices.ContainsFunc(params, func(q cc.Param) bool { return q.Name == v.Name })
		if has && !told {
			ref.Params = append(slices.Clip(ref.Params), PluginParam{Name: v.Name, Value: v.Value, pos: ref.pos})
		}
	}
}

// settings returns the parameters of a plug-in as the tables take them.
func (r *PluginRef) settings() []cc.Setting {
	out := make([]cc.Setting, len(r.Params))
	for i, p := range r.Params {
		out[i] = cc.Setting{Name: p.Name, Value: p.Value}
	}
	return out
}

// counterNames returns the names of the counters of an endpoint.
func counterNames() []string {
	e := mptcp.New(mptcp.Config{Stream: func(purpose string) *sim.Rand { return sim.NewRand(0, 0, purpose) }})
	var names []string
	for _, c := range e.Counters() {
		names = append(names, c.Name)
	}
	return names
}

// profileNames returns the names of the protocol profiles.
func profileNames() []string {
	var names []string
	for _, p := range mptcp.Profiles() {
		names = append(names, p.Name)
	}
	return names
}
