package scenarios

import (
	"strings"
	"testing"
)

const pinnedBase = `schema = 1
name = "pinned"
duration = "1s"
paths = ["wifi 10ms 50pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
protocol = "udp"
cbr = { rate = "960kbps", packet = "1200B" }
[expect]
intact = "corrupt_bytes(dl) == 0B"
[baseline]
`

// pinnedRun runs the scenario with baselines: 960 kb/s in packets of 1,200 bytes are 100 a
// second, all but what is on its way when the run ends.
func pinnedRun(t *testing.T, numbers ...string) []NumberReport {
	t.Helper()
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = quote(n)
	}
	sc, err := Parse("p.toml", pinnedBase+"numbers = ["+strings.Join(list, ", ")+"]\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	return w.Numbers()
}

func TestNumericBaselines(t *testing.T) {
	for _, c := range []struct {
		text string
		pass bool
		off  string
	}{
		{"goodput(dl) = 960kbps +- 3%", true, ""},
		{"goodput(dl) = 1Mbps +- 3%", false, "allowed"},
		{"goodput(dl) = 1Mbps +- 60kbps", true, ""},
		{"goodput(dl) / 1Mbps = 0.96 +- 3%", true, ""},
		{"goodput(dl) / 1Mbps = 1 +- 1%", false, "+- 0.01 allowed"}, // % is a part of the value
		{"corrupt_bytes(dl) = 0B +- 0", true, ""},
		{"corrupt_bytes(dl) - 5B = -5B +- 0B", true, ""},
		{"corrupt_bytes(dl) = 7B +- 6B", false, "-7B (-100 %) off, +- 6B allowed"},
		{"corrupt_bytes(dl) = 7B +- 7B", true, ""},
	} {
		r := pinnedRun(t, c.text)[0]
		if r.Pass != c.pass || !strings.Contains(r.Off, c.off) {
			t.Errorf("%s: pass %v, measured %s, %s", c.text, r.Pass, r.Value, r.Off)
		}
		// What --update would write holds, and differs in the value only.
		again := pinnedRun(t, r.Update)[0]
		if !again.Pass || again.Update != r.Update {
			t.Errorf("%s is updated to %s, which gives %+v", c.text, r.Update, again)
		}
	}
}

func TestBadNumericBaselines(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"goodput(dl) = 1s +- 1%", "p.toml:14:27: baseline: a rate is compared with a time"},
		{"goodput(dl) = 1Mbps", `expected "+- TOLERANCE" here`},
		{"goodput(dl) == 1Mbps +- 1%", `p.toml:14:25: baseline: expected "=" here`},
		{"goodput(dl) >= 1Mbps", `expected "=" here`},
		{"goodput(dl) = 1Mbps +- 1s", "the tolerance is a time, not a rate"},
		{"goodput(dl) = 1Mbps +- -1%", "a tolerance is not negative"},
		{"goodput(dl) = 1Mbps +- 1% x", "unexpected \"x\""},
		{"goodput(ul) = 1Mbps +- 1%", `no flow "ul"; did you mean "dl"?`},
		{"3 = 3 +- 1%", "a baseline is a result of the run"},
		{"fallback(dl) = 1 +- 1%", "arithmetic with a text"},
		{"goodput(dl) = x +- 1%", "expected a number here"},
		{"", "the expression ends"},
	} {
		_, err := Parse("p.toml", pinnedBase+"numbers = ["+quote(c.text)+"]\n", Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
	alone := strings.Replace(pinnedBase, "[expect]\nintact = \"corrupt_bytes(dl) == 0B\"\n", "", 1)
	_, err := Parse("p.toml", alone+"numbers = [\"goodput(dl) = 1Mbps +- 1%\"]\n", Options{})
	if err == nil || !strings.Contains(err.Error(), "a baseline numbers needs [expect]") {
		t.Errorf("without expectations: %v", err)
	}
}

// A resolved scenario keeps its numeric baselines.
func TestResolvedNumericBaselines(t *testing.T) {
	sc, err := Parse("p.toml", pinnedBase+"numbers = [\"goodput(dl) = 1Mbps +- 1%\"]\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := resolvedText(t, sc); !strings.Contains(text, "numbers = [\"goodput(dl) = 1Mbps +- 1%\"]") {
		t.Errorf("resolved:\n%s", text)
	}
}

// A failed expectation says by how much.
func TestMiss(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{"corrupt_bytes(dl) >= 10B", "-10B (-100 %) off 10B"},
		{"10B <= corrupt_bytes(dl)", "-10B (-100 %) off 10B"},
		{"corrupt_bytes(dl) == 0B", ""},
		{"-5B <= corrupt_bytes(dl) < 0B", "+0B off 0B"},
		{"1 == 1", ""},
	} {
		text := strings.Replace(pinnedBase, "corrupt_bytes(dl) == 0B", c.expr, 1)
		sc, err := Parse("p.toml", text, Options{})
		if err != nil {
			t.Fatal(err)
		}
		w, err := Build(sc, Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if e := w.Expect()[0]; e.Miss != c.want || (c.want == "") != e.Pass || e.Pos.Line == 0 {
			t.Errorf("%s: miss %q, want %q (%+v)", c.expr, e.Miss, c.want, e)
		}
	}
}
