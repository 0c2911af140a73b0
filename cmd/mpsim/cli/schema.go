package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"mpsim/scenarios"
	"mpsim/scenarios/sweep"
)

// schemaCommand is `mpsim schema`.
func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [scenario|sweep]",
		Short: "print the JSON Schema of scenario or sweep files",
		Long: "schema prints the JSON Schema (draft 2020-12) of scenario files: keys, types, units, and the plug-ins with their\n" +
			"parameters; or that of sweep files. Editors complete and check TOML files by it; see docs/SCENARIOS.md and docs/SWEEPS.md.",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"scenario", "sweep"},
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := scenarios.JSONSchema(p.plugins)
			if len(args) > 0 && args[0] == "sweep" {
				text, err = sweep.JSONSchema()
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.out, "%s\n", text)
			return err
		},
	}
}
