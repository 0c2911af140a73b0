package execute

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The event log holds every decision of the scheduler: the grants of new data
// cover the data sequence space without a hole, and the first ones go to the
// initial subflow, which is the only one then. The order of choice is tested in
// sched and mptcp.
func TestDecisionsAreLogged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := execute(t, Job{Out: dir, Events: results.Decisions})
	var next uint64
	var bytesOf [2]int64
	reinjected, grants := int64(0), 0
	why := map[string]map[string]int{}
	for line := range bytes.Lines(files(t, dir)[results.EventsName]) {
		var e struct {
			TimeNS  int64 `json:"time_ns"`
			Node    string
			Kind    string
			Flow    string
			Subflow int
			DSN     uint64
			Len     int64
			Grant   string
			Why     string
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if why[e.Kind] == nil {
			why[e.Kind] = map[string]int{}
		}
		why[e.Kind][e.Why]++
		if e.Kind != "grant" || e.Node != "server" {
			continue
		}
		if e.Flow != "dl" {
			t.Fatalf("a grant of no flow: %s", line)
		}
		if e.Grant == "reinject" {
			reinjected += e.Len
			continue
		}
		if e.Grant != "new" || grants > 0 && e.DSN != next {
			t.Fatalf("after data up to %d: %s", next, line)
		}
		if grants++; grants <= 5 && e.Subflow != 0 {
			t.Errorf("grant %d goes to subflow %d: %s", grants, e.Subflow, line)
		}
		next = e.DSN + uint64(e.Len)
		bytesOf[e.Subflow] += e.Len
	}
	f := o.Summary.Flows[0]
	if sum := bytesOf[0] + bytesOf[1]; sum < f.BytesDelivered || bytesOf[0] == 0 || bytesOf[1] == 0 || reinjected == 0 {
		t.Errorf("granted %v bytes of new data and %d again; delivered %d", bytesOf, reinjected, f.BytesDelivered)
	}
	if g, w := why["grant"], why["wait"]; g["lowest_rtt"] == 0 || g[""] > 0 || w["no_room"] == 0 || w[""] > 0 {
		t.Errorf("reasons of grants %v, of waiting %v", g, w)
	}
}

// A change of a subflow's state has a reason of the table of reasons, or none: the state
// in which a connection ends says whether it was closed or reset, and by whom. Here the
// joined subflow is reset by one side, and the other one closed.
func TestStateChangesHaveReasons(t *testing.T) {
	sc, err := scenarios.LoadLibrary("mbox/c3-join-stripped.toml", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	execute(t, Job{Scenario: sc, Out: dir, Events: results.Decisions})
	ends := map[string]int{}
	for line := range bytes.Lines(files(t, dir)[results.EventsName]) {
		var e struct{ Kind, Old, New, Why string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Kind != "subflow_state" {
			continue
		}
		if _, known := trace.ParseReason(e.Why); !known && e.Why != "" || e.Old == "" || e.New == "" {
			t.Errorf("%s", line)
		}
		if e.New == "CLOSED" || e.New == "TIME-WAIT" {
			ends[e.Why]++
		}
	}
	if want := map[string]int{"graceful": 2, "reset_sent": 1, "reset_received": 1}; !maps.Equal(ends, want) {
		t.Errorf("ends of subflows %v, want %v", ends, want)
	}
}

// A binary trace becomes the lines of the event log of the same run, octet by octet.
func TestRecordsAreTheEventLog(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "records")
	execute(t, Job{Out: filepath.Join(dir, "run"), Events: trace.AllKinds, Records: file})
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	r, err := results.OpenRecords(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	want := files(t, filepath.Join(dir, "run"))[results.EventsName]
	var got bytes.Buffer
	if err := WriteEvents(&got, r, trace.AllKinds); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d octets, want %d; %v", got.Len(), len(want), err)
	}
	var decisions bytes.Buffer
	if err := WriteEvents(&decisions, r, results.Decisions); err != nil || bytes.Contains(decisions.Bytes(), []byte(`"packet_sent"`)) || decisions.Len() == 0 {
		t.Errorf("the decisions: %v", err)
	}
}

// A packet that is sent has the flow and the subflow to which it belongs: the payload of
// the server's packets by subflow is what the subflows say they sent.
func TestPacketsNameTheirFlow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	sc, err := scenarios.LoadLibrary("handover/wifi-lte.toml", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := execute(t, Job{Scenario: sc, Out: dir, Events: trace.Set(trace.PacketSent), Until: 2 * sim.Second})
	got := map[string]int64{}
	for line := range bytes.Lines(files(t, dir)[results.EventsName]) {
		var e struct {
			Node, Flow string
			Subflow    int
			Payload    int64
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Node == "server" {
			got[fmt.Sprint(e.Flow, e.Subflow)] += e.Payload
		}
	}
	for i := range o.Summary.Flows {
		f := &o.Summary.Flows[i]
		for k := range f.Subflows {
			s := &f.Subflows[k]
			name := fmt.Sprint(f.Name, s.ID)
			if want := int64(s.BytesSent); got[name] != want || want == 0 {
				t.Errorf("%s: packets of %d bytes, the subflow sent %d", name, got[name], want)
			}
		}
	}
}
