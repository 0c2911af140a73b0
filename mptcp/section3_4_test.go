package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// RFC 8684 sections 3.3 to 3.6, signals: what the tests of the mechanisms
// themselves do not say.

// forgeries are signals that a host must not believe when the segment that carries
// them fails TCP's checks.
func (r *rawPeer) forgeries() map[string]func(s *Segment) {
	hmac := addAddrHMAC(r.key, r.peer, 5, netip.AddrPortFrom(rawAddr3.Addr(), 0))
	return map[string]func(s *Segment){
		"ADD_ADDR": func(s *Segment) {
			s.Options().Present |= wire.OptAddAddr
			s.Opt.AddAddr = wire.AddAddr{AddrID: 5, Addr: rawAddr3.Addr(), HMAC: hmac}
		},
		"REMOVE_ADDR": func(s *Segment) {
			s.Options().Present |= wire.OptRemoveAddr
			s.Opt.RemoveAddr.N, s.Opt.RemoveAddr.IDs[0] = 1, 1
		},
		"MP_PRIO": func(s *Segment) {
			s.Options().Present |= wire.OptPrio
			s.Opt.Prio.Backup = true
		},
		"MP_FASTCLOSE": func(s *Segment) {
			s.Options().Present |= wire.OptFastClose
			s.Opt.FastClose.ReceiverKey = uint64(r.peer)
		},
	}
}

// believed reports whether a signal had an effect on a connection with two
// subflows.
func (r *rawPeer) believed() bool {
	for _, n := range []string{"AddAddr", "RmAddr", "MPPrioRx", "MPFastcloseRx"} {
		if counterOf(r.ep, n) > 0 {
			return true
		}
	}
	return false
}

// testForgeries sends each signal in segments that TCP does not accept, where none
// may have an effect, and then in one that it does.
func testForgeries(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		r := rawEstablished(t, Linux(), 100)
		r.join(t)
		signal := r.forgeries()[name]
		r.send(wire.ACK, 101+100_000_000, 0, signal)
		r.send(wire.ACK, 1<<32-900, 0, signal)
		good := r.ack
		for _, off := range []wire.Seq{1 << 20, 1 << 31, 1<<32 - 1<<20} {
			r.ack = good + off
			r.send(wire.ACK, 101, 0, signal)
		}
		r.ack = good
		if r.believed() {
			t.Errorf("%s in an unacceptable segment is believed", name)
		}
		r.send(wire.ACK, 101, 0, signal)
		if !r.believed() {
			t.Errorf("%s in an acceptable segment is not believed", name)
		}
	}
}

// TestSection3_4_1ChecksFirst: an ADD_ADDR counts only if sequence and
// acknowledgement number of its segment are acceptable.
//
// rfc8684:3.4.1-1 row:A30
func TestSection3_4_1ChecksFirst(t *testing.T) { testForgeries(t, "ADD_ADDR") }

// TestSection3_4_2ChecksFirst says so of REMOVE_ADDR.
//
// rfc8684:3.4.2-4 row:A30
func TestSection3_4_2ChecksFirst(t *testing.T) { testForgeries(t, "REMOVE_ADDR") }

// TestSection3ChecksFirst says so of the other signals.
//
// rfc8684:3-3
func TestSection3ChecksFirst(t *testing.T) { testForgeries(t, "MP_PRIO", "MP_FASTCLOSE") }

// TestSection3_4_1ReservedFlags: the three bits beside the echo are zero in what is
// sent, and do not matter in what is received.
//
// rfc8684:3.4.1-7 row:A17
func TestSection3_4_1ReservedFlags(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	plain := &Segment{}
	r.forgeries()["ADD_ADDR"](plain)
	b := wire.AppendOptions(nil, &plain.Segment, plain.Opt)
	if b[0] != 30 || b[2] != 3<<4 {
		t.Fatalf("ADD_ADDR % x", b)
	}
	for flags := byte(2); flags < 16; flags += 2 { // bit 0 is the echo
		b[2] = 3<<4 | flags
		out := r.send(wire.ACK, 101, 0, func(s *Segment) { wire.ParseOptions(b, &s.Segment, s.Options()) })
		echoed := false
		for _, s := range out {
			if s.Opt.Has(wire.OptAddAddr) {
				echo := wire.AppendOptions(nil, &s.Segment, s.Opt)
				for i := 0; i < len(echo); i += optionLen(echo[i:]) {
					if echo[i] == 30 && echo[i+2] == 3<<4|1 {
						echoed = true
					}
				}
			}
		}
		if !echoed {
			t.Errorf("flags %#x: not echoed, or with other flags", flags)
		}
	}
}

// TestSection3_4_1IDsAreReplacedAfterRemoval: a host does not give an id that is
// in use to another address; removed, the id can be given again.
//
// rfc8684:3.4.1-11 rfc8684:3.4.1-2
func TestSection3_4_1IDsAreReplacedAfterRemoval(t *testing.T) {
	e := rawEndpoint(Linux())
	a, b := netip.MustParseAddr("10.0.9.2"), netip.MustParseAddr("10.0.9.3")
	if id, err := e.AddAddr(0, AddrConfig{ID: 7, Addr: a, Flags: AddrSignal}); err != nil || id != 7 {
		t.Fatalf("id %d: %v", id, err)
	}
	if _, err := e.AddAddr(0, AddrConfig{ID: 7, Addr: b, Flags: AddrSignal}); err == nil {
		t.Error("an id was given to two addresses")
	}
	if id, err := e.AddAddr(0, AddrConfig{Addr: b, Flags: AddrSignal}); err != nil || id == 7 || id == 0 {
		t.Errorf("the second address has id %d: %v", id, err)
	}
	if err := e.DelAddr(0, 7); err != nil {
		t.Fatal(err)
	}
	if _, err := e.AddAddr(0, AddrConfig{ID: 7, Addr: netip.MustParseAddr("10.0.9.4"), Flags: AddrSignal}); err != nil {
		t.Error(err)
	}
}

// TestSection3_5SubflowsEndByFIN: a subflow that works and is not wanted any more
// ends by FINs in both directions; no MP_FASTCLOSE and no RST is sent.
//
// rfc8684:3.5-1
func TestSection3_5SubflowsEndByFIN(t *testing.T) {
	const size = 3 << 20
	w, cli, srv := joinWorld(t, size)
	w.at(sim.Time(700*ms), func() {
		if err := w.client.ep.RemoveLocal(w.now, cli.conn, clientAddr(1)); err != nil {
			t.Error(err)
		}
	})
	w.finish(t, cli, srv, size)
	w.runTo(w.now.Add(5 * sim.Second))
	fins := 0
	for i := range w.log {
		r := &w.log[i]
		if r.seg.Flags.Has(wire.RST) || r.hasOpt && r.opt.Has(wire.OptFastClose) {
			t.Errorf("not a FIN: %s", w.line(r))
		}
		if r.path == 1 && r.seg.Flags.Has(wire.FIN) {
			fins++
		}
	}
	if subs := w.client.ep.Subflows(cli.conn, nil); fins < 2 || len(subs) > 1 && !subs[1].Ended {
		t.Errorf("%d FINs on the second path", fins)
	}
}

// TestSection3_6ReservedFlags: U, V and W of MP_TCPRST are zero in what is sent and
// ignored in what is received.
//
// rfc8684:3.6-3
func TestSection3_6ReservedFlags(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	r.ep.Abort(r.now, r.conn)
	out := r.poll()
	if len(out) != 1 || !out[0].Opt.Has(wire.OptRst) || out[0].Opt.Rst.Flags != 0 {
		t.Errorf("%d segments end the connection", len(out))
	}
	for flags := range uint8(16) {
		r := rawEstablished(t, Linux(), 100)
		j := r.join(t)
		j.send(wire.RST|wire.ACK, 1, 0, func(s *Segment) {
			s.Options().Present |= wire.OptRst
			s.Opt.Rst = wire.Rst{Flags: flags, Reason: 3}
		})
		subs := r.ep.Subflows(r.conn, nil)
		if !subs[len(subs)-1].Ended && len(subs) == 2 || r.info().Why != 0 {
			t.Errorf("flags %#x: subflows %+v", flags, subs)
		}
		if n := counterOf(r.ep, "MPRstRx"); n != 1 {
			t.Errorf("flags %#x: MPRstRx is %d", flags, n)
		}
	}
}

// remotesPM keeps what a path manager may connect to.
type remotesPM struct{ seen *[]PathRemote }

func (p remotesPM) OnEvent(_ sim.Time, _ PathEvent, act *PathActions) {
	*p.seen = append((*p.seen)[:0], act.Remote...)
}

// TestSection3_4_2WithdrawnIsNotUsed: an address that was withdrawn is not one to
// connect to any more, though its path still answers and is kept.
//
// rfc8684:3.4.2-3 row:A21
func TestSection3_4_2WithdrawnIsNotUsed(t *testing.T) {
	var seen []PathRemote
	o := rawOptions()
	o.PathManager = func(*sim.Rand) PathManager { return remotesPM{&seen} }
	r := rawListener(t, RFC(), o)
	r.open(capable(1, flagH, 0, 0, 0))
	r.send(wire.ACK, 1, 0, capable(1, flagH, 2, r.key, r.peer))
	r.send(wire.ACK, 1, 100, r.dss(1, 1, 100, 1))
	j := r.join(t)
	r.send(wire.ACK, 101, 0, r.forgeries()["ADD_ADDR"])
	known := func(a netip.Addr) bool {
		for _, p := range seen {
			if p.Addr.Addr() == a {
				return true
			}
		}
		return false
	}
	if !known(rawAddr3.Addr()) {
		t.Fatalf("an announced address is not among %v", seen)
	}
	r.send(wire.ACK, 101, 0, func(s *Segment) {
		s.Options().Present |= wire.OptRemoveAddr
		s.Opt.RemoveAddr.N, s.Opt.RemoveAddr.IDs[0], s.Opt.RemoveAddr.IDs[1] = 2, 5, 1
	})
	r.pass(10 * sim.Millisecond)
	j.now = r.now
	j.send(wire.ACK, 1, 0, j.dss(0, 0, 0, 1)) // the answer to the keepalive
	r.pass(10 * sim.Second)
	if known(rawAddr3.Addr()) || known(rawAddr2.Addr()) {
		t.Errorf("withdrawn addresses are among %v", seen)
	}
	if subs := r.ep.Subflows(r.conn, nil); len(subs) != 2 || !subs[1].Usable {
		t.Errorf("the path that answers is gone: %+v", subs)
	}
}
