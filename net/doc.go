// Package simnet is the simulated network: packets, nodes with interfaces and
// addresses, routing, and links. It is always imported as
//
//	simnet "mpsim/net"
//
// so that it never reads like the standard library's net.
//
// # The life of a packet
//
// A host allocates a packet ([Network.Alloc] gives a number), fills in the hot
// line ([wire.Segment], 64 bytes) and, where needed, a cold record
// ([wire.Options]), names its flow by an interned tuple ([Network.Intern]) and
// calls [Node.Send]. From then on the network owns the packet.
//
// The node routes it: own addresses first, then rules by source address, then
// the main table, longest prefix first. The decision is stored in the route
// under the packet's hop count, so that the next packet of the flow finds it
// without a lookup; anything that changes routing voids what is stored.
//
// The packet then passes the boxes and taps of the interface and is offered to
// its link. The link counts it, and drops it if it is down, if the packet is
// larger than its MTU, if the drop pattern or the loss probability says so (by
// the packet's index on this link), or if the queue is full. Otherwise it takes
// the next number of the transmitting node as the key of the arrival; a fifo
// link computes the departure at once, a served one when service begins; a link
// with a discipline (net/aqm) has that decide what is accepted, dropped or marked
// and what is served next. At
// (arrival time, key) the packet reaches the other end: taps, boxes, and the
// node again, which forwards it (with a TTL smaller by one) or hands it to its
// [Receiver], who owns it from then on.
//
// # Cost
//
// There is one event per packet-hop and one pending event per link, no
// allocation, no map, no interface call on the way. What a hop touches is the
// link (two cache lines), the packet's metadata and hot line, its route and the
// node's trace chain.
//
// # Determinism
//
// Events at equal times are ordered by the keys taken at acceptance. A departure
// at t precedes an arrival at t. Numbers of packets, routes and links never
// reach the trace hash.
package simnet
