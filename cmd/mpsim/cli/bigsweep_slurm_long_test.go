//go:build long && slurm && linux

package cli

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func init() {
	onCluster = func(t *testing.T, sweep func(args ...string) *exec.Cmd) string {
		cluster(t)
		c := sweep("--out", "cluster", "--engine", "slurm")
		out, err := sweepOutput(c)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%s", out)
		return filepath.Join(c.Dir, "cluster")
	}
}
