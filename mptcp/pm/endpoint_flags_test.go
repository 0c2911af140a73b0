package pm_test

import (
	"errors"
	"net/netip"
	"testing"

	"mpsim/mptcp"
	"mpsim/sim"
)

// The endpoint flags laminar and implicit of the in-kernel path manager, as the kernel's
// self-test mptcp_join.sh has them (laminar_endp_tests, and "implicit EP" of
// endpoint_tests; Linux 6.18).

const lam = mptcp.AddrLaminar

// Towards an announced address the route would choose 10.0.2.2, from which nothing gets
// through: no join. A laminar endpoint is the source instead, the first of its family, and
// each for one announced address only.
func TestLaminar(t *testing.T) {
	sixth := mptcp.AddrConfig{Addr: netip.MustParseAddr("2001:db8:3::2"), Flags: lam} // of the other family
	for _, v := range []struct {
		joinCase
		sources []int // links of the client that joins came from
	}{
		{joinCase{
			name: "without a laminar endpoint", limits: limits(0, 2, 2, 2), endpoints: on(at(server, sig, 2), nil),
			counters: [2]map[string]int{{"EchoAdd": 1}, {"AddAddr": 1, "MPJoinSynTx": 1}},
		}, nil},
		{joinCase{
			name: "with a laminar endpoint", limits: limits(0, 2, 2, 2), joins: [3]int{1, 1, 1}, counters: added(1),
			endpoints: on(at(server, sig, 2), append([]mptcp.AddrConfig{sixth}, at(client, lam, 3, 4)...)),
		}, []int{3}},
		{joinCase{
			name: "with multiple laminar endpoints", limits: limits(0, 2, 2, 2), joins: [3]int{2, 2, 2}, counters: added(2),
			endpoints: on(at(server, sig, 2, 3), append([]mptcp.AddrConfig{sixth}, at(client, lam, 4, 3)...)),
		}, []int{4, 3}},
		{joinCase{
			name: "single laminar endpoint", limits: limits(0, 2, 2, 2), joins: [3]int{1, 1, 1}, counters: added(2),
			endpoints: on(at(server, sig, 2, 3), at(client, lam, 4)),
		}, []int{4}},
	} {
		t.Run(v.name, func(t *testing.T) {
			v.setUp = func(w *joinNet) {
				w.filter = func(_ int, s *mptcp.Segment) fate {
					if s.Tuple.Src.Addr() == far(client, 2) {
						return reject
					}
					return pass
				}
			}
			v.check = func(w *joinNet) {
				var from []netip.Addr
				for _, f := range w.ep[server].Subflows(w.conn[server], nil)[1:] {
					from = append(from, f.Tuple.Dst.Addr())
				}
				if len(from) != len(v.sources) {
					t.Fatalf("joins came from %v, want links %v", from, v.sources)
				}
				for i, l := range v.sources {
					if from[i] != far(client, l) {
						t.Errorf("join %d came from %v, want %v", i, from[i], far(client, l))
					}
				}
			}
			v.run(t)
		})
	}
}

// An address from which the route lets a subflow go is configured implicitly, with the
// next free id. Its id cannot be changed by configuring it, but its flags can, and it
// keeps the id; nobody may configure an implicit one by hand.
func TestImplicitEndpoint(t *testing.T) {
	w := newJoinNet(t, nil)
	for end := range w.ep {
		w.ep[end].SetPathLimits(0, mptcp.PathLimits{AddAddrAccepted: 2, Subflows: 2})
	}
	w.add(server, mptcp.AddrConfig{Addr: far(server, 2), Flags: sig})
	w.connect()
	w.talk(sim.Second)
	expect := func(what string, want mptcp.AddrConfig) {
		t.Helper()
		for _, a := range w.ep[client].Addrs(nil) {
			if a.Addr == want.Addr {
				if a != want {
					t.Errorf("%s: %+v, want %+v", what, a, want)
				}
				return
			}
		}
		t.Errorf("%s: %v is not configured", what, want.Addr)
	}
	expect("creation", mptcp.AddrConfig{ID: 1, Addr: far(client, 2), Flags: mptcp.AddrImplicit})
	if _, err := w.ep[client].AddAddr(w.now, mptcp.AddrConfig{ID: 33, Addr: far(client, 2)}); !errors.Is(err, mptcp.ErrAddrExists) {
		t.Errorf("another id: %v", err)
	}
	expect("ID change is prevented", mptcp.AddrConfig{ID: 1, Addr: far(client, 2), Flags: mptcp.AddrImplicit})
	if id := w.add(client, mptcp.AddrConfig{Addr: far(client, 2), Flags: sig}); id != 1 {
		t.Errorf("id %d", id)
	}
	expect("modification is allowed", mptcp.AddrConfig{ID: 1, Addr: far(client, 2), Flags: sig})
	if _, err := w.ep[client].AddAddr(w.now, mptcp.AddrConfig{Addr: far(client, 4), Flags: mptcp.AddrImplicit}); !errors.Is(err, mptcp.ErrAddrFlags) {
		t.Errorf("by hand: %v", err)
	}
	w.talk(sim.Second)
	w.run(sim.Second)
	w.intact("implicit")
}
