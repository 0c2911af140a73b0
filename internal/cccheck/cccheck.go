// Package cccheck examines a congestion controller from outside, by what its
// connections get: the three goals of RFC 6356 section 1, what it is over one path,
// the scale invariances of the coupled rules, and the three axes on which Peng et al.
// (IEEE/ACM ToN 24(1), 2016) compare them: friendliness, responsiveness, oscillation.
//
// Every check is a number from simulated connections, replicated over seeds, with
// Student's interval of its mean, and a verdict only where the whole interval lies on
// one side of the bound. The number is a ratio to single-path connections that meet
// the same losses. docs/CC-CHECK.md describes the experiments and the bounds.
package cccheck

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"mpsim/cc"
	"mpsim/internal/script"
	"mpsim/results"
	"mpsim/scenarios"
)

// Config says what is examined and how.
type Config struct {
	// Names are the controllers, from the tables of Plugins.
	Names []string
	// Params are parameters that every one of them gets.
	Params []cc.Setting
	// Base names the single-path controller that they are compared to; empty: that
	// of each one's cc.Spec.
	Base string
	// Seeds is the number of replications, at least 2; the seeds are 1, 2, ...
	Seeds int
	// Jobs is how many simulations run at a time; 0: one per processor. The report
	// does not depend on it.
	Jobs int
	// Groups are the groups of checks that are made; empty: all.
	Groups []string
	// Plugins are the tables of plug-ins; nil: the built-in ones.
	Plugins *scenarios.Plugins
}

// Report is the result for one controller.
type Report struct {
	Schema     int      `json:"schema"` // 1
	Controller string   `json:"controller"`
	Base       string   `json:"base"`
	Seeds      int      `json:"seeds"`
	Level      float64  `json:"level"` // of the intervals
	Checks     []Result `json:"checks"`
}

// Result is one check.
type Result struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Doc   string `json:"doc"`
	Unit  string `json:"unit,omitempty"`
	// Mean is the mean over the replications; Low and High bound Student's interval
	// of it; Values are the replications, in the order of seeds.
	Mean   results.Number   `json:"mean"`
	Low    results.Number   `json:"low"`
	High   results.Number   `json:"high"`
	Values []results.Number `json:"values"`
	// AtLeast and AtMost are the bounds; null: none on this side.
	AtLeast *float64 `json:"at_least"`
	AtMost  *float64 `json:"at_most"`
	// Verdict is Meets, DoesNot or Unclear; empty where there is no bound.
	Verdict string `json:"verdict,omitempty"`
	// Note says more, such as that two runs are identical.
	Note string `json:"note,omitempty"`
}

// The verdicts. A controller may be meant not to meet a goal: uncoupled ones are
// not meant to do no harm.
const (
	Meets   = "meets"
	DoesNot = "does not"
	Unclear = "unclear" // the interval contains a bound: more seeds
)

// Goals are the groups of the three goals of RFC 6356.
var Goals = []string{"improve", "harm", "balance"}

// Groups returns the names of all groups of checks, in their order.
func Groups() []string {
	var out []string
	for i := range checks {
		if !slices.Contains(out, checks[i].group) {
			out = append(out, checks[i].group)
		}
	}
	return out
}

// Failed returns the checks of the given groups ("goals" and "all" included) that
// have a bound and are not met.
func (r *Report) Failed(groups []string) []Result {
	var out []Result
	for _, c := range r.Checks {
		asked := slices.Contains(groups, c.Group) || slices.Contains(groups, "all") ||
			slices.Contains(groups, "goals") && slices.Contains(Goals, c.Group)
		if asked && c.Verdict != "" && c.Verdict != Meets {
			out = append(out, c)
		}
	}
	return out
}

// Run examines the controllers. The error is of type scenarios.Problems for a wrong
// name or parameter, *scenarios.BugError if a controller has broken an invariant, or
// that of the context.
func Run(ctx context.Context, cfg Config) ([]Report, error) {
	if cfg.Plugins == nil {
		cfg.Plugins = scenarios.Builtin()
	}
	if cfg.Seeds < 2 {
		return nil, fmt.Errorf("cc-check: an interval needs at least 2 seeds, not %d", cfg.Seeds)
	}
	for _, g := range cfg.Groups {
		if !slices.Contains(Groups(), g) {
			return nil, cc.UnknownName("group of checks", g, Groups())
		}
	}
	l := newLaboratory(&cfg)
	subjects := make([]subject, len(cfg.Names))
	for i, name := range cfg.Names {
		s, err := newSubject(&cfg, name)
		if err != nil {
			return nil, err
		}
		subjects[i] = s
		for k := range checks {
			if cfg.wants(checks[k].group) {
				for _, e := range checks[k].runs(&s) {
					l.plan(e)
				}
			}
		}
	}
	if err := l.carryOut(ctx); err != nil {
		return nil, err
	}
	reports := make([]Report, len(subjects))
	for i := range subjects {
		reports[i] = l.report(&cfg, &subjects[i])
	}
	return reports, nil
}

func (cfg *Config) wants(group string) bool {
	return len(cfg.Groups) == 0 || slices.Contains(cfg.Groups, group)
}

// subject is a controller under examination, as scenarios name it.
type subject struct {
	name       string
	self, base string // TOML values of cc
	baseName   string
}

// scriptPrefix begins the name of a controller that is a script, "file:my.star".
const scriptPrefix = "file:"

// specOf returns the row of a controller in the tables, or that of a script, nil if
// there is none: a scenario tells why.
func (cfg *Config) specOf(name string) *cc.Spec {
	file, isScript := strings.CutPrefix(name, scriptPrefix)
	if !isScript {
		if i := slices.IndexFunc(cfg.Plugins.CC, func(s cc.Spec) bool { return s.Name == name }); i >= 0 {
			return &cfg.Plugins.CC[i]
		}
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	f, err := script.Load(file, string(text))
	if err != nil {
		return nil
	}
	spec, err := f.Controller(name)
	if err != nil {
		return nil
	}
	return &spec
}

func newSubject(cfg *Config, name string) (subject, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "{ name = %q", name)
	for _, p := range cfg.settings(name) {
		fmt.Fprintf(&b, ", %s = %v", p.Name, p.Value)
	}
	b.WriteString(" }")
	s := subject{name: name, self: b.String(), baseName: cfg.Base}
	if s.baseName == "" {
		s.baseName = cfg.baseOf(name)
	}
	s.base = fmt.Sprintf("%q", s.baseName)
	if !strings.HasPrefix(name, scriptPrefix) {
		if _, _, err := cc.Lookup("congestion controller", cfg.Plugins.CC, name, cfg.Params); err != nil {
			return s, err
		}
	}
	if !strings.HasPrefix(s.baseName, scriptPrefix) {
		if _, _, err := cc.Lookup("base", cfg.Plugins.CC, s.baseName, nil); err != nil {
			return s, err
		}
	}
	// A scenario shows whether a script and its parameters are there.
	for _, value := range []string{s.base, s.self} {
		if _, err := scenarios.Parse("cc-check", onePath(value).text, scenarios.Options{Plugins: cfg.Plugins}); err != nil {
			return s, err
		}
	}
	return s, nil
}

// plainSlowStart is the parameter by which presets give coupled controllers another
// slow start than their base has.
const plainSlowStart = "hystartpp"

// settings are the parameters of a controller: those asked for, and slow start as its
// base has it unless they say otherwise, so that the two differ in their rules alone.
func (cfg *Config) settings(name string) []cc.Setting {
	if slices.ContainsFunc(cfg.Params, func(p cc.Setting) bool { return p.Name == plainSlowStart }) {
		return cfg.Params
	}
	if s := cfg.specOf(name); s != nil && slices.ContainsFunc(s.Params, func(p cc.Param) bool { return p.Name == plainSlowStart }) {
		return append(slices.Clip(cfg.Params), cc.Setting{Name: plainSlowStart})
	}
	return cfg.Params
}

// baseOf returns the base of a controller: what it names, itself if it is not coupled,
// or else reno.
func (cfg *Config) baseOf(name string) string {
	switch s := cfg.specOf(name); {
	case s == nil:
	case s.Base != "":
		return s.Base
	case !s.Coupled:
		return name
	}
	return "reno"
}

// laboratory carries out experiments, each of them once.
type laboratory struct {
	cfg   *Config
	order []experiment
	index map[string]int
	got   [][]outcome // by experiment, by replication
}

func newLaboratory(cfg *Config) *laboratory {
	return &laboratory{cfg: cfg, index: make(map[string]int)}
}

// plan adds an experiment unless it is there.
func (l *laboratory) plan(e experiment) {
	if _, ok := l.index[e.text]; !ok {
		l.index[e.text] = len(l.order)
		l.order = append(l.order, e)
	}
}

func (l *laboratory) carryOut(ctx context.Context) error {
	l.got = make([][]outcome, len(l.order))
	g, ctx := errgroup.WithContext(ctx)
	jobs := l.cfg.Jobs
	if jobs < 1 {
		jobs = runtime.GOMAXPROCS(0)
	}
	g.SetLimit(jobs)
	for i := range l.order {
		l.got[i] = make([]outcome, l.cfg.Seeds)
		for k := range l.got[i] {
			g.Go(func() (err error) {
				if ctx.Err() != nil {
					return errStopped
				}
				l.got[i][k], err = l.order[i].run(ctx, uint64(k+1), l.cfg.Plugins)
				return err
			})
		}
	}
	return g.Wait()
}

// of returns what came of an experiment, by replication.
func (l *laboratory) of(e experiment) []outcome { return l.got[l.index[e.text]] }

func (l *laboratory) report(cfg *Config, s *subject) Report {
	r := Report{Schema: 1, Controller: s.name, Base: s.baseName, Seeds: cfg.Seeds, Level: level, Checks: []Result{}}
	for i := range checks {
		c := &checks[i]
		if !cfg.wants(c.group) {
			continue
		}
		runs := c.runs(s)
		got := make([][]outcome, len(runs))
		for k := range runs {
			got[k] = l.of(runs[k])
		}
		values, note := c.measure(got)
		r.Checks = append(r.Checks, c.result(values, note))
	}
	return r
}
