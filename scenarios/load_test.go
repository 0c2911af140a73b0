package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const small = `schema = 1
name = "small"
duration = "10s"
paths = ["wifi 10ms 100pkt 5Mbps", "lte 40ms 1bdp 5Mbps 1%"]
[[flow]]
name = "dl"
client = "client"
server = "server"
`

func mustParse(t *testing.T, text string, set ...string) *Scenario {
	t.Helper()
	sc, err := Parse("in.toml", text, Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestPathsShortForm(t *testing.T) {
	sc := mustParse(t, small)
	lte := sc.Links[1]
	if lte.Name != "lte" || lte.A != "client.lte" || lte.B != "server.lte" {
		t.Errorf("second link is %q from %s to %s", lte.Name, lte.A, lte.B)
	}
	if *lte.Up.Delay != 40e6 || lte.Up.Rate.Bits != 5e6 || *lte.Up.Loss != 0.01 {
		t.Errorf("lte up: %+v", lte.Up)
	}
	if got := lte.Down.Queue.Bytes; got != 5e6*0.080/8 {
		t.Errorf("1bdp of 5 Mb/s and 80 ms is %d bytes", got)
	}
	if f := sc.Flows[0]; f.Via != "wifi" || f.To != "10.0.0.1" || f.Port != 5001 || f.CC.Name != "lia" || f.App != "bulk" {
		t.Errorf("flow completed to %+v", f)
	}
}

// Entries of the same name complete what paths made.
func TestPathsAreCompletedByName(t *testing.T) {
	sc := mustParse(t, small+"[[link]]\nname = \"wifi\"\ndown = { rate = \"7Mbps\" }\n", "link.lte.mode=served")
	if d := sc.Links[0]; d.Down.Rate.Bits != 7e6 || d.Up.Rate.Bits != 5e6 || *d.Down.Delay != 10e6 {
		t.Errorf("wifi: up %+v down %+v", d.Up, d.Down)
	}
	if sc.Links[1].Mode != "served" || sc.Links[0].Mode != "fifo" {
		t.Errorf("modes %s and %s", sc.Links[0].Mode, sc.Links[1].Mode)
	}
}

func TestSetOverrides(t *testing.T) {
	sc := mustParse(t, small, "duration=5s", "flow.dl.size=5MiB", "link.wifi.loss=0.1", `title="a, b"`, "defaults.cc={name='cubic', hystart=0}", "seed=7")
	if sc.Duration != 5e9 || sc.Flows[0].Size.N != 5<<20 || *sc.Links[0].Up.Loss != 0.1 || sc.Title != "a, b" || sc.Seed != 7 {
		t.Errorf("overrides lost: %+v", sc)
	}
	if cc := sc.Flows[0].CC; cc.Name != "cubic" || len(cc.Params) != 1 || cc.Params[0].Name != "hystart" {
		t.Errorf("cc %+v", cc)
	}
}

func TestRepeat(t *testing.T) {
	sc := mustParse(t, `schema = 1
name = "r"
duration = "1s"
[[node]]
name = "server"
[[node]]
repeat = 3
name = "c{i}"
[[link]]
repeat = 3
name = "l{i}"
a = "c{i}.eth0"
b = "server.eth{i}"
[[flow]]
repeat = 3
name = "f{i}"
protocol = "tcp"
client = "c{i}"
server = "server"
start = "{i}ms"
`)
	if len(sc.Nodes) != 4 || len(sc.Links) != 3 || len(sc.Flows) != 3 {
		t.Fatalf("%d nodes, %d links, %d flows", len(sc.Nodes), len(sc.Links), len(sc.Flows))
	}
	if f := sc.Flows[2]; f.Client != "c2" || f.Start != 2e6 || f.Port != 5003 || f.To != "10.0.3.2" {
		t.Errorf("third flow %+v", f)
	}
}

func TestExtends(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("base.toml", small+"[expect]\nkept = \"goodput(dl) >= 1Mbps\"\nchanged = \"goodput(dl) >= 2Mbps\"\ngone = \"goodput(dl) >= 3Mbps\"\n"+
		"[baseline]\nhash = \""+strings.Repeat("0", 64)+"\"\n")
	write("sub/mid.toml", "extends = \"../base.toml\"\nname = \"mid\"\n[defaults]\nreprobe = true\n")
	write("child.toml", "extends = \"sub/mid.toml\"\nname = \"child\"\n[[flow]]\nname = \"dl\"\nvia = \"lte\"\n[[flow]]\nname = \"two\"\nclient = \"client\"\nserver = \"server\"\n"+
		"[expect]\nchanged = \"goodput(two) >= 4Mbps\"\ngone = []\n")
	sc, err := Load(filepath.Join(dir, "child.toml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if sc.Name != "child" || !sc.Defaults.Reprobe || len(sc.Flows) != 2 || sc.Flows[0].Via != "lte" || len(sc.Links) != 2 {
		t.Errorf("merged to %+v", sc)
	}
	if sc.Baseline.Hash != "" {
		t.Error("a baseline was inherited")
	}
	var got []string
	for _, e := range sc.Expect {
		got = append(got, e.Name+": "+e.Expr)
	}
	want := []string{"kept: goodput(dl) >= 1Mbps", "changed: goodput(two) >= 4Mbps"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("expectations (-want +got):\n%s", d)
	}
}

// Every key of the schema refuses every wrong type at the place of the value.
func TestWrongTypesOfEveryKey(t *testing.T) {
	wrong := map[string]string{"integer": "5", "number": "1.5", "boolean": "true", "string": "\"\\u0001 nonsense\"", "date": "1979-05-27", "array": "[[1]]", "table": "{ x = 1 }"}
	accepts := func(f *field, kind string) bool {
		switch name := f.typeName(); kind {
		case "integer":
			return name == "integer" || name == "number" || name == "probability"
		case "number":
			return name == "number" || name == "probability"
		case "boolean":
			return name == "boolean"
		case "string":
			return name == "string" && !f.hasEnum || name == "plug-in"
		case "table":
			return name == "table" || name == "plug-in"
		case "array":
			return name == "tables"
		}
		return false
	}
	n := 0
	var sweep func(typ reflect.Type, header, path string)
	sweep = func(typ reflect.Type, header, path string) {
		for _, f := range fieldsOf(typ) {
			for kind, text := range wrong {
				if f.key == "expect" || accepts(&f, kind) {
					continue
				}
				n++
				in := header + f.key + " = " + text + "\n"
				at := fmt.Sprintf("in.toml:%d:%d:", strings.Count(header, "\n")+1, len(f.key)+4)
				_, err := Parse("in.toml", in, Options{})
				if err == nil || !strings.Contains("\n"+err.Error(), "\n"+at) {
					// An element of an array is blamed at its own place.
					inner := fmt.Sprintf("in.toml:%d:%d:", strings.Count(header, "\n")+1, len(f.key)+5)
					if err == nil || kind != "array" || !strings.Contains("\n"+err.Error(), "\n"+inner) {
						t.Errorf("%s%s = %s: want a problem at %s got\n%v", path, f.key, text, at, err)
					}
				}
			}
			sub := f.typ
			if f.isTableList || sub.Kind() == reflect.Pointer {
				sub = sub.Elem()
			}
			switch {
			case f.isTableList:
				sweep(sub.Elem(), header+"[["+path+f.key+"]]\n", path+f.key+".")
			case f.isTable:
				sweep(sub, header+"["+path+f.key+"]\n", path+f.key+".")
			}
		}
	}
	sweep(reflect.TypeFor[Scenario](), "", "")
	if n < 500 {
		t.Errorf("only %d combinations", n)
	}
}

// A resolved scenario loads, and resolving it again changes nothing.
func TestResolvedRoundTrip(t *testing.T) {
	text := small + `[[link]]
name = "wifi"
down = { drop = [1, 5], drop_mask = "00000000000000ff", jitter = "1ms", mtu = "1400B" }
[[link]]
name = "cell"
a = "client.cell"
b = "server.cell"
profile = { name = "lte-good", down_mean = 2e7 }
[[node]]
name = "client"
timer_granularity = "linux-hz250"
rto_min = "5ms"
quickack = true
usec_ts = true
[[flow]]
name = "u"
protocol = "udp"
app = "onoff"
client = "client"
server = "server"
[flow.onoff]
on = "uniform 10ms 200ms"
[[flow]]
name = "r"
app = "request"
client = "client"
server = "server"
cc = { name = "cubic", hystart = 0 }
[[at]]
time = "1s"
action = "link.blackhole"
links = ["wi*"]
label = "a \"quoted\" label"
[[at]]
time = "2s"
action = "addr.add"
interface = "client.lte"
address = "10.9.9.9/24"
[[route]]
node = "client"
to = "server"
via = "lte"
from = "10.0.2.0/24"
[expect]
a = ["goodput(dl) >= 1Mbps", "corrupt_bytes(dl) == 0"]
"strange name" = "goodput(u) >= 1Mbps"
`
	once := resolvedText(t, mustParse(t, text))
	twice := resolvedText(t, mustParse(t, once))
	if d := cmp.Diff(once, twice); d != "" {
		t.Errorf("resolved twice (-once +twice):\n%s\n%s", d, once)
	}
	a, b := mustParse(t, text), mustParse(t, once)
	if d := cmp.Diff(a.Links[0].Down.Drop, b.Links[0].Down.Drop); d != "" {
		t.Error(d)
	}
	for i := range a.Flows {
		if a.Flows[i].To != b.Flows[i].To || a.Flows[i].Port != b.Flows[i].Port || a.Flows[i].Via != b.Flows[i].Via {
			t.Errorf("flow %s ends elsewhere", a.Flows[i].Name)
		}
	}
}

func resolvedText(t *testing.T, sc *Scenario) string {
	t.Helper()
	var b bytes.Buffer
	if err := sc.WriteResolved(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever valid TOML is given, every key and array element has a place, and
// the key stands there.
func TestPlacesOfRandomTOML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := randomTOML(t)
		var m map[string]any
		if _, err := toml.Decode(text, &m); err != nil {
			t.Skip("not valid TOML: ", err)
		}
		tree, err := parseTree("f", text)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(text, "\n")
		var visit func(v *value)
		visit = func(v *value) {
			switch d := v.data.(type) {
			case *table:
				for _, k := range d.keys {
					p := d.get(k).pos
					if p.Line < 1 || p.Line > len(lines) {
						t.Fatalf("key %q at %v\n%s", k, p, text)
					}
					rest := string([]rune(lines[p.Line-1])[p.Col-1:])
					if !strings.HasPrefix(rest, k) && !strings.HasPrefix(rest, `"`+k) && !strings.HasPrefix(rest, `'`+k) && !strings.HasPrefix(rest, "[") {
						t.Fatalf("key %q at %v, where %q stands\n%s", k, p, rest, text)
					}
					visit(d.get(k).value)
				}
			case []*value:
				for _, e := range d {
					if e.pos.Line < 1 {
						t.Fatalf("array element without place\n%s", text)
					}
					visit(e)
				}
			}
		}
		visit(&value{data: tree, pos: Pos{"f", 1, 1}})
	})
}

func randomTOML(t *rapid.T) string {
	keys := rapid.SampledFrom([]string{"a", "b", "long-key", `"q d"`, `'s'`, "a.b", "c . d"})
	var value func(depth int) string
	value = func(depth int) string {
		n := 9
		if depth > 2 {
			n = 6
		}
		switch rapid.IntRange(0, n).Draw(t, "kind") {
		case 0:
			return "1"
		case 1:
			return "-1.5e3"
		case 2:
			return `"text # with \" and ]"`
		case 3:
			return "'lite\\ral'"
		case 4:
			return "\"\"\"\nmulti \\\"\"\" line ] \"\" \"\"\""
		case 5:
			return "'''\nx ''y'''"
		case 6:
			return "true"
		case 7, 8:
			var items []string
			for range rapid.IntRange(0, 3).Draw(t, "items") {
				items = append(items, value(depth+1))
			}
			return "[ # c\n" + strings.Join(items, ",\n") + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "end") + "]"
		}
		var items []string
		for i := range rapid.IntRange(0, 3).Draw(t, "fields") {
			items = append(items, fmt.Sprintf("k%d = %s", i, value(depth+1)))
		}
		return "{ " + strings.Join(items, ", ") + " }"
	}
	var b strings.Builder
	for range rapid.IntRange(0, 8).Draw(t, "lines") {
		switch rapid.IntRange(0, 5).Draw(t, "line") {
		case 0:
			fmt.Fprintf(&b, "[t%d] # comment\n", rapid.IntRange(0, 9).Draw(t, "t"))
		case 1:
			fmt.Fprintf(&b, "[[list]]\n")
		case 2:
			fmt.Fprintf(&b, "[list.sub%d]\n", rapid.IntRange(0, 9).Draw(t, "t"))
		default:
			fmt.Fprintf(&b, "%s = %s # é\n", keys.Draw(t, "key"), value(0))
		}
	}
	return b.String()
}

// docs/SCENARIOS.md holds the reference that the schema prints.
func TestReferenceDoesNotDrift(t *testing.T) {
	const file = "../docs/SCENARIOS.md"
	const begin, end = "<!-- reference: written by go test ./scenarios -run Reference -update -->\n", "<!-- end of reference -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatal("no reference in ", file)
	}
	old, tail, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatal("no end of reference in ", file)
	}
	if *update {
		if err := os.WriteFile(file, []byte(head+begin+"\n"+Reference()+"\n"+end+tail), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(old, "\n"+Reference()+"\n"); d != "" {
		t.Errorf("%s is out of date; run with -update (-file +schema):\n%s", file, d)
	}
}
