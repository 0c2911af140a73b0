package cli

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// templateFiles are what `mpsim new` begins with. NAME in them is replaced.
//
//go:embed templates/*.toml
var templateFiles embed.FS

// scenarioName is what the name of a scenario may be made of.
var scenarioName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// newCommand is `mpsim new`.
func (p *program) newCommand() *cobra.Command {
	var force bool
	var topology, xp string
	c := &cobra.Command{
		Use:   "new TEMPLATE FILE",
		Short: "begin a scenario or a sweep with a template that runs as it is",
		Long: "new writes a file to begin with, named after FILE; no file is replaced without --force. With --minitopo FILE is all\n" +
			"that is named, and the scenario is that of a topology file of minitopo. The templates (mpsim list template):\n\n" +
			templateList(),
		Args:      cobra.RangeArgs(1, 2),
		ValidArgs: templateNames(),
		RunE: func(_ *cobra.Command, args []string) error {
			switch imported := topology != ""; {
			case imported && len(args) == 1:
				return usage(p.importMinitopo(args[0], topology, xp, force))
			case imported:
				return usage(errors.New("--minitopo wants the file alone, without a template"))
			case xp != "":
				return usage(errors.New("--xp wants --minitopo"))
			case len(args) == 1:
				return usage(errors.New("new wants a template and a file"))
			}
			return usage(p.newFiles(args[0], args[1], force))
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	c.Flags().StringVar(&topology, "minitopo", "", "import this topology `file` of minitopo")
	c.Flags().StringVar(&xp, "xp", "", "the experiment `file` that belongs to it")
	return c
}

// newFiles writes what a template makes: a file, and for a sweep the scenario that it
// is of.
func (p *program) newFiles(name, file string, force bool) error {
	text, err := template(name, file)
	if err != nil {
		return err
	}
	files, texts := []string{file}, []string{text}
	if name == sweepTemplate {
		base := strings.TrimSuffix(file, ".toml") + "-base.toml"
		if text, err = template(sweepBase, base); err != nil {
			return err
		}
		files, texts = append(files, base), append(texts, text)
	}
	for _, f := range files {
		if _, err := os.Lstat(f); err == nil && !force {
			return fmt.Errorf("%s exists; --force replaces it", f)
		}
	}
	for i, f := range files {
		if err := writeNew(f, []byte(texts[i]), force); err != nil {
			return err
		}
		fmt.Fprintln(p.out, f)
	}
	return nil
}

// The sweep among the templates, and the template of the scenario that it is of.
const sweepTemplate, sweepBase = "sweep", "two-path"

// template returns the text of a template for a file.
func template(name, file string) (string, error) {
	text, err := fs.ReadFile(templateFiles, "templates/"+name+".toml")
	if err != nil {
		return "", fmt.Errorf("no template %q; have %s", name, strings.Join(templateNames(), ", "))
	}
	base, err := nameOf(file)
	if err != nil {
		return "", err
	}
	return strings.NewReplacer(`"NAME`, `"`+base, " FILE", " "+filepath.Base(file)).Replace(string(text)), nil
}

// nameOf returns the name of the scenario in a file.
func nameOf(file string) (string, error) {
	base, isTOML := strings.CutSuffix(filepath.Base(file), ".toml")
	if !isTOML || !scenarioName.MatchString(base) {
		return "", fmt.Errorf("%s: the file must be named NAME.toml, with letters, digits, dots, dashes and underscores", file)
	}
	return base, nil
}

// importMinitopo writes the scenario of files of minitopo.
func (p *program) importMinitopo(file, topology, xp string, force bool) error {
	name, err := nameOf(file)
	if err != nil {
		return err
	}
	text, left, err := minitopo(name, topology, xp)
	if err != nil {
		return err
	}
	if err := writeNew(file, []byte(text), force); err != nil {
		return err
	}
	for _, l := range left {
		fmt.Fprintf(p.err, "not taken over: %s\n", l)
	}
	fmt.Fprintln(p.out, file)
	return nil
}

// templateNames returns the names of the templates in order.
func templateNames() []string {
	files, _ := fs.Glob(templateFiles, "templates/*.toml") // the pattern is a valid one
	var out []string
	for _, f := range files {
		out = append(out, strings.TrimSuffix(filepath.Base(f), ".toml"))
	}
	return out
}

var templateTitle = regexp.MustCompile(`(?m)^# (.+?\.) Run it: `)

// templateRows are the templates with what their first lines say.
func templateRows(*program) []row {
	var rows []row
	for _, name := range templateNames() {
		text, err := fs.ReadFile(templateFiles, "templates/"+name+".toml")
		if err != nil {
			panic(err) // it was listed
		}
		doc := ""
		if m := templateTitle.FindSubmatch(text); m != nil {
			doc = strings.TrimSuffix(string(m[1]), ".")
		}
		rows = append(rows, row{name, doc, []param{}})
	}
	return rows
}

func templateList() string {
	var b strings.Builder
	for _, r := range templateRows(nil) {
		fmt.Fprintf(&b, "  %-12s %s\n", r.Name, r.Doc)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
