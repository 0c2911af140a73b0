package live

import (
	"errors"
	"sync/atomic"
	"testing"

	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/net/wire"
	"mpsim/sim"
)

// linuxPaths gives the endpoint the path manager of the kernel.
func linuxPaths(o *mptcp.SocketOptions) {
	o.PathManager = func(r *sim.Rand) mptcp.PathManager { p, _ := pm.New("linux", nil, r); return p }
}

// limits lets the endpoint take part in what the kernel announces.
func limits(now sim.Time, e *mptcp.Endpoint) {
	e.SetPathLimits(now, mptcp.PathLimits{AddAddrAccepted: 2, Subflows: 2})
}

// configured configures an address of the endpoint on its second interface.
func configured(v6 bool, port uint16, flags mptcp.AddrFlags) func(now sim.Time, e *mptcp.Endpoint) {
	return func(now sim.Time, e *mptcp.Endpoint) {
		limits(now, e)
		if _, err := e.AddAddr(now, mptcp.AddrConfig{ID: 7, Addr: endpointAddr(1, v6), Port: port, Flags: flags}); err != nil {
			panic(err)
		}
	}
}

// announce configures the kernel's second address once its device is there.
func announce(v6 bool, port uint16, flags PathFlags) func(r *conversation) error {
	return func(r *conversation) error {
		return r.n.AddPathEndpoint(PathEndpoint{ID: 5, Addr: kernelAddr(1, v6), Port: port, Flags: flags})
	}
}

func secondSubflow(r *conversation) {
	r.await("a second subflow", func() bool { return r.app.look().subflows == 1 })
}

func noSecondSubflow(r *conversation) {
	r.await("one subflow only", func() bool { return r.app.look().subflows == 0 })
}

// Either side announces an address with ADD_ADDR, its HMAC and echo, and the
// other one joins it, whoever opened the connection (RFC 8684 section 3.4.1).
// The kernel ignores an announcement with a wrong HMAC, as the endpoint does.
func TestAddAddr(t *testing.T) {
	const n = 200_000
	base := func(v6 bool) liveCase {
		return liveCase{v6: v6, interfaces: 2, up: n, down: n, options: linuxPaths, prepare: limits, kernel: twoSubflows, during: secondSubflow, check: graceful}
	}
	byKernel := func(v6 bool, port uint16) liveCase {
		c := base(v6)
		c.ready = announce(v6, port, PathSignal)
		c.counters = both(accepted, counts{"AddAddrTx": 1, "EchoAdd": 1, "MPJoinSynRx": 1, "MPJoinAckRx": 1})
		c.own = counts{"AddAddr": 1, "EchoAddTx": 1, "MPJoinSynTx": 1, "MPJoinSynAckRx": 1}
		if port != 0 {
			c.own["PortAdd"] = 1
			c.counters["MPJoinPortSynRx"], c.counters["MPJoinPortAckRx"] = 1, 1
		}
		return c
	}
	byUs := func(v6 bool, port uint16) liveCase {
		c := base(v6)
		c.server = true
		c.prepare = configured(v6, port, mptcp.AddrSignal)
		c.counters = both(dialled, counts{"AddAddr": 1, "EchoAddTx": 1, "MPJoinSynTx": 1, "MPJoinSynAckRx": 1})
		c.own = counts{"AddAddrTx": 1, "EchoAdd": 1, "MPJoinSynRx": 1, "MPJoinAckRx": 1}
		if port != 0 {
			c.counters["PortAdd"] = 1
			c.own["MPJoinPortSynRx"], c.own["MPJoinPortAckRx"] = 1, 1
		}
		return c
	}
	runAll(t, []namedCase{
		{"kernel announces v4", byKernel(false, 0)},
		{"kernel announces v6", byKernel(true, 0)},
		{"kernel announces a port", byKernel(false, 10100)},
		{"endpoint announces v4", byUs(false, 0)},
		{"endpoint announces v6", byUs(true, 0)},
		{"endpoint announces a port", byUs(false, 10100)},
		{"kernel announces, echo lost", again(byKernel(false, 0), true,
			counts{"AddAddrTx": atLeast(2), "EchoAdd": atLeast(1)}, counts{"AddAddr": atLeast(2), "EchoAddTx": atLeast(2)})},
		{"endpoint announces, echo lost", again(byUs(false, 0), false,
			counts{"AddAddr": atLeast(2), "EchoAddTx": atLeast(1), "AddAddrDrop": atLeast(0)}, counts{"AddAddrTx": atLeast(2), "EchoAdd": atLeast(1)})},
	})
}

// again is a case in which echoes are lost, of the endpoint or the kernel, until the
// announcement was repeated: one arrives after that, however long the echo to the
// first has taken.
func again(c liveCase, mine bool, kernel, own counts) liveCase {
	sent := 0
	c.filter = func(out bool, _, _ int, p []byte) []byte {
		var t wire.Tuple
		var s wire.Segment
		var o wire.Options
		switch {
		case wire.ParsePacket(p, &t, &s, &o) != nil || !o.Has(wire.OptAddAddr):
		case out != mine && !o.AddAddr.Echo:
			sent++
		case out == mine && o.AddAddr.Echo && sent < 2:
			return nil
		}
		return p
	}
	c.counters, c.own = both(c.counters, kernel), both(c.own, own)
	c.during = func(r *conversation) {
		secondSubflow(r)
		for name, n := range kernel {
			counted(name, n&^atLeast(0))(r)
		}
	}
	return c
}

// An address that goes away is withdrawn with REMOVE_ADDR, and its subflow ends
// on both sides; the connection goes on (RFC 8684 section 3.4.2). RmSubflow counts
// the subflows of who removes the address, RmAddr the addresses of the other one.
func TestRemoveAddr(t *testing.T) {
	const n = 200_000
	remove := map[string]func(now sim.Time, e *mptcp.Endpoint, a *transfer){
		"remove": func(now sim.Time, e *mptcp.Endpoint, _ *transfer) {
			if err := e.DelAddr(now, 7); err != nil {
				panic(err)
			}
		},
	}
	base := liveCase{interfaces: 2, up: n, down: n, options: linuxPaths, prepare: limits, kernel: twoSubflows, check: graceful, commands: remove}
	byKernel := func(r *conversation) {
		secondSubflow(r)
		must(r.t, r.n.DeletePathEndpoint(PathEndpoint{ID: 5}))
		noSecondSubflow(r)
	}
	byUs := func(r *conversation) {
		secondSubflow(r)
		r.b.Command("remove")
		noSecondSubflow(r)
	}
	announced, joined := base, base
	announced.ready = announce(false, 0, PathSignal)
	announced.during = byKernel
	announced.counters = both(accepted, counts{"AddAddrTx": 1, "EchoAdd": 1, "MPJoinSynRx": 1, "MPJoinAckRx": 1, "RmAddrTx": 1, "RmSubflow": 1})
	announced.own = counts{"AddAddr": 1, "EchoAddTx": 1, "MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "RmAddr": 1, "RmSubflow": 0}
	joined.server = true
	joined.ready = announce(false, 0, PathSubflow)
	joined.during = byKernel
	joined.counters = both(dialled, counts{"MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "RmAddrTx": 1, "RmSubflow": 1})
	joined.own = counts{"MPJoinSynRx": 1, "MPJoinAckRx": 1, "RmAddr": 1, "RmSubflow": 0}
	ours, oursJoined := base, base
	ours.server = true
	ours.prepare = configured(false, 0, mptcp.AddrSignal)
	ours.during = byUs
	ours.counters = both(dialled, counts{"AddAddr": 1, "EchoAddTx": 1, "MPJoinSynTx": 1, "RmAddr": 1, "RmSubflow": 0})
	ours.own = counts{"AddAddrTx": 1, "EchoAdd": 1, "MPJoinSynRx": 1, "RmAddrTx": 1, "RmSubflow": 1}
	oursJoined.prepare = configured(false, 0, mptcp.AddrSubflow)
	oursJoined.during = byUs
	oursJoined.counters = both(accepted, counts{"MPJoinSynRx": 1, "MPJoinAckRx": 1, "RmAddr": 1, "RmSubflow": 0})
	oursJoined.own = counts{"MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "RmAddrTx": 1, "RmSubflow": 1}
	runAll(t, []namedCase{
		{"announced by the kernel", announced},
		{"joined from by the kernel", joined},
		{"joined from by the kernel, which does not read", unread(joined)},
		{"announced by the endpoint", ours},
		{"joined from by the endpoint", oursJoined},
	})
}

// unread is a case in which the kernel's application reads nothing until the
// subflow is gone. The windows of the kernel are closed when it removes the
// address. Its socket then stands in FIN-WAIT-2, where it announces that window
// for ever, so that the endpoint cannot send its FIN; the endpoint does not wait
// for that.
func unread(c liveCase) liveCase {
	kernel := c.kernel
	c.kernel = func(n *Namespace) error {
		return errors.Join(kernel(n), n.SetSysctl("net.ipv4.tcp_rmem", "4096 32768 65536"))
	}
	var shut [2]atomic.Bool // by the address of the kernel
	c.filter = func(out bool, _, _ int, p []byte) []byte {
		var t wire.Tuple
		var s wire.Segment
		var o wire.Options
		if !out && wire.ParsePacket(p, &t, &s, &o) == nil && !s.Flags.Has(wire.SYN) {
			for i := range shut {
				if t.Src.Addr() == kernelAddr(i, false) {
					shut[i].Store(s.Window == 0)
				}
			}
		}
		return p
	}
	c.during = nil
	c.talk = func(r *conversation, s *kernelSocket) error {
		secondSubflow(r)
		r.await("closed windows", func() bool { return shut[0].Load() && shut[1].Load() })
		must(r.t, r.n.DeletePathEndpoint(PathEndpoint{ID: 5}))
		noSecondSubflow(r)
		if !shut[1].Load() {
			r.t.Error("the kernel has opened the window of the subflow that it removed")
		}
		none := make(chan struct{})
		close(none)
		return r.exchange(s, none)
	}
	check := c.check
	c.check = func(r *conversation) {
		check(r)
		if st := r.app.look(); st.received != c.down || st.wrong > 0 {
			r.t.Errorf("the endpoint received %d bytes of %d, %d of them wrong", st.received, c.down, st.wrong)
		}
	}
	return c
}
