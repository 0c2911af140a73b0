package aqm_test

import (
	"testing"

	simnet "mpsim/net"
	"mpsim/net/aqm"
	"mpsim/sim"
)

// BenchmarkHop is a packet over one link with a discipline, queue and all: 20 packets of
// four flows at once, then 24 ms to send them. Disciplines that drop have less to do.
func BenchmarkHop(b *testing.B) {
	run := func(name string, cfg simnet.LinkConfig) {
		b.Run(name, func(b *testing.B) {
			l := newBench(cfg)
			b.ReportAllocs()
			for range b.N / 20 {
				for i := range 20 {
					l.send(i&3, 1500, 0)
				}
				l.arrived = l.arrived[:0]
				l.sim.Run(l.sim.Now()+24*sim.Time(sim.Millisecond), 1<<40)
			}
		})
	}
	q := simnet.Queue{Bytes: 100000}
	run("fifo", simnet.LinkConfig{Rate: 10e6, Queue: q})
	run("served", simnet.LinkConfig{Rate: 10e6, Queue: q, Mode: simnet.Served})
	for _, s := range aqm.Specs() {
		run(s.Name, simnet.LinkConfig{Rate: 10e6, Queue: q, Discipline: discipline(b, s.Name, q)})
	}
}
