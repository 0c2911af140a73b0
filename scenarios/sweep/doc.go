// Package sweep carries out experiments of many runs: a base scenario, factors with
// their values, replications, and metrics of each run. The outcome is one table with a
// row for each run, in the order of the design, whatever the order of execution was.
//
// A finished run is one line of a journal, written before anything else learns of it.
// A line names its run by the content that determines it (the resolved scenario, the
// overrides, the seed, the metrics and the program), so that a sweep can be killed at
// any moment and continued, and be divided among machines. docs/SWEEPS.md describes
// the file format.
//
// Not modelled: adaptive designs (the next point depends on results) beyond the number
// of replications.
package sweep
