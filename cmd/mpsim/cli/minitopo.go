package cli

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Import of the files of minitopo (github.com/qdeconinck/minitopo), which describe
// an experiment in Mininet by lines key:value: a topology of paths, and what is
// done over it (the xp file).
//
// Taken over are the paths of the topology MultiIf (path_0 and path_c2r_0: one-way
// delay in ms, queue in packets, bandwidth in Mb/s, and loss in per cent), changes of
// delay and loss (netemAt_0:s,command), transfers of a size and for a time, the
// controller, scheduler and path manager of the out-of-tree kernel, rmem and wmem,
// and captures. What is not taken over is listed, in the file and to the user; lines
// that have no meaning here, such as subnets, are ignored.

// minitopoLine is one line of a file.
type minitopoLine struct {
	file       string
	line       int
	key, value string
}

func (l *minitopoLine) problem(format string, args ...any) error {
	return fmt.Errorf("%s:%d:1: %s: %s", l.file, l.line, l.key, fmt.Sprintf(format, args...))
}

// minitopoLines reads a file: key:value, # begins a comment.
func minitopoLines(file string) ([]minitopoLine, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []minitopoLine
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s:%d:1: want key:value", file, n)
		}
		out = append(out, minitopoLine{file, n, strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	return out, nil
}

// minitopoPath is a path; numbers are kept as they are written.
type minitopoPath struct{ id, delay, queue, rate, loss string }

// minitopoImport collects the scenario.
type minitopoImport struct {
	title    string
	paths    []minitopoPath
	changes  []string // [[at]] tables
	defaults []string
	size     string // of the transfer; empty: until the end
	seconds  float64
	pcap     bool
	left     []string // what is not taken over
}

var (
	minitopoPathKey  = regexp.MustCompile(`^path_(?:c2r_)?(\d+)$`)
	minitopoNetemKey = regexp.MustCompile(`^netemAt_(?:c2r_)?(\d+)$`)
	minitopoDecimal  = regexp.MustCompile(`^\d+(\.\d+)?$`)
	minitopoWhole    = regexp.MustCompile(`^\d+$`)
)

// minitopo returns the scenario that a topology file and an xp file (empty: none)
// describe, and what of them it leaves out.
func minitopo(name, topology, xp string) (text string, left []string, err error) {
	m := minitopoImport{title: "imported from minitopo", seconds: 30}
	lines, err := minitopoLines(topology)
	for i := 0; err == nil && i < len(lines); i++ {
		err = m.topologyLine(&lines[i])
	}
	if err != nil {
		return "", nil, err
	}
	if len(m.paths) == 0 {
		return "", nil, fmt.Errorf("%s: there is no path_0:delay,queue,bandwidth", topology)
	}
	if xp != "" {
		lines, err := minitopoLines(xp)
		for i := 0; err == nil && i < len(lines); i++ {
			err = m.xpLine(&lines[i])
		}
		if err != nil {
			return "", nil, err
		}
	}
	return m.scenario(name), m.left, nil
}

func (m *minitopoImport) leave(l *minitopoLine) { m.left = append(m.left, l.key+":"+l.value) }

// topologyLine takes over a line of the topology.
func (m *minitopoImport) topologyLine(l *minitopoLine) error {
	switch l.key {
	case "desc":
		m.title = l.value
		return nil
	case "leftSubnet", "rightSubnet", "changeNetem":
		return nil
	case "topoType":
		if l.value != "MultiIf" {
			return l.problem("the topology %s is not supported, only MultiIf", l.value)
		}
		return nil
	}
	if id := minitopoPathKey.FindStringSubmatch(l.key); id != nil {
		f := strings.Split(l.value, ",")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if len(f) < 3 || len(f) > 4 {
			return l.problem("want delay,queue,bandwidth or delay,queue,bandwidth,loss")
		}
		p := minitopoPath{id: id[1], delay: f[0], queue: f[1], rate: f[2]}
		if len(f) == 4 {
			p.loss = f[3]
		}
		if !minitopoDecimal.MatchString(p.delay) || !minitopoWhole.MatchString(p.queue) || !minitopoDecimal.MatchString(p.rate) || !minitopoDecimal.MatchString(cmp.Or(p.loss, "0")) {
			return l.problem("%q: delay [ms], queue [packets], bandwidth [Mb/s] and loss [%%] are plain numbers", l.value)
		}
		if slices.ContainsFunc(m.paths, func(o minitopoPath) bool { return o.id == p.id }) {
			return l.problem("the path is there twice")
		}
		m.paths = append(m.paths, p)
		return nil
	}
	if id := minitopoNetemKey.FindStringSubmatch(l.key); id != nil {
		return m.netem(l, id[1])
	}
	m.leave(l)
	return nil
}

// netem takes over a change of a path: seconds after the start, and arguments of netem.
func (m *minitopoImport) netem(l *minitopoLine, id string) error {
	at, command, ok := strings.Cut(l.value, ",")
	words := strings.Fields(command)
	if !ok || !minitopoDecimal.MatchString(strings.TrimSpace(at)) || len(words) == 0 {
		return l.problem("want seconds,command")
	}
	var keys []string
	for len(words) >= 2 {
		number, isTime := strings.CutSuffix(words[1], "ms")
		share, isShare := strings.CutSuffix(words[1], "%")
		switch {
		case words[0] == "delay" && isTime && minitopoDecimal.MatchString(number):
			keys = append(keys, fmt.Sprintf("delay = %q", words[1]))
		case words[0] == "loss" && isShare && minitopoDecimal.MatchString(share):
			keys = append(keys, fmt.Sprintf("loss = %q", words[1]))
		default:
			m.leave(l)
			return nil
		}
		words = words[2:]
	}
	if len(words) > 0 {
		m.leave(l)
		return nil
	}
	m.changes = append(m.changes, fmt.Sprintf("\n[[at]]\ntime = \"%ss\"\naction = \"link.set\"\nlinks = [\"path%s\"]\n%s\n", strings.TrimSpace(at), id, strings.Join(keys, "\n")))
	return nil
}

// minitopoChoices are keys of the xp file whose values are names of plug-ins.
var minitopoChoices = map[string]struct {
	key   string
	names map[string]string
}{
	"cc":    {"cc", map[string]string{"lia": "lia", "olia": "olia", "balia": "balia", "wvegas": "wvegas", "cubic": "cubic", "reno": "reno"}},
	"sched": {"scheduler", map[string]string{"default": "minrtt", "roundrobin": "roundrobin", "redundant": "redundant"}},
	"kpm":   {"path_manager", map[string]string{"default": "default", "fullmesh": "fullmesh", "ndiffports": "ndiffports", "binder": "binder"}},
}

// xpLine takes over a line of what is done.
func (m *minitopoImport) xpLine(l *minitopoLine) error {
	if c, ok := minitopoChoices[l.key]; ok {
		name := c.names[l.value]
		if name == "" {
			m.leave(l)
			return nil
		}
		m.defaults = append(m.defaults, fmt.Sprintf("%s = %q", c.key, name))
		return nil
	}
	switch l.key {
	case "xpType":
		if !slices.Contains([]string{"http", "https", "iperf"}, l.value) {
			return l.problem("the experiment %s is not supported, only http, https and iperf", l.value)
		}
	case "httpRandomSize", "httpsRandomSize":
		if !minitopoWhole.MatchString(l.value) {
			return l.problem("%q is no number of KiB", l.value)
		}
		m.size = l.value + "KiB"
	case "iperfTime":
		s, err := strconv.ParseFloat(l.value, 64)
		if err != nil || s <= 0 || s > 86000 {
			return l.problem("%q is no number of seconds", l.value)
		}
		m.seconds = s
	case "rmem", "wmem":
		f := strings.Fields(strings.ReplaceAll(l.value, ",", " "))
		if len(f) != 3 || !minitopoWhole.MatchString(f[2]) {
			return l.problem("want three sizes in bytes, as in tcp_%s", l.key)
		}
		m.defaults = append(m.defaults, fmt.Sprintf("%s_max = \"%sB\"", l.key, f[2]),
			map[string]string{"rmem": "receive_buffer = \"auto\"", "wmem": "send_buffer = \"auto\""}[l.key])
	case "clientPcap", "serverPcap":
		m.pcap = m.pcap || l.value == "yes"
	default:
		m.leave(l)
	}
	return nil
}

// scenario returns the text of the scenario.
func (m *minitopoImport) scenario(name string) string {
	var b strings.Builder
	b.WriteString("# Imported from minitopo; docs/TOOLS.md says what is taken over.\n")
	for _, l := range m.left {
		fmt.Fprintf(&b, "# Not taken over: %s\n", strings.Map(printable, l))
	}
	fmt.Fprintf(&b, "schema = 1\nname = %q\ntitle = %q\nduration = \"%gs\"\n", name, strings.Map(printable, m.title), m.seconds)
	b.WriteString("paths = [\n")
	for _, p := range m.paths {
		loss := ""
		if p.loss != "" {
			loss = " " + p.loss + "%"
		}
		fmt.Fprintf(&b, "  \"path%s %sms %spkt %sMbps%s\",\n", p.id, p.delay, p.queue, p.rate, loss)
	}
	b.WriteString("]\n")
	b.WriteString("\n[defaults]\nprofile = \"linux-oot\" # the kernel of minitopo\n")
	for _, d := range m.defaults {
		b.WriteString(d + "\n")
	}
	if m.pcap {
		b.WriteString("\n[output]\npcap = true\n")
	}
	b.WriteString("\n[[flow]]\nname = \"download\"\nclient = \"client\"\nserver = \"server\"\n")
	if m.size != "" {
		fmt.Fprintf(&b, "size = %q\n", m.size)
	}
	for _, c := range m.changes {
		b.WriteString(c)
	}
	b.WriteString("\n[expect]\nintact = \"corrupt_bytes(download) == 0\"\n")
	return b.String()
}

// printable keeps what may stand in a comment and in a string of TOML.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}
