package mbox

import simnet "mpsim/net"

// maxFlows bounds the flows, each direction counting as one, for which a box
// keeps state. Packets of further ones pass untouched (trace.BoxFull).
const maxFlows = 1 << 14

// flowTable finds the state that a box keeps for each direction of a flow.
type flowTable[T any] struct {
	slots []T      // 0 is unused
	index []uint32 // by route
}

// get returns the state of a route, or nil.
func (t *flowTable[T]) get(r simnet.RouteID) *T {
	if int(r) < len(t.index) && t.index[r] != 0 {
		return &t.slots[t.index[r]]
	}
	return nil
}

// add returns the state of a route, new and empty if there was none; nil if the
// table is full. Pointers to other states are invalid afterwards.
func (t *flowTable[T]) add(r simnet.RouteID) *T {
	if s := t.get(r); s != nil {
		return s
	}
	if len(t.slots) == 0 {
		t.slots = make([]T, 1, 8)
	}
	if len(t.slots) > maxFlows {
		return nil
	}
	for int(r) >= len(t.index) {
		t.index = append(t.index, 0)
	}
	var zero T
	t.index[r] = uint32(len(t.slots))
	t.slots = append(t.slots, zero)
	return &t.slots[t.index[r]]
}
