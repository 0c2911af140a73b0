package scenarios

import (
	"net/netip"
	"slices"
)

func (c *checker) checkFlowNames() {
	for _, f := range c.sc.Flows {
		c.name(f.Name, f.valuePos("name"), "flow")
		if first := c.flows[f.Name]; first != nil {
			c.add(f.valuePos("name"), "a second flow named %q; the first is at %v", f.Name, first.pos("name"))
			continue
		}
		c.flows[f.Name] = f
		if f.Group != "" {
			c.name(f.Group, f.valuePos("group"), "group")
		}
	}
	if len(c.sc.Flows) == 0 && !c.sc.has("flow") {
		c.add(c.sc.table.pos, "the scenario has no [[flow]]: nothing would happen")
	}
}

func (c *checker) checkFlows() {
	ports := make(map[netip.AddrPort]*Flow)
	for i, f := range c.sc.Flows {
		c.flowDefaults(f)
		c.flowKeys(f)
		c.flowApp(f)
		if f.Port == 0 {
			f.Port = 5001 + i
		}
		if f.Stop != nil && *f.Stop <= f.Start {
			c.add(f.valuePos("stop"), "flow %q stops at %v, but starts at %v", f.Name, *f.Stop, f.Start)
		}
		if c.sc.Duration > 0 && f.Start >= c.sc.Duration {
			c.add(f.valuePos("start"), "flow %q starts at %v, but the run ends at %v", f.Name, f.Start, c.sc.Duration)
		}
		to, ok := c.flowPath(f)
		if !ok {
			continue
		}
		key := netip.AddrPortFrom(to, uint16(f.Port))
		if other := ports[key]; other != nil && (other.Protocol == "udp") == (f.Protocol == "udp") {
			c.add(f.valuePos("port"), "flows %q and %q use the same server port %v", other.Name, f.Name, key)
		}
		ports[key] = f
		c.wholePort(f, i)
		c.bufferInBDP(f, &f.SendBuffer, "send_buffer")
		c.bufferInBDP(f, &f.ReceiveBuffer, "receive_buffer")
	}
}

// wholePort refuses a port of all addresses of a server that another flow uses at
// another address.
func (c *checker) wholePort(f *Flow, i int) {
	for _, o := range c.sc.Flows[:i] {
		if o.Server == f.Server && o.Port == f.Port && o.To != f.To && o.Protocol != "udp" && f.Protocol != "udp" &&
			(o.Listen == "any" || f.Listen == "any") {
			c.add(f.valuePos("port"), "flows %q and %q use port %d of node %q; with listen = \"address\" in both they can, at different addresses", o.Name, f.Name, f.Port, f.Server)
		}
	}
}

func (c *checker) flowDefaults(f *Flow) {
	d := &c.sc.Defaults
	if f.App == "" {
		f.App = "bulk"
		if f.Protocol == "udp" {
			f.App = "cbr"
		}
	}
	if f.Protocol == "udp" {
		return
	}
	if f.CC.Name == "" && f.CC.pos == (Pos{}) {
		f.CC = d.CC
		if f.Protocol == "tcp" {
			f.CC = d.TCPCC
		}
	} else {
		if f.Protocol == "mptcp" {
			c.fillCoupled(&f.CC, c.coupled)
		}
		c.plugin(&f.CC, c.plugins.ccKind())
	}
	if f.SendBuffer == nil {
		f.SendBuffer = &d.SendBuffer
	} else {
		c.buffer(f.SendBuffer, f.valuePos("send_buffer"), "send_buffer")
	}
	if f.ReceiveBuffer == nil {
		f.ReceiveBuffer = &d.ReceiveBuffer
	} else {
		c.buffer(f.ReceiveBuffer, f.valuePos("receive_buffer"), "receive_buffer")
	}
	if f.SendMemory == nil {
		f.SendMemory = &d.SendMemory
	} else {
		c.memory(f.SendMemory, f.valuePos("wmem_max"), "wmem_max")
	}
	if f.ReceiveMemory == nil {
		f.ReceiveMemory = &d.ReceiveMemory
	} else {
		c.memory(f.ReceiveMemory, f.valuePos("rmem_max"), "rmem_max")
	}
	if f.NoDelay == nil {
		f.NoDelay = &d.NoDelay
	}
	c.segmentSize(f)
	if f.Protocol == "tcp" {
		return
	}
	if f.Opportunistic == nil {
		f.Opportunistic = d.Opportunistic
	}
	if f.Penalise == nil {
		f.Penalise = d.Penalise
	}
	if f.Reprobe == nil {
		f.Reprobe = &d.Reprobe
	}
	if f.ResetDelivered == nil {
		f.ResetDelivered = &d.ResetDelivered
	}
	if f.ResetUnder == nil {
		f.ResetUnder = &d.ResetUnder
	}
	if f.Scheduler.Name == "" && f.Scheduler.pos == (Pos{}) {
		f.Scheduler = d.Scheduler
	} else {
		c.plugin(&f.Scheduler, c.plugins.schedulerKind())
	}
	defer c.checkPathActions(f)
	c.mode(&f.Mode, &f.PathManager, f.valuePos("mode"))
	if f.PathManager.Name == "" && f.PathManager.pos == (Pos{}) {
		f.PathManager = d.PathManager
	} else {
		c.plugin(&f.PathManager, c.plugins.pathManagerKind())
	}
}

// minMSS is the smallest segment size: options take up to 40 bytes of it.
const minMSS = 88

func (c *checker) segmentSize(f *Flow) {
	if f.MSS == nil {
		f.MSS = &c.sc.Defaults.MSS
	}
	if *f.MSS != 0 && *f.MSS < minMSS {
		c.add(f.valuePos("mss"), "mss is %d; segments of less than %d bytes are not possible", *f.MSS, minMSS)
	}
}

// flowKeys refuses keys that have no meaning for the protocol.
func (c *checker) flowKeys(f *Flow) {
	var without []string
	switch f.Protocol {
	case "tcp":
		without = []string{"scheduler", "path_manager", "mode", "reprobe", "reset_underperforming", "reset_delivered"}
	case "udp":
		without = []string{"cc", "scheduler", "path_manager", "send_buffer", "receive_buffer", "nodelay", "mss", "reprobe", "reset_underperforming", "reset_delivered", "fastopen", "syncookies"}
	}
	if f.Protocol != "mptcp" && f.MSSPolicy != "free" {
		c.add(f.pos("mss_policy"), "flow %q is %s, for which mss_policy has no meaning", f.Name, f.Protocol)
	}
	if f.Protocol == "udp" && f.Listen != "any" {
		c.add(f.pos("listen"), "flow %q is udp, for which listen has no meaning", f.Name)
	}
	if f.Protocol != "mptcp" && f.PortPolicy != "profile" {
		c.add(f.pos("port_policy"), "flow %q is %s, for which port_policy has no meaning", f.Name, f.Protocol)
	}
	for _, key := range without {
		if f.has(key) {
			c.add(f.pos(key), "flow %q is %s, for which %s has no meaning", f.Name, f.Protocol, key)
		}
	}
}

// converses reports whether both ends of a flow talk to each other.
func (f *Flow) converses() bool { return f.App == "request" || f.App == "ftp" }

// flowApp checks the application and its parameters.
func (c *checker) flowApp(f *Flow) {
	apps := []string{"bulk", "request", "ftp"}
	if f.Protocol == "udp" {
		apps = []string{"cbr", "onoff"}
	}
	if !slices.Contains(apps, f.App) {
		c.add(f.valuePos("app"), "flow %q: app %q does not run over %s%s", f.Name, f.App, f.Protocol, didYouMean("", apps))
		return
	}
	for _, key := range []string{"request", "ftp", "cbr", "onoff"} {
		if f.has(key) && f.App != key {
			c.add(f.pos(key), "flow %q has app = %q; the parameters [flow.%s] are for another one", f.Name, f.App, key)
		}
	}
	d := decoder{c.problems}
	switch {
	case f.App == "request" && f.Request == nil:
		f.Request = new(RequestApp)
		d.defaults(f.Request)
	case f.App == "ftp" && f.FTP == nil:
		f.FTP = new(FTPApp)
		d.defaults(f.FTP)
	case f.App == "cbr" && f.CBR == nil:
		f.CBR = new(CBRApp)
		d.defaults(f.CBR)
	case f.App == "onoff" && f.OnOff == nil:
		f.OnOff = new(OnOffApp)
		d.defaults(f.OnOff)
	}
	if f.converses() {
		for _, key := range []string{"size", "direction"} {
			if f.has(key) {
				c.add(f.pos(key), "flow %q: app %q has no %s; see [flow.%s]", f.Name, f.App, key, f.App)
			}
		}
	}
	if f.App == "ftp" && len(f.Servers) > 0 {
		c.add(f.pos("servers"), "flow %q: app \"ftp\" has one server", f.Name)
	}
	if a := f.FTP; a != nil && a.EPSVAll && a.Mode != "passive" {
		c.add(a.valuePos("epsv_all"), "flow %q: epsv_all needs mode = \"passive\"", f.Name)
	}
	if o := f.OnOff; o != nil && o.On.Mean() == 0 {
		c.add(o.valuePos("on"), "flow %q: bursts of length 0 send nothing", f.Name)
	}
	for _, n := range []Bytes{f.Size} {
		if !n.Unlimited && n.N == 0 {
			c.add(f.valuePos("size"), "flow %q: size is 0; nothing would be sent", f.Name)
		}
	}
}

// flowPath finds the ends of a flow and completes via and to.
func (c *checker) flowPath(f *Flow) (to netip.Addr, ok bool) {
	for _, end := range []struct{ key, name string }{{"client", f.Client}, {"server", f.Server}} {
		n := c.nodes[end.name]
		switch {
		case n == nil:
			c.add(f.valuePos(end.key), "flow %q: there is no node %q%s", f.Name, end.name, didYouMean(end.name, c.nodeNames()))
			return to, false
		case n.Router:
			c.add(f.valuePos(end.key), "flow %q: node %q is a router and has no protocol stack", f.Name, end.name)
			return to, false
		}
	}
	if f.Client == f.Server {
		c.add(f.valuePos("server"), "flow %q: client and server are the same node", f.Name)
		return to, false
	}
	client, server := c.plan.byName[f.Client], c.plan.byName[f.Server]
	via := c.clientInterface(f, client)
	if via == nil && f.Via != "" {
		return to, false
	}
	candidates := client.ifaces
	if via != nil {
		candidates = []*planIface{via}
	}
	for _, i := range candidates {
		if to, ok = c.serverAddress(f, i, server); ok {
			f.Via, f.To = i.name, to.String()
			return to, true
		}
	}
	if len(c.problems.all) == 0 {
		c.add(f.valuePos("server"), "flow %q: no way from %q to %q; link them, or check [[route]]", f.Name, f.Client, f.Server)
	}
	return to, false
}

func (c *checker) clientInterface(f *Flow, client *planNode) *planIface {
	if f.Via == "" {
		return nil
	}
	var names []string
	for _, i := range client.ifaces {
		if i.name == f.Via {
			return i
		}
		names = append(names, i.name)
	}
	c.add(f.valuePos("via"), "flow %q: node %q has no interface %q%s", f.Name, f.Client, f.Via, didYouMean(f.Via, names))
	return nil
}

// serverAddress returns the address to which a flow connects from an
// interface.
func (c *checker) serverAddress(f *Flow, from *planIface, server *planNode) (netip.Addr, bool) {
	if f.To == "" {
		to, _, ok := c.plan.reach(from, server)
		return to, ok
	}
	if a, err := netip.ParseAddr(f.To); err == nil {
		if owner := c.plan.owner[a]; c.plan.nats[a] == nil && (owner == nil || owner.node != server && (len(f.Servers) == 0 || !owner.node.decl.Router)) {
			c.add(f.valuePos("to"), "flow %q: %v is no address of node %q", f.Name, a, f.Server)
			return a, false
		}
		_, ok := c.plan.walk(from, a)
		return a, ok
	}
	var names []string
	for _, i := range server.ifaces {
		if i.name == f.To && len(i.addrs) > 0 {
			_, ok := c.plan.walk(from, i.addrs[0].Addr())
			return i.addrs[0].Addr(), ok
		}
		if len(i.addrs) > 0 {
			names = append(names, i.name)
		}
	}
	c.add(f.valuePos("to"), "flow %q: node %q has no interface with an address named %q%s", f.Name, f.Server, f.To, didYouMean(f.To, names))
	return netip.Addr{}, false
}
