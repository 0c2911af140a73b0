package aqm

import (
	"fmt"
	"strconv"
	"strings"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Strict priority: three first-in-first-out bands, of which the first that holds a packet
// is served. By default the TOS octet decides as in Linux's pfifo_fast (ip_tos2prio of
// net/ipv4/route.c, prio2band of sch_generic.c): low delay goes first, high throughput
// last, both or neither in the middle; DSCPs are read as the TOS bits that they are. The
// lists `high` and `low` of packets decide instead where they are given.
//
// The limit is that of all bands together, where each of Linux's has one of its own: a
// packet that finds no room replaces the packet that has waited longest in the lowest
// band below its own.

var prioSpec = Spec{
	Name: "prio",
	Doc:  "strict priority of three bands, by TOS or by lists of DSCPs, ports and protocols",
	Params: []Param{
		{Name: "high", Kind: Text, Doc: "packets that go first: dscp:N, port:N (source or destination), tcp, udp, icmp, apart by spaces"},
		{Name: "low", Kind: Text, Doc: "packets that go last, likewise; with either list, what is on none is in the middle"},
	},
	check: func(v *Values) error {
		for _, list := range []string{"high", "low"} {
			if _, err := parseClass(v.text(list)); err != nil {
				return fmt.Errorf("%s: %w", list, err)
			}
		}
		return nil
	},
	new: func(v *Values, p *simnet.Port) simnet.Discipline {
		q := &prio{port: p, byTOS: v.text("high") == "" && v.text("low") == ""}
		q.high, _ = parseClass(v.text("high")) // checked
		q.low, _ = parseClass(v.text("low"))
		return q
	},
}

// class is a list of packets by what they carry.
type class []criterion

type criterion struct {
	kind  uint8
	value uint16
}

const (
	byDSCP uint8 = iota
	byPort
	byProtocol
)

func parseClass(text string) (class, error) {
	var out class
	for _, word := range words(text) {
		kind, number, _ := strings.Cut(word, ":")
		c := criterion{}
		bits := 16
		switch kind {
		case "tcp", "udp", "icmp":
			c = criterion{byProtocol, map[string]uint16{"tcp": wire.ProtoTCP, "udp": wire.ProtoUDP, "icmp": wire.ProtoICMP}[kind]}
			if number == "" {
				out = append(out, c)
				continue
			}
		case "dscp":
			c.kind, bits = byDSCP, 6
		case "port":
			c.kind = byPort
		}
		n, err := strconv.ParseUint(number, 10, bits)
		if err != nil || c.kind == byProtocol || kind != "dscp" && kind != "port" {
			return nil, fmt.Errorf("%q is none of dscp:0 to dscp:63, port:0 to port:65535, tcp, udp, icmp", word)
		}
		c.value = uint16(n)
		out = append(out, c)
	}
	return out, nil
}

// has reports whether a packet is on the list.
func (c class) has(t *wire.Tuple, tos uint8) bool {
	for _, x := range c {
		switch x.kind {
		case byDSCP:
			if uint16(tos>>2) == x.value {
				return true
			}
		case byPort:
			if t.Src.Port() == x.value || t.Dst.Port() == x.value {
				return true
			}
		case byProtocol:
			if uint16(t.Proto) == x.value || x.value == wire.ProtoICMP && t.Proto == wire.ProtoICMPv6 {
				return true
			}
		}
	}
	return false
}

// The bits of the TOS octet that pfifo_fast looks at (RFC 1349).
const (
	tosLowDelay   = 0x10
	tosThroughput = 0x08
)

// prio is the queue of a link in bands.
type prio struct {
	port      *simnet.Port
	byTOS     bool
	high, low class
	bands     [3]simnet.Waiting
}

// band returns the number of a packet's band, 0 for the one that goes first.
func (q *prio) band(id simnet.PacketID) int {
	tos := q.port.TOS(id)
	if q.byTOS {
		switch tos & (tosLowDelay | tosThroughput) {
		case tosLowDelay:
			return 0
		case tosThroughput:
			return 2
		}
		return 1
	}
	t := q.port.Tuple(id)
	switch {
	case q.high.has(t, tos):
		return 0
	case q.low.has(t, tos):
		return 2
	}
	return 1
}

// Enqueue implements simnet.Discipline.
func (q *prio) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	b, size := q.band(id), q.port.Size(id)
	for q.port.Full(size) {
		last := 2
		for last > b && q.bands[last].Packets == 0 {
			last--
		}
		if last <= b {
			return trace.QueueFull
		}
		q.port.Drop(now, q.bands[last].Pop(q.port), trace.HeadDrop)
	}
	q.bands[b].Push(q.port, id)
	return trace.NoReason
}

// Dequeue implements simnet.Discipline.
func (q *prio) Dequeue(sim.Time) (simnet.PacketID, sim.Time) { return q.Evict(), sim.Never }

// Timeless implements simnet.Timeless.
func (q *prio) Timeless() {}

// Evict implements simnet.Discipline.
func (q *prio) Evict() simnet.PacketID {
	for b := range q.bands {
		if id := q.bands[b].Pop(q.port); id != 0 {
			return id
		}
	}
	return 0
}
