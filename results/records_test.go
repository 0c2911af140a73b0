package results

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// lateNames knows the flow of connection 1 of node 1 from the third question on.
type lateNames struct {
	Namer
	asked int
}

func (n *lateNames) FlowName(node, conn uint32) string {
	if node != 1 || conn != 1 {
		return ""
	}
	if n.asked++; n.asked < 3 {
		return ""
	}
	return "dl"
}

// copies keeps the records that it gets.
type copies struct {
	got   []trace.Record
	flows []string
	file  *RecordFile
}

func (c *copies) Emit(r *trace.Record) {
	c.got = append(c.got, *r)
	if c.file != nil {
		c.flows = append(c.flows, c.file.FlowName(r.Node, r.Conn))
	}
}

func written(t interface{ Fatal(...any) }, records []trace.Record) []byte {
	return writtenOf(t, 2, records)
}

func writtenOf(t interface{ Fatal(...any) }, nodes int, records []trace.Record) []byte {
	var b bytes.Buffer
	w := NewRecords(&b, &lateNames{}, Tables{Nodes: make([]string, nodes), Links: []string{"l/up"}, Counters: []string{"c"}})
	for i := range records {
		w.Emit(&records[i])
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t interface{ Fatal(...any) }, b []byte) *copies {
	f, err := OpenRecords(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	c := &copies{file: f}
	if err := f.Each(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// What is written is read, whatever the values: those that do not fit into 32 bits take a
// second record.
func TestRecordsRoundTrip(t *testing.T) {
	value := rapid.OneOf(rapid.Int64Range(0, math.MaxUint32), rapid.Int64(), rapid.SampledFrom([]int64{-1, math.MaxUint32, math.MaxUint32 + 1, math.MinInt64}))
	one := rapid.Custom(func(rt *rapid.T) trace.Record {
		return trace.Record{
			At: sim.Time(rapid.Int64Range(0, math.MaxInt64).Draw(rt, "at")), Kind: trace.Kind(rapid.IntRange(0, trace.Kinds()-1).Draw(rt, "kind")),
			Why: trace.Reason(rapid.IntRange(0, trace.Reasons()-1).Draw(rt, "why")), Node: uint32(rapid.IntRange(0, 1).Draw(rt, "node")),
			Conn: uint32(rapid.IntRange(0, 3).Draw(rt, "conn")), Flow: int32(rapid.IntRange(-1, 1<<20).Draw(rt, "flow")),
			A: value.Draw(rt, "A"), B: value.Draw(rt, "B"), C: value.Draw(rt, "C"), D: value.Draw(rt, "D"), E: value.Draw(rt, "E"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOf(one).Draw(rt, "records")
		slices.SortStableFunc(want, func(a, b trace.Record) int { return cmp.Compare(a.At, b.At) })
		if got := read(rt, written(rt, want)).got; len(want) > 0 && !slices.Equal(want, got) {
			rt.Fatalf("%s", diff.Diff(want, got))
		}
	})
}

// More nodes than 16 bits number.
func TestRecordsOfManyNodes(t *testing.T) {
	const nodes = 1<<16 + 2
	want := []trace.Record{{Kind: trace.RTO, Node: 1}, {At: 5, Kind: trace.RTO, Node: nodes - 1, Flow: -1, A: 7}, {At: 5, Kind: trace.RTO, Node: 1<<16 - 1, Flow: 3}}
	if got := read(t, writtenOf(t, nodes, want)).got; !slices.Equal(want, got) {
		t.Error(diff.Diff(want, got))
	}
}

// The octets of a record are those that docs/OUTPUT.md describes, and a flow has its name
// from the record on at which it was known.
func TestRecordsLayout(t *testing.T) {
	r := trace.Record{At: 0x0102030405060708, Kind: trace.RTO, Why: trace.Timeout, Node: 1, Conn: 1, Flow: -1, A: 0x11, B: 0x22, C: 0x33, D: 0x44, E: 0x55}
	b := written(t, []trace.Record{r, r, r, r})
	want := []byte{
		8, 7, 6, 5, byte(trace.RTO), 1, byte(trace.Timeout), 0, 1, 0, 0xff, 0xff, 1, 0, 0, 0, 0x11, 0, 0, 0, 0x22, 0, 0, 0, 0x33, 0, 0, 0, 0x44, 0, 0, 0, 0x55, 0, 0, 0,
		4, 3, 2, 1, 255, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, byte(trace.RTO), 0, byte(trace.Timeout), 0, 1, 0, 0xff, 0xff, 1, 0, 0, 0, 0x11, 0, 0, 0, 0x22, 0, 0, 0, 0x33, 0, 0, 0, 0x44, 0, 0, 0, 0x55, 0, 0, 0,
	}
	if string(b[:8]) != "mpsimev2" || b[8] != 36 || !bytes.Equal(b[16:16+3*36], want) {
		t.Errorf("the file begins with % x", b[:16+3*36])
	}
	if d := diff.Diff([]string{"", "", "dl", "dl"}, read(t, b).flows); d != "" {
		t.Error(d)
	}
}

// A file that is cut short, or of which any octet is wrong, is an error or other records,
// never a panic; a file of other kinds of records is refused by name.
func TestRecordsDamaged(t *testing.T) {
	good := written(t, []trace.Record{{At: 1, Kind: trace.RTO, Node: 1, Conn: 1, A: -5}, {At: 2, Kind: trace.Window, Node: 0}})
	for n := range len(good) {
		if _, err := OpenRecords(bytes.NewReader(good[:n]), int64(n)); err == nil {
			t.Fatalf("%d of %d octets are accepted", n, len(good))
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x81
		if f, err := OpenRecords(bytes.NewReader(bad), int64(len(bad))); err == nil {
			_ = f.Each(&copies{}) // must only return
		}
	}
	other := bytes.Replace(good, []byte(`"rto"`), []byte(`"otr"`), 1)
	if _, err := OpenRecords(bytes.NewReader(other), int64(len(other))); err == nil || !strings.Contains(err.Error(), `is "otr"`) {
		t.Errorf("a file of other kinds: %v", err)
	}
}

// Nothing is allocated for a record: what is held does not grow with the run.
func TestRecordsAllocateNothing(t *testing.T) {
	w := NewRecords(discard{}, &lateNames{asked: 9}, Tables{Nodes: []string{"a", "b"}})
	r := trace.Record{Kind: trace.PacketSent, Node: 1, Conn: 1, A: 1 << 40}
	w.Emit(&r)
	if n := testing.AllocsPerRun(10000, func() { w.Emit(&r) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// A file has its name when it is whole; one that is given up leaves nothing.
func TestRecordsFile(t *testing.T) {
	dir := t.TempDir()
	for _, whole := range []bool{false, true} {
		r, err := CreateRecords(filepath.Join(dir, "x"), &lateNames{}, Tables{Nodes: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		r.Emit(&trace.Record{Kind: trace.RTO})
		if whole {
			err = r.Flush()
		}
		if err != nil || r.Abort() != nil {
			t.Error(err)
		}
		entries, _ := os.ReadDir(dir)
		if (len(entries) == 1 && entries[0].Name() == "x") != whole || len(entries) > 1 {
			t.Errorf("whole %v: %v lie there", whole, entries)
		}
	}
	if _, err := CreateRecords(filepath.Join(dir, "no", "x"), &lateNames{}, Tables{}); err == nil {
		t.Error("a file in a directory that is not there")
	}
}
