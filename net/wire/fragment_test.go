package wire

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/ip4defrag"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

// typedPacket is a packet as the layers above have it.
type typedPacket struct {
	t Tuple
	s Segment
	o Options
}

func (p *typedPacket) bytes() []byte { return AppendPacket(nil, &p.t, &p.s, &p.o, -1) }

// cut cuts a packet as a link of the given MTU does.
func (p *typedPacket) cut(mtu int) []*typedPacket {
	if WireLen(&p.t, &p.s, &p.o) <= mtu {
		return []*typedPacket{p}
	}
	var out []*typedPacket
	whole, room := PayloadLen(&p.t, &p.s, &p.o), FragmentRoom(&p.t, &p.o, mtu)
	for from := 0; from < whole; from += room {
		f := new(typedPacket)
		Fragment(&p.t, &p.s, &p.o, from, min(from+room, whole), &f.t, &f.s, &f.o)
		out = append(out, f)
	}
	return out
}

// joined is what comes of the fragments, in any order.
func joined(fs []*typedPacket) (*typedPacket, error) {
	slices.SortFunc(fs, func(a, b *typedPacket) int { return a.o.FragmentStart() - b.o.FragmentStart() })
	w := fs[0]
	pieces := AppendPieces(nil, &w.s, &w.o, 0, int(w.s.Len))
	for _, f := range fs[1:] {
		pieces = AppendPieces(pieces, &f.s, &f.o, 0, int(f.s.Len))
	}
	return w, Reassemble(&w.t, &w.s, &w.o, pieces)
}

// clearDF is a random packet whose flag DF is clear.
func clearDF(r *rapid.T) *typedPacket {
	p := new(typedPacket)
	p.t = Tuple{netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("10.0.9.1:80"), ProtoTCP}
	n := rapid.IntRange(0, 3000).Draw(r, "len")
	p.s = Segment{TTL: 64, TOS: 2, Seq: 77, Ack: 5, Flags: ACK, Window: 9, Off: 12345, Len: uint16(n), Opt: HasTS, TSVal: 3, TSEcr: 4}
	p.o.Present = OptIP
	p.o.IP = IPFields{ID: 4711}
	switch rapid.SampledFrom([]string{"tcp", "udp", "icmp", "other", "literal", "options", "dss"}).Draw(r, "kind") {
	case "udp":
		p.t.Proto = ProtoUDP
		p.s = Segment{TTL: 9, Off: 99, Len: uint16(n)}
	case "icmp":
		p.t = Tuple{netip.AddrPortFrom(p.t.Src.Addr(), 0), netip.AddrPortFrom(p.t.Dst.Addr(), 0), ProtoICMP}
		m := NewEcho(ProtoICMP, false, 7, 8, bytes.Repeat([]byte("echo"), n/4))
		p.s = Segment{TTL: 64}
		p.o.Present |= OptICMP
		p.o.ICMP = AppendICMP(nil, &m)
	case "other":
		p.t = Tuple{netip.AddrPortFrom(p.t.Src.Addr(), 0), netip.AddrPortFrom(p.t.Dst.Addr(), 0), 47}
		p.s = Segment{TTL: 64, Len: uint16(n)}
		p.o.Present |= OptOpaque
	case "literal":
		SetPieces(&p.s, &p.o, []Piece{{Len: 5, Data: []byte("hello")}, {Off: 40, Len: uint32(n)}})
	case "options":
		p.o.IP.Ext = []byte{7, 7, 4, 0, 0, 0, 0, 1, 0x94, 4, 0, 0} // record route, no operation, router alert
	case "dss":
		p.s.Opt |= HasDSS | HasMap | HasDataAck | DSN8 | DataAck8
		p.s.DSN, p.s.DataAck, p.s.SSN, p.s.MapLen = 1<<40, 2, 3, 1000
		p.o.Present |= OptDSSChecksum
	}
	return p
}

// What is cut, cut again and put together is the same octets and, of a stream, the same
// span; each fragment renders and parses exactly and fits.
func TestFragmentsJoin(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := clearDF(r)
		want := p.bytes()
		var fs []*typedPacket
		mtu, second := rapid.IntRange(68, 1500).Draw(r, "mtu"), rapid.IntRange(68, 1500).Draw(r, "second")
		for _, f := range p.cut(mtu) {
			fs = append(fs, f.cut(second)...)
		}
		for _, f := range fs {
			b := f.bytes()
			var back typedPacket
			back.s.Off = f.s.Off
			if err := ParsePacket(b, &back.t, &back.s, &back.o); err != nil {
				r.Fatal(err)
			}
			if len(b) > min(max(len(want), 0), max(mtu, second)) || !bytes.Equal(back.bytes(), b) ||
				back.t != f.t || back.o.Present&^OptPieces != f.o.Present&^OptPieces {
				r.Fatalf("fragment %s parses as %s", Format(&f.t, &f.s, &f.o), Format(&back.t, &back.s, &back.o))
			}
		}
		rapid.Permutation(fs).Draw(r, "order")
		w, err := joined(fs)
		if err != nil || !bytes.Equal(w.bytes(), want) || w.o.Has(OptBadSum) || w.t != p.t {
			r.Fatalf("joined %v %s, want %s", err, Format(&w.t, &w.s, &w.o), Format(&p.t, &p.s, &p.o))
		}
		if w.s.Off != p.s.Off && p.s.Len > 0 && !p.o.Has(OptPieces) {
			r.Fatalf("offset %d, want %d", w.s.Off, p.s.Off)
		}
	})
}

// gopacket's reassembly makes the same of our fragments as of the whole packet.
func TestFragmentsInGopacket(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := clearDF(r)
		want := p.bytes()
		d := ip4defrag.NewIPv4Defragmenter()
		fs := p.cut(rapid.IntRange(200, 1500).Draw(r, "mtu"))
		var got *layers.IPv4
		for _, f := range fs {
			ip, _ := gopacket.NewPacket(f.bytes(), layers.LayerTypeIPv4, gopacket.Default).NetworkLayer().(*layers.IPv4)
			out, err := d.DefragIPv4(ip)
			if err != nil {
				r.Fatal(err)
			}
			if out != nil {
				got = out
			}
		}
		if got == nil || !bytes.Equal(got.Payload, want[int(want[0]&15)*4:]) {
			r.Fatal("gopacket puts something else together")
		}
	})
}

// The flags, offsets and options of RFC 791's example: a datagram of 20+452 octets over a
// network of 280 octets becomes fragments of 276 and 216 octets (section 2.3 and the
// figures of its appendix A, example 2: lengths 276 and 216, offsets 0 and 32).
func TestFragmentExampleOfRFC791(t *testing.T) {
	p := &typedPacket{t: Tuple{netip.MustParseAddrPort("10.0.0.1:0"), netip.MustParseAddrPort("10.0.0.2:0"), 47}}
	p.s = Segment{TTL: 123, Len: 452}
	p.o = Options{Present: OptIP | OptOpaque, IP: IPFields{ID: 111}}
	fs := p.cut(280)
	if len(fs) != 2 {
		t.Fatalf("%d fragments", len(fs))
	}
	for i, want := range []struct{ length, flags, offset int }{{276, 1, 0}, {216, 0, 32}} {
		b := fs[i].bytes()
		length, frag := int(be.Uint16(b[2:])), be.Uint16(b[6:])
		if length != want.length || int(frag>>13) != want.flags || int(frag&FragOffset) != want.offset || be.Uint16(b[4:]) != 111 {
			t.Errorf("fragment %d: length %d, flags and offset %x", i, length, frag)
		}
	}
}

// A changed payload of a fragment shows in the checksum of the whole; a change of
// addresses that AdjustSum follows does not.
func TestFragmentChecksum(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := clearDF(r)
		if p.t.Proto != ProtoTCP && p.t.Proto != ProtoUDP || p.s.Len < 1500 {
			return
		}
		fs := p.cut(600)
		if rapid.Bool().Draw(r, "renumber") {
			was := fs[0].t
			fs[0].t.Src = netip.MustParseAddrPort("203.0.113.9:65000")
			fs[0].o.AdjustSum(&was, &fs[0].t)
			if w, err := joined(fs); err != nil || w.o.Has(OptBadSum) {
				r.Fatal("checksum wrong after a translation", err)
			}
			return
		}
		last := fs[len(fs)-1]
		SetPieces(&last.s, &last.o, []Piece{{Len: uint32(last.s.Len), Data: make([]byte, last.s.Len)}})
		if w, err := joined(fs); err != nil || !w.o.Has(OptBadSum) {
			r.Fatal("a changed fragment is not noticed", err)
		}
	})
}
