package report

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"

	"mpsim/net/wire"
	"mpsim/results"
)

// Packets from the capture of all places (mpsim run --packets), which says itself which packet
// is which, shows boxes as places of their own and has all options. It is taken before any
// other record of packets.

// look is what a label says of a packet.
type look struct {
	tuple          wire.Tuple
	seq, ack       uint32
	payload, bytes int64
	flags, options string
}

// journey is one packet on its way.
type journey struct {
	row  int64 // of packets, as it looks now
	hop  int   // that it is on, -1: none, or outside of the window
	look look
}

// isnKey is one direction of a connection at a place, arriving or leaving: boxes change
// sequence numbers.
type isnKey struct {
	place string
	out   bool
	tuple wire.Tuple
}

// travels makes packets of sightings.
type travels struct {
	*packetTable
	run      *run
	from, to int64
	open     map[uint64]*journey
	first    map[isnKey]uint32
	streamOf map[wire.Tuple]int
	segment  wire.Segment
	extra    wire.Options
}

// allPlaces reads packets.pcapng of the directory and reports whether there is one.
func (r *run) allPlaces(src *Source) (bool, error) {
	file := filepath.Join(r.dir, results.PacketsName)
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	v := &travels{packetTable: newPacketTable(nil), run: r, from: int64(src.From * 1e9), to: math.MaxInt64,
		open: map[uint64]*journey{}, first: map[isnKey]uint32{}, streamOf: map[wire.Tuple]int{}}
	if src.To > 0 {
		v.to = int64(src.To * 1e9)
	}
	v.of("")
	if err := results.ReadPackets(f, v.see); err != nil {
		return false, inFile(file, err)
	}
	v.source, v.whole, v.options = fromPlaces, true, true
	r.packets = v.packetTable
	return true, nil
}

// see takes one sighting.
func (v *travels) see(s *results.Sighting) bool {
	var l look
	if err := wire.ParseCut(s.IP, &l.tuple, &v.segment, &v.extra); err != nil {
		return true
	}
	l.seq, l.ack, l.payload = uint32(v.segment.Seq), uint32(v.segment.Ack), int64(v.segment.Len)
	l.bytes = int64(wire.WireLen(&l.tuple, &v.segment, &v.extra))
	if l.tuple.Proto == wire.ProtoTCP {
		l.flags = v.segment.Flags.String()
		l.options = optionText(wire.Format(&l.tuple, &v.segment, &v.extra))
		key := isnKey{s.Place.Name, s.Out, l.tuple}
		if _, known := v.first[key]; !known || strings.Contains(l.flags, "S") {
			v.first[key] = l.seq
			if !strings.Contains(l.flags, "S") {
				v.first[key]-- // the SYN was before the capture
			}
		}
	}
	j, at, place := v.open[s.Packet], int64(s.At), v.of(s.Place.Name)
	fresh := j == nil
	if fresh {
		j = &journey{hop: -1}
		v.open[s.Packet] = j
	}
	switch changed := fresh || l != j.look; {
	case s.Dropped:
		if fresh {
			j.row = v.row(s, &l, -1)
		}
		v.lose(s, j, place)
		delete(v.open, s.Packet)
	case s.Out:
		if changed {
			before, old := j.look, j.row
			stream := -1
			if !fresh {
				stream = int(v.stream[j.row])
			}
			j.row, j.look = v.row(s, &l, stream), l
			if !fresh {
				v.act(at, place, "", old)
				v.act(at, place, changes(&before, &l), j.row)
			}
		}
		j.hop = v.leave(at, place, j.row)
	default:
		if fresh {
			j.row, j.look = v.row(s, &l, -1), l
		}
		if j.hop >= 0 {
			v.packetTable.to[j.hop], v.duration[j.hop], v.end[j.hop] = place, at-v.begin[j.hop], arrives
			v.gotOptions[j.row] = v.sentOptions[j.row]
			v.unhop(j.hop)
			j.hop = -1
		}
		if s.Place.Kind == results.PlaceHost {
			delete(v.open, s.Packet)
		}
	}
	return true
}

// changes says what a place did to a packet.
func changes(a, b *look) string {
	var out []string
	for _, c := range []struct {
		is   bool
		name string
	}{{a.tuple != b.tuple, "translates addresses"}, {a.options != b.options, "changes options"}, {a.seq != b.seq || a.ack != b.ack, "changes sequence numbers"},
		{a.payload != b.payload, "changes the length"}, {a.flags != b.flags, "changes flags"}} {
		if c.is {
			out = append(out, c.name)
		}
	}
	if len(out) == 0 {
		return "changes the header"
	}
	return strings.Join(out, ", ")
}

// row adds a packet as it looks at a place. Sequence numbers count from the SYN as the place
// knows it.
func (v *travels) row(s *results.Sighting, l *look, stream int) int64 {
	if stream < 0 {
		stream = v.streamBy(l.tuple)
	}
	if _, known := v.streamOf[l.tuple]; !known && stream >= 0 { // a translator gave new addresses
		v.streamOf[l.tuple], v.streamOf[l.tuple.Reverse()] = stream, stream
	}
	back := int64(0)
	if stream >= 0 && !v.fromClient(stream, s, l) {
		back = 1
	}
	t := v.packetTable
	t.stream, t.back = append(t.stream, int64(stream)), append(t.back, back)
	t.seq = append(t.seq, int64(l.seq-v.first[isnKey{s.Place.Name, s.Out, l.tuple}]))
	t.ack = append(t.ack, int64(l.ack-v.first[isnKey{s.Place.Name, false, l.tuple.Reverse()}]))
	t.payload, t.bytes = append(t.payload, l.payload), append(t.bytes, l.bytes)
	t.flags = append(t.flags, t.of(l.flags))
	t.sentOptions, t.gotOptions = append(t.sentOptions, t.optionOf(l.options)), append(t.gotOptions, 0)
	return int64(len(t.stream) - 1)
}

// streamBy returns the stream of a tuple: one that a packet was known by before, or that of a
// subflow with these addresses.
func (v *travels) streamBy(tuple wire.Tuple) int {
	if i, ok := v.streamOf[tuple]; ok {
		return i
	}
	i, _ := v.capturedStream(v.run, &captured{tuple: tuple})
	if i >= 0 {
		zero := uint32(0) // rows have relative numbers
		v.streams[i].First, v.streams[i].FirstBack = &zero, &zero
	}
	return i
}

// fromClient reports whether a packet goes from the client to the server.
func (v *travels) fromClient(stream int, s *results.Sighting, l *look) bool {
	st := &v.streams[stream]
	for i := range v.run.summary.Flows {
		f := &v.run.summary.Flows[i]
		for k := range f.Subflows {
			if sf := &f.Subflows[k]; f.Name == st.Flow && int64(sf.ID) == st.Subflow {
				if sf.Local == l.tuple.Src.String() || sf.Remote == l.tuple.Dst.String() {
					return true
				}
				if sf.Local == l.tuple.Dst.String() || sf.Remote == l.tuple.Src.String() {
					return false
				}
			}
		}
	}
	return s.Place.Name == st.client
}

// leave begins a hop, if it is in the window.
func (v *travels) leave(at, place, row int64) int {
	switch {
	case at < v.from || at > v.to:
		return -1
	case len(v.begin) >= maxHops:
		v.leftOut++
		return -1
	}
	t := v.packetTable
	t.begin, t.duration = append(t.begin, at), append(t.duration, 0)
	t.from, t.to = append(t.from, place), append(t.to, 0)
	t.link, t.why = append(t.link, 0), append(t.why, 0)
	t.end, t.packet = append(t.end, vanishes), append(t.packet, row)
	return len(t.begin) - 1
}

// unhop takes the latest hop back if it leads from a node to its box of the same name, or
// back: they are one line in a diagram.
func (v *travels) unhop(i int) {
	t := v.packetTable
	if i != len(t.begin)-1 || t.from[i] != t.to[i] || t.duration[i] != 0 {
		return
	}
	for _, c := range []*[]int64{&t.begin, &t.duration, &t.from, &t.to, &t.link, &t.end, &t.why, &t.packet} {
		*c = (*c)[:i]
	}
}

// lose ends a packet: on the link that it was on, or at a place.
func (v *travels) lose(s *results.Sighting, j *journey, place int64) {
	if s.Place.Kind != results.PlaceLink || j.hop < 0 {
		j.hop = v.leave(int64(s.At), place, j.row)
	}
	if j.hop < 0 {
		return
	}
	v.end[j.hop], v.why[j.hop] = dropped, v.of(s.Why)
	v.duration[j.hop] = int64(s.At) - v.begin[j.hop]
	if s.Place.Kind == results.PlaceLink {
		v.packetTable.to[j.hop], v.link[j.hop] = v.of(s.Place.Beyond), place
	}
}

// act notes what a place does to a packet: nothing of the row before, all of the one behind.
func (v *travels) act(at, place int64, what string, row int64) {
	if at < v.from || at > v.to || len(v.actAt) >= maxHops {
		return
	}
	t := v.packetTable
	t.actAt, t.actNode = append(t.actAt, at), append(t.actNode, place)
	t.actBox, t.actPacket = append(t.actBox, -1), append(t.actPacket, row)
	t.actWhy = append(t.actWhy, t.of(what))
}
