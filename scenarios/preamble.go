package scenarios

import (
	"fmt"
	"strings"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Preamble is what a run says of itself before it begins.
type Preamble struct {
	Settings []Setting
	Warnings []Setting
}

// Setting is one line of a preamble: what holds for all objects of a kind that
// Of names ("flow", [dl ul]); Of is empty for the run itself.
type Setting struct {
	Kind  string
	Of    []string
	Value string
}

// Name prints kind and objects, of many the first and the last one.
func (s *Setting) Name() string {
	switch n := len(s.Of); {
	case n == 0:
		return s.Kind
	case n <= 3:
		return s.Kind + " " + strings.Join(s.Of, ", ")
	default:
		return fmt.Sprintf("%s %s ... %s (%d)", s.Kind, s.Of[0], s.Of[n-1], n)
	}
}

// note adds a setting, to the line of the same kind and value if there is one.
func note(list []Setting, kind, of, value string) []Setting {
	for i := range list {
		if s := &list[i]; of != "" && s.Kind == kind && s.Value == value {
			s.Of = append(s.Of, of)
			return list
		}
	}
	s := Setting{Kind: kind, Value: value}
	if of != "" {
		s.Of = []string{of}
	}
	return append(list, s)
}

// Preamble describes what the run uses: profiles, plug-ins with parameters, and
// for each flow its paths with their bandwidth-delay products and its buffers. A
// receive buffer below the largest round-trip time multiplied by the total rate
// is a warning: such a flow cannot fill its paths (Raiciu et al., NSDI'12).
func (w *World) Preamble() *Preamble {
	p := new(Preamble)
	add := func(kind, of, format string, args ...any) {
		p.Settings = note(p.Settings, kind, of, fmt.Sprintf(format, args...))
	}
	add("seed", "", "%d, replication %d", w.run.Seed, w.run.Replication)
	add("duration", "", "%v", w.sc.Duration)
	for _, n := range w.sc.plan.nodes {
		if !n.decl.Router {
			text := n.decl.Profile
			if n.decl.Versions != "" {
				text += ", versions " + n.decl.Versions
			}
			if n.decl.TimerGranularity != "none" {
				text += ", timers " + n.decl.TimerGranularity
			}
			if n.decl.CapableRetrans != nil {
				text += fmt.Sprintf(", syn_retrans_before_tcp_fallback %d", *n.decl.CapableRetrans)
			}
			if n.decl.RTOInitial != nil {
				text += ", rto_initial " + n.decl.RTOInitial.String()
			}
			if n.decl.RTOMin != nil {
				text += ", rto_min " + n.decl.RTOMin.String()
			}
			if *n.decl.MTUProbing > 0 {
				text += fmt.Sprintf(", mtu_probing %d", *n.decl.MTUProbing)
			}
			if *n.decl.QuickAck {
				text += ", quickack"
			}
			if !*n.decl.DF {
				text += ", no DF"
			}
			if *n.decl.MicrosecondTS {
				text += ", timestamps of 1 us"
			}
			if d := &w.sc.Defaults; d.Reinject != "profile" && d.Profile == n.decl.Profile {
				text += ", reinject " + d.Reinject
			}
			add("host", n.decl.Name, "profile %s", text)
		}
	}
	for _, f := range w.flows {
		w.describeFlow(f, p, add)
	}
	for _, l := range w.links {
		if l.decl.Profile.Name != "" && l.up {
			add("link", l.decl.Name, "profile %s, process %q", l.decl.Profile.Name, l.decl.Process)
		}
		if t := l.dir.Trace; t != nil {
			add("link", l.name, "trace %s", t.File)
		}
	}
	return p
}

func (w *World) describeFlow(f *flowRun, p *Preamble, add func(kind, of, format string, args ...any)) {
	d := f.decl
	if d.Protocol == "udp" {
		add("flow", d.Name, "udp, app %s", d.App)
		return
	}
	text := fmt.Sprintf("%s, app %s, cc %s", d.Protocol, d.App, describePlugin(&d.CC, w.run.Plugins.ccKind()))
	if d.Protocol == "mptcp" {
		text += ", scheduler " + describePlugin(&d.Scheduler, w.run.Plugins.schedulerKind()) +
			", path manager " + describePlugin(&d.PathManager, w.run.Plugins.pathManagerKind())
		if d.PortPolicy != "profile" {
			text += ", port_policy " + d.PortPolicy
		}
		if d.Listen != "any" {
			text += ", listen " + d.Listen
		}
		if *d.Reprobe {
			text += ", reprobe"
		}
		if *d.ResetUnder {
			text += ", reset_underperforming"
		}
		if *d.ResetDelivered {
			text += ", reset_delivered"
		}
	}
	if *d.NoDelay {
		text += ", nodelay"
	}
	if d.FastOpen != "" && d.FastOpen != "off" {
		text += ", fastopen " + d.FastOpen
	}
	if d.SYNCookies != "" && d.SYNCookies != "off" {
		text += ", syncookies " + d.SYNCookies
	}
	add("flow", d.Name, "%s", text)
	var total sim.Rate
	var longest sim.Duration
	known := true
	for _, path := range w.paths(f) {
		add("path", d.Name+"/"+path.iface, "%s", path.String())
		total += path.rate
		longest = max(longest, path.rtt)
		known = known && path.rate > 0
	}
	buffers := fmt.Sprintf("send %s, receive %s", describeBuffer(d.SendBuffer, d.SendMemory), describeBuffer(d.ReceiveBuffer, d.ReceiveMemory))
	need := needsOf(total, longest, &w.senderProfile(f).TCP)
	if known {
		buffers += fmt.Sprintf("; all paths need %d bytes, %d through the repair of a loss, %d through a timeout", need.busy, need.repair, need.timeout)
	}
	add("buffers", d.Name, "%s", buffers)
	if known && !d.ReceiveBuffer.Auto && d.ReceiveBuffer.N < need.busy {
		p.Warnings = note(p.Warnings, "flow", d.Name, fmt.Sprintf(
			"the receive buffer of %v is below the largest round-trip time multiplied by the total rate, %v x %v = %d bytes: it cannot fill its paths",
			*d.ReceiveBuffer, Duration(longest), total, need.busy))
	}
}

// senderProfile is the profile of the end that sends the data of a flow.
func (w *World) senderProfile(f *flowRun) *mptcp.Profile {
	name := f.decl.Client
	if f.download {
		name = f.decl.Server
	}
	return hostProfile(w.sc.plan.byName[name].decl, &w.sc.Defaults)
}

// describeBuffer prints a buffer and how far it may grow.
func describeBuffer(b *Buffer, most *Bytes) string {
	if b.Auto {
		return fmt.Sprintf("auto up to %v of memory", *most)
	}
	return b.String()
}

// describePlugin prints a plug-in with the values of all its parameters.
func describePlugin(ref *PluginRef, kind pluginKind) string {
	kind = kind.of(ref)
	for i, name := range kind.names {
		if name != ref.Name || len(kind.params[i]) == 0 {
			continue
		}
		values, err := cc.Resolve(kind.params[i], ref.settings())
		if err != nil {
			break // checked when the scenario was loaded
		}
		parts := make([]string, len(values))
		for k, v := range values {
			q := kind.params[i][k]
			if q.Names != nil {
				parts[k] = q.Name + "=" + q.Names[int(v)]
				continue
			}
			parts[k] = fmt.Sprintf("%s=%g", q.Name, v)
		}
		return name + "(" + strings.Join(parts, " ") + ")"
	}
	return ref.Name
}

// pathInfo is one path of a flow: the slowest link in the direction of the data
// and the delays both ways.
type pathInfo struct {
	iface string
	rate  sim.Rate // mean over time; 0: unlimited
	rtt   sim.Duration
	queue string // of the slowest link
}

// String prints rate, round-trip time, product and queue.
func (p pathInfo) String() string {
	if p.rate == 0 {
		return fmt.Sprintf("unlimited rate, RTT %v", Duration(p.rtt))
	}
	return fmt.Sprintf("%v, RTT %v, BDP %d bytes, queue %s", p.rate, Duration(p.rtt), p.rate.BytesIn(p.rtt), p.queue)
}

// paths walks from every interface of the client that the flow may use.
func (w *World) paths(f *flowRun) []pathInfo {
	plan := w.sc.plan
	client, server := plan.byName[f.decl.Client], plan.byName[f.decl.Server]
	var out []pathInfo
	for _, i := range client.ifaces {
		if f.decl.Protocol == "tcp" && i.name != f.decl.Via {
			continue
		}
		_, hops, ok := plan.reach(i, server)
		if !ok {
			continue
		}
		p := pathInfo{iface: i.name}
		for _, h := range hops {
			there, back := w.byLink[h.link.Name+".up"], w.byLink[h.link.Name+".down"]
			if !h.isA {
				there, back = back, there
			}
			data := there
			if f.download {
				data = back
			}
			p.rtt += there.link.Config().Delay + back.link.Config().Delay
			if r := data.meanRate(w.sc.Duration.Duration()); r > 0 && (p.rate == 0 || r < p.rate) {
				p.rate, p.queue = r, data.dir.Queue.String()
				if aqm := data.dir.AQM.Name; aqm != "" {
					p.queue += " " + aqm
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// meanRate is the mean rate of a link over the run, 0 if it is unlimited.
func (l *linkRun) meanRate(length sim.Duration) sim.Rate {
	cfg := l.link.Config()
	switch {
	case cfg.Opportunities != nil:
		round := cfg.Opportunities.Length()
		return sim.Rate(float64(len(cfg.Opportunities.Milliseconds)) * 1500 * 8 / round.Seconds())
	case cfg.Schedule != nil:
		bits := 0.0
		step := length / 1000
		for t := sim.Time(0); t < sim.Time(step*1000); t += sim.Time(step) {
			bits += float64(cfg.Schedule.RateAt(t))
		}
		return sim.Rate(bits / 1000)
	}
	return cfg.Rate
}
