package tcp

import (
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// delays is a controller that notes one-way delays.
type delays struct {
	cc.Controller
	owd []sim.Duration
}

func (d *delays) OnAck(now sim.Time, f cc.FlowID, a *cc.Ack) {
	d.owd = append(d.owd, a.OWD)
	d.Controller.OnAck(now, f, a)
}

// One-way delays follow the path in the ticks of the timestamps: segments that take 300 us
// longer than the one before show 300 us, and in milliseconds nothing or 1 ms. The clocks
// start elsewhere, so that the delays themselves have no meaning.
func TestOneWayDelayInTicks(t *testing.T) {
	for _, usec := range []bool{true, false} {
		d := &delays{Controller: newCC(t, "reno")}
		n := newNet(t, 10*ms, func(a, b *Config) {
			a.CC = d
			a.Profile.MicrosecondTS, b.Profile.MicrosecondTS = usec, usec
			b.Profile.AckEvery = 1
		})
		n.connect()
		n.a.out.extra = func(i int, _ *Segment) sim.Duration { return sim.Duration(i) * 300 * sim.Microsecond }
		for range 6 {
			n.a.write = 1000
			n.flush(n.a)
			n.run(n.now.Add(50*ms + 70*sim.Microsecond))
		}
		if len(d.owd) != 6 {
			t.Fatalf("%d acknowledgements", len(d.owd))
		}
		for i := 1; i < 6; i++ {
			switch grown := d.owd[i] - d.owd[i-1]; {
			case usec && grown != 300*sim.Microsecond:
				t.Errorf("delay grew by %v, want 300us", grown)
			case !usec && grown != 0 && grown != ms:
				t.Errorf("delay grew by %v, want 0 or 1ms", grown)
			}
		}
		if want := sim.Duration(99-7)*n.a.cfg.Profile.tick() + 10*ms; d.owd[0] < want || d.owd[0] > want+2*ms {
			t.Errorf("delay %v, want %v and the offset of the clocks", d.owd[0], want)
		}
	}
}

// The clock of timestamps, and the round trip by which a SYN/ACK to the second of two SYNs
// is measured (RFC 6298 section 3).
func TestMicrosecondClock(t *testing.T) {
	n := newNet(t, 100*ms+345*sim.Microsecond, func(a, b *Config) {
		a.Profile.MicrosecondTS, b.Profile.MicrosecondTS = true, true
	})
	n.now = sim.Time(1234567890)
	n.a.out.drop = func(i int, _ sim.Time, _ *Segment) bool { return i == 0 }
	n.connect()
	if got := n.a.sent[0].seg.TSVal; got != 7+1234567 {
		t.Errorf("TSval %d at 1.234567890 s, want %d", got, 7+1234567)
	}
	if got := n.a.c.MinRTT(); got != 200*ms+690*sim.Microsecond {
		t.Errorf("round trip %v, want 200.69ms", got)
	}
}

// PAWS in microseconds: 50 us are enough to be old, and half a wrap of silence, 2147 s,
// lifts the check (Linux TCP_PAWS_WRAP; RFC 7323 section 5.5 says 24 days of slower clocks).
func TestMicrosecondPAWS(t *testing.T) {
	for _, p := range []*Profile{Linux(), RFC()} {
		s := tsScript(t, func(c *Config) { c.Profile = p; p.MicrosecondTS = true; p.KeepaliveTime = 0 })
		s.peer(0, fPA, 1, 100, 1, 400, withTS(1100, 0))
		s.wait(2146 * sim.Second)
		s.peer(0, fPA, 101, 100, 1, 400, withTS(1050, 0))
		if s.c.Stats().PAWSDrops != 1 || s.c.RcvNxt() != 100 {
			t.Fatalf("%s: %d drops, RCV.NXT %d", p.Name, s.c.Stats().PAWSDrops, s.c.RcvNxt())
		}
		s.peer(sim.Second, fPA, 101, 100, 1, 400, withTS(1050, 0))
		if s.c.RcvNxt() != 200 {
			t.Fatalf("%s: RCV.NXT %d after silence", p.Name, s.c.RcvNxt())
		}
	}
	if RFC().pawsIdle() != 24*24*3600*sim.Second {
		t.Error("a clock of milliseconds wraps in more than 24 days")
	}
}

// An echo that lies before the retransmission shows that the original arrived (Eifel,
// RFC 3522); in microseconds that is known on paths of less than a millisecond, too. And an
// echo from the future is none of ours.
func TestMicrosecondEcho(t *testing.T) {
	p := Linux()
	p.MicrosecondTS = true
	c := New(&Config{Profile: p, CC: newCC(t, "reno"), MSS: 1460, SendBuffer: 1 << 20, ReceiveBuffer: 1 << 20})
	r := sent{at: sim.Time(5 * ms), flags: sentResent}
	f := ackFacts{hasTS: true, tsEcr: c.tsClock(sim.Time(5*ms - 300*sim.Microsecond))}
	if !c.spuriousRetransmission(&r, &f) {
		t.Error("300 us before the retransmission is not its echo")
	}
	if c.tsRTT(sim.Time(ms), c.tsClock(sim.Time(2*ms))) != 0 {
		t.Error("a round trip into the future")
	}
	if got := c.tsRTT(sim.Time(ms), c.tsClock(sim.Time(ms))); got != sim.Microsecond {
		t.Errorf("round trip of less than a tick: %v", got)
	}
}

// The delay is that of the newest segment, not of the one that a delayed acknowledgement
// echoes: two segments 5 ms apart are answered by one acknowledgement, whose echo is that
// of the first.
func TestOneWayDelayOfDelayedAcknowledgement(t *testing.T) {
	d := &delays{Controller: newCC(t, "reno")}
	n := newNet(t, 10*ms, func(a, b *Config) {
		a.CC, a.NoDelay = d, true
		b.Profile.QuickAckStart, b.Profile.AckOnRead = 0, false
	})
	n.connect()
	write := func() {
		n.a.write = 1448
		n.flush(n.a)
	}
	write() // acknowledged at once, as the first one is
	n.run(n.now.Add(150 * ms))
	d.owd = nil
	write()
	n.run(n.now.Add(5 * ms))
	write()
	n.run(n.now.Add(100 * ms))
	last := n.a.rcvd[len(n.a.rcvd)-1]
	if len(d.owd) != 1 || last.seg.TSVal-last.seg.TSEcr != 99-7+15 {
		t.Fatalf("%d acknowledgements, the last echoes %d of %d", len(d.owd), last.seg.TSEcr, last.seg.TSVal)
	}
	if want := (99 - 7 + 10) * ms; d.owd[0] != want {
		t.Errorf("delay %v, want %v", d.owd[0], want)
	}
}
