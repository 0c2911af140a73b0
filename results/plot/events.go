package plot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mpsim/results"
)

// Figures of decisions are drawn from the event log of one run, as --events writes it.

// event is what figures read of a line of events.jsonl.
type event struct {
	TimeNS  int64  `json:"time_ns"`
	Node    string `json:"node"`
	Kind    string `json:"kind"`
	Flow    string `json:"flow"`
	Subflow int    `json:"subflow"`
	DSN     uint64 `json:"dsn"`
	Len     int64  `json:"len"`
	Grant   string `json:"grant"`
	Pos     int64  `json:"pos"`
	Why     string `json:"why"`
}

func (e *event) at() float64 { return float64(e.TimeNS) / 1e9 }

// decisions are the events of one flow at its sender: the node that was granted most.
type decisions struct {
	flow   *results.Flow
	events []event
	names  map[int]string // of subflows
}

// decisionKinds are the kinds of events that figures of decisions read.
var decisionKinds = [][]byte{[]byte(`"kind":"grant"`), []byte(`"kind":"wait"`), []byte(`"kind":"retransmit"`)}

// decisionsOf reads the decisions of the flow that the options name.
func decisionsOf(s *Source, o *Options) (*Run, *decisions, error) {
	if len(s.Runs) != 1 {
		return nil, nil, errors.New("this figure is drawn from one run directory")
	}
	r := s.Runs[0]
	d := &decisions{names: map[int]string{}}
	var names []string
	for i := range r.Summary.Flows {
		f := &r.Summary.Flows[i]
		if f.Protocol == "mptcp" {
			names = append(names, f.Name)
			if d.flow == nil && (o.Flow == "" || o.Flow == f.Name) {
				d.flow = f
			}
		}
	}
	if d.flow == nil {
		return nil, nil, fmt.Errorf("the run has no MPTCP flow %q; it has %s", o.Flow, strings.Join(names, ", "))
	}
	for i := range d.flow.Subflows {
		sf := &d.flow.Subflows[i]
		d.names[sf.ID] = subflowName(sf)
	}
	file := filepath.Join(r.Dir, results.EventsName)
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s: the run has no event log; run the scenario with --events", r.Dir)
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if err := d.read(f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(d.events) == 0 {
		return nil, nil, ErrNothing
	}
	return r, d, nil
}

func (d *decisions) read(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	granted := map[string]int64{}
	sender := ""
	for n := 1; in.Scan(); n++ {
		line := in.Bytes()
		if !holdsOne(line, decisionKinds) {
			continue
		}
		e := event{Subflow: -1}
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if e.Flow != d.flow.Name {
			continue
		}
		if e.Kind == "grant" {
			if granted[e.Node] += e.Len; granted[e.Node] > granted[sender] {
				sender = e.Node
			}
		}
		d.events = append(d.events, e)
	}
	if err := in.Err(); err != nil {
		return err
	}
	kept := d.events[:0]
	for _, e := range d.events {
		if e.Node == sender {
			kept = append(kept, e)
		}
	}
	d.events = kept
	return nil
}

func holdsOne(line []byte, texts [][]byte) bool {
	for _, t := range texts {
		if bytes.Contains(line, t) {
			return true
		}
	}
	return false
}

// name returns what a subflow is called: the interface of the client, with its number if
// several have one interface.
func (d *decisions) name(id int) string {
	name, ok := d.names[id]
	if !ok {
		return fmt.Sprintf("subflow %d", id)
	}
	for other, n := range d.names {
		if other != id && n == name {
			return fmt.Sprintf("%s (%d)", name, id)
		}
	}
	return name
}

// window returns the ends of the time axis.
func (o *Options) window(r *Run) (float64, float64, error) {
	end := float64(r.Summary.SimTime)
	if o.To > 0 && o.To < end {
		end = o.To
	}
	if o.From >= end {
		return 0, 0, fmt.Errorf("--from: the run ends at %g s", float64(r.Summary.SimTime))
	}
	return o.From, end, nil
}

// columns is how many marks the width of a figure keeps apart; those of one column are
// drawn as one, which is narrower than a line.
const columns = 1000
