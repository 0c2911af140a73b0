package radio

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
)

// TestDriveOpportunities: a link gets the lines of a file as they are, and a
// slice that ends in a gap keeps its period.
func TestDriveOpportunities(t *testing.T) {
	trace := readFile(t, "testdata/mahimahi.trace", Auto)
	slice, err := trace.Slice(0, 1000*ms)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		trace *Trace
		want  []uint32
	}{
		{trace, []uint32{0, 0, 3, 10, 10, 400, 1500}},
		{slice, []uint32{0, 0, 3, 10, 10, 1000}},
	} {
		c := simnet.LinkConfig{Rate: 5, Delay: 7}
		if err := tt.trace.Drive(&c, simnet.Loop); err != nil {
			t.Fatal(err)
		}
		want := simnet.LinkConfig{Delay: 7, Opportunities: &simnet.Opportunities{Milliseconds: tt.want}}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if err := tt.trace.Drive(&c, simnet.Stop); err != nil || !c.Opportunities.Once {
			t.Errorf("once: %v, %v", c.Opportunities, err)
		}
		if err := tt.trace.Drive(&c, simnet.Hold); err == nil {
			t.Error("opportunities were held")
		}
	}
	if slice.Opportunities[5] != 400 {
		t.Error("driving a link changed the trace")
	}
}

// TestDriveRates compares the link's schedule with the rates of the file at
// times within, at the edges and after the first turn.
func TestDriveRates(t *testing.T) {
	trace := readFile(t, "testdata/walk.csv", Auto)
	var c simnet.LinkConfig
	for _, tt := range []struct {
		end  simnet.EndRule
		at   sim.Duration
		want sim.Rate
	}{
		{simnet.Loop, 0, 10 * mbps},
		{simnet.Loop, sim.Second - 1, 10 * mbps},
		{simnet.Loop, sim.Second, 0},
		{simnet.Loop, 3500 * ms, 20 * mbps},
		{simnet.Loop, 9999 * ms, 1000},
		{simnet.Loop, 10 * sim.Second, 10 * mbps},
		{simnet.Hold, 10 * sim.Second, 1000},
		{simnet.Stop, 4 * sim.Second, 1000},
		{simnet.Stop, 5 * sim.Second, 0},
	} {
		if err := trace.Drive(&c, tt.end); err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := c.Schedule.RateAt(sim.Time(tt.at)); got != tt.want {
			t.Errorf("end rule %d: rate %v at %v, want %v", tt.end, got, tt.at, tt.want)
		}
	}
	constant := &Trace{Length: sim.Second, Steps: []Step{{0, 7 * mbps}}}
	if err := constant.Drive(&c, simnet.Loop); err != nil || c.Schedule != nil || c.Rate != 7*mbps {
		t.Errorf("constant rate: %+v, %v", c, err)
	}
	if err := constant.Drive(&c, simnet.Stop); err != nil || c.Schedule == nil || c.Rate != 0 {
		t.Errorf("constant rate that ends: %+v, %v", c, err)
	}
	if err := (&Trace{}).Drive(&c, simnet.Loop); err == nil {
		t.Error("an empty trace drives a link")
	}
}

// TestLinksOfEveryProfile: two links of one name have equal rates; delays and
// queues are the profile's.
func TestLinksOfEveryProfile(t *testing.T) {
	for _, p := range Profiles() {
		s := sim.New(1, 0)
		down, up := p.Links(s, "lte", 10*sim.Second)
		down2, up2 := p.Links(s, "lte", 10*sim.Second)
		if diff := cmp.Diff([]simnet.LinkConfig{down, up}, []simnet.LinkConfig{down2, up2}); diff != "" {
			t.Errorf("%s: one name, two processes:\n%s", p.Name, diff)
		}
		if down.Delay != p.Delay || up.Delay != p.Delay || down.Queue.Bytes != p.QueueDown || up.Queue.Bytes != p.QueueUp {
			t.Errorf("%s: %+v, %+v", p.Name, down, up)
		}
		for _, c := range []simnet.LinkConfig{down, up} {
			if err := c.Validate(); err != nil || (c.Rate == 0) == (c.Schedule == nil) {
				t.Errorf("%s: %v, rate %v and schedule %v", p.Name, err, c.Rate, c.Schedule)
			}
		}
	}
}
