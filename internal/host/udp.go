package host

import (
	"fmt"
	"net/netip"

	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// UDPSocket names an open UDP port of a host; 0 names none.
type UDPSocket uint32

// UDPReceiver gets the datagrams that arrive at a UDP socket. off is the true
// offset of the first payload byte in the sender's stream.
type UDPReceiver interface {
	OnDatagram(now sim.Time, from netip.AddrPort, off uint64, n int, tos uint8)
}

// MessageReceiver gets the datagrams of a socket with their octets, for protocols
// with real messages. message is valid during the call.
type MessageReceiver interface {
	OnMessage(now sim.Time, from netip.AddrPort, message []byte)
}

type udpSocket struct {
	local netip.AddrPort // the zero address receives for every one
	recv  UDPReceiver
	reads MessageReceiver // in place of recv
	peer  netip.AddrPort  // of the cached route
	route simnet.RouteID
}

// OpenUDP opens a UDP port; r may be nil for a socket that only sends.
func (h *Host) OpenUDP(local netip.AddrPort, r UDPReceiver) (UDPSocket, error) {
	if len(h.udp) == 0 {
		h.udp = append(h.udp, udpSocket{})
	}
	for i := range h.udp[1:] {
		if h.udp[i+1].local == local {
			return 0, fmt.Errorf("UDP port %v of %s is open already", local, h.node.Name())
		}
	}
	h.udp = append(h.udp, udpSocket{local: local, recv: r})
	return UDPSocket(len(h.udp) - 1), nil
}

// OpenMessages opens a UDP port for messages. Port 0 of the local address takes the
// first free one from 49152 on.
func (h *Host) OpenMessages(local netip.AddrPort, r MessageReceiver) (UDPSocket, error) {
	if local.Port() != 0 {
		u, err := h.OpenUDP(local, nil)
		if err == nil {
			h.udp[u].reads = r
		}
		return u, err
	}
	for port := uint16(49152); port != 0; port++ {
		if u, err := h.OpenMessages(netip.AddrPortFrom(local.Addr(), port), r); err == nil {
			return u, nil
		}
	}
	return 0, fmt.Errorf("no UDP port of %s is free", h.node.Name())
}

// LocalUDP returns the address and port of a socket.
func (h *Host) LocalUDP(u UDPSocket) netip.AddrPort { return h.udp[u].local }

// SendMessage sends a datagram with the octets of message, which must stay as they
// are.
func (h *Host) SendMessage(now sim.Time, u UDPSocket, to netip.AddrPort, message []byte) {
	id := h.net.Alloc()
	s := h.net.Segment(id)
	s.Route = uint32(h.net.Intern(wire.Tuple{Src: h.udp[u].local, Dst: to, Proto: wire.ProtoUDP}))
	s.TTL, s.Len = 64, uint16(len(message))
	o := h.net.AddOptions(id)
	wire.SetPieces(s, o, []wire.Piece{{Len: uint32(len(message)), Data: message}})
	t := h.net.Tuple(simnet.RouteID(s.Route))
	h.record(now, trace.PacketSent, s, o, 0, wire.WireLen(t, s, o))
	if h.clearDF {
		h.clear(id)
	}
	h.node.Send(now, id)
}

// SendUDP sends a datagram of n payload bytes, the stream's content from off on.
func (h *Host) SendUDP(now sim.Time, u UDPSocket, to netip.AddrPort, off uint64, n int, tos uint8) {
	sock := &h.udp[u]
	if sock.route == 0 || sock.peer != to {
		sock.peer = to
		sock.route = h.net.Intern(wire.Tuple{Src: sock.local, Dst: to, Proto: wire.ProtoUDP})
	}
	id := h.net.Alloc()
	s := h.net.Segment(id)
	s.Route = uint32(sock.route)
	s.Off, s.Len = off, uint16(n)
	s.TTL, s.TOS = 64, tos
	t := h.net.Tuple(sock.route)
	h.record(now, trace.PacketSent, s, nil, 0, wire.WireLen(t, s, nil))
	if h.clearDF {
		h.clear(id)
	}
	h.node.Send(now, id)
}

func (h *Host) receiveUDP(now sim.Time, t *wire.Tuple, g *mptcp.Segment) {
	for i := range h.udp {
		sock := &h.udp[i]
		if sock.recv == nil && sock.reads == nil || sock.local.Port() != t.Dst.Port() {
			continue
		}
		if a := sock.local.Addr(); !a.IsUnspecified() && a != t.Dst.Addr() {
			continue
		}
		if sock.reads != nil {
			h.scratch = wire.AppendPacket(h.scratch[:0], t, &g.Segment, g.Opt, -1)
			sock.reads.OnMessage(now, t.Src, h.scratch[len(h.scratch)-int(g.Len):])
			return
		}
		sock.recv.OnDatagram(now, t.Src, g.Off, int(g.Len), g.TOS)
		return
	}
	h.log.Emit(&trace.Record{At: now, Kind: trace.PacketDropped, Why: trace.NoSocket, Flow: -1, D: int64(g.Len)})
}
