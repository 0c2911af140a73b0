package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/scenarios"
	"mpsim/scenarios/sweep"
)

// scenariosCommand is `mpsim scenarios`: the library, which is part of the
// program.
func (p *program) scenariosCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "scenarios",
		Short: "list, show and copy the scenarios and sweeps of the library",
		Long: "scenarios gives access to the library of scenarios, which is part of the program. A scenario is named by its path,\n" +
			"handover/constant, or by its name alone if no other family has one of that name; sweeps are the family sweeps. run,\n" +
			"lint and test take names of scenarios, too, and sweep those of sweeps.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.scenariosListCommand(), p.scenariosShowCommand(), p.scenariosCopyCommand())
	return c
}

// libraryEntry is a scenario or sweep as `mpsim scenarios list --json` prints it.
type libraryEntry struct {
	Path  string   `json:"path"`
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Rows  []string `json:"rows"`
	Kind  string   `json:"kind"` // "scenario" or "sweep"
}

// libraryEntries returns the library: scenarios by their paths, then sweeps.
func libraryEntries() ([]libraryEntry, error) {
	list, err := scenarios.List()
	if err != nil {
		return nil, err
	}
	var out []libraryEntry
	for _, e := range list {
		out = append(out, libraryEntry{e.Path, e.Name, e.Title, append([]string{}, e.Rows...), "scenario"})
	}
	for _, file := range scenarios.SweepNames() {
		s, err := librarySweep(file)
		if err != nil {
			return nil, err
		}
		out = append(out, libraryEntry{file, s.Name, s.Title, append([]string{}, s.Rows...), "sweep"})
	}
	return out, nil
}

// librarySweep reads a sweep of the library by its path.
func librarySweep(file string) (*sweep.Sweep, error) {
	text, err := fs.ReadFile(scenarios.SweepFiles(), file)
	if err != nil {
		return nil, err
	}
	return sweep.Parse(file, string(text))
}

func (p *program) scenariosListCommand() *cobra.Command {
	var asJSON bool
	var search string
	c := &cobra.Command{
		Use:   "list [FAMILY]",
		Short: "list the scenarios and sweeps, or those of one family",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			list, err := libraryEntries()
			if err != nil {
				return err
			}
			out, families := []libraryEntry{}, []string{}
			for _, e := range list {
				family := path.Dir(e.Path)
				if n := len(families); n == 0 || families[n-1] != family {
					families = append(families, family)
				}
				text := strings.Join(append([]string{e.Path, e.Title}, e.Rows...), " ")
				if (len(args) == 0 || args[0] == family) && holdsAll(text, search) {
					out = append(out, e)
				}
			}
			if len(args) == 1 && !strings.Contains(" "+strings.Join(families, " ")+" ", " "+args[0]+" ") {
				return usage(fmt.Errorf("no family %q; have %s", args[0], strings.Join(families, ", ")))
			}
			if asJSON {
				return json.NewEncoder(p.out).Encode(out)
			}
			t := table.NewWriter()
			t.SetStyle(plainStyle())
			for _, e := range out {
				t.AppendRow(table.Row{strings.TrimSuffix(e.Path, ".toml"), e.Title, strings.Join(e.Rows, " ")})
			}
			fmt.Fprintln(p.out, render(t))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	searchFlag(c, &search)
	return c
}

func (p *program) scenariosShowCommand() *cobra.Command {
	var resolved bool
	c := &cobra.Command{
		Use:               "show NAME",
		Short:             "print a scenario or sweep of the library",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeLibrary,
		RunE: func(_ *cobra.Command, args []string) error {
			if resolved {
				sc, err := p.inLibrary(args[0])
				if err != nil {
					return usage(err)
				}
				return sc.WriteResolved(p.out)
			}
			files, err := p.libraryFiles(args[0])
			if err != nil {
				return usage(err)
			}
			text, err := readLibrary(files[0])
			if err != nil {
				return err
			}
			_, err = p.out.Write(text)
			return err
		},
	}
	c.Flags().BoolVar(&resolved, "resolved", false, "with every default spelled out")
	return c
}

func (p *program) scenariosCopyCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "copy NAME [DIRECTORY]",
		Short: "copy a scenario or sweep of the library to a directory, with the files that it is made of",
		Long: "copy writes a scenario of the library to a directory, by default the working directory, with the files that it\n" +
			"extends and includes and its scripts, and a sweep with its base scenario, so that it can be changed there. No file\n" +
			"is replaced without --force.",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeLibrary,
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := p.libraryFiles(args[0])
			if err != nil {
				return usage(err)
			}
			return usage(p.copyFiles(files, strings.Join(args[1:], ""), force))
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace files that exist")
	return c
}

// inLibrary loads a scenario of the library by its name.
func (p *program) inLibrary(name string) (*scenarios.Scenario, error) {
	switch found := scenarios.FindLibrary(name); len(found) {
	case 0:
		return nil, fmt.Errorf("the library has no scenario %q; mpsim scenarios list --search WORD finds one", name)
	case 1:
		return scenarios.LoadLibrary(found[0], scenarios.Options{Plugins: p.plugins})
	default:
		return nil, fmt.Errorf("%q is the name of several scenarios of the library: %s", name, strings.Join(found, ", "))
	}
}

// libraryFiles returns the files of a scenario or sweep of the library, its own first.
func (p *program) libraryFiles(name string) ([]string, error) {
	if file := scenarios.FindSweep(name); file != "" {
		s, err := librarySweep(file)
		if err != nil {
			return nil, err
		}
		base, err := scenarios.LoadLibrary(s.Base, scenarios.Options{Plugins: p.plugins})
		if err != nil {
			return nil, err
		}
		return append([]string{file}, base.Files()...), nil
	}
	sc, err := p.inLibrary(name)
	if err != nil {
		return nil, err
	}
	return sc.Files(), nil
}

// readLibrary reads a file of the library.
func readLibrary(file string) ([]byte, error) {
	if strings.HasPrefix(file, "sweeps/") {
		return fs.ReadFile(scenarios.SweepFiles(), file)
	}
	return fs.ReadFile(scenarios.Library(), file)
}

// copyFiles writes files of the library below a directory, as they lie relative to
// each other, and says which is the scenario.
func (p *program) copyFiles(files []string, dir string, force bool) error {
	root := path.Dir(files[0])
	for _, f := range files {
		for root != "." && !strings.HasPrefix(f, root+"/") {
			root = path.Dir(root)
		}
	}
	targets := make([]string, len(files))
	for i, f := range files {
		targets[i] = filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(f, root+"/")))
		if _, err := os.Lstat(targets[i]); !force && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s exists; --force replaces it", targets[i])
		}
	}
	for i, f := range files {
		text, err := readLibrary(f)
		if err != nil {
			return err
		}
		if err := writeNew(targets[i], text, force); err != nil {
			return err
		}
		fmt.Fprintln(p.out, targets[i])
	}
	return nil
}

// writeNew writes a file that the user asked for by name, and the directories
// above it. A file that exists is an error unless force is set; it is replaced at once or
// not at all, and nothing half-written is left.
func writeNew(file string, text []byte, force bool) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	if force {
		return maybe.WriteFile(file, text, 0o666)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; --force replaces it", file)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}
