// Package cli is the command line of mpsim as a package, so that a program with
// plug-ins of its own is a few lines:
//
//	func main() { cli.Main(os.Args, cli.With(sched.Spec{Name: "mine", New: newMine})) }
//
// The exit code is 0 if all is well, 1 if an expectation or a baseline failed,
// 2 for a mistake in the usage or in a scenario, 3 for a broken invariant (a
// bug of mpsim or of a plug-in), 4 if a limit was reached, and 130 if the user
// interrupted the run. After 4 and 130 the partial results are complete files
// that say so.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"mpsim/cc"
	"mpsim/mptcp/pm"
	"mpsim/scenarios"
	"mpsim/sched"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1   // an expectation or a baseline
	exitUsage       = 2   // usage or scenario
	exitBug         = 3   // a broken invariant
	exitLimit       = 4   // a limit was reached
	exitInterrupted = 130 // by the user
)

// Option changes what the command line offers.
type Option func(*program)

// With adds plug-ins to the built-in ones. They appear in `mpsim list` and can
// be named in scenarios.
func With[S cc.Spec | sched.Spec | pm.Spec](specs ...S) Option {
	return func(p *program) {
		for _, s := range specs {
			switch s := any(s).(type) {
			case cc.Spec:
				p.plugins.CC = append(p.plugins.CC, s)
			case sched.Spec:
				p.plugins.Schedulers = append(p.plugins.Schedulers, s)
			case pm.Spec:
				p.plugins.PathManagers = append(p.plugins.PathManagers, s)
			}
		}
	}
}

// Main runs the command line of a process and ends the process with its exit
// code. The first argument is the name of the program.
func Main(args []string, options ...Option) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := Run(ctx, args, os.Stdout, os.Stderr, options...)
	stop()
	os.Exit(code)
}

// Run runs one command line and returns its exit code. Canceling ctx is the
// user's interrupt.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, options ...Option) int {
	p := &program{plugins: scenarios.Builtin(), out: stdout, err: stderr, ctx: ctx}
	for _, o := range options {
		o(p)
	}
	root := p.root()
	root.SetArgs(args[min(1, len(args)):])
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		e.print(stderr)
		return e.code
	}
	fmt.Fprintln(stderr, "mpsim: "+err.Error()) // cobra's: the usage is wrong
	return exitUsage
}

// program is one execution of the command line.
type program struct {
	plugins  *scenarios.Plugins
	out, err io.Writer
	ctx      context.Context
}

// exitError is an error with its exit code.
type exitError struct {
	code int
	err  error // nil: everything was said already
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// print writes the error. Problems of a scenario are lines that editors
// understand, so nothing stands before them.
func (e *exitError) print(w io.Writer) {
	var problems scenarios.Problems
	var script *scenarios.ScriptError
	switch {
	case e.err == nil:
	case errors.As(e.err, &script):
		fmt.Fprintln(w, script.Error())
	case errors.As(e.err, &problems):
		fmt.Fprintln(w, problems.Error())
	default:
		fmt.Fprintln(w, "mpsim: "+strings.TrimPrefix(e.err.Error(), "mpsim: "))
	}
}

// usage returns err as an error of usage or scenario.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// root returns the command tree.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mpsim",
		Short: "deterministic network simulator for Multipath TCP",
		Long: "mpsim simulates Multipath TCP (RFC 8684) over links, queues and recorded traces in virtual time.\n" +
			"A run is a pure function of scenario, seed and version; it prints the hash that says so.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	root.AddCommand(p.runCommand(), p.testCommand(), p.lintCommand(), p.listCommand(), p.plotCommand(), p.reportCommand(),
		p.traceCommand(), p.explainCommand(), p.whyCommand(), p.diffCommand(), p.packetdrillCommand(), p.benchCommand(), p.versionCommand())
	root.AddCommand(p.ccCheckCommand(), p.schemaCommand(), p.mbtestCommand(), p.traceboxCommand(), p.sweepCommand())
	root.AddCommand(p.scenariosCommand(), p.doctorCommand(), p.decodeCommand(), p.newCommand())
	return root
}
