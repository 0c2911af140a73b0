package scenarios

import (
	"net/netip"

	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/sim"
)

// pathEventKind returns the kind of path event of a name.
func pathEventKind(name string) (mptcp.PathEventKind, bool) {
	for k := range mptcp.PathEventKinds() {
		if kind := mptcp.PathEventKind(k); kind.String() == name {
			return kind, true
		}
	}
	return 0, false
}

// checkPathActions checks the script of a flow's path manager.
func (c *checker) checkPathActions(f *Flow) {
	if len(f.PathActions) > 0 && f.PathManager.Name != "scripted" {
		c.add(f.PathActions[0].table.pos, "flow %q: path_action needs path_manager = \"scripted\"", f.Name)
	}
	for _, a := range f.PathActions {
		own, peer := f.Client, f.Server
		if a.Side == "server" {
			own, peer = peer, own
		}
		c.pathActionIface(a, "from", a.From, own)
		c.pathActionIface(a, "to", a.To, peer)
		do, _ := pm.ParseScriptDo(a.Do)
		switch do {
		case pm.ScriptAnnounce, pm.ScriptRemove:
			if a.From == "" && a.On != "local_up" && a.On != "local_down" {
				c.add(a.table.pos, "%s needs from, the interface whose address is meant", a.Do)
			}
		}
	}
}

// pathActionIface checks the name of an interface of a node.
func (c *checker) pathActionIface(a *PathAction, key, name, node string) {
	if name == "" {
		return
	}
	if i := c.plan.ifaces[node+"."+name]; i == nil || len(i.addrs) == 0 {
		c.add(a.valuePos(key), "node %q has no interface %q with an address", node, name)
	}
}

// scripted gives the path manager of one side of a flow its script.
func (w *World) scripted(f *Flow, side string, next func(*sim.Rand) mptcp.PathManager) func(*sim.Rand) mptcp.PathManager {
	if len(f.PathActions) == 0 {
		return next
	}
	own, peer := f.Client, f.Server
	if side == "server" {
		own, peer = peer, own
	}
	var list []pm.ScriptAction
	for _, a := range f.PathActions {
		if a.Side != side {
			continue
		}
		kind, known := pathEventKind(a.On)
		do, ok := pm.ParseScriptDo(a.Do)
		if !known || !ok {
			sim.Bugf("path_action %q on %q passed its check", a.Do, a.On)
		}
		x := pm.ScriptAction{On: kind, Nth: a.Nth, Delay: a.After.Duration(), Do: do, Backup: a.Backup, Flow: a.Subflow}
		if a.From != "" {
			x.Local = w.sc.plan.ifaces[own+"."+a.From].addrs[0].Addr()
		}
		if a.To != "" {
			x.Remote = netip.AddrPortFrom(w.sc.plan.ifaces[peer+"."+a.To].addrs[0].Addr(), 0)
		}
		list = append(list, x)
	}
	return func(rnd *sim.Rand) mptcp.PathManager {
		m := next(rnd)
		if s, ok := m.(*pm.Scripted); ok {
			s.Follow(list)
		}
		return m
	}
}
