// Package packetdrill runs scripts of the packetdrill language, as its MPTCP
// branch understands it, against one host.
//
// A script says which packets a host under test is given, which ones it must
// send and when, and which system calls its application makes. [Parse] reads a
// script, [Run] executes it. The host is a [System]: sockets, packets and a
// clock. [Simulated] is an mptcp.Endpoint in simulated time; a real kernel
// behind a TUN device fits the same interface.
//
// What is modelled: packets with every TCP and MPTCP option, endpoint variables
// for addresses, keys, tokens and HMACs, relative sequence spaces, timestamp
// aliases, the system calls of TCP and MPTCP scripts, blocking calls, timing
// windows with tolerances, the closed list of configuration commands, and
// assertions on TCP_INFO. What is not: UDP, ICMP, other shell commands, other
// Python than assertions, and wall-clock time.
//
// Where the original tool leaves something unchecked the runner does so too,
// unless [Options].Strict is set. docs/PACKETDRILL.md is the reference of the
// language and lists the differences.
package packetdrill
