//go:build long

package live

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
)

// randomCase draws a conversation: role, family, sizes, who closes first, paths,
// checksums, buffers, scheduler, controller, latency and loss of up to 5 % in both directions. (With more, lost
// acknowledgements drive timeouts to many seconds, as they do in Linux.)
func randomCase(seed uint64) liveCase {
	rnd := sim.NewRand(seed, 0, "live")
	flip := func() bool { return rnd.IntN(2) == 0 }
	size := func() int64 {
		return []int64{0, 1, 1000, 20_000, 300_000, 2_000_000}[rnd.IntN(6)] + int64(rnd.IntN(1000))
	}
	c := liveCase{
		server: flip(), v6: flip(), closeFirst: flip(), literal: flip(), interfaces: 2, up: size(), down: size(),
		rtt: []sim.Duration{0, 2 * sim.Millisecond, 20 * sim.Millisecond}[rnd.IntN(3)],
		counters: counts{"MPRstTx": atLeast(0), "MPRstRx": atLeast(0), "MPJoinNoTokenFound": atLeast(0),
			"MPJoinRejected": atLeast(0), "MPJoinSynTxCreatSkErr": atLeast(0), // the kernel joins nothing before accept
			"MPJoinAckHMacFailure": 0, "RmAddrDrop": 0, "MPCapableSYNTXDrop": atLeast(0)},
		own: counts{"MPRstTx": atLeast(0), "MPRstRx": atLeast(0), "MPJoinNoTokenFound": atLeast(0), "MPJoinRejected": atLeast(0),
			"MPJoinSynTxConnectErr": atLeast(0), "MPCapableSYNTXDrop": atLeast(0)},
		snap: 128,
	}
	checksums, mesh := flip(), rnd.IntN(4)
	kernelPaths := rnd.IntN(3)
	scheduler := []string{"minrtt", "linux"}[rnd.IntN(2)]
	controller := []string{"reno", "cubic", "lia"}[rnd.IntN(3)]
	c.options = func(o *mptcp.SocketOptions) {
		linuxPaths(o)
		o.Scheduler = func(r *sim.Rand) sched.Scheduler { s, _ := sched.NewScheduler(scheduler, nil, r); return s }
		o.Controller = func(r *sim.Rand) cc.Controller { c, _ := cc.New(controller, nil, r); return c }
		if checksums {
			o.Checksum = mptcp.ChecksumRequired
		}
		o.SendBuffer = []int64{0, 64 << 10, 256 << 10}[seed%3]
		o.ReceiveBuffer = []int64{0, 64 << 10, 256 << 10}[seed/3%3]
	}
	c.kernel = twoSubflows
	c.prepare = limits
	switch mesh {
	case 1:
		c.prepare = configured(c.v6, 0, mptcp.AddrSubflow)
	case 2:
		c.prepare = configured(c.v6, 0, mptcp.AddrSignal)
	}
	switch kernelPaths {
	case 1:
		c.ready = announce(c.v6, 0, PathSubflow)
	case 2:
		c.ready = announce(c.v6, 0, PathSignal)
	}
	if p := rnd.IntN(6); p > 0 {
		draws := sim.NewRand(seed, 0, "loss")
		c.filter = func(_ bool, _, n int, b []byte) []byte {
			// Not in the first packets: whether MPTCP is used is not the question.
			var t wire.Tuple
			var s wire.Segment
			var o wire.Options
			if n > 3 && draws.IntN(100) < p && wire.ParsePacket(b, &t, &s, &o) == nil && !s.Flags.Has(wire.SYN) {
				return nil
			}
			return b
		}
	}
	c.check = func(r *conversation) { graceful(r) }
	return c
}

// Random conversations end in order, with every byte right. MPSIM_LIVE_SEEDS=A-B
// chooses which.
func TestRandomConversations(t *testing.T) {
	from, to := 1, 40
	if v := os.Getenv("MPSIM_LIVE_SEEDS"); v != "" {
		fmt.Sscanf(v, "%d-%d", &from, &to)
	}
	var cases []namedCase
	for seed := from; seed <= to; seed++ {
		cases = append(cases, namedCase{strconv.Itoa(seed), randomCase(uint64(seed))})
	}
	runAll(t, cases)
}
