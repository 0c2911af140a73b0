package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// A scenario may be made of several files. `extends` names one file that this
// one is laid over, `include` one file or a list of files that lie between the two:
// the base first, then what is included in the order of the list, then the
// file itself. Every name is relative to the file that gives it, and every
// value keeps the place where it stands, so that a mistake is reported there.

// maxFiles bounds the files of one scenario: files that include each other in
// layers are read once for each way that leads to them.
const maxFiles = 256

// ownKeys describe one file and are not inherited.
var ownKeys = []string{"name", "title", "rows", "paper", "baseline"}

// tree reads a file and what it extends and includes into one tree. Above are
// the files that lead to it.
func (l *loader) tree(file string, above []string) (*table, error) {
	text, err := l.source.read(file)
	if err != nil {
		return nil, Problems{{Pos{File: file}, "cannot read the scenario: " + reason(err)}}
	}
	if l.files = append(l.files, file); len(l.files) > maxFiles {
		return nil, Problems{{Pos{File: file}, fmt.Sprintf("the scenario is made of more than %d files", maxFiles)}}
	}
	t, err := parseTree(file, text)
	if err != nil {
		return nil, err
	}
	t.pos = Pos{File: file, Line: 1, Col: 1}
	lower, err := lowerFiles(t)
	if err != nil {
		return nil, err
	}
	var base *table
	for _, name := range lower {
		b, err := l.lower(name, append(slices.Clip(above), file))
		if err != nil {
			return nil, err
		}
		if base == nil {
			base = b
		} else {
			base = merge(base, b)
		}
	}
	if base == nil {
		return t, nil
	}
	return merge(base, t), nil
}

// lowerFiles takes extends and include out of a tree and returns the names of the
// files to lay it over, the lowest first.
func lowerFiles(t *table) ([]*value, error) {
	var out []*value
	if e := t.get("extends"); e != nil {
		if _, ok := e.value.data.(string); !ok {
			return nil, Problems{{e.value.pos, "extends must be the name of a file in quotes, not " + e.value.describe()}}
		}
		out = append(out, e.value)
	}
	if e := t.get("include"); e != nil {
		list, isList := e.value.data.([]*value)
		if !isList {
			list = []*value{e.value}
		}
		for _, v := range list {
			if _, ok := v.data.(string); !ok {
				return nil, Problems{{v.pos, "include must be the name of a file in quotes or a list of them, not " + v.describe()}}
			}
			out = append(out, v)
		}
	}
	t.remove("extends")
	t.remove("include")
	return out, nil
}

// lower reads a file that the last one of above names, without what describes
// that file alone.
func (l *loader) lower(name *value, above []string) (*table, error) {
	file := l.source.beside(above[len(above)-1], name.data.(string))
	for _, f := range above {
		if filepath.Clean(f) == filepath.Clean(file) {
			return nil, Problems{{name.pos, fmt.Sprintf("%s extends or includes itself: %s", file, strings.Join(append(above, file), " -> "))}}
		}
	}
	if _, err := l.source.read(file); err != nil {
		return nil, Problems{{name.pos, fmt.Sprintf("cannot read %s: %s", file, reason(err))}}
	}
	t, err := l.tree(file, above)
	if err != nil {
		return nil, err
	}
	for _, own := range ownKeys {
		t.remove(own)
	}
	return t, nil
}

// reason is an error of a file without its name.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return err.Error()
}
