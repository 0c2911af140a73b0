// Package explain answers questions about runs: what the scheduler saw and why it
// decided so ([Explain]), what limits a flow ([Why]), and where two runs first
// differ ([Diff]).
//
// A run leaves no log of these things. It is a pure function of scenario, seed,
// replication and version, so it is carried out again with an observer that looks
// at the flow and the time in question, and its hash is compared with the one in
// the manifest: an answer is about the run that was asked about, or it says so.
package explain
