package pm_test

import (
	"testing"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// joinCase is one row of the table: configuration to exact counters.
type joinCase struct {
	name string
	// limits are (add_addr_accepted, subflows) of server and client; nil: not set.
	limits    *[2][2]int
	endpoints [2][]mptcp.AddrConfig // before the connection
	prepare   func(p [2]*mptcp.Profile)
	setUp     func(w *joinNet)
	action    func(w *joinNet, ids [2][]uint8)
	// joins are the MP_JOIN SYN that the server received, SYN/ACK that the client
	// received, ACK that the server received.
	joins [3]int
	// counters are further ones, by end and name.
	counters [2]map[string]int
	check    func(w *joinNet)
}

func limits(s1, s2, c1, c2 int) *[2][2]int { return &[2][2]int{{s1, s2}, {c1, c2}} }

// at makes endpoints on the given links.
func at(end int, f mptcp.AddrFlags, links ...int) (out []mptcp.AddrConfig) {
	for _, l := range links {
		out = append(out, mptcp.AddrConfig{Addr: far(end, l), Flags: f})
	}
	return out
}

func on(server, client []mptcp.AddrConfig) [2][]mptcp.AddrConfig {
	return [2][]mptcp.AddrConfig{server, client}
}

const (
	sig  = mptcp.AddrSignal
	sub  = mptcp.AddrSubflow
	mesh = mptcp.AddrSubflow | mptcp.AddrFullmesh
)

// added is that the client received n announcements and the server n echoes.
func added(n int) [2]map[string]int {
	return [2]map[string]int{{"EchoAdd": n}, {"AddAddr": n}}
}

// remove deletes the configured addresses of an end one after the other.
func remove(end int) func(w *joinNet, ids [2][]uint8) {
	return func(w *joinNet, ids [2][]uint8) {
		for _, id := range ids[end] {
			if err := w.ep[end].DelAddr(w.now, id); err != nil {
				w.t.Error(err)
			}
			w.flush(end)
			w.talk(100 * sim.Millisecond)
		}
	}
}

// block does something to everything from and to 10.0.3.2.
func block(what fate) func(w *joinNet) {
	return func(w *joinNet) {
		w.filter = func(_ int, s *mptcp.Segment) fate {
			if s.Tuple.Src.Addr() == far(client, 3) || s.Tuple.Dst.Addr() == far(client, 3) {
				return what
			}
			return pass
		}
	}
}

func noResets(w *joinNet) {
	if w.resets != [2]int{} {
		w.t.Errorf("RSTs sent by server and client: %v, want none", w.resets)
	}
}

// zero deletes the address of the initial subflow.
func zero(end int) func(w *joinNet, _ [2][]uint8) {
	return func(w *joinNet, _ [2][]uint8) {
		if err := w.ep[end].DelAddr(w.now, 0); err != nil {
			w.t.Error(err)
		}
		w.flush(end)
	}
}

// meshAdd adds fullmesh addresses of the client.
func meshAdd(links ...int) func(w *joinNet, _ [2][]uint8) {
	return func(w *joinNet, _ [2][]uint8) {
		for _, a := range at(client, mesh, links...) {
			w.add(client, a)
			w.talk(50 * sim.Millisecond)
		}
	}
}

func deny(end int) func(p [2]*mptcp.Profile) {
	return func(p [2]*mptcp.Profile) { p[end].DenyJoinID0 = true }
}

// signalCases are those without any trouble.
func signalCases() []joinCase {
	return []joinCase{
		{name: "no join"},
		{
			name: "single subflow, limited by the server", limits: limits(0, 0, 0, 1),
			endpoints: on(nil, at(client, sub, 3)), joins: [3]int{1, 1, 0},
			counters: [2]map[string]int{{"MPJoinRejected": 1}, {"MPJoinSynTx": 1}},
		},
		{
			name: "multiple subflows", limits: limits(0, 2, 0, 2),
			endpoints: on(nil, at(client, sub, 3, 2)), joins: [3]int{2, 2, 2},
		},
		{
			name: "unused signal", endpoints: on(at(server, sig, 2), nil), counters: added(1),
		},
		{
			name: "subflow and signal", limits: limits(0, 2, 1, 2),
			endpoints: on(at(server, sig, 2), at(client, sub, 3)), joins: [3]int{2, 2, 2}, counters: added(1),
		},
		{
			name: "signal addresses", limits: limits(3, 3, 3, 3),
			endpoints: on(at(server, sig, 2, 3, 4), nil), joins: [3]int{3, 3, 3}, counters: added(3),
		},
		{
			name: "signal race, both sides 4", limits: limits(4, 4, 4, 4),
			endpoints: on(at(server, sig, 1, 2, 3, 4), at(client, sig, 1, 2, 3, 4)),
			joins:     [3]int{3, 3, 3}, counters: added(3),
		},
	}
}

// failureCases are those in which something is lost, removed or denied.
func failureCases() []joinCase {
	return []joinCase{
		{
			name: "failing subflow, REJECT", limits: limits(0, 2, 0, 2), setUp: block(reject),
			endpoints: on(nil, at(client, sub, 3, 2)), joins: [3]int{1, 1, 1},
			counters: [2]map[string]int{{}, {"MPJoinSynTx": 2}},
		},
		{
			name: "failing subflow, DROP", limits: limits(0, 2, 0, 2), setUp: block(lose),
			endpoints: on(nil, at(client, sub, 3, 2)), joins: [3]int{1, 1, 1},
			counters: [2]map[string]int{{}, {"MPJoinSynTx": 2}},
		},
		{
			name: "backup unused, link 1 fails", limits: limits(0, 2, 1, 2),
			endpoints: on(at(server, sig, 2), at(client, sub|mptcp.AddrBackup, 3)),
			action: func(w *joinNet, _ [2][]uint8) {
				w.bytes[far(client, 3)] = 0
				w.filter = func(_ int, s *mptcp.Segment) fate {
					if s.Tuple.Src.Addr() == far(client, 1) || s.Tuple.Dst.Addr() == far(client, 1) {
						return lose
					}
					return pass
				}
				w.talk(3 * sim.Second)
			},
			joins: [3]int{2, 2, 2}, counters: added(1),
			check: func(w *joinNet) {
				if used, all := w.bytes[far(client, 3)], w.bytes[far(client, 2)]; used*20 > all || all == 0 {
					w.t.Errorf("the backup carried %d bytes, the other path %d", used, all)
				}
			},
		},
		{
			name: "ADD_ADDR timeout", limits: limits(0, 1, 1, 1), endpoints: on(at(server, sig, 2), nil),
			prepare: func(p [2]*mptcp.Profile) { p[server].AddAddrTimeout = sim.Second },
			setUp: func(w *joinNet) {
				w.filter = func(_ int, s *mptcp.Segment) fate {
					if s.Opt.Has(wire.OptAddAddr) && s.Opt.AddAddr.Echo {
						return lose
					}
					return pass
				}
			},
			action: func(w *joinNet, _ [2][]uint8) { w.talk(10 * sim.Second) },
			joins:  [3]int{1, 1, 1}, counters: [2]map[string]int{{"AddAddrTx": 4, "EchoAdd": 0}, {"AddAddr": 4}},
		},
		{
			name: "remove addresses", limits: limits(3, 3, 3, 3), endpoints: on(at(server, sig, 2, 3, 4), nil),
			action: remove(server), joins: [3]int{3, 3, 3},
			counters: [2]map[string]int{{"EchoAdd": 3, "RmSubflow": 3}, {"AddAddr": 3, "RmAddr": 3}},
		},
		{
			name: "remove id 0 subflow", limits: limits(0, 1, 0, 1), endpoints: on(nil, at(client, sub, 3)),
			action: zero(client), joins: [3]int{1, 1, 1},
			counters: [2]map[string]int{{"RmAddr": 1}, {"RmSubflow": 1}}, check: noResets,
		},
		{
			name: "remove id 0 address", limits: limits(0, 1, 1, 1), endpoints: on(at(server, sig, 2), nil),
			action: zero(server), joins: [3]int{1, 1, 1},
			counters: [2]map[string]int{{"EchoAdd": 1, "RmSubflow": 1}, {"AddAddr": 1, "RmAddr": 1}}, check: noResets,
		},
		{
			name: "backup flag on join, later nobackup", limits: limits(0, 1, 0, 1),
			endpoints: on(nil, at(client, sub|mptcp.AddrBackup, 3)),
			action: func(w *joinNet, ids [2][]uint8) {
				if err := w.ep[client].ChangeAddr(w.now, ids[client][0], 0); err != nil {
					w.t.Error(err)
				}
				w.flush(client)
			},
			joins: [3]int{1, 1, 1},
			counters: [2]map[string]int{
				{"MPPrioTx": 0, "MPPrioRx": 1, "MPJoinSynBackupRx": 1}, {"MPPrioTx": 1, "MPJoinSynAckBackupRx": 0},
			},
		},
		{
			name: "signal with port", limits: limits(0, 1, 1, 1),
			endpoints: on([]mptcp.AddrConfig{{Addr: far(server, 2), Port: 10100, Flags: sig}}, nil),
			joins:     [3]int{1, 1, 1},
			counters: [2]map[string]int{
				{"EchoAdd": 1, "PortAdd": 1, "MPJoinPortSynRx": 1, "MPJoinPortAckRx": 1},
				{"AddAddr": 1, "PortAdd": 1, "MPJoinPortSynAckRx": 1},
			},
		},
		{
			name: "server bound to 10.0.1.1 only", limits: limits(0, 2, 2, 2), endpoints: on(at(server, sig, 2), nil),
			setUp:    func(w *joinNet) { w.listenAt = far(server, 1) },
			counters: [2]map[string]int{{"EchoAdd": 1}, {"AddAddr": 1, "MPJoinSynTx": 1}},
		},
		{
			name: "deny, signal and subflow: server denies", limits: limits(2, 2, 2, 2), prepare: deny(server),
			endpoints: on(at(server, sig, 2), at(client, sub, 3)), joins: [3]int{1, 1, 1}, counters: added(1),
		},
		{
			name: "deny, signal and subflow: client denies", limits: limits(2, 2, 2, 2), prepare: deny(client),
			endpoints: on(at(server, sig, 2), at(client, sub, 3)), joins: [3]int{2, 2, 2}, counters: added(1),
		},
		{
			name: "fullmesh 1x1", limits: limits(1, 3, 1, 3), endpoints: on(at(server, sig, 2), nil),
			action: meshAdd(3), joins: [3]int{3, 3, 3}, counters: added(1),
		},
		{
			name: "fullmesh 1x2", limits: limits(2, 5, 1, 5), endpoints: on(at(server, sig, 2), nil),
			action: meshAdd(3, 4), joins: [3]int{5, 5, 5}, counters: added(1),
		},
		{
			name: "fullmesh 1x2, limited to 4", limits: limits(2, 4, 1, 4), endpoints: on(at(server, sig, 2), nil),
			action: meshAdd(3, 4), joins: [3]int{4, 4, 4}, counters: added(1),
		},
	}
}

// TestJoinTable is the part of the kernel's self-test mptcp_join.sh that
// LINUX.md lists: for each configuration the exact counters of a 6.18 kernel.
// The rows of checksums are TestSection3_1ChecksumNegotiation and the one of MP_FAIL is
// TestSection3_7FailureOnOnlySubflow, both of package mptcp.
func TestJoinTable(t *testing.T) {
	for _, v := range append(signalCases(), failureCases()...) {
		t.Run(v.name, func(t *testing.T) { v.run(t) })
	}
}

func (v *joinCase) run(t *testing.T) {
	w := newJoinNet(t, v.prepare)
	var ids [2][]uint8
	for end := range w.ep {
		if v.limits != nil {
			w.ep[end].SetPathLimits(0, mptcp.PathLimits{AddAddrAccepted: v.limits[end][0], Subflows: v.limits[end][1]})
		}
		for _, a := range v.endpoints[end] {
			ids[end] = append(ids[end], w.add(end, a))
		}
	}
	if v.setUp != nil {
		v.setUp(w)
	}
	w.connect()
	w.talk(sim.Second)
	if v.action != nil {
		v.action(w, ids)
	}
	w.talk(sim.Second)
	got := [3]int{w.counter(server, "MPJoinSynRx"), w.counter(client, "MPJoinSynAckRx"), w.counter(server, "MPJoinAckRx")}
	if got != v.joins {
		t.Errorf("joins (SYN, SYN/ACK, ACK) %v, want %v", got, v.joins)
	}
	for end, want := range v.counters {
		for name, n := range want {
			if got := w.counter(end, name); got != n {
				t.Errorf("%s of %s is %d, want %d", name, [2]string{"server", "client"}[end], got, n)
			}
		}
	}
	if v.check != nil {
		v.check(w)
	}
	w.run(5 * sim.Second)
	for end := range w.ep {
		if i := w.ep[1-end].Info(w.conn[1-end]); w.bad || uint64(w.got[end]) != i.Written {
			t.Errorf("end %d got %d of %d bytes", end, w.got[end], i.Written)
		}
	}
}
