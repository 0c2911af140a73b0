package cli

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const ciExamples = "../../../docs/examples/ci/"

// actionStep is a step of the composite action: its environment and its script.
type actionStep struct {
	env    map[string]string
	script string
}

var (
	inputUse  = regexp.MustCompile(`\$\{\{ *inputs\.([a-z]+) *\}\}`)
	inputName = regexp.MustCompile(`(?m)^  ([a-z]+):\n    description: .+\n(?:    default: (.*)\n)`)
	stepStart = regexp.MustCompile(`(?m)^    - name: `)
	stepEnv   = regexp.MustCompile(`(?m)^        ([A-Z]+): (.*)$`)
	flagUse   = regexp.MustCompile(`--([a-z]+)`)
)

// readAction reads the parts of the action that are checked and run: it is written in
// blocks, with two spaces for each level.
func readAction(t *testing.T) (inputs map[string]string, steps []actionStep) {
	t.Helper()
	b, err := os.ReadFile(ciExamples + "action.yml")
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(b), "\nruns:\n  using: composite\n  steps:\n")
	if !ok {
		t.Fatal("the action is not a composite one")
	}
	inputs = map[string]string{}
	for _, m := range inputName.FindAllStringSubmatch(head+"\n", -1) {
		inputs[m[1]] = strings.Trim(m[2], `"`)
	}
	for _, text := range stepStart.Split(body, -1)[1:] {
		top, script, ok := strings.Cut(text, "      run: |\n")
		if !ok || !strings.Contains(top, "      shell: bash\n") {
			t.Fatalf("a step without shell or script:\n%s", text)
		}
		s := actionStep{env: map[string]string{}}
		for _, m := range stepEnv.FindAllStringSubmatch(top, -1) {
			s.env[m[1]] = m[2]
		}
		for line := range strings.Lines(script) {
			if rest, inside := strings.CutPrefix(line, "        "); inside {
				s.script += rest
			}
		}
		steps = append(steps, s)
	}
	return inputs, steps
}

// The action names what exists: its inputs, and the flags of mpsim test. Inputs get into
// scripts by the environment only, so that no input is taken for a part of a script
// ("Security hardening for GitHub Actions", script injections). The workflow gives inputs
// that the action has.
func TestCIExamples(t *testing.T) {
	inputs, steps := readAction(t)
	if len(inputs) < 5 || len(steps) != 2 {
		t.Fatalf("%d inputs, %d steps", len(inputs), len(steps))
	}
	var used []string
	known := (&program{}).testCommand().Flags()
	for _, s := range steps {
		for name, value := range s.env {
			m := inputUse.FindStringSubmatch(value)
			if m == nil || !strings.Contains(s.script, "$"+name) {
				t.Errorf("%s: %s is no input, or the script does not use it", name, value)
				continue
			}
			used = append(used, m[1])
		}
		if strings.Contains(s.script, "${{") {
			t.Errorf("an expression within a script:\n%s", s.script)
		}
		c := exec.Command("bash", "-n")
		c.Stdin = strings.NewReader(s.script)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, s.script)
		}
	}
	for name := range inputs {
		if !slices.Contains(used, name) {
			t.Errorf("the input %s is not used", name)
		}
	}
	for _, name := range used {
		if _, ok := inputs[name]; !ok {
			t.Errorf("there is no input %s", name)
		}
	}
	for _, m := range flagUse.FindAllStringSubmatch(steps[1].script, -1) {
		if known.Lookup(m[1]) == nil {
			t.Errorf("mpsim test has no flag --%s", m[1])
		}
	}
	b, err := os.ReadFile(ciExamples + "workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "- uses: ./docs/examples/ci\n        with:\n")
	if !ok {
		t.Fatal("the workflow does not use the action")
	}
	for line := range strings.Lines(rest) {
		given, isInput := strings.CutPrefix(line, "          ")
		if !isInput {
			break
		}
		name, _, _ := strings.Cut(given, ":")
		if _, ok := inputs[name]; !ok {
			t.Errorf("the workflow gives %s, which the action does not have", name)
		}
	}
}
