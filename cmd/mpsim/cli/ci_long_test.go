//go:build long

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The steps of the composite action, in a fresh clone of this repository: they pass as it
// stands; after one constant of a scheduler was changed they fail, and show the first grant
// that differs from what the base commit does.
func TestActionFindsSeededChange(t *testing.T) {
	dir := t.TempDir()
	clone := filepath.Join(dir, "clone")
	command(t, "", "git", "clone", "--quiet", "--shared", "../../..", clone)
	scenario := "schema = 1\nname = \"turns\"\nduration = \"1s\"\n" +
		"paths = [\"wifi 10ms 50pkt 8Mbps\", \"lte 30ms 50pkt 6Mbps\"]\n[[flow]]\nname = \"dl\"\nclient = \"client\"\nserver = \"server\"\n" +
		"scheduler = \"roundrobin\"\n[expect]\nintact = \"corrupt_bytes(dl) == 0B\"\n"
	file := filepath.Join(clone, "turns.toml")
	if err := os.WriteFile(file, []byte(scenario), 0o666); err != nil {
		t.Fatal(err)
	}
	base := strings.TrimSpace(command(t, clone, "git", "rev-parse", "HEAD"))
	inputs, steps := readAction(t)
	inputs["paths"], inputs["base"], inputs["args"] = "turns.toml", base, "--update"
	if out, err := act(t, dir, clone, inputs, steps); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inputs["args"] = ""
	if out, err := act(t, dir, clone, inputs, steps); err != nil || !strings.Contains(out, "ok 2 - baseline hash") {
		t.Fatalf("as it stands: %v\n%s", err, out)
	}
	source := filepath.Join(clone, "sched/roundrobin.go")
	b, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(b), "(num_segments)\", Default: 1,", "(num_segments)\", Default: 2,", 1)
	if changed == string(b) {
		t.Fatal("the constant is not where it was")
	}
	if err := os.WriteFile(source, []byte(changed), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := act(t, dir, clone, inputs, steps)
	if err == nil {
		t.Fatalf("the change was not found\n%s", out)
	}
	for _, want := range []string{
		`(?m)^::error file=turns.toml,line=\d+,col=\d+,title=turns.toml::baseline hash: `,
		`(?m)^# first event that differs from the run of .*/mpsim-base, after \d+ equal ones`,
		`(?m)^# - \{"time_ns":\d+,"node":"server","kind":"grant",.*"why":"in_turn"\}$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nothing matches %s\n%s", want, out)
		}
	}
	for _, report := range []string{"report.tap", "report.xml"} {
		if _, err := os.Stat(filepath.Join(clone, inputs["reports"], report)); err != nil {
			t.Error(err)
		}
	}
}

// act carries out the steps of the action as a runner does.
func act(t *testing.T, dir, workspace string, inputs map[string]string, steps []actionStep) (string, error) {
	t.Helper()
	all := ""
	for _, s := range steps {
		c := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.script)
		c.Dir = workspace
		c.Env = append(os.Environ(), "RUNNER_TEMP="+dir)
		for name, value := range s.env {
			c.Env = append(c.Env, name+"="+inputUse.ReplaceAllStringFunc(value, func(use string) string {
				return inputs[inputUse.FindStringSubmatch(use)[1]]
			}))
		}
		out, err := c.CombinedOutput()
		all += string(out)
		if err != nil {
			return all, fmt.Errorf("%w in\n%s", err, s.script)
		}
	}
	return all, nil
}

// command runs a program that must not fail, and returns its output.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
