package script

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"mpsim/cc"
	"mpsim/sim"
)

// File is a script that was read and checked. It does not change any more and
// may be used by many runs at once.
type File struct {
	// Name is the name by which messages call the file.
	Name string
	// Source is its text.
	Source string
	// Doc is the first paragraph of the string at the top of the file.
	Doc string
	// Params are the parameters that the file declares, in its order.
	Params []cc.Param
	// Coupled: a controller of the file couples subflows, as it says itself by rules.
	Coupled bool

	program *starlark.Program
	names   []string // behind a dot anywhere in the file, sorted
	strings []string // constants of the file, sorted
	hooks   map[string]hookShape
	owner   string
}

// For returns the file for the plug-ins of a flow, which their errors name.
func (f *File) For(owner string) *File {
	own := *f
	own.owner = owner
	return &own
}

// MaxSize is the largest size of a script in bytes.
const MaxSize = 1 << 20

// dialect is Starlark with sets, while and statements at the top level. Functions
// do not recurse and globals are assigned once.
var dialect = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true}

// Load reads a script. Name is for messages. The script is executed once with its
// defaults to learn its parameters. The error is of type [Errors] and holds
// everything that could be found wrong.
func Load(name, source string) (*File, error) {
	f := &File{Name: name, Source: source}
	if len(source) > MaxSize {
		return nil, Errors{{Name: name, Line: 1, Col: 1, Message: fmt.Sprintf("the script is larger than %d KiB", MaxSize>>10)}}
	}
	known := predeclared(nil)
	tree, err := dialect.Parse(name, source, 0)
	if err != nil {
		return nil, loadErrors(name, err)
	}
	f.Doc = docOf(tree)
	f.names, f.strings = namesOf(tree)
	if f.program, err = starlark.FileProgram(tree, known.Has); err != nil {
		return nil, loadErrors(name, err)
	}
	if f.program.NumLoads() > 0 {
		_, pos := f.program.Load(0)
		return nil, Errors{at(pos, "a script is one file: load is not available")}
	}
	r := new(run)
	if err := r.start(f, nil, sim.NewRand(0, 0, "script")); err != nil {
		return nil, err
	}
	f.Params, f.Coupled = r.declared, r.coupled
	if err := f.findHooks(r); err != nil {
		return nil, err
	}
	return f, nil
}

// docOf returns the first paragraph of the string that stands first in a file.
func docOf(tree *syntax.File) string {
	if len(tree.Stmts) == 0 {
		return ""
	}
	e, ok := tree.Stmts[0].(*syntax.ExprStmt)
	if !ok {
		return ""
	}
	l, ok := e.X.(*syntax.Literal)
	if !ok || l.Token != syntax.STRING {
		return ""
	}
	text, _ := l.Value.(string)
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n\n")
	return strings.TrimSuffix(strings.Join(strings.Fields(first), " "), ".")
}

// namesOf returns every name behind a dot and every string, sorted. They say what a
// script may look at, so that the rest is not computed.
func namesOf(tree *syntax.File) (attributes, constants []string) {
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DotExpr:
			attributes = append(attributes, n.Name.Name)
		case *syntax.Literal:
			if s, ok := n.Value.(string); ok && n.Token == syntax.STRING {
				constants = append(constants, s)
			}
		}
		return true
	})
	slices.Sort(attributes)
	slices.Sort(constants)
	return slices.Compact(attributes), slices.Compact(constants)
}

// mentions reports whether an attribute of the name is read anywhere.
func (f *File) mentions(name string) bool {
	_, found := slices.BinarySearch(f.names, name)
	return found
}

// says reports whether the file has a string constant of the text.
func (f *File) says(text string) bool {
	_, found := slices.BinarySearch(f.strings, text)
	return found
}

// loadErrors turns what the parser and the resolver say into Errors.
func loadErrors(name string, err error) Errors {
	var out Errors
	var syn syntax.Error
	var list resolve.ErrorList
	switch {
	case errors.As(err, &syn):
		out = append(out, at(syn.Pos, syn.Msg))
	case errors.As(err, &list):
		for _, e := range list {
			out = append(out, at(e.Pos, e.Msg))
		}
	default:
		out = append(out, &Error{Name: name, Line: 1, Col: 1, Message: err.Error()})
	}
	return out
}

// hookShape is a function that scripts may define and how many parameters it has.
type hookShape struct {
	what string // of which plug-in it makes the file one, if required
	args []string
	// must says that a plug-in of the kind needs the function.
	must bool
}

// The kinds of plug-ins, as messages name them.
const (
	kindScheduler   = "scheduler"
	kindController  = "congestion controller"
	kindPathManager = "path manager"
)

// hookTable are the functions that a script may define.
var hookTable = []struct {
	name string
	hookShape
}{
	{"pick", hookShape{kindScheduler, []string{"queue", "paths"}, true}},
	{"on_data_ack", hookShape{kindScheduler, []string{"una"}, false}},
	{"on_path_timeout", hookShape{kindScheduler, []string{"flow"}, false}},
	{"on_path", hookShape{kindScheduler, []string{"flow", "up"}, false}},
	{"on_ack", hookShape{kindController, []string{"flow", "ack", "flows"}, true}},
	{"on_loss", hookShape{kindController, []string{"flow", "loss", "flows"}, false}},
	{"on_timeout", hookShape{kindController, []string{"flow", "loss", "flows"}, false}},
	{"on_mark", hookShape{kindController, []string{"flow", "why", "flows"}, false}},
	{"on_sent", hookShape{kindController, []string{"flow", "bytes"}, false}},
	{"on_undo", hookShape{kindController, []string{"flow"}, false}},
	{"on_join", hookShape{kindController, []string{"flow"}, false}},
	{"on_leave", hookShape{kindController, []string{"flow"}, false}},
	{"on_event", hookShape{kindPathManager, []string{"event", "conn"}, true}},
}

// findHooks checks the functions of the hook table that the file defines.
func (f *File) findHooks(r *run) error {
	f.hooks = make(map[string]hookShape)
	var bad Errors
	var required []string
	for _, h := range hookTable {
		if h.must {
			required = append(required, h.name)
		}
		v, ok := r.globals[h.name]
		if !ok {
			continue
		}
		fn, ok := v.(*starlark.Function)
		if !ok {
			bad = append(bad, &Error{Name: f.Name, Line: 1, Col: 1, Message: fmt.Sprintf("%s must be a function, not a %s", h.name, v.Type())})
			continue
		}
		if fn.NumParams() != len(h.args) || fn.HasVarargs() || fn.HasKwargs() || fn.NumKwonlyParams() > 0 {
			bad = append(bad, at(fn.Position(), fmt.Sprintf("%s is called with (%s): define it with %s",
				h.name, strings.Join(h.args, ", "), plural(len(h.args), "parameter"))))
			continue
		}
		f.hooks[h.name] = h.hookShape
	}
	if len(bad) > 0 {
		return bad
	}
	if len(f.Kinds()) == 0 {
		return Errors{{Name: f.Name, Line: 1, Col: 1, Message: "the script is no plug-in: it defines none of the functions " + strings.Join(required, ", ")}}
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// Kinds returns what the file can be used as: "scheduler", "congestion
// controller", "path manager".
func (f *File) Kinds() []string {
	var out []string
	for _, h := range hookTable {
		if _, ok := f.hooks[h.name]; ok && h.must {
			out = append(out, h.what)
		}
	}
	return out
}

// usable returns an error if the file is no plug-in of the kind.
func (f *File) usable(kind string) error {
	if slices.Contains(f.Kinds(), kind) {
		return nil
	}
	for _, h := range hookTable {
		if h.must && h.what == kind {
			return Errors{{Name: f.Name, Line: 1, Col: 1,
				Message: fmt.Sprintf("the script is no %s: it does not define %s(%s)", kind, h.name, strings.Join(h.args, ", "))}}
		}
	}
	return nil
}
