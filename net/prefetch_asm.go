//go:build amd64 || arm64

package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim/trace"
)

const canPrefetch = true

// prefetchHop asks the processor for the cache lines at these addresses and does
// not wait for them: of onto two lines, of the others one.
//
//go:noescape
func prefetchHop(own *hotLink, ready *packetMeta, head *wire.Segment, behind *packetMeta, way *route, onto *hotLink, last *packetMeta, chain *trace.Node)
