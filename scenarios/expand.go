package scenarios

import (
	"fmt"
	"strconv"
	"strings"
)

// maxRepeat bounds the entries that one `repeat` makes.
const maxRepeat = 100_000

// expandPaths turns the short form
//
//	paths = ["wifi 10ms 100pkt 5Mbps", "lte 40ms 100pkt 5Mbps 1%"]
//
// into two nodes, client and server, and one link for each path, with the
// client as its end a. The server has one address, which no link takes with it
// when it fails. Entries of the same name in the file complete them.
func expandPaths(root *table, problems *problemList) {
	e := root.get("paths")
	if e == nil {
		return
	}
	root.remove("paths")
	list, ok := e.value.data.([]*value)
	if !ok {
		problems.add(e.value.pos, "paths must be an array of lines such as \"wifi 10ms 100pkt 5Mbps\", not %s", e.value.describe())
		return
	}
	at := e.pos
	str := func(pos Pos, s string) *entry { return &entry{pos, &value{pos: pos, data: s}} }
	var links []*value
	named := func(name string) *table {
		t := newTable(at)
		t.set("name", str(at, name))
		return t
	}
	numbered := func(name string, addresses ...*value) *value {
		t := named(name)
		t.set("addresses", &entry{at, &value{pos: at, data: addresses}})
		return &value{pos: at, data: t}
	}
	interfaces := []*value{numbered("lo", &value{pos: at, data: pathServer})}
	for _, v := range list {
		line, ok := v.data.(string)
		if !ok {
			problems.add(v.pos, "a path is a line such as \"wifi 10ms 100pkt 5Mbps\", not %s", v.describe())
			continue
		}
		t := newTable(v.pos)
		if err := pathLine(line, func(key, text string) { t.set(key, str(v.pos, text)) }); err != nil {
			problems.add(v.pos, "%v", err)
			continue
		}
		links = append(links, &value{pos: v.pos, data: t})
		interfaces = append(interfaces, numbered(elementName(links[len(links)-1])))
	}
	server := named("server")
	server.set("interface", &entry{at, &value{pos: at, data: interfaces}})
	nodes := []*value{{pos: at, data: named("client")}, {pos: at, data: server}}
	base := newTable(root.pos)
	base.set("node", &entry{at, &value{pos: at, data: nodes}})
	base.set("link", &entry{at, &value{pos: at, data: links}})
	*root = *merge(base, root)
}

// pathServer is the address of the server that paths makes.
const pathServer = "10.0.0.1/32"

// pathLine parts a line of the short form: the name first, then one-way delay,
// queue, rate and loss, each told by its unit, in any order.
func pathLine(line string, set func(key, text string)) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return fmt.Errorf("empty path; write a line such as \"wifi 10ms 100pkt 5Mbps\"")
	}
	name := words[0]
	set("name", name)
	set("a", "client."+name)
	set("b", "server."+name)
	seen := make(map[string]bool)
	for _, w := range words[1:] {
		key, err := pathWord(w)
		if err != nil {
			return fmt.Errorf("path %q: %v", name, err)
		}
		if seen[key] {
			return fmt.Errorf("path %q: %q is a second %s", name, w, key)
		}
		seen[key] = true
		set(key, w)
	}
	if !seen["rate"] || !seen["delay"] {
		return fmt.Errorf("path %q needs a rate and a one-way delay, as in \"wifi 10ms 100pkt 5Mbps\"", name)
	}
	return nil
}

// pathWord tells by its unit which key a word of a path line means.
func pathWord(w string) (string, error) {
	var r Rate
	var d Duration
	var q Queue
	var p Probability
	switch {
	case r.parse(w) == nil:
		return "rate", nil
	case d.parse(w) == nil:
		return "delay", nil
	case strings.HasSuffix(w, "%") && p.parse(w) == nil:
		return "loss", nil
	case q.parse(w) == nil:
		return "queue", nil
	}
	return "", fmt.Errorf("%q is neither a rate (5Mbps), a one-way delay (10ms), a queue (100pkt, 64KiB, 1bdp) nor a loss (1%%)", w)
}

// expandRepeat replaces every element of an array of tables that has
// repeat = N by N copies, in whose strings {i} is the number of the copy from
// 0 on.
func expandRepeat(root *table, problems *problemList) {
	for _, key := range root.keys {
		list, ok := root.get(key).value.data.([]*value)
		if !ok {
			continue
		}
		var out []*value
		changed := false
		for _, v := range list {
			t, ok := v.data.(*table)
			if !ok || t.get("repeat") == nil {
				out = append(out, v)
				continue
			}
			changed = true
			e := t.get("repeat")
			n, ok := e.value.data.(int64)
			if !ok || n < 1 || n > maxRepeat {
				problems.add(e.value.pos, "repeat must be an integer from 1 to %d, not %s", maxRepeat, e.value.describe())
				n = 1
			}
			for i := range n {
				out = append(out, copyNumbered(v, strconv.FormatInt(i, 10)))
			}
		}
		if changed {
			root.get(key).value.data = out
		}
	}
}

// copyNumbered copies a value without its repeat key, with {i} replaced in all
// strings.
func copyNumbered(v *value, i string) *value {
	c := *v
	switch d := v.data.(type) {
	case string:
		c.data = strings.ReplaceAll(d, "{i}", i)
	case []*value:
		list := make([]*value, len(d))
		for k := range d {
			list[k] = copyNumbered(d[k], i)
		}
		c.data = list
	case *table:
		t := newTable(d.pos)
		for _, key := range d.keys {
			if key != "repeat" {
				t.set(key, &entry{d.get(key).pos, copyNumbered(d.get(key).value, i)})
			}
		}
		c.data = t
	}
	return &c
}
