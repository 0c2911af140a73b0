package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Limited transmit (RFC 3042 section 2): each of the first two duplicate ACKs calls for
// a segment of new data, which keeps the clock running until the third shows the loss.
// A connection that gives a subflow no more than its window lets out has to ask the
// scheduler then, although no data was acknowledged in order.
func TestDuplicateAckAsksTheScheduler(t *testing.T) {
	for _, profile := range []func() *Profile{Linux, LinuxOOT, RFC} {
		w := newWorld(t, 20*ms)
		w.profile = profile()
		for _, d := range w.paths[0] {
			d.rate, d.limit = 8*sim.MegabitPerSecond, 1000
		}
		lost := wire.Seq(0)
		w.paths[0][1].drop = func(_ int, now sim.Time, s *Segment) bool {
			if lost == 0 && now > sim.Time(100*ms) && s.Len > 0 {
				lost = s.Seq
				return true
			}
			return false
		}
		duplicates, answered := 0, 0
		w.arrive = func(to *host, s *Segment) {
			if to == w.server && lost != 0 && s.Ack == lost && s.Opt != nil && s.Opt.Has(wire.OptSACK) && duplicates < 2 {
				duplicates++
				at := w.now
				w.at(at, func() {
					for i := range w.log {
						if r := &w.log[i]; r.at == at && !r.up && r.seg.Len > 0 {
							if !r.seg.Seq.After(lost) {
								t.Errorf("%s: the duplicate ACK brings a retransmission", w.profile.Name)
							}
							answered++
							break
						}
					}
				})
			}
		}
		w.start()
		w.server.accept = func() *app { return &app{toWrite: 1 << 40} }
		cli := w.connect()
		cli.toWrite = 17
		w.flush(w.client)
		w.runTo(sim.Time(300 * ms))
		if duplicates != 2 || answered != 2 {
			t.Errorf("%s: %d of the first %d duplicate ACKs brought new data", w.profile.Name, answered, duplicates)
		}
	}
}
