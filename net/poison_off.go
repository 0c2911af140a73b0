//go:build !simdebug

package simnet

import "mpsim/net/wire"

// poison is whether freed packets are overwritten, so that use after free shows
// at once (build tag simdebug).
const poison = false

func poisonPacket(*packetMeta, *wire.Segment) {}
