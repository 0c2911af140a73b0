package radio

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mpsim/sim"
)

// TestStats compares with figures worked out by hand from the test files.
func TestStats(t *testing.T) {
	tests := []struct {
		trace *Trace
		want  Stats
		gaps  []Gap
	}{
		{
			// Seven opportunities in 1.5 s; six of them in the only whole second.
			readFile(t, "testdata/mahimahi.trace", Auto),
			Stats{
				Length: 1500 * ms, Bytes: 7 * 1500, Mean: 56_000, MinSecond: 72_000, MaxSecond: 72_000,
				Longest: Gap{400 * ms, 1100 * ms}, Silences: 2, Silent: 1490 * ms,
			},
			[]Gap{{10 * ms, 390 * ms}, {400 * ms, 1100 * ms}},
		},
		{
			// 1250000, 0, 0, 2500000, 125 bytes.
			readFile(t, "testdata/walk.csv", Auto),
			Stats{
				Length: 5 * sim.Second, Bytes: 3_750_125, Mean: 6_000_200, MinSecond: 0, MaxSecond: 20 * mbps,
				Longest: Gap{1 * sim.Second, 2 * sim.Second}, Silences: 1, Silent: 2 * sim.Second,
				// Root of the mean of the squared distances from 750025, over it.
				Variation: 1.333264,
			},
			[]Gap{{1 * sim.Second, 2 * sim.Second}},
		},
		{
			&Trace{Length: 800 * ms, Steps: []Step{{0, 0}, {200 * ms, 8 * mbps}, {500 * ms, 0}}},
			Stats{
				Length: 800 * ms, Bytes: 300_000, Mean: 3 * mbps, MinSecond: 3 * mbps, MaxSecond: 3 * mbps,
				Longest: Gap{500 * ms, 300 * ms}, Silences: 2, Silent: 500 * ms,
			},
			[]Gap{{0, 200 * ms}, {500 * ms, 300 * ms}},
		},
	}
	for _, tt := range tests {
		got := tt.trace.Stats()
		if d := got.Variation - tt.want.Variation; d > 1e-6 || d < -1e-6 {
			t.Errorf("%s: variation %v, want %v", tt.trace.Source, got.Variation, tt.want.Variation)
		}
		got.Variation = tt.want.Variation
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.trace.Source, diff)
		}
		if diff := cmp.Diff(tt.gaps, tt.trace.Gaps(LongSilence)); diff != "" {
			t.Errorf("%s, gaps (-want +got):\n%s", tt.trace.Source, diff)
		}
	}
}

func TestWriteInfo(t *testing.T) {
	var b strings.Builder
	if err := WriteInfo(&b, readFile(t, "testdata/ucc.csv", Auto)); err != nil {
		t.Fatal(err)
	}
	want := `source       ucc.csv
format       ucc-5g, 4 rates
duration     6.000 s
bytes        10650000
mean rate    14.2 Mb/s
per second   0 b/s to 70 Mb/s, coefficient of variation 1.76
longest gap  1.000 s at 4.000 s
silences     1 of at least 200ms, 1.000 s in total
modes
       0.000 s  5G     for 1.000 s
       1.000 s  LTE    for 4.000 s
       5.000 s  5G     for 1.000 s
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.Reset()
	if err := WriteInfo(&b, readFile(t, "testdata/mahimahi.trace", Auto)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "mahimahi, 7 opportunities of 1500 bytes\n") {
		t.Error(b.String())
	}
}

// TestCheck refuses traces that no reader makes.
func TestCheck(t *testing.T) {
	for _, bad := range []*Trace{
		{},
		{Length: 5},
		{Length: 5, Steps: []Step{{1, 5}}},
		{Length: 5, Steps: []Step{{0, 5}, {0, 6}}},
		{Length: 5, Steps: []Step{{0, 5}, {5, 6}}},
		{Length: 5, Steps: []Step{{0, -5}}},
		{Length: 5, Steps: []Step{{0, MaxRate + 1}}},
		{Length: 5, Steps: []Step{{0, 0}}},
		{Length: -5, Steps: []Step{{0, 5}}},
		{Length: MaxLength + 1, Steps: []Step{{0, 5}}},
		{Kind: Opportunities, Length: 5 * ms},
		{Kind: Opportunities, Length: 5*ms + 1, Opportunities: []uint32{1}},
		{Kind: Opportunities, Length: 5 * ms, Opportunities: []uint32{6}},
		{Kind: Opportunities, Length: 5 * ms, Opportunities: []uint32{2, 1}},
	} {
		if bad.Check() == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
	longest := &Trace{Length: MaxLength, Steps: []Step{{0, MaxRate}}}
	if err := longest.Check(); err != nil {
		t.Error(err)
	}
	// 10 Tb/s for 2^32-1 ms.
	if got, want := longest.Bytes(), int64(1<<32-1)*1_250_000_000; got != want || longest.Mean() != MaxRate {
		t.Errorf("%d bytes, mean %v; want %d", got, longest.Mean(), want)
	}
}
