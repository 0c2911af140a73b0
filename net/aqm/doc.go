// Package aqm holds the queue disciplines of links: what decides which packets
// wait, which goes next, and which are dropped or marked. Each is a
// [simnet.Discipline] in a file of its own; all.go is the table of their names and
// parameters.
//
// The limit of the queue is the link's (Queue of simnet.LinkConfig) and holds for
// every discipline. Lengths are those that the limit counts. Random numbers come
// from the stream "link/NAME/aqm", by the index of the packet on the link. What a
// discipline does at fixed intervals it does at the next packet that comes or
// goes, with the state as it was.
package aqm
