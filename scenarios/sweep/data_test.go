package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/scenarios"
)

const traced = `
schema = 1
name = "traced"
scenario = "base.toml"
[set]
link.two.down.queue = "50pkt"
link.two.up.queue = "50pkt"
[factors]
link.two.down.trace.file = ["slow.mahi", "fast.mahi"]
[metrics]
goodput = "goodput(dl)"
`

// recordings writes two traces of opportunities, of so many milliseconds each.
func recordings(t *testing.T, slow, fast string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"slow.mahi": slow, "fast.mahi": fast} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What names a run covers the content of the recordings that it reads: with another
// content under the same name only the runs that read it are carried out again, and the
// same content in another directory is the same run.
func TestRunsNameTheirData(t *testing.T) {
	text := strings.Replace(base, "[expect]", "[[link]]\nname = \"two\"\ndown.trace = { file = \"slow.mahi\", format = \"mahimahi\" }\n[expect]", 1)
	text = "extends = \"base.toml\"\nname = \"small\"\n" + text[strings.Index(text, "[[link]]"):strings.Index(text, "[expect]")]
	file := write(t, strings.Replace(traced, "base.toml", "traced-base.toml", 1))
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "traced-base.toml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	at := func(data string) *Plan {
		t.Helper()
		s, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Plan(scenarios.Options{DataDir: data})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const slow, fast, faster = "5\n10\n", "2\n4\n", "1\n2\n"
	first := recordings(t, slow, fast)
	p, out := at(first), t.TempDir()
	o := sweepTo(t, p, Options{Out: out})
	if o.Rows[0].number(0) >= o.Rows[1].number(0) {
		t.Errorf("goodput %v with the slow trace, %v with the fast one", o.Rows[0].Values, o.Rows[1].Values)
	}
	var m Manifest
	if err := json.Unmarshal([]byte(tables(t, out)["manifest.json"]), &m); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(fast))
	if len(m.Data) != 2 || m.Data[0].Name != "fast.mahi" || m.Data[0].SHA256 != hex.EncodeToString(sum[:]) || m.Data[0].Bytes != 4 {
		t.Errorf("the manifest names %+v", m.Data)
	}

	same := sweepTo(t, at(recordings(t, slow, fast)), Options{Out: out, Resume: true})
	if same.Reused != 2 {
		t.Errorf("the same recordings elsewhere: %d runs of 2 were known", same.Reused)
	}
	other := sweepTo(t, at(recordings(t, slow, faster)), Options{Out: out, Resume: true})
	if other.Reused != 1 || other.Rows[0].Run.ID != o.Rows[0].Run.ID || other.Rows[1].Run.ID == o.Rows[1].Run.ID {
		t.Errorf("another recording of one name: %d runs of 2 were known; %s, %s, before %s, %s", other.Reused,
			other.Rows[0].Run.ID, other.Rows[1].Run.ID, o.Rows[0].Run.ID, o.Rows[1].Run.ID)
	}
	if other.Rows[1].number(0) <= o.Rows[1].number(0) {
		t.Errorf("goodput %v after the trace became faster, %v before", other.Rows[1].Values, o.Rows[1].Values)
	}

	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Plan(scenarios.Options{DataDir: "nowhere"}); err == nil || !strings.Contains(err.Error(), "sweep.toml:9:29: link.two.down.trace.file: data file nowhere/slow.mahi does not exist") {
		t.Errorf("without data: %v", err)
	}
}
