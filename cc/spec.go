package cc

import "mpsim/sim"

// Spec is one row of the table of controllers: what `mpsim list cc` prints and
// what a scenario's `cc = ...` looks up.
type Spec struct {
	Name, Doc string
	// Coupled says that the subflows of a connection share terms. The parameter mode
	// of such a controller, if it has one, is 0 for a published formula and 1 for the
	// integers of the out-of-tree Linux stack; presets of scenarios set it.
	Coupled bool
	// Base names the single-path controller whose share the controller aims at, and
	// that it is over one path; empty: reno if Coupled (RFC 6356), else itself.
	Base   string
	Params []Param
	// New makes the controller of one connection. Params are complete and in
	// range; rnd is the connection's own random stream.
	New func(p Params, rnd *sim.Rand) Controller
}

// Param is one typed parameter of a plug-in.
type Param struct {
	Name, Doc string
	Default   float64
	Min, Max  float64 // inclusive
	Whole     bool    // only whole numbers
	// Names, if not nil, are what a scenario writes instead of the values 0, 1, ...
	Names []string
}

// Params are the values of the parameters, in the order of Spec.Params.
type Params []float64
