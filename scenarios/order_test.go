package scenarios

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"mpsim/internal/app"
	"mpsim/results"
	"mpsim/sim"
)

// arriving counts segments of one byte in the given order, 1 ms apart.
func arriving(order ...uint64) *arrivals {
	a := &arrivals{}
	for i, s := range order {
		a.arrive(arrival{start: s - 1, end: s, at: sim.Time(i) * sim.Time(sim.Millisecond)})
	}
	return a
}

// The first is the example of RFC 4737 section 7.1: packet 4 comes after 8, its extent is
// 4. The others are by hand.
func TestOrderOfArrivals(t *testing.T) {
	for _, v := range []struct {
		order     []uint64
		reordered int64
		extents   []float64 // of rising rank
		buffered  string    // how many wait after each arrival: arrivals by number
		waitedMS  []int64   // all
	}{
		{[]uint64{1, 2, 3, 5, 6, 7, 8, 4, 9, 10}, 1, []float64{4}, "[6 1 1 1 1]", []int64{0, 0, 0, 4, 3, 2, 1, 0, 0, 0}},
		{[]uint64{1, 2, 3, 4}, 0, nil, "[4]", []int64{0, 0, 0, 0}},
		// 2 comes one, 3 two behind 4; what arrives twice counts once.
		{[]uint64{1, 4, 4, 2, 3, 3, 5}, 2, []float64{1, 2}, "[3 2]", []int64{0, 0, 3, 0, 0}},
		{[]uint64{3, 2, 1}, 2, []float64{1, 2}, "[1 1 1]", []int64{2, 1, 0}},
		// Behind 7 and 5: the first that exceeded 6 was 7, the first that exceeded 4 was 5.
		{[]uint64{1, 2, 3, 5, 7, 6, 4}, 2, []float64{1, 3}, "[4 1 1 1]", []int64{0, 0, 0, 3, 2, 1, 0}},
	} {
		a := arriving(v.order...)
		if a.reordered != v.reordered || fmt.Sprint([]int64(a.buffered)) != v.buffered || int(a.segments) != len(v.waitedMS) {
			t.Errorf("%v: %d of %d reordered, buffered %v", v.order, a.reordered, a.segments, a.buffered)
		}
		for i, want := range v.extents {
			if got := a.extents.quantile(float64(i+1) / float64(len(v.extents))); got != want {
				t.Errorf("%v: extent %d is %v, want %v", v.order, i, got, want)
			}
		}
		sum := int64(0)
		for _, ms := range v.waitedMS {
			sum += ms
		}
		if a.wait.Sum != sim.Duration(sum)*sim.Millisecond || len(a.waiting) != 0 || len(a.tops) != 0 {
			t.Errorf("%v: waited %v together, want %d ms; %d still wait", v.order, a.wait.Sum, sum, len(a.waiting))
		}
	}
	if q := (tally)(nil).quantile(0.5); q != 0 {
		t.Errorf("nothing is reordered: extent %v", q)
	}
}

// Segments that overlap: of each the bytes that are new count.
func TestOverlappingArrivals(t *testing.T) {
	a := &arrivals{}
	for i, p := range [][2]uint64{{0, 100}, {200, 300}, {150, 250}, {50, 160}, {0, 300}, {300, 400}} {
		a.arrive(arrival{start: p[0], end: p[1], at: sim.Time(i)})
	}
	// 150-200 and 100-150 are new and late; the fifth is a copy.
	if a.segments != 5 || a.reordered != 2 || a.next != 400 || a.wait.Sum != 2+1 {
		t.Errorf("%d of %d reordered, in order up to %d, waited %v", a.reordered, a.segments, a.next, a.wait.Sum)
	}
}

// Ten segments of 1500 bytes at 12 Mb/s, 1 ms each, of which the second is lost. The
// third that comes behind the gap has it sent again: with the delay d = 20 ms of both
// directions it is there 2d + 3 ms + the time of an acknowledgement (76 bytes, as it
// carries one SACK block) after the first of them, which waited so long; the others
// waited 1 ms less each. Median of 0, 1, ..., 8, 0 waiting: 3.
func lossText(protocol string) string {
	size := "14480B"
	if protocol == "mptcp" {
		size = "14000B"
	}
	return fmt.Sprintf(`schema = 1
name = "loss"
duration = "2s"
[[node]]
name = "client"
[[node]]
name = "server"
[[link]]
name = "one"
a = "client.one"
b = "server.one"
rate = "12Mbps"
delay = "20ms"
queue = "100pkt"
up.drop = [3]
[[flow]]
name = "ul"
client = "client"
server = "server"
direction = "up"
protocol = %q
size = %q
`, protocol, size)
}

func TestHeadOfLineDelay(t *testing.T) {
	const tx, ack = 1.0, 76 * 8 / 12e3 // ms
	first := 3*tx + 2*20 + ack
	mean := (8*first - 28*tx) / 10
	text := lossText("tcp") + fmt.Sprintf(`[expect]
done = "completed(ul) < 1s"
reordered = "reordered(ul) == 0.1"
extent = "reorder_extent(ul, 0.5) == 8"
median = "reorder_buffer(ul, 0.5) == 3"
most = "reorder_buffer(ul, 1) == 8"
longest = "%.6fms <= hol_delay(ul, 1) <= %.6fms"
third = "hol_delay(ul, 0.2) == 0ms"
mean = "%.6fms <= mean_hol_delay(ul) <= %.6fms"
`, first-0.1, first+0.1, mean-0.1, mean+0.1)
	report(t, text)
}

// report runs a scenario and fails for each expectation that does not hold.
func report(t *testing.T, text string, set ...string) *World {
	t.Helper()
	w, err := Build(mustParse(t, text, set...), Run{Seed: 1, Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	for _, e := range w.Expect() {
		if !e.Pass {
			t.Errorf("%s: %s: measured %s", e.Name, e.Expr, e.Value)
		}
	}
	return w
}

const twoUnlike = `schema = 1
name = "unlike"
duration = "4s"
paths = ["one 5ms 100pkt 10Mbps", "two 45ms 100pkt 10Mbps"]
[[flow]]
name = "f"
client = "client"
server = "server"
size = "2MB"
`

// Over two paths whose delays differ by 40 ms, with round robin, data of the fast path
// waits for that of the slow one, about as long as the delays differ; over one path
// nothing waits. Looking does not change the run.
func TestReorderingOverPaths(t *testing.T) {
	w := report(t, twoUnlike+"scheduler = \"roundrobin\"\n[expect]\n"+`done = "completed(f) < 4s"
some = "0.2 <= reordered(f) <= 0.8"
buffer = "reorder_buffer(f, 0.9) >= 10"
wait = "30ms <= hol_delay(f, 0.9) <= 300ms"
`)
	hash := w.Hash()
	plain := report(t, twoUnlike+"scheduler = \"roundrobin\"\n")
	if plain.Hash() != hash {
		t.Error("the hash differs if nobody looks at the order")
	}
	report(t, twoUnlike+"protocol = \"tcp\"\n[expect]\nnone = \"reordered(f) == 0\"\nwait = \"hol_delay(f, 1) == 0s\"\nextent = \"reorder_extent(f, 1) == 0\"\n")
}

// A run in parts sees the same order.
func TestOrderInParts(t *testing.T) {
	text := twoUnlike + "scheduler = \"roundrobin\"\n[expect]\nratio = \"reordered(f) >= 0\"\nwait = \"mean_hol_delay(f) > 0s\"\n"
	whole := report(t, text)
	w := parted(t, mustParse(t, text), Run{Seed: 1}, 2)
	if w == nil {
		t.Fatal("not divided")
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	for i, e := range w.Expect() {
		if want := whole.Expect()[i]; e.Value != want.Value || !e.Pass {
			t.Errorf("%s is %s in parts, %s in one", e.Expr, e.Value, want.Value)
		}
	}
}

// Every segment counts, whatever came before its connection: the whole stream arrives.
func TestArrivalsAreComplete(t *testing.T) {
	for _, protocol := range []string{"tcp", "mptcp"} {
		for _, more := range []string{"", "fastopen = \"known\"\n"} {
			// Another flow between the same hosts has long begun.
			other := "[[flow]]\nname = \"other\"\nclient = \"client\"\nserver = \"server\"\ndirection = \"up\"\n"
			late := strings.Replace(lossText(protocol), "duration = \"2s\"", "duration = \"20s\"", 1) + "start = \"18s\"\n"
			text := late + more + other + "[expect]\nany = \"reordered(ul) >= 0\"\n"
			w := report(t, text)
			a := w.arrivals["ul"]
			if int64(a.next) != w.byFlow["ul"].record.Bytes || a.foreign || len(a.pending) != 0 {
				t.Errorf("%s %q: %d bytes in order, %d delivered, %d pending", protocol, more, a.next, w.byFlow["ul"].record.Bytes, len(a.pending))
			}
		}
	}
}

// What arrives late on a path that died was lost there: each byte that is sent again on
// the other is useful.
func TestUsefulReinjections(t *testing.T) {
	report(t, strings.Replace(twoUnlike, "size = \"2MB\"", "direction = \"up\"\nsize = \"2MB\"", 1)+`[[at]]
time = "500ms"
action = "link.blackhole"
links = ["one"]
direction = "up"
[expect]
done = "completed(f) < 4s"
some = "reinjected_useful(f) >= 10kB"
none = "reinjected_useless(f) == 0B"
all = "reinjected_useful(f) == reinjected(f)"
`)
}

// Over two paths without loss, one of them 40 ms slower, the redundant scheduler sends
// copies on the slow path of what the fast one carries. With a window that fits the fast
// path no queue delays the originals: every copy arrives when its original has.
// TestCopiesAreJudgedAsOnTheWire in internal/execute counts copies off captures.
func TestUselessReinjections(t *testing.T) {
	report(t, twoUnlike+`scheduler = "redundant"
receive_buffer = "20kB"
[expect]
done = "completed(f) < 4s"
some = "reinjected(f) >= 100kB"
useless = "reinjected_useless(f) == reinjected(f)"
none = "reinjected_useful(f) == 0B"
`)
}

func TestCostOfInterfaces(t *testing.T) {
	report(t, twoUnlike+`[expect]
one = "cost(f, one) == 2 * subflow_bytes(f, one) / 1MB"
two = "cost(f, two) == 0.5 * subflow_bytes(f, two) / 1MB"
sum = "cost(f, one) + cost(f, two) == cost_total(f)"
both = "cost(f, two) > 0"
`, "link.one.cost=2", "link.two.cost=0.5")
}

// Completion times in proportion to an idle network: sizes equal, so that means are in
// proportion; one flow that cannot be complete makes the mean and the maximum never.
func TestSlowdown(t *testing.T) {
	text := func(size string) string {
		return `schema = 1
name = "group"
duration = "3s"
paths = ["one 5ms 100pkt 8Mbps"]
[[flow]]
name = "a"
client = "client"
server = "server"
protocol = "tcp"
group = "g"
size = "200kB"
[[flow]]
name = "b"
client = "client"
server = "server"
protocol = "tcp"
group = "g"
size = "` + size + `"
[expect]
`
	}
	// 200 kB at 1 MB/s and 10 ms: 210 ms. Two share the link: neither gets away below 1,
	// and the second needs the time of both.
	report(t, text("200kB")+`mean = "slowdown_mean(g, 8Mbps, 10ms) == fct_mean(g) / 210ms"
most = "slowdown_quantile(g, 1, 8Mbps, 10ms) == fct_quantile(g, 1) / 210ms"
least = "1 < slowdown_quantile(g, 0.5, 8Mbps, 10ms)"
both = "1.9 < slowdown_quantile(g, 1, 8Mbps, 10ms) < 2.6"
`)
	report(t, text("100MB")+`mean = "slowdown_mean(g, 8Mbps, 10ms) > 1000000"
most = "slowdown_quantile(g, 1, 8Mbps, 10ms) > 1000000"
half = "slowdown_quantile(g, 0.5, 8Mbps, 10ms) < 3"
`)
}

// Gaps of a record by hand: 100-200, 300-360 and 500-900 ms, the last open at the end.
func TestGapsOfFlows(t *testing.T) {
	const ms = sim.Time(sim.Millisecond)
	r := app.NewRecord(sim.Second)
	r.Start(0)
	at := uint64(0)
	deliver := func(from, to sim.Time) {
		for x := from; x <= to; x += 10 * ms {
			r.Deliver(x, at, 1)
			at++
		}
	}
	deliver(0, 100*ms)
	deliver(200*ms, 300*ms)
	deliver(360*ms, 500*ms)
	v := &view{w: &World{byFlow: map[string]*flowRun{"f": {record: r}}}, now: 900 * ms}
	for _, c := range []struct {
		args  []float64 // floor, from, to in s
		n     int
		total sim.Duration
	}{
		{[]float64{0}, 3, 560 * sim.Millisecond},
		{[]float64{0.06}, 2, 500 * sim.Millisecond}, // longer, not as long
		{[]float64{0.1}, 1, 400 * sim.Millisecond},
		{[]float64{0, 0.15, 0.6}, 3, 210 * sim.Millisecond}, // 50 + 60 + 100
		{[]float64{0, 0.2, 0.3}, 0, 0},
	} {
		a := &arguments{names: []string{"f"}, values: append([]float64{0}, c.args...), given: 1 + len(c.args)}
		for len(a.names) < a.given {
			a.names = append(a.names, "")
		}
		if n, total := v.stalls(a); n != c.n || total != c.total {
			t.Errorf("%v: %d gaps, %v together, want %d and %v", c.args, n, total, c.n, c.total)
		}
	}
}

// The samples of TestQueueDelayOfSamples: 0, 20, 10, 0, 10 ms from 10 to 50 ms.
func TestQueueDelaysOverTime(t *testing.T) {
	l := &linkRun{fine: []linkSample{{queue: 0}, {queue: 3000, sent: 1000}, {queue: 2000, sent: 2000}, {sent: 4000}, {queue: 500, sent: 4500}, {queue: 700, sent: 5100}}}
	x := l.queueDelays(0, 60e6)
	if got := mean(x); math.Abs(got-0.008) > 1e-15 {
		t.Errorf("mean %v s", got)
	}
	for q, want := range map[float64]float64{0.4: 0, 0.5: 0.01, 0.8: 0.01, 0.99: 0.02} {
		if got := results.Quantile(x, q); got != want {
			t.Errorf("quantile %v: %v s, want %v", q, got, want)
		}
	}
	// A queue that is kept full: 20 packets of 1500 bytes at 10 Mb/s are 24 ms.
	report(t, `schema = 1
name = "full"
duration = "4s"
paths = ["one 5ms 20pkt 10Mbps"]
[[flow]]
name = "f"
client = "client"
server = "server"
protocol = "udp"
app = "cbr"
cbr = { rate = "20Mbps", packet = "1472B" }
[expect]
mean = "20ms <= mean_queue_delay(one.down, 1s, 3s) <= 30ms"
p99 = "20ms <= queue_delay_quantile(one.down, 0.99, 1s, 3s) <= 30ms"
`)
}
