package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"mpsim/cmd/mpsim/cli"
)

// hash runs ../two.toml with a plug-in and returns the run hash.
func hash(t *testing.T, plugin string, options ...cli.Option) string {
	t.Helper()
	var out, errs bytes.Buffer
	args := []string{"mpsim", "run", "../two.toml", "--json", "--out", t.TempDir() + "/run", "--set", "defaults.path_manager=" + plugin}
	if code := cli.Run(context.Background(), args, &out, &errs, options...); code != 0 {
		t.Fatalf("%s: exit code %d: %s", plugin, code, errs.String())
	}
	var result struct{ Hash string }
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	return result.Hash
}

// The plug-in in Go and the one in Starlark are the same, and not the default.
func TestSameAsTheScript(t *testing.T) {
	own := hash(t, "standby", cli.With(spec))
	if script := hash(t, "file:../standby.star"); own != script {
		t.Errorf("in Go the hash is %s, in Starlark %s", own, script)
	}
	if own == hash(t, "fullmesh") {
		t.Error("it changes nothing")
	}
	other := hash(t, "{ name = \"standby\", delay = 5 }", cli.With(spec))
	if script := hash(t, "{ name = \"file:../standby.star\", delay = 5 }"); other != script || other == own {
		t.Errorf("with a parameter: in Go the hash is %s, in Starlark %s, without it %s", other, script, own)
	}
}
