package scenarios

import (
	"strings"
	"testing"
)

// Keys of another model, and chains that cannot be, are errors with their place; what is
// resolved can be read again and has only the keys of its model.
func TestBurstLossKeys(t *testing.T) {
	const text = `schema = 1
name = "x"
duration = "1s"
[[node]]
name = "a"
[[node]]
name = "b"
[[link]]
name = "l"
a = "a.e"
b = "b.e"
down.burst_loss = %
[[flow]]
name = "f"
client = "a"
server = "b"
`
	for burst, want := range map[string]string{
		`{ p = 0.1, bad_time = "1s" }`:              `in.toml:12:30: burst_loss of model "gilbert-elliott" has no key "bad_time"`,
		`{ model = "4-state", r = 1 }`:              `has no key "r"`,
		`{ model = "4-state", p13 = 0.1, p31 = 0 }`: "must have an end",
		`{ model = "gilbert" }`:                     "gilbert-elliott",
		`{ p = 2 }`:                                 "p",
	} {
		_, err := Parse("in.toml", strings.Replace(text, "%", burst, 1), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", burst, err, want)
		}
	}
	sc := mustParse(t, strings.Replace(text, "%", `{ model = "4-state", p13 = 0.125, p31 = 0.5 }`, 1))
	var out strings.Builder
	if err := sc.WriteResolved(&out); err != nil {
		t.Fatal(err)
	}
	again := out.String()
	if !strings.Contains(again, "p13 = 0.125") || strings.Contains(again, "bad_time") {
		t.Errorf("resolved:\n%s", again)
	}
	mustParse(t, again)
}

// A meaning that no filter knows is an error that lists what there is.
func TestMeaningKeys(t *testing.T) {
	text := strings.Replace(boxedPaths, "%s", "[[link]]\nname = \"wifi\"\n[[link.box]]\ntype = \"drop\"\nmeaning = [\"datafine\"]\n", 1)
	_, err := Parse("in.toml", strings.ReplaceAll(text, "%s", ""), Options{})
	if err == nil || !strings.Contains(err.Error(), `meaning of a packet "datafine"`) || !strings.Contains(err.Error(), "datafin") {
		t.Errorf("%v", err)
	}
}
