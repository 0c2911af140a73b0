package script

import (
	"fmt"

	"go.starlark.net/starlark"

	"mpsim/cc"
	"mpsim/sim"
)

// The limits on the steps of the interpreter, about one operation each.
const (
	// MaxSteps bounds one call of a function by the simulator.
	MaxSteps = 1_000_000
	// maxStartSteps bounds the execution of the file.
	maxStartSteps = 10_000_000
)

// run is one execution of a file: the state of one plug-in of one connection.
type run struct {
	file     *File
	thread   starlark.Thread
	globals  starlark.StringDict
	rnd      *sim.Rand
	now      sim.Time
	settings cc.Params  // values of the parameters; nil: their defaults
	declared []cc.Param // so far
	rules    cc.Rules   // of controllers
	coupled  bool       // of controllers: they say so
	started  bool
	steps    uint64 // limit of the present call

	sched *scheduler // whose run it is; nil: another plug-in's
}

// start executes the file with the given parameters.
func (r *run) start(f *File, settings cc.Params, rnd *sim.Rand) error {
	r.file, r.rnd, r.settings = f, rnd, settings
	r.thread.Name = f.Name
	r.thread.OnMaxSteps = func(t *starlark.Thread) {
		t.Cancel(fmt.Sprintf("more than %d steps in one call: is there a loop without an end?", r.steps))
	}
	r.thread.Print = func(*starlark.Thread, string) {}
	r.limit(maxStartSteps)
	globals, err := f.program.Init(&r.thread, predeclared(r))
	if err != nil {
		return Errors{f.callError(err)}
	}
	r.globals = globals
	r.started = true
	r.limit(MaxSteps)
	return nil
}

// mustStart is start for a file that has been loaded: what fails now depends on
// parameters or random numbers.
func (r *run) mustStart(f *File, settings cc.Params, rnd *sim.Rand) {
	if err := r.start(f, settings, rnd); err != nil {
		panic(err.(Errors)[0])
	}
}

func (r *run) limit(steps uint64) {
	r.steps = steps
	r.thread.SetMaxExecutionSteps(steps)
}

// hook returns a function of the file; nil: it defines none of the name.
func (r *run) hook(name string) *starlark.Function {
	if _, ok := r.file.hooks[name]; !ok {
		return nil
	}
	return r.globals[name].(*starlark.Function)
}

// call calls a function of the file. What goes wrong is a panic with *Error.
func (r *run) call(now sim.Time, fn *starlark.Function, args starlark.Tuple) starlark.Value {
	r.now = now
	r.thread.Steps = 0
	v, err := starlark.Call(&r.thread, fn, args, nil)
	if err != nil {
		panic(r.file.callError(err))
	}
	return v
}

// failf reports what is wrong with the result of a function.
func (r *run) failf(fn *starlark.Function, format string, args ...any) {
	e := at(fn.Position(), fn.Name()+" "+fmt.Sprintf(format, args...))
	e.Owner = r.file.owner
	panic(e)
}
