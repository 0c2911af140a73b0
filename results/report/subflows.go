package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mpsim/results"
)

// The life of each subflow: when its handshake ran, when it could be used, whether as a
// backup, when it repaired losses or was given up as stale, and how it ended. It is read
// from the event log; of a run without one only the time in which the subflow had a window
// is known.

// lane is one subflow.
type lane struct {
	Flow    string `json:"flow"`
	Subflow int64  `json:"subflow"`
	Name    string `json:"name"`
	Spans   []span `json:"spans"`
	Marks   []mark `json:"marks"`
	// MarksLeftOut counts marks beyond maxMarks.
	MarksLeftOut int `json:"marks_left_out,omitempty"`
}

// span is an interval in seconds. Its state is one of spanStates.
type span struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	State string  `json:"state"`
	Why   string  `json:"why,omitempty"`
}

// The states of a lane. The last two lie over the others.
const (
	stateHandshake   = "handshake"
	stateEstablished = "established"
	stateBackup      = "backup"
	stateClosing     = "closing"
	stateRecovery    = "loss recovery"
	stateStale       = "stale"
)

// mark is something that happens to a subflow.
type mark struct {
	At   float64 `json:"at"`
	Kind string  `json:"kind"`
	Text string  `json:"text,omitempty"`
}

const maxMarks = 2000 // of a lane

// laneKey is a subflow as one node numbers it.
type laneKey struct {
	node          string
	conn, subflow int64
}

// lanes collects what concerns subflows.
type lanes struct {
	states map[laneKey][]stateChange
	marks  map[laneKey][]laneMark
	left   map[laneKey]int
	flows  map[laneKey]string // of connections, subflow -1
	order  []laneKey
}

type stateChange struct {
	at        int64
	kind      string // of the event
	new, why  string
	on        bool
	isBackup  bool
	backupSet bool
}

type laneMark struct {
	at         int64
	kind, text string
}

func newLanes() *lanes {
	return &lanes{states: map[laneKey][]stateChange{}, marks: map[laneKey][]laneMark{}, left: map[laneKey]int{}, flows: map[laneKey]string{}}
}

// add takes an event.
func (l *lanes) add(e *logEvent) {
	if e.conn == 0 || e.shape.packet {
		return
	}
	if e.flow != "" {
		l.flows[laneKey{e.node, e.conn, -1}] = e.flow
	}
	key := laneKey{e.node, e.conn, e.subflow}
	switch e.kind {
	case "subflow_state", "recovery", "stale":
		on := e.number("enter") == 1 || e.number("stale") == 1
		l.change(key, stateChange{at: e.time, kind: e.kind, new: e.text("new"), why: e.why, on: on})
	case "path_event":
		if e.text("event") == "SF_PRIO" {
			l.change(key, stateChange{at: e.time, kind: "backup", isBackup: e.number("value") == 1, backupSet: true})
		}
	case "path_manager":
		if e.text("action") == "backup" && e.why == "" {
			l.change(key, stateChange{at: e.time, kind: "backup", isBackup: e.number("value") == 1, backupSet: true})
		}
	case "rto":
		l.mark(key, e, "retransmission timeout", fmt.Sprintf("%s after %s, backoff %d", e.kind, seconds(float64(e.number("rto_ns"))/1e9), e.number("backoff")))
	case "tail_loss_probe":
		l.mark(key, e, "tail loss probe", "")
	case "reinject":
		key.subflow = e.number("from")
		l.mark(key, e, "reinjection", fmt.Sprintf("%d bytes from %d on go to subflow %d again", e.number("len"), e.number("dsn"), e.number("to")))
	case "undo":
		l.mark(key, e, "reduction taken back", "")
	}
}

func (l *lanes) change(key laneKey, c stateChange) {
	if l.states[key] == nil {
		l.order = append(l.order, key)
	}
	l.states[key] = append(l.states[key], c)
}

func (l *lanes) mark(key laneKey, e *logEvent, kind, text string) {
	if len(l.marks[key]) >= maxMarks {
		l.left[key]++
		return
	}
	l.marks[key] = append(l.marks[key], laneMark{e.time, kind, text})
}

// of returns the lanes of a run.
func (l *lanes) of(s *results.Summary) []lane {
	end := float64(s.SimTime)
	var out []lane
	for i := range s.Flows {
		f := &s.Flows[i]
		var keys []laneKey
		for _, k := range l.order {
			if k.subflow >= 0 && l.flows[laneKey{k.node, k.conn, -1}] == f.Name {
				keys = append(keys, k)
			}
		}
		var ids []int64
		for _, k := range keys {
			if !slices.Contains(ids, k.subflow) {
				ids = append(ids, k.subflow)
			}
		}
		slices.Sort(ids)
		for _, id := range ids {
			ln := lane{Flow: f.Name, Subflow: id, Name: subflowNameOf(f, id), Spans: []span{}, Marks: []mark{}}
			backup := false
			for k := range f.Subflows {
				backup = backup || int64(f.Subflows[k].ID) == id && f.Subflows[k].Backup
			}
			for _, k := range keys {
				if k.subflow == id {
					ln.add(l, k, f, end, backup)
				}
			}
			slices.SortStableFunc(ln.Spans, func(a, b span) int { return cmp.Compare(a.From, b.From) })
			slices.SortStableFunc(ln.Marks, func(a, b mark) int { return cmp.Compare(a.At, b.At) })
			out = append(out, ln)
		}
	}
	return out
}

// add takes what one node knows of the subflow: the states from the client, recovery and
// marks from both.
func (ln *lane) add(l *lanes, k laneKey, f *results.Flow, end float64, backup bool) {
	changes := l.states[k]
	if k.node == f.Client || f.Client == "" {
		ln.states(changes, end, backup)
	}
	for _, kind := range []string{"recovery", "stale"} {
		from, open := 0.0, false
		state := stateRecovery
		if kind == "stale" {
			state = stateStale
		}
		for _, c := range changes {
			if c.kind != kind && !(c.kind == "subflow_state" && c.new == "CLOSED") {
				continue
			}
			at := float64(c.at) / 1e9
			on := c.kind == kind && c.on
			if open && !on {
				ln.Spans = append(ln.Spans, span{from, at, state, ""})
			}
			if on && !open {
				from = at
			}
			open = on
		}
		if open {
			ln.Spans = append(ln.Spans, span{from, end, state, ""})
		}
	}
	for _, m := range l.marks[k] {
		ln.Marks = append(ln.Marks, mark{float64(m.at) / 1e9, m.kind, m.text})
	}
	ln.MarksLeftOut += l.left[k]
}

// states makes spans of the states of TCP and of the backup flag.
func (ln *lane) states(changes []stateChange, end float64, backup bool) {
	for _, c := range changes { // before the first change the flag was the other one
		if c.backupSet {
			backup = !c.isBackup
			break
		}
	}
	state, from := "", 0.0
	set := func(at float64, next, why string) {
		if next == state {
			return
		}
		if state != "" && at > from {
			ln.Spans = append(ln.Spans, span{from, at, state, why})
		}
		state, from = next, at
	}
	up := func() string {
		if backup {
			return stateBackup
		}
		return stateEstablished
	}
	for _, c := range changes {
		at := float64(c.at) / 1e9
		switch {
		case c.backupSet:
			backup = c.isBackup
			if state == stateEstablished || state == stateBackup {
				set(at, up(), "")
			}
		case c.kind != "subflow_state":
		case strings.HasPrefix(c.new, "SYN-"):
			set(at, stateHandshake, "")
		case c.new == "ESTABLISHED":
			set(at, up(), "")
		case c.new == "CLOSED" || c.new == "TIME-WAIT":
			set(at, "", c.why)
		default:
			set(at, stateClosing, c.why)
		}
	}
	set(end, "", "")
}

// lanesOfSeries says of a run without events when each subflow had a window.
func lanesOfSeries(s *results.Summary, set *seriesSet) []lane {
	var out []lane
	for i := range s.Flows {
		f := &s.Flows[i]
		for k := range f.Subflows {
			sf := &f.Subflows[k]
			one := set.get(f.Name+"/"+strconv.Itoa(sf.ID), "cwnd_bytes")
			if one == nil {
				continue
			}
			state := stateEstablished
			if sf.Backup {
				state = stateBackup
			}
			at := span{From: float64(one.at[0]) / 1e9, To: float64(one.at[len(one.at)-1]) / 1e9, State: state}
			out = append(out, lane{Flow: f.Name, Subflow: int64(sf.ID), Name: subflowNameOf(f, int64(sf.ID)), Spans: []span{at}, Marks: []mark{}})
		}
	}
	return out
}

// subflowNameOf returns what a subflow is called: the interface of the client, with its
// number if several have one interface.
func subflowNameOf(f *results.Flow, id int64) string {
	name, twice := "", false
	for i := range f.Subflows {
		if sf := &f.Subflows[i]; int64(sf.ID) == id {
			_, name, _ = strings.Cut(sf.Interface, ".")
		}
	}
	for i := range f.Subflows {
		_, other, _ := strings.Cut(f.Subflows[i].Interface, ".")
		twice = twice || int64(f.Subflows[i].ID) != id && other == name
	}
	switch {
	case name == "":
		return fmt.Sprintf("subflow %d", id)
	case twice:
		return fmt.Sprintf("%s (%d)", name, id)
	}
	return name
}
