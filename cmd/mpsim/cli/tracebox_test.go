package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// tracebox prints the hops of a library scenario or JSON, and refuses what is no path.
func TestTracebox(t *testing.T) {
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Run(context.Background(), append([]string{"mpsim", "tracebox"}, args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	code, out, errs := run("nat/join.toml", "--from", "phone", "--to", "server", "--hops", "6")
	if code != exitOK || !strings.Contains(out, "SYN") || !strings.Contains(out, "data") || !strings.Contains(out, "router") {
		t.Errorf("exit code %d, %s\n%s", code, errs, out)
	}
	code, out, _ = run("nat/join.toml", "--from", "phone", "--to", "server", "--json")
	var hops []struct {
		TTL     int
		Address string
	}
	if err := json.Unmarshal([]byte(out), &hops); err != nil || code != exitOK || len(hops) < 3 || hops[0].TTL != 1 || hops[0].Address == "" {
		t.Errorf("exit code %d, %v, %s", code, err, out)
	}
	for _, args := range [][]string{{}, {"nat/join.toml"}, {"nat/join.toml", "--from", "phon", "--to", "server"}, {"none.toml", "--from", "a", "--to", "b"},
		{"nat/join.toml", "--from", "phone", "--to", "server", "--quote", "7"}} {
		if code, _, errs := run(args...); code != exitUsage || errs == "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}
