package tcp

import (
	"testing"

	"mpsim/sim"
)

// The vectors of ../shared/facts/ALGORITHMS.md D1.

func samples(p *Profile, rtts ...sim.Duration) (out []sim.Duration) {
	var e rttEstimator
	for i, r := range rtts {
		// Each sample closes a round trip: SND.UNA has passed the last trip's end.
		e.sample(p, r, int64(2*i+1), int64(2*i+1))
		out = append(out, e.rto(p))
	}
	return out
}

func equal(t *testing.T, what string, got, want []sim.Duration) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
}

func TestRTOVectors(t *testing.T) {
	const us = sim.Microsecond
	noFloor := RFC()
	noFloor.MinRTO = 0
	equal(t, "RFC 6298", samples(noFloor, 100*ms, 140*ms), []sim.Duration{300 * ms, 295 * ms})
	equal(t, "RFC 6298 floor", samples(RFC(), 20*ms), []sim.Duration{sim.Second})
	equal(t, "Linux", samples(Linux(), 100*ms, 140*ms), []sim.Duration{300 * ms, 305 * ms})
	equal(t, "Linux floor", samples(Linux(), 20*ms), []sim.Duration{220 * ms})
	equal(t, "Linux decay", samples(Linux(), 500*ms, 700*ms, 500*ms),
		[]sim.Duration{1500 * ms, 1525 * ms, 1456250 * us})
}

// TestRTTVarVector is the state behind the second value of the vector.
func TestRTTVarVector(t *testing.T) {
	p := RFC()
	var e rttEstimator
	e.sample(p, 100*ms, 1, 1)
	e.sample(p, 140*ms, 2, 2)
	if e.srtt() != 105*ms || e.variance() != 47500*sim.Microsecond {
		t.Fatalf("SRTT %v RTTVAR %v, want 105ms 47.5ms", e.srtt(), e.variance())
	}
}

// TestRetryTime: Linux documents 924.6 s for tcp_retries2 = 15
// (Documentation/networking/ip-sysctl.rst).
func TestRetryTime(t *testing.T) {
	if got := Linux().retryTime(15); got != 924600*ms {
		t.Fatalf("%v, want 924.6 s", got)
	}
	if got := Linux().retryTime(3); got != 3000*ms { // .2 + .4 + .8 + 1.6
		t.Fatalf("%v, want 3 s", got)
	}
}

// TestRTOMin: `ip route ... rto_min 5ms` bounds the RTO of RFC 6298 as Linux computes it,
// and acknowledgements wait for at most a tick less (tcp_delack_max); what counts by
// TCP_RTO_MIN stays: R2 and the interval of window probes.
func TestRTOMin(t *testing.T) {
	p := Linux()
	p.SetRTOMin(5 * ms)
	equal(t, "floor", samples(p, 1*ms), []sim.Duration{6 * ms})
	equal(t, "no floor", samples(p, 100*ms, 140*ms), []sim.Duration{300 * ms, 305 * ms})
	if p.DelAckMax != 4*ms || p.retryTime(15) != 924600*ms || p.baseRTO() != 200*ms {
		t.Errorf("delayed ACKs wait for up to %v, R2 is %v, probes start at %v", p.DelAckMax, p.retryTime(15), p.baseRTO())
	}
	p = Linux()
	p.Granularity = LinuxHZ250
	p.SetRTOMin(ms)
	if p.DelAckMax != 4*ms {
		t.Errorf("with ticks of 4 ms delayed ACKs wait for up to %v", p.DelAckMax)
	}
	five := func(c *Config) {
		profile := *c.Profile
		c.Profile = &profile
		profile.SetRTOMin(5 * ms)
	}
	equal(t, "transmissions", retransmissionTimes(t, five, ms, 4), []sim.Duration{0, 6 * ms, 18 * ms, 42 * ms})
}

// TestRepeatedSYNIsAmbiguous: a SYN/ACK that was sent again because the SYN came
// again gives no sample from its last transmission (Karn, RFC 6298 section 3). The
// path takes 200 ms; the SYN is duplicated 150 ms behind the first.
func TestRepeatedSYNIsAmbiguous(t *testing.T) {
	n := newNet(t, 100*ms, nil)
	n.a.c.Connect(0)
	n.flush(n.a)
	dup := *copySegment(n.ev[0].seg)
	n.at(sim.Time(250*ms), func() { n.b.c.Handle(n.now, &dup) })
	n.run(sim.Time(2 * sim.Second))
	if rtt := n.b.c.MinRTT(); rtt < 200*ms || rtt > 210*ms {
		t.Errorf("least round trip %v, want 200ms", rtt)
	}
}
