package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mpsim/internal/script"
	"mpsim/scenarios"
)

func (p *program) lintCommand() *cobra.Command {
	var set []string
	var dataDir string
	c := &cobra.Command{
		Use:   "lint FILE...",
		Short: "say everything that is wrong with scenario files and scripts, without running them",
		Args:  cobra.MinimumNArgs(1),

		ValidArgsFunction: completeScenario,
		RunE: func(_ *cobra.Command, files []string) error {
			bad := false
			for _, f := range files {
				if filepath.Ext(f) == ".star" {
					bad = !p.lintScript(f) || bad
					continue
				}
				err := scenarios.Lint(f, scenarios.Options{Set: set, DataDir: dataDir, Plugins: p.plugins})
				var problems scenarios.Problems
				switch {
				case err == nil:
					fmt.Fprintf(p.out, "%s: ok\n", f)
					continue
				case errors.As(err, &problems):
					fmt.Fprintln(p.err, problems.Error())
				default:
					fmt.Fprintf(p.err, "%s: %v\n", f, err)
				}
				bad = true
			}
			if bad {
				return &exitError{code: exitUsage}
			}
			return nil
		},
	}
	setFlag(c, &set)
	dataFlag(c, &dataDir)
	return c
}

// lintScript says what is wrong with a plug-in in Starlark, or what it is.
func (p *program) lintScript(file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		fmt.Fprintf(p.err, "%v\n", err)
		return false
	}
	f, err := script.Load(file, string(text))
	if err != nil {
		fmt.Fprintln(p.err, err)
		return false
	}
	fmt.Fprintf(p.out, "%s: ok, a %s", file, strings.Join(f.Kinds(), " and a "))
	for i, q := range f.Params {
		sep := ", "
		if i == 0 {
			sep = " with "
		}
		fmt.Fprintf(p.out, "%s%s = %g", sep, q.Name, q.Default)
	}
	fmt.Fprintln(p.out)
	return true
}

// setFlag and dataFlag are the flags of every command that loads scenarios.
func setFlag(c *cobra.Command, set *[]string) {
	c.Flags().StringArrayVar(set, "set", nil, "override a key of the scenario, `key=value`; repeatable")
	if err := c.RegisterFlagCompletionFunc("set", completeSet); err != nil {
		panic(err) // the flag is there
	}
}

func dataFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "data", "", "`directory` of recorded traces (default: MPSIM_DATA, or ../shared/data)")
}
