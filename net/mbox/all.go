package mbox

import "mpsim/sim"

// Specs returns the table of boxes that mpsim ships. To add one: write it in a
// file of its own on top of filter.go, give it a Spec and add a line here.
func Specs() []Spec {
	return []Spec{
		stripSpec,
		splitSpec,
		coalesceSpec,
		rewriteSpec,
		shrinkWindowSpec,
		dropSpec,
		rejectSpec,
		duplicateSpec,
		delaySpec,
		reorderSpec,
		corruptSpec,
		clampMSSSpec,
		rewriteISNSpec,
		ackEarlySpec,
		stripDataAckSpec,
		copyOptionsSpec,
		normaliseSpec,
		httpHeaderSpec,
		bleachSpec,
		shapeSpec,
		idsSpec,
		captiveSpec,
		icmpSpec,
		dropProtocolsSpec,
		jitterSpec,
		balanceSpec,
	}
}

var jitterSpec = Spec{
	Name: "jitter",
	Doc:  "holds back what an interface sends for a uniform random time, without reordering; ignores the conditions on packets",
	Params: []Param{{
		Name: "bound", Kind: Span, Number: 1e6, Max: float64(sim.Second), Doc: "longest time",
	}, {
		Name: "bound_correlation", Kind: Whole, Max: 100, Doc: "correlation of successive times, in percent",
	}},
	new: func(s *Spec, b base, v Values) Box {
		return &jitterBox{base: b, Jitter: *NewJitter(sim.Duration(s.at(v, "bound").number), float64(s.at(v, "bound_correlation").number)/100, b.env.Rand)}
	},
}
