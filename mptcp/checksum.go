package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// DSS checksums (RFC 8684 sections 3.1 and 3.3.1). They are used in both
// directions if either host sets flag A of MP_CAPABLE. A checksum covers a whole
// mapping with a pseudo-header that has the 64-bit data sequence number, so the
// receiver keeps what it got of a mapping until the mapping is complete; what the
// sender maps at once is never more than the window that the peer has announced.
// Content that is virtual is summed up in O(1).
//
// A mapping without a checksum on a connection that uses them does not count, nor
// one that overlaps another: a part of a mapping cannot be verified.

// ChecksumPolicy is what a host wants of DSS checksums.
type ChecksumPolicy uint8

// The policies. ChecksumDefault of a socket means the one of the profile.
const (
	ChecksumDefault ChecksumPolicy = iota
	// ChecksumOnDemand uses checksums if the peer requires them (A=0).
	ChecksumOnDemand
	// ChecksumRequired requires them (A=1).
	ChecksumRequired
	// ChecksumRefused gives a peer that requires them plain TCP (RFC 8684 section
	// 3.1: its option is ignored as if it were invalid).
	ChecksumRefused
)

// writeChecksum adds the checksum of the mapping that a segment carries, which is
// complete but for it and has its data sequence number in full.
func (f *subflow) writeChecksum(s *Segment) {
	data := uint16(0)
	if s.Len > 0 {
		data = f.dataSum(f.sending.dsn, f.sending.len)
	}
	o := s.Options()
	o.Present |= wire.OptDSSChecksum
	o.DSSChecksum = wire.DSSChecksum(s.DSN, s.SSN, s.MapLen, data)
}

// dataSum returns the one's-complement sum of n octets of our stream. The segments
// of one mapping ask for the same sum one after the other.
func (f *subflow) dataSum(dsn uint64, n uint32) uint16 {
	if m := &f.summed; m.dsn != dsn || m.len != n {
		c := f.conn
		*m = mapping{dsn: dsn, len: n, sum: newMappingSum(c.lit.Sum(dsn-1+uint64(c.early.sent), int(n)), false)}
	}
	return f.summed.sum.value()
}

// verification is the part of a mapping that has arrived and cannot be verified
// yet.
type verification struct {
	bytes  int64
	pieces []heldPiece
	sum    uint16
}

func (v *verification) clear() { v.pieces, v.bytes, v.sum = v.pieces[:0], 0, 0 }

// discard gives up what cannot be verified any more.
func (v *verification) discard(a *tcp.Arena) {
	for _, h := range v.pieces {
		a.Release(h.off, int64(h.n))
	}
	*v = verification{}
}

// add appends n octets from stream position pos on.
func (v *verification) add(pos uint64, n int, off uint64, sum uint16) {
	v.sum = wire.JoinSums(v.sum, int(v.bytes), sum)
	v.bytes += int64(n)
	if k := len(v.pieces); k > 0 {
		if l := &v.pieces[k-1]; l.off+uint64(l.n) == off {
			l.n += n
			return
		}
	}
	v.pieces = append(v.pieces, heldPiece{pos, n, off})
}

// place hands over n delivered octets that one mapping covers from dsn on, once
// their checksum has been verified. It reports whether Deliver is to stop because
// that failed.
func (f *subflow) place(now sim.Time, dsn, pos uint64, n int, off uint64) (stop bool) {
	c := f.conn
	if !c.checksum {
		c.receive(dsn, int64(n), off)
		return false
	}
	m := *f.rx.at(0)
	f.check.add(pos, n, off, c.recv.arena.Sum(off, n))
	if pos+uint64(n) < m.end() {
		return false
	}
	if !f.checksumHolds(&m, uint32(m.pos+1), f.check.sum) {
		return f.checksumFailed(now, &m)
	}
	if m.sum.fin() {
		c.endAt(m.dsn + uint64(m.len))
	}
	for _, h := range f.check.pieces {
		c.receive(m.dsn+(h.pos-m.pos), int64(h.n), h.off)
	}
	f.check.clear()
	return false
}

// checksumHolds compares the sum of the data of a mapping, at subflow number ssn,
// with its checksum. The two zeros of the one's complement are equal.
func (f *subflow) checksumHolds(m *mapping, ssn uint32, sum uint16) bool {
	n := uint16(m.len)
	if m.sum.fin() {
		n++
	}
	want := wire.DSSChecksum(f.conn.remote.absolute(m.dsn), ssn, n, sum)
	return wire.AddSums(^want, m.sum.value()) == 0xffff
}

// checksumOf takes the checksum of a mapping out of a segment. It reports false
// if the connection uses checksums and there is none.
func (c *connection) checksumOf(s *Segment) (sum uint16, ok bool) {
	if !c.checksum {
		return 0, true
	}
	if !s.Opt.Has(wire.OptDSSChecksum) {
		return 0, false
	}
	return s.Opt.DSSChecksum, true
}

// takeChecksumFlag notes that the peer requires checksums.
func (c *connection) takeChecksumFlag(m *wire.Capable) {
	if m.Flags&wire.CapableChecksum != 0 {
		c.checksum = true
	}
}

// refusesFlags reports whether an MP_CAPABLE demands what the socket does not want.
func (o *SocketOptions) refusesFlags(m *wire.Capable) bool {
	return o.Checksum == ChecksumRefused && m.Flags&wire.CapableChecksum != 0
}
