package script

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The scripts of the tutorial are those of docs/examples, at most 30 lines each,
// and every attribute, hook and name is in its tables.
func TestTutorial(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "PLUGINS.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, kind := range map[string]string{"emptiest.star": kindScheduler, "scalable.star": kindController, "standby.star": kindPathManager} {
		f := example(t, name)
		if !strings.Contains(text, "```python\n"+f.Source+"```\n") {
			t.Errorf("the tutorial does not show %s as it is", name)
		}
		if n := strings.Count(f.Source, "\n"); n > 30 {
			t.Errorf("%s has %d lines", name, n)
		}
		if !slices.Equal(f.Kinds(), []string{kind}) || f.Doc == "" || len(f.Params) == 0 {
			t.Errorf("%s is %q, %q with parameters %v", name, f.Kinds(), f.Doc, f.Params)
		}
	}
	words := regexp.MustCompile(`\w+`).FindAllString(text, -1)
	slices.Sort(words)
	names := slices.Concat(pathNames, queueNames, rangeNames, flowNames, ackNames, (&lossView{}).AttrNames(), connNames, localNames, endpointNames, remoteNames,
		subflowNames, predeclared(nil).Keys(), mathModule.AttrNames(), newRandom(nil).AttrNames())
	for _, h := range hookTable {
		names = append(append(names, h.name), h.args...)
	}
	for _, n := range names {
		if _, found := slices.BinarySearch(words, n); !found {
			t.Errorf("docs/PLUGINS.md does not mention %s", n)
		}
	}
}
