package wire

import (
	"bytes"
	"errors"
	"testing"
)

// TestICMPKinds: types and codes of RFC 792 and RFC 4443.
func TestICMPKinds(t *testing.T) {
	for _, g := range []struct {
		proto, typ, code uint8
		want             ICMPKind
	}{
		{ProtoICMP, 0, 0, ICMPEchoReply},
		{ProtoICMP, 8, 0, ICMPEchoRequest},
		{ProtoICMP, 3, 1, ICMPUnreachable},
		{ProtoICMP, 3, 4, ICMPTooBig},
		{ProtoICMP, 11, 0, ICMPTimeExceeded},
		{ProtoICMP, 5, 0, ICMPOther},
		{ProtoICMPv6, 128, 0, ICMPEchoRequest},
		{ProtoICMPv6, 129, 0, ICMPEchoReply},
		{ProtoICMPv6, 1, 4, ICMPUnreachable},
		{ProtoICMPv6, 2, 0, ICMPTooBig},
		{ProtoICMPv6, 3, 0, ICMPTimeExceeded},
		{ProtoICMPv6, 8, 0, ICMPOther},
	} {
		m := ICMPMessage{Type: g.typ, Code: g.code}
		if got := m.Kind(g.proto); got != g.want {
			t.Errorf("protocol %d type %d code %d: kind %d, want %d", g.proto, g.typ, g.code, got, g.want)
		}
	}
}

// TestICMPMessages: what is built is what is read.
func TestICMPMessages(t *testing.T) {
	quote := []byte("quoted")
	for _, proto := range []uint8{ProtoICMP, ProtoICMPv6} {
		for _, g := range []struct {
			m    ICMPMessage
			kind ICMPKind
		}{
			{NewEcho(proto, false, 7, 9, quote), ICMPEchoRequest},
			{NewEcho(proto, true, 7, 9, quote), ICMPEchoReply},
			{NewTooBig(proto, 1400, quote), ICMPTooBig},
			{NewUnreachable(proto, 1, quote), ICMPUnreachable},
			{NewTimeExceeded(proto, quote), ICMPTimeExceeded},
		} {
			b := AppendICMP(nil, &g.m)
			var m ICMPMessage
			if err := ParseICMP(b, &m); err != nil {
				t.Fatal(err)
			}
			if m.Kind(proto) != g.kind || !bytes.Equal(m.Body, quote) || b[2] != 0 || b[3] != 0 {
				t.Errorf("protocol %d: %+v", proto, m)
			}
			switch g.kind {
			case ICMPTooBig:
				if m.MTU(proto) != 1400 {
					t.Errorf("MTU %d", m.MTU(proto))
				}
			case ICMPEchoReply, ICMPEchoRequest:
				if m.ID() != 7 || m.Seq() != 9 {
					t.Errorf("id %d, seq %d", m.ID(), m.Seq())
				}
			}
		}
	}
	var m ICMPMessage
	if err := ParseICMP(make([]byte, 7), &m); !errors.Is(err, ErrICMP) {
		t.Errorf("short message: %v", err)
	}
}

// TestParseQuote: a router quotes the IP header and eight octets at least.
func TestParseQuote(t *testing.T) {
	tu, s := dataPacket()
	b := AppendPacket(nil, &tu, &s, nil, 28)
	var got Tuple
	seq, err := ParseQuote(b, &got)
	if err != nil || got != tu || seq != s.Seq {
		t.Errorf("got %v seq %d, %v; want %v seq %d", &got, seq, err, &tu, s.Seq)
	}
	if _, err := ParseQuote(b[:27], &got); !errors.Is(err, ErrQuote) {
		t.Errorf("27 octets: %v", err)
	}
	udp6 := ends("[2001:db8::1]:5001", "[2001:db8::2]:53", ProtoUDP)
	b = AppendPacket(nil, &udp6, &Segment{Len: 100}, nil, 48)
	if _, err := ParseQuote(b, &got); err != nil || got != udp6 {
		t.Errorf("got %v, %v; want %v", &got, err, &udp6)
	}
}
