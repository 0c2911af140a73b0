package sweep

import (
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"mpsim/scenarios"
)

// obeys returns what a validator says of a sweep file: nil if it obeys the schema.
func obeys(t *testing.T) func(text string) error {
	t.Helper()
	schema, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(schema)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("sweep.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("sweep.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		var m map[string]any
		if _, err := toml.Decode(text, &m); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(v)
	}
}

// Every sweep of the library and of these tests obeys the schema.
func TestSweepsObeyTheJSONSchema(t *testing.T) {
	check := obeys(t)
	good := map[string]string{"grid": grid, "everything": everything, "traced": traced}
	files, err := fs.Glob(scenarios.SweepFiles(), "sweeps/*.toml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := fs.ReadFile(scenarios.SweepFiles(), f)
		if err != nil {
			t.Fatal(err)
		}
		good[f] = string(b)
	}
	for name, c := range goodDesigns {
		good[name] = head + c.text
	}
	good["ranges"] = "constraint = [\"one.rate > two.rate\"]\nrows = [\"F8\"]\nreplications = { until = \"5%\", metric = \"goodput\", confidence = 0.9 }\n" + head +
		"[design]\nkind = \"lhs\"\npoints = 40\n[factors]\nlink.one.rate = { uniform = [\"1Mbps\", \"5Mbps\"] }\n\"link.two.rate\" = { log_uniform = [\"100kbps\", \"10Mbps\"], integer = true }\nlink.two.loss = { uniform = [0, \"2.5%\"] }\n"
	for name, text := range good {
		if err := check(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the loader refuses for its form the schema refuses, too; what it cannot express is
// marked, so that it passes.
func TestJSONSchemaRefuses(t *testing.T) {
	check := obeys(t)
	for _, c := range badSweeps {
		if err := check(c.text); (err == nil) != c.beyond {
			t.Errorf("%s\nis refused for %q; the schema says %v", c.text, c.want, err)
		}
	}
}

// The schema and the loader know the same keys.
func TestJSONSchemaHasEveryKey(t *testing.T) {
	text, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ Properties map[string]any }
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(slices.Values(topKeys)); !slices.Equal(got, want) {
		t.Errorf("the schema has %v, the loader %v", got, want)
	}
}
