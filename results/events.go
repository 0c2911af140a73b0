package results

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mpsim/sim/trace"
)

// PerPacket are the kinds of records that every packet makes. They are the bulk
// of a full event log and stand in the capture anyway.
var PerPacket = trace.Set(trace.PacketSent, trace.PacketReceived, trace.PacketForwarded)

// Decisions is the default set of an event log: every kind but those of
// PerPacket.
var Decisions = trace.AllKinds &^ PerPacket

// ParseKinds reads a set of kinds: "all", "decisions", or names of kinds
// separated by commas.
func ParseKinds(text string) (trace.KindSet, error) {
	switch text {
	case "all":
		return trace.AllKinds, nil
	case "decisions", "true", "":
		return Decisions, nil
	}
	var set trace.KindSet
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		names := KindNames()
		i := slices.Index(names, name)
		if i < 0 {
			return 0, fmt.Errorf("unknown event %q; have all, decisions, %s", name, strings.Join(names, ", "))
		}
		set |= trace.Set(trace.Kind(i + 1))
	}
	return set, nil
}

// KindNames returns the name of every kind but trace.None, in their order.
func KindNames() []string {
	var names []string
	for k := trace.None + 1; int(k) < trace.Kinds(); k++ {
		names = append(names, k.String())
	}
	return names
}

// KindFields returns the names of the fields of a kind of record, without those
// that every record has.
func KindFields(name string) []string {
	out := []string{}
	if i := slices.Index(KindNames(), name); i >= 0 {
		for _, f := range trace.Kind(i + 1).Fields() {
			if f != "" {
				out = append(out, f)
			}
		}
	}
	return out
}

// Namer turns numbers of a record into names, so that a log can be read without
// the program that wrote it. It returns "" for what has no name.
type Namer interface {
	// NodeName names a node by its number in the trace.
	NodeName(node uint32) string
	// FlowName names the flow of the scenario to which a connection of a node
	// belongs.
	FlowName(node, conn uint32) string
	// FieldName names the value of a field of a record: a link, a state, a
	// counter, an application event, and the reason (field "why") where it is not
	// a trace.Reason.
	FieldName(r *trace.Record, field string, value int64) string
}

// Events writes trace records as JSON lines. It is a trace.Sink.
type Events struct {
	w     *bufio.Writer
	buf   []byte
	names Namer
	parts []*observed // see Part
	err   error
}

// NewEvents returns a sink that writes to w.
func NewEvents(w io.Writer, names Namer) *Events {
	return &Events{w: bufio.NewWriterSize(w, 1<<16), names: names}
}

// Emit writes one line:
//
//	{"time_ns":8204000000,"node":"phone","kind":"rto","conn":1,"flow":"mptcp","subflow":0,"snd_una":81234,...,"why":"timeout"}
//
// "flow" is missing if the connection belongs to no flow, "subflow" if the
// record is about the whole connection, "why" if there is no reason.
func (e *Events) Emit(r *trace.Record) { e.write(e.text(r)) }

// text returns the line of a record; it is valid until the next call.
func (e *Events) text(r *trace.Record) []byte {
	b := append(e.buf[:0], `{"time_ns":`...)
	b = strconv.AppendInt(b, int64(r.At), 10)
	b = appendText(b, "node", e.names.NodeName(r.Node))
	b = appendText(b, "kind", r.Kind.String())
	if hasConn(r.Kind) {
		b = append(b, `,"conn":`...)
		b = strconv.AppendUint(b, uint64(r.Conn), 10)
		if name := e.names.FlowName(r.Node, r.Conn); name != "" {
			b = appendText(b, "flow", name)
		}
		if r.Flow >= 0 {
			b = append(b, `,"subflow":`...)
			b = strconv.AppendInt(b, int64(r.Flow), 10)
		}
	}
	values := [5]int64{r.A, r.B, r.C, r.D, r.E}
	for i, field := range r.Kind.Fields() {
		if field == "" {
			continue
		}
		if name := e.names.FieldName(r, field, values[i]); name != "" {
			b = appendText(b, field, name)
			continue
		}
		b = append(b, ',', '"')
		b = append(b, field...)
		b = append(b, '"', ':')
		if unsigned(field) {
			b = strconv.AppendUint(b, uint64(values[i]), 10)
		} else {
			b = strconv.AppendInt(b, values[i], 10)
		}
	}
	if r.Why != trace.NoReason {
		why := e.names.FieldName(r, "why", int64(r.Why))
		if why == "" {
			why = r.Why.String()
		}
		b = appendText(b, "why", why)
	}
	b = append(b, '}', '\n')
	e.buf = b
	return b
}

func (e *Events) write(line []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(line)
	}
}

// Flush writes what is buffered and returns the first error.
func (e *Events) Flush() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	return e.err
}

// hasConn reports whether records of kind k are about a connection.
func hasConn(k trace.Kind) bool {
	switch k {
	case trace.PacketDropped, trace.PacketForwarded, trace.Action, trace.Counter:
		return false
	}
	return true
}

// unsigned reports whether a field holds 64 bits without a sign.
func unsigned(field string) bool {
	switch field {
	case "dsn", "idsn", "peer_idsn", "token":
		return true
	}
	return false
}

func appendText(b []byte, key, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(value) // a string never fails
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, value...)
	return append(b, '"')
}
