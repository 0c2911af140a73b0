package report

import (
	"cmp"
	"slices"
	"strings"
)

// Packets and their ways through the network, from the records of each hop. A record names
// the node, the link and the sequence number, but no packet; what is one packet is found by
// sequence number and payload length among those that are under way and have not been at
// the node yet, the earliest first. Boxes that change both make a packet anew: its old way
// ends, a new one begins at the box.

// The ends of a hop.
const (
	arrives  = 0
	dropped  = 1
	vanishes = 2 // nothing more is known: the end of the run, a box, or a log that is cut
)

// packetSource is where the packets of a page come from.
type packetSource string

// The sources: an event log or trace records, a capture of some interfaces, the capture of all
// places.
const (
	fromLog     packetSource = "log"
	fromCapture packetSource = "capture"
	fromPlaces  packetSource = "places"
)

// packetTable is packets, hops and acts of boxes as columns.
type packetTable struct {
	names
	// Of packets.
	stream, seq, ack, payload, bytes, flags, back, sentOptions, gotOptions []int64
	// Of hops, in the order of their begin.
	begin, duration, from, to, link, end, why, packet []int64
	// Of what boxes do.
	actAt, actNode, actBox, actWhy, actPacket []int64

	streams []stream
	far     map[string][2]string // the nodes at the ends of each link direction
	leftOut int
	whole   bool // there are records of packets that were not lost
	source  packetSource
	options bool // a capture has told the options

	flights map[flightKey][]*flight
	sockets map[endpoint]int // stream of a node's socket
	dials   map[string][]dial
	opened  map[uint32]int // stream by the first sequence number of its SYN
	lastAct lastAct
}

// stream is one TCP connection: a flow without MPTCP, or a subflow.
type stream struct {
	Name    string `json:"name"`
	Flow    string `json:"flow"`
	Subflow int64  `json:"subflow"`
	// The first sequence numbers of both directions, where the handshake was seen.
	First     *uint32 `json:"first"`
	FirstBack *uint32 `json:"first_back"`

	client string
	conn   int64
}

// dial is a subflow whose SYN has not been seen yet.
type dial struct{ conn, subflow int64 }

type flightKey struct {
	seq     uint32
	payload int64
}

// flight is a packet under way.
type flight struct {
	packet int64
	hop    int   // that it is on, or -1: at a node
	at     int64 // that node
	seen   []int64
}

// lastAct is the latest act of a box, behind which its packet may look otherwise.
type lastAct struct {
	time int64
	node int64
	f    *flight
	key  flightKey
}

func newPacketTable(far map[string][2]string) *packetTable {
	return &packetTable{source: fromLog, streams: []stream{}, far: far, flights: map[flightKey][]*flight{}, sockets: map[endpoint]int{}, dials: map[string][]dial{}, opened: map[uint32]int{}}
}

// add takes a record of a packet.
func (t *packetTable) add(e *logEvent) {
	if len(t.begin) >= maxHops {
		t.leftOut++
		t.outside(e)
		return
	}
	key := flightKey{uint32(e.number("seq")), e.number("payload")}
	node := t.of(e.node)
	t.whole = t.whole || e.kind == "packet_forwarded"
	switch e.kind {
	case "packet_sent":
		p := t.newPacket(e)
		t.flights[key] = append(t.flights[key], &flight{packet: p, hop: -1, at: node, seen: []int64{node}})
	case "packet_forwarded":
		f := t.find(key, node, e)
		if f == nil {
			f = &flight{packet: t.newPacket(e), hop: -1, at: node, seen: []int64{node}}
			t.flights[key] = append(t.flights[key], f)
		}
		t.arrive(f, node, e.time)
		t.depart(f, node, e)
	case "packet_received":
		if f := t.find(key, node, e); f != nil {
			t.arrive(f, node, e.time)
			t.forget(key, f)
		}
	case "packet_dropped":
		f := t.findLost(key, node, e)
		if f == nil {
			f = &flight{packet: t.newPacket(e), hop: -1, at: node, seen: []int64{node}}
			t.flights[key] = append(t.flights[key], f)
		}
		t.drop(f, node, e)
		t.forget(key, f)
	case "box_action":
		f := t.find(key, node, e)
		packet := int64(-1)
		if f != nil {
			packet = f.packet
			t.lastAct = lastAct{e.time, node, f, key}
		}
		t.actAt = append(t.actAt, e.time)
		t.actNode = append(t.actNode, node)
		t.actBox = append(t.actBox, e.number("box"))
		t.actWhy = append(t.actWhy, t.of(e.why))
		t.actPacket = append(t.actPacket, packet)
	}
}

// outside takes a record of a packet that the page does not show: it may open a stream.
func (t *packetTable) outside(e *logEvent) {
	if e.kind == "packet_sent" {
		t.streamOf(e)
	}
}

// newPacket adds a row of packets.
func (t *packetTable) newPacket(e *logEvent) int64 {
	s := -1
	if e.kind == "packet_sent" {
		s = t.streamOf(e)
	}
	t.stream = append(t.stream, int64(s))
	t.seq = append(t.seq, e.number("seq"))
	t.ack = append(t.ack, e.number("ack"))
	t.payload = append(t.payload, e.number("payload"))
	t.bytes = append(t.bytes, e.number("bytes"))
	t.flags = append(t.flags, t.of(e.text("flags")))
	back := int64(0)
	if s >= 0 && t.streams[s].client != e.node {
		back = 1
	}
	t.back = append(t.back, back)
	t.sentOptions = append(t.sentOptions, 0)
	t.gotOptions = append(t.gotOptions, 0)
	return int64(len(t.stream) - 1)
}

// streamOf returns the TCP connection to which a packet that a host sends belongs, by its
// socket and, of sockets that are new, by the handshake; -1 if it has none.
func (t *packetTable) streamOf(e *logEvent) int {
	if e.conn == 0 {
		return -1
	}
	socket := endpoint{t.of(e.node), e.conn}
	flags := e.text("flags")
	syn, ack := strings.Contains(flags, "S"), strings.Contains(flags, ".")
	i, known := t.sockets[socket]
	switch {
	case syn && !ack:
		first := uint32(e.number("seq"))
		if j, again := t.opened[first]; known && again && i == j {
			return i
		}
		s := stream{Subflow: -1, First: &first, client: e.node}
		if d := t.dials[e.node]; len(d) > 0 {
			s.conn, s.Subflow = d[0].conn, d[0].subflow
			t.dials[e.node] = d[1:]
		}
		i = len(t.streams)
		t.streams = append(t.streams, s)
		t.opened[first] = i
		t.sockets[socket] = i
		return i
	case syn:
		if j, ok := t.opened[uint32(e.number("ack"))-1]; ok {
			first := uint32(e.number("seq"))
			t.sockets[socket], t.streams[j].FirstBack = j, &first
			return j
		}
	}
	if known {
		return i
	}
	return -1
}

// state takes a change of a subflow's state: a SYN follows its SYN-SENT.
func (t *packetTable) state(e *logEvent) {
	if e.text("new") == "SYN-SENT" {
		t.dials[e.node] = append(t.dials[e.node], dial{e.conn, e.subflow})
	}
}

// findLost returns the packet that is dropped at a node: before a link, or while it waits for
// the link or is on it.
func (t *packetTable) findLost(key flightKey, node int64, e *logEvent) *flight {
	waits := e.why == "head_drop" || e.why == "sojourn_drop" || e.why == "retry_limit"
	if !waits {
		if f := t.find(key, node, e); f != nil {
			return f
		}
	}
	link := e.text("link")
	for _, f := range t.flights[key] {
		if f.hop >= 0 && t.from[f.hop] == node && t.list[t.link[f.hop]] == link {
			return f
		}
	}
	if waits {
		return t.find(key, node, e)
	}
	return nil
}

// find returns the packet that a record at a node is about: one that is there, or one that
// may arrive now.
func (t *packetTable) find(key flightKey, node int64, e *logEvent) *flight {
	list := t.flights[key]
	for _, f := range list {
		if f.hop < 0 && f.at == node {
			return f
		}
	}
	for _, f := range list {
		if f.hop >= 0 && t.mayArrive(f, node) {
			return f
		}
	}
	if a := &t.lastAct; a.f != nil && a.time == e.time && a.node == node && a.key != key && e.kind != "box_action" {
		t.forget(a.key, a.f)
		t.flights[key] = append(t.flights[key], a.f)
		f := a.f
		a.f = nil
		return f
	}
	return nil
}

// mayArrive reports whether the packet can come to a node now.
func (t *packetTable) mayArrive(f *flight, node int64) bool {
	if ends, ok := t.far[t.list[t.link[f.hop]]]; ok {
		return ends[1] == t.list[node]
	}
	return !slices.Contains(f.seen, node)
}

func (t *packetTable) arrive(f *flight, node, at int64) {
	if f.hop >= 0 {
		t.to[f.hop], t.duration[f.hop], t.end[f.hop] = node, at-t.begin[f.hop], arrives
		f.hop = -1
	}
	f.at = node
	if !slices.Contains(f.seen, node) {
		f.seen = append(f.seen, node)
	}
}

// depart begins a hop.
func (t *packetTable) depart(f *flight, node int64, e *logEvent) {
	f.hop = len(t.begin)
	t.begin = append(t.begin, e.time)
	t.duration = append(t.duration, 0)
	t.from = append(t.from, node)
	to := int64(0)
	if ends, ok := t.far[e.text("link")]; ok {
		to = t.of(ends[1])
	}
	t.to = append(t.to, to)
	t.link = append(t.link, t.of(e.text("link")))
	t.end = append(t.end, vanishes)
	t.why = append(t.why, 0)
	t.packet = append(t.packet, f.packet)
}

// drop ends the way of a packet, on the hop that it is on or before the link that does not
// take it.
func (t *packetTable) drop(f *flight, node int64, e *logEvent) {
	switch {
	case f.hop < 0:
		t.depart(f, node, e)
	case t.from[f.hop] != node: // it has arrived, and goes no further
		t.arrive(f, node, e.time)
		t.depart(f, node, e)
	}
	t.end[f.hop], t.duration[f.hop], t.why[f.hop] = dropped, e.time-t.begin[f.hop], t.of(e.why)
}

func (t *packetTable) forget(key flightKey, f *flight) {
	list := t.flights[key]
	if i := slices.Index(list, f); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(t.flights, key)
		return
	}
	t.flights[key] = list
}

// nameStreams gives streams the names of their flows, by the connections of events.
func (t *packetTable) nameStreams(l *lanes, subflow func(flow string, id int64) string) {
	for i := range t.streams {
		s := &t.streams[i]
		s.Flow = l.flows[laneKey{s.client, s.conn, -1}]
		s.Name = subflow(s.Flow, s.Subflow)
	}
}

// columns returns the nodes that packets pass, clients at the left: in the order of their
// mean distance from the nodes that open connections.
func (t *packetTable) columns() []int64 {
	type place struct{ node, sum, n int64 }
	var places []place
	see := func(node, at int64) {
		if node == 0 {
			return
		}
		i := slices.IndexFunc(places, func(p place) bool { return p.node == node })
		if i < 0 {
			i = len(places)
			places = append(places, place{node: node})
		}
		places[i].sum += at
		places[i].n++
	}
	step := make(map[int64]int64)
	for i := range t.begin {
		p := t.packet[i]
		s := t.stream[p]
		if _, begun := step[p]; !begun && (s < 0 || t.list[t.from[i]] != t.streams[s].client) {
			continue // not from a client
		}
		at := step[p]
		step[p] = at + 1
		see(t.from[i], at)
		see(t.to[i], at+1)
		if len(step) > 5000 {
			break
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(float64(a.sum)/float64(a.n), float64(b.sum)/float64(b.n)) })
	var out []int64
	for _, p := range places {
		out = append(out, p.node)
	}
	for i := range t.begin {
		for _, node := range []int64{t.from[i], t.to[i]} {
			if node != 0 && !slices.Contains(out, node) {
				out = append(out, node)
			}
		}
	}
	return out
}

// packetData is the tables as the page reads them.
type packetData struct {
	N       int          `json:"n"` // hops
	Packets int          `json:"packets"`
	LeftOut int          `json:"left_out,omitempty"`
	Options bool         `json:"options"`
	Source  packetSource `json:"source"`
	Texts   []string     `json:"texts"`
	Columns []int64      `json:"columns"` // nodes, as numbers of texts
	Streams []stream     `json:"streams"`

	Stream  int `json:"stream"`
	Seq     int `json:"seq"`
	Ack     int `json:"ack"`
	Payload int `json:"payload"`
	Bytes   int `json:"bytes"`
	Flags   int `json:"flags"`
	Back    int `json:"back"` // 1: from the server
	Sent    int `json:"sent"`
	Got     int `json:"got"`

	Begin    int `json:"begin"`
	Duration int `json:"duration"`
	From     int `json:"from"`
	To       int `json:"to"`
	Link     int `json:"link"`
	End      int `json:"end"`
	Why      int `json:"why"`
	Packet   int `json:"packet"`

	Acts      int `json:"acts"`
	ActAt     int `json:"act_at"`
	ActNode   int `json:"act_node"`
	ActBox    int `json:"act_box"`
	ActWhy    int `json:"act_why"`
	ActPacket int `json:"act_packet"`
}

func (t *packetTable) data(b *blobs) *packetData {
	return &packetData{N: len(t.begin), Packets: len(t.stream), LeftOut: t.leftOut, Options: t.options, Source: t.source, Texts: t.list, Columns: t.columns(), Streams: t.streams,
		Stream: b.ints(t.stream, false), Seq: b.ints(t.seq, false), Ack: b.ints(t.ack, false), Payload: b.ints(t.payload, false),
		Bytes: b.ints(t.bytes, false), Flags: b.ints(t.flags, false), Back: b.ints(t.back, false), Sent: b.ints(t.sentOptions, false), Got: b.ints(t.gotOptions, false),
		Begin: b.ints(t.begin, true), Duration: b.ints(t.duration, false), From: b.ints(t.from, false), To: b.ints(t.to, false),
		Link: b.ints(t.link, false), End: b.ints(t.end, false), Why: b.ints(t.why, false), Packet: b.ints(t.packet, true),
		Acts: len(t.actAt), ActAt: b.ints(t.actAt, true), ActNode: b.ints(t.actNode, false), ActBox: b.ints(t.actBox, false),
		ActWhy: b.ints(t.actWhy, false), ActPacket: b.ints(t.actPacket, true)}
}
