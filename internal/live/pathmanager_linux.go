package live

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The in-kernel path manager, configured as `ip mptcp` does: family mptcp_pm of
// generic netlink (include/uapi/linux/mptcp_pm.h).

// PathEndpoint is an address that the kernel's path manager may use.
type PathEndpoint struct {
	// ID is the address ID; 0: the kernel chooses.
	ID   uint8
	Addr netip.Addr
	// Port is announced with the address; 0: none.
	Port  uint16
	Flags PathFlags
}

// PathFlags say what the path manager does with an address.
type PathFlags uint32

// The flags of a PathEndpoint, with the values of MPTCP_PM_ADDR_FLAG_*.
const (
	PathSignal PathFlags = 1 << iota
	PathSubflow
	PathBackup
	PathFullmesh
	PathImplicit
	PathLaminar
)

// Commands and attributes of mptcp_pm.
const (
	pmVersion = 1

	pmCmdAddAddr    = 1
	pmCmdDelAddr    = 2
	pmCmdFlushAddrs = 4
	pmCmdSetLimits  = 5
	pmCmdSetFlags   = 7

	pmAttrAddr        = 1
	pmAttrRcvAddAddrs = 2
	pmAttrSubflows    = 3

	pmAddrFamily = 1
	pmAddrID     = 2
	pmAddr4      = 3
	pmAddr6      = 4
	pmAddrPort   = 5
	pmAddrFlags  = 6
)

// SetPathLimits bounds the announced addresses that the kernel accepts and the
// subflows of a connection beside the first (`ip mptcp limits set`).
func (n *Namespace) SetPathLimits(addAddrAccepted, subflows uint32) error {
	return n.setPathLimits(int(addAddrAccepted), int(subflows))
}

// setPathLimits leaves negative limits as they are.
func (n *Namespace) setPathLimits(addAddrAccepted, subflows int) error {
	var attrs []*nl.RtAttr
	if addAddrAccepted >= 0 {
		attrs = append(attrs, nl.NewRtAttr(pmAttrRcvAddAddrs, nl.Uint32Attr(uint32(addAddrAccepted))))
	}
	if subflows >= 0 {
		attrs = append(attrs, nl.NewRtAttr(pmAttrSubflows, nl.Uint32Attr(uint32(subflows))))
	}
	return n.pathManager("limits", pmCmdSetLimits, attrs...)
}

// AddPathEndpoint is `ip mptcp endpoint add`.
func (n *Namespace) AddPathEndpoint(e PathEndpoint) error {
	return n.pathManager("endpoint add", pmCmdAddAddr, e.attribute())
}

// DeletePathEndpoint is `ip mptcp endpoint delete id`; for id 0 the address must
// be that of the initial subflow.
func (n *Namespace) DeletePathEndpoint(e PathEndpoint) error {
	return n.pathManager("endpoint delete", pmCmdDelAddr, e.attribute())
}

// ChangePathEndpoint is `ip mptcp endpoint change id` with the flags of e, of
// which the kernel takes PathBackup and PathFullmesh.
func (n *Namespace) ChangePathEndpoint(e PathEndpoint) error {
	return n.pathManager("endpoint change", pmCmdSetFlags, e.attribute())
}

// FlushPathEndpoints is `ip mptcp endpoint flush`.
func (n *Namespace) FlushPathEndpoints() error {
	return n.pathManager("endpoint flush", pmCmdFlushAddrs)
}

func (n *Namespace) pathManager(what string, cmd uint8, attrs ...*nl.RtAttr) error {
	return n.Do(func() error {
		family, err := netlink.GenlFamilyGet("mptcp_pm")
		if err != nil {
			return fmt.Errorf("path manager: %w", err)
		}
		req := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
		req.AddData(&nl.Genlmsg{Command: cmd, Version: pmVersion})
		for _, a := range attrs {
			req.AddData(a)
		}
		if _, err := req.Execute(unix.NETLINK_GENERIC, 0); err != nil {
			return fmt.Errorf("path manager: %s: %w", what, err)
		}
		return nil
	})
}

func (e *PathEndpoint) attribute() *nl.RtAttr {
	a := nl.NewRtAttr(unix.NLA_F_NESTED|pmAttrAddr, nil)
	if e.ID != 0 {
		a.AddRtAttr(pmAddrID, []byte{e.ID})
	}
	if e.Addr.IsValid() {
		family, kind := uint16(unix.AF_INET), pmAddr4
		if e.Addr.Is6() {
			family, kind = unix.AF_INET6, pmAddr6
		}
		a.AddRtAttr(pmAddrFamily, binary.NativeEndian.AppendUint16(nil, family))
		a.AddRtAttr(kind, e.Addr.AsSlice())
	}
	if e.Port != 0 {
		a.AddRtAttr(pmAddrPort, binary.NativeEndian.AppendUint16(nil, e.Port))
	}
	a.AddRtAttr(pmAddrFlags, nl.Uint32Attr(uint32(e.Flags)))
	return a
}
