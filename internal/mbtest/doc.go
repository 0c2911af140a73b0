// Package mbtest tries MPTCP against middleboxes: the grid of MBtest (behaviour x
// path x direction, a client with two access networks and a server with one address;
// RFC 8041 section 3.1), random chains of boxes, and a population of access networks
// as Honda et al. (IMC 2011) met it. Every transfer is judged by what plain TCP gets
// through the same boxes, every cell by what RFC 8684 sections 3.7 and 6 and RFC 8041
// section 3.1 state. docs/MBTEST.md describes it.
package mbtest
