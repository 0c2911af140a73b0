// Package mbox holds middleboxes: what stands in a path and touches packets
// between their hosts. A box is a simnet.Box at an interface. Which packets it
// acts on is said by the same keys for all ([Filter]), what it does by parameters
// of its own; [Specs] is the table of both.
//
// What is modelled are effects on packets, as tracebox and the surveys of paths
// report them (Honda et al., "Is it still possible to extend TCP?", IMC 2011; RFC
// 8041 section 3.1). Boxes take no time but where they wait by intention.
// Checksums are right behind every box, because packets are typed. State for
// flows is bounded ([maxFlows]): packets of further flows pass untouched, and
// that is traced.
package mbox
