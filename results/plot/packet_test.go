package plot

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mpsim/net/wire"
	"mpsim/results"
)

// The labels of packets, with sequence numbers relative to the SYNs across the end of their
// space, and the names of MPTCP options.
func TestPacketLabels(t *testing.T) {
	const isn, other = 0xffffff00, 1000
	for _, c := range []struct {
		p    packet
		want string
	}{
		{packet{flags: wire.SYN, seq: isn, options: readOptions([]byte{2, 4, 5, 0xb4, 4, 2, 30, 4, 0x01, 0x81, 0, 9})}, "SYN seq 0, MP_CAPABLE"},
		{packet{flags: wire.SYN | wire.ACK, seq: isn, ack: other + 1, options: readOptions([]byte{1, 1, 30, 16, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}, "SYN,ACK seq 0 ack 1, MP_JOIN"},
		{packet{flags: wire.PSH | wire.ACK, seq: 0x100, ack: other + 5, length: 100, options: readOptions([]byte{30, 4, 0x20, 0x05})}, "PSH,ACK 512:612 ack 5, DSS"},
		{packet{flags: wire.ACK, seq: isn + 1, ack: other + 1, options: readOptions([]byte{30, 4, 0x20, 0x11, 30, 4, 0x31, 2})}, "ACK ack 1, DSS FIN, ADD_ADDR echo"},
		{packet{flags: wire.RST | wire.ACK, seq: isn + 7, ack: other, options: readOptions([]byte{30, 4, 0x80, 1})}, "RST,ACK seq 7 ack 0, MP_TCPRST"},
		{packet{tuple: wire.Tuple{Proto: wire.ProtoUDP}, length: 5}, "UDP, 5 B"},
	} {
		if c.p.tuple.Proto == 0 {
			c.p.tuple.Proto = wire.ProtoTCP
		}
		if got := c.p.label(isn, other); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	// Options that end in the middle, are shorter than their head, or empty MPTCP ones.
	for _, b := range [][]byte{{30}, {30, 1}, {30, 9, 0}, {2, 0, 0}, {30, 2}, {0, 30, 4, 0, 1}} {
		for _, o := range readOptions(b) {
			if o.name != "option 30" {
				t.Errorf("%x: %+v", b, o)
			}
		}
	}
	for _, b := range [][]byte{{}, {0x45}, make([]byte, 10), append([]byte{0x4f}, make([]byte, 30)...)} {
		if _, ok := readPacket(b); ok {
			t.Errorf("%x is a packet", b)
		}
	}
}

// What a box has changed.
func TestPacketChanges(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("192.0.2.7:1024")
	join := option{"MP_JOIN", "\x10\x01"}
	before := packet{tuple: wire.Tuple{Src: a, Dst: b}, seq: 5, length: 9, options: []option{{"MSS", "\x05\xb4"}, join, {"DSS", "1"}}}
	after := before
	if got := before.changes(&after); got != nil {
		t.Errorf("unchanged: %q", got)
	}
	after.tuple.Src = b
	after.seq, after.window = 6, 1
	after.options = []option{{"MSS", "\x05\x00"}, {"DSS", "1"}, {"DSS", "1"}}
	if got := strings.Join(before.changes(&after), "; "); got != "from 192.0.2.7:1024; without MP_JOIN; with DSS; other MSS; other seq; other window" {
		t.Error(got)
	}
}

// Arrows have their heights in the order of time, labels of one place keep apart, and a long
// pause is cut short.
func TestLadderHeights(t *testing.T) {
	l := &ladder{columns: make([]ladderColumn, 2), legend: []key{{}}}
	for i := range 5 {
		l.arrows = append(l.arrows, arrow{to: 1, dep: 1000, arr: 11000, depAt: i, arrAt: 10 + i, label: "ACK 1:1425 ack 1, DSS", first: true})
	}
	l.arrows = append(l.arrows, arrow{from: 1, to: 0, dep: 5_000_000, arr: 5_010_000, depAt: 20, arrAt: 21, label: "ACK ack 1, DSS", first: true})
	l.layout()
	for i := 1; i < 5; i++ {
		if d := l.arrows[i].y0 - l.arrows[i-1].y0; d < ladderRow {
			t.Errorf("labels %v points apart", d)
		}
	}
	if a := &l.arrows[0]; a.y1 <= l.arrows[4].y0 || a.y1-l.arrows[4].y0 != ladderTypical {
		t.Errorf("from %v to %v", a.y0, a.y1)
	}
	if len(l.pauses) != 1 || l.pauses[0][1]-l.pauses[0][0] != ladderMost {
		t.Errorf("pauses %v", l.pauses)
	}
	if a := &l.arrows[5]; a.y0 < l.pauses[0][1] || a.labelTo > l.columns[1].x || a.y1 <= a.y0 {
		t.Errorf("%+v", a)
	}
}

func TestErrorsOfPackets(t *testing.T) {
	s := open(t, logged(t))
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "run the scenario with --packets"},
		{Options{Count: -1}, "--count -1"},
		{Options{Metric: "x"}, "figure packets has no parameter metric"},
	} {
		if _, err := Draw("packets", s, &c.o, "svg"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v", err)
		}
	}
	if _, err := Draw("sequence", s, &Options{Count: 3}, "svg"); err == nil {
		t.Error("a count of another figure")
	}
	if _, err := Draw("packets", open(t, sweepDir(t)), new(Options), "svg"); err == nil {
		t.Error("a diagram of a table")
	}
}

// A change is marked with every packet and said with the first of a row; a packet that a link
// drops ends half-way to the column to which others came, one of which nothing more is known
// is drawn open.
func TestLadderOfJourneys(t *testing.T) {
	host, box, server := placeName{results.PlaceHost, "a"}, placeName{results.PlaceBox, "nat"}, placeName{results.PlaceHost, "b"}
	wide, narrow := packet{window: 9}, packet{window: 1}
	way := func(id uint64, ends ...stop) *journey {
		return &journey{id: id, stops: append([]stop{{place: host, left: true, label: "ACK"}, {place: placeName{results.PlaceRouter, "r"}, came: true, left: true}}, ends...)}
	}
	changes := stop{place: box, typ: "nat", came: true, left: true, before: wide, after: narrow}
	passes := stop{place: box, typ: "nat", came: true, left: true, before: wide, after: wide}
	arrives := stop{place: server, came: true}
	lost := stop{place: placeName{results.PlaceLink, "l"}, beyond: "r2", dropped: true, why: "queue_full"}
	all := &journeys{groups: []tupleGroup{{name: "x"}}, merged: []int{0}, list: []*journey{
		way(1, changes, stop{place: placeName{results.PlaceRouter, "r2"}, came: true, left: true}, arrives), way(2, changes, arrives), way(3, passes, arrives), way(4, passes, lost), way(5, changes),
	}}
	l := new(ladder)
	all.origin = map[int]placeName{0: host}
	l.place(all)
	l.connect(all)
	l.layout()
	var names, got []string
	for _, c := range l.columns {
		names = append(names, c.name+" "+c.is)
	}
	if text := strings.Join(names, ", "); text != "a host, nat box, b host" {
		t.Fatalf("columns %s", text)
	}
	for _, a := range l.arrows {
		got = append(got, fmt.Sprintf("%d:%d-%g %q%s", a.packet, a.from, a.end(), a.changed, a.lost))
	}
	want := `1:0-1 "", 1:1-2 "other window", 2:0-1 "", 2:1-2 " ", 3:0-1 "", 3:1-2 "", 4:0-1 "", 4:1-1.5 ""queue_full, 5:0-1 "", 5:1-1.5 "other window"`
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("%s, want\n%s", text, want)
	}
	// In a window in which the other end sends first, the columns are the same.
	all.list = []*journey{{stops: []stop{{place: server, left: true}, changes, {place: host, came: true}}}}
	back := new(ladder)
	if back.place(all); back.columns[0].place != host || back.columns[2].place != server {
		t.Errorf("%+v", back.columns)
	}
	if a := &l.arrows[len(l.arrows)-1]; !a.open || a.lost != "" {
		t.Errorf("%+v", a)
	}
}
