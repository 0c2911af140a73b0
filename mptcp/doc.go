// Package mptcp is the Multipath TCP endpoint (RFC 8684): the sockets of one
// host, as a state machine that does no input or output.
//
// An [Endpoint] is driven by four kinds of methods. Commands (Listen, Dial,
// Write, Read, Close, ...) are what an application asks for; they never block.
// Handle methods (HandleSegment, HandleTimeout, HandleAddr) are what happens to
// the host. Poll methods give back what results: segments to send and events
// for the application. Getters (Info, Subflows, Counters, ...) look.
//
// After any command or Handle method the driver calls PollSegment until it
// returns false, then PollEvent until it returns false (handlers may issue
// commands), repeats both until nothing comes, and then arms one timer for
// NextTimeout. Time is an argument everywhere and never decreases.
//
// The layers within:
//
//   - a flow is one TCP connection (package mptcp/tcp) with its addresses;
//   - a [Subflow] is the MPTCP side of a flow: it rides on TCP as a
//     tcp.Extension, writes and reads the options, and maps stream positions of
//     the subflow to data sequence numbers;
//   - a [Conn] is an MPTCP connection: keys, send queue, reassembly, windows,
//     closing, and the plug-ins (scheduler, controller, path manager);
//   - a socket is what the application holds: a listener, a plain TCP
//     connection, or a Conn.
//
// Within the package data sequence numbers are relative to the initial one:
// the SYN occupies number 0 and the first byte of data is number 1, as in
// Wireshark and packetdrill. They do not wrap; only what is written to and read
// from segments does.
package mptcp
