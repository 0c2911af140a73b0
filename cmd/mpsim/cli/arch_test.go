//go:build long

package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Builds for other processors run to the same hash, series, events and capture.
// Those for arm64 run under qemu-user (Debian: apt-get install qemu-user), whose
// absence is a failure with MPSIM_REQUIRE_QEMU=1.
func TestArchitecturesAgree(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the reference build runs on linux/amd64")
	}
	scenarios := []string{"handover/wifi-lte.toml", "handover/constant.toml", "basic/datagrams.toml"}
	reference := runAs(t, scenarios, nil, "GOARCH=amd64", "GOAMD64=v1")
	for _, c := range []struct {
		name   string
		prefix []string
		env    []string
	}{
		{"amd64 v3", nil, []string{"GOARCH=amd64", "GOAMD64=v3"}},
		{"arm64", []string{"qemu-aarch64"}, []string{"GOARCH=arm64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.prefix) > 0 {
				if _, err := exec.LookPath(c.prefix[0]); errors.Is(err, exec.ErrNotFound) && os.Getenv("MPSIM_REQUIRE_QEMU") == "" {
					t.Skip(err)
				}
			}
			for name, b := range runAs(t, scenarios, c.prefix, c.env...) {
				if !bytes.Equal(b, reference[name]) {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}

// runAs builds mpsim for a processor, runs scenarios, and returns the files that
// must not depend on it.
func runAs(t *testing.T, scenarios, prefix []string, env ...string) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "mpsim")
	build := exec.Command("go", "build", "-o", program, "mpsim/cmd/mpsim")
	build.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux"), env...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := map[string][]byte{}
	for _, s := range scenarios {
		run := filepath.Join(dir, "run")
		args := append(append([]string{}, prefix...), program, "run", s, "--out", run, "--pcap", "--events=all")
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, name := range []string{"series.csv", "events.jsonl", "capture.pcapng", "scenario.resolved.toml"} {
			b, err := os.ReadFile(filepath.Join(run, name))
			if err != nil {
				t.Fatal(err)
			}
			files[s+" "+name] = b
		}
		at := bytes.Index(out, []byte("\nhash "))
		if at < 0 {
			t.Fatalf("no hash in\n%s", out)
		}
		files[s+" hash"] = out[at : at+70]
	}
	return files
}
