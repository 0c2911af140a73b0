package results

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mpsim/internal/version"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// QlogName is the name of the qlog in a run directory; the extension is that of
// draft-ietf-quic-qlog-main-schema for its sequential form.
const QlogName = "events.sqlog"

// Qlog writes trace records and samples of windows as qlog in JSON text sequences
// (draft-ietf-quic-qlog-main-schema, RFC 7464): a record separator, a JSON object and
// a line feed for the head of the file and for each event. It is a trace.Sink.
//
// The events are mpsim's own; docs/QLOG.md is their schema. Where the recovery events
// of QUIC (draft-ietf-quic-qlog-quic-events) have a field for a value, it has the name
// and unit of that: congestion_window, ssthresh and bytes_in_flight in bytes,
// smoothed_rtt in milliseconds, and trigger for the reason.
//
// Left out are what the samples say beyond that (series.csv has it), and the system
// information of the schema.
type Qlog struct {
	w     *bufio.Writer
	buf   []byte
	names Namer
	err   error
	// pending are the samples of an entity at one time, which are one event.
	pending       []byte
	pendingAt     sim.Time
	pendingEntity string
}

// qlogHead is the first object of a file.
type qlogHead struct {
	Schema string    `json:"file_schema"`
	Format string    `json:"serialization_format"`
	Title  string    `json:"title"`
	Trace  qlogTrace `json:"trace"`
	// The draft has no such fields any more, but the viewer qvis asks for them.
	Old        string `json:"qlog_format"`
	OldVersion string `json:"qlog_version"`
}

type qlogTrace struct {
	Description string `json:"description"`
	Common      struct {
		TimeFormat string `json:"time_format"`
		Reference  struct {
			Clock string `json:"clock_type"`
			Epoch string `json:"epoch"`
		} `json:"reference_time"`
	} `json:"common_fields"`
	Vantage struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"vantage_point"`
	Schemas []string `json:"event_schemas"`
}

// qlogNamespaces are the prefixes of the names of events, one for each kind of record.
var qlogNamespaces = map[string]string{
	"packet_sent": "net", "packet_received": "net", "packet_dropped": "net", "packet_forwarded": "net",
	"box_action": "net", "mapping": "net", "icmp_error": "net",
	"conn_state": "mptcp", "established": "mptcp", "fallback": "mptcp", "subflow_phase": "mptcp", "version_cached": "mptcp",
	"address_signal": "mptcp", "option_left_out": "mptcp", "join_dropped": "mptcp", "blackhole": "mptcp", "stale": "mptcp", "counter": "mptcp",
	"subflow_state": "tcp", "fast_open": "tcp", "syn_cookie": "tcp", "segment_size": "tcp", "segment_refused": "tcp",
	"grant": "sched", "wait": "sched", "reinject": "sched",
	"rto": "recovery", "tail_loss_probe": "recovery", "recovery": "recovery", "retransmit": "recovery", "window": "recovery", "undo": "recovery",
	"path_manager": "pm", "path_event": "pm",
	"app": "app", "action": "scenario",
}

// qlogRenamed are fields that QUIC's recovery events have, too.
var qlogRenamed = map[string]string{"cwnd": "congestion_window", "in_flight": "bytes_in_flight"}

// qlogMetrics are the samples that become recovery:metrics_updated.
var qlogMetrics = map[string]string{
	"cwnd_bytes": "congestion_window", "ssthresh_bytes": "ssthresh", "in_flight_bytes": "bytes_in_flight", "srtt_s": "smoothed_rtt",
}

// NewQlog writes the head to w.
func NewQlog(w io.Writer, info CaptureInfo, names Namer) *Qlog {
	q := &Qlog{w: bufio.NewWriterSize(w, 1<<16), names: names}
	h := qlogHead{Schema: "urn:ietf:params:qlog:file:sequential", Format: "application/qlog+json-seq", Title: info.Scenario, Old: "JSON-SEQ", OldVersion: "0.3"}
	h.Trace.Description = fmt.Sprintf("seed %d, replication %d, mpsim %s", info.Seed, info.Replication, version.Version)
	h.Trace.Common.TimeFormat = "relative_to_epoch"
	h.Trace.Common.Reference.Clock, h.Trace.Common.Reference.Epoch = "monotonic", "unknown"
	h.Trace.Vantage.Name, h.Trace.Vantage.Type = "mpsim", "network"
	for _, s := range []string{"app", "mptcp", "net", "pm", "recovery", "scenario", "sched", "tcp"} {
		h.Trace.Schemas = append(h.Trace.Schemas, "urn:mpsim:qlog:events:"+s)
	}
	text, err := json.Marshal(&h)
	q.err = err
	q.write(append(append([]byte{qlogSeparator}, text...), '\n'))
	return q
}

// qlogSeparator begins each record of a JSON text sequence (RFC 7464, section 2.2).
const qlogSeparator = 0x1e

// Emit writes one record:
//
//	{"time":8204.000000,"name":"recovery:rto","group_id":"mptcp/0","data":{"node":"phone","snd_una":81234,...,"trigger":"timeout"}}
func (q *Qlog) Emit(r *trace.Record) {
	q.flushSamples()
	kind := r.Kind.String()
	group := ""
	if hasConn(r.Kind) {
		if group = q.names.FlowName(r.Node, r.Conn); group == "" {
			group = fmt.Sprintf("%s:%d", q.names.NodeName(r.Node), r.Conn)
		}
		if r.Flow >= 0 {
			group += "/" + strconv.Itoa(int(r.Flow))
		}
	}
	b := q.begin(r.At, qlogNamespaces[kind]+":"+kind, group)
	b = append(b, `"node":`...)
	b = appendQuoted(b, q.names.NodeName(r.Node))
	values := [5]int64{r.A, r.B, r.C, r.D, r.E}
	for i, field := range r.Kind.Fields() {
		if field == "" {
			continue
		}
		key := field
		if k := qlogRenamed[field]; k != "" {
			key = k
		}
		switch name := q.names.FieldName(r, field, values[i]); {
		case name != "":
			b = appendText(b, key, name)
		case unsigned(field): // 64 bits, which JSON's numbers do not hold
			b = appendText(b, key, strconv.FormatUint(uint64(values[i]), 10))
		default:
			b = append(b, ',', '"')
			b = append(b, key...)
			b = append(b, '"', ':')
			b = strconv.AppendInt(b, values[i], 10)
		}
	}
	if r.Why != trace.NoReason {
		why := q.names.FieldName(r, "why", int64(r.Why))
		if why == "" {
			why = r.Why.String()
		}
		b = appendText(b, "trigger", why)
	}
	q.end(b)
}

// Sample takes a point of a time series. Those of a subflow's windows and round-trip
// time at one moment become one recovery:metrics_updated.
func (q *Qlog) Sample(at sim.Time, entity, metric string, value float64) {
	key := qlogMetrics[metric]
	if key == "" {
		return
	}
	if len(q.pending) > 0 && (at != q.pendingAt || entity != q.pendingEntity) {
		q.flushSamples()
	}
	q.pendingAt, q.pendingEntity = at, entity
	if len(q.pending) > 0 {
		q.pending = append(q.pending, ',')
	}
	if key == "smoothed_rtt" {
		value *= 1000
	}
	q.pending = append(appendQuoted(q.pending, key), ':')
	q.pending = AppendNumber(q.pending, value)
}

func (q *Qlog) flushSamples() {
	if len(q.pending) == 0 {
		return
	}
	b := q.begin(q.pendingAt, "recovery:metrics_updated", q.pendingEntity)
	q.end(append(b, q.pending...))
	q.pending = q.pending[:0]
}

// begin returns the text of an event up to its data.
func (q *Qlog) begin(at sim.Time, name, group string) []byte {
	b := append(q.buf[:0], qlogSeparator)
	b = append(b, `{"time":`...)
	b = strconv.AppendInt(b, int64(at)/1e6, 10)
	b = append(b, '.')
	part := strconv.Itoa(int(int64(at) % 1e6))
	b = append(b, strings.Repeat("0", 6-len(part))...)
	b = append(b, part...)
	b = appendText(b, "name", name)
	if group != "" {
		b = appendText(b, "group_id", group)
	}
	return append(b, `,"data":{`...)
}

func (q *Qlog) end(b []byte) {
	q.buf = append(b, '}', '}', '\n')
	q.write(q.buf)
}

func (q *Qlog) write(b []byte) {
	if q.err == nil {
		_, q.err = q.w.Write(b)
	}
}

// Flush writes what is buffered and returns the first error.
func (q *Qlog) Flush() error {
	q.flushSamples()
	if q.err == nil {
		q.err = q.w.Flush()
	}
	return q.err
}

// appendQuoted appends a JSON string.
func appendQuoted(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string never fails
	return append(b, quoted...)
}
