package scenarios

import (
	"slices"
	"strings"
	"testing"
)

// Every key that is offered for --set is one that the loader takes: a wrong type
// is blamed, never the key.
func TestSetKeys(t *testing.T) {
	sc, err := Parse("in.toml", small, Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys := SetKeys(sc)
	for _, want := range []string{"duration", "defaults.cc", "link.wifi.rate", "link.wifi.down.loss", "flow.dl.size"} {
		if !slices.Contains(keys, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, key := range keys {
		_, err := Parse("in.toml", small, Options{Set: []string{key + "=[[1]]"}})
		if err == nil || strings.Contains(err.Error(), "unknown key") || strings.Contains(err.Error(), "no element") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if slices.ContainsFunc(SetKeys(nil), func(k string) bool { return strings.HasPrefix(k, "link.") }) {
		t.Error("links without a scenario")
	}
}
