package scenarios

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"mpsim/cc"
	"mpsim/sim"
)

// checker finds what is wrong with a scenario beyond the types of its values.
type checker struct {
	sc       *Scenario
	problems *problemList
	plugins  *Plugins
	source   source // of scripts

	nodes     map[string]*Node
	links     map[string]*Link
	flows     map[string]*Flow
	boxes     map[string]*Box
	ends      map[string]*Link // link by "node.iface"
	addresses map[netip.Addr]Pos
	plan      *plan

	coupled []cc.Setting // of the preset
	// badScripts are the paths of scripts that were found wrong.
	badScripts map[string]bool
}

var (
	namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	rowPattern  = regexp.MustCompile(`^[A-Z][0-9]+[a-z]?$`)
	hashPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

const nameRule = "a name begins with a letter and has letters, digits, - and _ only"

// check notes all problems of the scenario and completes what the file leaves
// to defaults that depend on other keys.
func (c *checker) check() {
	c.nodes, c.links, c.flows = make(map[string]*Node), make(map[string]*Link), make(map[string]*Flow)
	c.boxes = make(map[string]*Box)
	c.ends, c.addresses = make(map[string]*Link), make(map[netip.Addr]Pos)
	c.header()
	c.defaults()
	c.checkNodes()
	c.checkMedia()
	c.checkLinks()
	c.checkECMP()
	c.checkFlowNames()
	c.plan = planNetwork(c)
	c.checkBalancers()
	c.checkRoutes()
	c.checkFlows()
	c.linuxKeys()
	c.checkActions()
	c.checkExpect()
	c.sc.plan = c.plan
}

func (c *checker) add(at Pos, format string, args ...any) { c.problems.add(at, format, args...) }

func (c *checker) header() {
	sc := c.sc
	if !namePattern.MatchString(sc.Name) {
		c.add(sc.valuePos("name"), "name = %q: %s", sc.Name, nameRule)
	}
	if sc.Duration == 0 {
		c.add(sc.valuePos("duration"), "duration is 0; a run needs time")
	}
	for i, r := range sc.Rows {
		if !rowPattern.MatchString(r) {
			c.add(elementPos(sc.table, "rows", i), "%q is not a coverage row such as \"B11\"", r)
		}
	}
}

// defaults fills the choices of the preset and checks names.
func (c *checker) defaults() {
	d := &c.sc.Defaults
	i := slices.IndexFunc(Presets(), func(p Preset) bool { return p.Name == d.Preset })
	if i < 0 {
		var known []string
		for _, p := range Presets() {
			known = append(known, p.Name)
		}
		c.add(d.valuePos("preset"), "unknown preset %q%s", d.Preset, didYouMean(d.Preset, known))
		return
	}
	p := Presets()[i]
	fill := func(ref *PluginRef, name string) {
		if ref.Name == "" && ref.pos == (Pos{}) {
			ref.Name = name
		}
	}
	if d.Profile == "" {
		d.Profile = p.Profile
	}
	if d.Reinject == "" {
		d.Reinject = p.Reinject
		if d.Profile != p.Profile {
			d.Reinject = "profile" // the preset's is for its own
		}
	}
	fill(&d.CC, p.CC)
	c.coupled = p.Coupled
	c.fillCoupled(&d.CC, c.coupled)
	fill(&d.Scheduler, p.Scheduler)
	c.mode(&d.Mode, &d.PathManager, d.valuePos("mode"))
	fill(&d.PathManager, p.PathManager)
	c.profile(d.Profile, d.valuePos("profile"))
	c.plugin(&d.CC, c.plugins.ccKind())
	c.plugin(&d.TCPCC, c.plugins.ccKind())
	c.plugin(&d.Scheduler, c.plugins.schedulerKind())
	c.plugin(&d.PathManager, c.plugins.pathManagerKind())
	if !d.has("send_buffer") {
		fromTable(&d.SendBuffer, p.SendBuffer)
	}
	if !d.has("receive_buffer") {
		fromTable(&d.ReceiveBuffer, p.ReceiveBuffer)
	}
	c.buffer(&d.SendBuffer, d.valuePos("send_buffer"), "send_buffer")
	c.buffer(&d.ReceiveBuffer, d.valuePos("receive_buffer"), "receive_buffer")
	c.memory(&d.SendMemory, d.valuePos("wmem_max"), "wmem_max")
	c.memory(&d.ReceiveMemory, d.valuePos("rmem_max"), "rmem_max")
}

// minBuffer is the smallest socket buffer: two full segments.
const minBuffer = 4096

func (c *checker) buffer(b *Buffer, at Pos, key string) {
	if !b.Auto && b.BDP == 0 && (b.N < minBuffer || b.N > 1<<30) {
		c.add(at, "%s is %v; it must lie between %dB and 1GiB", key, *b, minBuffer)
	}
}

// memory checks the bound of a buffer that tunes itself.
func (c *checker) memory(b *Bytes, at Pos, key string) {
	if b.Unlimited || b.N < 2*minBuffer || b.N > 1<<30 {
		c.add(at, "%s is %v; it must lie between %dB and 1GiB", key, *b, 2*minBuffer)
	}
}

// fromTable parses a value of one of our own tables.
func fromTable(s scalar, text string) {
	if err := s.parse(text); err != nil {
		sim.Bugf("%v", err)
	}
}

func (c *checker) profile(name string, at Pos) {
	if known := profileNames(); !slices.Contains(known, name) {
		c.add(at, "unknown profile %q%s", name, didYouMean(name, known))
	}
}

// plugin checks name and parameters of a plug-in.
func (c *checker) plugin(ref *PluginRef, kind pluginKind) {
	if strings.HasPrefix(ref.Name, scriptPrefix) && kind.what != kindLinkProfile {
		f := c.script(ref)
		if f == nil {
			return
		}
		if err := kind.takes(f); err != nil {
			c.scriptProblem(ref.pos, f.path, err)
			return
		}
		ref.script, ref.Name = f, scriptPrefix+f.copy
	}
	kind = kind.of(ref)
	i := slices.Index(kind.names, ref.Name)
	if i < 0 {
		c.add(ref.pos, "unknown %s %q%s", kind.what, ref.Name, didYouMean(ref.Name, kind.names))
		return
	}
	var known []string
	for _, p := range kind.params[i] {
		known = append(known, p.Name)
	}
	for j, p := range ref.Params {
		k := slices.Index(known, p.Name)
		if k < 0 {
			c.add(p.pos, "%s %q has no parameter %q%s", kind.what, ref.Name, p.Name, didYouMean(p.Name, known))
			continue
		}
		q := kind.params[i][k]
		if p.Text != "" {
			v := slices.Index(q.Names, p.Text)
			switch {
			case q.Names == nil:
				c.add(p.pos, "%s of %s %q must be a number, not %q", p.Name, kind.what, ref.Name, p.Text)
			case v < 0:
				c.add(p.pos, "%s cannot be %q%s", p.Name, p.Text, didYouMean(p.Text, q.Names))
			}
			ref.Params[j].Value = float64(max(v, 0))
			continue
		}
		switch {
		case p.Value < q.Min || p.Value > q.Max:
			c.add(p.pos, "%s is %g; it must lie between %g and %g", p.Name, p.Value, q.Min, q.Max)
		case q.Whole && p.Value != float64(int64(p.Value)):
			c.add(p.pos, "%s is %g; it must be a whole number", p.Name, p.Value)
		}
	}
}

func (c *checker) checkNodes() {
	for _, n := range c.sc.Nodes {
		c.name(n.Name, n.valuePos("name"), "node")
		if first := c.nodes[n.Name]; first != nil {
			c.add(n.valuePos("name"), "a second node named %q; the first is at %v", n.Name, first.pos("name"))
			continue
		}
		c.nodes[n.Name] = n
		if n.Router && (n.has("profile") || n.has("versions") || n.has("timer_granularity") || n.has("syn_retrans_before_tcp_fallback") || n.has("rto_initial") || n.has("rto_min") || n.has("mtu_probing") || n.has("quickack") || n.has("usec_ts")) {
			c.add(n.table.pos, "node %q is a router: it has no protocol stack, so profile, versions, timer_granularity, syn_retrans_before_tcp_fallback, rto_initial, rto_min, mtu_probing, quickack and usec_ts have no meaning", n.Name)
		}
		if n.Router && (n.AddAddrAccepted != nil || n.Subflows != nil || n.AllowJoin != nil) {
			c.add(n.table.pos, "node %q is a router: add_addr_accepted, subflows and allow_join_initial_addr_port have no meaning", n.Name)
		}
		if !n.Router {
			if n.CapableRetrans == nil && !n.has("profile") {
				n.CapableRetrans = c.sc.Defaults.CapableRetrans
			}
			if n.RTOInitial == nil && !n.has("profile") {
				n.RTOInitial = c.sc.Defaults.RTOInitial
			}
			if n.RTOMin == nil && !n.has("profile") {
				n.RTOMin = c.sc.Defaults.RTOMin
			}
			if n.Versions == "" && !n.has("profile") {
				n.Versions = c.sc.Defaults.Versions
			}
			if n.Profile == "" {
				n.Profile = c.sc.Defaults.Profile
			}
			if n.TimerGranularity == "" {
				n.TimerGranularity = c.sc.Defaults.TimerGranularity
			}
			if n.MTUProbing == nil {
				n.MTUProbing = &c.sc.Defaults.MTUProbing
			}
			if n.QuickAck == nil {
				n.QuickAck = &c.sc.Defaults.QuickAck
			}
			if n.DF == nil {
				n.DF = &c.sc.Defaults.DF
			}
			if n.MicrosecondTS == nil {
				n.MicrosecondTS = &c.sc.Defaults.MicrosecondTS
			}
			if n.has("profile") {
				c.profile(n.Profile, n.valuePos("profile"))
			}
		}
		seen := make(map[string]bool)
		for _, i := range n.Interfaces {
			c.name(i.Name, i.valuePos("name"), "interface")
			if seen[i.Name] {
				c.add(i.valuePos("name"), "a second interface %q of node %q", i.Name, n.Name)
			}
			seen[i.Name] = true
			c.endpointKeys(n, i)
		}
	}
}

// endpointKeys refuses what `ip mptcp endpoint add` refuses.
func (c *checker) endpointKeys(n *Node, i *Interface) {
	if i.Signal && i.Fullmesh {
		c.add(i.valuePos("fullmesh"), "interface %q of node %q: fullmesh and signal exclude each other", i.Name, n.Name)
	}
	switch {
	case i.SignalPort == 0:
	case !i.Signal:
		c.add(i.valuePos("signal_port"), "interface %q of node %q: signal_port is announced only with signal = true", i.Name, n.Name)
	case i.Subflow != nil && *i.Subflow:
		c.add(i.valuePos("signal_port"), "interface %q of node %q: signal_port and subflow exclude each other", i.Name, n.Name)
	}
}

// linuxKeys refuses keys that only the path manager linux heeds on a host none of
// whose flows uses it.
func (c *checker) linuxKeys() {
	uses := make(map[string]bool)
	for _, f := range c.sc.Flows {
		if f.Protocol == "mptcp" && f.PathManager.Name == "linux" {
			uses[f.Client], uses[f.Server] = true, true
			for _, n := range f.Servers {
				uses[n] = true
			}
		}
	}
	for _, n := range c.sc.Nodes {
		if uses[n.Name] {
			continue
		}
		for _, i := range n.Interfaces {
			for _, k := range []struct {
				key string
				on  bool
			}{{"signal", i.Signal}, {"signal_port", i.SignalPort != 0}, {"fullmesh", i.Fullmesh}, {"laminar", i.Laminar}} {
				if k.on {
					c.add(i.pos(k.key), "interface %q of node %q: %s has no meaning, since no flow of the node has path_manager = \"linux\"", i.Name, n.Name, k.key)
				}
			}
		}
	}
}

func (c *checker) name(name string, at Pos, what string) {
	if !namePattern.MatchString(name) {
		c.add(at, "%s %q: %s", what, name, nameRule)
	}
}

func (c *checker) nodeNames() []string {
	names := make([]string, len(c.sc.Nodes))
	for i, n := range c.sc.Nodes {
		names[i] = n.Name
	}
	return names
}

func (c *checker) linkNames() []string {
	names := make([]string, len(c.sc.Links))
	for i, l := range c.sc.Links {
		names[i] = l.Name
	}
	return names
}

func (c *checker) flowNames() []string {
	names := make([]string, len(c.sc.Flows))
	for i, f := range c.sc.Flows {
		names[i] = f.Name
	}
	return names
}

// endpoint parts "node.iface" and checks the node.
func (c *checker) endpoint(text string, at Pos, key string) (node, iface string, ok bool) {
	node, iface, ok = strings.Cut(text, ".")
	if !ok {
		c.add(at, "%s = %q: write \"node.iface\", for example %q", key, text, text+".eth0")
		return "", "", false
	}
	if c.nodes[node] == nil {
		c.add(at, "%s = %q: there is no node %q%s", key, text, node, didYouMean(node, c.nodeNames()))
		return "", "", false
	}
	if !namePattern.MatchString(iface) {
		c.add(at, "%s: interface %q: %s", key, iface, nameRule)
		return "", "", false
	}
	return node, iface, true
}

// glob reports whether a pattern with * and ? matches the whole name.
func glob(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		for i := 0; i <= len(name); i++ {
			if glob(pattern[1:], name[i:]) {
				return true
			}
		}
		return false
	case name == "":
		return false
	case pattern[0] == '?' || pattern[0] == name[0]:
		return glob(pattern[1:], name[1:])
	}
	return false
}

// matching returns the names that the patterns mean; a pattern that means none
// is a problem.
func (c *checker) matching(t *table, key string, patterns, names []string) []string {
	var out []string
	for i, p := range patterns {
		found := false
		for _, n := range names {
			if glob(p, n) {
				found = true
				if !slices.Contains(out, n) {
					out = append(out, n)
				}
			}
		}
		if !found {
			c.add(elementPos(t, key, i), "%s: nothing is named %q%s", key, p, didYouMean(p, names))
		}
	}
	return out
}
