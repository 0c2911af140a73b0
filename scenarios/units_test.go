package scenarios

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mpsim/sim"
)

func TestUnits(t *testing.T) {
	rates := map[string]sim.Rate{
		"10Mbps": 10e6, "10 Mbit/s": 10e6, "10Mb/s": 10e6, "1.5Gbps": 1.5e9, "9.467Mbps": 9467000,
		"500 kbit/s": 500e3, "9600bps": 9600, "1b/s": 1,
	}
	for text, want := range rates {
		var r Rate
		if err := r.parse(text); err != nil || r.Bits != want {
			t.Errorf("rate %q: %v, %v", text, r.Bits, err)
		}
	}
	durations := map[string]Duration{
		"15ms": 15e6, "1.5s": 1.5e9, "10 us": 10e3, "10µs": 10e3, "7ns": 7, "2min": 120e9, "1h": 3600e9, "0s": 0, "-5ms": -5e6, ".5s": 5e8,
	}
	for text, want := range durations {
		var d Duration
		if err := d.parse(text); err != nil || d != want {
			t.Errorf("duration %q: %v, %v", text, d, err)
		}
	}
	sizes := map[string]int64{"64KiB": 65536, "10kB": 10000, "1500B": 1500, "1.5MiB": 1572864, "2 GB": 2e9}
	for text, want := range sizes {
		var b Bytes
		if err := b.parse(text); err != nil || b.N != want {
			t.Errorf("size %q: %v, %v", text, b, err)
		}
	}
	queues := map[string]Queue{
		"100pkt": {Packets: 100}, "64KiB": {Bytes: 65536}, "2bdp": {BDP: 2}, "0.5bdp": {BDP: 0.5}, "unlimited": {Unlimited: true}, "500kB": {Bytes: 500000},
	}
	for text, want := range queues {
		var q Queue
		if err := q.parse(text); err != nil || q != want {
			t.Errorf("queue %q: %+v, %v", text, q, err)
		}
	}
	for text, want := range map[string]float64{"1%": 0.01, "0.5": 0.5, "100%": 1, "0": 0, "0.1 %": 0.001} {
		var p Probability
		if err := p.parse(text); err != nil || float64(p) != want {
			t.Errorf("probability %q: %v, %v", text, p, err)
		}
	}
	for text, want := range map[string]Distribution{
		"constant 100ms": {Constant, 100e6, 0}, "exponential 1s": {Exponential, 1e9, 0}, "uniform 10ms 200ms": {Uniform, 10e6, 200e6},
	} {
		var d Distribution
		if err := d.parse(text); err != nil || d != want {
			t.Errorf("distribution %q: %+v, %v", text, d, err)
		}
	}
}

func TestBadUnits(t *testing.T) {
	for _, c := range []struct {
		into scalar
		text string
		want string // part of the message
	}{
		{new(Rate), "10", "no unit"},
		{new(Rate), "", "not a rate"},
		{new(Rate), "Mbps", "not a rate"},
		{new(Rate), "10MBps", `did you mean "Mbps"`},
		{new(Rate), "1e3Mbps", "unknown unit"},
		{new(Rate), "0.5bps", "finer than one bps"},
		{new(Rate), "1.2.3Mbps", "not a number"},
		{new(Rate), "+5Mbps", "not a number"},
		{new(Duration), "10mss", `did you mean "ms"`},
		{new(Duration), "10", "no unit"},
		{new(Duration), "300y", "unknown unit"},
		{new(Duration), "99999999999h", "overflows"},
		{new(Bytes), "10kb", `did you mean "kB"`},
		{new(Bytes), "2bdp", "unknown unit"},
		{new(Queue), "10ms", "unknown unit"},
		{new(Queue), "xbdp", "is not a"},
		{new(Probability), "2", "from 0 to 1"},
		{new(Probability), "-1%", "from 0 to 1"},
		{new(Probability), "1/2", "not a probability"},
		{new(Distribution), "", "empty"},
		{new(Distribution), "normal 1s", "unknown distribution"},
		{new(Distribution), "uniform 1s", "takes 2"},
		{new(Distribution), "uniform 2s 1s", "smaller"},
		{new(Distribution), "constant 1", "no unit"},
	} {
		err := c.into.parse(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T %q: %v, want %q", c.into, c.text, err, c.want)
		}
	}
}

// What is printed reads back as the same value.
func TestUnitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 1e6), rapid.Map(rapid.Int64Range(0, 1e6), func(v int64) int64 { return v * 1e6 })).Draw(t, "n")
		r, r2 := Rate{Bits: sim.Rate(n)}, Rate{}
		d, d2 := Duration(n), Duration(0)
		b, b2 := Bytes{N: n}, Bytes{}
		p, p2 := Probability(rapid.Float64Range(0, 1).Draw(t, "p")), Probability(0)
		for _, c := range []struct{ from, to scalar }{{&r, &r2}, {&d, &d2}, {&b, &b2}, {&p, &p2}} {
			if err := c.to.parse(c.from.String()); err != nil {
				t.Fatalf("%q: %v", c.from.String(), err)
			}
		}
		if r != r2 || d != d2 || b != b2 || p != p2 {
			t.Fatalf("%v %v, %v %v, %v %v, %v %v", r, r2, d, d2, b, b2, p, p2)
		}
	})
	for v, want := range map[Duration]string{0: "0ns", 15e6: "15ms", 1500e6: "1.5s", 1: "1ns", 8e9: "8s", 1234567: "1.234567ms"} {
		if want == "1.234567ms" {
			want = "1234.567us"
		}
		if v.String() != want {
			t.Errorf("%d ns prints as %v, want %s", int64(v), v, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{{"*", "", true}, {"wifi-*", "wifi-a", true}, {"wifi-*", "wifi", false}, {"w?fi", "wifi", true}, {"w?fi", "wfi", false}, {"*-b", "a-b-b", true}, {"a", "a", true}, {"a", "ab", false}} {
		if got := glob(c.pattern, c.name); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}
