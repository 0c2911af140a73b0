package app

import (
	"bytes"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mpsim/net/wire"
	"mpsim/sim"
)

const ms = sim.Time(sim.Millisecond)

func TestRecordGapsAndBins(t *testing.T) {
	r := NewRecord(sim.Second)
	r.Start(5 * ms)
	r.Deliver(20*ms, 0, 1000)
	r.Deliver(29*ms, 1000, 500)
	r.Deliver(79*ms, 1500, 100)   // exactly 50 ms: not longer than the floor
	r.Deliver(129*ms+1, 1600, 10) // one ns longer
	r.Finish(130 * ms)
	want := []Gap{{79 * ms, 129*ms + 1}}
	if d := cmp.Diff(want, r.Gaps); d != "" {
		t.Errorf("gaps (-want +got):\n%s", d)
	}
	if r.Begin != 5*ms || r.First != 20*ms || r.Last != 129*ms+1 || r.Done != 130*ms || r.Bytes != 1610 || r.Corrupt != 0 {
		t.Errorf("record %+v", r)
	}
	if got := r.Bins[2]; got != 1500 {
		t.Errorf("bin [20,30) ms has %d bytes, want 1500", got)
	}
	if got := r.BytesIn(25*ms, 80*ms); got != 750+100 {
		t.Errorf("BytesIn(25ms, 80ms) = %v: half of one bin and one whole", got)
	}
}

// What is delivered is written out as bytes, virtual ones as the content of their offset,
// right or wrong.
func TestRecordWritesContent(t *testing.T) {
	var got bytes.Buffer
	r := NewRecord(sim.Second)
	r.Content = &got
	r.Deliver(1*ms, 0, 10_000)
	r.DeliverBytes(2*ms, []byte("text"))
	r.Deliver(3*ms, 20_000, 5)
	want := make([]byte, 10_009)
	wire.FillContent(want[:10_000], 0)
	copy(want[10_000:], "text")
	wire.FillContent(want[10_004:], 20_000)
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes", got.Len())
	}
}

func TestRecordCountsWrongOffsets(t *testing.T) {
	r := NewRecord(sim.Second)
	r.Deliver(1*ms, 0, 1000)
	r.Deliver(2*ms, 1001, 500) // shifted by one byte: all of it is wrong
	r.Deliver(3*ms, 1500, 100) // the place is right again
	if r.Corrupt != 500 || r.Bytes != 1600 {
		t.Errorf("corrupt %d of %d, want 500 of 1600", r.Corrupt, r.Bytes)
	}
}

// Literal bytes are compared one by one with the content of their place.
func TestRecordCountsWrongBytes(t *testing.T) {
	r := NewRecord(sim.Second)
	r.Deliver(1*ms, 0, 1000)
	b := make([]byte, 500)
	wire.FillContent(b, 1000)
	r.DeliverBytes(2*ms, b)
	wire.FillContent(b, 1500)
	b[0] ^= 1
	b[17] ^= 0x80
	b[499] ^= 0xff
	r.DeliverBytes(3*ms, b)
	if r.Corrupt != 3 || r.Bytes != 2000 {
		t.Errorf("corrupt %d of %d, want 3 of 2000", r.Corrupt, r.Bytes)
	}
}

func TestOpenGap(t *testing.T) {
	r := NewRecord(sim.Second)
	r.Start(0)
	if g := r.GapsAt(200 * ms); len(g) != 1 || g[0] != (Gap{0, 200 * ms}) {
		t.Errorf("a flow that never received has gaps %v", g)
	}
	r.Deliver(10*ms, 0, 1)
	r.Finish(10 * ms)
	if g := r.GapsAt(200 * ms); len(g) != 0 {
		t.Errorf("a finished flow has gaps %v", g)
	}
}

func TestDelayQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1e11), 1, 200).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var d Delays
		for _, v := range values {
			d.Add(sim.Duration(v))
		}
		sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
		rank := int(float64(len(values))*q + 0.999999)
		exact := float64(values[max(rank, 1)-1])
		got := float64(d.Quantile(q))
		if got < exact || got > exact*(1+1.0/64)+1 {
			t.Fatalf("quantile %v is %v, exactly %v", q, got, exact)
		}
		if d.Min != sim.Duration(values[0]) || d.Max != sim.Duration(values[len(values)-1]) {
			t.Fatalf("min %v max %v of %v", d.Min, d.Max, values)
		}
	})
}

func TestRecordDoesNotAllocate(t *testing.T) {
	r := NewRecord(sim.Second)
	var d Delays
	d.Add(1e9)
	now := sim.Time(0)
	if n := testing.AllocsPerRun(90, func() {
		now += 10 * ms
		r.Deliver(now, r.next, 1448)
		d.Add(sim.Duration(now))
	}); n != 0 {
		t.Errorf("%v allocations per delivery", n)
	}
}
