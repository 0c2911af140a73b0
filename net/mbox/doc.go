// Package mbox holds middleboxes: what stands in a path and touches packets
// between their hosts.
package mbox
