package mbox_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mpsim/net/mbox"
	"mpsim/net/wire"
)

// sequence sends segments through a box that drops, and returns which arrived.
func sequence(t *testing.T, f mbox.Filter, segments []func() (wire.Segment, *wire.Options)) (arrived string) {
	t.Helper()
	p := newPath(t, "drop", f)
	for i, make := range segments {
		s, o := make()
		if len(p.send(true, s, o)) > 0 {
			arrived += fmt.Sprint(i)
		}
	}
	return arrived
}

// Facts about options choose packets: the layouts are those of RFC 8684 sections 3.1
// to 3.4.
func TestWithFacts(t *testing.T) {
	ack := wire.Segment{Flags: wire.ACK, Window: 100}
	dss := func(f wire.OptFlags, length uint16) wire.Segment {
		s := ack
		s.Opt = wire.HasDSS | f
		if f.Has(wire.HasMap) {
			s.MapLen, s.SSN, s.DSN = length, 1, 1
		}
		if f.Has(wire.HasDataAck) {
			s.DataAck = 1
		}
		return s
	}
	addr := netip.MustParseAddr("10.1.1.1")
	option := func(s wire.Segment, set wire.OptSet, edit func(o *wire.Options)) func() (wire.Segment, *wire.Options) {
		return func() (wire.Segment, *wire.Options) {
			o := new(wire.Options)
			o.Present = set
			edit(o)
			return s, o
		}
	}
	plain := func(s wire.Segment) func() (wire.Segment, *wire.Options) {
		return func() (wire.Segment, *wire.Options) { return s, nil }
	}
	ce := ack
	ce.TOS, ce.Flags = wire.CE, wire.ACK|wire.ECE|wire.PSH
	all := []func() (wire.Segment, *wire.Options){
		plain(dss(wire.HasDataAck, 0)),             // 0
		plain(dss(wire.HasMap|wire.DSN8, 100)),     // 1
		plain(dss(wire.HasMap|wire.DataFIN, 1)),    // 2
		plain(dss(wire.HasDataAck|wire.HasMap, 0)), // 3
		option(ack, wire.OptAddAddr, func(o *wire.Options) { o.AddAddr = wire.AddAddr{AddrID: 2, Addr: addr, HMAC: 1} }),             // 4
		option(ack, wire.OptAddAddr, func(o *wire.Options) { o.AddAddr = wire.AddAddr{AddrID: 2, Addr: addr, Port: 7, Echo: true} }), // 5
		option(ack, wire.OptAddAddr, func(o *wire.Options) { o.AddAddr = wire.AddAddr{AddrID: 2, Addr: addr, V0: true} }),            // 6
		option(ack, wire.OptPrio, func(o *wire.Options) { o.Prio.Backup = true }),                                                    // 7
		option(ack, wire.OptJoin, func(o *wire.Options) { o.Join.Form = wire.JoinACK }),                                              // 8
		option(dss(wire.HasMap, 9), wire.OptDSSChecksum, func(o *wire.Options) { o.DSSChecksum = 5 }),                                // 9
		plain(ce), // a
	}
	for _, c := range []struct{ with, dropped string }{
		{"datafin", "2"}, {"dataack", "0 3"}, {"mapping", "1 2 3 9"}, {"infinite", "3"}, {"checksum", "9"},
		{"mapping dataack", "3"}, {"announce", "4 6"}, {"echo", "5"}, {"port", "5"}, {"echo port", "5"}, {"announce port", ""},
		{"backup", "7"}, {"third", "8"}, {"ce", "10"}, {"ect ece push", "10"}, {"ce cwr", ""},
	} {
		f := mbox.Everything()
		for _, name := range split(c.with) {
			if err := f.With.Add(name); err != nil {
				t.Fatal(err)
			}
		}
		want := ""
		for i := range all {
			if !contains(split(c.dropped), fmt.Sprint(i)) {
				want += fmt.Sprint(i)
			}
		}
		if got := sequence(t, f, all); got != want {
			t.Errorf("with %s: %s arrived, want %s", c.with, got, want)
		}
	}
	var f mbox.Facts
	if err := f.Add("datafinn"); err == nil {
		t.Error("an unknown fact was taken")
	}
}

// Each n-th packet from a first one on, a number of times.
func TestEvery(t *testing.T) {
	var all []func() (wire.Segment, *wire.Options)
	for range 10 {
		all = append(all, func() (wire.Segment, *wire.Options) { return wire.Segment{Flags: wire.ACK}, nil })
	}
	f := mbox.Everything()
	f.First, f.Every, f.Count = 1, 3, 2
	if got := sequence(t, f, all); got != "02356789" {
		t.Errorf("%s arrived, without 1 and 4", got)
	}
}

func split(s string) []string { return strings.Fields(s) }

func contains(list []string, x string) bool { return slices.Contains(list, x) }
