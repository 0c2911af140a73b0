package packetdrill

import (
	"regexp"
	"strings"

	"mpsim/sim"
)

// maxScript bounds the size of a script in bytes.
const maxScript = 1 << 20

// Parse reads a script. Overrides are options as the command line gives them
// (--name=value or -DNAME=VALUE); they win over those in the file. The error is
// an [*Error].
func Parse(file, text string, overrides []string) (sc *Script, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(bail)
			if !ok {
				panic(r)
			}
			sc, err = nil, b.err
		}
	}()
	p := &parser{scanner: scanner{file: file, text: text, line: 1}}
	if len(text) > maxScript {
		p.fail("the script is longer than %d bytes", maxScript)
	}
	sc = &Script{File: file, Lines: strings.Split(text, "\n"), Config: DefaultConfig()}
	sc.Families = families(text)
	p.options(sc, overrides)
	p.text = p.text[:p.at] + sc.Config.replace(p.text[p.at:])
	p.script(sc)
	return sc, nil
}

var familiesRE = regexp.MustCompile(`(?m)^//\s*families:\s*(.*)$`)

func families(text string) []string {
	if m := familiesRE.FindStringSubmatch(text); m != nil {
		return strings.Fields(strings.ReplaceAll(m[1], ",", " "))
	}
	return nil
}

type parser struct{ scanner }

// options reads the options at the top.
func (p *parser) options(sc *Script, overrides []string) {
	c := &sc.Config
	fixed := map[string]bool{}
	for _, o := range overrides {
		name, value := splitOption(o)
		if msg := c.set(name, value); msg != "" {
			p.fail("%s: --%s %s", o, name, msg)
		}
		fixed[name] = name != "define"
	}
	for !p.done() && p.text[p.at] == '-' {
		at := p.pos()
		n := strings.IndexAny(p.text[p.at:], " \t\r\n")
		if n < 0 {
			n = len(p.text) - p.at
		}
		o := p.text[p.at : p.at+n]
		p.move(n)
		if o == "-D" {
			p.skip()
			v := strings.IndexAny(p.text[p.at:]+"\n", " \t\r\n")
			o += p.text[p.at : p.at+v]
			p.move(v)
		}
		name, value := splitOption(o)
		if fixed[name] {
			continue
		}
		if msg := c.set(name, value); msg != "" {
			p.failAt(at, "--%s %s", name, msg)
		}
	}
	c.complete()
}

// splitOption splits --name=value; -DNAME=VALUE is the option "define".
func splitOption(o string) (name, value string) {
	if v, ok := strings.CutPrefix(o, "-D"); ok {
		return "define", v
	}
	name, value, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(o, "-"), "-"), "=")
	return name, value
}

// script reads commands and events.
func (p *parser) script(sc *Script) {
	for p.peek() == '`' {
		sc.Init = append(sc.Init, p.command())
	}
	for !p.done() {
		if p.peek() == '`' {
			// A command without a time ends the script.
			for p.peek() == '`' {
				sc.Cleanup = append(sc.Cleanup, p.command())
			}
			if !p.done() {
				p.fail("the time of an event expected, found %s", p.found())
			}
			break
		}
		e := p.event()
		if len(sc.Events) == 0 && (e.Time.Any || e.Time.At != 0) {
			p.failAt(e.Pos, "the first event is at time 0")
		}
		sc.Events = append(sc.Events, e)
	}
	if len(sc.Events) == 0 {
		p.failAt(Pos{File: p.file, Line: 1, Col: 1}, "no events")
	}
}

func (p *parser) event() *Event {
	p.skip()
	e := &Event{Pos: p.pos()}
	start := p.at
	e.Time = p.time()
	switch c := p.peek(); {
	case c == '<' || c == '>':
		e.Packet = p.packet()
		if e.Packet.Inbound && (e.Time.Any || e.Time.Window) {
			p.failAt(e.Pos, "an injected packet has one time")
		}
	case c == '`':
		e.Command = p.command()
	case p.looking("%{"):
		e.Code = &Code{Pos: p.pos()}
		p.expect("%{")
		e.Code.Text = p.until("}%", "code")
	case isWordByte(c):
		e.Call = p.syscall()
	default:
		p.fail("a packet, a system call, a command or code expected, found %s", p.found())
	}
	if e.Packet == nil && (e.Time.Window || e.Time.Any) {
		p.failAt(e.Pos, "only an expected packet has no exact time")
	}
	if e.Call == nil && e.Time.Blocking {
		p.failAt(e.Pos, "only a system call can block")
	}
	e.Text = p.text[start:p.at]
	if e.Code == nil {
		e.Text, _, _ = strings.Cut(e.Text, "\n")
	}
	e.Text = strings.TrimRight(e.Text, " \t\r\n")
	return e
}

func (p *parser) command() *Command {
	c := &Command{Pos: p.pos()}
	p.expect("`")
	c.Text = strings.TrimSpace(p.until("`", "command"))
	return c
}

// time reads the time of an event.
func (p *parser) time() (t TimeSpec) {
	if p.accept("*") {
		t.Any = true
		return t
	}
	t.Relative = p.accept("+")
	t.At = p.seconds()
	t.To = t.At
	at := p.pos()
	switch {
	case p.accept("..."):
		t.Blocking = true
		p.accept("+")
	case p.accept("~"):
		t.Window = true
		if p.accept("+") != t.Relative {
			p.failAt(at, "both ends of a window are relative, or none")
		}
	default:
		return t
	}
	t.To = p.seconds()
	if t.To < t.At {
		p.failAt(at, "the end of the window is before its begin")
	}
	return t
}

// maxSeconds bounds the times of a script.
const maxSeconds = 1_000_000

// seconds reads a decimal number of seconds with up to nine digits behind the
// point.
func (p *parser) seconds() sim.Duration {
	p.skip()
	at := p.pos()
	var whole, part uint64
	digits, ok := 0, false
	for ; p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9'; p.at++ {
		whole, ok = min(whole*10+uint64(p.text[p.at]-'0'), maxSeconds+1), true
	}
	if p.at < len(p.text) && p.text[p.at] == '.' && !strings.HasPrefix(p.text[p.at:], "...") {
		for p.at++; p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9'; p.at++ {
			ok = true
			if digits++; digits <= 9 {
				part = part*10 + uint64(p.text[p.at]-'0')
			}
		}
	}
	if !ok {
		p.failAt(at, "a time in seconds expected, found %s", p.found())
	}
	for ; digits < 9; digits++ {
		part *= 10
	}
	if whole > maxSeconds {
		p.failAt(at, "a time is at most %d s", maxSeconds)
	}
	return sim.Duration(whole)*sim.Second + sim.Duration(part)
}
