package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packetGolden is an IP packet, written by hand from the figures of RFC 791,
// 8200, 9293, 768, 792 and 4443. Lengths and checksums were filled in by a
// separate program, and tcpdump -vv found all of them correct.
type packetGolden struct {
	name  string
	bytes string
	t     Tuple
	s     Segment
	o     Options
	// line is what tcpdump 4.99.3 -n -S -t prints, without what it says about
	// applications by port and in its own words for what it decodes further.
	line string
}

func ends(src, dst string, proto uint8) Tuple {
	return Tuple{netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst), proto}
}

func hosts(src, dst string, proto uint8) Tuple {
	return Tuple{
		netip.AddrPortFrom(netip.MustParseAddr(src), 0), netip.AddrPortFrom(netip.MustParseAddr(dst), 0), proto,
	}
}

// literal is a payload of the octets of data.
func literal(data string) []Piece { return []Piece{{Len: uint32(len(data)), Data: []byte(data)}} }

const ip6Ends = "20010db8000000000000000000000001 20010db8000000000000000000000002"

var packetGoldens = []packetGolden{
	{
		name:  "IPv4 TCP SYN",
		bytes: "4500 0028 0000 4000 4006 1dcf 0a000001 0a000901  9c40 0050 00000007 00000000 5002 faf0 fb58 0000",
		t:     ends("10.0.0.1:40000", "10.0.9.1:80", ProtoTCP),
		s:     Segment{Seq: 7, Window: 64240, Flags: SYN, TTL: 64},
		line:  "IP 10.0.0.1.40000 > 10.0.9.1.80: Flags [S], seq 7, win 64240, length 0",
	},
	{
		name: "IPv4 TCP with ID, without DF, CE, urgent, a reserved flag",
		bytes: "4503 002d abcd 0000 3f06 b2f9 0a000001 0a000901" +
			"9c40 0050 00000007 00000009 5279 01f6 adf8 0004 68656c6c6f",
		t: ends("10.0.0.1:40000", "10.0.9.1:80", ProtoTCP),
		s: Segment{Seq: 7, Ack: 9, Window: 502, Flags: FIN | PSH | ACK | URG | ECE | 1<<9, TTL: 63, TOS: CE, Len: 5},
		o: Options{
			Present: OptIP | OptUrgent | OptPieces, IP: IPFields{ID: 0xabcd}, Urgent: 4, Pieces: literal("hello"),
		},
		line: "IP 10.0.0.1.40000 > 10.0.9.1.80: Flags [FP.UE], seq 7:12, ack 9, win 502, urg 4, length 5",
	},
	{
		name: "IPv4 with the router alert option",
		bytes: "4600 002c 0001 0000 4006 c8c5 0a000001 0a000901 94040000" +
			"9c40 0050 00000007 00000000 5004 0000 f647 0000",
		t:    ends("10.0.0.1:40000", "10.0.9.1:80", ProtoTCP),
		s:    Segment{Seq: 7, Flags: RST, TTL: 64},
		o:    Options{Present: OptIP, IP: IPFields{ID: 1, Ext: []byte{0x94, 4, 0, 0}}},
		line: "IP 10.0.0.1.40000 > 10.0.9.1.80: Flags [R], seq 7, win 0, length 0",
	},
	{
		name: "IPv6 TCP with MP_CAPABLE",
		bytes: "6000 0000 0018 0640" + ip6Ends +
			"9c40 0050 00000007 00000000 6002 faf0 8ddc 0000 1e040101",
		t:    ends("[2001:db8::1]:40000", "[2001:db8::2]:80", ProtoTCP),
		s:    Segment{Seq: 7, Window: 64240, Flags: SYN, TTL: 64},
		o:    Options{Present: OptCapable, Capable: Capable{Version: 1, Flags: CapableHMACSHA256}},
		line: "IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [S], seq 7, win 64240, options [mptcp 4 capable v1], length 0",
	},
	{
		name: "IPv6 with flow label and traffic class",
		bytes: "6a21 2345 0019 0640" + ip6Ends +
			"9c40 0050 00000007 00000009 5010 01f6 71f2 0000 68656c6c6f",
		t:    ends("[2001:db8::1]:40000", "[2001:db8::2]:80", ProtoTCP),
		s:    Segment{Seq: 7, Ack: 9, Window: 502, Flags: ACK, TTL: 64, TOS: 0xa2, Len: 5},
		o:    Options{Present: OptIP | OptPieces, IP: IPFields{FlowLabel: 0x12345}, Pieces: literal("hello")},
		line: "IP6 2001:db8::1.40000 > 2001:db8::2.80: Flags [.], seq 7:12, ack 9, win 502, length 5",
	},
	{
		name: "IPv6 with destination options",
		bytes: "6000 0000 001c 3c40" + ip6Ends + "0600 0104 00000000" +
			"9c40 0050 00000007 00000009 5011 01f6 b5c8 0000",
		t: ends("[2001:db8::1]:40000", "[2001:db8::2]:80", ProtoTCP),
		s: Segment{Seq: 7, Ack: 9, Window: 502, Flags: FIN | ACK, TTL: 64},
		o: Options{Present: OptIP, IP: IPFields{Ext: []byte{6, 0, 1, 4, 0, 0, 0, 0}, Next: 60}},
	},
	{
		name:  "IPv4 UDP",
		bytes: "4500 0021 0000 4000 4011 1dcb 0a000001 0a000901  1389 0035 000d 8b42 68656c6c6f",
		t:     ends("10.0.0.1:5001", "10.0.9.1:53", ProtoUDP),
		s:     Segment{TTL: 64, Len: 5},
		o:     Options{Present: OptPieces, Pieces: literal("hello")},
		line:  "IP 10.0.0.1.5001 > 10.0.9.1.53: UDP, length 5",
	},
	{
		name:  "IPv6 UDP",
		bytes: "6000 0000 000e 1140" + ip6Ends + "1389 1f90 000e 2d51 68656c6c6f21",
		t:     ends("[2001:db8::1]:5001", "[2001:db8::2]:8080", ProtoUDP),
		s:     Segment{TTL: 64, Len: 6},
		o:     Options{Present: OptPieces, Pieces: literal("hello!")},
		line:  "IP6 2001:db8::1.5001 > 2001:db8::2.8080: UDP, length 6",
	},
	{
		name:  "ICMP echo request",
		bytes: "4500 0021 0000 4000 4001 1ddb 0a000001 0a000901  0800 bc03 1234 0001 6162636465",
		t:     hosts("10.0.0.1", "10.0.9.1", ProtoICMP),
		s:     Segment{TTL: 64},
		o:     Options{Present: OptICMP, ICMP: []byte("\x08\x00\x00\x00\x12\x34\x00\x01abcde")},
		line:  "IP 10.0.0.1 > 10.0.9.1: ICMP echo request, id 4660, seq 1, length 13",
	},
	{
		name: "ICMP fragmentation needed",
		bytes: "4500 0038 0000 4000 4001 1dc4 0a000001 0a000901  0304 56ed 0000 0578" +
			"4500 05dc 0000 4000 3f06 191b 0a000901 0a000001 0050 9c40 01020304",
		t: hosts("10.0.0.1", "10.0.9.1", ProtoICMP),
		s: Segment{TTL: 64},
		o: Options{Present: OptICMP, ICMP: []byte("\x03\x04\x00\x00\x00\x00\x05\x78" +
			"\x45\x00\x05\xdc\x00\x00\x40\x00\x3f\x06\x19\x1b\x0a\x00\x09\x01\x0a\x00\x00\x01\x00\x50\x9c\x40\x01\x02\x03\x04")},
		line: "IP 10.0.0.1 > 10.0.9.1: ICMP 10.0.0.1 unreachable - need to frag (mtu 1400), length 36",
	},
	{
		name:  "ICMPv6 echo request",
		bytes: "6000 0000 000a 3a40" + ip6Ends + "8000 b0ad 1234 0002 6162",
		t:     hosts("2001:db8::1", "2001:db8::2", ProtoICMPv6),
		s:     Segment{TTL: 64},
		o:     Options{Present: OptICMP, ICMP: []byte("\x80\x00\x00\x00\x12\x34\x00\x02ab")},
		line:  "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request, id 4660, seq 2, length 10",
	},
	{
		name:  "later fragment",
		bytes: "4500 0019 1234 00b9 4006 4af1 0a000001 0a000901 68656c6c6f",
		t:     hosts("10.0.0.1", "10.0.9.1", ProtoTCP),
		s:     Segment{TTL: 64, Len: 5},
		o:     Options{Present: OptIP | OptOpaque | OptPieces, IP: IPFields{ID: 0x1234, Frag: 0xb9}, Pieces: literal("hello")},
	},
	{
		name:  "another protocol",
		bytes: "4500 001a 0000 4000 402f 1db4 0a000001 0a000901 000008004500",
		t:     hosts("10.0.0.1", "10.0.9.1", 47),
		s:     Segment{TTL: 64, Len: 6},
		o:     Options{Present: OptOpaque | OptPieces, Pieces: literal("\x00\x00\x08\x00\x45\x00")},
	},
	{
		name: "TCP with a fast open cookie and unknown options",
		bytes: "4500 003c 0000 4000 4006 1dbb 0a000001 0a000901 9c40 0050 00000007 00000000 a002 faf0 ae78 0000" +
			"2206 0a0b0c0d 0101 fd04 beef 020405b4 00000000",
		t: ends("10.0.0.1:40000", "10.0.9.1:80", ProtoTCP),
		s: Segment{Seq: 7, Window: 64240, Flags: SYN, TTL: 64},
		o: Options{
			Present: OptFastOpen | OptMSS | OptRaw, MSS: 1460,
			FastOpen: FastOpen{Len: 4, Cookie: [16]byte{10, 11, 12, 13}},
			RawLen:   20, RawOptions: [40]byte{0x22, 6, 10, 11, 12, 13, 1, 1, 0xfd, 4, 0xbe, 0xef, 2, 4, 5, 0xb4},
		},
		line: "IP 10.0.0.1.40000 > 10.0.9.1.80: Flags [S], seq 7, win 64240, options [tfo  cookie 0a0b0c0d,nop,nop,unknown-253 0xbeef,mss 1460,eol], length 0",
	},
}

// TestPacketGoldens: each packet gives exactly these octets and this line, and back.
func TestPacketGoldens(t *testing.T) {
	for _, g := range packetGoldens {
		t.Run(g.name, func(t *testing.T) {
			want := octets(t, g.bytes)
			if got := AppendPacket(nil, &g.t, &g.s, &g.o, -1); !bytes.Equal(got, want) {
				t.Errorf("rendered\n got %x\nwant %x", got, want)
			}
			var tu Tuple
			var s Segment
			var o Options
			if err := ParsePacket(want, &tu, &s, &o); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(g.t, tu, same) + cmp.Diff(g.s, s, same) + cmp.Diff(g.o, o, same); d != "" {
				t.Errorf("parsed %s", d)
			}
			if got := asTcpdump(Format(&tu, &s, &o)); g.line != "" && got != g.line {
				t.Errorf("\n got %s\nwant %s", got, g.line)
			}
		})
	}
}

// TestBrokenPackets: what is wrong, and where.
func TestBrokenPackets(t *testing.T) {
	for _, g := range []struct {
		name, bytes string
		err         error
		offset      int
	}{
		{"nothing", "", ErrTruncated, 0},
		{"version 5", "5500 0028", ErrVersion, 0},
		{"IPv4 header cut", "4500 0028 0000", ErrTruncated, 6},
		{"IPv4 header of 16", "4400 0028 0000 4000 4006 1dcf 0a000001 0a000901", ErrHeaderLen, 0},
		{"IPv4 length below the header", "4500 0013 0000 4000 4006 1dcf 0a000001 0a000901", ErrTotalLen, 2},
		{"IPv4 options cut", "4600 0028 0000 4000 4006 1dcf 0a000001 0a000901", ErrTruncated, 20},
		{"IPv4 packet cut", "4500 0028 0000 4000 4006 1dcf 0a000001 0a000901 9c40", ErrTruncated, 22},
		{"TCP header cut short by IP", "4500 0018 0000 4000 4006 1dcf 0a000001 0a000901 9c400050", ErrTruncated, 24},
		{
			"data offset 4", "4500 0028 0000 4000 4006 1dcf 0a000001 0a000901 9c40 0050 00000007 00000000 4002 faf0 fb58 0000",
			ErrHeaderLen, 32,
		},
		{
			"data offset beyond the packet", "4500 0028 0000 4000 4006 1dcf 0a000001 0a000901 9c40 0050 00000007 00000000 6002 faf0 fb58 0000",
			ErrHeaderLen, 32,
		},
		{"UDP header cut short by IP", "4500 0018 0000 4000 4011 1dcf 0a000001 0a000901 9c400050", ErrTruncated, 24},
		{"ICMP of 3 octets", "4500 0017 0000 4000 4001 1dcf 0a000001 0a000901 080000", ErrTruncated, 23},
		{"IPv6 header cut", "6000 0000 0000", ErrTruncated, 6},
		{"IPv6 extension header cut", "6000 0000 0008 3c40" + ip6Ends + "06010104 00000000", ErrTruncated, 48},
	} {
		t.Run(g.name, func(t *testing.T) {
			var tu Tuple
			var s Segment
			var o Options
			err := ParsePacket(octets(t, g.bytes), &tu, &s, &o)
			var at *ParseError
			if !errors.Is(err, g.err) || !errors.As(err, &at) || at.Offset != g.offset {
				t.Errorf("got %v, want %v at octet %d", err, g.err, g.offset)
			}
		})
	}
}
