// Package bench measures the speed of the simulator: benchmarks by name, each
// paired with the bare event loop (package floor) in the same process, comparisons
// of two binaries and with ns-3, sweeps over all cores, and the cost of traces.
//
// Speeds are processor time per packet-hop (one packet accepted by one link or
// dropped by its queue) and multiples of the bare loop's, because times alone mean
// nothing on another machine or beside other work. A measurement whose counts are
// not those of the physics is an error, however fast it was.
//
// What is measured: the event loop of a scenario that is loaded and built, without
// files. Loading and building are reported apart.
package bench
