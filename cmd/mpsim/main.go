// Command mpsim simulates Multipath TCP. See the package cli for a program of
// one's own with further plug-ins.
package main

import (
	"os"

	"mpsim/cmd/mpsim/cli"
)

func main() { cli.Main(os.Args) }
