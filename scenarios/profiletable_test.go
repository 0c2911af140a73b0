package scenarios

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/models/profiles.md holds the table that the profiles print.
func TestProfileReferenceDoesNotDrift(t *testing.T) {
	const file = "../docs/models/profiles.md"
	const begin = "<!-- table: written by go test ./scenarios -run Reference -update -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, old, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatal("no table in ", file)
	}
	want := "\n" + ProfileReference()
	if *update {
		if err := os.WriteFile(file, []byte(head+begin+want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(old, want); d != "" {
		t.Errorf("%s is out of date; run with -update (-file +profiles):\n%s", file, d)
	}
}
