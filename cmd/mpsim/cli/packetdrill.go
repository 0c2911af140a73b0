package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"mpsim/internal/live"
	"mpsim/internal/packetdrill"
	"mpsim/mptcp"
)

// packetdrillFlags are the flags of `mpsim packetdrill`.
type packetdrillFlags struct {
	profile string
	family  string
	junit   string
	strict  bool
	live    bool
	tries   int
	quiet   bool
	seed    uint64
	defines []string
	options []*string // the options of the language, in the order of scriptOptions
}

// scriptOptions are the options that a script can have at its top and that the
// command line overrides.
var scriptOptions = []struct{ name, doc string }{
	{"tolerance_usecs", "how far from its time a packet may be, in `microseconds`"},
	{"tolerance_percent", "the same as a `percentage` of the time since the event before"},
	{"tcp_ts_tick_usecs", "clock tick of timestamps in `microseconds`; 0: they are not compared"},
	{"local_ip", "`address` of the endpoint"},
	{"remote_ip", "`address` of the script, with a prefix length"},
	{"bind_port", "`port` of bind(..., ...)"},
	{"connect_port", "`port` of connect(..., ...)"},
	{"mtu", "of the link, in `octets`"},
	{"mss", "maximum segment size, in `octets`"},
}

func (p *program) packetdrillCommand() *cobra.Command {
	var f packetdrillFlags
	c := &cobra.Command{
		Use:   "packetdrill SCRIPT.pkt...",
		Short: "run packetdrill scripts against one endpoint",
		Long: "packetdrill runs scripts of the packetdrill language, with its MPTCP extensions, against one endpoint in\n" +
			"simulated time. A path can be a directory: every *.pkt file below it is run. The report is in the Test\n" +
			"Anything Protocol. docs/PACKETDRILL.md describes the language.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error { return p.packetdrill(paths, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.profile, "profile", "linux", "protocol profile of the endpoint")
	fl.StringVar(&f.family, "ip_version", "", "ipv4, ipv6 or both; default: what the script says, or ipv4")
	fl.StringVar(&f.junit, "junit", "", "write a report in JUnit's XML to `file`")
	fl.BoolVar(&f.strict, "strict", false, "also check what the original tool leaves unchecked")
	fl.BoolVar(&f.live, "live", false, "against the kernel of this machine instead, in real time (root, Linux)")
	fl.IntVar(&f.tries, "tries", 1, "with --live, how often a script is run until it passes: a busy machine is late")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print only the scripts that fail, and the summary")
	fl.Uint64Var(&f.seed, "seed", 1, "names the random streams of the endpoint: keys, nonces, sequence numbers")
	fl.StringArrayVarP(&f.defines, "define", "D", nil, "`NAME=VALUE`: a macro")
	for _, o := range scriptOptions {
		f.options = append(f.options, fl.String(o.name, "", o.doc))
	}
	return c
}

// scriptVerdict is the result of one script in one family.
type scriptVerdict struct {
	name string
	err  error
	skip string // why it was not run
}

func (p *program) packetdrill(paths []string, f *packetdrillFlags) error {
	if mptcp.ProfileByName(f.profile) == nil {
		var names []string
		for _, q := range mptcp.Profiles() {
			names = append(names, q.Name)
		}
		return usage(fmt.Errorf("--profile: there is no profile %q; there are %s", f.profile, strings.Join(names, ", ")))
	}
	families, ok := map[string][]string{"": {""}, "ipv4": {"ipv4"}, "ipv6": {"ipv6"}, "both": {"ipv4", "ipv6"}}[f.family]
	if !ok {
		return usage(fmt.Errorf("--ip_version is ipv4, ipv6 or both, not %q", f.family))
	}
	files, err := scriptFiles(paths)
	if err != nil {
		return usage(err)
	}
	if !f.quiet {
		fmt.Fprintf(p.out, "TAP version 14\n1..%d\n", len(files)*len(families))
	}
	var verdicts []scriptVerdict
	for _, file := range files {
		for _, family := range families {
			if p.ctx.Err() != nil {
				return &exitError{exitInterrupted, errInterrupted}
			}
			v := p.runScript(file, family, f)
			verdicts = append(verdicts, v)
			p.printScript(len(verdicts), &v, f.quiet)
		}
	}
	if f.junit != "" {
		if err := maybe.WriteFile(f.junit, scriptJUnit(verdicts), 0o644); err != nil {
			return usage(err)
		}
	}
	return p.summariseScripts(verdicts)
}

// runScript parses and runs one script.
func (p *program) runScript(file, family string, f *packetdrillFlags) scriptVerdict {
	v := scriptVerdict{name: file}
	var overrides []string
	if family != "" {
		overrides = append(overrides, "--ip_version="+family)
		v.name += " " + family
	}
	for i, o := range scriptOptions {
		if *f.options[i] != "" {
			overrides = append(overrides, "--"+o.name+"="+*f.options[i])
		}
	}
	for _, d := range f.defines {
		overrides = append(overrides, "-D"+d)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		v.err = err
		return v
	}
	sc, err := packetdrill.Parse(file, string(text), overrides)
	if err != nil {
		v.err = err
		return v
	}
	if len(sc.Families) > 0 && !slices.Contains(sc.Families, map[bool]string{false: "v4", true: "v6"}[sc.Config.IPv6]) {
		v.skip = "the script is for " + strings.Join(sc.Families, " and ")
		return v
	}
	if !f.live {
		sys := packetdrill.NewSimulated(sc.Config, mptcp.ProfileByName(f.profile), f.seed)
		v.err = packetdrill.Run(sc, sys, packetdrill.Options{Strict: f.strict})
		return v
	}
	for range max(1, f.tries) {
		var sys packetdrill.System
		if sys, v.err = live.NewKernel(sc.Config); v.err != nil {
			return v
		}
		if v.err = packetdrill.Run(sc, sys, packetdrill.Options{Strict: f.strict}); v.err == nil {
			break
		}
	}
	return v
}

func (p *program) printScript(n int, v *scriptVerdict, quiet bool) {
	switch {
	case v.skip != "" && quiet:
		return
	case v.skip != "":
		fmt.Fprintf(p.out, "ok %d - %s # SKIP %s\n", n, escapeTAP(v.name), escapeTAP(v.skip))
		return
	case v.err != nil || !quiet:
		fmt.Fprintf(p.out, "%s %d - %s\n", okText(v.err == nil), n, escapeTAP(v.name))
	}
	if v.err != nil {
		for line := range strings.Lines(v.err.Error()) {
			fmt.Fprintf(p.out, "# %s\n", strings.TrimRight(line, "\n"))
		}
	}
}

// summariseScripts prints the last line and picks the exit code: a bug before a
// mistake before a failure.
func (p *program) summariseScripts(verdicts []scriptVerdict) error {
	failed, skipped, code := 0, 0, exitOK
	for i := range verdicts {
		v := &verdicts[i]
		if v.skip != "" {
			skipped++
		}
		if v.err == nil {
			continue
		}
		failed++
		var failure *packetdrill.Failure
		var bug *packetdrill.Bug
		switch {
		case errors.As(v.err, &failure):
			code = max(code, exitFailed)
		case errors.As(v.err, &bug):
			code = max(code, exitBug)
		default:
			code = max(code, exitUsage)
		}
	}
	fmt.Fprintf(p.out, "# %d of %d scripts passed", len(verdicts)-failed-skipped, len(verdicts)-skipped)
	if skipped > 0 {
		fmt.Fprintf(p.out, ", %d skipped", skipped)
	}
	fmt.Fprintln(p.out)
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// scriptFiles returns the files of the given paths: a directory stands for all
// *.pkt files below it, sorted.
func scriptFiles(paths []string) (files []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found := len(files)
		err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(file) == ".pkt" {
				files = append(files, file)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(files) == found {
			return nil, fmt.Errorf("no script (*.pkt) below %s", path)
		}
	}
	return files, nil
}

// scriptJUnit is the report in JUnit's XML.
func scriptJUnit(verdicts []scriptVerdict) []byte {
	s := junitSuite{Name: "packetdrill", Tests: len(verdicts)}
	for i := range verdicts {
		v := &verdicts[i]
		c := junitCase{Name: v.name, Class: "packetdrill"}
		var failure *packetdrill.Failure
		switch {
		case v.skip != "":
			c.Out = "skipped: " + v.skip
		case errors.As(v.err, &failure):
			c.Failure = &junitMessage{Message: failure.Pos.String(), Text: v.err.Error()}
			s.Failures++
		case v.err != nil:
			c.Error = &junitMessage{Message: "the script could not be judged", Text: v.err.Error()}
			s.Errors++
		}
		s.Cases = append(s.Cases, c)
	}
	return encodeJUnit(junitSuites{Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Suites: []junitSuite{s}})
}
