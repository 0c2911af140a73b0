package app

import (
	"net/netip"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Shape is a random or fixed duration.
type Shape struct {
	Kind ShapeKind
	A, B sim.Duration
}

// ShapeKind names the distribution of a Shape.
type ShapeKind uint8

// The distributions: A itself, exponential with mean A, uniform from A to B.
const (
	Constant ShapeKind = iota
	Exponential
	Uniform
)

// Draw returns the next duration; rnd is not asked for constant ones.
func (s Shape) Draw(rnd *sim.Rand) sim.Duration {
	switch s.Kind {
	case Exponential:
		return sim.Duration(float64(s.A) * rnd.Exp())
	case Uniform:
		return s.A + sim.Duration(rnd.IntN(uint64(s.B-s.A)+1))
	}
	return s.A
}

// Datagrams is a source of UDP packets at a constant rate, all the time or in
// bursts, and the sink that receives them. Packet i carries the bytes from
// i x Packet on, so the sink knows which packets it misses.
type Datagrams struct {
	Config   DatagramConfig
	Sent     int64 // packets
	Received int64
	Reverse  int64  // packets that arrived after a later one
	Delays   Delays // one-way, of packets whose sending time is still known

	record  *Record
	source  *host.Host
	socket  host.UDPSocket
	rem     uint64   // of the time between packets, below 1 ns
	until   sim.Time // end of the burst; Never: no bursts
	next    sim.Time // when the next packet of the burst leaves
	left    int64    // bytes still to send
	newest  int64    // largest packet number received
	on, off *sim.Rand
	stopped bool
	sentAt  []sim.Time // of the last packets, a ring
}

// DatagramConfig describes a source.
type DatagramConfig struct {
	From, To    netip.AddrPort
	Rate        sim.Rate // payload bits per second
	Packet      int      // payload bytes
	Size        int64    // payload bytes of all packets; Unlimited: no end
	Start, Stop sim.Time
	Bursts      bool
	On, Off     Shape
	TOS         uint8
}

// ring is how many packets a delay may span; later ones are counted without
// delay.
const ring = 1 << 14

// NewDatagrams prepares a flow from source to sink. The streams of the burst
// lengths are used only if there are bursts.
func NewDatagrams(source, sink *host.Host, c DatagramConfig, on, off *sim.Rand, r *Record) (*Datagrams, error) {
	d := &Datagrams{
		Config: c, record: r, source: source, left: c.Size, newest: -1,
		until: sim.Never, on: on, off: off, sentAt: make([]sim.Time, ring),
	}
	var err error
	if d.socket, err = source.OpenUDP(c.From, nil); err != nil {
		return nil, err
	}
	if _, err = sink.OpenUDP(c.To, d); err != nil {
		return nil, err
	}
	source.SetAlarm(d, c.Start, alarmStart)
	if c.Stop != sim.Never {
		source.SetAlarm(d, c.Stop, alarmStop)
	}
	return d, nil
}

// Record returns what the sink has received.
func (d *Datagrams) Record() *Record { return d.record }

// Lost returns how many packets were sent and have not arrived.
func (d *Datagrams) Lost() int64 { return d.Sent - d.Received }

// Stop ends the source.
func (d *Datagrams) Stop(sim.Time) { d.stopped = true }

// OnEvent implements host.App; datagrams have no connection.
func (d *Datagrams) OnEvent(sim.Time, *mptcp.Event) {}

// OnAlarm implements host.App.
func (d *Datagrams) OnAlarm(now sim.Time, arg uint32) {
	switch {
	case arg == alarmStop:
		d.stopped = true
		return
	case d.stopped || d.left <= 0:
		return
	case arg == alarmStart:
		d.record.Start(now)
		d.next = now
		d.begin(now)
	}
	if now >= d.until {
		pause := d.Config.Off.Draw(d.off)
		d.next = now.Add(pause)
		d.until = d.next.Add(d.Config.On.Draw(d.on))
		d.source.SetAlarm(d, d.next, alarmNext)
		return
	}
	d.send(now)
}

// begin draws the first burst.
func (d *Datagrams) begin(now sim.Time) {
	if d.Config.Bursts {
		d.until = now.Add(d.Config.On.Draw(d.on))
	}
}

// send emits one packet and sets the alarm for the next.
func (d *Datagrams) send(now sim.Time) {
	c := &d.Config
	n := int(min(int64(c.Packet), d.left))
	d.sentAt[d.Sent%ring] = now
	d.source.SendUDP(now, d.socket, c.To, uint64(d.Sent)*uint64(c.Packet), n, c.TOS)
	d.Sent++
	if d.left != Unlimited {
		d.left -= int64(n)
	}
	var wait sim.Duration
	wait, d.rem = c.Rate.Serialise(n, d.rem)
	d.next = min(now.Add(wait), max(d.until, now))
	d.source.SetAlarm(d, d.next, alarmNext)
}

// OnDatagram implements host.UDPReceiver.
func (d *Datagrams) OnDatagram(now sim.Time, _ netip.AddrPort, off uint64, n int, _ uint8) {
	size := uint64(d.Config.Packet)
	i := int64(off / size)
	if off%size != 0 || i >= d.Sent {
		d.record.Corrupt += int64(n)
	} else if d.Sent-i <= ring {
		d.Delays.Add(now.Sub(d.sentAt[i%ring]))
	}
	if i < d.newest {
		d.Reverse++
	}
	d.newest = max(d.newest, i)
	d.Received++
	d.record.count(now, int64(n))
}
