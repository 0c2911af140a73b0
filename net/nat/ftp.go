package nat

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file is the application-level gateway for FTP (RFC 959, RFC 2428): a client
// behind the translator says in its control connection, "PORT 192,168,0,7,195,120" or
// "EPRT |1|192.168.0.7|50040|", where the server is to connect to. The gateway makes a
// mapping for that end, lets the server in once, and puts the outside address into the
// command, which makes the stream longer or shorter. It knows nothing of MPTCP (RFC 8041
// section 3.1). What a server behind the translator replies to PASV and EPSV, "227 Entering
// Passive Mode (192,168,0,7,117,48)" or "229 ... (|||30000|)", it treats alike, for the
// client. A firewall, which translates nothing, lets the other side in likewise, over IPv6
// too (ftpfirewall.go).
//
// It follows net/netfilter/nf_conntrack_ftp.c and net/netfilter/nf_nat_ftp.c of
// Linux: the command stands at the beginning of a segment and is complete in it, it
// names the client's own address, the server may come from any port, and the
// expectation lasts five minutes. Departures: a command that a segment has only in
// part passes as it is, where Linux drops the segment.

// ftpExpectation is for how long the server may come
// (ftp_exp_policy in nf_conntrack_ftp.c).
const ftpExpectation = 5 * 60 * sim.Second

// ftpGateway is the state of the control connections.
type ftpGateway struct {
	editor mbox.Editor
	line   []byte
}

// ftpCommand looks at a packet that the inside host of a control connection sends, whose
// tuple is still that of inside.
func (n *NAT) ftpCommand(now sim.Time, p *simnet.Packet) {
	g := &n.ftp
	if p.Segment().Flags.Has(wire.SYN) {
		if g.editor.Begin(p) == nil {
			n.tell(now, p, trace.BoxFull)
		}
		return
	}
	f := g.editor.Stream(p.Route())
	if f == nil {
		return
	}
	if f.New(p.Segment()) {
		n.translateCommand(now, p, f)
	}
	if g.editor.Apply(p, f) {
		n.tell(now, p, trace.PayloadRewritten)
	}
}

// translateCommand notes what is to be changed in a segment that begins with such a line.
func (n *NAT) translateCommand(now sim.Time, p *simnet.Packet, f *mbox.Stream) {
	n.ftp.line = mbox.AppendPayload(n.ftp.line[:0], p)
	c, ok := n.cfg.announced(n.ftp.line, p.Tuple())
	if !ok {
		return
	}
	outside, ok := n.expect(now, c.end, p.Tuple().Dst.Addr())
	if !ok {
		n.tell(now, p, trace.PortsExhausted)
		return
	}
	from, _ := f.Span(p.Segment())
	f.Forget()
	f.Replace(from+int64(c.at), int64(c.length), c.form(nil, outside))
}

// announced reads the line by which the inside host of a control connection says where the
// other one is to connect to: a command if that is the server, else a reply. It must name
// the host's own address.
func (c *Config) announced(line []byte, t *wire.Tuple) (a ftpCommand, ok bool) {
	if t.Dst.Port() == c.FTPPort {
		a, ok = parseFTP(line)
	} else {
		a, ok = parseFTPReply(line, t.Src.Addr())
	}
	return a, ok && a.end.Addr() == t.Src.Addr()
}

// followsFTP reports whether a session, whose tuple is that from inside to outside, is an
// FTP control connection: the side that did not open it has the port.
func (c *Config) followsFTP(t *wire.Tuple, opener uint8) bool {
	server := t.Dst.Port()
	if opener != 0 {
		server = t.Src.Port()
	}
	return c.FTPPort != 0 && t.Proto == wire.ProtoTCP && server == c.FTPPort
}

// expect returns the outside end that stands for an inside one to the other host, and lets
// that come in.
func (n *NAT) expect(now sim.Time, inside netip.AddrPort, other netip.Addr) (netip.AddrPort, bool) {
	const proto = wire.ProtoTCP
	id := n.maps.byInside[insideKey{proto, inside, netip.AddrPort{}}]
	if id == 0 {
		out, ok := n.allocate(now, proto, inside, netip.AddrPort{})
		if !ok || len(n.leases) >= maxLeases || !n.unused(now, proto, out, inside.Addr()) {
			return out, false
		}
		id = n.addMapping(now, mapping{inside: inside, outside: out, proto: proto}, trace.MappingCreated)
	}
	m := &n.maps.slots[id]
	if m.leased && !m.expected.IsValid() {
		return m.outside, true // an explicit mapping admits everybody
	}
	if !m.leased {
		n.leases = append(n.leases, id)
	}
	m.leased, m.expected, m.lease = true, other, now.Add(ftpExpectation)
	n.nextLease = min(n.nextLease, m.lease)
	n.traceMapping(now, m, trace.MappingExpected)
	return m.outside, true
}

// fulfil ends the expectation of a mapping: who was expected has come.
func (n *NAT) fulfil(now sim.Time, mid uint32) {
	if m := &n.maps.slots[mid]; m.expected.IsValid() {
		m.lease = now
		n.endLeases(now)
	}
}
