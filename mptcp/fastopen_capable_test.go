package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// v0 makes a fast open world speak version 0.
func v0(change func(h string, o *SocketOptions)) func(h string, o *SocketOptions) {
	return func(h string, o *SocketOptions) {
		o.Versions = Version0
		if change != nil {
			change(h, o)
		}
	}
}

// withoutPlainAcks leaves out what the figures do: acknowledgements of data.
func (w *world) withoutPlainAcks() {
	kept := w.log[:0]
	for i := range w.log {
		r := &w.log[i]
		if r.seg.Len > 0 || r.seg.Flags.Has(wire.SYN) || r.options().Has(wire.OptCapable) {
			kept = append(kept, *r)
		}
	}
	w.log = kept
}

// TestFastOpenFiguresOfVersion0 are the figures of RFC 8684 appendix B.3 as they
// are drawn, in the version whose SYN has the key: the first data has a DSS with
// data and subflow sequence number 1 behind the 20 bytes of the SYN, at TCP
// sequence number 21. A box cuts the SYN's payload for figure 21.
//
// row:J2 row:J3
func TestFastOpenFiguresOfVersion0(t *testing.T) {
	w := fastWorld(t, v0(nil))
	w.know()
	srv := &app{toWrite: 100}
	w.server.accept = func() *app { return srv }
	cli := w.dialData(20)
	w.until(sim.Second, "answer", func() bool { return cli.off == 100 })
	cli.toWrite = 20
	w.flush(w.client)
	w.until(sim.Second, "more", func() bool { return srv.off == 40 })
	w.withoutPlainAcks()
	w.wantFigure("figure 19", `
S 0(20) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 21 <MP_CAPABLE>
. 1(100) ack 21 <DSS ack=1 seq=1 ssn=1 dlen=100>
. 21(0) ack 1 <MP_CAPABLE>
. 21(20) ack 101 <DSS ack=101 seq=1 ssn=1 dlen=20>
`)

	w = fastWorld(t, v0(func(h string, o *SocketOptions) {
		if h == "server" {
			o.FastOpen = 0
		}
	}))
	w.know()
	w.request(20, 0)
	w.wantFigure("figure 20", `
S 0(20) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 1 <MP_CAPABLE>
. 1(0) ack 1 <MP_CAPABLE>
. 1(20) ack 1 <DSS ack=1 seq=1 ssn=1 dlen=20>
. 1(0) ack 21 <DSS ack=21>
`)

	w = fastWorld(t, v0(nil))
	w.know()
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if s.Flags.Has(wire.SYN) {
			s.Len = 500
		}
		return []*Segment{s}
	}
	w.request(1000, 0)
	w.wantFigure("figure 21", `
S 0(1000) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 501 <MP_CAPABLE>
. 501(0) ack 1 <MP_CAPABLE>
. 501(500) ack 1 <DSS ack=1 seq=1 ssn=1 dlen=500>
`)
}

// TestFastOpenThirdACKWithDSS: with payload acknowledged the third packet may
// have a DSS in place of MP_CAPABLE; with the option filtered on the way nothing
// is acknowledged, and MP_CAPABLE returns (draft-barre-mptcp-tfo-04 sections 4
// and 8).
//
// row:J4
func TestFastOpenThirdACKWithDSS(t *testing.T) {
	for _, v := range []struct {
		name   string
		len    uint16 // of the payload that the box lets through
		filter bool
		third  string
	}{
		{"all", 200, false, ". 201(0) ack 1 <DSS ack=1>\n"},
		{"part", 100, false, ". 101(0) ack 1 <DSS ack=1>\n"},
		{"filtered", 200, true, ". 1(0) ack 1 <MP_CAPABLE>\n"},
	} {
		w := fastWorld(t, v0(nil))
		w.profile.FastOpenDSS = true
		w.know()
		w.paths[0][0].box = func(s *Segment) []*Segment {
			if s.Flags.Has(wire.SYN) {
				s.Len = v.len
				if v.filter {
					s.Opt.Present &^= wire.OptFastOpen
				}
			}
			return []*Segment{s}
		}
		cli, srv := w.request(200, 5000)
		var third string
		for i := range w.log {
			if r := &w.log[i]; r.up && !r.seg.Flags.Has(wire.SYN) {
				w.log[2] = *r
				third = w.figure(3)[len(w.figure(2)):]
				break
			}
		}
		if third != v.third {
			t.Errorf("%s: third packet %q, want %q", v.name, third, v.third)
		}
		if cli.saw(Fallback)+srv.saw(Fallback) != 0 {
			t.Errorf("%s: fallback", v.name)
		}
	}
}

// noMPTCP is a box that takes MPTCP options out of everything but SYNs.
func noMPTCP(s *Segment) []*Segment {
	if !s.Flags.Has(wire.SYN) || s.Flags.Has(wire.ACK) {
		s.Segment.Opt &= wire.HasTS
		if s.Opt != nil {
			s.Opt.Present &^= wire.OptCapable
		}
	}
	return []*Segment{s}
}

// TestFastOpenUselessContexts: where a box takes the MPTCP options away, a valid
// cookie makes the server create MPTCP state in vain, each time. A client that
// remembers the destination stops offering MPTCP; a server whose cookie says that
// MPTCP never worked takes the payload as TCP (draft-barre-mptcp-tfo-04 section
// 5). The connections themselves work in all cases.
//
// row:J5
func TestFastOpenUselessContexts(t *testing.T) {
	for _, v := range []struct {
		name    string
		flags   FastOpenFlags
		useless uint64
		offered uint64 // SYNs with MP_CAPABLE of four connections
	}{
		{"no memory", 0, 3, 4},
		{"client cache", FastOpenCacheCapable, 0, 1},
		{"server cookie", FastOpenCapableCookie, 0, 4},
	} {
		w := fastWorld(t, func(_ string, o *SocketOptions) { o.FastOpen |= v.flags })
		w.paths[0][0].box, w.paths[0][1].box = noMPTCP, noMPTCP
		for range 4 {
			w.request(300, 3000)
			w.runTo(w.now.Add(sim.Second))
		}
		w.counter(w.server, "FastOpenUselessContexts", v.useless)
		w.counter(w.client, "MPCapableSYNTX", v.offered)
		w.counter(w.client, "TCPFastOpenActive", 3)
		w.counter(w.server, "TCPFastOpenPassive", 3)
	}
}

// TestFastOpenCapableCookie: the first cookie says that MPTCP has not been seen
// to work; a better one comes with the FIN of the connection that showed it, and
// is sent again with it. Then the payload of a SYN opens an MPTCP connection.
//
// row:J5
func TestFastOpenCapableCookie(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := fastWorld(t, func(_ string, o *SocketOptions) { o.FastOpen |= FastOpenCapableCookie })
		fins := 0
		w.paths[0][1].drop = func(_ int, _ sim.Time, s *Segment) bool {
			if s.Flags.Has(wire.FIN) && s.Opt.Has(wire.OptFastOpen) {
				fins++
				return lost && fins == 1
			}
			return false
		}
		w.request(300, 3000)
		w.runTo(w.now.Add(2 * sim.Second))
		if fins == 0 || lost && fins < 2 {
			t.Errorf("lost %v: %d FINs with a cookie", lost, fins)
		}
		pessimistic := w.server.ep.FastOpenCookie(clientAddr(0), serverAddr)
		if c := w.client.ep.fast.cache[serverAddr].cookie; c.Len != 8 || c == pessimistic {
			t.Errorf("lost %v: the client keeps the cookie of the SYN/ACK", lost)
		}
		w.log = nil
		cli, srv := w.request(300, 3000)
		w.wantFigure("second connection", `
S 0(300) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 301 <MP_CAPABLE>
`)
		if cli.saw(Fallback)+srv.saw(Fallback) != 0 {
			t.Errorf("fallback")
		}
	}
}

// TestFastOpenWithChecksums: the payload of the SYN is outside the checksums and
// everything behind it inside (appendix B.2).
func TestFastOpenWithChecksums(t *testing.T) {
	for _, v := range []Versions{Version0, Version1} {
		w := fastWorld(t, func(_ string, o *SocketOptions) { o.Checksum, o.Versions = ChecksumRequired, v })
		w.know()
		cli, srv := w.request(20000, 30000)
		if cli.saw(Fallback)+srv.saw(Fallback) != 0 {
			t.Errorf("%v: fallback\n%s", v, w.dump(20))
		}
		w.counter(w.server, "TCPFastOpenPassive", 1)
	}
}
