//go:build long

package execute_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// builds are the machines whose runs must agree to the byte. The emulator is
// Debian's qemu-user; it must be there, because this is the suite that promises
// the equality.
var builds = []struct {
	name, emulator string
	env            []string
}{
	{"amd64", "", []string{"GOARCH=amd64", "GOAMD64=v1"}},
	{"amd64-v3", "", []string{"GOARCH=amd64", "GOAMD64=v3"}},
	{"arm64", "qemu-aarch64", []string{"GOARCH=arm64"}},
}

// TestEveryArchitectureGivesTheSameBytes runs the main scenario on each build.
// Summaries and figures are not compared, because gonum computes part of them.
func TestEveryArchitectureGivesTheSameBytes(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	for _, scenario := range []string{"handover/wifi-lte.toml", "handover/constant.toml"} {
		var want map[string][]byte
		for _, b := range builds {
			bin := filepath.Join(tmp, "mpsim-"+b.name)
			build := exec.Command("go", "build", "-o", bin, "./cmd/mpsim")
			build.Dir = root
			build.Env = append(os.Environ(), append(b.env, "CGO_ENABLED=0")...)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", b.name, err, out)
			}
			dir := filepath.Join(tmp, b.name, filepath.Base(scenario))
			args := []string{bin, "run", filepath.Join(root, "scenarios", scenario), "--out", dir, "--pcap", "--events=all"}
			if b.emulator != "" {
				if _, err := exec.LookPath(b.emulator); err != nil {
					t.Fatalf("%s is missing: apt-get install qemu-user", b.emulator)
				}
				args = append([]string{b.emulator}, args...)
			}
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", b.name, err, out)
			}
			got := map[string][]byte{}
			for _, name := range []string{"series.csv", "events.jsonl", "capture.pcapng"} {
				content, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				got[name] = content
			}
			if want == nil {
				want = got
				continue
			}
			for name := range want {
				if !bytes.Equal(got[name], want[name]) {
					t.Errorf("%s: %s differs between %s and %s", scenario, name, builds[0].name, b.name)
				}
			}
		}
	}
}
