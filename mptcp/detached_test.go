package mptcp

import (
	"testing"

	"mpsim/net/wire"
)

// Half of a mapping has arrived. A segment behind it, of bytes that the mapping covers, has
// one of later bytes. If that is for the data that the segment itself stands for, the sender
// has sent it again and a box has made the stream shorter: profile linux resets the subflow
// before a byte is delivered twice (as measured of a kernel, docs/models/ftp.md). If it is
// for other data, as boxes leave it that join and cut segments, it is one in advance (RFC 8684
// section 3.3.1), as it is for the profile of the text always.
func TestMappingOfLaterBytes(t *testing.T) {
	for _, c := range []struct {
		profile  *Profile
		dsn      uint64
		received uint64
		refused  bool
	}{
		{Linux(), 201, 200, true},
		{Linux(), 301, 300, false},
		{Linux(), 251, 300, false},
		{RFC(), 201, 300, false},
		{RFC(), 301, 300, false},
	} {
		r := rawEstablished(t, c.profile, 100)
		r.send(wire.ACK, 101, 100, r.dss(101, 101, 200, 1))
		resets := 0
		for _, s := range r.send(wire.ACK, 201, 100, r.dss(301, c.dsn, 100, 1)) {
			if s.Flags.Has(wire.RST) {
				resets++
			}
		}
		if got := r.info().Received; got != c.received || (resets == 1) != c.refused {
			t.Errorf("%s, data from %d on: %d bytes received, %d resets", c.profile.Name, c.dsn, got, resets)
		}
	}
}
