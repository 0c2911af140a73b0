package cli

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// vectors are the series of a run: by entity and metric, the values in order of time.
func vectors(t *testing.T, dir string) map[[2]string][]float64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "series.csv"))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[[2]string][]float64)
	for _, r := range readCSV(t, string(b)) {
		k := [2]string{r["entity"], r["metric"]}
		out[k] = append(out[k], float(t, r["value"]))
	}
	return out
}

// netPerfMeter are the flows of the scenario, in the order of their ports from 5001 on.
var netPerfMeter = []string{"tcp_down", "tcp_up", "mptcp_down", "mptcp_up", "udp_down", "udp_up"}

// NetPerfMeter's measurement: TCP, MPTCP and UDP at the same time in both directions, a CSV
// file of vectors for each run and one of scalars for all. Each scalar is the sum over its
// vector.
//
// row:K6
func TestNetPerfMeter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sweep")
	var out, errs bytes.Buffer
	if code := Run(context.Background(), []string{"mpsim", "sweep", "sweeps/netperfmeter.toml", "--only", "1-3", "--replications", "1", "--keep", "--out", dir, "--progress", "none"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	scalars := readCSV(t, out.String())
	if len(scalars) != 3 {
		t.Fatalf("%d rows", len(scalars))
	}
	for _, row := range scalars {
		series := vectors(t, filepath.Join(dir, "runs", row["run"]))
		for _, name := range netPerfMeter {
			goodput, total := series[[2]string{name, "goodput_bps"}], series[[2]string{name, "bytes"}]
			if len(goodput) != 100 || len(total) != 100 {
				t.Fatalf("%s: vectors of %d and %d values, want one each 100 ms of 10 s", name, len(goodput), len(total))
			}
			sum := 0.0
			for i, g := range goodput {
				if sum += g * 0.1 / 8; math.Abs(sum-total[i]) > 1e-3 {
					t.Fatalf("%s: %v bytes after %d intervals, the goodputs sum to %v", name, total[i], i+1, sum)
				}
			}
			if want := float(t, row[name]); want <= 0 || math.Abs(sum*8/10-want) > 1e-6*want {
				t.Errorf("%s with %s: the scalar is %v bit/s, the vector gives %v", name, row["defaults.cc"], want, sum*8/10)
			}
		}
		for _, name := range []string{"udp_down_delay", "udp_up_delay"} {
			if d := float(t, row[name]); d < 0.0104 || d > 0.0725 {
				t.Errorf("%s is %v s, want between an idle path and a full queue, with the jitter", name, d)
			}
		}
	}
}

// What the vectors say is what tshark sees at the client's interfaces: the payload of
// datagrams in each interval, and what TCP has acknowledged at the end but for a segment or
// two whose acknowledgement is delayed.
func TestNetPerfMeterOnTheWire(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("MPSIM_REQUIRE_TSHARK") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if code, said := mpsimIn(t, "run", "basic/netperfmeter.toml", "--set", "duration=2s", "--until", "2s", "--pcap", "--out", dir); code > exitFailed {
		t.Fatalf("exit code %d: %s", code, said)
	}
	series := vectors(t, dir)
	text, err := exec.Command("tshark", "-n", "-r", filepath.Join(dir, "capture.pcapng"), "-T", "fields", "-E", "separator=,", "-E", "occurrence=f",
		"-d", "tcp.port==1-65535,data", "-d", "udp.port==1-65535,data",
		"-e", "frame.time_epoch", "-e", "udp.srcport", "-e", "udp.length", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.ack").Output()
	if err != nil {
		t.Fatal(err)
	}
	datagrams := make([]float64, 20)
	acked := make(map[string]int) // by the server's port
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ",")
		ack, _ := strconv.Atoi(f[5])
		switch {
		case f[1] == "5005":
			n := float(t, f[2]) - 8
			datagrams[int(math.Ceil(float(t, f[0])/0.1))-1] += n * 8 / 0.1
		case f[4] == "5001": // the client acknowledges
			acked["tcp_down"] = max(acked["tcp_down"], ack-1)
		case f[3] == "5002": // the server does
			acked["tcp_up"] = max(acked["tcp_up"], ack-1)
		}
	}
	for i, g := range series[[2]string{"udp_down", "goodput_bps"}] {
		if math.Abs(g-datagrams[i]) > 1 {
			t.Errorf("datagrams in interval %d: %v bit/s, tshark sees %v", i, g, datagrams[i])
		}
	}
	for name, n := range acked {
		bytes := series[[2]string{name, "bytes"}]
		// What the server has acknowledged reaches the client 10 to 70 ms later.
		way := map[string]float64{"tcp_down": 0, "tcp_up": 0.0725 * 20e6 / 8}[name]
		if last := bytes[len(bytes)-1]; float64(n) > last || float64(n) < last-2*1448-way {
			t.Errorf("%s: %v bytes, tshark sees %d acknowledged", name, last, n)
		}
	}
	if len(acked) != 2 {
		t.Errorf("tshark sees %v", acked)
	}
}
