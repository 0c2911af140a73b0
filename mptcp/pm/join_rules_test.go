package pm_test

import (
	"testing"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// TestLoadBalancer: behind a load balancer that knows nothing of tokens, joins to
// the virtual address reach another host. Only the flag C together with an
// announced address of the real one gives a second subflow and no failed attempt
// (mptcp.dev, "load balancers").
//
// row:A9
func TestLoadBalancer(t *testing.T) {
	for _, v := range []struct {
		deny, announce bool
		joined, tried  int
	}{
		{false, false, 0, 1}, {true, false, 0, 0}, {false, true, 1, 2}, {true, true, 1, 1},
	} {
		w := newJoinNet(t, func(p [2]*mptcp.Profile) { p[server].DenyJoinID0 = v.deny })
		for end := range w.ep {
			w.ep[end].SetPathLimits(0, mptcp.PathLimits{AddAddrAccepted: 2, Subflows: 2})
		}
		w.add(client, at(client, sub, 3)[0])
		if v.announce {
			w.add(server, at(server, sig, 2)[0])
		}
		w.filter = func(_ int, s *mptcp.Segment) fate {
			if s.Flags == wire.SYN && s.Opt.Has(wire.OptJoin) && s.Tuple.Dst.Addr() == far(server, 1) {
				return reject // by a host that does not know the token
			}
			return pass
		}
		w.connect()
		w.talk(2 * sim.Second)
		if got := w.counter(server, "MPJoinAckRx"); got != v.joined {
			t.Errorf("%+v: %d subflows joined", v, got)
		}
		if got := w.counter(client, "MPJoinSynTx"); got != v.tried {
			t.Errorf("%+v: %d joins tried", v, got)
		}
	}
}

// TestPathModes: with both paths in use both carry data; a backup carries none
// but for single retransmissions of the connection's timer while the other path lives, and all of it afterwards; retiring a path by MP_PRIO
// before it is closed moves the data without a stall (RFC 8684 section 3.3.8).
// Single-path operation opens the second path only when the first is given up.
//
// row:A24
func TestPathModes(t *testing.T) {
	for _, mode := range []string{"full", "backup", "retire", "single"} {
		w := newJoinNet(t, nil)
		for end := range w.ep {
			w.ep[end].SetPathLimits(0, mptcp.PathLimits{Subflows: 2})
		}
		flags := sub
		if mode == "backup" {
			flags |= mptcp.AddrBackup
		}
		first := w.add(client, mptcp.AddrConfig{Addr: far(client, 1), Flags: sub})
		if mode != "single" {
			w.add(client, mptcp.AddrConfig{Addr: far(client, 2), Flags: flags})
		}
		w.connect()
		w.burst(sim.Second)
		one, two := w.bytes[far(client, 1)], w.bytes[far(client, 2)]
		switch used := two*20 > one; {
		case one == 0, mode == "backup" && two*100 > one, mode == "single" && two != 0, (mode == "full" || mode == "retire") && !used:
			t.Errorf("%s: the paths carried %d and %d bytes", mode, one, two)
		}
		if mode == "full" {
			continue
		}
		if mode == "single" {
			w.add(client, mptcp.AddrConfig{Addr: far(client, 2), Flags: sub})
			w.run(100 * sim.Millisecond)
		}
		if err := w.ep[client].ChangeAddr(w.now, first, sub|mptcp.AddrBackup); err != nil {
			t.Fatal(err)
		}
		w.flush(client)
		w.run(100 * sim.Millisecond) // what is under way arrives
		clear(w.bytes)
		w.burst(sim.Second)
		if mode == "retire" && w.bytes[far(client, 1)] != 0 {
			t.Errorf("the retired path carried %d bytes", w.bytes[far(client, 1)])
		}
		clear(w.bytes)
		if err := w.ep[client].DelAddr(w.now, first); err != nil {
			t.Fatal(err)
		}
		w.flush(client)
		w.burst(sim.Second)
		if w.bytes[far(client, 2)] < 10*w.bytes[far(client, 1)] || w.counter(server, "MPPrioRx") == 0 || w.resets != [2]int{} {
			t.Errorf("%s: the paths carried %v, %d MP_PRIO, resets %v", mode, w.bytes, w.counter(server, "MPPrioRx"), w.resets)
		}
		w.run(5 * sim.Second)
		if i := w.ep[server].Info(w.conn[server]); w.bad || uint64(w.got[client]) != i.Written || i.Reinjected*100 > int64(i.Written) {
			t.Errorf("%s: %d of %d bytes, %d sent again", mode, w.got[client], i.Written, i.Reinjected)
		}
	}
}

// burst writes 200 kB in both directions every 100 ms: more than the window of one
// path.
func (w *joinNet) burst(d sim.Duration) {
	for until := w.now.Add(d); w.now < until; w.run(100 * sim.Millisecond) {
		for i := range w.ep {
			if w.conn[i] != 0 {
				w.ep[i].Write(w.now, w.conn[i], 200_000)
				w.flush(i)
			}
		}
	}
}
