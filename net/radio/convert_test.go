package radio

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mpsim/sim"
)

// drawRates makes a trace of rates at arbitrary nanoseconds.
func drawRates(t *rapid.T) *Trace {
	trace := &Trace{Source: "drawn", Format: Generated}
	n := rapid.IntRange(1, 20).Draw(t, "steps")
	for range n {
		rate := sim.Rate(rapid.SampledFrom([]int64{0, 1, 999, 12_000, 1_500_001, 54_000_000, 1_000_000_007}).Draw(t, "rate"))
		trace.Steps = append(trace.Steps, Step{trace.Length, rate})
		trace.Length += sim.Duration(rapid.SampledFrom([]int64{1, 999_999, 1_000_000, 100_000_000, 1_234_567_891}).Draw(t, "length"))
	}
	return trace
}

// drawOpportunities makes a trace of opportunities, with a period that may be
// longer than the last of them.
func drawOpportunities(t *rapid.T) *Trace {
	trace := &Trace{Source: "drawn", Format: Generated, Kind: Opportunities}
	at := uint32(0)
	for range rapid.IntRange(1, 40).Draw(t, "count") {
		at += uint32(rapid.SampledFrom([]int{0, 0, 1, 2, 50, 999, 1000, 1001}).Draw(t, "distance"))
		trace.Opportunities = append(trace.Opportunities, at)
	}
	trace.Length = milliseconds(at + uint32(rapid.SampledFrom([]int{1, 7, 3000}).Draw(t, "rest")))
	return trace
}

func drawTrace(t *rapid.T) *Trace {
	if rapid.Bool().Draw(t, "opportunities") {
		return drawOpportunities(t)
	}
	return drawRates(t)
}

// bytesUntil is the capacity of (0, at] by its definition, a sum over all
// steps. Products stay below 2^63: at most 1e9 b/s times 1.3 s a step.
func bytesUntil(t *Trace, at sim.Duration) (bytes, rest int64) {
	for i, s := range t.Steps {
		if d := min(t.stepEnd(i), at) - s.At; d > 0 {
			rest += int64(s.Rate) * int64(d)
			bytes += rest / 8e9
			rest %= 8e9
		}
	}
	return bytes, rest
}

// TestToOpportunitiesKeepsBytes: at the end of every millisecond the
// opportunities so far are floor(capacity/1500), but for the last one, which
// closes the period.
func TestToOpportunitiesKeepsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := drawRates(t)
		total, _ := bytesUntil(trace, trace.Length)
		if got := trace.Bytes(); got != total {
			t.Fatalf("Bytes = %d, want %d", got, total)
		}
		o, err := trace.ToOpportunities()
		if total < OpportunityBytes {
			if err == nil {
				t.Fatalf("%d bytes made opportunities %v", total, o.Opportunities)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		n := len(o.Opportunities)
		if int64(n) != total/OpportunityBytes {
			t.Fatalf("%d opportunities for %d bytes", n, total)
		}
		if o.Length < trace.Length || o.Length-trace.Length >= sim.Millisecond {
			t.Fatalf("length %v became %v", trace.Length, o.Length)
		}
		if milliseconds(o.Opportunities[n-1]) != o.Length {
			t.Fatalf("the last opportunity is at %d ms, the length %v", o.Opportunities[n-1], o.Length)
		}
		for i, at := range o.Opportunities[:n-1] {
			before, _ := bytesUntil(trace, milliseconds(at)-sim.Millisecond)
			after, _ := bytesUntil(trace, milliseconds(at))
			if need := int64(i+1) * OpportunityBytes; before >= need || after < need {
				t.Fatalf("opportunity %d at %d ms: capacity %d one ms earlier, %d then, needs %d", i, at, before, after, need)
			}
		}
	})
}

// TestToOpportunitiesVectors: 12 Mb/s is one opportunity a millisecond (the
// example of traces/README of mahimahi); rates that do not divide carry over.
func TestToOpportunitiesVectors(t *testing.T) {
	tests := []struct {
		steps  []Step
		length sim.Duration
		want   []uint32
	}{
		{[]Step{{0, 12 * mbps}}, 3 * ms, []uint32{1, 2, 3}},
		{[]Step{{0, 24 * mbps}}, 2 * ms, []uint32{1, 1, 2, 2}},
		{[]Step{{0, 8 * mbps}}, 6 * ms, []uint32{2, 3, 5, 6}},                             // every 1.5 ms
		{[]Step{{0, 12 * mbps}, {2 * ms, 0}}, 9 * ms, []uint32{1, 9}},                     // the second closes the period
		{[]Step{{0, 0}, {2*ms + 1, 12 * mbps}}, 5*ms + 1, []uint32{4, 5, 6}},              // at 3, 4, 5 ms and 1 ns
		{[]Step{{0, 6 * mbps}, {1 * ms, 18 * mbps}}, 2 * ms, []uint32{2, 2}},              // 750 + 2250
		{[]Step{{0, 16 * mbps}, {1 * ms, 12 * mbps}}, 2 * ms, []uint32{1, 2}},             // 500 bytes are left over
		{[]Step{{0, 15 * mbps}, {1 * ms, 0}, {2 * ms, 9 * mbps}}, 3 * ms, []uint32{1, 3}}, // carried over a gap
	}
	for _, tt := range tests {
		o, err := (&Trace{Steps: tt.steps, Length: tt.length}).ToOpportunities()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, o.Opportunities); diff != "" {
			t.Errorf("%v for %v (-want +got):\n%s", tt.steps, tt.length, diff)
		}
	}
}

// TestPerSecond: the bytes of each second, counted one by one; a broken last
// second goes on with the next turn.
func TestPerSecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := drawTrace(t)
		p, err := trace.PerSecond()
		if trace.Length < sim.Second/1000 || trace.Check() != nil {
			return // covered by the errors of Loop
		}
		if err != nil {
			t.Fatal(err)
		}
		full := (trace.Length + sim.Second - 1) / sim.Second * sim.Second
		if p.Length != full || len(p.Steps) != int(full/sim.Second) {
			t.Fatalf("length %v became %v in %d steps", trace.Length, p.Length, len(p.Steps))
		}
		for i, s := range p.Steps {
			want := capacity(trace, s.At+sim.Second) - capacity(trace, s.At)
			if s.At != sim.Duration(i)*sim.Second || int64(s.Rate) != 8*want {
				t.Fatalf("second %d at %v has %d b/s, want %d bytes", i, s.At, int64(s.Rate), want)
			}
		}
	})
}

// capacity returns the whole bytes that the repeating trace lets pass until at.
// At the very end of a turn the opportunities at 0 of the next are not counted.
func capacity(t *Trace, at sim.Duration) int64 {
	turns, part := int64(at/t.Length), at%t.Length
	if t.Kind == Rates {
		whole, rest := bytesUntil(t, t.Length)
		bytes, more := bytesUntil(t, part)
		return turns*whole + bytes + (turns*rest+more)/8e9
	}
	n := turns * int64(len(t.Opportunities))
	if part > 0 {
		n += int64(upTo(t.Opportunities, uint32(part/sim.Millisecond)))
	}
	return n * OpportunityBytes
}

// TestWriteReadRoundTrip: what was written reads as what was converted.
func TestWriteReadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := drawTrace(t)
		var buf bytes.Buffer
		if o, err := trace.ToOpportunities(); err == nil && trace.Check() == nil {
			if err := trace.Write(&buf, Mahimahi); err != nil {
				t.Fatal(err)
			}
			want := *o
			want.Format = Mahimahi
			want.Opportunities = append([]uint32(nil), o.Opportunities...)
			want.Opportunities[len(want.Opportunities)-1] = uint32(want.Length / sim.Millisecond)
			compare(t, &buf, Mahimahi, &want)
		}
		buf.Reset()
		if p, err := trace.PerSecond(); err == nil && p.Check() == nil {
			if err := trace.Write(&buf, CSVBytes); err != nil {
				t.Fatal(err)
			}
			want := *p
			want.Format = CSVBytes
			compare(t, &buf, CSVBytes, &want)
		}
	})
}

func compare(t *rapid.T, written *bytes.Buffer, f Format, want *Trace) {
	t.Helper()
	text := written.String()
	for _, as := range []Format{Auto, f} {
		got, err := Read(strings.NewReader(text), "drawn", as)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

// TestWriteFilesAgain: a file that was read is written as it was.
func TestWriteFilesAgain(t *testing.T) {
	var buf bytes.Buffer
	if err := readFile(t, "testdata/mahimahi.trace.gz", Auto).Write(&buf, Mahimahi); err != nil {
		t.Fatal(err)
	}
	if got := buf.String(); got != "0\n0\n3\n10\n10\n400\n1500\n" {
		t.Errorf("mahimahi: %q", got)
	}
	buf.Reset()
	if err := readFile(t, "testdata/walk.csv", Auto).Write(&buf, CSVBytes); err != nil {
		t.Fatal(err)
	}
	if got := buf.String(); got != "1,1250000\n2,0\n3,0\n4,2500000\n5,125\n" {
		t.Errorf("walk: %q", got)
	}
	if err := readFile(t, "testdata/walk.csv", Auto).Write(&buf, UCC5G); err == nil {
		t.Error("a format without a writer was written")
	}
}
