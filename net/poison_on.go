//go:build simdebug

package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// poison is whether freed packets are overwritten, so that use after free shows
// at once (build tag simdebug).
const poison = true

func poisonPacket(m *packetMeta, s *wire.Segment) {
	m.arrive, m.leave, m.key, m.size = -1, -1, sim.Key(0xDEADDEADDEADDEAD), 0xDEAD
	*s = wire.Segment{
		Route: 0xDEADDEAD, Seq: 0xDEADDEAD, Ack: 0xDEADDEAD, TSVal: 0xDEADDEAD, TSEcr: 0xDEADDEAD,
		DSN: 0xDEADDEADDEADDEAD, DataAck: 0xDEADDEADDEADDEAD, SSN: 0xDEADDEAD,
		MapLen: 0xDEAD, Len: 0xDEAD, Off: 0xDEADDEADDEADDEAD, Window: 0xDEAD,
		Flags: 0xDEAD, Opt: 0xDE, TTL: 0xDE, TOS: 0xDE, Hop: 0xDE,
	}
}
