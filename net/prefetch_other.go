//go:build !amd64 && !arm64

package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim/trace"
)

const canPrefetch = false

func prefetchHop(*hotLink, *packetMeta, *wire.Segment, *packetMeta, *route, *hotLink, *packetMeta, *trace.Node) {
}
