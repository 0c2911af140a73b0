package results

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The text is the contract of DESIGN.md section 4, word for word but for the
// values; fields that were added since stand at the end of their object.
const contract = `{"schema":1,"scenario":"x","seed":1,"replication":0,"hash":"ab","sim_time_s":30,"wall_s":0.41,"events":123,"packet_hops":456,
"flows":[{"name":"dl","protocol":"mptcp","fallback":"","bytes_delivered":1,"corrupt_bytes":0,"start_s":0,"end_s":null,"goodput_bps":1.5,"max_gap_s":0.1,
"subflows":[{"id":0,"local":"10.0.0.1:40000","remote":"10.0.9.1:80","backup":false,"bytes_sent":1,"bytes_delivered":1,
"retransmitted_bytes":0,"reinjected_bytes":0,"srtt_s":0.02,"state":"ESTABLISHED"}]}],
"links":[{"name":"wifi","direction":"down","bytes":1,"drops":0,"utilisation":0.9,"mean_queue_bytes":1,"p99_queue_bytes":1`

func example() *Summary {
	return &Summary{
		Scenario: "x", Seed: 1, Hash: "ab", SimTime: 30, WallTime: Number(0.41).Ptr(), Events: 123, PacketHops: 456,
		Flows: []Flow{{Name: "dl", Protocol: "mptcp", BytesDelivered: 1, Goodput: 1.5, MaxGap: 0.1,
			Subflows: []Subflow{{Local: "10.0.0.1:40000", Remote: "10.0.9.1:80", BytesSent: 1, BytesDelivered: 1,
				SRTT: 0.02, State: "ESTABLISHED"}}}},
		Links:    []Link{{Name: "wifi", Direction: "down", Bytes: 1, Utilisation: 0.9, MeanQueueBytes: 1, P99QueueBytes: 1}},
		Counters: map[string]uint64{"MPJoinSynTx": 1, "MPCapableSYNTX": 1},
		Expect:   []Expectation{{Expr: "a <= b", Value: "1", Pass: true}},
		Version:  "0", Complete: true,
	}
}

func TestSummaryIsTheContract(t *testing.T) {
	b, err := example().EncodeLine()
	if err != nil {
		t.Fatal(err)
	}
	got := string(b)
	if want := strings.ReplaceAll(contract, "\n", ""); !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s...", got, want)
	}
	for _, part := range []string{
		`"counters":{"MPCapableSYNTX":1,"MPJoinSynTx":1},"expect":[{"expr":"a <= b","value":"1","pass":true}]`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nlacks %s", got, part)
		}
	}
	if strings.Count(got, "\n") != 1 {
		t.Error("EncodeLine is not one line")
	}
}

func TestSummaryWithoutAnything(t *testing.T) {
	b, err := new(Summary).Encode()
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"flows", "links", "expect", "counters"} {
		if m[list] == nil {
			t.Errorf("%s is null", list)
		}
	}
	if _, ok := m["wall_s"]; ok {
		t.Error("a file would hold the wall time")
	}
}

func TestSummaryRoundTrip(t *testing.T) {
	s := example()
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var back Summary
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	s.Schema = SchemaVersion
	if diff := cmp.Diff(s, &back); diff != "" {
		t.Error(diff)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "0"}, {30, "30"}, {0.1, "0.1"}, {-2.5, "-2.5"}, {9467000, "9467000"},
		{1e-7, "1e-07"}, {1.5e21, "1.5e+21"}, {1 << 60, "1152921504606847000"}, {0.000001, "0.000001"},
	} {
		if got := string(AppendNumber(nil, c.x)); got != c.want {
			t.Errorf("%v is written %s, want %s", c.x, got, c.want)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if b, err := Number(x).MarshalJSON(); err != nil || string(b) != "null" {
			t.Errorf("%v is written %s, %v", x, b, err)
		}
	}
}

func TestNumbersReadBackExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		text := string(AppendNumber(nil, x))
		if y, err := strconv.ParseFloat(text, 64); err != nil || y != x {
			t.Fatalf("%v is written %s and read %v, %v", x, text, y, err)
		}
		var y float64
		if err := json.Unmarshal([]byte(text), &y); err != nil {
			t.Fatalf("%s is not JSON: %v", text, err)
		}
	})
}

func TestSeriesRoundTrip(t *testing.T) {
	points := []Point{
		{0, "mptcp", "goodput_bps", 0}, {1e8, "mptcp/0", "srtt_s", 0.020123}, {2e8, "wifi.down", "queue_bytes", 75000},
		{3e8, `odd,"name`, "line\nbreak", -1.25e-9},
	}
	var b bytes.Buffer
	s := NewSeries(&b)
	for _, p := range points {
		s.Point(p.At, p.Entity, p.Metric, p.Value)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "time_ns,entity,metric,value\n0,mptcp,goodput_bps,0\n100000000,mptcp/0,srtt_s,0.020123\n"; !strings.HasPrefix(b.String(), want) {
		t.Errorf("%q does not begin with %q", b.String(), want)
	}
	var back []Point
	if err := ReadSeries(&b, func(p Point) error { back = append(back, p); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(points, back); diff != "" {
		t.Error(diff)
	}
}

func TestReadSeriesNamesTheLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "line 1"},
		{"time,entity,metric,value\n", "line 1"},
		{SeriesHeader + "\n1,a,b,2\nx,a,b,2\n", "line 3"},
		{SeriesHeader + "\n1,a,b,two\n", "line 2"},
		{SeriesHeader + "\n1,a,b\n", "line 2"},
	} {
		err := ReadSeries(strings.NewReader(c.text), func(Point) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}
