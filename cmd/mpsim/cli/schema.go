package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"mpsim/scenarios"
)

// schemaCommand is `mpsim schema`.
func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema of scenario files",
		Long: "schema prints the JSON Schema (draft 2020-12) of scenario files: keys, types, units, and the plug-ins with their\n" +
			"parameters. Editors complete and check TOML files by it; see docs/SCENARIOS.md.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := scenarios.JSONSchema(p.plugins)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.out, "%s\n", text)
			return err
		},
	}
}
