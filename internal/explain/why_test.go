package explain

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// limits is what Why says of the time of a flow.
func limits(t *testing.T, text string) (*Attribution, map[string]float64) {
	t.Helper()
	a, err := Why(context.Background(), openTest(t, write(t, text)), "")
	if err != nil {
		t.Fatal(err)
	}
	all, shares := sim.Duration(0), map[string]float64{}
	for _, x := range a.Limits {
		all += x.Time
		shares[x.Limit] = x.Share
	}
	if total := a.End.Sub(a.Start); all != total {
		t.Errorf("the limits sum to %v, the flow took %v", all, total)
	}
	for _, x := range a.Subflows {
		if sum := x.Absent + x.Handshake + x.Idle + x.Window + x.Pacing + x.Receive + x.Unused + x.Recovery; sum != a.End.Sub(a.Start) {
			t.Errorf("the times of subflow %d sum to %v, the flow took %v", x.Subflow, sum, a.End.Sub(a.Start))
		}
	}
	if shares["other"] != 0 {
		t.Errorf("%v of the time has no reason", shares["other"])
	}
	if a.Verdict == "" {
		t.Error("no verdict")
	}
	return a, shares
}

// Flows whose limit follows from how they are made.
func TestLimitsByConstruction(t *testing.T) {
	for _, c := range []struct {
		name, text, limit string
		least             float64
		verdict           string
	}{
		// 10 kB every second over a path that carries them in some 50 ms.
		{"application", `duration = "10s"
paths = ["wifi 10ms 100pkt 8Mbps"]
[[flow]]
name = "web"
client = "client"
server = "server"
app = "request"
request.count = 100
request.interval = "1s"
`, "application", 0.9, "The application limits the flow"},
		{"window", `duration = "10s"
paths = ["wifi 10ms 50pkt 8Mbps", "lte 30ms 50pkt 6Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
`, "cwnd", 0.9, "The network is used up: wifi.down ("},
		// 32 kB in flight at most, of the 1.25 MB that path takes: the windows are far
		// larger after some ten round trips.
		{"receive buffer", `duration = "10s"
paths = ["wifi 50ms 1000pkt 100Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
receive_buffer = "32kB"
`, "receive_window", 0.9, "The receive buffer limits the flow"},
		{"send buffer", `duration = "10s"
paths = ["wifi 50ms 1000pkt 100Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
send_buffer = "32kB"
`, "send_buffer", 0.9, "The send buffer limits the flow"},
		// What the slow path carries takes 0.2 s and more; meanwhile the fast one, whose
		// window is 25 segments with its queue, fills the rest of the buffer in some
		// 30 ms.
		{"head of line", `duration = "20s"
paths = ["fast 5ms 10pkt 20Mbps", "slow 200ms 100pkt 1Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
receive_buffer = "64kB"
`, "head_of_line", 0.5, "for want of data of subflow 1 (client.slow)"},
		// The turn of the slow path is waited for while the fast one has room.
		{"scheduler", `duration = "20s"
paths = ["fast 5ms 100pkt 20Mbps", "slow 100ms 100pkt 1Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
scheduler = { name = "roundrobin", cwnd_limited = 0 }
`, "scheduler", 0.9, "The reason that it gives most: The subflow whose turn it is has no room, and is waited for."},
		// BBR keeps its window at twice the bandwidth-delay product, so that its rate
		// decides (draft-cardwell-iccrg-bbr-congestion-control-00 section 4.2.1).
		{"pacing", `duration = "20s"
paths = ["wifi 20ms 200pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
cc = "bbr"
`, "pacing", 0.8, "The controller's pacing limits the flow"},
		// The only path is dead for 8 of 10 s.
		{"recovery", `duration = "10s"
paths = ["wifi 10ms 100pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
[[at]]
time = "1s"
action = "link.blackhole"
links = ["wifi"]
[[at]]
time = "9s"
action = "link.restore"
links = ["wifi"]
`, "recovery", 0.75, "Loss recovery limits the flow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, shares := limits(t, c.text)
			if shares[c.limit] < c.least {
				t.Errorf("%s takes %.3f of the time: %+v", c.limit, shares[c.limit], a.Limits)
			}
			t.Log(a.Verdict)
			if !strings.Contains(a.Verdict, c.verdict) {
				t.Errorf("verdict %q, want %q", a.Verdict, c.verdict)
			}
		})
	}
}

// A backup is idle because it is one: the flow waits for the windows of the regular
// subflow, and the backup could have taken data for nearly all of the time.
func TestIdleBackupIsNoLimit(t *testing.T) {
	a, shares := limits(t, `duration = "10s"
[[node]]
name = "client"
[[node.interface]]
name = "lte"
backup = true
[[node]]
name = "server"
[[link]]
name = "wifi"
a = "client.wifi"
b = "server.wifi"
rate = "8Mbps"
delay = "10ms"
queue = "50pkt"
[[link]]
name = "lte"
a = "client.lte"
b = "server.lte"
rate = "6Mbps"
delay = "30ms"
queue = "50pkt"
[[flow]]
name = "dl"
client = "client"
server = "server"
via = "wifi"
`)
	if shares["scheduler"] > 0.01 || shares["cwnd"]+shares["recovery"] < 0.95 {
		t.Errorf("%+v", a.Limits)
	}
	if len(a.Subflows) != 2 || a.Subflows[1].BytesSent != 0 || a.Subflows[1].Unused < 9*sim.Second {
		t.Errorf("%+v", a.Subflows)
	}
}

// The time of the receive window is tcpi_rwnd_limited where one TCP connection is all
// there is: that counts as in Linux (tcp_chrono_start with TCP_CHRONO_RWND_LIMITED,
// while the congestion window would let data leave).
func TestReceiveWindowIsThatOfTCPInfo(t *testing.T) {
	a, shares := limits(t, `duration = "10s"
paths = ["wifi 50ms 1000pkt 100Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
protocol = "tcp"
receive_buffer = "32kB"
`)
	got, want := shares["receive_window"]*10, a.Subflows[0].RwndLimited.Seconds()
	if math.Abs(got-want) > 0.02*want || want < 9 {
		t.Errorf("receive window %v s, tcpi_rwnd_limited %v s", got, want)
	}
}

// Whatever makes room in a window makes the connection ask the scheduler: duplicate and
// selective acknowledgements, and loss recovery that is over.
func TestSchedulerIsAskedWhenThereIsRoom(t *testing.T) {
	for name, paths := range map[string]string{
		"losses": `paths = ["wifi 10ms 100pkt 8Mbps 1%", "lte 30ms 100pkt 6Mbps 2%"]`,
		"queues": `paths = ["wifi 10ms 20pkt 8Mbps", "lte 30ms 20pkt 6Mbps"]`,
	} {
		a, _ := limits(t, "duration = \"10s\"\n"+paths+`
[[flow]]
name = "dl"
client = "client"
server = "server"
`)
		for _, w := range a.Waits {
			if w.Why == notAsked {
				t.Errorf("%s: the scheduler was not asked for %v", name, w.Time)
			}
		}
	}
}

// The time of loss recovery of a single TCP connection is that between the records of
// its beginning and its end.
func TestRecoveryIsThatOfTheTrace(t *testing.T) {
	const text = `duration = "10s"
paths = ["wifi 10ms 20pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
protocol = "tcp"
cc = "reno"
`
	a, shares := limits(t, text)
	sc, err := scenarios.Parse("test.toml", head+text, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := scenarios.Build(sc, scenarios.Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var r recoveries
	w.Trace().Subscribe(trace.Set(trace.Recovery), &r)
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	if r.since != 0 {
		r.total += w.Sim().Now().Sub(r.since)
	}
	if got := shares["recovery"] * 10; math.Abs(got-r.total.Seconds()) > 1e-6 || r.total < 100*sim.Millisecond {
		t.Errorf("recovery %v s, the records say %v: %+v", got, r.total, a.Limits)
	}
}

// recoveries sums the times between the beginnings and the ends of loss recovery.
type recoveries struct {
	since sim.Time
	total sim.Duration
}

func (r *recoveries) Emit(x *trace.Record) {
	if x.A == 1 {
		r.since = x.At
		return
	}
	r.total += x.At.Sub(r.since)
	r.since = 0
}

// Head-of-line blocking is measured in bytes over time: with round-robin over paths of
// 5 and 100 ms what the fast one brings waits for the slow one, not the other way. The
// queue of the fast one adds 15 ms at most, so that it stays the faster.
func TestBlockingBySlowPath(t *testing.T) {
	a, _ := limits(t, `duration = "9s"
paths = ["fast 5ms 10pkt 8Mbps", "slow 100ms 1000pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
size = "2MB"
scheduler = "roundrobin"
`)
	b := &a.Blocking
	if b.Time <= 0 || b.MaxBytes <= 0 || float64(b.MaxBytes) > 2e6 {
		t.Fatalf("%+v", b)
	}
	if bound := float64(b.MaxBytes) * b.Time.Seconds(); b.ByteSeconds > bound || b.ByteSeconds <= 0 {
		t.Errorf("%v byte seconds, at most %v", b.ByteSeconds, bound)
	}
	for _, x := range b.By {
		if x.Subflow == 1 && x.Time < b.Time/2 {
			t.Errorf("it waits for the slow subflow for %v of %v", x.Time, b.Time)
		}
	}
	if !a.Complete || a.End >= sim.Time(9*sim.Second) {
		t.Errorf("complete %v, end %v", a.Complete, a.End)
	}
}

// BLEST does what it is for (Ferlin et al., Networking 2016): with a receive window of
// 120 kB over unlike paths, what minRTT puts on the slow one blocks the fast one most of
// the time, and BLEST keeps data from the slow one that would. It is blocked for less than
// half as long, and less waits behind gaps.
//
// row:G4
func TestBlestAvoidsBlocking(t *testing.T) {
	const text = `duration = "15s"
paths = ["wifi 10ms 50pkt 8Mbps", "cell 75ms 100pkt 1Mbps"]
[defaults]
reinject = "on_rto"
[[flow]]
name = "dl"
client = "client"
server = "server"
receive_buffer = "120kB"
scheduler = "%s"
`
	minrtt, blocked := limits(t, fmt.Sprintf(text, "minrtt"))
	blest, freed := limits(t, fmt.Sprintf(text, "blest"))
	a, b := blocked["head_of_line"], freed["head_of_line"]
	t.Logf("blocked for %.2f of the time, with BLEST %.2f; byte seconds %.0f and %.0f", a, b, minrtt.Blocking.ByteSeconds, blest.Blocking.ByteSeconds)
	if a < 0.5 || b > a/2 || blest.Blocking.ByteSeconds > minrtt.Blocking.ByteSeconds {
		t.Errorf("blocked for %.2f of the time, with BLEST %.2f; byte seconds %.0f and %.0f", a, b, minrtt.Blocking.ByteSeconds, blest.Blocking.ByteSeconds)
	}
}
