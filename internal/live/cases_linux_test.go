package live

import (
	"errors"
	"maps"
	"testing"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

type counts = map[string]uint64

// both returns the counters of two things at once.
func both(a, b counts) counts {
	c := maps.Clone(a)
	maps.Copy(c, b)
	return c
}

// What the kernel counts when a connection is opened to it, and by it.
var (
	accepted = counts{"MPCapableSYNRX": 1, "MPCapableACKRX": 1, "MPCapableSYNTX": 0, "MPCapableSYNACKRX": 0}
	dialled  = counts{"MPCapableSYNTX": 1, "MPCapableSYNACKRX": 1, "MPCapableSYNRX": 0, "MPCapableACKRX": 0}
)

// graceful checks that the connection was MPTCP to its end, and ended in order.
func graceful(r *conversation) {
	st := r.app.look()
	if st.info.Fallback != 0 || st.why.String() != "graceful" {
		r.t.Errorf("fallback %v, closed: %v", st.info.Fallback, st.why)
	}
}

func TestHandshakeAndData(t *testing.T) {
	runAll(t, []namedCase{
		{"client", liveCase{up: 300_000, down: 300_000, counters: accepted, check: graceful}},
		{"server", liveCase{server: true, up: 300_000, down: 300_000, counters: dialled, check: graceful}},
		{"client, literal", liveCase{literal: true, up: 1_000_000, down: 1_000_000, counters: accepted, check: graceful}},
		{"client v6", liveCase{v6: true, up: 300_000, down: 300_000, counters: accepted, check: graceful}},
		{"server v6", liveCase{v6: true, server: true, up: 300_000, down: 300_000, counters: dialled, check: graceful}},
		{"upload only", liveCase{up: 1_000_000, counters: accepted, check: graceful}},
		{"download only", liveCase{down: 1_000_000, counters: accepted, check: graceful}},
		{"no data", liveCase{counters: accepted, check: graceful}},
	})
}

// The endpoint closes first in both roles; TestHandshakeAndData has the cases
// where the kernel does.
func TestClosingFirst(t *testing.T) {
	runAll(t, []namedCase{
		{"client", liveCase{closeFirst: true, up: 100_000, down: 100_000, counters: accepted, check: graceful}},
		{"server", liveCase{server: true, closeFirst: true, up: 100_000, down: 100_000, counters: dialled, check: graceful}},
		{"no data", liveCase{server: true, closeFirst: true, counters: dialled, check: graceful}},
	})
}

// carried checks that a number of subflows each carried data in one direction.
func carried(want int, upwards bool) func(r *conversation) {
	return func(r *conversation) {
		graceful(r)
		n := 0
		for _, f := range r.app.look().flows {
			if upwards && f.Delivered > 1 || !upwards && f.Received > 1 {
				n++
			}
		}
		if n != want {
			r.t.Errorf("%d subflows carried data, want %d: %+v", n, want, r.app.look().flows)
		}
	}
}

// counted waits for a counter of the kernel.
func counted(name string, want uint64) func(r *conversation) {
	return func(r *conversation) {
		r.await("the kernel counts "+name, func() bool {
			c, err := r.n.Counters()
			return err == nil && c[name] >= want
		})
	}
}

func twoSubflows(n *Namespace) error { return n.SetPathLimits(2, 2) }

// joining has the kernel open a subflow from its second address.
func joining(n *Namespace) error {
	return errors.Join(n.SetPathLimits(2, 2), n.AddPathEndpoint(PathEndpoint{Addr: kernelAddr(1, false), Flags: PathSubflow}))
}

func TestTwoSubflows(t *testing.T) {
	// A window far below the product of rate and delay makes the sender use both.
	small := func(o *mptcp.SocketOptions) { o.SendBuffer = 256 << 10 }
	runAll(t, []namedCase{
		{"client", liveCase{interfaces: 2, mesh: true, rtt: 10 * sim.Millisecond, up: 3_000_000, down: 3_000_000, gate: secondSubflow, kernel: twoSubflows, options: small,
			counters: both(accepted, counts{"MPJoinSynRx": 1, "MPJoinAckRx": 1, "MPJoinSynTx": 0}), check: carried(2, true)}},
		{"server", liveCase{interfaces: 2, server: true, rtt: 10 * sim.Millisecond, up: 3_000_000, down: 3_000_000, gate: secondSubflow, kernel: joining, options: small,
			counters: both(dialled, counts{"MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "MPJoinSynRx": 0}), check: carried(2, true)}},
	})
}

// everyNth loses packets of both directions, but not the first ones: those of
// the handshake are lost in cases of their own.
func everyNth(n int) Filter {
	return func(_ bool, _, i int, p []byte) []byte {
		if i%n == n-1 {
			return nil
		}
		return p
	}
}

func lost(out bool, n int) Filter {
	return func(o bool, _, i int, p []byte) []byte {
		if o == out && i == n {
			return nil
		}
		return p
	}
}

func retransmitted(r *conversation) {
	graceful(r)
	if st := r.app.look(); st.flows[0].Stats.RetransmittedSegments == 0 {
		r.t.Error("the endpoint has sent nothing again")
	}
}

func TestLoss(t *testing.T) {
	runAll(t, []namedCase{
		{"client", liveCase{rtt: 2 * sim.Millisecond, up: 1_000_000, down: 1_000_000, filter: everyNth(29), counters: accepted, check: retransmitted}},
		{"server", liveCase{literal: true, rtt: 2 * sim.Millisecond, server: true, up: 1_000_000, down: 1_000_000, filter: everyNth(29), counters: dialled, check: retransmitted}},
		{"SYN", liveCase{up: 10_000, down: 10_000, filter: lost(true, 0), counters: accepted, check: graceful}},
		{"third packet", liveCase{up: 10_000, down: 10_000, filter: lost(true, 1), counters: accepted, check: graceful}},
		{"SYN/ACK", liveCase{server: true, up: 10_000, down: 10_000, filter: lost(true, 0), counters: dialled, check: graceful}},
	})
}

func TestLargeTransfer(t *testing.T) {
	runAll(t, []namedCase{
		{"client", liveCase{snap: 128, up: 16 << 20, down: 16 << 20, counters: accepted, check: graceful}},
		{"server", liveCase{snap: 128, server: true, up: 16 << 20, down: 16 << 20, counters: dialled, check: graceful}},
	})
}

// rewrite changes the TCP options of the packets that match in place, and
// corrects the checksum.
func rewrite(match func(out bool, s *wire.Segment, o *wire.Options) bool, change func(kind byte, option []byte)) Filter {
	return func(out bool, _, _ int, p []byte) []byte {
		var t wire.Tuple
		var s wire.Segment
		var o wire.Options
		if wire.ParsePacket(p, &t, &s, &o) != nil || t.Proto != wire.ProtoTCP || !match(out, &s, &o) {
			return p
		}
		tcp := wire.IPv4HeaderLen
		if t.Src.Addr().Is6() {
			tcp = wire.IPv6HeaderLen
		}
		for b := p[tcp+wire.TCPHeaderLen : tcp+int(p[tcp+12]>>4)*4]; len(b) > 0 && b[0] != 0; {
			n := 1
			if b[0] != 1 {
				n = int(b[1])
				change(b[0], b[:n])
			}
			b = b[n:]
		}
		if wire.ParsePacket(p, &t, &s, &o) != nil {
			panic("rewritten packet does not parse")
		}
		o.Present &^= wire.OptBadSum
		return wire.AppendPacket(nil, &t, &s, &o, -1)
	}
}

// strip replaces MPTCP options by padding.
func strip(match func(out bool, s *wire.Segment, o *wire.Options) bool) Filter {
	return rewrite(match, func(kind byte, option []byte) {
		if kind == 30 {
			for i := range option {
				option[i] = 1
			}
		}
	})
}

func isSYN(_ bool, s *wire.Segment, _ *wire.Options) bool {
	return s.Flags&(wire.SYN|wire.ACK) == wire.SYN
}

func isSYNACK(_ bool, s *wire.Segment, _ *wire.Options) bool { return s.Flags.Has(wire.SYN | wire.ACK) }

func isNotSYN(_ bool, s *wire.Segment, _ *wire.Options) bool { return !s.Flags.Has(wire.SYN) }

// plain checks that both sides have fallen back, with the endpoint's reason.
func plain(why string) func(r *conversation) {
	return func(r *conversation) {
		if st := r.app.look(); st.info.Fallback.String() != why || st.why.String() != "graceful" {
			r.t.Errorf("the endpoint fell back for %v (want %s) and closed for %v", st.info.Fallback, why, st.why)
		}
	}
}

// notMPTCP checks the kernel's opinion on its own connection.
func notMPTCP(r *conversation) {
	r.await("the kernel's socket is plain TCP", func() bool {
		is, err := r.kernel.isMPTCP()
		return err == nil && !is
	})
}

func TestFallback(t *testing.T) {
	const n = 100_000
	base := liveCase{up: n, down: n, during: notMPTCP}
	with := func(f Filter, server bool, why string, kernel, own counts) liveCase {
		c := base
		c.filter, c.server, c.check, c.counters, c.own = f, server, plain(why), kernel, own
		return c
	}
	toTCP := liveCase{tcp: true, up: n, down: n, check: plain("MPCapableFallbackSYNACK"), counters: counts{"MPCapableSYNRX": 0}, own: counts{"MPCapableFallbackSYNACK": 1}}
	ofTCP := liveCase{tcp: true, server: true, up: n, down: n, check: plain("not_offered"), counters: counts{"MPCapableSYNTX": 0}, own: counts{"MPCapableSYNRX": 0}}
	runAll(t, []namedCase{
		{"client, SYN stripped", with(strip(isSYN), false, "MPCapableFallbackSYNACK",
			counts{"MPCapableSYNRX": 0}, counts{"MPCapableFallbackSYNACK": 1})},
		{"server, SYN stripped", with(strip(isSYN), true, "not_offered",
			counts{"MPCapableSYNTX": 1, "MPCapableFallbackSYNACK": 1}, counts{"MPCapableSYNRX": 0})},
		{"client, SYN ACK stripped", with(strip(isSYNACK), false, "MPCapableFallbackSYNACK",
			counts{"MPCapableSYNRX": 1, "MPCapableFallbackACK": 1}, counts{"MPCapableFallbackSYNACK": 1})},
		{"server, SYN ACK stripped", with(strip(isSYNACK), true, "MPCapableFallbackACK",
			counts{"MPCapableSYNTX": 1, "MPCapableFallbackSYNACK": 1}, counts{"MPCapableFallbackACK": 1})},
		{"client, stripped from the third packet on", with(strip(isNotSYN), false, "MPCapableDataFallback",
			counts{"MPCapableSYNRX": 1, "MPCapableFallbackACK": 1}, counts{"MPCapableDataFallback": 1})},
		{"server, stripped from the third packet on", with(strip(isNotSYN), true, "MPCapableFallbackACK",
			counts{"MPCapableSYNTX": 1, "MPCapableSYNACKRX": 1, "MPCapableDataFallback": 1}, counts{"MPCapableFallbackACK": 1})},
		{"client to plain TCP", toTCP},
		{"server of plain TCP", ofTCP},
	})
}

// forge damages an octet of the joins of the endpoint (mine) or the kernel.
func forge(mine bool, form wire.JoinForm, octet int) Filter {
	return rewrite(func(out bool, _ *wire.Segment, o *wire.Options) bool {
		return out == mine && o.Has(wire.OptJoin) && o.Join.Form == form
	}, func(kind byte, option []byte) {
		if kind == 30 {
			option[octet] ^= 0x55
		}
	})
}

// A join with a token that nobody has, or with an HMAC that is not right, is
// answered by a reset and harms nobody.
func TestForgedJoin(t *testing.T) {
	// MPJoinSynRx counts every SYN of a join, even one that nobody knows.
	refused := func(r *conversation) {
		graceful(r)
		if st := r.app.look(); st.subflows != 0 {
			r.t.Error("the subflow came up")
		}
	}
	runAll(t, []namedCase{
		{"token of the endpoint", liveCase{interfaces: 2, mesh: true, up: 300_000, down: 300_000, kernel: twoSubflows, filter: forge(true, wire.JoinSYN, 4),
			counters: both(accepted, counts{"MPJoinNoTokenFound": 1, "MPJoinSynRx": 1, "MPJoinAckRx": 0}), own: counts{"MPRstRx": 1}, check: refused,
			during: counted("MPJoinNoTokenFound", 1)}},
		{"token of the kernel", liveCase{interfaces: 2, server: true, up: 300_000, down: 300_000, filter: forge(false, wire.JoinSYN, 4), kernel: joining,
			counters: both(dialled, counts{"MPJoinSynTx": 1, "MPJoinSynAckRx": 0}), check: refused, during: counted("MPJoinSynTx", 1),
			own: counts{"MPJoinSynRx": 1, "MPJoinNoTokenFound": 1, "MPRstTx": 1}}},
		{"HMAC in the SYN ACK of the kernel", liveCase{interfaces: 2, mesh: true, up: 300_000, down: 300_000, kernel: twoSubflows, filter: forge(false, wire.JoinSYNACK, 9),
			counters: both(accepted, counts{"MPJoinSynRx": 1, "MPJoinAckRx": 0}), check: refused, during: counted("MPJoinSynRx", 1),
			own: counts{"MPJoinSynTx": 1, "MPJoinSynAckHMacFailure": 1, "MPRstTx": 1}}},
		{"HMAC in the SYN ACK of the endpoint", liveCase{interfaces: 2, server: true, up: 300_000, down: 300_000, kernel: joining, filter: forge(true, wire.JoinSYNACK, 9),
			counters: both(dialled, counts{"MPJoinSynTx": 1, "MPJoinSynAckHMacFailure": 1, "MPRstTx": 1}), check: refused, during: counted("MPJoinSynAckHMacFailure", 1),
			own: counts{"MPJoinSynRx": 1, "MPJoinAckRx": 0, "MPRstRx": atLeast(0)}}},
		{"HMAC in the ACK of the endpoint", liveCase{interfaces: 2, mesh: true, up: 300_000, down: 300_000, kernel: twoSubflows, filter: forge(true, wire.JoinACK, 5),
			counters: both(accepted, counts{"MPJoinSynRx": 1, "MPJoinAckHMacFailure": 1}), check: refused, during: counted("MPJoinAckHMacFailure", 1),
			own: counts{"MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "MPRstRx": 1}}},
		{"HMAC in the ACK of the kernel", liveCase{interfaces: 2, server: true, up: 300_000, down: 300_000, kernel: joining, filter: forge(false, wire.JoinACK, 5),
			counters: both(dialled, counts{"MPJoinSynTx": 1, "MPJoinSynAckRx": 1, "MPRstRx": atLeast(0), "MPRstTx": atLeast(0)}), check: refused, during: counted("MPJoinSynAckRx", 1),
			own: counts{"MPJoinSynRx": 1, "MPJoinAckHMacFailure": 1, "MPRstTx": 1}}},
	})
}
