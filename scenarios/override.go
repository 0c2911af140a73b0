package scenarios

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// overridePrefix begins the place of an override.
const overridePrefix = "--set "

// applySet carries out one `--set key=value`. The key is dotted; an element of
// an array of tables is named by its name: link.wifi.rate, flow.mptcp.reprobe.
// The value is TOML; what is not valid TOML is taken as text, so that quotes
// may be left out: --set duration=5s.
func applySet(root *table, text string, problems *problemList) {
	key, raw, ok := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	at := Pos{File: overridePrefix + key}
	if !ok || key == "" {
		problems.add(Pos{File: overridePrefix + text}, "want key=value")
		return
	}
	v := setValue(at, strings.TrimSpace(raw))
	parts := strings.Split(key, ".")
	t := root
	for i := 0; i < len(parts)-1; i++ {
		e := t.get(parts[i])
		if e == nil {
			e = &entry{at, &value{pos: at, data: newTable(at)}}
			t.set(parts[i], e)
		}
		switch d := e.value.data.(type) {
		case *table:
			t = d
		case []*value:
			if i+1 == len(parts)-1 {
				problems.add(at, "%s is an array of tables: name the element and the key, as in %s.NAME.KEY=value", parts[i], parts[i])
				return
			}
			i++
			if t = findNamed(d, parts[i]); t == nil {
				problems.add(at, "no %s named %q%s", parts[i-1], parts[i], didYouMean(parts[i], elementNames(d)))
				return
			}
		default:
			problems.add(at, "%s is not a table", parts[i])
			return
		}
	}
	t.set(parts[len(parts)-1], &entry{at, v})
}

// setValue reads the value of an override.
func setValue(at Pos, raw string) *value {
	var m map[string]any
	if _, err := toml.Decode("v = "+raw, &m); err == nil && len(m) == 1 {
		b := treeBuilder{at.File}
		return b.value(m["v"], new(place), at)
	}
	return &value{pos: at, data: raw}
}

func findNamed(list []*value, name string) *table {
	for _, v := range list {
		if elementName(v) == name {
			return v.data.(*table)
		}
	}
	return nil
}

func elementNames(list []*value) []string {
	var names []string
	for _, v := range list {
		if n := elementName(v); n != "" {
			names = append(names, n)
		}
	}
	return names
}
