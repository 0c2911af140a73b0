package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// A program with plug-ins of its own: they are listed, can be named, and run.
func TestOwnPlugins(t *testing.T) {
	made := 0
	var reno cc.Spec
	for _, s := range cc.Specs() {
		if s.Name == "reno" {
			reno = s
		}
	}
	own := reno
	own.Name, own.Doc = "mine", "a controller of my own"
	own.New = func(p cc.Params, rnd *sim.Rand) cc.Controller { made++; return reno.New(p, rnd) }
	order := sched.Specs()[0]
	order.Name = "mysched"
	run := func(args ...string) (int, string, string) {
		var out, err bytes.Buffer
		code := Run(context.Background(), append([]string{"mpsim"}, args...), &out, &err, With(own), With(order))
		return code, out.String(), err.String()
	}
	if _, out, _ := run("list", "cc"); !strings.Contains(out, "mine") || !strings.Contains(out, "a controller of my own") {
		t.Errorf("list cc:\n%s", out)
	}
	if _, out, _ := run("list", "sched", "--json"); !strings.Contains(out, `"name":"mysched"`) {
		t.Errorf("list sched: %s", out)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "own.toml")
	text := `
schema = 1
name = "own"
duration = "1s"
paths = ["wifi 10ms 50pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
cc = "mine"
scheduler = "mysched"
`
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run("run", file, "--out", filepath.Join(dir, "out"))
	if code != exitOK || made == 0 || !strings.Contains(out, "mine") {
		t.Errorf("exit code %d, %d controllers made\n%s%s", code, made, out, errs)
	}
	// Without the option the names are unknown.
	var b bytes.Buffer
	if code := Run(context.Background(), []string{"mpsim", "lint", file}, &b, &b); code != exitUsage || !strings.Contains(b.String(), "mine") {
		t.Errorf("without plug-ins: exit code %d, %s", code, b.String())
	}
}

// Interrupting a run leaves partial files and exit code 130.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	code := Run(ctx, []string{"mpsim", "run", "handover/wifi-lte.toml", "--out", filepath.Join(dir, "run")}, &out, &errs)
	if code != exitInterrupted {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	b, err := os.ReadFile(filepath.Join(dir, "run", "manifest.json"))
	if err != nil || !strings.Contains(string(b), `"reason": "interrupted"`) {
		t.Errorf("%s %v", b, err)
	}
}
