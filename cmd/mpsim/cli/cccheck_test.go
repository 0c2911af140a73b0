package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// cc-check examines the plug-ins of the program, prints a table or JSON, and fails
// only for what is required.
//
// row:F6
func TestCCCheck(t *testing.T) {
	reno := cc.Specs()[0]
	own := cc.Spec{Name: "mine", Doc: "claims to be coupled", Coupled: true, New: func(_ cc.Params, rnd *sim.Rand) cc.Controller {
		p, _ := cc.Resolve(reno.Params, nil)
		return reno.New(p, rnd)
	}}
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Run(context.Background(), append([]string{"mpsim", "cc-check"}, args...), &out, &errs, With(own))
		return code, out.String(), errs.String()
	}
	code, out, errs := run("mine", "--seeds", "3", "--only", "balance,single")
	if code != exitOK || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	for _, want := range []string{"mine, compared to reno, 3 seeds", "off the congested path", "does not", "identical runs", "at least 1.41", "0.95 to 1.05"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code, _, _ := run("mine", "--seeds", "3", "--only", "balance", "--require", "goals"); code != exitFailed {
		t.Errorf("required, exit code %d", code)
	}
	code, out, _ = run("mine", "--seeds", "2", "--only", "single", "--json", "--require=single")
	var report struct {
		Controller, Base string
		Checks           []struct {
			Name    string
			Mean    float64
			Values  []float64
			Verdict string
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitOK || len(report.Checks) != 1 || len(report.Checks[0].Values) != 2 ||
		report.Checks[0].Mean != 1 || report.Checks[0].Verdict != "meets" {
		t.Errorf("exit code %d, %v, %s", code, err, out)
	}
	for _, args := range [][]string{
		{"nobody"}, {"mine", "--seeds", "1"}, {"lia", "--param", "mode"}, {"lia", "--param", "mode=7"}, {"lia", "--require", "gaols"}, {"lia", "--only", "x"}, {},
	} {
		if code, _, errs := run(args...); code != exitUsage || errs == "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}

// The figure of the three axes has a row for each controller, the friendlier one first:
// two coupled subflows leave a TCP its half of a bottleneck, two uncoupled ones about two
// thirds of it (PAPERS 3).
//
// row:F4
func TestCCCheckFigure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "axes.svg")
	var out, errs bytes.Buffer
	if code := Run(context.Background(), []string{"mpsim", "cc-check", "reno", "balia", "--seeds", "2", "--only", "axes", "--plot", file}, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d, %s", code, errs.String())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{">friendliness<", ">responsiveness<", ">oscillation<", "Recovery time (s)"} {
		if !bytes.Contains(b, []byte(text)) {
			t.Errorf("the figure lacks %q", text)
		}
	}
	if friendly, other := bytes.Index(b, []byte(">balia<")), bytes.Index(b, []byte(">reno<")); friendly < 0 || other < friendly {
		t.Errorf("balia is at %d and reno at %d of the file", friendly, other)
	}
	for _, args := range [][]string{{"--plot", "axes.gif"}, {"--plot", file, "--only", "single"}} {
		if code := Run(context.Background(), append([]string{"mpsim", "cc-check", "lia"}, args...), &out, &errs); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}
