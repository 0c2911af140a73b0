package scenarios

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/results"
	"mpsim/sim"
)

// Box is a middlebox at one end of a link. Beside these keys it takes the
// parameters of its type.
type Box struct {
	meta
	Name        string      `toml:"name" doc:"unique name for expectations, traces and the timeline; default LINK-TYPE"`
	Type        string      `toml:"type" required:"true" doc:"one of Boxes below (mpsim list mbox, mpsim list nat)"`
	At          string      `toml:"at" default:"a" enum:"a,b" doc:"end of the link at which the box stands; boxes of one end are met in the order of the file by what the node sends, and in reverse order by what it receives"`
	Direction   string      `toml:"direction" default:"both" enum:"both,up,down" doc:"packets that the box acts on: from a to b (up), or from b to a (down)"`
	On          bool        `toml:"on" default:"true" doc:"false: the box does nothing until the timeline switches it on (box.on)"`
	From        Duration    `toml:"from" default:"0s" max:"24h" doc:"when the box begins to act"`
	Until       *Duration   `toml:"until" max:"24h" doc:"when it ends; default: never"`
	Packets     string      `toml:"packets" default:"all" enum:"all,syn,synack,nonsyn,data,ack,fin,rst" doc:"only these packets: SYN without ACK, SYN/ACK, without SYN, with payload, pure acknowledgements, ..."`
	Carrying    []string    `toml:"carrying" doc:"only packets that carry one of these TCP options"`
	Meaning     []string    `toml:"meaning" doc:"only TCP segments of which all of this is true: datafin, dataack, mapping, checksum or infinite of a DSS option, announce, echo or port of ADD_ADDR, backup of MP_JOIN or MP_PRIO, third for MP_CAPABLE or MP_JOIN behind SYN and SYN/ACK, sackblocks, payload, push, ce, ect, ece, cwr"`
	Subflow     int         `toml:"subflow" default:"-1" min:"-1" max:"65535" doc:"only this subflow of a connection, as counted at the box: 0 is the initial one, joins count from 1 in the order of their SYNs; -1: any"`
	Source      string      `toml:"source" default:"" doc:"only packets from here: \"10.0.0.0/8\", \"10.0.0.1:80\" or \":80\""`
	Destination string      `toml:"destination" default:"" doc:"only packets to here"`
	First       int         `toml:"first" default:"0" min:"0" max:"4294967295" doc:"number of the first packet acted on, among those that the conditions above let through, from 0"`
	Count       int         `toml:"count" default:"0" min:"0" max:"4294967295" doc:"how many packets are acted on; 0: no limit"`
	Every       int         `toml:"every" default:"1" min:"1" max:"4294967295" doc:"of those only each n-th, beginning with first; count counts those"`
	Fragments   string      `toml:"fragments" default:"reassemble" enum:"reassemble,pass,drop" doc:"fragments of IPv4 packets that come to the box: it sees the whole packet, which is cut again where the next link needs it; they go by it (a nat translates those that follow their first one, RFC 4787 section 11; drop, delay, reorder and jitter treat each as a packet); they are dropped"`
	Probability Probability `toml:"probability" default:"1" doc:"probability with which a packet is acted on that everything above lets through"`

	Correlation Probability `toml:"correlation" default:"0" doc:"correlation of successive draws of probability, as netem has it: the share is then not probability any more"`

	extra    []extraKey
	settings []mbox.Setting
	broken   bool        // a parameter is wrong, and that is noted
	filter   mbox.Filter // complete but for directions and probability
}

// extraKey is a key of a table that the schema does not know.
type extraKey struct {
	name  string
	entry *entry
}

// takeExtra implements extraTaker: the checker looks at parameters.
func (b *Box) takeExtra(name string, e *entry) { b.extra = append(b.extra, extraKey{name, e}) }

// checkBoxes checks the boxes of a link.
func (c *checker) checkBoxes(l *Link) {
	for _, b := range l.Boxes {
		if b.Name == "" {
			b.Name = l.Name + "-" + b.Type
		}
		at := b.pos("type")
		if b.has("name") {
			at = b.valuePos("name")
		}
		c.name(b.Name, at, "box")
		if first := c.boxes[b.Name]; first != nil {
			c.add(at, "a second box named %q; the first is at %v: give it a name", b.Name, first.pos("type"))
			continue
		}
		c.boxes[b.Name] = b
		spec, err := findBox(b.Type)
		if err != nil {
			c.add(b.valuePos("type"), "%v", err)
			continue
		}
		if b.stateful() {
			for _, key := range filterKeys {
				if b.has(key) {
					c.add(b.pos(key), "box %q is a %s, for which %s has no meaning", b.Name, b.Type, key)
				}
			}
		}
		for _, x := range b.extra {
			set, err := boxSetting(spec, x.name, x.entry.value)
			if err == nil {
				_, _, err = spec.Check(&set)
			}
			if err != nil {
				c.add(x.entry.pos, "%v", err)
				b.broken = true
				continue
			}
			b.settings = append(b.settings, set)
		}
		c.boxFilter(b)
	}
}

// boxFilter reads the conditions of a box.
func (c *checker) boxFilter(b *Box) {
	f := &b.filter
	*f = mbox.Everything()
	f.Off = !b.On
	f.From = b.From.Time()
	if b.Until != nil {
		f.Until = b.Until.Time()
	}
	f.Class = mbox.Class(b.Packets)
	f.First, f.Count, f.Every = uint64(b.First), uint64(b.Count), uint64(b.Every)
	f.Subflow = b.Subflow
	for i, name := range b.Meaning {
		if err := f.With.Add(name); err != nil {
			c.add(elementPos(b.table, "meaning", i), "%v", err)
		}
	}
	for i, name := range b.Carrying {
		if err := f.Carrying.Add(name); err != nil {
			c.add(elementPos(b.table, "carrying", i), "%v%s", err, didYouMean(name, mbox.OptionNames()))
		}
	}
	for _, e := range []struct {
		key, text string
		prefix    *netip.Prefix
		port      *uint16
	}{{"source", b.Source, &f.Source, &f.SourcePort}, {"destination", b.Destination, &f.Destination, &f.DestinationPort}} {
		var err error
		if *e.prefix, *e.port, err = parseEnd(e.text); err != nil {
			c.add(b.valuePos(e.key), "%s: %v", e.key, err)
		}
	}
}

// parseEnd reads "10.0.0.0/8", "10.0.0.1:80", "[fd00::1]:80" or ":80".
func parseEnd(text string) (p netip.Prefix, port uint16, err error) {
	if text == "" {
		return p, 0, nil
	}
	if digits, ok := strings.CutPrefix(text, ":"); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		return p, uint16(n), err
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		return netip.PrefixFrom(a.Addr(), a.Addr().BitLen()), a.Port(), nil
	}
	if p, err = parseAddress(text); err != nil {
		return p, 0, fmt.Errorf("%q is neither an address, nor a prefix, nor an address with port, nor a port as in \":80\"", text)
	}
	return p.Masked(), 0, nil
}

// boxSetting reads the value of a parameter as its type has it.
func boxSetting(spec *mbox.Spec, name string, v *value) (mbox.Setting, error) {
	set := mbox.Setting{Name: name}
	kind := mbox.Text
	for _, p := range spec.Params {
		if p.Name == name {
			kind = p.Kind
		}
	}
	if n, ok := number(v); ok && kind != mbox.Span && kind != mbox.Speed {
		set.Number = n
		return set, nil
	}
	if on, ok := v.data.(bool); ok && kind == mbox.Flag {
		if on {
			set.Number = 1
		}
		return set, nil
	}
	text, ok := v.data.(string)
	switch list, isList := v.data.([]*value); {
	case isList && (kind == mbox.Options || kind == mbox.Addresses):
		set.IsText = true
		for _, item := range list {
			s, ok := item.data.(string)
			if !ok {
				return set, fmt.Errorf("%s is a list of names in quotes; one element is %s", name, item.describe())
			}
			set.Texts = append(set.Texts, s)
		}
	case !ok && kind == mbox.Span:
		return set, fmt.Errorf("%s must be a time in a string with its unit, such as \"1ms\", not %s", name, v.describe())
	case !ok && kind == mbox.Speed:
		return set, fmt.Errorf("%s must be a rate in a string with its unit, such as \"2Mbps\", not %s", name, v.describe())
	case kind == mbox.Flag:
		return set, fmt.Errorf("%s is true or false, not %s", name, v.describe())
	case !ok:
		return set, fmt.Errorf("%s cannot be %s", name, v.describe())
	case kind == mbox.Span:
		var d Duration
		err := d.parse(text)
		set.Number = float64(d)
		return set, err
	case kind == mbox.Speed:
		var r Rate
		err := r.parse(text)
		set.Number = float64(r.Bits)
		return set, err
	case kind == mbox.Whole:
		var n Bytes
		if err := n.parse(text); err != nil {
			return set, err
		}
		set.Number = float64(n.N)
	default:
		set.IsText, set.Texts = true, []string{text}
	}
	return set, nil
}

// writeExtra implements extraWriter: the parameters that the file gives.
func (b *Box) writeExtra(line func(format string, args ...any)) {
	spec, err := findBox(b.Type)
	if err != nil {
		return
	}
	for _, s := range b.settings {
		for _, p := range spec.Params {
			switch {
			case p.Name != s.Name:
			case p.Kind == mbox.Span:
				line("%s = %s", key(s.Name), quote(Duration(s.Number).String()))
			case p.Kind == mbox.Speed:
				line("%s = %s", key(s.Name), quote(Rate{Bits: sim.Rate(s.Number)}.String()))
			case p.Kind == mbox.Whole:
				line("%s = %d", key(s.Name), int64(s.Number))
			case p.Kind == mbox.Flag:
				line("%s = %v", key(s.Name), s.Number == 1)
			case p.Kind == mbox.Options || p.Kind == mbox.Addresses:
				names := make([]string, len(s.Texts))
				for i, t := range s.Texts {
					names[i] = quote(t)
				}
				line("%s = [%s]", key(s.Name), strings.Join(names, ", "))
			default:
				line("%s = %s", key(s.Name), quote(s.Texts[0]))
			}
		}
	}
}

// addBoxes puts the boxes of a link into the network.
func (w *World) addBoxes(l *Link) {
	for _, b := range l.Boxes {
		f := b.filter
		f.Probability, f.Correlation = float64(b.Probability), float64(b.Correlation)
		end := w.sc.plan.ifaces[l.A]
		f.Out, f.In = b.Direction != "down", b.Direction != "up"
		if b.At == "b" {
			end = w.sc.plan.ifaces[l.B]
			f.Out, f.In = f.In, f.Out
		}
		spec, err := findBox(b.Type)
		if err != nil {
			sim.Bugf("box %q passed its check: %v", b.Name, err)
		}
		box, err := spec.New(f, b.settings, &mbox.Env{
			Net: w.net, Node: w.node(end.node), Rand: w.sim.Stream("box/" + b.Name), Name: b.Name, Number: len(w.boxes),
		})
		if err != nil {
			sim.Bugf("box %q passed its check: %v", b.Name, err)
		}
		w.boxes = append(w.boxes, boxRun{b.Name, b.Type, w.node(end.node), box})
		w.watchNAT(box)
		w.iface(end).AddBoxWith(box, fragmentRules[b.Fragments])
	}
}

// fragmentRules are the values of the key fragments.
var fragmentRules = map[string]simnet.FragmentRule{
	"reassemble": simnet.ReassembleFragments, "pass": simnet.PassFragments, "drop": simnet.DropFragments,
}

// boxRun is a box in a world.
type boxRun struct {
	name string
	kind string
	node *simnet.Node // at which it stands
	box  mbox.Box
}

// NamedBoxes returns the boxes of the network with their names, for captures.
func (w *World) NamedBoxes() []results.NamedBox {
	var out []results.NamedBox
	for _, b := range w.boxes {
		out = append(out, results.NamedBox{Box: b.box, Name: b.name, Type: b.kind})
	}
	return out
}

// box returns the box of a name.
func (w *World) box(name string) mbox.Box { return w.boxRun(name).box }

func (w *World) boxRun(name string) *boxRun {
	for i := range w.boxes {
		if w.boxes[i].name == name {
			return &w.boxes[i]
		}
	}
	sim.Bugf("no box %q", name)
	return nil
}

// boxNames returns the names of all boxes.
func (c *checker) boxNames() []string {
	var names []string
	for _, l := range c.sc.Links {
		for _, b := range l.Boxes {
			names = append(names, b.Name)
		}
	}
	return names
}

// boxReference prints the parameters of every type of box.
func boxReference(b *strings.Builder) {
	b.WriteString("\n### Boxes\n\nWhat `type` of a `[[link.box]]` may be, and the keys that each takes beside those of all boxes.\n\n")
	b.WriteString("| type | what the box does | key | default | range | meaning |\n|---|---|---|---|---|---|\n")
	for _, s := range boxSpecs() {
		if len(s.Params) == 0 {
			fmt.Fprintf(b, "| `%s` | %s | | | | |\n", s.Name, s.Doc)
		}
		for i, p := range s.Params {
			name, doc := "", ""
			if i == 0 {
				name, doc = "`"+s.Name+"`", s.Doc
			}
			def, limits := BoxParamText(&p)
			fmt.Fprintf(b, "| %s | %s | `%s` | %s | %s | %s |\n", name, doc, p.Name, def, limits, p.Doc)
		}
	}
}

// BoxParamText prints the default and the range of a parameter of a box as a
// scenario has them.
func BoxParamText(p *mbox.Param) (def, limits string) {
	switch p.Kind {
	case mbox.Whole:
		return strconv.FormatInt(int64(p.Number), 10), fmt.Sprintf("%d to %d", int64(p.Min), int64(p.Max))
	case mbox.Span:
		return "`" + Duration(p.Number).String() + "`", "up to " + Duration(p.Max).String()
	case mbox.Speed:
		return "`" + Rate{Bits: sim.Rate(p.Number)}.String() + "`", "from " + Rate{Bits: sim.Rate(p.Min)}.String()
	case mbox.Choice:
		return "`" + p.Default + "`", "`" + strings.Join(p.Choices, "` `") + "`"
	case mbox.Flag:
		return fmt.Sprintf("`%v`", p.Number == 1), "`true` `false`"
	case mbox.Addresses:
		return "`[]`", "addresses or prefixes"
	case mbox.Options:
		return "`[\"" + strings.Join(strings.Fields(p.Default), "\", \"") + "\"]`", "names"
	}
	return cmp.Or("`"+p.Default+"`", ""), "text"
}
