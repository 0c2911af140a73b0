package sweep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/scenarios"
)

const head = "schema = 1\nname = \"d\"\nscenario = \"base.toml\"\n[metrics]\ngoodput = \"goodput(dl)\"\n"

func values(p *Plan) []string {
	out := make([]string, len(p.Points))
	for i, x := range p.Points {
		out[i] = strings.Join(x.Values(), " ")
	}
	return out
}

// goodDesigns are designs and the values of their points.
var goodDesigns = map[string]struct{ text, want string }{
	"grid":      {"[factors]\nlink.one.rate = [\"1Mbps\", \"2Mbps\"]\n\"link.two.rate\" = [\"3Mbps\", \"4Mbps\"]\n", "1Mbps 3Mbps|1Mbps 4Mbps|2Mbps 3Mbps|2Mbps 4Mbps"},
	"zip":       {"[[zip]]\nlink.one.rate = [\"1Mbps\", \"2Mbps\"]\nlink.two.rate = [\"3Mbps\", \"4Mbps\"]\n", "1Mbps 3Mbps|2Mbps 4Mbps"},
	"points":    {"[[point]]\nname = \"a\"\n[[point]]\nname = \"b\"\nset = { link.one.rate = \"1Mbps\" }\n", "a|b"},
	"both keys": {"[factors]\nrate = { keys = [\"link.one.rate\", \"link.two.rate\"], values = [\"1Mbps\", \"2Mbps\"] }\n", "1Mbps|2Mbps"},
	"one way":   {"[factors]\nlink.one.rate = [\"1Mbps\", \"2Mbps\"]\nlink.two.rate = [\"1Mbps\", \"1500kbps\"]\n", "1Mbps 1Mbps|1Mbps 1500kbps|2Mbps 1Mbps|2Mbps 1500kbps"},
}

// Lists are crossed, zips go together, points have settings of their own, and
// constraints take combinations away.
func TestDesign(t *testing.T) {
	for name, c := range goodDesigns {
		if got := strings.Join(values(plan(t, write(t, head+c.text))), "|"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	constrained := "constraint = [\"one.rate > two.rate\", \"one.rate*15ms <= 3750B\"]\n" + head +
		"[factors]\nlink.one.rate = [\"1Mbps\", \"2Mbps\", \"3Mbps\"]\nlink.two.rate = [\"1Mbps\", \"1500kbps\"]\n"
	if got := strings.Join(values(plan(t, write(t, constrained))), "|"); got != "2Mbps 1Mbps|2Mbps 1500kbps" {
		t.Errorf("constraints leave %s", got)
	}
}

// Values of a range lie in it, and a constraint shapes the sample without making it
// smaller where points can be drawn again.
func TestRanges(t *testing.T) {
	for _, kind := range []string{"random", "wsp", "lhs"} {
		text := "constraint = \"one.rate > two.rate\"\n" + head + "[design]\nkind = \"" + kind + "\"\npoints = 40\n[factors]\nlink.one.rate = { uniform = [\"1Mbps\", \"5Mbps\"] }\nlink.two.rate = { log_uniform = [\"100kbps\", \"10Mbps\"] }\n"
		p := plan(t, write(t, text))
		if n := len(p.Points); kind != "lhs" && (n < 39 || n > 40) || n < 10 {
			t.Errorf("%s: %d points", kind, n)
		}
		below := 0
		for _, x := range p.Points {
			a, _ := scenarios.ReadQuantity(x.Values()[0])
			b, _ := scenarios.ReadQuantity(x.Values()[1])
			if a.Value < 1e6 || a.Value > 5e6 || b.Value < 1e5 || b.Value > 1e7 || a.Value <= b.Value {
				t.Errorf("%s: point %v", kind, x.Values())
			}
			if b.Value < 1e6 {
				below++
			}
		}
		if kind == "random" && (below < 20 || below > 38) { // log: 2/3 or so are below 1 Mb/s, more with the constraint
			t.Errorf("%d of 40 points are below 1 Mb/s on the logarithmic factor", below)
		}
	}
}

// badSweep is a sweep file with a mistake, what is said of it, and whether the JSON
// Schema cannot express what is wrong with it.
type badSweep struct {
	text, want string
	beyond     bool
}

const oneFactor = "[factors]\nlink.one.rate = [\"1Mbps\"]\n"

var badSweeps = []badSweep{
	{head + "[factors]\nlink.one.rat = [\"1Mbps\"]\n", `sweep.toml:7:17: link.one.rat: unknown key "rat" in link`, true},
	{head + "[factors]\nlink.on.rate = [\"1Mbps\"]\n", `sweep.toml:7:17: link.on.rate: no link named "on"; did you mean "one"?`, true},
	{head + "[factors]\nlink.one.rate = [\"1Mbps\", \"2Mbs\"]\n", `sweep.toml:7:27: link.one.rate: rate: unknown unit "Mbs"`, true},
	{"constraint = \"one.rate > 5Mbps\"\n" + head + oneFactor, `sweep.toml:1:14: the design is empty: no point satisfies the constraints`, true},
	{"constraint = \"one.rate > 5ms\"\n" + head + oneFactor, `sweep.toml:1:26: constraint: a rate is compared with a time`, true},
	{"constraint = \"won.rate > 5Mbps\"\n" + head + oneFactor, `sweep.toml:1:14: constraint: no factor won.rate`, true},
	{"replications = { until = \"5%\", metric = \"good\" }\n" + head + oneFactor, `sweep.toml:1:41: replications: no metric "good"; known: goodput`, true},
	{"replications = { until = \"5%\", metric = \"goodput\", min = 5, max = 4 }\n" + head + oneFactor, `sweep.toml:1:16: replications: min = 5 is more than max = 4`, true},
	{strings.Replace(head, "goodput(dl)", "goodput(ul)", 1) + oneFactor, `sweep.toml:5:20: goodput: no flow "ul"; did you mean "dl"?`, true},
	{strings.Replace(head, "goodput(dl)", "goodput(dl) > 1Mbps", 1) + oneFactor, `sweep.toml:5:24: goodput: unexpected "> 1Mbps" in a value`, true},
	{strings.Replace(head, "base.toml", "bass.toml", 1) + oneFactor, `bass.toml: cannot read the scenario`, true},
	{head + "[factors]\nlink.one.rate = { uniform = [\"1Mbps\", \"2Mbps\"] }\n", `sweep.toml:7:10: a factor with a range needs [design]`, true},
	{head + "[design]\npoints = 3\n" + oneFactor, `sweep.toml:6:1: [design] is about factors with a range, and there is none`, true},
	{head + "[design]\npoints = 3\n[factors]\nx = { uniform = [\"2Mbps\", \"1Mbps\"] }\n", `sweep.toml:9:17: the design is empty: the low end`, true},
	{head + "[design]\npoints = 3\n[factors]\nx = { uniform = [\"2Mbps\", \"1s\"] }\n", `sweep.toml:9:17: uniform has two units`, true},
	{head + "[design]\npoints = 300\ncandidates = 200\n[factors]\nx = { uniform = [1, 2] }\n", `sweep.toml:6:1: [design]: 200 candidates are fewer than 300 points`, true},
	{head + "[[zip]]\nlink.one.rate = [\"1Mbps\"]\nlink.two.rate = [\"1Mbps\", \"2Mbps\"]", `sweep.toml:8:17: the lists of a zip have one length`, true},
	{head + "[factors]\nlink.one.rate = [\"1Mbps\", \"1000kbps\"]\n[set]\nseed = \"x\"", `sweep.toml:9:8: seed: `, true},
	{head + "[factors]\nlink.one.rate = [\"1Mbps\", \"1Mbps\"]\n", `sweep.toml:7:10: points 1 and 2 of the design are the same (1Mbps)`, true},
	{"constraint = \"x > 3\"\n" + head + "[design]\npoints = 3\n[factors]\nx = { uniform = [1, 2] }\n", `sweep.toml:1:14: the design is empty: the constraints refuse every point`, true},
	{head + oneFactor + "[[zip]]\nlink.one.rate = [\"1Mbps\"]", `sweep.toml:9:10: factor "link.one.rate" stands at`, true},

	{head + "[factors]\nlink.one.rate = []\n", `sweep.toml:7:17: the design is empty: rate has no values`, false},
	{head + "[factors]\n", `sweep.toml:6:1: [factors] holds scenario keys with lists of values`, false},
	{head + "[[zip]]\n", `sweep.toml:6:1: the design is empty: [[zip]] has no factors`, false},
	{"replication = 3\n" + head + oneFactor, `sweep.toml:1:1: unknown key "replication" in the sweep; did you mean "replications"?`, false},
	{"replications = 0\n" + head + oneFactor, `sweep.toml:1:16: replications is an integer from 1`, false},
	{"replications = { until = \"5%\" }\n" + head + oneFactor, `sweep.toml:1:16: replications need until = "5%" and metric`, false},
	{"replications = { until = 5, metric = \"goodput\" }\n" + head + oneFactor, `sweep.toml:1:26: until: "5" is not a share such as 5%`, false},
	{"replications = { until = \"5%\", metrics = \"goodput\" }\n" + head + oneFactor, `sweep.toml:1:32: unknown key "metrics" of replications; did you mean "metric"?`, false},
	{"seed = -1\n" + head + oneFactor, `sweep.toml:1:8: seed is an integer from 0`, false},
	{"common_random_numbers = 1\n" + head + oneFactor, `sweep.toml:1:25: common_random_numbers is true or false`, false},
	{"constraint = 1\n" + head + oneFactor, `sweep.toml:1:14: a constraint is a text`, false},
	{strings.Replace(head, "schema = 1", "schema = 2", 1) + oneFactor, `sweep.toml:1:10: schema must be 1`, false},
	{strings.Replace(head, `"d"`, `"a b"`, 1) + oneFactor, `sweep.toml:2:8: a name is letters, digits`, false},
	{strings.Replace(head, "name = \"d\"\n", "", 1) + oneFactor, `sweep.toml:1:1: the sweep needs name = "..."`, false},
	{strings.Replace(head, "goodput =", "hash =", 1) + oneFactor, `sweep.toml:5:1: "hash" cannot be the name of a metric`, false},
	{strings.Replace(head, "goodput = \"goodput(dl)\"\n", "", 1) + oneFactor, `sweep.toml:4:1: [metrics] holds NAME`, false},
	{head + oneFactor + "[expect]\nfast = 1\n", `sweep.toml:9:8: fast is a text in quotes`, false},
	{head + "[design]\npoints = 3\n[factors]\nx = { uniform = [1, 2, 3] }\n", `sweep.toml:9:17: uniform is [low, high]`, false},
	{head + "[design]\npoints = 3\n[factors]\nx = { uniform = [1, 2], log_uniform = [1, 2] }\n", `sweep.toml:9:25: factor x has two ranges`, false},
	{head + "[design]\npoints = 3\nkind = \"wps\"\n[factors]\nx = { uniform = [1, 2] }\n", `sweep.toml:8:8: no design "wps"; did you mean "wsp"?`, false},
	{head + "[design]\nkind = \"wsp\"\n[factors]\nx = { uniform = [1, 2] }\n", `sweep.toml:6:1: [design] needs points = N`, false},
	{head + "[design]\npoint = 3\n[factors]\nx = { uniform = [1, 2] }\n", `sweep.toml:7:1: unknown key "point" of [design]; did you mean "points"?`, false},
	{head + "[factors]\nx = { keys = [\"link.one.rate\"], value = [1] }\n", `sweep.toml:7:33: unknown key "value" of factor x; did you mean "values"?`, false},
	{head + "[factors]\nx = { keys = [\"link.one.rate\"] }\n", `sweep.toml:7:1: factor x needs one of values, uniform, log_uniform`, false},
	{head + "[[point]]\nset = { link.one.rate = \"1Mbps\" }\n", `sweep.toml:6:1: a point needs a name`, false},
	{head + "[[point]]\nname = \"a\"\nsets = { link.one.rate = \"1Mbps\" }\n", `sweep.toml:8:1: unknown key "sets" of a point; did you mean "set"?`, false},
}

// What is wrong with a sweep is said with its place, and what was meant.
func TestProblems(t *testing.T) {
	for _, c := range badSweeps {
		s, err := Load(write(t, c.text))
		if err == nil {
			_, err = s.Plan(scenarios.Options{})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngives %v\nwant %s", c.text, err, c.want)
		}
	}
}

// Directories with something else in them are left alone.
func TestOtherDirectories(t *testing.T) {
	file, dir := write(t, grid), t.TempDir()
	p := plan(t, file)
	sweepTo(t, p, Options{Out: dir})
	before := tables(t, dir)
	refused := func(what, want string, p *Plan, o Options) {
		t.Helper()
		o.Jobs = 1
		if _, err := p.Execute(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
	other := plan(t, write(t, strings.Replace(grid, `"grid"`, `"other"`, 1)))
	refused("another sweep", `holds results of the sweep "grid", not of "other"`, other, Options{Out: dir, Resume: true})
	refused("no --resume", "--resume goes on", p, Options{Out: dir})
	refused("no sweep directory", "is not a sweep directory", p, Options{Out: filepath.Dir(file)})
	for name, text := range tables(t, dir) {
		if text != before[name] {
			t.Errorf("%s has changed", name)
		}
	}
}

// The last line of a journal may be torn; any other damage is an error.
func TestTornJournal(t *testing.T) {
	file, dir := write(t, grid), t.TempDir()
	p := plan(t, file)
	sweepTo(t, p, Options{Out: dir})
	before, path := tables(t, dir), filepath.Join(dir, JournalFolder, "local"+journalSuffix)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{1, 10, 200, len(whole) / 2, len(whole) - 5, len(whole)} {
		if err := os.WriteFile(path, whole[:len(whole)-cut], 0o666); err != nil {
			t.Fatal(err)
		}
		if o := sweepTo(t, p, Options{Out: dir, Resume: true}); o.Reused == 18 {
			t.Errorf("%d bytes are missing, and no run was repeated", cut)
		}
		for name, text := range tables(t, dir) {
			if text != before[name] {
				t.Errorf("%d bytes were missing: %s differs", cut, name)
			}
		}
	}
	damaged := []byte(strings.Replace(string(whole), `"hash":"`, `"hash":"0`, 1))
	if err := os.WriteFile(path, damaged, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Execute(t.Context(), Options{Out: dir, Jobs: 1, Resume: true}); err == nil || !strings.Contains(err.Error(), "is damaged at byte") {
		t.Errorf("a damaged journal: %v", err)
	}
}
