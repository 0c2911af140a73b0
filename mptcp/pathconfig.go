package mptcp

import (
	"errors"
	"net/netip"

	"mpsim/sim"
)

// The host-wide configuration of the in-kernel path manager: what `ip mptcp
// endpoint` and `ip mptcp limits` set (Linux net/mptcp/pm_kernel.c). Package
// mptcp/pm's "linux" works by it; other path managers see it and may ignore it.
//
// Not modelled: the device of an address (dev), network namespaces, and the
// listening socket as an object of its own: a port of an announced address is
// open to joins and to nothing else.

// AddrConfig is one address that path managers may use, with what for.
type AddrConfig struct {
	// ID is the address id, 1 to 255. AddAddr chooses one for 0.
	ID   uint8
	Addr netip.Addr
	// Port is announced with the address and open to joins; 0: the ports of the
	// connection. Only announced addresses that subflows do not come from can
	// have one.
	Port  uint16
	Flags AddrFlags
}

// PathLimits bound what path managers and peers may add to a connection of the
// host. Linux's defaults are 0 and 2.
type PathLimits struct {
	// AddAddrAccepted is how many addresses that the peer announces are used.
	AddAddrAccepted int
	// Subflows is how many subflows beside the initial one there may be, whoever
	// opened them.
	Subflows int
}

// DefaultPathLimits are the limits of a Linux host that nobody has configured.
func DefaultPathLimits() PathLimits { return PathLimits{Subflows: 2} }

// Errors of AddAddr, DelAddr and ChangeAddr.
var (
	ErrAddrInvalid = errors.New("not an address")
	ErrAddrFlags   = errors.New("flags of the address contradict each other")
	ErrAddrExists  = errors.New("the address is configured already")
	ErrAddrIDInUse = errors.New("the address id is in use")
	ErrNoAddrID    = errors.New("no address id is free")
	ErrNoSuchAddr  = errors.New("no address has this id")
)

// pathConfig is what an endpoint holds of it.
type pathConfig struct {
	list    []AddrConfig // in the order in which they are used
	ids     idSet
	next    uint8 // where the search for a free id begins
	limits  PathLimits
	limited bool // SetPathLimits was called
}

// idSet is a set of address ids.
type idSet [4]uint64

func (s *idSet) has(id uint8) bool { return s[id>>6]>>(id&63)&1 != 0 }
func (s *idSet) add(id uint8)      { s[id>>6] |= 1 << (id & 63) }
func (s *idSet) remove(id uint8)   { s[id>>6] &^= 1 << (id & 63) }

// AddAddr configures an address and returns its id. Connections that are
// established use it at once. An address that was only known because a subflow
// came from it (AddrImplicit) is replaced and keeps its id.
func (e *Endpoint) AddAddr(now sim.Time, a AddrConfig) (id uint8, err error) {
	e.reap()
	if err := a.check(); err != nil {
		return 0, err
	}
	p := &e.paths
	if a.ID != 0 && p.ids.has(a.ID) {
		return 0, ErrAddrIDInUse
	}
	for i := range p.list {
		old := &p.list[i]
		if old.Addr != a.Addr || old.Port != a.Port {
			continue
		}
		if old.Flags&AddrImplicit == 0 || a.ID != 0 {
			return 0, ErrAddrExists
		}
		a.ID = old.ID
		p.ids.remove(a.ID)
		p.list = append(p.list[:i], p.list[i+1:]...)
		break
	}
	if a.ID == 0 {
		if a.ID = p.freeID(); a.ID == 0 {
			return 0, ErrNoAddrID
		}
	}
	p.insert(a)
	e.eachConnection(func(c *connection) {
		c.pm.note(PathEvent{Kind: PathEndpointAdded, Endpoint: a})
		c.settle(now)
	})
	return a.ID, nil
}

// check reports what is wrong with a configuration (Linux
// mptcp_pm_nl_add_addr_doit).
func (a *AddrConfig) check() error {
	switch f := a.Flags; {
	case !a.Addr.IsValid() || a.Addr.IsUnspecified() || a.Addr.IsMulticast() || a.Addr.Is4In6():
		return ErrAddrInvalid
	case f&AddrImplicit != 0,
		f&AddrSignal != 0 && f&AddrFullmesh != 0,
		a.Port != 0 && (f&AddrSignal == 0 || f&AddrSubflow != 0):
		return ErrAddrFlags
	}
	return nil
}

// insert puts a configuration in its place: those with a port come first.
func (p *pathConfig) insert(a AddrConfig) {
	p.ids.add(a.ID)
	p.next = max(p.next, a.ID)
	p.list = append(p.list, a)
	if a.Port != 0 {
		copy(p.list[1:], p.list[:len(p.list)-1])
		p.list[0] = a
	}
}

// freeID returns the next free id, or 0. Ids are not used again before all were
// used, so that a peer does not take one for another.
func (p *pathConfig) freeID() uint8 {
	from := max(int(p.next), 1)
	for i := range 255 {
		if id := uint8((from-1+i)%255 + 1); !p.ids.has(id) {
			return id
		}
	}
	return 0
}

// DelAddr takes an address back: peers that were told of it are told, and
// subflows from it are closed. Id 0 names, on each connection, the address of
// its initial subflow, whatever is configured.
func (e *Endpoint) DelAddr(now sim.Time, id uint8) error {
	e.reap()
	p := &e.paths
	gone := AddrConfig{}
	if id != 0 {
		i := p.find(id)
		if i < 0 {
			return ErrNoSuchAddr
		}
		gone = p.list[i]
		p.ids.remove(id)
		p.list = append(p.list[:i], p.list[i+1:]...)
	}
	e.eachConnection(func(c *connection) {
		c.pm.note(PathEvent{Kind: PathEndpointRemoved, Endpoint: gone})
		c.settle(now)
	})
	return nil
}

// ChangeAddr sets AddrBackup and AddrFullmesh of an address as in flags; the
// other flags stay. Peers are told of a backup that became one or ceased to be
// one; a change of AddrFullmesh closes the subflows from the address and opens
// them anew.
func (e *Endpoint) ChangeAddr(now sim.Time, id uint8, flags AddrFlags) error {
	e.reap()
	p := &e.paths
	i := p.find(id)
	if i < 0 {
		return ErrNoSuchAddr
	}
	const may = AddrBackup | AddrFullmesh
	a := &p.list[i]
	changed := (a.Flags ^ flags) & may
	if flags&AddrFullmesh != 0 && a.Flags&(AddrSignal|AddrImplicit) != 0 {
		return ErrAddrFlags
	}
	a.Flags ^= changed
	ev := PathEvent{Kind: PathEndpointChanged, Endpoint: *a, Changed: changed}
	if changed != 0 {
		e.eachConnection(func(c *connection) {
			c.pm.note(ev)
			c.settle(now)
		})
	}
	return nil
}

// FlushAddrs takes all addresses back.
func (e *Endpoint) FlushAddrs(now sim.Time) {
	for len(e.paths.list) > 0 {
		// An id that is in the list is known.
		_ = e.DelAddr(now, e.paths.list[0].ID)
	}
	e.paths.next = 0
}

// SetPathLimits sets the limits of all connections of the host, in place of
// SocketOptions.SubflowLimit. Negative limits count as 0.
func (e *Endpoint) SetPathLimits(_ sim.Time, l PathLimits) {
	e.paths.limits = PathLimits{AddAddrAccepted: max(l.AddAddrAccepted, 0), Subflows: max(l.Subflows, 0)}
	e.paths.limited = true
}

// PathLimits returns the limits of the host: Linux's defaults if none were set.
func (e *Endpoint) PathLimits() PathLimits {
	if e.paths.limited {
		return e.paths.limits
	}
	return DefaultPathLimits()
}

// Addrs appends the configured addresses to buf, in the order in which path
// managers use them.
func (e *Endpoint) Addrs(buf []AddrConfig) []AddrConfig { return append(buf, e.paths.list...) }

// subflowLimit is how many subflows beside the initial one a connection may have.
func (c *connection) subflowLimit() int {
	if c.e.paths.limited {
		return c.e.paths.limits.Subflows
	}
	return c.sock.opt.SubflowLimit
}

// find returns the index of the configuration with an id, or -1.
func (p *pathConfig) find(id uint8) int {
	for i := range p.list {
		if p.list[i].ID == id {
			return i
		}
	}
	return -1
}

// lookup returns the configuration of an address and port, or nil: one without a
// port stands for all (Linux mptcp_addresses_equal).
func (p *pathConfig) lookup(a netip.AddrPort) *AddrConfig {
	for i := range p.list {
		if c := &p.list[i]; c.Addr == a.Addr() && (c.Port == 0 || c.Port == a.Port()) {
			return c
		}
	}
	return nil
}

// opens reports whether an address and port are configured to be announced, and
// so open to joins.
func (p *pathConfig) opens(a netip.AddrPort) bool {
	for i := range p.list {
		if c := &p.list[i]; c.Port != 0 && c.Port == a.Port() && c.Addr == a.Addr() {
			return true
		}
	}
	return false
}

// idOf returns the id of a local address, and configures one implicitly if there
// is none (Linux mptcp_pm_nl_get_local_id). On a host that uses all ids it is
// 255 for whatever comes then.
func (p *pathConfig) idOf(a netip.AddrPort) uint8 {
	if c := p.lookup(a); c != nil {
		return c.ID
	}
	id := p.freeID()
	if id == 0 {
		return 255
	}
	p.insert(AddrConfig{ID: id, Addr: a.Addr(), Flags: AddrImplicit})
	return id
}

// eachConnection calls f for the MPTCP connections of the endpoint, in the order
// of their sockets.
func (e *Endpoint) eachConnection(f func(c *connection)) {
	for i := range e.socks.slots {
		if s := e.socks.slots[i]; s != nil && s.conn != nil && !s.conn.over && !s.conn.fallback.on {
			f(s.conn)
		}
	}
}
