package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles writes files by name into a new directory.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The order is base, included files, the file itself; names are relative to the
// file that gives them; what comes out is one scenario on its own.
func TestInclude(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"base.toml":        small + "[defaults]\nreprobe = true\nnodelay = true\nmss = 1000\n",
		"parts/first.toml": "name = \"part\"\ninclude = \"more/deep.toml\"\n[defaults]\nnodelay = false\nmss = 1100\n[[link]]\nname = \"wifi\"\nrate = \"3Mbps\"\n",
		"parts/more/deep.toml": "[defaults]\nmss = 1050\n[[flow]]\nname = \"second\"\nclient = \"client\"\nserver = \"server\"\n" +
			"[[link]]\nname = \"wifi\"\nrate = \"2Mbps\"\n",
		"parts/last.toml": "[defaults]\nmss = 1200\n",
		"main.toml":       "extends = \"base.toml\"\ninclude = [\"parts/first.toml\", \"parts/last.toml\"]\nname = \"main\"\n[[flow]]\nname = \"second\"\nvia = \"lte\"\n",
	})
	sc, err := Load(filepath.Join(dir, "main.toml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := sc.Defaults
	if sc.Name != "main" || !d.Reprobe || d.NoDelay || d.MSS != 1200 {
		t.Errorf("name %q, defaults %+v", sc.Name, d)
	}
	if len(sc.Flows) != 2 || sc.Flows[1].Via != "lte" || sc.Flows[1].Client != "client" {
		t.Errorf("flows %+v", sc.Flows)
	}
	if got := sc.Links[0].Up.Rate; got == nil || got.Bits != 3_000_000 {
		t.Errorf("rate of %s: %v", sc.Links[0].Name, got)
	}
	text := resolvedText(t, sc)
	again, err := Parse("resolved.toml", text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if resolvedText(t, again) != text || strings.Contains(text, "include") {
		t.Errorf("the resolved scenario does not stand alone:\n%s", text)
	}
}

// Mistakes are reported in the file and at the place where they stand.
func TestIncludeProblems(t *testing.T) {
	layers := map[string]string{"main.toml": "include = [\"l0.toml\", \"l0.toml\"]\n"}
	for i := range 9 {
		layers[fmt.Sprintf("l%d.toml", i)] = fmt.Sprintf("include = [\"l%d.toml\", \"l%d.toml\"]\n", i+1, i+1)
	}
	layers["l9.toml"] = "schema = 1\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"value in an included file": {map[string]string{"main.toml": "include = \"sub/links.toml\"\n" + small, "sub/links.toml": "\n[defaults]\nmss = \"big\"\n"}, "sub/links.toml:3:7: mss must be an integer"},
		"key in an included file":   {map[string]string{"main.toml": "include = \"sub/links.toml\"\n" + small, "sub/links.toml": "durration = \"3s\"\n"}, "sub/links.toml:1:1: unknown key \"durration\""},
		"syntax":                    {map[string]string{"main.toml": "include = \"b.toml\"\n" + small, "b.toml": "x = \n"}, "b.toml:1:"},
		"missing":                   {map[string]string{"main.toml": "include = [\n \"a.toml\",\n \"none.toml\"]\n" + small, "a.toml": ""}, "main.toml:3:2: cannot read DIR/none.toml: no such file"},
		"itself":                    {map[string]string{"main.toml": "include = \"./main.toml\"\n"}, "main.toml:1:11: DIR/main.toml extends or includes itself"},
		"circle":                    {map[string]string{"main.toml": "extends = \"sub/b.toml\"\n", "sub/b.toml": "\n include = [\"../main.toml\"]\n"}, "sub/b.toml:2:13: DIR/main.toml extends or includes itself: DIR/main.toml -> DIR/sub/b.toml -> DIR/main.toml"},
		"type":                      {map[string]string{"main.toml": "include = [\"b.toml\", 7]\n", "b.toml": ""}, "main.toml:1:22: include must be the name of a file in quotes or a list of them, not the integer 7"},
		"too many":                  {layers, "the scenario is made of more than 256 files"},
	} {
		dir := writeFiles(t, c.files)
		_, err := Load(filepath.Join(dir, "main.toml"), Options{})
		want := strings.ReplaceAll(c.want, "DIR", dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v\nwant %s", name, err, want)
		}
	}
	if _, err := Parse("in.toml", "include = \"a.toml\"\n"+small, Options{}); err == nil || !strings.Contains(err.Error(), "in.toml:1:11: include needs a file") {
		t.Errorf("text without a file: %v", err)
	}
}
