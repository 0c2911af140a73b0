package scenarios

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	simnet "mpsim/net"
	"mpsim/net/radio"
)

// Options say how a scenario is loaded.
type Options struct {
	Set     []string // overrides "key=value", in order
	DataDir string   // of recorded traces; empty: MPSIM_DATA or ../shared/data
	// Seed, if not nil, replaces the seed of the file: what [topology] and [[traffic]]
	// draw depends on it.
	Seed *uint64
	// Plugins are tables beyond the built-in ones.
	Plugins *Plugins
	// Measures are evaluated by World.Measure. NoExpect leaves out the expectations of
	// the file, which hold for the scenario as it stands.
	Measures []Measure
	NoExpect bool
}

// maxFile bounds the size of a scenario file.
const maxFile = 16 << 20

// Load reads a scenario file, or a scenario of the library if no such file
// exists, with everything that it extends. The error is of type Problems and
// holds everything that is wrong with the scenario.
func Load(name string, o Options) (*Scenario, error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		switch in := FindLibrary(name); {
		case len(in) == 1:
			return load(source{fsys: Library()}, in[0], o)
		case len(in) > 1:
			return nil, Problems{{Pos{File: name}, "is the name of several scenarios of the library: " + strings.Join(in, ", ")}}
		}
	}
	return load(source{}, name, o)
}

// LoadLibrary reads a scenario of the library by its path, such as
// "handover/constant.toml".
func LoadLibrary(name string, o Options) (*Scenario, error) {
	return load(source{fsys: Library()}, name, o)
}

// Parse reads a scenario from text. File is the name for messages; extends is
// relative to its directory.
func Parse(file, text string, o Options) (*Scenario, error) {
	l := loader{options: o}
	tree, err := parseTree(file, text)
	if err != nil {
		return nil, err
	}
	return l.finish(file, tree)
}

// Lint reports everything that is wrong with a scenario without running it,
// missing trace files included.
func Lint(name string, o Options) error {
	sc, err := Load(name, o)
	if err != nil {
		return err
	}
	_, err = Build(sc, Run{Seed: sc.Seed, DataDir: o.DataDir, Plugins: o.Plugins})
	return err
}

// source is where files come from: the operating system, or a file system.
type source struct{ fsys fs.FS }

func (s source) read(name string) (string, error) {
	var f fs.File
	var err error
	if s.fsys != nil {
		f, err = s.fsys.Open(name)
	} else {
		f, err = os.Open(name)
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("is a directory")
	case info.Size() > maxFile:
		return "", fmt.Errorf("is larger than %d MiB", maxFile>>20)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(text), err
}

func (s source) beside(file, name string) string {
	if s.fsys != nil {
		return path.Join(path.Dir(file), name)
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(file), name)
}

type loader struct {
	source   source
	options  Options
	problems problemList
	files    []string // those read so far, in order
}

func load(s source, file string, o Options) (*Scenario, error) {
	l := loader{source: s, options: o}
	tree, err := l.tree(file, nil)
	if err != nil {
		return nil, err
	}
	return l.finish(file, tree)
}

// setsBefore are the overrides of what is expanded before decoding.
var setsBefore = regexp.MustCompile(`^\s*(paths|seed|duration|(topology|traffic)\..*)\s*=`)

// seedOf returns the seed of a scenario that is not decoded yet.
func seedOf(tree *table) uint64 {
	if e := tree.get("seed"); e != nil {
		if n, ok := e.value.data.(int64); ok {
			return uint64(n)
		}
	}
	return 1
}

// FileSeed returns the seed that the file gives, whatever Options.Seed was.
func (sc *Scenario) FileSeed() uint64 { return sc.fileSeed }

// finish expands a tree, decodes it and checks it.
func (l *loader) finish(file string, tree *table) (*Scenario, error) {
	for _, key := range []string{"extends", "include"} {
		if e := tree.get(key); e != nil {
			l.problems.add(e.value.pos, "%s needs a file to be relative to", key)
			tree.remove(key)
		}
	}
	var later []string
	for _, s := range l.options.Set {
		if setsBefore.MatchString(s) {
			applySet(tree, s, &l.problems)
		} else {
			later = append(later, s)
		}
	}
	expandPaths(tree, &l.problems)
	expandRepeat(tree, &l.problems)
	own := seedOf(tree)
	x := expander{root: tree, problems: &l.problems, dataDir: l.options.DataDir, seed: own}
	if l.options.Seed != nil {
		x.seed = *l.options.Seed
	}
	x.topology()
	x.traffic()
	for _, s := range later {
		applySet(tree, s, &l.problems)
	}
	if l.options.NoExpect {
		tree.remove("expect")
		tree.remove("baseline")
	}
	sc := decode(tree, &l.problems)
	sc.measures = slices.Clone(l.options.Measures)
	sc.path, sc.fileSeed, sc.files, sc.opened = file, own, l.files, x.opened
	if l.options.Seed != nil {
		sc.Seed = *l.options.Seed
	}
	sc.set = l.options.Set
	l.problems.consequences()
	c := checker{sc: sc, problems: &l.problems, plugins: l.options.Plugins.orBuiltin(), source: l.source}
	c.check()
	if len(l.problems.all) > 0 {
		l.readTraces(sc)
		return nil, l.problems.err()
	}
	return sc, nil
}

// readTraces adds what is wrong with the recorded traces of a scenario that will
// not be built, so that all its problems are reported at once. A scenario
// without other problems can be loaded where its recordings are missing: Build
// reads them.
func (l *loader) readTraces(sc *Scenario) {
	read := make(map[string]*radio.Trace)
	for _, k := range sc.Links {
		for _, d := range []*Direction{&k.Direction, k.Up, k.Down} {
			if d != nil && d.Trace != nil && d.Trace.File != "" {
				applyTrace(l.options.DataDir, d.Trace, new(simnet.LinkConfig), read, &l.problems)
			}
		}
	}
}
