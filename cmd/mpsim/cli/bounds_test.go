package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"mpsim/results"
)

// The library's sweep of the receive buffer and its figure. Of paths of 10 Mb/s with RTTs of
// 20 and 100 ms the longest product is 125 kB and the longest RTT times the sum of the rates
// 250 kB: with less than half of the first MPTCP gets less than the better path alone would
// carry, from the second on as much as with any buffer; and both are lines in the figure.
// row:B12
func TestReceiveBufferBounds(t *testing.T) {
	out := filepath.Join(t.TempDir(), "rb")
	var said bytes.Buffer
	if code := Run(context.Background(), []string{"mpsim", "sweep", "sweeps/receive-buffer.toml", "--out", out, "--progress", "none"}, &said, &said); code != exitOK {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	table, err := results.ReadTable(out)
	if err != nil {
		t.Fatal(err)
	}
	s, err := table.LevelMeans([]string{"goodput"}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	const pathBDP, enough = 125e3, 250e3
	const alone = 10e6 * 1420 / 1500 // payload of a full segment with timestamps and a DSS
	most := 0.0
	for _, m := range s.Means {
		most = max(most, float64(m.High))
	}
	below, above := 0, 0
	for _, m := range s.Means {
		buffer := number(t, m.Level[len("defaults.receive_buffer="):])
		switch {
		case buffer < pathBDP/2:
			if below++; float64(m.High) >= alone {
				t.Errorf("%v B give %v bit/s, as much as one path alone", buffer, m.Mean)
			}
		case buffer >= enough:
			if above++; float64(m.Mean) < 0.96*most {
				t.Errorf("%v B give %v bit/s, the most is %v", buffer, m.Mean, most)
			}
		}
	}
	if below < 2 || above < 4 {
		t.Errorf("%d buffers below, %d above the bounds", below, above)
	}
	data := filepath.Join(out, "figure.csv")
	args := []string{"mpsim", "plot", out, "--kind", "scatter", "--x", "defaults.receive_buffer", "--y", "goodput", "--bound", "path_bdp", "--bound", "longest_rtt_times_sum", "--log", "--data", data}
	if code := Run(context.Background(), args, &said, &said); code != exitOK {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	f, err := os.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]float64{}
	for _, r := range rows[1:] {
		if r[1] == "line" {
			at[r[2]] = number(t, r[4])
		}
	}
	if len(at) != 2 || at["path bdp"] != pathBDP/1e6 || at["longest rtt times sum"] != enough/1e6 {
		t.Errorf("lines of the figure (MB): %v", at)
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
