package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// mbtest prints a row for each place and direction of a box, or JSON, and refuses
// names that it does not know.
func TestMBTest(t *testing.T) {
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Run(context.Background(), append([]string{"mpsim", "mbtest"}, args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	code, out, errs := run("--behaviour", "strip-syn,nat")
	if code != exitOK || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	for _, want := range []string{"fallback (MPCapableFallbackSYNACK)", "closed (", "kept", "RFC 8684 sections 3.2, 3.7, 6", "12 cells, 0 of them not as documented"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	code, out, _ = run("--behaviour", "strip-syn", "--path", "second", "--profile", "rfc,linux", "--json")
	var cells []struct {
		Profile, Path, Verdict, Section string
		Pass                            bool
		Bytes                           int64
		TCPBytes                        int64 `json:"tcp_bytes"`
	}
	if err := json.Unmarshal([]byte(out), &cells); err != nil || code != exitOK || len(cells) != 4 {
		t.Fatalf("exit code %d, %v, %d cells", code, err, len(cells))
	}
	for _, c := range cells {
		if c.Path != "second" || c.Verdict != "closed" || !c.Pass || c.Bytes != c.TCPBytes || c.Section == "" {
			t.Errorf("%+v", c)
		}
	}
	for _, args := range [][]string{{"--behaviour", "strip"}, {"--path", "third"}, {"--profile", "bsd"}} {
		if code, _, errs := run(args...); code != exitUsage || !strings.Contains(errs, args[1]) {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	code, out, _ = run("--population", "--networks", "40", "--rate", "syn-option:443=100%")
	for _, want := range []string{"34343", "100.0 % (91.2 to 100.0)", "0.0 % (0.0 to 8.8)"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in\n%s", code, want, out)
		}
	}
	for _, args := range [][]string{{"--networks", "0"}, {"--rate", "syn-option:1=4"}, {"--path", "first"}, {"--profile", "rfc,linux"}} {
		if code, _, errs := run(append(args, "--population")...); code != exitUsage || errs == "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}
