package cli

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// The scripts in testdata are the tests of the commands as a user types them.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mpsim": func() { os.Exit(Run(context.Background(), os.Args, os.Stdout, os.Stderr)) },
		// Two programs that differ by one constant of a scheduler.
		"mpsim-one": func() { os.Exit(Run(context.Background(), os.Args, os.Stdout, os.Stderr, With(turns(1)))) },
		"mpsim-two": func() { os.Exit(Run(context.Background(), os.Args, os.Stdout, os.Stderr, With(turns(2)))) },
	})
}

// turns is round-robin with a fixed quantum of segments.
func turns(segments float64) sched.Spec {
	specs := sched.Specs()
	s := specs[slices.IndexFunc(specs, func(s sched.Spec) bool { return s.Name == "roundrobin" })]
	newScheduler := s.New
	s.Name, s.Params = "turns", nil
	s.New = func(_ cc.Params, r *sim.Rand) sched.Scheduler {
		return newScheduler(cc.Params{segments, 1}, r)
	}
	return s
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("MPSIM_DATA", "")
			e.Setenv("GITHUB_ACTIONS", "")
			program, err := exec.LookPath("mpsim") // for scripts that change PATH
			e.Setenv("MPSIM", program)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": exitCode,
		},
		RequireUniqueNames: true,
	})
}

// exitCode is the script command `exit CODE mpsim ...`: it runs the command line
// in this process and wants exactly this exit code. Standard output and error
// can be matched as after exec.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || !strings.HasPrefix(args[1], "mpsim") {
		ts.Fatalf("usage: exit CODE mpsim args...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if e, ok := err.(interface{ ExitCode() int }); ok {
		got = strconv.Itoa(e.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}
