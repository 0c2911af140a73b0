package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// rawPeer is the test itself as the peer of one endpoint: it sends single
// segments with the options that it likes and sees each answer. It has no
// timers; its sequence numbers begin at 0, so that its first byte is 1.
type rawPeer struct {
	t     *testing.T
	ep    *Endpoint
	now   sim.Time
	tuple wire.Tuple // from the raw peer to the endpoint
	conn  ConnID     // of the endpoint, when it dialled
	isn   wire.Seq   // of the endpoint
	key   Key        // of the raw peer
	peer  Key        // of the endpoint
	ack   wire.Seq   // to be sent by the raw peer
}

var (
	rawAddr  = netip.MustParseAddrPort("10.0.1.2:40000")
	restAddr = netip.MustParseAddrPort("10.0.9.1:80")
)

const rawKey Key = 0x0102030405060708

func rawEndpoint(p *Profile) *Endpoint {
	e := New(Config{Profile: p, Stream: func(n string) *sim.Rand { return sim.NewRand(1, 0, n) }})
	e.HandleAddr(0, restAddr.Addr(), true, 0)
	return e
}

func rawOptions() *SocketOptions {
	return &SocketOptions{Protocol: MPTCP, Controller: newController("reno"), Scheduler: newScheduler}
}

// rawListener is a raw peer before an endpoint that listens.
func rawListener(t *testing.T, p *Profile, o *SocketOptions) *rawPeer {
	t.Helper()
	e := rawEndpoint(p)
	if _, err := e.Listen(0, restAddr, o); err != nil {
		t.Fatal(err)
	}
	return &rawPeer{t: t, ep: e, key: rawKey, tuple: wire.Tuple{Src: rawAddr, Dst: restAddr, Proto: wire.ProtoTCP}}
}

// rawDialler is a raw peer that an endpoint has sent a SYN to, which it returns.
func rawDialler(t *testing.T, p *Profile, o *SocketOptions) (*rawPeer, *Segment) {
	t.Helper()
	r := &rawPeer{t: t, ep: rawEndpoint(p), key: rawKey}
	c, err := r.ep.Dial(0, restAddr, rawAddr, o)
	if err != nil {
		t.Fatal(err)
	}
	r.conn = c
	r.tuple = wire.Tuple{Src: rawAddr, Dst: restAddr, Proto: wire.ProtoTCP}
	out := r.poll()
	if len(out) != 1 || out[0].Flags != wire.SYN {
		t.Fatalf("dialling sends %d segments", len(out))
	}
	r.isn, r.ack = out[0].Seq, out[0].Seq+1
	return r, out[0]
}

// poll takes what the endpoint sends, and its events.
func (r *rawPeer) poll() (out []*Segment) {
	for {
		s, tu := new(Segment), new(wire.Tuple)
		if !r.ep.PollSegment(r.now, s) {
			break
		}
		*tu = *s.Tuple
		s.Tuple = tu
		out = append(out, s)
	}
	var e Event
	for r.ep.PollEvent(&e) {
		if e.Kind == Acceptable {
			r.conn, _ = r.ep.Accept(e.Conn)
		}
	}
	return out
}

// send gives the endpoint a segment and returns what it answers.
func (r *rawPeer) send(flags wire.Flags, seq wire.Seq, n int, edit func(s *Segment)) []*Segment {
	r.t.Helper()
	s := &Segment{}
	s.Segment = wire.Segment{Flags: flags, Seq: seq, Window: 60_000, Len: uint16(n), Off: uint64(seq - 1)}
	if flags.Has(wire.ACK) {
		s.Ack = r.ack
	}
	s.Tuple = &r.tuple
	if edit != nil {
		edit(s)
	}
	r.ep.HandleSegment(r.now, s)
	return r.poll()
}

// pass lets time pass and returns what the endpoint sends in it.
func (r *rawPeer) pass(d sim.Duration) (out []*Segment) {
	end := r.now.Add(d)
	for r.ep.NextTimeout() <= end {
		r.now = max(r.now, r.ep.NextTimeout())
		r.ep.HandleTimeout(r.now)
		out = append(out, r.poll()...)
	}
	r.now = end
	return out
}

// capable puts an MP_CAPABLE option on a segment.
func capable(version uint8, flags wire.CapableFlags, keys uint8, sender, receiver Key) func(s *Segment) {
	return func(s *Segment) {
		o := s.Options()
		o.Present |= wire.OptCapable
		o.Capable = wire.Capable{Version: version, Flags: flags, Keys: keys, SenderKey: uint64(sender), ReceiverKey: uint64(receiver)}
	}
}

const flagH = wire.CapableHMACSHA256

// open does the handshake with a listener up to the third packet, and returns the
// SYN/ACK.
func (r *rawPeer) open(syn func(s *Segment)) *Segment {
	r.t.Helper()
	out := r.send(wire.SYN, 0, 0, syn)
	if len(out) != 1 || out[0].Flags != wire.SYN|wire.ACK {
		r.t.Fatalf("a SYN is answered by %d segments", len(out))
	}
	r.isn, r.ack = out[0].Seq, out[0].Seq+1
	if out[0].Opt.Has(wire.OptCapable) {
		r.peer = Key(out[0].Opt.Capable.SenderKey)
	}
	return out[0]
}

// rawEstablished is a connection that a raw peer has opened, with n bytes of its data
// received in MP_CAPABLE with data.
func rawEstablished(t *testing.T, p *Profile, n int) *rawPeer {
	t.Helper()
	r := rawListener(t, p, rawOptions())
	r.open(capable(1, flagH, 0, 0, 0))
	r.send(wire.ACK, 1, 0, capable(1, flagH, 2, r.key, r.peer))
	out := r.send(wire.ACK|wire.PSH, 1, n, func(s *Segment) {
		capable(1, flagH, 2, r.key, r.peer)(s)
		s.Opt.Capable.HasData, s.Opt.Capable.DataLen = true, uint16(n)
	})
	if r.conn == 0 || r.info().Received != uint64(n) || r.info().Fallback != 0 {
		t.Fatalf("not established: %+v, %d answers", r.info(), len(out))
	}
	return r
}

func (r *rawPeer) info() ConnInfo { return r.ep.Info(r.conn) }

// dsn returns the number of the raw peer's n-th byte on the wire, from 1 on.
func (r *rawPeer) dsn(n uint64) wire.DSN {
	_, idsn := r.key.Derive()
	return idsn + wire.DSN(n)
}

// dataAck returns a DATA_ACK of the endpoint's bytes below the n-th.
func (r *rawPeer) dataAck(n uint64) wire.DSN {
	_, idsn := r.peer.Derive()
	return idsn + wire.DSN(n)
}

// speaksMPTCP reports whether a segment carries any MPTCP option.
func speaksMPTCP(s *Segment) bool {
	const cold = signals | wire.OptRst
	return s.Segment.Opt.Has(wire.HasDSS) || s.Opt != nil && s.Opt.Present&cold != 0
}

// rawAddr2 is another address of the raw peer, for joins.
var rawAddr2 = netip.MustParseAddrPort("10.0.2.2:40001")

// joinSYN puts the MP_JOIN option of a SYN on a segment.
func joinSYN(token uint32) func(s *Segment) {
	return func(s *Segment) {
		o := s.Options()
		o.Present |= wire.OptJoin
		o.Join = wire.Join{Form: wire.JoinSYN, AddrID: 1, Token: token, Nonce: 0xa1a2a3a4}
	}
}

// dss puts a DSS option on a segment: a mapping of n bytes from data number dsn on
// at subflow number ssn, and a DATA_ACK of what lies below ack. 0 bytes: no
// mapping; ack 0: no DATA_ACK.
func (r *rawPeer) dss(ssn uint32, dsn uint64, n int, ack uint64) func(s *Segment) {
	return func(s *Segment) {
		s.Segment.Opt |= wire.HasDSS
		if n > 0 {
			s.Segment.Opt |= wire.HasMap | wire.DSN8
			s.SSN, s.DSN, s.MapLen = ssn, r.dsn(dsn), uint16(n)
		}
		if ack > 0 {
			s.Segment.Opt |= wire.HasDataAck | wire.DataAck8
			s.DataAck = r.dataAck(ack)
		}
	}
}

// rawAddr3 is one more address of the raw peer.
var rawAddr3 = netip.MustParseAddrPort("10.0.3.2:40002")

func netAddrPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
}
