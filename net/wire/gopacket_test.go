package wire

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

// networkLayer is a header of IPv4 or IPv6 of gopacket.
type networkLayer interface {
	gopacket.NetworkLayer
	gopacket.SerializableLayer
}

func gopacketIP(tu *Tuple, s *Segment) networkLayer {
	src, dst, proto := tu.Src.Addr().AsSlice(), tu.Dst.Addr().AsSlice(), layers.IPProtocol(tu.Proto)
	if tu.isIPv4() {
		return &layers.IPv4{
			Version: 4, TOS: s.TOS, TTL: s.TTL, Protocol: proto, Flags: layers.IPv4DontFragment, SrcIP: src, DstIP: dst,
		}
	}
	return &layers.IPv6{Version: 6, TrafficClass: s.TOS, HopLimit: s.TTL, NextHeader: proto, SrcIP: src, DstIP: dst}
}

// gopacketTransport returns the header behind ip; an ICMP echo has the ports as
// identifier and sequence number.
func gopacketTransport(ip networkLayer, tu *Tuple, s *Segment, sport, dport uint16) []gopacket.SerializableLayer {
	switch tu.Proto {
	case ProtoTCP:
		tcp := &layers.TCP{
			SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), Seq: uint32(s.Seq), Ack: uint32(s.Ack),
			ACK: true, PSH: true, ECE: true, Window: s.Window,
		}
		tcp.SetNetworkLayerForChecksum(ip)
		return []gopacket.SerializableLayer{tcp}
	case ProtoUDP:
		udp := &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
		udp.SetNetworkLayerForChecksum(ip)
		return []gopacket.SerializableLayer{udp}
	case ProtoICMP:
		return []gopacket.SerializableLayer{
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: sport, Seq: dport},
		}
	}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}
	icmp.SetNetworkLayerForChecksum(ip)
	return []gopacket.SerializableLayer{icmp, &layers.ICMPv6Echo{Identifier: sport, SeqNumber: dport}}
}

// TestAgainstGopacket compares whole packets with those that gopacket
// serialises, lengths and checksums computed by it.
func TestAgainstGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "v6")
		proto := rapid.SampledFrom([]uint8{ProtoTCP, ProtoUDP, ProtoICMP}).Draw(t, "proto")
		if proto == ProtoICMP && v6 {
			proto = ProtoICMPv6
		}
		src, dst := drawAddr(t, v6, "src"), drawAddr(t, v6, "dst")
		sport, dport := rapid.Uint16().Draw(t, "sport"), rapid.Uint16().Draw(t, "dport")
		tu := Tuple{netip.AddrPortFrom(src, sport), netip.AddrPortFrom(dst, dport), proto}
		s := Segment{
			TTL: rapid.Uint8().Draw(t, "ttl"), TOS: rapid.Uint8().Draw(t, "tos"),
			Seq: Seq(rapid.Uint32().Draw(t, "seq")), Ack: Seq(rapid.Uint32().Draw(t, "ack")),
			Window: rapid.Uint16().Draw(t, "window"), Flags: ACK | PSH | ECE,
			Off: rapid.Uint64Range(0, 1<<40).Draw(t, "off"), Len: rapid.Uint16Range(0, 1500).Draw(t, "len"),
		}
		payload := make([]byte, s.Len)
		FillContent(payload, s.Off)

		ip := gopacketIP(&tu, &s)
		all := append([]gopacket.SerializableLayer{ip}, gopacketTransport(ip, &tu, &s, sport, dport)...)
		buf := gopacket.NewSerializeBuffer()
		opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
		if err := gopacket.SerializeLayers(buf, opts, append(all, gopacket.Payload(payload))...); err != nil {
			t.Fatal(err)
		}
		want := buf.Bytes()
		if proto == ProtoUDP && bytes.Equal(want[len(want)-len(payload)-2:][:2], []byte{0, 0}) {
			t.Skip("gopacket sends a UDP checksum of 0, which RFC 768 forbids")
		}

		var o Options
		if proto == ProtoICMP || proto == ProtoICMPv6 {
			m := NewEcho(proto, false, sport, dport, payload)
			o.Present, o.ICMP, s.Len = OptICMP, AppendICMP(nil, &m), 0
		}
		if got := AppendPacket(nil, &tu, &s, &o, -1); !bytes.Equal(got, want) {
			t.Fatalf("\n got %x\nwant %x", got, want)
		}
	})
}
