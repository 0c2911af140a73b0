// Package pareto is the experiments by which Khalili, Gast, Popovic and Le Boudec show
// that LIA is not Pareto-optimal ("MPTCP is not Pareto-optimal: performance issues and
// a possible solution", CoNEXT 2012, ToN 2013): scenarios A, B and C, the fixed points
// of LIA's fluid model, the optimum with probing cost, and the figures that show them
// beside simulations.
//
// Modelled: users of each kind with long flows, a bottleneck for each pool of capacity
// with the RED queue of the paper's Click routers, 150 ms without queueing on every
// path. Rates are those of IP packets, as the paper has no headers. Not modelled: the
// paper's kernel (Linux 3.0, MPTCP 0.8x) and its cross traffic on the testbed.
// docs/models/olia-scenarios.md shows the figures and the numbers.
package pareto
