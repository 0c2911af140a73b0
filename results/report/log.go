package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"

	"mpsim/results"
)

// The event log of a run as columns: decisions and changes of state in one table, packets
// in another one (packets.go).

// Bounds of what a page takes from an event log; what is beyond them is counted.
const (
	maxEvents = 3_000_000
	maxHops   = 3_000_000
)

// eventTable is the decisions and state changes of a log, a column a field.
type eventTable struct {
	names                                // of texts
	kinds                                []string
	time                                 []int64
	node, kind, conn, flow, subflow, why []int64
	values                               [5][]int64
	texts                                []int64 // bit i: value i is the number of a text
	leftOut                              int
}

// names numbers texts in the order of their first use; 0 is the empty one.
type names struct {
	list  []string
	index map[string]int64
}

func (n *names) of(text string) int64 {
	if n.index == nil {
		n.index = map[string]int64{"": 0}
		n.list = []string{""}
	}
	i, ok := n.index[text]
	if !ok {
		i = int64(len(n.list))
		n.index[text] = i
		n.list = append(n.list, text)
	}
	return i
}

// logEvent is one line of an event log.
type logEvent struct {
	time       int64
	node, kind string
	conn       int64 // 0: none
	flow       string
	subflow    int64 // -1: none
	why        string
	fields     []field // the others, in their order
	shape      *shape
}

// number returns the value of a field, 0 if the line has none.
func (e *logEvent) number(key string) int64 {
	for i := range e.fields {
		if e.fields[i].key == key {
			return e.fields[i].number
		}
	}
	return 0
}

// text returns a field that is a text.
func (e *logEvent) text(key string) string {
	for i := range e.fields {
		if e.fields[i].key == key {
			return e.fields[i].text
		}
	}
	return ""
}

// shape is the names of the fields of a kind.
type shape struct {
	fields []string
	packet bool // a packet passes somewhere
}

// readLog gives each line of an event log to a function. The event is valid until the
// next one.
func readLog(r io.Reader, each func(*logEvent) error) error {
	shapes := map[string]*shape{}
	for _, kind := range results.KindNames() {
		shapes[kind] = &shape{fields: results.KindFields(kind)}
	}
	for _, kind := range []string{"packet_sent", "packet_received", "packet_forwarded", "packet_dropped", "box_action"} {
		shapes[kind].packet = true
	}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	known := words{}
	var fields []field
	last := int64(0)
	for n := 1; in.Scan(); n++ {
		var err error
		if fields, err = parseLine(in.Bytes(), known, fields[:0]); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		e, err := newEvent(fields, shapes)
		switch {
		case err != nil:
		case e.time < last:
			err = fmt.Errorf("the time %d ns is before that of the line above", e.time)
		default:
			last = e.time
			err = each(&e)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return in.Err()
}

// newEvent sorts the members of a line.
func newEvent(fields []field, shapes map[string]*shape) (e logEvent, err error) {
	e.subflow = -1
	e.fields = fields[:0]
	timed := false
	for _, f := range fields {
		switch f.key {
		case "time_ns":
			e.time, timed = f.number, !f.isText
		case "node":
			e.node = f.text
		case "kind":
			e.kind = f.text
		case "conn":
			e.conn = f.number
		case "flow":
			e.flow = f.text
		case "subflow":
			e.subflow = f.number
		case "why":
			e.why = f.text
		default:
			e.fields = append(e.fields, f)
		}
	}
	if e.shape = shapes[e.kind]; e.shape == nil {
		return e, fmt.Errorf("unknown kind of event %q", e.kind)
	}
	if !timed || e.time < 0 {
		return e, fmt.Errorf("an event of kind %s without time_ns", e.kind)
	}
	return e, nil
}

// add appends a row.
func (t *eventTable) add(e *logEvent) {
	if len(t.time) >= maxEvents {
		t.leftOut++
		return
	}
	kind := slices.Index(t.kinds, e.kind)
	if kind < 0 {
		kind = len(t.kinds)
		t.kinds = append(t.kinds, e.kind)
	}
	t.time = append(t.time, e.time)
	t.node = append(t.node, t.of(e.node))
	t.kind = append(t.kind, int64(kind))
	t.conn = append(t.conn, e.conn)
	t.flow = append(t.flow, t.of(e.flow))
	t.subflow = append(t.subflow, e.subflow)
	t.why = append(t.why, t.of(e.why))
	var values [5]int64
	texts := int64(0)
	for i, name := range e.shape.fields {
		for k := range e.fields {
			f := &e.fields[k]
			if f.key != name {
				continue
			}
			text := f.text
			if !f.isText {
				text = large(name, f.number)
			}
			if values[i] = f.number; text != "" || f.isText {
				values[i] = t.of(text)
				texts |= 1 << i
			}
			break
		}
	}
	for i, v := range values {
		t.values[i] = append(t.values[i], v)
	}
	t.texts = append(t.texts, texts)
}

// large returns a number as text if the scripts of a page, whose numbers have 53 bits, could
// not show it exactly: keys and sequence numbers of 64 bits without a sign.
func large(name string, v int64) string {
	const exact = 1 << 53
	switch {
	case v >= -exact && v <= exact:
		return ""
	case name == "dsn" || name == "idsn" || name == "peer_idsn" || name == "token":
		return strconv.FormatUint(uint64(v), 10)
	}
	return strconv.FormatInt(v, 10)
}

// endpoint is a connection of a node.
type endpoint struct{ node, conn int64 }

// nameFlows gives the flow to the events of connections whose flow was known later only.
func (t *eventTable) nameFlows() {
	flows := map[endpoint]int64{}
	for i, f := range t.flow {
		if f != 0 && t.conn[i] != 0 {
			flows[endpoint{t.node[i], t.conn[i]}] = f
		}
	}
	for i, f := range t.flow {
		if f == 0 && t.conn[i] != 0 {
			t.flow[i] = flows[endpoint{t.node[i], t.conn[i]}]
		}
	}
}

// eventData is the table as the page reads it: numbers of blobs.
type eventData struct {
	N       int        `json:"n"`
	LeftOut int        `json:"left_out,omitempty"`
	Kinds   []string   `json:"kinds"`
	Fields  [][]string `json:"fields"` // of each kind
	Texts   []string   `json:"texts"`
	Time    int        `json:"time"`
	Node    int        `json:"node"`
	Kind    int        `json:"kind"`
	Conn    int        `json:"conn"`
	Flow    int        `json:"flow"`
	Subflow int        `json:"subflow"`
	Why     int        `json:"why"`
	Values  [5]int     `json:"values"`
	IsText  int        `json:"is_text"`
}

func (t *eventTable) data(b *blobs) *eventData {
	d := &eventData{N: len(t.time), LeftOut: t.leftOut, Kinds: t.kinds, Texts: t.list,
		Time: b.ints(t.time, true), Node: b.ints(t.node, false), Kind: b.ints(t.kind, false), Conn: b.ints(t.conn, false),
		Flow: b.ints(t.flow, false), Subflow: b.ints(t.subflow, false), Why: b.ints(t.why, false), IsText: b.ints(t.texts, false)}
	for i := range t.values {
		d.Values[i] = b.ints(t.values[i], false)
	}
	for _, kind := range t.kinds {
		d.Fields = append(d.Fields, results.KindFields(kind))
	}
	return d
}
