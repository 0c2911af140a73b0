package scenarios

import (
	"net/netip"
	"slices"

	"mpsim/mptcp"
)

// configurePaths does on each host what `ip mptcp endpoint` and `ip mptcp limits`
// do, if a flow uses the path manager that works by it or the host has limits.
func (w *World) configurePaths() error {
	for _, n := range w.sc.plan.nodes {
		h := w.hosts[n.decl.Name]
		if h == nil {
			continue
		}
		uses, dials := false, false
		for _, f := range w.sc.Flows {
			if f.Client != n.decl.Name && f.Server != n.decl.Name && !slices.Contains(f.Servers, n.decl.Name) {
				continue
			}
			uses = uses || f.Protocol == "mptcp" && f.PathManager.Name == "linux"
			dials = dials || f.Client == n.decl.Name
		}
		if d := n.decl; uses || d.AddAddrAccepted != nil || d.Subflows != nil {
			h.Endpoint().SetPathLimits(0, pathLimits(d, hostProfile(d, &w.sc.Defaults), uses))
		}
		if !uses {
			continue
		}
		for _, i := range n.ifaces {
			for _, a := range i.addrs {
				c := mptcp.AddrConfig{Addr: a.Addr(), Flags: endpointFlags(i, dials)}
				if i.decl != nil {
					c.Port = uint16(i.decl.SignalPort)
				}
				if c.Flags == 0 {
					continue
				}
				if _, err := h.Endpoint().AddAddr(0, c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pathFacts is what the file says of the path between two addresses: the links at
// its ends, once if both ends are on one.
func (w *World) pathFacts(local, remote netip.Addr) mptcp.PathFacts {
	f := mptcp.PathFacts{Weight: 1}
	var seen *Link
	for _, a := range []netip.Addr{local, remote} {
		i := w.sc.plan.owner[a]
		if i == nil || i.link == nil || i.link == seen {
			continue
		}
		seen = i.link
		f.Cost += seen.Cost
		f.Weight *= int64(seen.Weight)
	}
	return f
}

// pathLimits are the limits of a host: where the file is silent, Linux's with its
// path manager, else the profile's.
func pathLimits(n *Node, p *mptcp.Profile, linux bool) mptcp.PathLimits {
	l := mptcp.DefaultPathLimits()
	if !linux {
		l.Subflows = p.SubflowLimit
	}
	if n.AddAddrAccepted != nil {
		l.AddAddrAccepted = *n.AddAddrAccepted
	}
	if n.Subflows != nil {
		l.Subflows = *n.Subflows
	}
	return l
}

// endpointFlags are those of `ip mptcp endpoint` for the addresses of an
// interface.
func endpointFlags(i *planIface, dials bool) (f mptcp.AddrFlags) {
	if i.decl == nil {
		if dials {
			f = mptcp.AddrSubflow
		}
		return f
	}
	if d := i.decl.Subflow; d != nil && *d || d == nil && dials && i.decl.SignalPort == 0 {
		f |= mptcp.AddrSubflow
	}
	for _, v := range []struct {
		on   bool
		flag mptcp.AddrFlags
	}{
		{i.decl.Signal, mptcp.AddrSignal}, {i.decl.Backup, mptcp.AddrBackup},
		{i.decl.Fullmesh, mptcp.AddrFullmesh}, {i.decl.Laminar, mptcp.AddrLaminar},
	} {
		if v.on {
			f |= v.flag
		}
	}
	return f
}
