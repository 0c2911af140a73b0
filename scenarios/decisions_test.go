package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// What every scheduler decides over two unlike paths, in full. The golden sequences in
// testdata/decisions say that nothing has changed; the bounds beside them say what is
// right: order, and how much which path carries.

// decisionsText is a scenario of a wide and short path and of a narrow and long one,
// over which the server answers ten requests by ten segments each, which the initial
// window of either path would take at once, and then sends in bulk.
const decisionsText = `
schema = 1
name = "decisions"
title = "decisions"
duration = "%[2]s"
paths = ["wifi 10ms 50pkt 8Mbps", "cell 40ms 50pkt 4Mbps"]
[defaults]
cc = "reno"
[[link]]
name = "wifi"
weight = 3
cost = 1
[[link]]
name = "cell"
weight = 1
cost = 2
[[flow]]
name = "pages"
client = "client"
server = "server"
via = "wifi"
app = "request"
scheduler = "%[1]s"
[flow.request]
response = "14200B"
count = 10
interval = "500ms"
[[flow]]
name = "bulk"
client = "client"
server = "server"
via = "wifi"
start = "6s"
scheduler = "%[1]s"
`

// The golden sequence has this many decisions, of the pages at most half.
const decisionsGolden = 200

// decisions collects the grants of the server.
type decisions struct {
	w   *World
	of  map[uint32][]trace.Record // by connection
	all []uint32                  // connections in order of their first decision
}

// Emit implements trace.Sink.
func (d *decisions) Emit(r *trace.Record) {
	if r.Kind != trace.Grant || d.w.trace.NodeName(r.Node) != "server" {
		return
	}
	if d.of[r.Conn] == nil {
		d.all = append(d.all, r.Conn)
	}
	d.of[r.Conn] = append(d.of[r.Conn], *r)
}

// decide runs the scenario with one scheduler.
func decide(t *testing.T, name, duration string) *decisions {
	t.Helper()
	sc, err := Parse("decisions.toml", fmt.Sprintf(decisionsText, name, duration), Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	d := &decisions{w: w, of: map[uint32][]trace.Record{}}
	w.trace.Subscribe(trace.Set(trace.Grant), d)
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	if len(d.all) != 2 {
		t.Fatalf("%d connections were scheduled, not 2", len(d.all))
	}
	return d
}

// text prints the first decisions of each connection.
func (d *decisions) text() []byte {
	var b bytes.Buffer
	written := 0
	kinds := [...]string{sched.New: "new", sched.Reinject: "reinject", sched.Opportunistic: "opportunistic", sched.Redundant: "redundant"}
	for i, conn := range d.all {
		fmt.Fprintf(&b, "# %s: time in us, subflow, DSN, length, kind, reason\n", [...]string{"pages", "bulk"}[i])
		n := decisionsGolden - written
		if i == 0 {
			n /= 2
		}
		for _, r := range d.of[conn][:min(n, len(d.of[conn]))] {
			written++
			fmt.Fprintf(&b, "%d %d %d %d %s %v\n", int64(r.At)/1000, r.Flow, r.A, r.B, kinds[r.C], sched.Why(r.Why))
		}
	}
	return b.Bytes()
}

// decisionBound is what theory says of a scheduler: the share of the new data that the
// wide path carries, from and to. Pages counts from the second response on, when both
// subflows are there. A zero pair: it says nothing.
type decisionBound struct {
	pages, bulk [2]float64
	rate        [2]float64 // of bulk, Mb/s of payload
	piece       int64      // the longest grant in bytes; 0: as long as the window
	ahead       bool       // data is granted out of order
	twice       bool       // every subflow is to carry all data
	brief       bool       // a decision a byte: the transfer is cut short
}

var (
	// wide: ten segments fit into the initial window of the path that is shorter,
	// wider, cheaper, steadier and no backup.
	wide = [2]float64{1, 1}
	half = [2]float64{0.5, 0.5}
	// capacity: paths that are always full carry 8 to 4 Mb/s; the slow starts differ.
	capacity = [2]float64{2.0/3 - 0.1, 2.0/3 + 0.1}
	// Of 1500 bytes 1424 are payload. What is granted may run ahead of what is sent, and
	// fall back behind it, by a window.
	all  = [2]float64{0.98 * 12 * 1424 / 1500, 1.01 * 12 * 1424 / 1500}
	one  = [2]float64{0.98 * 8 * 1424 / 1500, 1.01 * 8 * 1424 / 1500}
	more = [2]float64{0.98 * 8 * 1424 / 1500, 1.01 * 12 * 1424 / 1500} // as fast as the wide path at least
)

// segment is the payload of a full segment in bulk; in pages it is 4 bytes less.
const segment = 1424

var decisionBounds = map[string]decisionBound{
	"minrtt": {pages: wide, bulk: capacity, rate: all},
	// Bursts of 65428 bytes, to the end of a buffer of 32728, and what retransmission joins:
	// the buffer that holds the oldest byte. Data waits in the queue of the narrow path, so
	// that the fixed send buffer may hold up the wide one.
	"linux":      {pages: wide, bulk: capacity, rate: more, piece: 65428 + 32728},
	"roundrobin": {pages: half, bulk: capacity, rate: all, piece: segment},
	"weighted":   {pages: [2]float64{0.73, 0.77}, bulk: capacity, rate: all, piece: 3 * segment}, // weights 3 to 1
	"random":     {pages: [2]float64{0.34, 0.66}, bulk: capacity, rate: all, piece: segment},     // three deviations of 90 draws
	// The wide path sends everything; the narrow one sends old data.
	"redundant": {rate: one, piece: segment, twice: true},
	"backup":    {pages: wide, bulk: wide, rate: one},
	"overflow":  {pages: wide, bulk: capacity, rate: all},
	"cost":      {pages: wide, bulk: capacity, rate: all},
	// The steadier path alone, or both while they differ by less than the margin.
	"jitter":     {pages: wide, bulk: [2]float64{2.0/3 - 0.1, 1}, rate: more},
	"equalsplit": {pages: half, bulk: capacity, rate: all, piece: segment},
	"mirror":     {pages: wide, bulk: wide, rate: one}, // requests and handshake come over wifi
	"qaware":     {pages: wide, bulk: capacity, rate: all, piece: segment},
	"blest":      {pages: wide, bulk: capacity, rate: all},
	"ecf":        {pages: wide, bulk: capacity, rate: all},
	// Windows of ten segments each 20 ms and each 80 ms: four to one. In bulk the schedule is
	// that of delays, which queues change meanwhile: paths wait for each other.
	"daps":            {pages: [2]float64{0.75, 0.85}, bulk: capacity, rate: more, ahead: true},
	"stms":            {pages: wide, bulk: capacity, rate: all, ahead: true},
	"sttf":            {pages: wide, bulk: capacity, rate: all, ahead: true},
	"alternate-bytes": {pages: half, piece: 1, brief: true},
}

// shareOfWifi returns the share of the first subflow in the new data from dsn on.
func (d *decisions) shareOfWifi(conn uint32, dsn int64) float64 {
	var of [2]int64
	for _, r := range d.of[conn] {
		if sched.Kind(r.C) == sched.New && r.A >= dsn {
			of[r.Flow] += r.B
		}
	}
	return float64(of[0]) / float64(of[0]+of[1])
}

// rate returns the new data granted to a connection per second from 8 to 12 s, in Mb/s.
func (d *decisions) rate(conn uint32) float64 {
	bytes := int64(0)
	for _, r := range d.of[conn] {
		if sched.Kind(r.C) == sched.New && r.At >= sim.Time(8*sim.Second) {
			bytes += r.B
		}
	}
	return float64(bytes) * 8 / 4e6
}

// check compares the decisions with the bounds.
func (d *decisions) check(t *testing.T, b *decisionBound) {
	within := func(what string, got float64, band [2]float64) {
		if band != [2]float64{} && (got < band[0] || got > band[1]) {
			t.Errorf("%s: wifi carries %.3f, want %.3f to %.3f", what, got, band[0], band[1])
		}
	}
	if got := d.rate(d.all[1]); !b.brief && (got < b.rate[0] || got > b.rate[1]) {
		t.Errorf("bulk: %.3f Mb/s of new data, want %.3f to %.3f", got, b.rate[0], b.rate[1])
	}
	const response = 14200
	within("pages", d.shareOfWifi(d.all[0], 1+response), b.pages)
	within("bulk", d.shareOfWifi(d.all[1], 1), b.bulk)
	for _, conn := range d.all {
		for _, r := range d.of[conn] {
			if most := b.piece; most > 0 && r.B > most {
				t.Fatalf("a grant of %d bytes, want %d at most", r.B, most)
			}
		}
		next, carried := int64(1), [2]int64{}
		for _, r := range d.of[conn] {
			carried[r.Flow] += r.B
			if sched.Kind(r.C) != sched.New {
				continue
			}
			if r.A != next && !b.ahead {
				t.Fatalf("new data at %d follows what ended at %d", r.A, next)
			}
			next = r.A + r.B
		}
		// In bulk copies fill the narrow path, of 4 Mb/s, for six seconds.
		if narrow := float64(carried[1]) * 8 / 6e6; conn == d.all[1] && b.twice && (narrow < 0.85*4*1424/1500 || narrow > 1.01*4*1424/1500) {
			t.Errorf("the narrow subflow carried %.3f Mb/s of copies", narrow)
		}
		if conn == d.all[0] && b.twice && (carried[0] != 10*response || carried[1] < 9*response) {
			t.Errorf("the subflows carried %d and %d of %d bytes", carried[0], carried[1], 10*response)
		}
	}
}

// Every scheduler decides as before, and within bounds that do not come from it.
// go test ./scenarios -run TestDecisions -update writes the sequences.
func TestDecisions(t *testing.T) {
	for _, spec := range sched.Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			t.Parallel()
			bounds, ok := decisionBounds[spec.Name]
			if !ok {
				t.Fatal("there are no bounds for it")
			}
			duration := "12s"
			if bounds.brief {
				duration = "6.1s" // enough for the golden sequence
			}
			d := decide(t, spec.Name, duration)
			d.check(t, &bounds)
			file := filepath.Join("testdata", "decisions", spec.Name+".txt")
			got := d.text()
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a, b := bytes.Split(want, []byte{'\n'}), bytes.Split(got, []byte{'\n'})
			for i := range max(len(a), len(b)) {
				if i >= len(a) || i >= len(b) || !bytes.Equal(a[i], b[i]) {
					t.Fatalf("decision %d (line %d of %s): %s, it was %s", i, i+1, file, at(b, i), at(a, i))
				}
			}
		})
	}
}

func at(lines [][]byte, i int) []byte {
	if i < len(lines) {
		return lines[i]
	}
	return []byte("nothing")
}
