package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// TestSumOfRFC1071 is the example of RFC 1071 section 3.
func TestSumOfRFC1071(t *testing.T) {
	if got := SumBytes([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}); got != 0xddf2 {
		t.Errorf("sum %#x, want 0xddf2", got)
	}
}

// TestUpdateOfRFC1624 is the example of RFC 1624 section 4, which the rule of
// RFC 1141 gets wrong.
func TestUpdateOfRFC1624(t *testing.T) {
	if got := UpdateChecksum(0xdd2f, 0x5555, 0x3285); got != 0x0000 {
		t.Errorf("checksum %#x, want 0", got)
	}
}

// TestSumsOfOnes drives every carry.
func TestSumsOfOnes(t *testing.T) {
	b := make([]byte, 300)
	for i := range b {
		b[i] = 0xff
	}
	for n := 0; n <= len(b); n++ {
		if got, want := SumBytes(b[:n]), sumRef(b[:n]); got != want {
			t.Fatalf("%d octets: sum %#x, want %#x", n, got, want)
		}
	}
}

func TestSumsJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "b")
		cut := rapid.IntRange(0, len(b)).Draw(t, "cut")
		got := JoinSums(SumBytes(b[:cut]), cut, SumBytes(b[cut:]))
		if want := sumRef(b); got != want {
			t.Fatalf("sum %#x, want %#x", got, want)
		}
	})
}

// TestUpdateChecksum rewrites source address and port of a packet as a NAT
// does; the checksum is that of the packet rendered anew.
func TestUpdateChecksum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tu, s := dataPacket()
		before := AppendPacket(nil, &tu, &s, nil, -1)
		old4 := tu.Src.Addr().As4()
		addr, port := drawAddr(t, false, "addr"), rapid.Uint16().Draw(t, "port")
		new4 := addr.As4()
		tcp := be.Uint16(before[36:])
		tcp = UpdateChecksum32(tcp, be.Uint32(old4[:]), be.Uint32(new4[:]))
		tcp = UpdateChecksum(tcp, tu.Src.Port(), port)
		ip := UpdateChecksum32(be.Uint16(before[10:]), be.Uint32(old4[:]), be.Uint32(new4[:]))
		tu.Src = netip.AddrPortFrom(addr, port)
		after := AppendPacket(nil, &tu, &s, nil, -1)
		if want := be.Uint16(after[36:]); tcp != want {
			t.Fatalf("TCP checksum %#x, want %#x", tcp, want)
		}
		if want := be.Uint16(after[10:]); ip != want {
			t.Fatalf("IP checksum %#x, want %#x", ip, want)
		}
	})
}

// TestDSSChecksumFigure10 sums the pseudo-header of RFC 8684 figure 10 octet by
// octet.
func TestDSSChecksumFigure10(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dsn, ssn := rapid.Uint64().Draw(t, "dsn"), rapid.Uint32().Draw(t, "ssn")
		off, length := rapid.Uint64Range(0, 1<<40).Draw(t, "off"), rapid.Uint16Range(1, 0xffff).Draw(t, "length")
		b := make([]byte, length, int(length)+17)
		FillContent(b, off)
		if len(b)%2 != 0 {
			b = append(b, 0)
		}
		b = binary.BigEndian.AppendUint64(b, dsn)
		b = binary.BigEndian.AppendUint32(b, ssn)
		b = binary.BigEndian.AppendUint16(b, length)
		b = binary.BigEndian.AppendUint16(b, 0)
		want := ^sumRef(b)
		if got := DSSChecksum(DSN(dsn), ssn, length, ContentSum(off, int(length))); got != want {
			t.Fatalf("checksum %#x, want %#x", got, want)
		}
	})
}

// TestDSSChecksumsOfLinux verifies the checksums of a real kernel that need no
// data that the capture lacks: those of DATA_FINs alone, and that of
// MP_CAPABLE with data, whose DSN is the one after the IDSN (RFC 8684 section
// 3.1) and whose subflow sequence number is 1.
//
// row:A1 row:B3
func TestDSSChecksumsOfLinux(t *testing.T) {
	fins, capables := 0, 0
	for _, c := range readPcap(t, "testdata/pcaps/09-checksum-enabled.pcap") {
		var tu Tuple
		var s Segment
		var o Options
		if err := ParseCut(c.data, &tu, &s, &o); err != nil {
			t.Fatal(err)
		}
		if o.Has(OptDSSChecksum) && s.Opt.Has(DataFIN) && s.SSN == 0 {
			fins++
			if got := DSSChecksum(s.DSN, 0, 1, 0); got != o.DSSChecksum {
				t.Errorf("DATA_FIN: checksum %#x, want %#x", got, o.DSSChecksum)
			}
		}
		if o.Has(OptCapable) && o.Capable.HasChecksum && !o.Has(OptCut) {
			capables++
			key := binary.BigEndian.AppendUint64(nil, o.Capable.SenderKey)
			hash := sha256.Sum256(key)
			idsn := DSN(binary.BigEndian.Uint64(hash[24:]))
			if got := DSSChecksum(idsn+1, 1, o.Capable.DataLen, PayloadSum(&s, &o)); got != o.Capable.Checksum {
				t.Errorf("MP_CAPABLE: checksum %#x, want %#x", got, o.Capable.Checksum)
			}
		}
	}
	if fins < 4 || capables < 1 {
		t.Errorf("%d DATA_FINs and %d MP_CAPABLEs with checksums seen", fins, capables)
	}
}

// TestUDPChecksumIsNeverZero: a computed 0 is sent as 0xffff (RFC 768), and a 0
// on the wire, no checksum, survives.
func TestUDPChecksumIsNeverZero(t *testing.T) {
	tu := ends("10.0.0.1:1", "10.0.0.2:2", ProtoUDP)
	zeros := 0
	for x := range 0x10000 {
		s := Segment{TTL: 64, Len: 2}
		o := Options{Present: OptPieces, Pieces: []Piece{{Len: 2, Data: []byte{byte(x >> 8), byte(x)}}}}
		b := AppendPacket(nil, &tu, &s, &o, -1)
		switch be.Uint16(b[26:]) {
		case 0:
			t.Fatalf("checksum 0 for data %#x", x)
		case 0xffff:
			zeros++
		}
		if sumRef(b[:20]) != 0xffff {
			t.Fatal("IP checksum does not verify")
		}
	}
	if zeros != 1 {
		t.Errorf("%d of 65536 data words give the checksum 0, want 1", zeros)
	}
	s := Segment{TTL: 64}
	o := Options{Present: OptBadSum, IPSum: 0x1234}
	b := AppendPacket(nil, &tu, &s, &o, -1)
	var o2 Options
	if err := ParsePacket(b, &tu, &s, &o2); err != nil || o2.Present != OptBadSum || o2.IPSum != 0x1234 || o2.L4Sum != 0 {
		t.Errorf("%v %+v", err, o2)
	}
}

// TestAllZeroEchoReply: the checksum of nothing but zeros is 0xffff.
func TestAllZeroEchoReply(t *testing.T) {
	tu := hosts("10.0.0.1", "10.0.0.2", ProtoICMP)
	m := NewEcho(ProtoICMP, true, 0, 0, nil)
	o := Options{Present: OptICMP, ICMP: AppendICMP(nil, &m)}
	b := AppendPacket(nil, &tu, &Segment{TTL: 1}, &o, -1)
	if got := be.Uint16(b[22:]); got != 0xffff {
		t.Errorf("checksum %#x", got)
	}
	var s Segment
	var o2 Options
	if err := ParsePacket(b, &tu, &s, &o2); err != nil || o2.Has(OptBadSum) {
		t.Errorf("%v, present %b", err, o2.Present)
	}
}
