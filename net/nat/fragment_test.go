package nat_test

import (
	"strings"
	"testing"

	"mpsim/internal/boxtest"
	"mpsim/net/wire"
)

// fragmentsOf cuts a datagram of n octets with the given identification.
func fragmentsOf(from, to string, ident uint16, n int) (ts []wire.Tuple, ss []wire.Segment, os []*wire.Options) {
	t := wire.Tuple{Src: boxtest.At(from), Dst: boxtest.At(to), Proto: wire.ProtoUDP}
	s := wire.Segment{Len: uint16(n), Off: 300}
	o := wire.Options{Present: wire.OptIP, IP: wire.IPFields{ID: ident}}
	whole, room := wire.PayloadLen(&t, &s, &o), wire.FragmentRoom(&t, &o, 576)
	for at := 0; at < whole; at += room {
		var ft wire.Tuple
		var fs wire.Segment
		fo := new(wire.Options)
		wire.Fragment(&t, &s, &o, at, min(at+room, whole), &ft, &fs, fo)
		ts, ss, os = append(ts, ft), append(ss, fs), append(os, fo)
	}
	return ts, ss, os
}

// sendParts sends the fragments of a datagram in the order of their numbers, and returns
// what comes of it.
func (r *rig) sendParts(from, to string, ident uint16, n int, order ...int) (got []string) {
	ts, ss, os := fragmentsOf(from, to, ident, n)
	for _, i := range order {
		got = append(got, r.Send(ts[i].Src, ts[i].Dst, wire.ProtoUDP, ss[i], os[i])...)
	}
	return got
}

// Fragments at a translator (RFC 4787 section 11): put together, the order does not
// matter (REQ-14); passed on, those behind the first get its addresses, and its checksum
// fits; refused, none passes. The answer finds its way in the same manner. What a host
// receives is the whole datagram, whose checksum the rig checks.
func TestFragmentsThroughNAT(t *testing.T) {
	for _, c := range []struct {
		rule  string
		order []int
		got   string
	}{
		{"reassemble", []int{0, 1, 2}, "net: p:1000 > x:80 IP 203.0.113.1.1000 > 198.51.100.1.80: UDP, length 1400"},
		{"reassemble", []int{2, 0, 1}, "net: p:1000 > x:80 IP 203.0.113.1.1000 > 198.51.100.1.80: UDP, length 1400"},
		{"pass", []int{0, 1, 2}, "net: p:1000 > x:80 IP 203.0.113.1.1000 > 198.51.100.1.80: UDP, length 1400"},
		{"pass", []int{0, 2, 1}, "net: p:1000 > x:80 IP 203.0.113.1.1000 > 198.51.100.1.80: UDP, length 1400"},
		{"pass", []int{1, 0, 2}, "box: fragment_unordered"},
		{"drop", []int{0, 1, 2}, ""},
	} {
		r := newRig(t)
		r.Put("nat", "profile=full-cone", "outside=p", "fragments="+c.rule)
		got := r.sendParts("a:1000", "x:80", 7, 1400, c.order...)
		text := strings.Join(got, "\n")
		if c.got == "" && text != "" || !strings.Contains(text, c.got) || strings.Contains(text, "bad cksum") {
			t.Errorf("%s %v: %q, want %q", c.rule, c.order, got, c.got)
		}
		if !strings.HasPrefix(c.got, "net: ") {
			continue
		}
		back := r.sendParts("x:80", "p:1000", 9, 1400, c.order...)
		if text := strings.Join(back, "\n"); !strings.Contains(text, "a: x:80 > a:1000 IP 198.51.100.1.80 > 10.0.0.1.1000: UDP, length 1400") || strings.Contains(text, "bad cksum") {
			t.Errorf("%s %v: the answer: %q", c.rule, c.order, back)
		}
		for _, w := range r.Wire {
			w.Tuple(t)
		}
		if r.Net.Allocated() != 0 {
			t.Errorf("%s: %d packets left", c.rule, r.Net.Allocated())
		}
	}
}

// A translator that passes fragments in order remembers 256 packets; the oldest gives
// way. A datagram between two inside hosts turns with all its fragments.
func TestOrderedFragmentsBound(t *testing.T) {
	r := newRig(t)
	r.Put("nat", "profile=full-cone", "outside=p", "hairpin=true", "fragments=pass")
	for i := range 257 {
		r.sendParts("a:1000", "x:80", uint16(i), 1000, 0)
	}
	r.Quiet = true
	for _, c := range []struct {
		ident uint16
		whole bool
	}{{0, false}, {1, true}, {256, true}} {
		got := r.sendParts("a:1000", "x:80", c.ident, 1000, 1)
		if (len(got) == 1) != c.whole {
			t.Errorf("the rest of datagram %d: %q", c.ident, got)
		}
	}
	r.UDP("b:2000", "x:80")
	if got := r.sendParts("a:1000", "p:2000", 1000, 1400, 0, 1, 2); len(got) != 1 || !strings.HasPrefix(got[0], "b: p:1000 > b:2000 IP 203.0.113.1.1000 > 10.0.0.2.2000: UDP, length 1400") {
		t.Errorf("hairpin: %q", got)
	}
	r.Wait(31e9)
	if r.Net.Allocated() != 0 {
		t.Errorf("%d packets left", r.Net.Allocated())
	}
}
