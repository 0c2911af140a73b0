// Package nat holds address translators and stateful firewalls: boxes that keep
// state for flows and decide by it what passes. Both are rows of [Specs], beside
// those of package mbox, and stand at the outside of a router or of a host:
// packets that leave the interface come from inside.
//
// What is modelled: mapping and filtering of RFC 4787 and RFC 5382 in all
// combinations, allocation of ports, pools, hairpinning, timers, translation of
// ICMP errors and of echoes (RFC 5508), explicit mappings by PCP (RFC 6887), what
// happens to packets without a mapping; and the connection tracking of Linux with
// its states, timeouts and windows, for translators and firewalls alike.
//
// What is not: translation of IPv6 addresses and between families (IPv6 packets
// pass a translator untouched), fragments (they are dropped and that is traced),
// application-level gateways, deterministic port blocks of carriers. Addresses in
// options and payload are never changed: MPTCP's ADD_ADDR arrives as it was sent.
//
// Checksums are right behind every box, because packets are typed. State is
// bounded (parameter sessions): beyond it packets of further flows are dropped,
// and that is traced.
package nat
