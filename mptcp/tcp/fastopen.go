package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TCP Fast Open (RFC 7413): payload in the SYN for a server that gave this host
// a cookie earlier. Modelled are both sides of one connection: the option in SYN
// and SYN/ACK, payload in the SYN, its acknowledgement in whole, in part or not
// at all, the SYN that is sent again without option and payload (section
// 4.2.1), and the server that delivers and answers before the handshake is
// complete (section 4.2.2). Cookies, their cache and the limit of pending
// connections belong to the endpoint. Not modelled: the option kind 254 of the
// experiments before the RFC, payload in a SYN/ACK, and a FIN in a SYN.
//
// Without extension the payload of the SYN is the beginning of the stream. With
// one it lies before the stream: position 0 is the first byte behind it, so that
// MPTCP counts subflow sequence number 1 there (RFC 8684 appendix B.2).

// fastOpen is what fast open needs of one connection.
type fastOpen struct {
	option  wire.FastOpen // for our SYN, or for our SYN/ACK
	offer   bool          // our SYN carries the option, or our SYN/ACK a cookie
	bare    bool          // payload without cookie (Linux TFO_CLIENT_NO_COOKIE)
	limit   int           // payload bytes that a SYN may have
	want    int64         // bytes that the application has written for it
	data    int64         // payload of the SYN as it was sent, or as accepted
	acked   int64         // of our SYN's payload, what the SYN/ACK acknowledged
	early   bool          // passive: payload accepted, data may leave before the third ACK
	answer  wire.FastOpen // cookie in the peer's SYN/ACK
	granted bool          // ... if there was one
	last    wire.FastOpen // for our FIN, if its length is not 0
}

// FastOpenRequest is how an active opener uses fast open.
type FastOpenRequest struct {
	// Cookie is what the server gave earlier; with length 0 the SYN asks for one
	// and carries no payload.
	Cookie wire.FastOpen
	// NoCookie sends payload without any option, for servers that are known not
	// to ask for a cookie (Linux tcp_fastopen 0x4).
	NoCookie bool
	// Data is how many bytes of the stream, from its first on, may leave with the
	// SYN.
	Data int64
	// MSS is the maximum segment size that the server announced earlier; 0: not
	// known, 536 (RFC 7413 section 4.1.3).
	MSS int
}

// FastOpenAnswer is how a passive opener answers the option of a SYN.
type FastOpenAnswer struct {
	// Grant puts Cookie into the SYN/ACK.
	Grant  bool
	Cookie wire.FastOpen
	// Accept takes the payload of the SYN, as far as the receive window reaches,
	// and lets the connection send before the handshake is complete.
	Accept bool
	// NoTimestamps leaves timestamps out of the SYN/ACK, to make room.
	NoTimestamps bool
}

// ConnectFast is Connect with fast open (RFC 7413 section 4.2.1). It returns how
// many bytes were written to the stream: on a connection without extension as
// many of r.Data as the send buffer takes, with one none, because the extension
// writes what the SYN/ACK leaves unacknowledged when it has arrived.
func (c *Conn) ConnectFast(now sim.Time, r *FastOpenRequest) (written int64) {
	f := &c.fast
	f.offer, f.option, f.bare = !r.NoCookie, r.Cookie, r.NoCookie
	mss := r.MSS
	if mss == 0 {
		mss = 536
	}
	// Linux leaves room for all options (tcp_send_syn_data).
	f.limit = min(mss, c.mssOurs) - wire.MaxOptionsLen
	f.want = r.Data
	c.Connect(now)
	if c.ext == nil {
		written = c.Write(now, r.Data)
	}
	return written
}

// AcceptFast is Accept with an answer to the fast open option of the SYN (RFC
// 7413 section 4.2.2).
func (c *Conn) AcceptFast(now sim.Time, syn *Segment, a *FastOpenAnswer) {
	f := &c.fast
	f.offer, f.option = a.Grant, a.Cookie
	c.Accept(now, syn)
	if c.state != StateSynReceived {
		return
	}
	if a.NoTimestamps {
		c.options &^= useTS
		c.syn.peer &^= useTS
		c.updateMSS()
	}
	if !a.Accept {
		return
	}
	f.early = true
	c.joinController(now, false)
	if n := min(int64(syn.Len), max(c.initialWindow(now), 0)); n > 0 {
		c.takeSYNData(now, syn, n)
	}
}

// takeSYNData takes n bytes of payload of the peer's SYN. An extension asks for
// them by SYNDataAccepted.
func (c *Conn) takeSYNData(now sim.Time, syn *Segment, n int64) {
	c.fast.data = n
	c.count.bytesReceived += n
	if c.ext != nil {
		c.irs += wire.Seq(n)
		return
	}
	if syn.Opt.Has(wire.OptPieces) {
		c.deliverPieces(now, syn.Opt, 0, n)
		return
	}
	c.deliver(now, span{0, n, syn.Off})
}

// SetFINCookie puts a cookie into our FIN, where there is room for it
// (draft-barre-mptcp-tfo-04 section 5).
func (c *Conn) SetFINCookie(cookie wire.FastOpen) { c.fast.last = cookie }

// writeFINCookie adds the cookie for our FIN to a segment that is complete.
func (c *Conn) writeFINCookie(out *Segment) {
	f := &c.fast
	need := (2 + int(f.last.Len) + 3) &^ 3
	if f.last.Len == 0 || out.OptionsLen(out.Opt)+need > wire.MaxOptionsLen {
		return
	}
	o := out.Options()
	o.Present |= wire.OptFastOpen
	o.FastOpen = f.last
}

// SYNDataAccepted returns how many bytes of payload of the peer's SYN were
// accepted.
func (c *Conn) SYNDataAccepted() int64 {
	if c.syn.passive {
		return c.fast.data
	}
	return 0
}

// SYNDataAcked returns how many payload bytes of our SYN the peer acknowledged.
func (c *Conn) SYNDataAcked() int64 { return c.fast.acked }

// SYNDataSent returns how many payload bytes our first SYN carried.
func (c *Conn) SYNDataSent() int64 {
	if c.syn.passive {
		return 0
	}
	return c.fast.data
}

// FastOpenCookie returns the cookie of the peer's SYN/ACK, and whether it had
// one.
func (c *Conn) FastOpenCookie() (cookie wire.FastOpen, ok bool) {
	return c.fast.answer, c.fast.granted
}

// SYNTimeouts returns how often our SYN or SYN/ACK was sent again by its timer.
func (c *Conn) SYNTimeouts() int { return c.syn.rtx }

// PeerMSS returns the maximum segment size that the peer announced, bounded by
// our own.
func (c *Conn) PeerMSS() int { return max(c.outgo.peerMSS, c.mtu.clamp) }

// EarlyOpen reports whether data may be sent although the third segment of the
// handshake has not arrived: the connection was opened by a valid cookie.
func (c *Conn) EarlyOpen() bool { return c.state == StateSynReceived && c.fast.early }

// writeFastOpen adds option and payload of fast open to a SYN or SYN/ACK that is
// complete otherwise. What does not fit into the 40 octets stays out, and with it
// the payload. A SYN that is sent again has neither.
func (c *Conn) writeFastOpen(now sim.Time, out *Segment) {
	f := &c.fast
	passive := c.state == StateSynReceived
	if !passive && c.syn.rtx > 0 || passive && !c.syn.passive {
		return
	}
	if f.offer {
		need := (2 + int(f.option.Len) + 3) &^ 3
		if out.OptionsLen(out.Opt)+need > wire.MaxOptionsLen {
			c.emit(now, trace.FastOpen, trace.OptionRoom, int64(f.option.Len), 0, 0, 0, 0)
			return
		}
		o := out.Options()
		o.Present |= wire.OptFastOpen
		o.FastOpen = f.option
	}
	if passive || f.option.Len == 0 && !f.bare {
		return
	}
	if n := min(f.want, int64(f.limit)); n > 0 {
		f.data = n
		out.Len = uint16(n)
		c.count.bytesSent += n
		c.emit(now, trace.FastOpen, trace.NoReason, int64(f.option.Len), n, 0, 0, 0)
	}
}

// synAcked takes over what a SYN/ACK says of fast open: acked bytes of the
// payload of our SYN have arrived; the rest is sent as if it never had been.
func (c *Conn) synAcked(s *Segment, acked int64) {
	f := &c.fast
	if s.Opt.Has(wire.OptFastOpen) && s.Opt.FastOpen.Len > 0 && f.offer {
		f.answer, f.granted = s.Opt.FastOpen, true
	}
	if acked == 0 {
		return
	}
	f.acked = acked
	if c.ext != nil {
		c.iss += wire.Seq(acked)
		return
	}
	c.snd.una, c.snd.nxt = acked, acked
}

// joinController makes the flow known to its controller, once.
func (c *Conn) joinController(now sim.Time, restarted bool) {
	if c.joined {
		return
	}
	iw := int64(c.p.InitialWindowSegments)
	if restarted {
		iw = 1
	}
	c.cc.Join(now, c.flow, cc.Path{
		MSS: int64(c.snd.mss), InitWindow: iw * int64(c.snd.mss),
		RTT: c.rtt.latest, Restarted: restarted, Cost: c.cost,
	})
	c.joined = true
	c.refreshWindow()
	c.usage.fullAt = now
}
