package tidy

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// found returns the rules that a tree of the given files breaks.
func found(t *testing.T, files map[string]string) []string {
	t.Helper()
	m := fstest.MapFS{}
	for name, src := range files {
		m[name] = &fstest.MapFile{Data: []byte(src)}
	}
	tree, err := Load(m)
	if err != nil {
		t.Fatal(err)
	}
	tree.Rows = []string{"A1", "B11"}
	var out []string
	for _, v := range Check(tree) {
		out = append(out, v.String())
	}
	return out
}

// pkg is a Go file with a documented package.
func pkg(name, body string) string {
	return "// Package " + name + " is here.\npackage " + name + "\n" + body
}

// imp is a file of a package that imports another.
func imp(name, path string) string { return pkg(name, "\nimport _ \""+path+"\"\n") }

// body is a function of package cc.
func body(params, b string) map[string]string {
	return map[string]string{"cc/cc.go": pkg("cc", "\nfunc f("+params+") {\n"+b+"}\n")}
}

func lines(n int) string { return strings.Repeat("\t_ = 0\n", n) }

// tag is written in two parts, so that nothing here counts as a tag.
const tag = "ro" + "w:"

// ruleCase is a small tree and what it breaks; "": nothing.
type ruleCase struct {
	what  string
	files map[string]string
	want  string
}

func run(t *testing.T, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		got := found(t, c.files)
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%s: found %q", c.what, got)
		case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
			t.Errorf("%s: found %q, want one %q", c.what, got, c.want)
		}
	}
}

func TestImportLaw(t *testing.T) {
	sim, simnet := pkg("sim", ""), pkg("simnet", "")
	one := func(p, src string) map[string]string {
		return map[string]string{"sim/sim.go": sim, "net/net.go": simnet, "mptcp/tcp/tcp.go": pkg("tcp", ""), "mptcp/mptcp.go": pkg("mptcp", ""), p: src}
	}
	alias := func(name string) string { return pkg(name, "\nimport _ \"mpsim/net\"\n") }
	network := func(name string) string { return pkg(name, "\nimport simnet \"mpsim/net\"\n\nvar _ simnet.T\n") }
	run(t, []ruleCase{
		{"downwards", one("cc/cc.go", imp("cc", "mpsim/sim")), ""},
		{"upwards", one("cc/cc.go", imp("cc", "mpsim/mptcp")), "cc may not import mptcp: it is not in a lower layer"},
		{"sideways", one("results/r.go", imp("results", "mpsim/results")), "results may not import results"},
		{"unknown package", one("mptcp/extra/e.go", pkg("extra", "")), "package mptcp/extra is not in the table of layers"},
		{"import of an unknown package", one("cmd/mpsim/main.go", imp("main", "mpsim/elsewhere")), "may not import elsewhere"},
		{"third party in the core", one("cc/cc.go", imp("cc", "example.com/x")), "standard library only"},
		{"third party above", one("results/r.go", imp("results", "example.com/x")), ""},
		{"tests may", one("cc/cc_test.go", "package cc\n\nimport _ \"example.com/x\"\n"), ""},
		{"without alias", one("results/r.go", alias("results")), `imported as simnet "mpsim/net"`},
		{"without alias in a test", one("results/r_test.go", "package results\n\nimport _ \"mpsim/net\"\n"), `imported as simnet "mpsim/net"`},
		{"with alias", one("results/r.go", network("results")), ""},
		{"an example may import all", one("docs/examples/x/main.go", network("main")), ""},
	})
	// The wall: the network lies in a lower layer than mptcp, and still.
	got := found(t, map[string]string{
		"net/net.go": pkg("simnet", "\n// T is a type.\ntype T int\n"), "mptcp/mptcp.go": network("mptcp"),
	})
	if len(got) != 1 || !strings.Contains(got[0], "endpoints do not know the network") {
		t.Errorf("the wall: %q", got)
	}
}

func TestStyle(t *testing.T) {
	run(t, []ruleCase{
		{"gofmt", map[string]string{"cc/cc.go": pkg("cc", "\nvar  x int\n")}, "gofmt"},
		{"gofmt in tests", map[string]string{"cc/cc_test.go": "package cc\n\nvar  x int\n"}, "gofmt"},
		{"folder", map[string]string{"misc2/x.txt": ""}, "top-level folder"},
		{"result folder", map[string]string{"out/x/y.go": "not Go"}, ""},
		{"Go in the root", map[string]string{"main.go": pkg("main", "")}, "do not lie in the root"},
		{"empty name", map[string]string{"cc/util.go": pkg("cc", "")}, `"util" says nothing`},
		{"empty name in a part", map[string]string{"cc/lia_helper_test.go": "package cc\n"}, `"helper" says nothing`},
		{"empty package name", map[string]string{"cc/cc.go": pkg("common", "")}, `"common" says nothing`},
		{"path manager", map[string]string{"mptcp/path_manager.go": pkg("mptcp", "")}, ""},
		{"function at the cap", body("", lines(78)), ""},
		{"long function", body("", lines(79)), "f has 81 lines, at most 80"},
		{"long test", map[string]string{"cc/c_test.go": "package cc\n\nfunc f() {\n" + lines(149) + "}\n"}, "at most 150"},
		{"test at the cap", map[string]string{"cc/c_test.go": "package cc\n\nfunc f() {\n" + lines(148) + "}\n"}, ""},
		{"long file", map[string]string{"cc/cc.go": pkg("cc", "\nvar (\n"+strings.Repeat("\t_ = 0\n", 600)+")\n")}, "has 605 lines, at most 600"},
		{"long test file", map[string]string{"cc/c_test.go": "package cc\n\nvar (\n" + strings.Repeat("\t_ = 0\n", 797) + ")\n"}, "has 801 lines, at most 800"},
	})
	for _, d := range topLevel {
		if got := found(t, map[string]string{d + "/x.txt": ""}); len(got) > 0 {
			t.Errorf("%s: %q", d, got)
		}
	}
}

func TestDocumentation(t *testing.T) {
	src := func(s string) map[string]string { return map[string]string{"cc/cc.go": pkg("cc", "\n"+s)} }
	run(t, []ruleCase{
		{"package", map[string]string{"cc/cc.go": "package cc\n"}, "package cc has no comment"},
		{"one file is enough", map[string]string{"cc/a.go": pkg("cc", ""), "cc/b.go": "package cc\n"}, ""},
		{"function", src("func F() {}\n"), "exported F has no comment"},
		{"documented function", src("// F is.\nfunc F() {}\n"), ""},
		{"private function", src("func f() {}\n"), ""},
		{"type", src("type T int\n"), "exported T has no comment"},
		{"method", src("// T is.\ntype T[X any] int\n\nfunc (t *T[X]) M() {}\n"), "exported M has no comment"},
		{"method of a private type", src("type t int\n\nfunc (t) M() {}\n"), ""},
		{"constant", src("const C = 1\n"), "exported C has no comment"},
		{"variable", src("var V, w int\n"), "exported V has no comment"},
		{"group", src("// The constants.\nconst (\n\tC = 1\n\tD = 2\n)\n"), ""},
		{"member of a group", src("const (\n\tC = 1 // is one\n\tD = 2\n)\n"), "exported D has no comment"},
		{"test", map[string]string{"cc/c_test.go": "package cc\n\nfunc TestF() {}\n"}, ""},
	})
}

func TestPurity(t *testing.T) {
	for _, p := range impureImports {
		run(t, []ruleCase{
			{p, map[string]string{"sched/s.go": imp("sched", p)}, "layers 0 to 5 do not import " + p},
			{p + " above", map[string]string{"results/s.go": imp("results", p)}, ""},
			{p + " in tests", map[string]string{"sched/s_test.go": "package sched\n\nimport _ \"" + p + "\"\n"}, ""},
		})
	}
	math := func(s string) map[string]string {
		return map[string]string{"cc/cc.go": pkg("cc", "\nimport \"math\"\n\nvar _ = "+s+"\n")}
	}
	run(t, []ruleCase{
		{"time in sim", map[string]string{"sim/s.go": imp("sim", "time")}, ""},
		{"go", body("", "\tgo f()\n"), "go statement"},
		{"go in sim/par", map[string]string{"sim/par/p.go": pkg("par", "\nfunc f() {\n\tgo f()\n}\n")}, ""},
		{"channel", body("c chan int", ""), "channel"},
		{"select", body("", "\tselect {}\n"), "select statement"},
		{"exp", math("math.Exp(1)"), "math.Exp differs between machines"},
		{"sqrt", math("math.Sqrt(1)"), ""},
		{"log under another name", map[string]string{"cc/cc.go": pkg("cc", "\nimport m \"math\"\n\nvar _ = m.Log(1)\n")}, "math.Log differs"},
		{"exp above", map[string]string{"results/r.go": pkg("results", "\nimport \"math\"\n\nvar _ = math.Exp(1)\n")}, ""},
	})
}

func TestMapRange(t *testing.T) {
	sim := pkg("sim", "\n// M is a map.\ntype M map[int]int\n")
	run(t, []ruleCase{
		{"map", body("m map[int]int", "\tfor range m {\n\t}\n"), "range over a map"},
		{"slice", body("m []int", "\tfor range m {\n\t}\n"), ""},
		{"named map of another package", map[string]string{
			"sim/s.go": sim, "cc/cc.go": pkg("cc", "\nimport \"mpsim/sim\"\n\nfunc f(m sim.M) {\n\tfor range m {\n\t}\n}\n"),
		}, "range over a map"},
		{"above", map[string]string{"results/r.go": pkg("results", "\nfunc f(m map[int]int) {\n\tfor range m {\n\t}\n}\n")}, ""},
		{"in a test", map[string]string{"cc/c_test.go": "package cc\n\nfunc f(m map[int]int) {\n\tfor range m {\n\t}\n}\n"}, ""},
		{"does not compile", body("", "\tundefined()\n"), "undefined: undefined [types]"},
		{"not on this machine", map[string]string{
			"cc/a.go": pkg("cc", "\nconst c = 1\n"), "cc/b.go": "//go:build elsewhere\n\npackage cc\n\nconst c = 2\n",
		}, ""},
	})
}

func TestFusion(t *testing.T) {
	const args = "x, y, z float64"
	direct, held, returned := "a float product meets a sum", "holds a float product", "is returned"
	for _, c := range []struct{ b, want string }{
		{"\tz = x*y + z\n", direct},
		{"\tz = z - -(x * y)\n", direct},
		{"\tz += x * y\n", direct},
		{"\tz = x*y*x - z\n", direct},
		{"\tz = float64(x*y) + z\n", ""},
		{"\tz = x*y/z + z\n", ""}, // the product meets the quotient
		{"\tz = 2*x - 0.25*y\n", ""},
		{"\tz = 3*x - z\n", direct},
		{"\ti := 2\n\ti = i*i + i\n", ""},
		{"\tp := x * y\n\tz = p + z\n", held},
		{"\tvar p = x * y\n\tz = p + z\n", held},
		{"\tp := x\n\tp *= y\n\tz = p + z\n", held},
		{"\tp := x\n\tp *= y\n\tp += z\n", held},
		{"\tp := x * y\n\tp = z\n\tz = p + x\n", ""},
		{"\tp := x * y\n\tif x > 0 {\n\t\tp = z\n\t}\n\tz = p + x\n", held},
		{"\tp := z\n\tif x > 0 {\n\t\tp = x * y\n\t} else {\n\t\tp = x\n\t}\n\tz = p + x\n", held},
		{"\tp := float64(x * y)\n\tz = p + z\n", ""},
		{"\t_ = func() float64 { return x * y }\n", returned},
		{"\t_ = func() float64 { return float64(x * y) }\n", ""},
	} {
		run(t, []ruleCase{{c.b, body(args, c.b), c.want}})
	}
	run(t, []ruleCase{{"above", map[string]string{
		"results/r.go": pkg("results", "\nfunc f(x, y float64) float64 {\n\treturn x*y + x\n}\n"),
	}, ""}})
}

func TestWords(t *testing.T) {
	todo, home := "TO"+"DO", "/ho"+"me/me/x"
	run(t, []ruleCase{
		{"marker", map[string]string{"docs/x.md": "a\n" + todo + ": b\n"}, "docs/x.md:2: " + todo},
		{"marker in code", map[string]string{"cc/cc.go": pkg("cc", "\n// "+"FIX"+"ME later.\n")}, "markers"},
		{"a word that contains it", map[string]string{"docs/x.md": "MASTO" + "DON\n"}, ""},
		{"path", map[string]string{"docs/x.md": "see " + home + "\n"}, "docs/x.md:1: path of one machine"},
		{"path in quotes", map[string]string{"scenarios/x.toml": "x = \"" + home + "\"\n"}, "path of one machine"},
		{"path within a path", map[string]string{"docs/x.md": "see docs" + home + " and ../wo" + "rk/x\n"}, ""},
		{"row", map[string]string{"docs/x.md": tag + "A1, " + tag + "B11\n"}, ""},
		{"no such row", map[string]string{"docs/x.md": tag + "A1 " + tag + "A99\n"}, "there is no row A99"},
		{"misspelt row", map[string]string{"docs/x.md": tag + "b11\n"}, "there is no row b11"},
	})
}

func TestBaselines(t *testing.T) {
	const hash = "[baseline]\nhash = \"aa\"\n"
	for _, c := range []struct{ src, want string }{
		{hash, "needs [expect]"},
		{hash + "[expect]\n", "needs [expect]"},
		{hash + "[expect]\n\"flows.dl.goodput\" = \"> 1\"\n", ""},
		{hash + "[[expect]]\nx = 1\n", ""},
		{"expect = [\"a > 1\"]\n" + hash, ""},
		{"expect = []\n" + hash, "needs [expect]"},
		{"[baseline]\nhash = \"\"\n", ""},
		{"name = \"x\"\n", ""},
		{"name = \n", "expected value"},
	} {
		run(t, []ruleCase{{c.src, map[string]string{"scenarios/a/x.toml": c.src}, c.want}})
	}
	run(t, []ruleCase{
		{"testdata", map[string]string{"scenarios/testdata/x.toml": hash}, ""},
		{"elsewhere", map[string]string{"docs/x.toml": hash}, ""},
	})
}

func TestClaims(t *testing.T) {
	page := func(name, text string) map[string]string {
		return map[string]string{
			"docs/models/" + name: text, "docs/models/lia.md": "# lia\n", "scenarios/x/y.toml": "name = \"y\"\n",
			"cc/c_test.go": "package cc\n\nfunc TestReal() {}\n",
		}
	}
	run(t, []ruleCase{
		{"a test", page("a.md", "see `TestReal` (`cc/c_test.go`)\n"), ""},
		{"no such test", page("a.md", "see `TestGone`\n"), "docs/models/a.md:1: there is no test TestGone"},
		{"in an example", page("a.md", "```go\nfunc TestMine() {}\n```\n"), ""},
		{"elsewhere", map[string]string{"README.md": "TestGone\n"}, ""},
		{"no such file", page("a.md", "`cc/d_test.go`\n"), "there is no file cc/d_test.go"},
		{"a file of somebody else", page("a.md", "`net/mptcp/protocol.c`, `cc/*.go`, `c.go`\n"), ""},
		{"a page", page("a.md", "[lia](lia.md)\n"), ""},
		{"no such page", page("a.md", "[lia](olia.md)\n"), "there is no page docs/models/olia.md"},
		{"a row", page("vectors.md", "| section | vector | test |\n|---|---|---|\n| A1 | x | `cc` TestReal |\n"), ""},
		{"a row of a scenario", page("vectors.md", "| A1 | x | `scenarios/x/y.toml` |\n"), ""},
		{"a row without a test", page("vectors.md", "| A1 | x | |\n"), "a row without a test"},
		{"a row of a page without claims", page("a.md", "| A1 | x | |\n"), ""},
		{"a wrong folder", page("decisions.md", "| x | y | `sched` TestReal |\n"), "TestReal lies in cc, not in sched"},
	})
}

// The order of the report is that of files and lines.
func TestOrder(t *testing.T) {
	got := found(t, map[string]string{
		"docs/b.md": tag + "X1\n" + tag + "X2\n", "docs/a.md": tag + "X3\n",
	})
	want := "[docs/a.md:1: there is no row X3 in the coverage table [rows] docs/b.md:1: there is no row X1 in the coverage table [rows] docs/b.md:2: there is no row X2 in the coverage table [rows]]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
}
