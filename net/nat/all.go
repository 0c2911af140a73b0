package nat

import (
	"fmt"
	"slices"

	"mpsim/net/mbox"
	"mpsim/sim"
)

// Profile is a translator by name.
type Profile struct {
	Name, Doc string
	Config    Config
}

// DefaultProfile is what `type = "nat"` means without a profile.
const DefaultProfile = "home-router"

// Profiles returns the table of translators that mpsim ships; addresses are the
// scenario's. To add one: give it a Config here. The first four are the types of
// RFC 3489 section 5 in the terms of RFC 4787.
func Profiles() []Profile {
	cone := Config{
		Ports: Preserve, FirstPort: 1024, LastPort: 65535, Paired: true, InboundRefresh: false,
		UnsolicitedSYN: Unreachable, Hold: 6 * sim.Second, Stray: Silence, Midstream: RefuseSilently,
		Timers: rfcTimers(), Sessions: 1 << 16, MinLease: 120 * sim.Second, MaxLease: 86400 * sim.Second,
	}
	with := func(change func(*Config)) Config {
		c := cone
		change(&c)
		return c
	}
	return []Profile{
		{"full-cone", "endpoint-independent mapping and filtering; timers and answers of the RFCs", cone},
		{"restricted", "endpoint-independent mapping, address-dependent filtering", with(func(c *Config) { c.Filtering = AddressDependent })},
		{"port-restricted", "endpoint-independent mapping, address and port-dependent filtering", with(func(c *Config) { c.Filtering = AddressAndPortDependent })},
		{"symmetric", "mapping and filtering depend on address and port; random ports", with(func(c *Config) {
			c.Mapping, c.Filtering, c.Ports = AddressAndPortDependent, AddressAndPortDependent, Random
		})},
		{"cgn", "carrier-grade: RFC 6888 (paired pool, limit and hold-down of ports, PCP) with endpoint-independent filtering and random ports", with(func(c *Config) {
			c.Ports, c.Hairpin, c.PCP = Random, true, true
			c.PortsPerHost, c.HoldDown = 2048, 120*sim.Second
		})},
		{"linux-conntrack", "masquerading of Linux: the port is kept unless the whole connection would be ambiguous, sessions follow connection tracking, what is unknown meets the router's own stack", with(func(c *Config) {
			c.Mapping, c.Filtering, c.Overload = AddressAndPortDependent, AddressAndPortDependent, true
			c.InboundRefresh, c.Midstream, c.CheckWindow = true, PickUp, true
			c.UnsolicitedSYN, c.Hold, c.Stray = Reset, 0, Reset
			c.Timers = linuxTimers()
		})},
		{"home-router", "port-restricted, ports kept, hairpinning, PCP; sessions are forgotten after five minutes, what is unknown is dropped", with(func(c *Config) {
			c.Filtering, c.Hairpin, c.PCP = AddressAndPortDependent, true, true
			c.UnsolicitedSYN, c.Hold = Silence, 0
			c.Timers = homeTimers()
		})},
	}
}

// ProfileNames returns the names of Profiles.
func ProfileNames() []string {
	var names []string
	for _, p := range Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// FindProfile returns a profile by name, or nil.
func FindProfile(name string) *Profile {
	all := Profiles()
	if i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// Specs returns the rows of translators and firewalls in the table of boxes.
func Specs() []mbox.Spec {
	home := FindProfile(DefaultProfile).Config
	params := []mbox.Param{
		{Name: "profile", Kind: mbox.Choice, Default: DefaultProfile, Choices: ProfileNames(), Doc: "behaviour by name (mpsim list nat); the other parameters change it"},
		{Name: "outside", Kind: mbox.Addresses, Doc: "addresses that the box owns, to which inside ones are translated; default: the IPv4 addresses of the interface, if it is a router's"},
		{Name: "inside", Kind: mbox.Addresses, Doc: "sources that are translated, the rest passes untouched; default: all"},
	}
	for _, f := range natFields {
		params = append(params, f.param(&home))
	}
	return []mbox.Spec{
		mbox.NewSpec("nat", "translates IPv4 addresses and ports; what leaves the interface is inside. Defaults are those of the profile, here of "+DefaultProfile, params,
			func(_ mbox.Filter, g *mbox.Given, env *mbox.Env) mbox.Box { return NewNAT(Read(g), env) }),
		mbox.NewSpec("firewall", "stateful packet filter: lets in what belongs to sessions that began at the node's side of the interface",
			firewallParams(), newFirewall),
	}
}

// Read returns the configuration that parameters of a nat box give.
func Read(g *mbox.Given) Config {
	c := FindProfile(g.Text("profile")).Config
	for _, p := range g.Prefixes("outside") {
		for a := p.Addr(); p.Contains(a) && len(c.Outside) <= maxOutside; a = a.Next() {
			c.Outside = append(c.Outside, a)
		}
	}
	c.Inside = g.Prefixes("inside")
	for _, f := range natFields {
		if g.Explicit(f.name) {
			f.set(&c, g)
		}
	}
	return c
}

// Check reports what is wrong with a configuration of a translator.
func (c *Config) Check() error {
	switch {
	case len(c.Outside) == 0:
		return fmt.Errorf("a NAT without outside address: give outside, or let it stand at a router's interface with an IPv4 address")
	case len(c.Outside) > maxOutside:
		return fmt.Errorf("%d outside addresses; at most %d are possible", len(c.Outside), maxOutside)
	case c.Overload && c.Mapping != AddressAndPortDependent:
		return fmt.Errorf("overload = true needs mapping = %q: otherwise an answer has no one inside end", dependences[AddressAndPortDependent])
	case c.FirstPort > c.LastPort:
		return fmt.Errorf("first_port is %d, last_port %d", c.FirstPort, c.LastPort)
	case c.MinLease > c.MaxLease:
		return fmt.Errorf("min_lease exceeds max_lease")
	}
	for _, a := range c.Outside {
		if !a.Is4() {
			return fmt.Errorf("outside address %v is not IPv4; for IPv6 there is the box \"firewall\"", a)
		}
	}
	return nil
}

// maxOutside bounds the addresses of a pool.
const maxOutside = 1024

func firewallParams() []mbox.Param {
	c := firewallConfig()
	params := []mbox.Param{
		{Name: "open", Kind: mbox.Text, Doc: "ports inside that may be reached from outside, \"80 443\""},
		{Name: "options", Kind: mbox.Choice, Default: "pass", Choices: synOptions, Doc: "what happens to SYNs with options that are not known: they pass, are dropped, or lose the options"},
		{Name: "known", Kind: mbox.Options, Default: "mss wscale sack_permitted timestamps", Doc: "options that are known"},
		{Name: "data_in_syn", Kind: mbox.Choice, Default: "pass", Choices: synData, Doc: "what happens to SYNs with payload: they pass, are dropped, or lose it"},
	}
	for _, f := range natFields {
		if f.firewall {
			params = append(params, f.param(&c))
		}
	}
	return params
}

// firewallConfig is a firewall as Linux's connection tracking makes it, with a rule
// that drops what is invalid.
func firewallConfig() Config {
	return Config{InboundRefresh: true, Midstream: PickUp, CheckWindow: true, Timers: linuxTimers(), Sessions: 1 << 16}
}

func newFirewall(_ mbox.Filter, g *mbox.Given, env *mbox.Env) mbox.Box {
	c := firewallConfig()
	for _, f := range natFields {
		if f.firewall && g.Explicit(f.name) {
			f.set(&c, g)
		}
	}
	c.Options = SYNOptions(slices.Index(synOptions, g.Text("options")))
	c.Data = SYNData(slices.Index(synData, g.Text("data_in_syn")))
	open, err := ParsePorts(g.Text("open"))
	if err != nil {
		sim.Bugf("open ports passed their check: %v", err)
	}
	return NewFirewall(c, g.Options("known"), open, env)
}
