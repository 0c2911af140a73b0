package mbtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Box is one middlebox as a [[link.box]] of a scenario has it.
type Box struct {
	Type string
	// Params are further lines "key = value".
	Params []string
}

// String returns the box as one line.
func (b Box) String() string {
	if len(b.Params) == 0 {
		return b.Type
	}
	return b.Type + " (" + strings.Join(b.Params, ", ") + ")"
}

// The applications' direction of a transfer.
const (
	Down = "down" // the server sends
	Up   = "up"   // the client sends
)

// Setup is one transfer between a client with one or two access networks and a
// server with one address. Behind each access network a router has the boxes of
// the path on its outer side.
type Setup struct {
	Profile  string // of both hosts
	TCP      bool   // plain TCP over the first path
	Transfer string // Down or Up
	// Paths are the boxes of the access networks, in the order in which the
	// client's packets meet them. One entry: a client with one access network.
	Paths [][]Box
	// Checksum requires DSS checksums.
	Checksum bool
	Size     int // bytes
	Seed     uint64
	// Seconds after which the run ends; 0: 3000, longer than TCP tries.
	Seconds int
	// Queue is the buffer of each path in packets; 0: 1000, so that nothing is lost.
	Queue int
	// Flow are the lines of the flow in place of direction and size; "": bulk data.
	Flow string
	// More are further lines of [defaults], and of the scenario behind the flow.
	Defaults, More string
	// Capture are patterns of interfaces whose packets are captured.
	Capture []string

	attach func(*scenarios.World) // called when the world is built
}

// Scenario returns the setup as a scenario file, which mpsim run takes.
func (s *Setup) Scenario() string {
	var b strings.Builder
	seconds, queue := cmp.Or(s.Seconds, 3000), cmp.Or(s.Queue, 1000)
	fmt.Fprintf(&b, "schema = 1\nname = \"mbtest\"\nseed = %d\nduration = \"%ds\"\n\n[defaults]\nprofile = %q\n%s\n", s.Seed, seconds, s.Profile, s.Defaults)
	b.WriteString("[[node]]\nname = \"client\"\n\n")
	for i := range s.Paths {
		fmt.Fprintf(&b, "[[node]]\nname = \"access%d\"\nrouter = true\n\n", i+1)
	}
	b.WriteString("[[node]]\nname = \"net\"\nrouter = true\n\n[[node]]\nname = \"server\"\n\n")
	for i, chain := range s.Paths {
		n := i + 1
		fmt.Fprintf(&b, "[[link]]\nname = \"lan%d\"\na = \"client.p%d\"\nb = \"access%d.lan\"\nrate = \"50Mbps\"\ndelay = \"1ms\"\nqueue = \"200pkt\"\n\n", n, n, n)
		fmt.Fprintf(&b, "[[link]]\nname = \"path%d\"\na = \"access%d.wan\"\nb = \"net.p%d\"\nrate = \"10Mbps\"\ndelay = \"%dms\"\nqueue = \"%dpkt\"\n\n", n, n, n, 8+10*i, queue)
		nats := 0
		for k, box := range chain {
			fmt.Fprintf(&b, "[[link.box]]\nname = \"box%d-%d\"\ntype = %q\n", n, k+1, box.Type)
			for _, p := range box.Params {
				b.WriteString(p + "\n")
			}
			if box.Type == "nat" {
				nats++
				fmt.Fprintf(&b, "outside = [\"192.0.2.%d\"]\n", 10*n+nats)
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("[[link]]\nname = \"server\"\na = \"server.eth0\"\nb = \"net.server\"\nrate = \"100Mbps\"\ndelay = \"1ms\"\nqueue = \"1000pkt\"\n\n")
	protocol, checksum := "mptcp", ""
	if s.TCP {
		protocol = "tcp"
	} else if s.Checksum {
		checksum = "checksum = \"required\"\n"
	}
	flow := cmp.Or(s.Flow, fmt.Sprintf("direction = %q\nsize = \"%dB\"\n", s.Transfer, s.Size))
	fmt.Fprintf(&b, "[[flow]]\nname = \"transfer\"\nprotocol = %q\nclient = \"client\"\nserver = \"server\"\nvia = \"p1\"\n%s%s%s\n",
		protocol, checksum, flow, s.More)
	if len(s.Capture) > 0 {
		fmt.Fprintf(&b, "[output]\ncapture = [\"%s\"]\n", strings.Join(s.Capture, `", "`))
	}
	return b.String()
}

// Outcome is what became of a transfer.
type Outcome struct {
	Bytes, Corrupt int64 // that the receiving application got, and of these the wrong ones
	Complete       bool  // it saw the end of the stream
	// Digest is the SHA-256 of the bytes that it got, in hexadecimal.
	Digest   string
	Closed   bool // the client's connection is over
	Why      string
	Fallback string // reason for which MPTCP was given up, or ""
	// Lost are the reasons for which subflows ended before the transfer was
	// complete, in the order of time, each once.
	Lost []string
	// ByPath are the payload bytes that each path's subflows delivered.
	ByPath   []int64
	Counters map[string]uint64
	Acted    []uint64     // of each box, in the order of the paths
	MaxGap   sim.Duration // longest pause of the receiving application

	content []byte // of the stream
}

// errStopped says that the user has ended a run.
var errStopped = errors.New("interrupted")

// Run carries out a transfer.
func (s *Setup) Run(ctx context.Context) (*Outcome, error) {
	sc, err := scenarios.Parse("mbtest.toml", s.Scenario(), scenarios.Options{})
	if err != nil {
		return nil, err
	}
	w, err := scenarios.Build(sc, scenarios.Run{Seed: s.Seed, NoExpect: true})
	if err != nil {
		return nil, err
	}
	if s.attach != nil {
		s.attach(w)
	}
	var content bytes.Buffer
	w.WriteStream("transfer", &content)
	ends := &subflowEnds{}
	w.Trace().Subscribe(trace.Set(trace.SubflowState), ends)
	stop, err := w.Run(sc.Duration.Time(), 0, func(sim.Time, uint64) bool { return ctx.Err() == nil })
	switch {
	case err != nil:
		return nil, err
	case stop == sim.Halted:
		return nil, errStopped
	}
	f := w.Flows()[0]
	o := &Outcome{
		Bytes: f.BytesDelivered, Corrupt: f.CorruptBytes, Complete: f.End != sim.Never, Closed: f.Closed != sim.Never,
		Why: f.Why, Fallback: f.Fallback, Lost: ends.before(f.End), ByPath: make([]int64, len(s.Paths)),
		Counters: map[string]uint64{}, Acted: w.BoxActions(), MaxGap: f.MaxGap,
	}
	o.content, o.Digest = content.Bytes(), digest(content.Bytes())
	for i := range f.Subflows {
		for k := range o.ByPath {
			if f.Subflows[i].Interface == fmt.Sprintf("client.p%d", k+1) {
				o.ByPath[k] += f.Subflows[i].BytesDelivered
			}
		}
	}
	for _, c := range w.Counters() {
		o.Counters[c.Name] = c.Value
	}
	return o, nil
}

// digest returns the SHA-256 of a stream.
func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// sent returns the stream of n bytes that a sender writes.
func sent(n int) []byte {
	b := make([]byte, n)
	wire.FillContent(b, 0)
	return b
}

// subflowEnds collects why subflows ended.
type subflowEnds struct{ list []trace.Record }

// Emit implements trace.Sink.
func (e *subflowEnds) Emit(r *trace.Record) {
	if tcp.State(r.B) == tcp.StateClosed && r.Why != trace.NoReason && r.Why != trace.Graceful {
		e.list = append(e.list, *r)
	}
}

func (e *subflowEnds) before(end sim.Time) []string {
	var out []string
	seen := map[trace.Reason]bool{}
	for i := range e.list {
		if r := &e.list[i]; r.At < end && !seen[r.Why] {
			seen[r.Why] = true
			out = append(out, r.Why.String())
		}
	}
	return out
}
