package scenarios

import (
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"mpsim/cc"
)

// compiled is the schema, compiled by a validator that checks it against the meta-schema
// of draft 2020-12 first.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := JSONSchema(nil)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON turns a scenario file into what a validator takes.
func asJSON(t *testing.T, text string) any {
	t.Helper()
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
	return v
}

// Every scenario of the library and of the examples obeys the schema, as it stands in its
// file and as it is resolved.
func TestLibraryObeysTheJSONSchema(t *testing.T) {
	s := compiled(t)
	n := 0
	err := fs.WalkDir(Library(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(p) != ".toml" {
			return err
		}
		b, err := fs.ReadFile(Library(), p)
		if err != nil {
			return err
		}
		n++
		if err := s.Validate(asJSON(t, string(b))); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		return nil
	})
	if err != nil || n < 90 {
		t.Errorf("%d scenarios, %v", n, err)
	}
}

// A scenario as written out by a run directory obeys it, too.
func TestResolvedScenariosObeyTheJSONSchema(t *testing.T) {
	s := compiled(t)
	for _, p := range []string{"basic/two-paths.toml", "kernel/outage.toml", "sched/policies.toml", "papers/nsdi11-torus.toml", "mbox/c1-strip-ack.toml", "pm/modes.toml"} {
		sc, err := LoadLibrary(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := sc.WriteResolved(&text); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(asJSON(t, text.String())); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// What the loader refuses for its form the schema refuses, too: unknown keys, wrong types
// and units, names and parameters of plug-ins, missing keys. One change to a file that both
// accept.
func TestJSONSchemaRefuses(t *testing.T) {
	const good = `schema = 1
name = "two"
duration = "1s"
[defaults]
cc = { name = "cubic", hystart = 0 }
scheduler = "minrtt"
[[node]]
name = "client"
[[node]]
name = "server"
[[link]]
repeat = 2
name = "l{i}"
a = "client.l{i}"
b = "server.l{i}"
rate = "1{i} Mb/s"
delay = "10ms"
queue = "2bdp"
down = { loss = "0.5%", aqm = { name = "red", min = "5pkt" } }
[[link.box]]
type = "strip"
options = ["mp_capable"]
[[flow]]
name = "dl"
client = "client"
server = "server"
app = "request"
[flow.request]
count = 3
[[at]]
time = "500ms"
action = "link.down"
links = ["l0"]
[expect]
ok = ["corrupt_bytes(dl) == 0"]
`
	s := compiled(t)
	accepted := func(text string) bool { return s.Validate(asJSON(t, text)) == nil }
	loads := func(text string) error {
		_, err := Parse("test.toml", text, Options{})
		return err
	}
	if !accepted(good) || loads(good) != nil {
		t.Fatalf("%v, %v", s.Validate(asJSON(t, good)), loads(good))
	}
	for _, c := range [][2]string{
		{`schema = 1`, `schema = 2`},
		{`name = "two"`, `nome = "two"`},
		{`duration = "1s"`, ``},
		{`duration = "1s"`, `duration = 1`},
		{`duration = "1s"`, `duration = "1"`},
		{`duration = "1s"`, `duration = "1sec"`},
		{`duration = "1s"`, `duration = "-1s"`},
		{`name = "cubic", hystart = 0`, `name = "qubic"`},
		{`name = "cubic", hystart = 0`, `name = "cubic", hystart = 9`},
		{`name = "cubic", hystart = 0`, `name = "cubic", hystarts = 0`},
		{`name = "cubic", hystart = 0`, `hystart = 0`},
		{`scheduler = "minrtt"`, `scheduler = "minrt"`},
		{`scheduler = "minrtt"`, `scheduler = 1`},
		{`repeat = 2`, `repeat = 0`},
		{`a = "client.l{i}"`, ``},
		{`rate = "1{i} Mb/s"`, `rate = "10ms"`},
		{`queue = "2bdp"`, `queue = "2pkts"`},
		{`loss = "0.5%"`, `loss = "half"`},
		{`loss = "0.5%"`, `loss = 2`},
		{`name = "red", min = "5pkt"`, `name = "blue"`},
		{`name = "red", min = "5pkt"`, `name = "red", mean = "5pkt"`},
		{`options = [`, `option = [`},
		{`type = "strip"`, `at = "a"`},
		{`app = "request"`, `app = "ask"`},
		{`count = 3`, `count = 1.5`},
		{`count = 3`, `count = 0`},
		{`time = "500ms"`, ``},
		{`action = "link.down"`, `action = "link.sideways"`},
		{`links = ["l0"]`, `links = "l0"`},
		{`ok = ["corrupt_bytes(dl) == 0"]`, `ok = 1`},
		{`[expect]`, `[expects]`},
	} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if bad == good || loads(bad) == nil {
			t.Errorf("%s -> %s: the loader has nothing against it", c[0], c[1])
		}
		if accepted(bad) {
			t.Errorf("%s -> %s: accepted", c[0], c[1])
		}
	}
}

// Plug-ins of one's own are in the schema of their program, with their parameters.
func TestJSONSchemaHasOwnPlugins(t *testing.T) {
	p := Builtin()
	p.CC = append(p.CC, cc.Spec{Name: "mine", Params: []cc.Param{{Name: "knob", Max: 3}}})
	text, err := JSONSchema(p)
	if err != nil || !strings.Contains(string(text), `"knob"`) || !strings.Contains(string(text), `"const": "mine"`) {
		t.Errorf("%v", err)
	}
}

// A topology needs its kind, but for one that is laid over another.
func TestJSONSchemaOfTopologies(t *testing.T) {
	s := compiled(t)
	const flow = `
[[flow]]
name = "dl"
client = "h0"
server = "h1"
`
	const head = "schema = 1\nname = \"t\"\nduration = \"1s\"\n[topology]\n"
	for text, want := range map[string]bool{
		head + "kind = \"fattree\"\nk = 4\n" + flow:                true,
		head + "k = 4\n" + flow:                                    false,
		head + "kind = \"fattree\"\nspokes = 4\n" + flow:           false,
		"extends = \"a.toml\"\nname = \"t\"\n[topology]\nk = 8\n":  true,
		"extends = \"a.toml\"\nname = \"t\"\n[topology]\nkk = 8\n": false,
		"include = \"a.toml\"\nname = \"t\"\n":                     true,
		"include = [\"a.toml\", \"b.toml\"]\nname = \"t\"\n":       true,
		"include = [1]\nname = \"t\"\n":                            false,
	} {
		if err := s.Validate(asJSON(t, text)); (err == nil) != want {
			t.Errorf("%s: %v, want accepted: %v", text, err, want)
		}
	}
}
