package packetdrill

import (
	"fmt"

	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/sim"
)

// applyLimits is `ip mptcp limits set`.
func (s *Simulated) applyLimits() error {
	s.ep.SetPathLimits(s.now, mptcp.PathLimits{Subflows: s.limits[0], AddAddrAccepted: s.limits[1]})
	s.pump()
	return nil
}

// endpoint is `ip mptcp endpoint`. An address that is added is one of the host
// from then on, and stays one when it is deleted.
func (s *Simulated) endpoint(c *Setting) (err error) {
	switch c.Kind {
	case FlushEndpoints:
		s.ep.FlushAddrs(s.now)
	case AddEndpoint:
		s.ep.HandleAddr(s.now, c.Addr, true, 0)
		_, err = s.ep.AddAddr(s.now, mptcp.AddrConfig{
			ID: c.ID, Addr: c.Addr, Port: c.Port, Flags: addrFlags(0, c.Flags),
		})
	case ChangeEndpoint:
		var old mptcp.AddrConfig
		if old, err = s.configured(c); err == nil {
			err = s.ep.ChangeAddr(s.now, old.ID, addrFlags(old.Flags, c.Flags))
		}
	case DeleteEndpoint:
		var old mptcp.AddrConfig
		if old, err = s.configured(c); err == nil {
			err = s.ep.DelAddr(s.now, old.ID)
		}
	}
	s.pump()
	return err
}

// configured finds the endpoint that a setting names by id or by address. Id 0
// is, on each connection, the address of the initial subflow.
func (s *Simulated) configured(c *Setting) (mptcp.AddrConfig, error) {
	if c.HasID && c.ID == 0 {
		return mptcp.AddrConfig{}, nil
	}
	for _, a := range s.ep.Addrs(nil) {
		if c.HasID && a.ID == c.ID || !c.HasID && a.Addr == c.Addr {
			return a, nil
		}
	}
	return mptcp.AddrConfig{}, fmt.Errorf("there is no such endpoint: id %d, address %v", c.ID, c.Addr)
}

// addrFlags applies words of `ip mptcp endpoint` to flags.
func addrFlags(f mptcp.AddrFlags, words []string) mptcp.AddrFlags {
	for _, w := range words {
		switch w {
		case "signal":
			f |= mptcp.AddrSignal
		case "subflow":
			f |= mptcp.AddrSubflow
		case "backup":
			f |= mptcp.AddrBackup
		case "nobackup":
			f &^= mptcp.AddrBackup
		case "fullmesh":
			f |= mptcp.AddrFullmesh
		case "nofullmesh":
			f &^= mptcp.AddrFullmesh
		}
	}
	return f
}

// setPaths gives a connection the path manager of the kernel.
func (s *Simulated) setPaths(o *mptcp.SocketOptions) {
	o.PathManager = func(rnd *sim.Rand) mptcp.PathManager {
		m, err := pm.New("linux", nil, rnd)
		if err != nil {
			sim.Bugf("%v", err)
		}
		return m
	}
}
