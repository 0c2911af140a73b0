package simnet_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
)

func TestValidate(t *testing.T) {
	steps := func(st ...simnet.RateStep) *simnet.RateSchedule { return &simnet.RateSchedule{Steps: st} }
	lines := func(ms ...uint32) *simnet.Opportunities { return &simnet.Opportunities{Milliseconds: ms} }
	for _, c := range []struct {
		cfg  simnet.LinkConfig
		want string
	}{
		{simnet.LinkConfig{}, ""},
		{simnet.LinkConfig{Rate: simnet.NoService, Loss: 1, MTU: 65535}, ""},
		{simnet.LinkConfig{Rate: -2}, "negative rate"},
		{simnet.LinkConfig{Delay: -1}, "negative delay"},
		{simnet.LinkConfig{Queue: simnet.Queue{Bytes: -1}}, "negative queue limit"},
		{simnet.LinkConfig{Queue: simnet.Queue{Packets: -1}}, "negative queue limit"},
		{simnet.LinkConfig{Loss: 1.1}, "loss probability"},
		{simnet.LinkConfig{Loss: math.NaN()}, "loss probability"},
		{simnet.LinkConfig{MTU: 65536}, "MTU"},
		{simnet.LinkConfig{Overhead: -1}, "overhead"},
		{simnet.LinkConfig{Mode: 7}, "mode"},
		{simnet.LinkConfig{Drop: simnet.DropPattern{Indices: []uint64{4, 4}}}, "drop indices"},
		{simnet.LinkConfig{Schedule: steps(simnet.RateStep{}), Opportunities: lines(1)}, "both"},
		{simnet.LinkConfig{Schedule: steps()}, "without steps"},
		{simnet.LinkConfig{Schedule: steps(simnet.RateStep{At: 1})}, "not at 0"},
		{simnet.LinkConfig{Schedule: steps(simnet.RateStep{Rate: -1})}, "negative rate"},
		{simnet.LinkConfig{Schedule: steps(simnet.RateStep{}, simnet.RateStep{At: 0})}, "not in order"},
		{simnet.LinkConfig{Schedule: &simnet.RateSchedule{
			Steps: []simnet.RateStep{{At: 0}, {At: 5}}, End: simnet.Loop, Length: 5}}, "ends before"},
		{simnet.LinkConfig{Opportunities: lines()}, "without opportunities"},
		{simnet.LinkConfig{Opportunities: lines(5, 4)}, "goes back"},
		{simnet.LinkConfig{Opportunities: lines(0, 0)}, "at 0 ms"},
	} {
		err := c.cfg.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: error %v, want %q", c.cfg, err, c.want)
		}
	}
	// All problems at once.
	err := (&simnet.LinkConfig{Delay: -1, MTU: -1, Loss: 2}).Validate()
	if n := strings.Count(err.Error(), "\n"); n != 2 {
		t.Errorf("three problems, reported as %q", err)
	}
}

// RateAt of a schedule: Hold, Loop and Stop behind the last step.
func TestRateAt(t *testing.T) {
	for end, want := range [][]sim.Rate{
		simnet.Hold: {1, 1, 2, 2, 2, 2}, simnet.Loop: {1, 1, 2, 2, 1, 2}, simnet.Stop: {1, 1, 2, 2, 0, 0},
	} {
		sc := &simnet.RateSchedule{Steps: []simnet.RateStep{{At: 0, Rate: 1}, {At: 10, Rate: 2}},
			End: simnet.EndRule(end), Length: 20}
		var got []sim.Rate
		for _, at := range []sim.Time{0, 9, 10, 19, 20, 35} {
			got = append(got, sc.RateAt(at))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("end rule %d: %s", end, d)
		}
	}
}

// Indices of a pattern that is set later count from the first packet; a host
// forwards when it is told to.
func TestSetDropAndForwarding(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{})
	p.at(0, func() { p.send(100); p.send(100) })
	p.at(1, func() { p.ab.SetDrop(simnet.DropPattern{Indices: []uint64{0, 3}}) })
	p.at(2, func() { p.send(100); p.send(100); p.send(100) })
	p.finish()
	if d := cmp.Diff([]arrival{{0, 1}, {0, 2}, {2, 3}, {2, 5}}, p.arrived); d != "" {
		t.Error(d)
	}

	b := newLab(t)
	first, _, links := b.chain(2, simnet.LinkConfig{})
	mid := links[0].To().Node()
	mid.SetReceiver(sink{b})
	r := b.net.Intern(udp("10.0.0.1:1", "10.9.0.2:2"))
	b.at(0, func() { b.send(first, r, 1, 100) })
	b.at(1, func() { mid.SetForwarding(true) })
	b.at(2, func() { b.send(first, r, 2, 100) })
	b.finish()
	if d := cmp.Diff([]arrival{{2, 2}}, b.arrived); d != "" {
		t.Error(d)
	}
}
