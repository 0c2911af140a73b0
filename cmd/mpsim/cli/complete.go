package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"mpsim/scenarios"
)

// `mpsim completion bash|zsh|fish` prints a script by which a shell asks the
// program itself what may stand where the cursor is. The functions below answer.

// completeLibrary offers the scenarios and sweeps of the library.
func completeLibrary(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault // a directory
	}
	var sweeps []string
	for _, name := range scenarios.SweepNames() {
		if name = strings.TrimSuffix(name, ".toml"); strings.HasPrefix(name, prefix) {
			sweeps = append(sweeps, name)
		}
	}
	return append(libraryNames(prefix), sweeps...), cobra.ShellCompDirectiveNoFileComp
}

// completeScenario offers the scenarios of the library beside files.
func completeScenario(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return libraryNames(prefix), cobra.ShellCompDirectiveDefault
}

func libraryNames(prefix string) []string {
	var out []string
	for _, name := range scenarios.LibraryNames() {
		if name = strings.TrimSuffix(name, ".toml"); strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	return out
}

// completeSet offers the keys of --set: those of the schema, and where a table
// has names those of the scenario that was named before.
func completeSet(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	how := cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	if strings.Contains(prefix, "=") {
		return nil, how
	}
	var sc *scenarios.Scenario
	if len(args) > 0 {
		sc, _ = scenarios.Load(args[0], scenarios.Options{}) // a scenario with mistakes has no names to offer
	}
	var out []string
	for _, key := range scenarios.SetKeys(sc) {
		if strings.HasPrefix(key, prefix) {
			out = append(out, key+"=")
		}
	}
	return out, how
}
