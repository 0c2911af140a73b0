package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestHostileHandshakes sends random SYNs and ACKs, with random options of fast
// open, MP_CAPABLE and MP_JOIN, payload and echoes of what the listener said, to
// listeners with fast open and SYN cookies in all their modes. Nothing panics, and
// what they hold stays within the backlogs.
func TestHostileHandshakes(t *testing.T) {
	r := sim.NewRand(1, 0, "hostile")
	for _, mode := range []SYNCookieMode{SYNCookiesOff, SYNCookiesOverflow, SYNCookiesAlways} {
		w := cookieWorld(t, Version0|Version1, func(_ string, o *SocketOptions) {
			o.SYNCookies, o.Backlog, o.FastOpenBacklog = mode, 64, 8
			o.SYNCookieSSN = true
			o.FastOpen = FastOpenServer | FastOpenServerNoCookie*FastOpenFlags(r.IntN(2)) | FastOpenCapableCookie
		})
		w.listen()
		ep := w.server.ep
		var last Segment // the listener's latest answer
		for i := range 20000 {
			s := &Segment{}
			src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(r.IntN(4))}), uint16(r.IntN(64)+1))
			s.Tuple = &wire.Tuple{Src: src, Dst: netip.AddrPortFrom(serverAddr, 80), Proto: wire.ProtoTCP}
			s.Seq, s.Window, s.Len = wire.Seq(r.IntN(4)), uint16(r.Uint64()), uint16(r.IntN(3)*r.IntN(700))
			s.Flags = []wire.Flags{wire.SYN, wire.SYN, wire.ACK, wire.ACK, wire.ACK | wire.FIN, wire.RST, wire.SYN | wire.FIN}[r.IntN(7)]
			s.Segment.Opt = wire.OptFlags(r.Uint64()) & (wire.HasTS | wire.HasDSS | wire.HasMap | wire.DSN8 | wire.HasDataAck)
			s.TSVal, s.TSEcr, s.SSN, s.MapLen = uint32(i), last.TSVal, uint32(r.IntN(4)), uint16(r.IntN(2000))
			if last.Tuple != nil && r.IntN(2) == 0 {
				*s.Tuple = last.Tuple.Reverse()
				s.Ack = last.Seq + 1 + wire.Seq(r.IntN(2))
				s.Seq = last.Ack + wire.Seq(r.IntN(2)*r.IntN(3))
			}
			o := s.Options()
			o.Present = wire.OptSet(r.Uint64()) & (wire.OptMSS | wire.OptWScale | wire.OptSACKPermitted | wire.OptFastOpen | wire.OptCapable | wire.OptJoin)
			o.MSS, o.WScale = uint16(r.Uint64()), uint8(r.IntN(16))
			if o.FastOpen.Len = uint8(r.IntN(9)) * 2; r.IntN(2) == 0 {
				o.FastOpen = ep.fastOpenCookie(src.Addr(), serverAddr, r.IntN(2) == 0)
			}
			o.Capable = wire.Capable{Version: uint8(r.IntN(2)), Flags: wire.CapableHMACSHA256, Keys: uint8(r.IntN(3)),
				SenderKey: r.Uint64(), ReceiverKey: r.Uint64(), HasData: r.IntN(2) == 0, DataLen: uint16(r.IntN(3000))}
			if r.IntN(2) == 0 {
				o.Capable.ReceiverKey = last.Buf.Capable.SenderKey
			}
			o.Join.Form = wire.JoinForm(r.IntN(3))
			ep.HandleSegment(w.now, s)
			w.now = w.now.Add(sim.Duration(r.IntN(3)) * sim.Millisecond)
			if ep.NextTimeout() <= w.now {
				ep.HandleTimeout(w.now)
			}
			var out Segment
			for ep.PollSegment(w.now, &out) {
				if !wire.Fits(&out.Segment, out.Opt) {
					t.Fatalf("options do not fit")
				}
				tuple := *out.Tuple
				last = out
				last.Tuple = &tuple
			}
			l := ep.socks.listenerFor(netip.AddrPortFrom(serverAddr, 80))
			// Half open and waiting for accept have a backlog each (Linux).
			if l.pending > 128 || l.early > 8 || l.early < 0 || l.pending < 0 {
				t.Fatalf("%v: %d pending, %d early", mode, l.pending, l.early)
			}
		}
		if mode == SYNCookiesAlways && counterOf(ep, "SyncookiesRecv") == 0 || mode != SYNCookiesAlways && counterOf(ep, "TCPFastOpenPassive") == 0 {
			t.Errorf("%v: nothing got through", mode)
		}
	}
}
