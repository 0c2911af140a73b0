package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"mpsim/sim/trace"
)

type names struct{}

func (names) NodeName(n uint32) string { return [...]string{"phone", `ser"ver`}[n] }
func (names) FlowName(_, conn uint32) string {
	if conn == 1 {
		return "mptcp"
	}
	return ""
}
func (names) FieldName(_ *trace.Record, field string, v int64) string {
	if field == "link" {
		return fmt.Sprintf("wifi.%d", v)
	}
	return ""
}

func TestEventLines(t *testing.T) {
	var b bytes.Buffer
	e := NewEvents(&b, names{})
	for _, r := range []trace.Record{
		{At: 8204000000, Kind: trace.RTO, Why: trace.Timeout, Conn: 1, Flow: 0, A: 81234, B: 204e6, C: 1, D: 14200},
		{At: 5, Kind: trace.PacketDropped, Why: trace.QueueFull, Node: 1, Conn: 1, A: 3, B: 7, C: 1420, D: 1500, E: 75000},
		{At: 6, Kind: trace.Established, Conn: 2, Flow: -1, A: 4294967295, B: -1, C: 12},
	} {
		e.Emit(&r)
	}
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `{"time_ns":8204000000,"node":"phone","kind":"rto","conn":1,"flow":"mptcp","subflow":0,"snd_una":81234,"rto_ns":204000000,"backoff":1,"in_flight":14200,"why":"timeout"}
{"time_ns":5,"node":"ser\"ver","kind":"packet_dropped","link":"wifi.3","seq":7,"payload":1420,"bytes":1500,"queue_bytes":75000,"why":"queue_full"}
{"time_ns":6,"node":"phone","kind":"established","conn":2,"token":4294967295,"idsn":18446744073709551615,"peer_idsn":12}
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// Every kind makes a line of JSON whose keys are unique.
func TestEveryKindIsJSON(t *testing.T) {
	for k := trace.None + 1; int(k) < trace.Kinds(); k++ {
		var b bytes.Buffer
		e := NewEvents(&b, names{})
		e.Emit(&trace.Record{Kind: k, A: 1, B: 2, C: 3, D: 4, E: 5})
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b.Bytes(), &m); err != nil {
			t.Errorf("%v: %v: %s", k, err, b.String())
		}
		if n := strings.Count(b.String(), `":`); n != len(m) {
			t.Errorf("%v: a key appears twice: %s", k, b.String())
		}
	}
}

func TestParseKinds(t *testing.T) {
	for _, c := range []struct {
		text string
		want trace.KindSet
	}{
		{"all", trace.AllKinds}, {"decisions", Decisions}, {"true", Decisions},
		{"rto, packet_dropped", trace.Set(trace.RTO, trace.PacketDropped)},
	} {
		if got, err := ParseKinds(c.text); err != nil || got != c.want {
			t.Errorf("%q: %x, %v; want %x", c.text, got, err, c.want)
		}
	}
	if _, err := ParseKinds("rtoo"); err == nil || !strings.Contains(err.Error(), "rto, ") {
		t.Errorf("rtoo: %v", err)
	}
	if Decisions&trace.Set(trace.PacketSent) != 0 || Decisions&trace.Set(trace.PacketDropped) == 0 {
		t.Error("Decisions holds packets, or lacks drops")
	}
}
