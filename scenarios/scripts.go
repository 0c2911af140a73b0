package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mpsim/cc"
	"mpsim/internal/script"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/sched"
	"mpsim/sim"
)

// scriptPrefix begins the name of a plug-in that is a Starlark script.
const scriptPrefix = "file:"

// Script is a script that a scenario names, as a run directory keeps it.
type Script struct {
	// Name is the name of the file beside the resolved scenario, which names it
	// so: file:NAME.
	Name   string
	Source string
}

// scriptFile is a script of a scenario.
type scriptFile struct {
	*script.File
	path string // as it was opened
	copy string // Script.Name
}

// Scripts returns the scripts that the scenario names, in the order of their
// first mention.
func (sc *Scenario) Scripts() []Script {
	out := make([]Script, len(sc.scripts))
	for i, f := range sc.scripts {
		out[i] = Script{f.copy, f.Source}
	}
	return out
}

// script reads the script that a plug-in names. Its path is relative to the file
// that names it, that of an override to the working directory. What is wrong with
// the script is noted with the place in the script.
func (c *checker) script(ref *PluginRef) *scriptFile {
	name := strings.TrimPrefix(ref.Name, scriptPrefix)
	if path.Ext(name) != ".star" {
		c.add(ref.pos, "%q: a script is named as \"file:NAME.star\"", ref.Name)
		return nil
	}
	from := c.source
	if strings.HasPrefix(ref.pos.File, overridePrefix) {
		from = source{}
	} else {
		name = from.beside(ref.pos.File, name)
	}
	for _, f := range c.sc.scripts {
		if f.path == name {
			return f
		}
	}
	if c.badScripts[name] {
		return nil
	}
	text, err := from.read(name)
	var f *script.File
	if err == nil {
		f, err = script.Load(name, text)
	}
	if err != nil {
		if c.badScripts == nil {
			c.badScripts = make(map[string]bool)
		}
		c.badScripts[name] = true
		c.scriptProblem(ref.pos, name, err)
		return nil
	}
	out := &scriptFile{File: f, path: name, copy: path.Base(filepath.ToSlash(name))}
	stem := strings.TrimSuffix(out.copy, ".star")
	for n := 2; slices.ContainsFunc(c.sc.scripts, func(o *scriptFile) bool { return o.copy == out.copy }); n++ {
		out.copy = fmt.Sprintf("%s-%d.star", stem, n)
	}
	c.sc.scripts = append(c.sc.scripts, out)
	return out
}

// scriptProblem notes why a script cannot be used.
func (c *checker) scriptProblem(at Pos, name string, err error) {
	var list script.Errors
	if errors.As(err, &list) {
		for _, e := range list {
			c.add(Pos{e.Name, e.Line, e.Col}, "%s", e.Message)
		}
		return
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	c.add(at, "cannot read the script %s: %v", name, err)
}

// of is the table in which a plug-in is looked up: a script is a table of its own.
func (k pluginKind) of(ref *PluginRef) pluginKind {
	if ref.script == nil {
		return k
	}
	return pluginKind{what: k.what, names: []string{ref.Name}, params: [][]cc.Param{ref.script.Params}}
}

// takes returns why a script is no plug-in of the kind.
func (k pluginKind) takes(f *scriptFile) error {
	var err error
	switch k.what {
	case kindCC:
		_, err = f.Controller("")
	case kindScheduler:
		_, err = f.Scheduler("")
	case kindPathManager:
		_, err = f.PathManager("")
	}
	return err
}

// controller makes the controller of a connection of a flow.
func (w *World) controller(f *Flow, rnd *sim.Rand) cc.Controller {
	table := w.run.Plugins.CC
	if s := f.CC.script; s != nil {
		spec, err := s.For(f.Name).Controller(f.CC.Name)
		table = []cc.Spec{checked(spec, err)}
	}
	return checked(cc.Make(table, f.CC.Name, f.CC.settings(), rnd))
}

// scheduler makes the scheduler of a connection of a flow.
func (w *World) scheduler(f *Flow, rnd *sim.Rand) sched.Scheduler {
	table := w.run.Plugins.Schedulers
	if s := f.Scheduler.script; s != nil {
		spec, err := s.For(f.Name).Scheduler(f.Scheduler.Name)
		table = []sched.Spec{checked(spec, err)}
	}
	return checked(sched.Make(table, f.Scheduler.Name, f.Scheduler.settings(), rnd))
}

// pathManager makes the path manager of a connection of a flow.
func (w *World) pathManager(f *Flow, rnd *sim.Rand) mptcp.PathManager {
	table := w.run.Plugins.PathManagers
	if s := f.PathManager.script; s != nil {
		spec, err := s.For(f.Name).PathManager(f.PathManager.Name)
		table = []pm.Spec{checked(spec, err)}
	}
	return checked(pm.Make(table, f.PathManager.Name, f.PathManager.settings(), rnd))
}

// ScriptError is a script that failed while the simulation ran.
type ScriptError struct {
	Script *script.Error
	Time   sim.Time
	Node   string // whose event was being executed
}

// Error returns the place in the script and what happened, then when and for
// which flow, then the calls that led there.
func (e *ScriptError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n  at %v s, flow %q, node %q", e.Script, e.Time, e.Script.Owner, e.Node)
	for _, call := range e.Script.Backtrace {
		b.WriteString("\n  " + call)
	}
	return b.String()
}

// Unwrap returns the script's own error.
func (e *ScriptError) Unwrap() error { return e.Script }
