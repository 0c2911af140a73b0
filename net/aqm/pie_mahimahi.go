package aqm

import (
	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// PIE as mahimahi has it (src/packet/pie_packet_queue.cc), after an early draft of the RFC:
// a change every 30 ms, divided by 128 below a probability of 0.01, by 32 below 0.1 and by
// 16 above; times 0.98 while the delay is 0; a delay that is the length of the queue over
// an estimated rate of departures, in whole milliseconds, with alpha and beta per
// millisecond; no spreading, no marks.
//
// The rate of departures is measured over 16384 octets while at least as many wait, and
// averaged with weight 1/8. Catching up with missed changes at the next packet is
// mahimahi's own way, too. Its random numbers are its own.

const (
	pieDrain     = 16384 // octets over which the rate of departures is measured
	pieMahimahi  = 30 * sim.Millisecond
	pieTUNPacket = 1504 // octets of a full packet there
)

type mahimahiPIE struct {
	fifo
	rand             *sim.Rand
	target, maxBurst int64 // ms
	update           int64 // ms
	alpha, beta      float64

	p             float64
	burst         int64 // ms that are still allowed
	delay, before int64 // ms
	measuring     bool
	drained       int64 // octets since began
	began         int64 // ms
	rate          int64 // average rate of departures, octets a ms
	last          int64 // last change, ms
}

func newMahimahiPIE(v *Values, p *simnet.Port) simnet.Discipline {
	update := pieMahimahi
	if v.wasGiven("update") {
		update = v.span("update")
	}
	ms := func(d sim.Duration) int64 { return int64(d / sim.Millisecond) }
	return &mahimahiPIE{
		fifo: fifo{port: p}, rand: p.Stream(), alpha: v.real("alpha"), beta: v.real("beta"),
		target: ms(v.span("target")), maxBurst: ms(v.span("max_burst")), update: ms(update),
	}
}

func milliseconds(t sim.Time) int64 { return int64(t) / int64(sim.Millisecond) }

// Enqueue implements simnet.Discipline.
func (q *mahimahiPIE) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	q.tick(milliseconds(now))
	switch {
	case q.port.Full(q.port.Size(id)), q.burst > 0, q.before < q.target/2 && q.p < 0.2, q.list.Bytes < 2*pieTUNPacket:
	case q.rand.FloatAt(q.port.Index()) < q.p:
		return trace.EarlyDrop
	}
	return q.fifo.Enqueue(now, id)
}

// Dequeue implements simnet.Discipline.
func (q *mahimahiPIE) Dequeue(now sim.Time) (simnet.PacketID, sim.Time) {
	id := q.list.Pop(q.port)
	t := milliseconds(now)
	if q.list.Bytes >= pieDrain && !q.measuring {
		q.measuring, q.began, q.drained = true, t, 0
	}
	if q.measuring {
		q.departed(t, int64(q.port.Size(id)))
	}
	q.tick(t)
	return id, sim.Never
}

// departed counts a packet for the rate of departures.
func (q *mahimahiPIE) departed(now, size int64) {
	q.drained += size
	took := now - q.began
	if q.drained <= pieDrain || took <= 0 {
		return
	}
	if sample := q.drained / took; q.rate == 0 {
		q.rate = sample
	} else {
		q.rate = q.rate - q.rate>>3 + sample>>3
	}
	q.measuring = q.list.Bytes >= pieDrain
	q.drained, q.began = 0, now
	q.burst = max(0, q.burst-took)
}

// tick carries out the changes that are due: time has passed, but nothing else happened.
func (q *mahimahiPIE) tick(now int64) {
	for now-q.last > q.update {
		if q.p == 0 && q.delay == 0 && q.before == 0 && q.list.Bytes == 0 && q.burst == q.maxBurst && q.rate == 0 {
			q.last += (now - q.last - 1) / q.update * q.update
			return
		}
		q.change()
		q.last += q.update
	}
}

// change moves the probability.
func (q *mahimahiPIE) change() {
	q.before, q.delay = q.delay, 0
	if q.rate > 0 {
		q.delay = int64(q.list.Bytes) / q.rate
	}
	dp := float64(q.alpha*float64(q.delay-q.target)) + float64(q.beta*float64(q.delay-q.before))
	switch {
	case q.p < 0.01:
		dp /= 128
	case q.p < 0.1:
		dp /= 32
	default:
		dp /= 16
	}
	q.p = min(max(q.p+dp, 0), 1)
	if q.delay == 0 && q.before == 0 && q.list.Bytes == 0 {
		q.p *= pieDecay
	}
	q.burst = max(0, q.burst-q.update)
	if q.p == 0 && 2*q.delay < q.target && 2*q.before < q.target {
		q.measuring, q.rate, q.burst = false, 0, q.maxBurst
	}
}
