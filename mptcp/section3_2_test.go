package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// RFC 8684 section 3.2, starting a new subflow.

// joined adds a subflow to an established raw connection, from rawAddr2, and
// returns the raw peer of that subflow.
func (r *rawPeer) join(t *testing.T) *rawPeer {
	t.Helper()
	token, _ := r.peer.Derive()
	j := *r
	j.tuple.Src = rawAddr2
	out := j.send(wire.SYN, 0, 0, joinSYN(token))
	if len(out) != 1 || !out[0].Opt.Has(wire.OptJoin) {
		t.Fatalf("the join gets %d answers", len(out))
	}
	j.isn, j.ack = out[0].Seq, out[0].Seq+1
	out = j.send(wire.ACK, 1, 0, joinACK(left160(joinHMAC(j.key, j.peer, 0xa1a2a3a4, out[0].Opt.Join.Nonce))))
	if len(out) != 1 || !out[0].Segment.Opt.Has(wire.HasDSS|wire.HasDataAck) {
		t.Fatalf("the third packet gets %d answers", len(out))
	}
	return &j
}

func joinACK(hmac [20]byte) func(s *Segment) {
	return func(s *Segment) {
		o := s.Options()
		o.Present |= wire.OptJoin
		o.Join = wire.Join{Form: wire.JoinACK, HMAC: hmac}
	}
}

func joinSYNACK(hmac uint64, nonce uint32) func(s *Segment) {
	return func(s *Segment) {
		o := s.Options()
		o.Present |= wire.OptJoin
		o.Join = wire.Join{Form: wire.JoinSYNACK, HMAC64: hmac, Nonce: nonce}
	}
}

// TestSection3_2AddressIDsAreStored: the ids of both ends of a subflow are those
// that the handshake of the join carried.
//
// rfc8684:3.2-1
func TestSection3_2AddressIDsAreStored(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	r.join(t)
	subs := r.ep.Subflows(r.conn, nil)
	if len(subs) != 2 || subs[0].RemoteID != 0 || subs[0].LocalID != 0 || subs[1].RemoteID != 1 || subs[1].LocalID != 0 {
		t.Errorf("%+v", subs)
	}
}

// TestSection3_2ReservedBitsAreZero: in the bytes of all three forms of MP_JOIN
// only the backup bit of the flags is ever set.
//
// rfc8684:3.2-2 rfc8684:3.2-5
func TestSection3_2ReservedBitsAreZero(t *testing.T) {
	w, cli, srv := joinWorld(t, 100_000)
	forms := 0
	for _, p := range w.paths {
		for _, d := range p {
			d.box = func(s *Segment) []*Segment {
				if !s.Opt.Has(wire.OptJoin) {
					return []*Segment{s}
				}
				forms |= 1 << s.Opt.Join.Form
				b := wire.AppendOptions(nil, &s.Segment, s.Opt)
				for i := 0; i < len(b); i += max(1, optionLen(b[i:])) {
					if b[i] == 30 && b[i+2]>>4 == 1 && b[i+2]&0xe != 0 {
						t.Errorf("flags %#x in % x", b[i+2]&0xf, b[i:])
					}
				}
				return []*Segment{s}
			}
		}
	}
	w.finish(t, cli, srv, 100_000)
	if forms != 7 {
		t.Errorf("forms seen: %03b", forms)
	}
}

// optionLen returns the length of the option at the head of b.
func optionLen(b []byte) int {
	if b[0] <= 1 {
		return 1
	}
	return int(b[1])
}

// TestSection3_2SYNACKProvesTheKeys: a SYN with a valid token is answered by a
// nonce and the leftmost 64 bits of the HMAC over both nonces.
//
// rfc8684:3.2-3
func TestSection3_2SYNACKProvesTheKeys(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	token, _ := r.peer.Derive()
	r.tuple.Src = rawAddr2
	out := r.send(wire.SYN, 0, 0, joinSYN(token))
	if len(out) != 1 || out[0].Flags != wire.SYN|wire.ACK || !out[0].Opt.Has(wire.OptJoin) {
		t.Fatalf("%d answers", len(out))
	}
	j := out[0].Opt.Join
	if want := left64(joinHMAC(r.peer, r.key, j.Nonce, 0xa1a2a3a4)); j.HMAC64 != want || j.Form != wire.JoinSYNACK || j.Nonce == 0 {
		t.Errorf("%+v, expected HMAC %#x", j, want)
	}
}

// TestSection3_2ThirdPacketIsReliable: the third packet is answered by an ACK at
// once, also when it comes again; and it is sent again until that ACK comes.
//
// rfc8684:3.2-4
func TestSection3_2ThirdPacketIsReliable(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	token, _ := r.peer.Derive()
	r.tuple.Src = rawAddr2
	synack := r.send(wire.SYN, 0, 0, joinSYN(token))[0]
	r.ack = synack.Seq + 1
	third := joinACK(left160(joinHMAC(r.key, r.peer, 0xa1a2a3a4, synack.Opt.Join.Nonce)))
	for i := range 3 {
		out := r.send(wire.ACK, 1, 0, third)
		if len(out) != 1 || out[0].Flags != wire.ACK || !out[0].Segment.Opt.Has(wire.HasDSS) {
			t.Errorf("third packet, time %d: %d answers", i, len(out))
		}
	}

	w, _, _ := joinWorld(t, 1<<20)
	w.paths[1][1].drop = func(_ int, _ sim.Time, s *Segment) bool { return !s.Flags.Has(wire.SYN) }
	w.runTo(sim.Time(3 * sim.Second))
	n := 0
	for i := range w.log {
		if r := &w.log[i]; r.path == 1 && r.up && r.hasOpt && r.opt.Has(wire.OptJoin) && r.opt.Join.Form == wire.JoinACK {
			n++
		}
	}
	if n < 5 {
		t.Errorf("the third packet was sent %d times in three seconds", n)
	}
}

// reset checks that a list of segments is one RST, with an MP_TCPRST of the given
// reason.
func wantReset(t *testing.T, what string, out []*Segment, reason uint8) {
	t.Helper()
	if len(out) != 1 || !out[0].Flags.Has(wire.RST) {
		t.Errorf("%s: %d answers", what, len(out))
		return
	}
	if !out[0].Opt.Has(wire.OptRst) || out[0].Opt.Rst.Reason != reason {
		t.Errorf("%s: RST with %+v, expected reason %d", what, out[0].Opt, reason)
	}
}

// TestSection3_2RefusedJoins: a join with an unknown token, against policy, with
// a wrong HMAC or without the option in one of its packets ends in a RST with
// MP_TCPRST, and the connection goes on.
//
// rfc8684:3.2-6 rfc8684:3.2-7 rfc8684:3.2-8 rfc8684:3.2-9 rfc8684:3.2-10 rfc8684:3.2-11 row:A12
func TestSection3_2RefusedJoins(t *testing.T) {
	alive := func(what string, r *rawPeer, from int) {
		t.Helper()
		got := r.info().Received
		r.send(wire.ACK|wire.PSH, wire.Seq(from), 10, r.dss(uint32(from), uint64(from), 10, 1))
		if r.info().Received != got+10 {
			t.Errorf("%s: the connection is dead", what)
		}
	}
	r := rawEstablished(t, Linux(), 100)
	token, _ := r.peer.Derive()
	j := *r
	j.tuple.Src = rawAddr2
	wantReset(t, "unknown token", j.send(wire.SYN, 0, 0, joinSYN(token+1)), 1)
	alive("unknown token", r, 101)

	for _, c := range []struct {
		what string
		edit func(good [20]byte) func(s *Segment)
	}{
		{"wrong HMAC", func(h [20]byte) func(s *Segment) { h[19] ^= 1; return joinACK(h) }},
		{"no MP_JOIN in the third packet", func([20]byte) func(s *Segment) { return nil }},
	} {
		j.tuple.Src = rawAddr2
		synack := j.send(wire.SYN, 0, 0, joinSYN(token))[0]
		j.ack = synack.Seq + 1
		good := left160(joinHMAC(j.key, j.peer, 0xa1a2a3a4, synack.Opt.Join.Nonce))
		wantReset(t, c.what, j.send(wire.ACK, 1, 0, c.edit(good)), 1)
	}
	alive("wrong third packet", r, 111)

	// Policy: no subflow allowed. RFC: at the SYN; Linux: at the third packet.
	for _, p := range []*Profile{RFC(), Linux()} {
		p.SubflowLimit = 1
		r := rawEstablished(t, p, 100)
		r.join(t)
		j := *r
		j.tuple.Src = rawAddr3
		token, _ := j.peer.Derive()
		out := j.send(wire.SYN, 0, 0, joinSYN(token))
		if p.RefuseAtACK {
			j.ack = out[0].Seq + 1
			out = j.send(wire.ACK, 1, 0, joinACK(left160(joinHMAC(j.key, j.peer, 0xa1a2a3a4, out[0].Opt.Join.Nonce))))
		}
		wantReset(t, "limit of "+p.Name, out, 3)
		alive("limit of "+p.Name, r, 101)
	}
}

// TestSection3_2ActiveSideChecks: the side that joins resets the subflow if the
// SYN/ACK has a wrong HMAC or no MP_JOIN at all.
//
// rfc8684:3.2-7 rfc8684:3.2-8 rfc8684:3.2-10 rfc8684:3.2-11
func TestSection3_2ActiveSideChecks(t *testing.T) {
	for name, edit := range map[string]func(s *Segment){
		"wrong HMAC": func(s *Segment) { s.Opt.Join.HMAC64 ^= 1 },
		"no MP_JOIN": func(s *Segment) { s.Opt.Present &^= wire.OptJoin },
	} {
		w, cli, srv := joinWorld(t, 200_000)
		w.paths[1][1].box = func(s *Segment) []*Segment {
			if s.Flags.Has(wire.SYN) {
				edit(s)
			}
			return []*Segment{s}
		}
		w.finish(t, cli, srv, 200_000)
		resets := 0
		for i := range w.log {
			r := &w.log[i]
			if r.path == 1 && r.up && r.seg.Flags.Has(wire.RST) {
				resets++
				if !r.hasOpt || !r.opt.Has(wire.OptRst) || r.opt.Rst.Reason != 1 {
					t.Errorf("%s: %s", name, w.line(r))
				}
			}
		}
		if subs := w.client.ep.Subflows(cli.conn, nil); resets != 1 || len(subs) > 1 && !subs[1].Ended {
			t.Errorf("%s: %d resets\n%s", name, resets, w.dump(20))
		}
	}
}

// TestSection3_2DemultiplexedByToken: a join goes to the connection of its token,
// whatever the destination port, with or without a listener there. Linux looks
// for a listener first (mptcp_join.sh, "bind"). What that costs is one look at the
// options of every SYN to a port without a listener (RFC 8041 section 3.5): here
// three tokens are looked up, two of them at ports without one, and Linux looks up none.
//
// rfc8684:3.2-12 row:A13
func TestSection3_2DemultiplexedByToken(t *testing.T) {
	r := rawEstablished(t, RFC(), 100)
	token, _ := r.peer.Derive()
	for i, port := range []uint16{80, 81, 65535} {
		j := *r
		j.tuple.Src = rawAddr2
		j.tuple.Dst = netAddrPort(restAddr, port)
		out := j.send(wire.SYN, 0, 0, joinSYN(token))
		if len(out) != 1 || out[0].Flags != wire.SYN|wire.ACK || !out[0].Opt.Has(wire.OptJoin) {
			t.Errorf("join %d to port %d: %d answers", i, port, len(out))
		}
	}
	l := rawEstablished(t, Linux(), 100)
	l.tuple = wire.Tuple{Src: rawAddr2, Dst: netAddrPort(restAddr, 81), Proto: wire.ProtoTCP}
	token, _ = l.peer.Derive()
	if out := l.send(wire.SYN, 0, 0, joinSYN(token)); len(out) != 1 || !out[0].Flags.Has(wire.RST) || out[0].Opt.Has(wire.OptRst) {
		t.Errorf("join to a port without listener under linux: %d answers", len(out))
	}
	// Without a join a SYN to a closed port is refused.
	r.tuple.Dst, r.tuple.Src = netAddrPort(restAddr, 81), rawAddr3
	if out := r.send(wire.SYN, 0, 0, nil); len(out) != 1 || !out[0].Flags.Has(wire.RST) {
		t.Errorf("SYN to a closed port: %d answers", len(out))
	}
	if n, m := counterOf(r.ep, "MPJoinSynRx"), counterOf(l.ep, "MPJoinSynRx"); n != 3 || m != 0 {
		t.Errorf("%d SYNs were looked up by token, %d under linux", n, m)
	}
}

// TestSection3_2ActiveAddressID: who opens a subflow to an address whose id it does
// not know takes the id from the SYN/ACK: a withdrawal of that id means the subflow.
//
// rfc8684:3.2-1 row:A20
func TestSection3_2ActiveAddressID(t *testing.T) {
	r, _ := rawDialler(t, Linux(), rawOptions())
	out := r.send(wire.SYN|wire.ACK, 0, 0, capable(1, flagH, 1, r.key, 0))
	r.peer = Key(out[0].Opt.Capable.SenderKey)
	r.send(wire.ACK|wire.PSH, 1, 100, r.dss(1, 1, 100, 1))
	c := r.ep.open(r.conn).conn
	if c.openSubflow(r.now, netAddrPort(restAddr, 0), rawAddr2, 0, false) == nil {
		t.Fatal("no subflow is opened")
	}
	syn := r.poll()[0]
	j := *r
	j.tuple = syn.Tuple.Reverse()
	j.ack = syn.Seq + 1
	j.send(wire.SYN|wire.ACK, 0, 0, func(s *Segment) {
		joinSYNACK(left64(joinHMAC(r.key, r.peer, 0xb1b2b3b4, syn.Opt.Join.Nonce)), 0xb1b2b3b4)(s)
		s.Opt.Join.AddrID = 7
	})
	j.send(wire.ACK, 1, 0, j.dss(0, 0, 0, 1))
	if subs := r.ep.Subflows(r.conn, nil); len(subs) != 2 || subs[1].RemoteID != 7 || subs[1].Ended {
		t.Fatalf("%+v", subs)
	}
	r.send(wire.ACK, 101, 0, func(s *Segment) {
		r.dss(0, 0, 0, 1)(s)
		s.Options().Present |= wire.OptRemoveAddr
		s.Opt.RemoveAddr.N, s.Opt.RemoveAddr.IDs[0] = 1, 7
	})
	if !c.subs[1].closing || c.subs[0].closing {
		t.Error("the withdrawal does not close the subflow")
	}
}

// TestSection3_1JoinDenied: a path manager that does not look at flag C of the peer
// cannot open a subflow to its initial address all the same.
//
// rfc8684:3.1-12 row:A9
func TestSection3_1JoinDenied(t *testing.T) {
	for _, deny := range []bool{false, true} {
		w := newWorld(t, 10*ms, 10*ms)
		w.served = Linux()
		w.served.DenyJoinID0 = deny
		w.options = func(h string, o *SocketOptions) {
			if o.PathManager = nil; h == "client" {
				o.PathManager = func(*sim.Rand) PathManager { return atOncePM{local: clientAddr(1), remote: initialRemote} }
			}
		}
		w.start()
		srv := &app{toWrite: 1000}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		if cli.off != 1000 {
			t.Fatalf("%d bytes", cli.off)
		}
		w.counter(w.client, "MPJoinSynTx", 1-b2u(deny))
	}
	// The flag of a SYN binds the side that was opened.
	for _, flag := range []wire.CapableFlags{0, wire.CapableDenyJoin} {
		r := rawListener(t, RFC(), rawOptions())
		r.open(capable(1, flagH|flag, 0, 0, 0))
		r.send(wire.ACK, 1, 0, capable(1, flagH|flag, 2, r.key, r.peer))
		r.send(wire.ACK|wire.PSH, 1, 100, r.dss(1, 1, 100, 1))
		err := r.ep.AddLocal(r.now, r.conn, netAddrPort(restAddr, 5000))
		if out := r.poll(); flag == 0 && (err != nil || len(out) != 1 || out[0].Flags != wire.SYN) || flag != 0 && (err != ErrNotAllowed || len(out) != 0) {
			t.Errorf("flags %#x: %v, %d segments", flag, err, len(out))
		}
	}
}
