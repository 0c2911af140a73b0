package simnet

import (
	"cmp"
	"net/netip"
	"slices"
)

// TableID names a routing table of a node.
type TableID int

// MainTable is looked up when no rule applies or no table named by a rule has a
// route. It holds the routes to the prefixes of the node's own addresses.
const MainTable TableID = 0

// rule sends packets from a source prefix, and if given with a port in one of two
// ranges, to a table, as `ip rule add from P sport A-B table N` does.
type rule struct {
	from   netip.Prefix
	sports PortRange
	dports PortRange
	table  TableID
}

// PortRange is a range of TCP or UDP ports, both ends included; the zero value holds
// all of them.
type PortRange struct{ First, Last uint16 }

func (r PortRange) holds(port uint16) bool {
	return r == PortRange{} || r.First <= port && port <= r.Last
}

// nextHop is one way out, preferred by small metric.
type nextHop struct {
	ifc    *Interface
	metric int
}

// group holds the ways out for one prefix, by ascending metric, earlier ones
// first among equals. A packet takes the first whose interface is up, or, with
// ECMP, one of those that share its metric.
type group []nextHop

// table is one routing table. A lookup tries the prefix lengths that occur,
// longest first; its result is cached in the route, so this is not a hot path.
type table struct {
	groups  map[netip.Prefix]group
	lengths []int16 // descending, without duplicates
}

// AddRoute adds a route through an interface. The zero prefix lengths
// 0.0.0.0/0 and ::/0 are default routes, /32 and /128 are host routes.
// Smaller metrics are preferred while their interface is up.
func (nd *Node) AddRoute(id TableID, dst netip.Prefix, via *Interface, metric int) {
	for len(nd.tables) <= int(id) {
		nd.tables = append(nd.tables, table{})
	}
	t := &nd.tables[id]
	if t.groups == nil {
		t.groups = make(map[netip.Prefix]group)
	}
	dst = dst.Masked()
	g := append(t.groups[dst], nextHop{via, metric})
	slices.SortStableFunc(g, func(a, b nextHop) int { return cmp.Compare(a.metric, b.metric) })
	t.groups[dst] = g
	if b := int16(dst.Bits()); !slices.Contains(t.lengths, b) {
		t.lengths = append(t.lengths, b)
		slices.SortFunc(t.lengths, func(a, b int16) int { return cmp.Compare(b, a) })
	}
	nd.net.topologyChanged()
}

// RemoveRoute removes the routes to a prefix through an interface.
func (nd *Node) RemoveRoute(id TableID, dst netip.Prefix, via *Interface) {
	if int(id) >= len(nd.tables) || nd.tables[id].groups == nil {
		return
	}
	t := &nd.tables[id]
	dst = dst.Masked()
	g := slices.DeleteFunc(t.groups[dst], func(h nextHop) bool { return h.ifc == via })
	if len(g) == 0 {
		delete(t.groups, dst)
	} else {
		t.groups[dst] = g
	}
	nd.net.topologyChanged()
}

// AddRule makes packets from a source prefix look into a table first: with one
// rule and one table for each address, every subflow leaves through the
// interface that owns its source address. Rules are tried in the order of their
// addition.
func (nd *Node) AddRule(from netip.Prefix, id TableID) {
	nd.AddPortRule(from, PortRange{}, PortRange{}, id)
}

// AddPortRule is AddRule for packets whose source and destination ports lie in the
// given ranges.
func (nd *Node) AddPortRule(from netip.Prefix, sports, dports PortRange, id TableID) {
	nd.rules = append(nd.rules, rule{from.Masked(), sports, dports, id})
	nd.net.topologyChanged()
}

// RemoveRule removes a rule.
func (nd *Node) RemoveRule(from netip.Prefix, id TableID) {
	r := rule{from: from.Masked(), table: id}
	nd.rules = slices.DeleteFunc(nd.rules, func(x rule) bool { return x == r })
	nd.net.topologyChanged()
}

// RouteTo returns the interface through which the node would send from src to
// dst, the first one of several, or nil if it has no route. An invalid src stands
// for an address that no rule names. Rules about ports do not apply.
func (nd *Node) RouteTo(src, dst netip.Addr) *Interface {
	if c := nd.candidates(netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)); len(c) > 0 {
		return c[0]
	}
	return nil
}

// candidates returns the next hops of equal cost: those of the first table with a
// way out that a rule names, of the main table, or else of the shortest paths.
func (nd *Node) candidates(src, dst netip.AddrPort) []*Interface {
	for i := range nd.rules {
		r := &nd.rules[i]
		if r.from.Contains(src.Addr()) && r.sports.holds(src.Port()) && r.dports.holds(dst.Port()) && int(r.table) < len(nd.tables) {
			if c := nd.tables[r.table].lookup(dst.Addr()); len(c) > 0 {
				return c
			}
		}
	}
	if c := nd.tables[MainTable].lookup(dst.Addr()); len(c) > 0 || nd.net.ways == nil {
		return c
	}
	return nd.net.ways.members(nd, dst.Addr())
}

// lookup returns the interfaces of the longest prefix that contains dst and has a
// way out through an interface that is up and connected: those of the smallest
// metric among them.
func (t *table) lookup(dst netip.Addr) []*Interface {
	for _, bits := range t.lengths {
		if int(bits) > dst.BitLen() {
			continue
		}
		p, err := dst.Prefix(int(bits))
		if err != nil {
			continue
		}
		var out []*Interface
		metric := 0
		for _, h := range t.groups[p] {
			if !h.ifc.Up() || h.ifc.out == nil || out != nil && h.metric != metric {
				continue
			}
			out, metric = append(out, h.ifc), h.metric
		}
		if out != nil {
			return out
		}
	}
	return nil
}
