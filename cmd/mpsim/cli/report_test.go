package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
)

func ran(hash string, expect ...results.Expectation) *execute.Outcome {
	o := &execute.Outcome{Summary: results.Summary{Hash: hash, Expect: expect}}
	for _, e := range expect {
		o.Expect = append(o.Expect, scenarios.ExpectReport{Expr: e.Expr, Value: e.Value, Pass: e.Pass, Pos: scenarios.Pos{File: "f,1.toml", Line: 7, Col: 9}})
	}
	return o
}

var sample = []verdictOf{
	{file: "a.toml", baseline: "aa", outcome: ran("aa", results.Expectation{Expr: "goodput(x) >= 1Mbps", Value: "2 Mb/s", Pass: true})},
	{file: "b.toml", outcome: ran("bb", results.Expectation{Expr: `share(x) == 1 # "<&>`, Value: "0.5"})},
	{file: "c.toml", baseline: "old", outcome: ran("cc")},
	{file: "d.toml", err: scenarios.Problems{{Pos: scenarios.Pos{File: "d.toml", Line: 2, Col: 3}, Message: "bad"}}},
	{file: "e.toml", outcome: ran("ee")},
}

func TestTAP(t *testing.T) {
	var b bytes.Buffer
	for i := range sample {
		writeTAP(&b, i+1, &sample[i])
	}
	want := `# Subtest: a.toml
    ok 1 - goodput(x) >= 1Mbps
    # 2 Mb/s
    ok 2 - baseline hash
    # aa
    1..2
ok 1 - a.toml
# hash aa
# Subtest: b.toml
    not ok 1 - share(x) == 1 \# "<&>
    # 0.5
    1..1
not ok 2 - b.toml
# hash bb
# Subtest: c.toml
    not ok 1 - baseline hash
    # cc, want old
    1..1
not ok 3 - c.toml
# hash cc
# Subtest: d.toml
    not ok 1 - runs
    # d.toml:2:3: bad
    1..1
not ok 4 - d.toml
# Subtest: e.toml
    1..0
ok 5 - e.toml # no expectations
# hash ee
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestJUnit(t *testing.T) {
	var s junitSuites
	if err := xml.Unmarshal(junit(sample), &s); err != nil {
		t.Fatal(err)
	}
	if s.Tests != 5 || s.Failures != 2 || s.Errors != 1 || len(s.Suites) != 5 {
		t.Errorf("%d tests, %d failures, %d errors, %d suites", s.Tests, s.Failures, s.Errors, len(s.Suites))
	}
	if c := s.Suites[1].Cases[0]; c.Name != `share(x) == 1 # "<&>` || c.Failure == nil || c.Failure.Message != "measured 0.5" {
		t.Errorf("%+v", c)
	}
	if c := s.Suites[3].Cases[0]; c.Error == nil || !strings.Contains(c.Error.Text, "d.toml:2:3: bad") {
		t.Errorf("%+v", c)
	}
}

func TestWorstResultIsTheExitCode(t *testing.T) {
	for _, c := range []struct {
		v    []verdictOf
		want int
	}{
		{sample[:1], exitOK}, {sample[:2], exitFailed}, {sample, exitUsage},
		{append([]verdictOf{{err: &scenarios.BugError{}}}, sample...), exitBug},
		{[]verdictOf{{err: errInterrupted}, sample[3]}, exitInterrupted},
	} {
		_, err := summarise(c.v)
		var e *exitError
		got := exitOK
		if errors.As(err, &e) {
			got = e.code
		}
		if got != c.want {
			t.Errorf("%d verdicts: exit code %d, want %d", len(c.v), got, c.want)
		}
	}
}

func TestWithBaseline(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"name = \"x\"\n", "name = \"x\"\n\n[baseline]\nhash = \"new\"\n"},
		{"name = \"x\"", "name = \"x\"\n\n[baseline]\nhash = \"new\"\n"},
		{"hash = \"not this\"\n[ baseline ] # c\n  hash  = 'old' # why\n[expect]\n", "hash = \"not this\"\n[ baseline ] # c\n  hash  = \"new\" # why\n[expect]\n"},
		{"[baseline]\n[expect]\na = 1\n", "[baseline]\nhash = \"new\"\n[expect]\na = 1\n"},
		{"[baseline]\r\nhash = \"old\"\r\n", "[baseline]\r\nhash = \"new\"\r\n"},
		{"[expect]\nhash = \"x\"\n[baseline]", "[expect]\nhash = \"x\"\n[baseline]\nhash = \"new\"\n"},
	} {
		if got := withBaseline(c.text, "new"); got != c.want {
			t.Errorf("%q\ngives %q\nwant  %q", c.text, got, c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		text string
		want size
	}{
		{"512MiB", 512 << 20}, {"2GB", 2e9}, {"1.5kB", 1500}, {"7B", 7}, {"1 GiB", 1 << 30},
	} {
		var s size
		if err := s.Set(c.text); err != nil || s != c.want {
			t.Errorf("%q is %d, %v; want %d", c.text, s, err, c.want)
		}
	}
	for _, text := range []string{"", "5", "MiB", "-1MiB", "0B", "1e300GB", "5mb", "NaNGB"} {
		var s size
		if s.Set(text) == nil {
			t.Errorf("%q is accepted as %d", text, s)
		}
	}
}
