package live

import (
	"testing"

	"mpsim/mptcp"
)

// The kernel speaks version 1 only. A SYN of version 0 gets an answer without
// MP_CAPABLE from it, and its own SYN none from an endpoint of version 0; with an
// endpoint of both versions the connection is MPTCP (RFC 8684 section 3.1).
//
// row:A6
func TestVersions(t *testing.T) {
	speaks := func(v mptcp.Versions) func(o *mptcp.SocketOptions) {
		return func(o *mptcp.SocketOptions) { o.Versions = v }
	}
	const n = 100_000
	runAll(t, []namedCase{
		{"client of version 0", liveCase{
			up: n, down: n, options: speaks(mptcp.Version0), during: notMPTCP, check: plain("MPCapableFallbackSYNACK"),
			counters: counts{"MPCapableSYNRX": 0}, own: counts{"MPCapableFallbackSYNACK": 1},
		}},
		{"server of version 0", liveCase{
			server: true, up: n, down: n, options: speaks(mptcp.Version0), during: notMPTCP, check: plain("not_offered"),
			counters: counts{"MPCapableSYNTX": 1, "MPCapableFallbackSYNACK": 1}, own: counts{"MPCapableSYNRX": 0},
		}},
		{"client of both versions", liveCase{
			up: n, down: n, options: speaks(mptcp.Version0 | mptcp.Version1), counters: accepted, check: graceful,
		}},
		{"server of both versions", liveCase{
			server: true, up: n, down: n, options: speaks(mptcp.Version0 | mptcp.Version1), counters: dialled, check: graceful,
		}},
	})
}

// The kernel takes data sequence numbers and DATA_ACKs of 4 octets, although it
// sends numbers of 8.
//
// row:B1
func TestNarrowNumbers(t *testing.T) {
	narrow := func() *mptcp.Profile {
		p := mptcp.Linux()
		p.DSN, p.DataAck = mptcp.DSN4, mptcp.DataAck4
		return p
	}
	runAll(t, []namedCase{
		{"client", liveCase{profile: narrow(), up: 1_000_000, down: 1_000_000, counters: accepted, check: graceful}},
		{"server", liveCase{profile: narrow(), server: true, up: 300_000, down: 300_000, counters: dialled, check: graceful}},
		{"upload only", liveCase{profile: narrow(), up: 1_000_000, counters: accepted, check: graceful}},
		{"the endpoint closes first", liveCase{profile: narrow(), closeFirst: true, up: 100_000, down: 100_000, counters: accepted, check: graceful}},
	})
}
