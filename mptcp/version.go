package mptcp

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Two versions of the protocol are spoken: 1 (RFC 8684) and 0 (RFC 6824). A
// connection has one, which its first SYN decides; this file holds the choice.
// Version 0 differs in
//
//   - the handshake: the opener's key is in the SYN already, and its third packet
//     repeats both keys once; there is no MP_CAPABLE with data, whose part the
//     first DSS plays;
//   - the cryptography: SHA-1 in place of SHA-256 (key0.go);
//   - ADD_ADDR, which has IPVer in place of flags, no HMAC and no echo; MP_PRIO,
//     which may name an address; and MP_TCPRST, which it does not have.

// Versions is a set of protocol versions.
type Versions uint8

// The members of Versions. NoVersions is the set without members in a
// SocketOptions, where the zero value stands for the set of the profile.
const (
	Version0 Versions = 1 << iota
	Version1
	NoVersions
)

var versionSets = [...]struct {
	name string
	set  Versions
}{
	{"v0", Version0}, {"v1", Version1}, {"v0+v1", Version0 | Version1}, {"none", NoVersions},
}

// Has reports whether the set has the version of the given number.
func (v Versions) Has(version uint8) bool { return version < 2 && v>>version&1 != 0 }

// String returns the name that scenarios use.
func (v Versions) String() string {
	for _, s := range versionSets {
		if s.set == v {
			return s.name
		}
	}
	return "unknown"
}

// ParseVersions returns the set of the given name: v0, v1, v0+v1 or none.
func ParseVersions(name string) (Versions, bool) {
	for _, s := range versionSets {
		if s.name == name {
			return s.set, true
		}
	}
	return 0, false
}

// noVersion is what offer and readCapableSYN return for plain TCP.
const noVersion = 0xff

// offer returns the version to open a connection with: the highest of the set
// that is not known to fail with the peer (RFC 8684 section 3.1), or noVersion.
func (e *Endpoint) offer(now sim.Time, v Versions, remote netip.Addr) uint8 {
	if !e.profile.family(remote) {
		return noVersion
	}
	if v == Version0|Version1 {
		return e.versions.best(now, remote)
	}
	switch {
	case v.Has(1):
		return 1
	case v.Has(0):
		return 0
	}
	return noVersion
}

// refusedVersion notes that the answer to a SYN had no MP_CAPABLE that we could
// use. Who supports both versions tries version 0 next time, because a listener
// that knows only that one ignores a SYN without key; if that fails too, the
// peer is taken for one without MPTCP until the entry expires (RFC 8684 section
// 3.1).
func (c *connection) refusedVersion(now sim.Time) {
	if !c.client || c.sock.opt.Versions != Version0|Version1 {
		return
	}
	next := uint8(noVersion)
	if c.version == 1 {
		next = 0
	}
	c.e.versions.note(c.subs[0].flow.tuple.Dst.Addr(), next, now.Add(c.p.VersionMemory))
	c.e.emit(now, c.sock, 0, trace.VersionCached, trace.MPCapableFallbackSYNACK, int64(c.version), int64(next), 0, 0, 0)
}

// versionCache remembers of peers that they refused a version. Entries are few:
// it is asked only by connections that could speak both versions.
type versionCache struct {
	peers map[netip.Addr]versionEntry
	order []netip.Addr // in which the peers were noted first
}

type versionEntry struct {
	next  uint8 // version to try, or noVersion
	until sim.Time
}

// maxVersionEntries bounds the cache; the peer that was noted first is forgotten
// for a new one.
const maxVersionEntries = 1024

// best returns the version to try, or noVersion.
func (v *versionCache) best(now sim.Time, peer netip.Addr) uint8 {
	if e, ok := v.peers[peer]; ok && now < e.until {
		return e.next
	}
	return 1
}

func (v *versionCache) note(peer netip.Addr, next uint8, until sim.Time) {
	if _, ok := v.peers[peer]; !ok {
		if v.peers == nil {
			v.peers = make(map[netip.Addr]versionEntry)
		}
		if len(v.order) == maxVersionEntries {
			delete(v.peers, v.order[0])
			v.order = v.order[1:]
		}
		v.order = append(v.order, peer)
	}
	v.peers[peer] = versionEntry{next, until}
}

// versionOfSYN returns the version in which to answer a SYN: that of its
// MP_CAPABLE, or 1 if it offers a later one in the same form (RFC 8684 section
// 3.1: equal to or lower than the one offered; Linux, mptcp_parse_option).
func versionOfSYN(o *wire.Options, v Versions) uint8 {
	switch {
	case !o.Has(wire.OptCapable):
		return noVersion
	case o.Capable.Version == 0:
		if v.Has(0) && validCapable(o, 0, 1) {
			return 0
		}
	case v.Has(1) && validCapable(o, o.Capable.Version, 0):
		return 1
	}
	return noVersion
}
