package host_test

import (
	"net/netip"
	"testing"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// What an endpoint can ask about the device is the queue and the rate of the link on
// which its segments leave: of a download, the server's, which is full, and the
// client's, which carries acknowledgements. A link that varies has no rate to tell.
func TestDevice(t *testing.T) {
	p := newPair(t)
	p.download(t, mptcp.TCP)
	p.run(2 * sim.Second)
	now := p.s.Now()
	for _, v := range []struct {
		h    *host.Host
		what string
		full bool
	}{{p.server, "server", true}, {p.client, "client", false}} {
		var socket uint32
		var tuple *wire.Tuple
		for n := uint32(1); n < 10 && tuple == nil; n++ {
			socket, tuple = n, v.h.Endpoint().Tuple(n)
		}
		link := v.h.Node().Interface("a").Out()
		queue, rate := v.h.Device(now, socket, tuple)
		if queue != link.QueueBytes() || rate != 10*sim.MegabitPerSecond || queue > 10_000 != v.full {
			t.Errorf("%s: %d bytes at %v, the link has %d", v.what, queue, rate, link.QueueBytes())
		}
		nowhere := wire.Tuple{Src: tuple.Src, Dst: netip.MustParseAddrPort("192.0.2.1:80"), Proto: wire.ProtoTCP}
		if v.what == "server" {
			if queue, rate := v.h.Device(now, 99, &nowhere); queue != 0 || rate != 0 {
				t.Errorf("no way to the peer: %d bytes at %v", queue, rate)
			}
		}
		link.SetRate(5 * sim.MegabitPerSecond)
		if _, rate := v.h.Device(now, socket, tuple); rate != 5*sim.MegabitPerSecond {
			t.Errorf("%s: %v after the rate was halved", v.what, rate)
		}
	}
	if f := p.server.PathFacts(addr(0, 1), addr(0, 2)); f != (mptcp.PathFacts{}) {
		t.Errorf("nothing is configured: %+v", f)
	}
}
