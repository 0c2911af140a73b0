package scenarios

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite expected texts; read the difference before committing it")

// TestErrors loads each bad scenario of testdata/errors and compares the whole
// list of problems, places included. Every place was checked by eye when its
// expectation was written; the files hold `set` lines for overrides.
func TestErrors(t *testing.T) {
	here, err := filepath.Abs("testdata/errors")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(here, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			var o Options
			var want *txtar.File
			for i := range a.Files {
				f := &a.Files[i]
				switch f.Name {
				case "want":
					want = f
				case "set":
					o.Set = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
				default:
					if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Chdir(dir)
			o.DataDir = "." // whatever the environment says
			_, err = Load("in.toml", o)
			got := ""
			if err != nil {
				got = err.Error() + "\n"
			}
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(want.Data), got); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}
