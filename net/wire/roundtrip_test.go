package wire

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawAddr draws an address of one of the families.
func drawAddr(t *rapid.T, v6 bool, label string) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label)))
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, label)))
}

// drawHot draws the option fields of a hot line as ParseOptions would set them.
func drawHot(t *rapid.T, s *Segment) {
	if rapid.Bool().Draw(t, "ts") {
		s.Opt |= HasTS
		s.TSVal, s.TSEcr = rapid.Uint32().Draw(t, "tsval"), rapid.Uint32().Draw(t, "tsecr")
	}
	if !rapid.Bool().Draw(t, "dss") {
		return
	}
	s.Opt |= HasDSS | OptFlags(rapid.IntRange(0, 31).Draw(t, "dss flags"))<<1
	if s.Opt.Has(HasDataAck) {
		s.DataAck = DSN(rapid.Uint64().Draw(t, "dack"))
		if !s.Opt.Has(DataAck8) {
			s.DataAck &= 0xffffffff
		}
	}
	if s.Opt.Has(HasMap) {
		s.DSN = DSN(rapid.Uint64().Draw(t, "dsn"))
		if !s.Opt.Has(DSN8) {
			s.DSN &= 0xffffffff
		}
		s.SSN, s.MapLen = rapid.Uint32().Draw(t, "ssn"), rapid.Uint16().Draw(t, "dll")
	}
}

// drawCold draws cold options, each with a probability of about one in six.
func drawCold(t *rapid.T, s *Segment, o *Options) {
	for _, d := range []func(){
		func() { o.Present |= OptMSS; o.MSS = rapid.Uint16().Draw(t, "mss") },
		func() { o.Present |= OptWScale; o.WScale = rapid.Uint8().Draw(t, "wscale") },
		func() { o.Present |= OptSACKPermitted },
		func() {
			o.Present |= OptSACK
			o.NSACK = uint8(rapid.IntRange(1, 4).Draw(t, "blocks"))
			for i := range o.NSACK {
				o.SACK[i] = SACKBlock{Seq(rapid.Uint32().Draw(t, "start")), Seq(rapid.Uint32().Draw(t, "end"))}
			}
		},
		func() {
			o.Present |= OptFastOpen
			o.FastOpen.Len = uint8(copy(o.FastOpen.Cookie[:], rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "cookie")))
		},
		func() {
			if s.Opt.Has(HasMap) {
				o.Present |= OptDSSChecksum
				o.DSSChecksum = rapid.Uint16().Draw(t, "dss checksum")
			}
		},
		func() { drawCapable(t, o) },
		func() { drawJoin(t, o) },
		func() {
			o.Present |= OptAddAddr
			a := AddAddr{V0: rapid.Bool().Draw(t, "v0"), AddrID: rapid.Uint8().Draw(t, "id")}
			a.Echo = !a.V0 && rapid.Bool().Draw(t, "echo")
			a.Addr = drawAddr(t, rapid.Bool().Draw(t, "v6 in option"), "announced")
			a.Port = rapid.OneOf(rapid.Just(uint16(0)), rapid.Uint16()).Draw(t, "port")
			if a.hasHMAC() {
				a.HMAC = rapid.Uint64().Draw(t, "hmac")
			}
			o.AddAddr = a
		},
		func() {
			o.Present |= OptRemoveAddr
			o.RemoveAddr.N = uint8(copy(o.RemoveAddr.IDs[:], rapid.SliceOfN(rapid.Byte(), 1, 36).Draw(t, "ids")))
		},
		func() {
			o.Present |= OptPrio
			o.Prio.Backup, o.Prio.HasAddrID = rapid.Bool().Draw(t, "B"), rapid.Bool().Draw(t, "names an address")
			if o.Prio.HasAddrID {
				o.Prio.AddrID = rapid.Uint8().Draw(t, "address")
			}
		},
		func() { o.Present |= OptFail; o.Fail.DSN = DSN(rapid.Uint64().Draw(t, "fail")) },
		func() { o.Present |= OptFastClose; o.FastClose.ReceiverKey = rapid.Uint64().Draw(t, "key") },
		func() {
			o.Present |= OptRst
			o.Rst = Rst{rapid.Uint8Range(0, 15).Draw(t, "rst flags"), rapid.Uint8().Draw(t, "reason")}
		},
	} {
		if rapid.IntRange(0, 5).Draw(t, "option") == 0 {
			d()
		}
	}
}

func drawCapable(t *rapid.T, o *Options) {
	o.Present |= OptCapable
	c := Capable{
		Version: rapid.Uint8Range(0, 15).Draw(t, "version"),
		Flags:   CapableFlags(rapid.Uint8().Draw(t, "flags")),
		Keys:    rapid.Uint8Range(0, 2).Draw(t, "keys"),
	}
	if c.Keys > 0 {
		c.SenderKey = rapid.Uint64().Draw(t, "sender")
	}
	if c.Keys > 1 {
		c.ReceiverKey = rapid.Uint64().Draw(t, "receiver")
		c.HasData = rapid.Bool().Draw(t, "data")
	}
	if c.HasData {
		c.DataLen = rapid.Uint16().Draw(t, "length")
		c.HasChecksum = rapid.Bool().Draw(t, "checksum")
	}
	if c.HasChecksum {
		c.Checksum = rapid.Uint16().Draw(t, "sum")
	}
	o.Capable = c
}

func drawJoin(t *rapid.T, o *Options) {
	o.Present |= OptJoin
	j := Join{Form: JoinForm(rapid.IntRange(0, 2).Draw(t, "form"))}
	switch j.Form {
	case JoinSYN:
		j.Token = rapid.Uint32().Draw(t, "token")
	case JoinSYNACK:
		j.HMAC64 = rapid.Uint64().Draw(t, "hmac64")
	default:
		j.HMAC = [20]byte(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "hmac"))
	}
	if j.Form != JoinACK {
		j.Nonce = rapid.Uint32().Draw(t, "nonce")
		j.Backup, j.AddrID = rapid.Bool().Draw(t, "B"), rapid.Uint8().Draw(t, "id")
	}
	o.Join = j
}

// drawIP draws an IP header that is not the default one, if it is IPv6
// sometimes with extension headers.
func drawIP(t *rapid.T, v6 bool, o *Options) {
	if !rapid.Bool().Draw(t, "ip") {
		return
	}
	if !v6 {
		o.IP.ID = rapid.Uint16Range(1, 0xffff).Draw(t, "ip id")
		o.IP.Frag = rapid.SampledFrom([]uint16{0, 0x4000, 0x8000, 0xc000}).Draw(t, "frag")
		o.IP.Ext = bytes.Repeat([]byte{1}, 4*rapid.IntRange(0, 10).Draw(t, "ip options"))
		o.Present |= OptIP
		return
	}
	o.IP.FlowLabel = rapid.Uint32Range(1, 0xfffff).Draw(t, "label")
	o.Present |= OptIP
	if rapid.Bool().Draw(t, "extension") {
		words := rapid.IntRange(0, 3).Draw(t, "words")
		o.IP.Ext = make([]byte, 8+8*words)
		o.IP.Ext[0], o.IP.Ext[1] = 0xff, byte(words) // next header set by the caller
		o.IP.Next = extDest
	}
}

// TestTypedRoundTrip: parse(render(x)) = x for typed values whose options fit.
func TestTypedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "v6")
		tu := Tuple{Proto: rapid.SampledFrom([]uint8{ProtoTCP, ProtoTCP, ProtoTCP, ProtoUDP, ProtoICMP, 47}).Draw(t, "proto")}
		if tu.Proto == ProtoICMP && v6 {
			tu.Proto = ProtoICMPv6
		}
		port := func(label string) uint16 {
			if tu.Proto == ProtoTCP || tu.Proto == ProtoUDP {
				return rapid.Uint16().Draw(t, label)
			}
			return 0
		}
		tu.Src = netip.AddrPortFrom(drawAddr(t, v6, "src"), port("sport"))
		tu.Dst = netip.AddrPortFrom(drawAddr(t, v6, "dst"), port("dport"))
		s := Segment{TTL: rapid.Uint8().Draw(t, "ttl"), TOS: rapid.Uint8().Draw(t, "tos")}
		var o Options
		drawIP(t, v6, &o)
		if len(o.IP.Ext) > 0 && v6 {
			o.IP.Ext[0] = tu.Proto
		}
		var data []byte
		switch tu.Proto {
		case ProtoTCP:
			s.Seq, s.Ack = Seq(rapid.Uint32().Draw(t, "seq")), Seq(rapid.Uint32().Draw(t, "ack"))
			s.Window = rapid.Uint16().Draw(t, "window")
			s.Flags = Flags(rapid.Uint16Range(0, 0xfff).Draw(t, "flags"))
			drawHot(t, &s)
			drawCold(t, &s, &o)
			if !Fits(&s, &o) {
				t.Skip("too many options")
			}
			if rapid.Bool().Draw(t, "urgent") {
				o.Present |= OptUrgent
				o.Urgent = rapid.Uint16Range(1, 0xffff).Draw(t, "urgent pointer")
			}
		case ProtoICMP, ProtoICMPv6:
			m := ICMPMessage{
				rapid.Uint8().Draw(t, "type"), rapid.Uint8().Draw(t, "code"),
				rapid.Uint32().Draw(t, "rest"), rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "body"),
			}
			o.Present |= OptICMP
			o.ICMP = AppendICMP(nil, &m)
		case 47:
			o.Present |= OptOpaque
		}
		if o.Present&OptICMP == 0 {
			data = rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "data")
		}
		if len(data) > 0 {
			s.Len = uint16(len(data))
			o.Present |= OptPieces
			o.Pieces = []Piece{{Len: uint32(len(data)), Data: data}}
		}
		b := AppendPacket(nil, &tu, &s, &o, -1)
		if len(b) != WireLen(&tu, &s, &o) {
			t.Fatalf("%d octets, WireLen %d", len(b), WireLen(&tu, &s, &o))
		}
		var tu2 Tuple
		var s2 Segment
		var o2 Options
		if err := ParsePacket(b, &tu2, &s2, &o2); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tu, tu2, same) + cmp.Diff(s, s2, same) + cmp.Diff(o, o2, same); d != "" {
			t.Fatalf("%x\n%s", b, d)
		}
	})
}

// drawOptionBytes draws a list of options that is partly well-formed.
func drawOptionBytes(t *rapid.T) []byte {
	n := 4 * rapid.IntRange(0, 10).Draw(t, "words")
	kinds := []byte{0, 1, 2, 3, 4, 5, 8, 30, 30, 30, 30, 34, 254}
	var b []byte
	for len(b) < n {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		b = append(b, kind)
		if kind < 2 {
			continue
		}
		lengths := []byte{0, 1, 2, 3, 4, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}
		k := rapid.SampledFrom(lengths).Draw(t, "length")
		b = append(b, k)
		if kind == kindMPTCP {
			sub := rapid.ByteRange(0, 9).Draw(t, "subtype")
			b = append(b, sub<<4|rapid.SampledFrom([]byte{0, 0, 1, 2, 4, 6}).Draw(t, "low"))
		}
		b = append(b, rapid.SliceOfN(rapid.Byte(), 0, max(0, int(k)-2)).Draw(t, "value")...)
	}
	return b[:n]
}

// TestOptionBytesRoundTrip: render(parse(b)) = b for any list of options,
// corrupted ones included.
func TestOptionBytesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawOptionBytes(t)
		var s Segment
		var o Options
		ParseOptions(b, &s, &o)
		if got := AppendOptions(nil, &s, &o); !bytes.Equal(got, b) {
			t.Fatalf("\n got %x\nwant %x", got, b)
		}
		if n := s.OptionsLen(&o); n != len(b) {
			t.Fatalf("length %d of %d octets", n, len(b))
		}
	})
}

// TestUsualAndGeneralParser: the short way through the options of most segments
// reads what the general one does, and leaves to it what it should.
func TestUsualAndGeneralParser(t *testing.T) {
	usual := 0
	rapid.Check(t, func(t *rapid.T) {
		s := Segment{Opt: HasTS, TSVal: rapid.Uint32().Draw(t, "tsval"), TSEcr: rapid.Uint32().Draw(t, "tsecr")}
		drawHot(t, &s)
		b := AppendOptions(nil, &s, nil)
		if len(b) > 0 && rapid.Bool().Draw(t, "flip") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		var short, general Segment
		var o Options
		parseList(b, &general, &o)
		if !parseUsual(b, &short) {
			return
		}
		usual++
		if short != general || !canonical(b, &general, &o) {
			t.Fatalf("%x\nshort   %+v\ngeneral %+v", b, short, general)
		}
	})
	if usual == 0 {
		t.Error("the short way was never taken")
	}
}

// TestPiecesAndSpans: literal octets equal to the content of the stream give the
// same packet as a span, however the payload is cut into pieces, and a cut
// packet is the beginning of the whole one.
func TestPiecesAndSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tu, s := dataPacket()
		s.Off = rapid.Uint64Range(0, 1<<50).Draw(t, "off")
		s.Len = uint16(rapid.IntRange(0, 1420).Draw(t, "len"))
		want := AppendPacket(nil, &tu, &s, nil, -1)
		o := Options{Present: OptPieces}
		for done := 0; done < int(s.Len); {
			n := rapid.IntRange(1, int(s.Len)-done).Draw(t, "piece")
			p := Piece{Off: s.Off + uint64(done), Len: uint32(n)}
			if rapid.Bool().Draw(t, "literal") {
				p.Data = make([]byte, n)
				FillContent(p.Data, p.Off)
			}
			o.Pieces = append(o.Pieces, p)
			done += n
		}
		if got := AppendPacket(nil, &tu, &s, &o, -1); !bytes.Equal(got, want) {
			t.Fatalf("pieces\n got %x\nwant %x", got, want)
		}
		snap := rapid.IntRange(0, len(want)+5).Draw(t, "snap")
		if got := AppendPacket(nil, &tu, &s, &o, snap); !bytes.Equal(got, want[:min(snap, len(want))]) {
			t.Fatalf("cut at %d\n got %x\nwant %x", snap, got, want)
		}
		var tu2 Tuple
		var s2 Segment
		var o2 Options
		err := ParseCut(want[:min(snap, len(want))], &tu2, &s2, &o2)
		if snap < HeaderLen(&tu, &s, nil) {
			if err == nil {
				t.Fatalf("no error at %d", snap)
			}
			return
		}
		if err != nil || s2.Len != s.Len || o2.Has(OptCut) != (snap < len(want)) {
			t.Fatalf("cut at %d: %v, length %d, want %d", snap, err, s2.Len, s.Len)
		}
	})
}

// TestAsSpan: a data segment is the same hot line again after it was bytes;
// with one changed octet, or at another offset, it is not.
func TestAsSpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tu, s := dataPacket()
		s.Off = rapid.Uint64Range(0, 1<<50).Draw(t, "off")
		s.Len = uint16(rapid.IntRange(1, 1420).Draw(t, "len"))
		b := AppendPacket(nil, &tu, &s, nil, -1)
		s2 := Segment{Off: s.Off}
		var tu2 Tuple
		var o Options
		if err := ParsePacket(b, &tu2, &s2, &o); err != nil {
			t.Fatal(err)
		}
		at := len(b) - rapid.IntRange(1, int(s.Len)).Draw(t, "at")
		b[at] ^= 0x10
		if AsSpan(&s2, &o) {
			t.Fatal("a changed octet was not seen")
		}
		b[at] ^= 0x10
		if !AsSpan(&s2, &o) || o.Present != 0 || s2 != s || tu2 != tu {
			t.Fatalf("present %b\n got %+v\nwant %+v", o.Present, s2, s)
		}
	})
}
