package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestAPI: the five operations of RFC 6897 section 5: enable, add, remove, list
// of subflows, connection id.
//
// row:K2
func TestAPI(t *testing.T) {
	w := newWorld(t, 10*ms, 10*ms)
	w.options = func(_ string, o *SocketOptions) { o.PathManager = nil }
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 1000
	e := w.client.ep
	if e.MultipathEnabled(cli.conn) || e.AddLocal(w.now, cli.conn, netip.AddrPortFrom(clientAddr(1), 0)) != ErrNotMultipath {
		t.Error("MPTCP before the handshake")
	}
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	token, ok := e.ConnectionID(cli.conn)
	if !e.MultipathEnabled(cli.conn) || !ok || token != e.Info(cli.conn).Token {
		t.Errorf("enabled %v, id %x", e.MultipathEnabled(cli.conn), token)
	}
	if err := e.AddLocal(w.now, cli.conn, netip.MustParseAddrPort("10.99.0.1:0")); err != ErrNoAddress {
		t.Errorf("a foreign address: %v", err)
	}
	if err := e.AddLocal(w.now, cli.conn, netip.AddrPortFrom(clientAddr(1), 5000)); err != nil {
		t.Fatal(err)
	}
	w.flush(w.client)
	w.runTo(w.now.Add(sim.Second))
	want := []wire.Tuple{
		{Src: e.SubflowAddrs(cli.conn, nil)[0].Src, Dst: netip.AddrPortFrom(serverAddr, 80), Proto: wire.ProtoTCP},
		{Src: netip.AddrPortFrom(clientAddr(1), 5000), Dst: netip.AddrPortFrom(serverAddr, 80), Proto: wire.ProtoTCP},
	}
	if got := e.SubflowAddrs(cli.conn, nil); len(got) != 2 || got[0].Src.Addr() != clientAddr(0) || got[1] != want[1] || got[0] != want[0] {
		t.Errorf("subflows %v", got)
	}
	if err := e.RemoveLocal(w.now, cli.conn, clientAddr(1)); err != nil {
		t.Fatal(err)
	}
	w.flush(w.client)
	w.runTo(w.now.Add(sim.Second))
	if got := e.SubflowAddrs(cli.conn, nil); len(got) != 1 || got[0] != want[0] {
		t.Errorf("subflows after the removal: %v", got)
	}
	w.counter(w.server, "RmAddr", 1)
	for i := range w.log {
		// The side that removes the address ends the subflow.
		if r := &w.log[i]; r.path == 1 && r.seg.Flags&(wire.FIN|wire.RST) != 0 {
			if !r.up {
				t.Errorf("the peer ends the subflow first: %s", w.line(r))
			}
			break
		}
	}
	if err := e.RemoveLocal(w.now, cli.conn, clientAddr(1)); err != ErrNotUsed {
		t.Errorf("removed again: %v", err)
	}
	// Disabled, the connection is plain TCP.
	w.options = func(_ string, o *SocketOptions) { o.EnableMultipath(false) }
	off := w.connect()
	w.runTo(w.now.Add(sim.Second))
	if _, ok := e.ConnectionID(off.conn); ok || e.MultipathEnabled(off.conn) || len(e.SubflowAddrs(off.conn, nil)) != 1 {
		t.Error("a plain connection speaks MPTCP")
	}
}

// TestAPIRefuses: no subflow is added beyond the limit of the socket, to a peer that
// takes none to its initial address (flag C), or after fallback, behind which the
// connection speaks MPTCP no longer (RFC 6897 section 5.3).
//
// row:K2
func TestAPIRefuses(t *testing.T) {
	for _, deny := range []bool{false, true} {
		w := newWorld(t, 10*ms, 10*ms, 10*ms)
		w.served = RFC()
		w.served.DenyJoinID0 = deny
		w.options = func(_ string, o *SocketOptions) { o.PathManager, o.SubflowLimit = nil, 1 }
		w.start()
		w.server.accept = func() *app { return &app{} }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		for i, want := range []error{nil, ErrNotAllowed} {
			if deny {
				want = ErrNotAllowed
			}
			if err := w.client.ep.AddLocal(w.now, cli.conn, netip.AddrPortFrom(clientAddr(1+i), 0)); err != want {
				t.Errorf("deny %v, subflow %d: %v, want %v", deny, 1+i, err, want)
			}
		}
	}
	w, cli, _ := plainWorld(t, "rfc")
	_, ok := w.client.ep.ConnectionID(cli.conn)
	if err := w.client.ep.AddLocal(w.now, cli.conn, netip.AddrPortFrom(clientAddr(0), 5000)); ok || w.client.ep.MultipathEnabled(cli.conn) || err != ErrNotMultipath {
		t.Errorf("after fallback: id %v, enabled %v, %v", ok, w.client.ep.MultipathEnabled(cli.conn), err)
	}
}

// TestAddressesOfTheSocket: the application sees the addresses of the first
// subflow after that subflow has ended (RFC 8684 section 4).
//
// row:K3
func TestAddressesOfTheSocket(t *testing.T) {
	w, cli, srv := twoPaths(t, Linux(), 2<<20)
	local, remote := w.client.ep.SocketAddrs(cli.conn)
	if local.Addr() != clientAddr(0) || remote != netip.AddrPortFrom(serverAddr, 80) {
		t.Errorf("%v, %v", local, remote)
	}
	w.client.ep.HandleAddr(w.now, clientAddr(0), false, 0)
	w.flush(w.client)
	w.runTo(w.now.Add(20 * sim.Second))
	if cli.off != 2<<20 || cli.conn == 0 {
		t.Fatalf("%d bytes", cli.off)
	}
	if l, r := w.client.ep.SocketAddrs(cli.conn); l != local || r != remote {
		t.Errorf("client: %v, %v", l, r)
	}
	if l, r := w.server.ep.SocketAddrs(srv.conn); l != remote || r != local {
		t.Errorf("server: %v, %v", l, r)
	}
	if got := w.client.ep.SubflowAddrs(cli.conn, nil); len(got) != 1 || got[0].Src.Addr() != clientAddr(1) {
		t.Errorf("subflows %v", got)
	}
}
