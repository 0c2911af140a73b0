package aqm

import simnet "mpsim/net"

// LargestCount returns the largest count of drops of the queues of FQ-CoDel.
func LargestCount(d simnet.Discipline) uint32 {
	n := uint32(0)
	for i := range d.(*fqCodel).flows {
		n = max(n, d.(*fqCodel).flows[i].count)
	}
	return n
}

// Average returns the average length of RED.
func Average(d simnet.Discipline) float64 { return d.(*red).avg }
