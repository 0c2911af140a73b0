package nat

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mpsim/net/mbox"
	"mpsim/sim"
)

// field is a parameter that changes one thing of a Config.
type field struct {
	name, doc string
	kind      mbox.ParamKind
	choices   []string
	min, max  float64
	firewall  bool // firewalls have it, too
	get       func(c *Config) int64
	put       func(c *Config, n int64)
}

// param returns the parameter with the default that a configuration has.
func (f *field) param(c *Config) mbox.Param {
	p := mbox.Param{Name: f.name, Doc: f.doc, Kind: f.kind, Choices: f.choices, Min: f.min, Max: f.max}
	if f.kind == mbox.Choice {
		p.Default = f.choices[f.get(c)]
	} else {
		p.Number = float64(f.get(c))
	}
	return p
}

// set takes over what a scenario gives.
func (f *field) set(c *Config, g *mbox.Given) {
	if f.kind == mbox.Choice {
		f.put(c, int64(slices.Index(f.choices, g.Text(f.name))))
		return
	}
	f.put(c, g.Number(f.name))
}

// longest is the longest timer: a year.
const longest = float64(365 * 86400 * sim.Second)

// choice is a field that takes one of some values of type T.
func choice[T ~uint8](name, doc string, choices []string, at func(*Config) *T) field {
	return field{name: name, doc: doc, kind: mbox.Choice, choices: choices,
		get: func(c *Config) int64 { return int64(*at(c)) },
		put: func(c *Config, n int64) { *at(c) = T(n) }}
}

// flag is a field that is true or false.
func flag(name, doc string, at func(*Config) *bool) field {
	return field{name: name, doc: doc, kind: mbox.Flag,
		get: func(c *Config) int64 {
			if *at(c) {
				return 1
			}
			return 0
		},
		put: func(c *Config, n int64) { *at(c) = n == 1 }}
}

// whole is a field that is a number.
func whole[T ~int | ~uint16](name, doc string, least, most float64, at func(*Config) *T) field {
	return field{name: name, doc: doc, kind: mbox.Whole, min: least, max: most,
		get: func(c *Config) int64 { return int64(*at(c)) },
		put: func(c *Config, n int64) { *at(c) = T(n) }}
}

// span is a field that is a time.
func span(name, doc string, at func(*Config) *sim.Duration) field {
	return field{name: name, doc: doc, kind: mbox.Span, max: longest,
		get: func(c *Config) int64 { return int64(*at(c)) },
		put: func(c *Config, n int64) { *at(c) = sim.Duration(n) }}
}

// timer is a span that firewalls have, too.
func timer(name, doc string, at func(*Config) *sim.Duration) field {
	f := span(name, doc, at)
	f.firewall = true
	return f
}

// too makes a field one of firewalls, too.
func too(f field) field {
	f.firewall = true
	return f
}

// natFields are the parameters of translators, in the order of lists.
var natFields = []field{
	choice("mapping", "on what of the remote end the outside port depends (RFC 4787 section 4.1)", dependences, func(c *Config) *Dependence { return &c.Mapping }),
	choice("filtering", "which remote ends may come in through a mapping: all, those at addresses, or at addresses and ports, to which something was sent (RFC 4787 section 5)", dependences, func(c *Config) *Dependence { return &c.Filtering }),
	choice("ports", "how outside ports are chosen", allocations, func(c *Config) *Allocation { return &c.Ports }),
	whole("first_port", "first of the outside ports that are chosen", 1, 65535, func(c *Config) *uint16 { return &c.FirstPort }),
	whole("last_port", "last of them", 1, 65535, func(c *Config) *uint16 { return &c.LastPort }),
	flag("overload", "mappings towards different remote ends may share an outside port", func(c *Config) *bool { return &c.Overload }),
	flag("paired", "all mappings of an inside host have the same outside address", func(c *Config) *bool { return &c.Paired }),
	whole("ports_per_host", "mappings that an inside host may have; 0: no limit", 0, 65535, func(c *Config) *int { return &c.PortsPerHost }),
	span("hold_down", "time for which a freed port is not given to another host (RFC 6888 REQ-8)", func(c *Config) *sim.Duration { return &c.HoldDown }),
	flag("hairpin", "inside hosts reach each other by outside addresses", func(c *Config) *bool { return &c.Hairpin }),
	flag("inbound_refresh", "UDP packets from outside keep a session alive, too", func(c *Config) *bool { return &c.InboundRefresh }),
	too(choice("unsolicited_syn", "answer to a SYN from outside that is not let in", answers, func(c *Config) *Answer { return &c.UnsolicitedSYN })),
	timer("hold", "time for which such a SYN waits for one of the same connection from inside, before the answer (RFC 5382 REQ-4)", func(c *Config) *sim.Duration { return &c.Hold }),
	too(choice("stray", "answer to other packets from outside that are not let in", answers, func(c *Config) *Answer { return &c.Stray })),
	too(choice("midstream", "what happens to TCP segments from inside that belong to no session and are no SYN", pickups, func(c *Config) *Pickup { return &c.Midstream })),
	too(flag("check_window", "segments that do not fit the state or the window of their connection are dropped", func(c *Config) *bool { return &c.CheckWindow })),
	timer("udp_timer", "a UDP session ends when idle for so long", func(c *Config) *sim.Duration { return &c.Timers.UDP }),
	timer("udp_stream_timer", "the same with packets in both directions", func(c *Config) *sim.Duration { return &c.Timers.UDPStream }),
	timer("icmp_timer", "the same for echoes", func(c *Config) *sim.Duration { return &c.Timers.ICMP }),
	timer("syn_sent_timer", "TCP after the SYN", func(c *Config) *sim.Duration { return &c.Timers.TCP[SYNSent] }),
	timer("syn_received_timer", "TCP after the SYN/ACK", func(c *Config) *sim.Duration { return &c.Timers.TCP[SYNReceived] }),
	timer("established_timer", "TCP established", func(c *Config) *sim.Duration { return &c.Timers.TCP[Established] }),
	timer("fin_wait_timer", "TCP after a FIN", func(c *Config) *sim.Duration { return &c.Timers.TCP[FINWait] }),
	timer("close_wait_timer", "TCP after its acknowledgement", func(c *Config) *sim.Duration { return &c.Timers.TCP[CloseWait] }),
	timer("last_ack_timer", "TCP after both FINs", func(c *Config) *sim.Duration { return &c.Timers.TCP[LastAck] }),
	timer("time_wait_timer", "TCP after the last acknowledgement", func(c *Config) *sim.Duration { return &c.Timers.TCP[TimeWait] }),
	timer("reset_timer", "TCP after a RST (RFC 7857 section 2.2)", func(c *Config) *sim.Duration { return &c.Timers.TCP[Closed] }),
	timer("syn_sent2_timer", "TCP after SYNs in both directions", func(c *Config) *sim.Duration { return &c.Timers.TCP[SYNSent2] }),
	timer("unacked_timer", "TCP with data that waits for its acknowledgement; 0s: as without", func(c *Config) *sim.Duration { return &c.Timers.TCPUnacked }),
	too(whole("sessions", "flows for which there is room", 1, 1<<20, func(c *Config) *int { return &c.Sessions })),
	flag("pcp", "explicit mappings are granted (PCP, RFC 6887)", func(c *Config) *bool { return &c.PCP }),
	span("min_lease", "shortest lifetime of an explicit mapping", func(c *Config) *sim.Duration { return &c.MinLease }),
	span("max_lease", "longest one", func(c *Config) *sim.Duration { return &c.MaxLease }),
	too(whole("ftp_port", "server port of the FTP control connections whose PORT and EPRT commands, or replies 227 and 229 of a server inside, let the other side in and, in a NAT, are translated, as home routers do with 21; 0: none", 0, 65535, func(c *Config) *uint16 { return &c.FTPPort })),
}

// Row is a profile with all its parameters, for lists.
func (p *Profile) Row() []mbox.Param {
	var out []mbox.Param
	for i := range natFields {
		out = append(out, natFields[i].param(&p.Config))
	}
	return out
}

// ParsePorts reads a list of ports, "80 443".
func ParsePorts(text string) ([]uint16, error) {
	var out []uint16
	for _, w := range strings.Fields(text) {
		n, err := strconv.ParseUint(w, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no port from 1 to 65535", w)
		}
		out = append(out, uint16(n))
	}
	return out, nil
}
