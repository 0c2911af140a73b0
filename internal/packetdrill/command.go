package packetdrill

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// command executes a command in back-quotes. There is no shell: the commands are
// a closed list, and anything else is an error.
func (r *runner) command(c *Command, e *Event) {
	// Several commands may stand in one pair of back-quotes.
	for _, line := range strings.FieldsFunc(c.Text, func(x rune) bool { return x == '\n' || x == ';' }) {
		line, _, _ = strings.Cut(strings.ReplaceAll(line, "&&", " && "), "#")
		for _, one := range strings.Split(line, " && ") {
			if words := strings.Fields(one); len(words) > 0 {
				r.execute(c, e, words, one)
			}
		}
	}
}

func (r *runner) execute(c *Command, e *Event, w []string, text string) {
	name := w[0]
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	switch name {
	case "defaults.sh":
		for _, s := range defaultSysctls {
			r.configure(c, &Setting{Kind: SetSysctl, Name: s[0], Value: s[1]})
		}
	case "client.sh":
		r.configure(c, &Setting{Kind: FlushEndpoints})
		r.configure(c, &Setting{Kind: SetLimits, Subflows: 8, AddAddrAccepted: 8})
	case "server.sh":
		r.configure(c, &Setting{Kind: AddEndpoint, Addr: r.localAddr(1), Flags: []string{"signal"}})
		r.configure(c, &Setting{Kind: SetLimits, Subflows: 8, AddAddrAccepted: 8})
	case "multi-ep.sh":
		r.multiEP(c, w[1:])
	case "sysctl":
		r.sysctl(c, w[1:])
	case "ip":
		if len(w) < 3 || w[1] != "mptcp" {
			r.errorAt(c.Pos, "of ip only \"ip mptcp\" is supported: %s", text)
		}
		r.ipMPTCP(c, w[2:])
	case "nstat":
		if len(w) != 2 || w[1] != "-n" {
			r.errorAt(c.Pos, "nstat stands as \"nstat -n\" or in a test: %s", text)
		}
		r.resetCounters(c)
	case "test", "[", "[[":
		r.testCounter(c, e, text)
	default:
		r.errorAt(c.Pos, "command %q is not one of defaults.sh, client.sh, server.sh, multi-ep.sh, sysctl, ip mptcp, nstat and test", w[0])
	}
}

// defaultSysctls is what defaults.sh sets.
var defaultSysctls = [][2]string{
	{"net.ipv4.tcp_rmem", "4096 540000 15728640"},
	{"net.ipv4.tcp_wmem", "4096 262144 4194304"},
	{"net.ipv4.tcp_timestamps", "1"},
	{"net.ipv4.tcp_sack", "1"},
	{"net.ipv4.tcp_dsack", "1"},
	{"net.ipv4.tcp_frto", "2"},
	{"net.ipv4.tcp_reordering", "3"},
	{"net.ipv4.tcp_congestion_control", "cubic"},
	{"net.ipv4.tcp_slow_start_after_idle", "0"},
	{"net.ipv4.tcp_early_retrans", "3"},
	{"net.ipv4.tcp_recovery", "1"},
	{"net.ipv4.tcp_ecn", "0"},
	{"net.ipv4.tcp_pacing_ss_ratio", "200"},
	{"net.ipv4.tcp_pacing_ca_ratio", "120"},
	{"net.ipv4.tcp_fastopen", "0x70403"},
	{"net.ipv4.tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"},
	{"net.ipv4.tcp_syncookies", "1"},
	{"net.mptcp.enabled", "1"},
}

func (r *runner) configure(c *Command, s *Setting) {
	if err := r.sys.Configure(s); err != nil {
		r.errorAt(c.Pos, "%v", err)
	}
}

// localAddr is the n-th address behind the local one.
func (r *runner) localAddr(n int) netip.Addr {
	a := r.sc.Config.Local.Addr()
	for range n {
		a = a.Next()
	}
	return a
}

// multiEP is multi-ep.sh -e N [-m signal|subflow] [-b].
func (r *runner) multiEP(c *Command, w []string) {
	n, mode, backup := 0, "subflow", false
	for i := 0; i < len(w); i++ {
		switch {
		case w[i] == "-e" && i+1 < len(w):
			i++
			v, err := strconv.Atoi(w[i])
			if err != nil || v < 0 || v > 32 {
				r.errorAt(c.Pos, "-e takes a number from 0 to 32, not %q", w[i])
			}
			n = v
		case w[i] == "-m" && i+1 < len(w):
			i++
			mode = w[i]
		case w[i] == "-b":
			backup = true
		default:
			r.errorAt(c.Pos, "multi-ep.sh has no argument %q", w[i])
		}
	}
	flags := strings.Split(mode, ",")
	for _, f := range flags {
		if f != "signal" && f != "subflow" && f != "fullmesh" {
			r.errorAt(c.Pos, "-m takes signal, subflow or fullmesh, not %q", f)
		}
	}
	if backup {
		flags = append(flags, "backup")
	}
	r.configure(c, &Setting{Kind: FlushEndpoints})
	for i := 1; i <= n; i++ {
		r.configure(c, &Setting{Kind: AddEndpoint, Addr: r.localAddr(i), ID: uint8(i), HasID: true, Flags: flags})
	}
	r.configure(c, &Setting{Kind: SetLimits, Subflows: 8, AddAddrAccepted: 8})
}

// sysctl is sysctl [-q] [-w] name=value...
func (r *runner) sysctl(c *Command, w []string) {
	text := ""
	for _, x := range w {
		if x != "-q" && x != "-w" && x != "-qw" {
			text += x + " "
		}
	}
	for text = strings.TrimSpace(text); text != ""; {
		name, rest, ok := strings.Cut(text, "=")
		if !ok || strings.TrimSpace(name) == "" {
			r.errorAt(c.Pos, "sysctl name=value expected, not %q", text)
		}
		rest = strings.TrimSpace(rest)
		value := rest
		if q := strings.IndexByte(rest, '"'); q == 0 && strings.Count(rest, `"`) >= 2 {
			end := strings.IndexByte(rest[1:], '"') + 1
			value, text = rest[1:end], strings.TrimSpace(rest[end+1:])
		} else {
			var next string
			value, next, _ = strings.Cut(rest, " ")
			text = strings.TrimSpace(next)
			if text != "" && !strings.Contains(text, "=") { // one value of several words
				value, text = rest, ""
			}
		}
		name = strings.ReplaceAll(strings.TrimSpace(name), "/", ".")
		r.configure(c, &Setting{Kind: SetSysctl, Name: name, Value: value})
	}
}

// ipMPTCP is ip mptcp endpoint ... and ip mptcp limits set ...
func (r *runner) ipMPTCP(c *Command, w []string) {
	bad := func() { r.errorAt(c.Pos, "not understood: ip mptcp %s", strings.Join(w, " ")) }
	if len(w) < 2 {
		bad()
	}
	num := func(i, max int) int {
		if i < len(w) {
			if n, err := strconv.Atoi(w[i]); err == nil && n >= 0 && n <= max {
				return n
			}
		}
		bad()
		return 0
	}
	if w[0] == "limits" {
		s := &Setting{Kind: SetLimits, Subflows: -1, AddAddrAccepted: -1}
		if w[1] != "set" {
			bad()
		}
		for i := 2; i < len(w); i += 2 {
			switch w[i] {
			case "subflow", "subflows":
				s.Subflows = num(i+1, 8)
			case "add_addr_accepted":
				s.AddAddrAccepted = num(i+1, 8)
			default:
				bad()
			}
		}
		r.configure(c, s)
		return
	}
	if w[0] != "endpoint" {
		bad()
	}
	s := &Setting{}
	switch w[1] {
	case "flush":
		s.Kind = FlushEndpoints
	case "add":
		s.Kind = AddEndpoint
	case "change":
		s.Kind = ChangeEndpoint
	case "del", "delete":
		s.Kind = DeleteEndpoint
	default:
		bad()
	}
	for i := 2; i < len(w); i++ {
		switch w[i] {
		case "id":
			i++
			s.ID, s.HasID = uint8(num(i, 255)), true
		case "port":
			i++
			s.Port = uint16(num(i, 65535))
		case "dev":
			i++ // the one interface there is
		case "signal", "subflow", "backup", "nobackup", "fullmesh", "nofullmesh":
			s.Flags = append(s.Flags, w[i])
		default:
			a, err := netip.ParseAddr(w[i])
			if err != nil {
				bad()
			}
			s.Addr = a
		}
	}
	if s.Kind != FlushEndpoints && !s.Addr.IsValid() && !s.HasID {
		bad()
	}
	r.configure(c, s)
}

// resetCounters makes later tests count from now on.
func (r *runner) resetCounters(c *Command) {
	r.counters = map[string]uint64{}
	for _, n := range testedCounters(r.sc) {
		if v, ok := r.sys.Counter(n); ok {
			r.counters[n] = v
		}
	}
}

var (
	counterName = regexp.MustCompile(`\b(?:MPTcpExt|TcpExt|Tcp|Ip)[A-Z]\w*`)
	counterTest = regexp.MustCompile(`(?:\)|"|'|\s)\s*(-eq|-ne|-lt|-le|-gt|-ge|=|==|!=)\s*"?(\d+)"?\s*(?:\]|\]\])?\s*$`)
)

// testedCounters lists the counters that the commands of a script name.
func testedCounters(sc *Script) (out []string) {
	for _, e := range sc.Events {
		if e.Command != nil {
			out = append(out, counterName.FindAllString(e.Command.Text, -1)...)
		}
	}
	for _, c := range sc.Cleanup {
		out = append(out, counterName.FindAllString(c.Text, -1)...)
	}
	return out
}

// testCounter is test $(nstat ... COUNTER ...) -eq n.
func (r *runner) testCounter(c *Command, e *Event, text string) {
	name := counterName.FindString(text)
	m := counterTest.FindStringSubmatch(text)
	if name == "" || m == nil || !strings.Contains(text, "nstat") {
		r.errorAt(c.Pos, "test compares a counter of nstat with a number: %s", strings.TrimSpace(text))
	}
	v, ok := r.sys.Counter(name)
	if !ok {
		r.errorAt(c.Pos, "there is no counter %s", name)
	}
	v -= r.counters[name]
	want, err := strconv.ParseUint(m[2], 10, 64)
	if err != nil {
		r.errorAt(c.Pos, "%s is not a number", m[2])
	}
	holds := false
	switch m[1] {
	case "-eq", "=", "==":
		holds = v == want
	case "-ne", "!=":
		holds = v != want
	case "-lt":
		holds = v < want
	case "-le":
		holds = v <= want
	case "-gt":
		holds = v > want
	case "-ge":
		holds = v >= want
	}
	if !holds {
		r.fail(c.Pos, e, "%s", fmt.Sprintf("%s is %d, expected %s %d", name, v, m[1], want))
	}
}
