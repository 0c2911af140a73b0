package pm

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Scripted is a path manager in user space that follows a list of actions, as a
// tester does with `ip mptcp monitor` in one window and pm_nl_ctl in another
// (Linux userspace path manager, net/mptcp/pm_userspace.c; self-test
// userspace_pm.sh). Without a list it does nothing.
//
// Both sides have lists of their own. An action is bound to an event, by its name
// (see [mptcp.PathEventKind]) and, if wanted, to which one of its kind it is, or to
// a time since the connection was created.
//
// The log of events and orders is the trace: kinds path_event and path_manager.
//
// Not modelled: listeners have no events here, and addresses that are announced
// with a port are open to joins only if the host's configuration says so.
type Scripted struct {
	netlink
	actions []ScriptAction
	seen    [32]int // events, by kind
}

// ScriptDo says what a [ScriptAction] does: the commands of pm_nl_ctl with what
// they are called there.
type ScriptDo uint8

// What actions do.
const (
	ScriptOpen     ScriptDo = iota // csf: a subflow
	ScriptClose                    // dsf: the end of a subflow by FIN
	ScriptReset                    // the end of a subflow by RST
	ScriptAnnounce                 // ann: ADD_ADDR
	ScriptRemove                   // rem: REMOVE_ADDR, and the end of the subflows from there
	ScriptBackup                   // set flags backup
	ScriptNoBackup                 // set flags nobackup
)

var scriptNames = [...]string{"open", "close", "reset", "announce", "remove", "backup", "nobackup"}

// String returns the name of the command.
func (d ScriptDo) String() string {
	if int(d) < len(scriptNames) {
		return scriptNames[d]
	}
	return "unknown"
}

// ParseScriptDo returns the command of a name.
func ParseScriptDo(name string) (ScriptDo, bool) {
	for i, n := range scriptNames {
		if n == name {
			return ScriptDo(i), true
		}
	}
	return 0, false
}

// ScriptAction is one line of a script.
type ScriptAction struct {
	// On is the event that the action follows, Nth which one of its kind, from 1; 0:
	// each. Delay passes in between. An action that depends on time alone is bound to
	// the first PathCreated.
	On    mptcp.PathEventKind
	Nth   int
	Delay sim.Duration

	Do ScriptDo
	// Local is the host's address of ScriptOpen, ScriptAnnounce and ScriptRemove;
	// invalid: that of the event.
	Local netip.Addr
	// Remote is the address to connect to; invalid: that of the initial subflow. With
	// port 0 the port is that of the initial subflow.
	Remote netip.AddrPort
	Backup bool // of ScriptOpen
	// Flow is the subflow that is meant; negative: that of the event, or the initial
	// one.
	Flow int
}

var scriptedParams = []cc.Param{netlinkParam}

var scriptedSpec = Spec{
	Name:   "scripted",
	Doc:    "follows the actions [[flow.path_action]] of the scenario, by event or time (Linux userspace path manager)",
	Params: scriptedParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &Scripted{netlink: netlink{latency: duration(p, scriptedParams, "latency")}}
	},
}

// Follow sets the list of actions. It is called before the first event.
func (m *Scripted) Follow(actions []ScriptAction) { m.actions = actions }

// Watches implements mptcp.PathWatcher.
func (m *Scripted) Watches() mptcp.PathWatch {
	return mptcp.WatchCreated | mptcp.WatchPriority | mptcp.WatchRTO
}

// OnEvent implements mptcp.PathManager.
func (m *Scripted) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if len(m.actions) == 0 || !m.arrive(&ev, act) {
		return
	}
	if ev.Kind == mptcp.PathTimer {
		if i := int(ev.Tag); i < len(m.actions) {
			m.do(&m.actions[i], &mptcp.PathEvent{Flow: 0}, act)
		}
		return
	}
	m.seen[ev.Kind]++
	for i := range m.actions {
		a := &m.actions[i]
		if a.On != ev.Kind || a.Nth != 0 && a.Nth != m.seen[ev.Kind] {
			continue
		}
		if a.Delay > 0 {
			act.After(a.Delay, uint32(i))
		} else {
			m.do(a, &ev, act)
		}
	}
}

// do carries out an action.
func (m *Scripted) do(a *ScriptAction, ev *mptcp.PathEvent, act *mptcp.PathActions) {
	local := a.Local
	if !local.IsValid() {
		local = ev.Local
	}
	flow := cc.FlowID(a.Flow)
	if a.Flow < 0 {
		flow = max(ev.Flow, 0)
	}
	switch a.Do {
	case ScriptOpen:
		to := a.Remote
		id := uint8(0)
		switch {
		case to.Addr().IsValid():
			if to.Port() == 0 {
				to = netip.AddrPortFrom(to.Addr(), act.Remote[0].Addr.Port())
			}
			id = idOf(to, act)
		case ev.Kind == mptcp.PathAddrAdded:
			to, id = ev.Remote, ev.ID
			local = a.Local // the event has none
		default:
			to = act.Remote[0].Addr
		}
		act.OpenTo(local, to, id, a.Backup)
	case ScriptClose:
		act.Close(flow)
	case ScriptReset:
		act.Reset(flow)
	case ScriptAnnounce:
		act.Announce(0, netip.AddrPortFrom(local, 0))
	case ScriptRemove:
		for _, l := range act.Local {
			if l.Addr == local {
				act.Remove(l.ID)
				act.CloseFrom(l.ID)
			}
		}
	case ScriptBackup, ScriptNoBackup:
		act.SetBackup(flow, a.Do == ScriptBackup)
	}
}
