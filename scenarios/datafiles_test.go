package scenarios

import (
	"path/filepath"
	"slices"
	"testing"
)

// All files of the data directory that a run reads are named, each once: maps, lists of
// flows, and traces.
func TestDataFiles(t *testing.T) {
	const text = `schema = 1
name = "all"
duration = "1s"
[topology]
kind = "graphml"
file = "maps/three.graphml"
queue = "1000pkt"
[topology.host]
rate = "unlimited"
[[link]]
name = "Paris-New_York"
down.trace = { file = "mahimahi/Verizon-LTE-short.down.gz", format = "mahimahi" }
up.trace = { file = "mahimahi/Verizon-LTE-short.up.gz", format = "mahimahi" }
[[link]]
name = "Paris-London"
down.trace = { file = "mahimahi/Verizon-LTE-short.down.gz", format = "mahimahi" }
[[flow]]
name = "f"
protocol = "tcp"
client = "hParis_0"
server = "hNew_York_0"
`
	sc, err := Parse("in.toml", text, Options{DataDir: synthetic})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range sc.DataFiles(synthetic) {
		if names = append(names, f.Name); f.Path != filepath.Join(synthetic, filepath.FromSlash(f.Name)) || f.Pos.File != "in.toml" {
			t.Errorf("%+v", f)
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{"mahimahi/Verizon-LTE-short.down.gz", "mahimahi/Verizon-LTE-short.up.gz", "maps/three.graphml"}) {
		t.Errorf("%v", names)
	}
	sc, err = Parse("in.toml", pods+"[[traffic]]\nname = \"f\"\npattern = \"file\"\nfile = \"traffic/flows.txt\"\n", Options{DataDir: synthetic})
	if err != nil {
		t.Fatal(err)
	}
	if f := sc.DataFiles(synthetic); len(f) != 1 || f[0].Name != "traffic/flows.txt" {
		t.Errorf("%+v", f)
	}
}
