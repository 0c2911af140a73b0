package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestSimultaneousFirstSubflow: both hosts dial each other with the same ports, so
// that the SYNs with MP_CAPABLE cross. One connection comes of it, and as neither
// side is the listener that would answer with its key, it is plain TCP on both
// sides (Linux counts SimultConnectFallback and no other counter of fallback);
// data passes both ways.
//
// row:A15
func TestSimultaneousFirstSubflow(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.start()
	a, b := netip.AddrPortFrom(clientAddr(0), 4000), netip.AddrPortFrom(serverAddr, 4001)
	dial := func(h *host, local, remote netip.AddrPort) *app {
		o := w.opt
		o.PathManager = nil
		c, err := h.ep.Dial(0, local, remote, &o)
		if err != nil {
			t.Fatal(err)
		}
		app := &app{conn: c, toWrite: 100_000}
		h.apps = append(h.apps, app)
		return app
	}
	cli, srv := dial(w.client, a, b), dial(w.server, b, a)
	w.flush(w.client)
	w.flush(w.server)
	w.runTo(sim.Time(3 * sim.Second))
	for _, s := range []struct {
		h *host
		a *app
	}{{w.client, cli}, {w.server, srv}} {
		i := s.h.ep.Info(s.a.conn)
		if i.State != tcp.StateEstablished || i.Fallback != trace.SimultConnectFallback || i.Subflows != 1 {
			t.Errorf("%s: state %v, fallback %v, %d subflows", s.h.name, i.State, i.Fallback, i.Subflows)
		}
		if s.a.off != 100_000 || s.a.bad != 0 {
			t.Errorf("%s: %d bytes, %d of them bad", s.h.name, s.a.off, s.a.bad)
		}
		for name, want := range map[string]uint64{"SimultConnectFallback": 1, "MPCapableFallbackSYNACK": 0, "MPCapableFallbackACK": 0,
			"MPCapableSYNTX": 1, "MPCapableSYNRX": 0, "MPCapableSYNACKRX": 0} {
			w.counter(s.h, name, want)
		}
	}
	syns := 0
	for i := range w.log {
		r := &w.log[i]
		if r.seg.Flags == wire.SYN {
			syns++
		} else if o := r.options(); o != nil && o.Present&mptcpOptions != 0 {
			t.Errorf("option of MPTCP after the SYNs: %s", w.line(r))
		}
	}
	if syns != 2 {
		t.Errorf("%d SYNs", syns)
	}
}
