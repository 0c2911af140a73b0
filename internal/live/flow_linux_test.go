package live

import (
	"testing"
	"time"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// The kernel stops at the endpoint's window and the endpoint at the kernel's,
// and both go on when the other one reads.
func TestClosedWindow(t *testing.T) {
	const n = 400_000
	small := func(o *mptcp.SocketOptions) { o.ReceiveBuffer = 64 << 10 }
	// A sleeping endpoint is full when the kernel has been stuck for a while.
	sleep := func(r *conversation) {
		time.Sleep(700 * time.Millisecond)
		r.b.Command("read")
	}
	awake := map[string]func(now sim.Time, e *mptcp.Endpoint, a *transfer){
		"read": func(_ sim.Time, _ *mptcp.Endpoint, a *transfer) { a.awake = true },
	}
	lazy := func(r *conversation, s *kernelSocket) error {
		time.Sleep(700 * time.Millisecond)
		done := make(chan struct{})
		close(done)
		return r.exchange(s, done)
	}
	runAll(t, []namedCase{
		{"of the endpoint", liveCase{idle: true, up: 1000, down: n, options: small, during: sleep, commands: awake, counters: accepted, check: graceful}},
		{"of the endpoint, which is server", liveCase{idle: true, server: true, up: 1000, down: n, options: small, during: sleep, commands: awake, counters: dialled, check: graceful}},
		{"of the kernel", liveCase{up: n, down: 1000, talk: lazy, counters: accepted, check: graceful,
			kernel: func(n *Namespace) error { return n.SetSysctl("net.ipv4.tcp_rmem", "4096 32768 65536") }}},
		{"of the kernel, which is client", liveCase{server: true, up: n, down: 1000, talk: lazy, counters: dialled, check: graceful,
			kernel: func(n *Namespace) error { return n.SetSysctl("net.ipv4.tcp_rmem", "4096 32768 65536") }}},
	})
}

// One direction ends long before the other one.
func TestHalfClose(t *testing.T) {
	runAll(t, []namedCase{
		{"by the kernel", liveCase{up: 2_000_000, down: 10, counters: accepted, check: graceful}},
		{"by the endpoint", liveCase{closeFirst: true, up: 10, down: 2_000_000, counters: accepted, check: graceful}},
		{"by the endpoint, which is server", liveCase{server: true, closeFirst: true, up: 10, down: 2_000_000, counters: dialled, check: graceful}},
	})
}

// The kernel offers fewer TCP options, so that others have more room.
func TestFewerOptions(t *testing.T) {
	without := func(names ...string) func(n *Namespace) error {
		return func(n *Namespace) error {
			for _, name := range names {
				if err := n.SetSysctl("net.ipv4."+name, "0"); err != nil {
					return err
				}
			}
			return nil
		}
	}
	const n = 500_000
	all := without("tcp_timestamps", "tcp_sack", "tcp_window_scaling")
	runAll(t, []namedCase{
		{"no timestamps", liveCase{up: n, down: n, kernel: without("tcp_timestamps"), counters: accepted, check: graceful}},
		{"no SACK, loss", liveCase{server: true, up: n, down: n, kernel: without("tcp_sack"), filter: everyNth(50), counters: dialled, check: graceful}},
		{"nothing", liveCase{up: n, down: n, kernel: all, counters: accepted, check: graceful}},
		{"nothing, endpoint is server, loss", liveCase{server: true, up: n, down: n, kernel: all, filter: everyNth(50), counters: dialled, check: graceful}},
	})
}

// A path that swallows everything in mid-transfer does not stop the connection.
func TestPathFails(t *testing.T) {
	hole := func(after int) Filter {
		return func(_ bool, iface, n int, p []byte) []byte {
			if iface == 1 && n > after {
				return nil
			}
			return p
		}
	}
	// On the endpoint's side the second interface has the second subflow.
	runAll(t, []namedCase{
		{"client", liveCase{interfaces: 2, mesh: true, rtt: 10 * sim.Millisecond, up: 3_000_000, down: 3_000_000, gate: secondSubflow, kernel: twoSubflows, filter: hole(100),
			counters: both(accepted, counts{"MPJoinAckRx": 1, "MPRstTx": atLeast(0), "MPRstRx": atLeast(0)}),
			own:      counts{"MPRstTx": atLeast(0), "MPRstRx": atLeast(0)}}},
	})
}

// Without checksums nobody notices a changed byte but the application: what this
// test compares is really what came.
func TestChangedByte(t *testing.T) {
	damage := func(mine bool) Filter {
		done := false
		return func(out bool, _, _ int, p []byte) []byte {
			var t wire.Tuple
			var s wire.Segment
			var o wire.Options
			if done || out != mine || wire.ParsePacket(p, &t, &s, &o) != nil || s.Len < 1000 {
				return p
			}
			done = true
			o.Pieces[0].Data[500] ^= 1
			return wire.AppendPacket(nil, &t, &s, &o, -1)
		}
	}
	toEndpoint := func(r *conversation, s *kernelSocket) error {
		if err := s.writeContent(0, some); err != nil {
			return err
		}
		r.await("the endpoint has read", func() bool { return r.app.look().received == some })
		r.b.Command("abort")
		s.readContent(0, -1)
		return nil
	}
	toKernel := func(r *conversation, s *kernelSocket) error {
		if _, err := s.readContent(0, some); err == nil {
			r.t.Error("the kernel's application has not noticed")
		}
		r.b.Command("abort")
		s.readContent(0, -1)
		return nil
	}
	aborted := both(accepted, counts{"MPFastcloseRx": 1, "MPRstRx": 1})
	own := counts{"MPFastcloseTx": 1, "MPRstTx": 1}
	runAll(t, []namedCase{
		{"to the endpoint", liveCase{hold: true, filter: damage(false), talk: toEndpoint, commands: abort, counters: aborted, own: own,
			check: func(r *conversation) {
				if r.app.look().wrong == 0 {
					r.t.Error("the endpoint's application has not noticed")
				}
			}}},
		{"to the kernel", liveCase{hold: true, up: some, filter: damage(true), talk: toKernel, commands: abort, counters: aborted, own: own}},
	})
}
