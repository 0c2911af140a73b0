// Package script runs congestion controllers, schedulers and path managers that
// are written in Starlark, a small dialect of Python. A scenario names one as
// "file:NAME.star"; docs/PLUGINS.md is the tutorial and the reference.
//
// A [File] is a script that was read and checked. It has a row for each table of
// plug-ins whose hook it defines: pick makes it a scheduler, on_ack a controller,
// on_event a path manager. For each connection the file is executed once with the
// connection's parameters and random stream; its globals are the connection's
// state, and its functions are called as the methods of the Go interfaces are.
//
// Scripts are deterministic: Starlark has no clock, no files, no addresses of
// objects and ordered dictionaries; module math is the simulator's own, so that
// its bits are the same on every machine; every operation on floats is rounded by
// itself; random numbers come from the connection's stream alone. They are
// confined: load is refused, a call may take a bounded number of steps, and
// functions do not recurse. Memory is bounded by --max-memory only.
//
// The values that hooks get (paths, ranges, flows, acknowledgements) are views of
// the rows of the Go interfaces. They are made once and read lazily, so that a
// call allocates little; they may be used during the call only.
//
// What is wrong with a script is an [Error] with the place in the script: found
// when it is read as a list, later as the panic value of the call.
package script
