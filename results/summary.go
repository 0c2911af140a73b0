// Package results holds what a run leaves behind: the summary, the time series,
// the event log, the capture and the manifest, and the directory in which they
// appear all at once or not at all.
//
// Files are a function of (scenario, seed, replication, code version): no wall
// time, host name or date is ever written into one. docs/OUTPUT.md describes
// every file, column and field.
package results

import (
	"bytes"
	"encoding/json"
	"math"
)

// SchemaVersion is the value of "schema" in a Summary. Fields are added within
// a version, never renamed or removed.
const SchemaVersion = 1

// Summary is the result of one run, as `mpsim run --json` prints it and
// summary.json holds it. The order of the fields is the order in the JSON.
type Summary struct {
	Schema      int    `json:"schema"`
	Scenario    string `json:"scenario"`
	Seed        uint64 `json:"seed"`
	Replication uint64 `json:"replication"`
	// Hash is the run hash in hexadecimal.
	Hash    string `json:"hash"`
	SimTime Number `json:"sim_time_s"`
	// WallTime is nil in files, which must not depend on the machine.
	WallTime   *Number `json:"wall_s,omitempty"`
	Events     uint64  `json:"events"`
	PacketHops uint64  `json:"packet_hops"`

	Flows    []Flow            `json:"flows"`
	Links    []Link            `json:"links"`
	Counters map[string]uint64 `json:"counters"`
	Expect   []Expectation     `json:"expect"`

	// Version is the version of mpsim.
	Version string `json:"version"`
	Title   string `json:"title,omitempty"`
	// Complete is false if a limit or the user stopped the run; Stopped says
	// which.
	Complete bool   `json:"complete"`
	Stopped  string `json:"stopped,omitempty"`
	// Outages are the intervals in which links carried nothing by order of the
	// timeline.
	Outages  []Outage  `json:"outages,omitempty"`
	Actions  []Action  `json:"actions,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	Setup    []Setting `json:"setup,omitempty"`
}

// Setting is one line of what the run used.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Flow is one flow of the scenario.
type Flow struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"` // "mptcp", "tcp" or "udp"
	// Fallback is the reason for which MPTCP was given up, or "".
	Fallback       string `json:"fallback"`
	BytesDelivered int64  `json:"bytes_delivered"`
	CorruptBytes   int64  `json:"corrupt_bytes"`
	Start          Number `json:"start_s"`
	// End is nil for an unfinished flow.
	End *Number `json:"end_s"`
	// Goodput counts application bytes, in bits per second.
	Goodput Number `json:"goodput_bps"`
	MaxGap  Number `json:"max_gap_s"`

	Subflows []Subflow `json:"subflows"`

	Client     string `json:"client,omitempty"`
	Server     string `json:"server,omitempty"`
	Controller string `json:"cc,omitempty"`
	Scheduler  string `json:"scheduler,omitempty"`
	// Error says why the connection could not be opened.
	Error string `json:"error,omitempty"`

	// Of datagram flows.
	PacketsSent     int64   `json:"packets_sent,omitempty"`
	PacketsReceived int64   `json:"packets_received,omitempty"`
	MeanDelay       *Number `json:"mean_delay_s,omitempty"`
	// Of request flows: how many were answered and how long that took.
	Requests      int64   `json:"requests,omitempty"`
	MeanLatency   *Number `json:"mean_latency_s,omitempty"`
	MedianLatency *Number `json:"median_latency_s,omitempty"`
	P95Latency    *Number `json:"p95_latency_s,omitempty"`
	MaxLatency    *Number `json:"max_latency_s,omitempty"`
}

// Subflow is one subflow of a flow; a TCP flow has one.
type Subflow struct {
	ID     int    `json:"id"`
	Local  string `json:"local"`
	Remote string `json:"remote"`
	Backup bool   `json:"backup"`
	// BytesSent are payload bytes with retransmissions, BytesDelivered those
	// that the peer's subflow took in order.
	BytesSent          int64  `json:"bytes_sent"`
	BytesDelivered     int64  `json:"bytes_delivered"`
	BytesRetransmitted int64  `json:"retransmitted_bytes"`
	BytesReinjected    int64  `json:"reinjected_bytes"`
	SRTT               Number `json:"srtt_s"`
	State              string `json:"state"`

	// Interface is the client's interface, "node.iface".
	Interface string `json:"interface,omitempty"`
}

// Link is one direction of a link.
type Link struct {
	Name           string `json:"name"`
	Direction      string `json:"direction"`
	Bytes          uint64 `json:"bytes"`
	Drops          uint64 `json:"drops"`
	Utilisation    Number `json:"utilisation"`
	MeanQueueBytes Number `json:"mean_queue_bytes"`
	P99QueueBytes  Number `json:"p99_queue_bytes"`

	Packets     uint64            `json:"packets"`
	DropReasons map[string]uint64 `json:"drop_reasons,omitempty"`
	// Marks are packets that the queue gave CE.
	Marks uint64 `json:"marks,omitempty"`
	// How long packets waited until their service began; nil without a queue
	// discipline.
	MeanWait *Number `json:"mean_wait_s,omitempty"`
	P99Wait  *Number `json:"p99_wait_s,omitempty"`
	MaxWait  *Number `json:"max_wait_s,omitempty"`
}

// Expectation is one line of [expect] and what was measured.
type Expectation struct {
	Expr  string `json:"expr"`
	Value string `json:"value"`
	Pass  bool   `json:"pass"`
}

// Outage is an interval in which a link carried nothing.
type Outage struct {
	Link  string `json:"link"`
	Start Number `json:"start_s"`
	End   Number `json:"end_s"`
}

// Action is one entry of the timeline that was carried out.
type Action struct {
	At     Number `json:"at_s"`
	Action string `json:"action"`
	Target string `json:"target"`
	Label  string `json:"label,omitempty"`
}

// Number is a measured value. It is written in the shortest decimal form that
// reads back exactly, without an exponent below 1e21, and as null if it is not
// finite.
type Number float64

// Ptr returns a pointer to n, for fields that may be null.
func (n Number) Ptr() *Number { return &n }

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return AppendNumber(nil, float64(n)), nil
}

// Encode returns the summary as indented JSON with a final newline. Lists that
// are empty are written as [] and {}, never as null.
func (s *Summary) Encode() ([]byte, error) { return s.encode("  ") }

// EncodeLine returns the summary as one line of JSON.
func (s *Summary) EncodeLine() ([]byte, error) { return s.encode("") }

func (s *Summary) encode(indent string) ([]byte, error) {
	c := *s
	c.Schema = SchemaVersion
	c.Flows = notNil(c.Flows)
	for i := range c.Flows {
		c.Flows[i].Subflows = notNil(c.Flows[i].Subflows)
	}
	c.Links = notNil(c.Links)
	c.Expect = notNil(c.Expect)
	if c.Counters == nil {
		c.Counters = map[string]uint64{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(&c); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
