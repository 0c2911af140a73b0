package live

import (
	"testing"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// shorten takes the last three bytes out of the kernel's first segment of n bytes and
// corrects the numbers of everything behind it, as a gateway does that shortens a
// command.
func shorten(n uint32) Filter {
	const gone = 3
	var at wire.Seq // the first of them
	found := false
	return func(out bool, _, _ int, p []byte) []byte {
		var t wire.Tuple
		var s wire.Segment
		var o wire.Options
		if wire.ParsePacket(p, &t, &s, &o) != nil {
			return p
		}
		end := s.Seq.Add(int(s.Len))
		switch {
		case out && found && s.Ack.After(at.Add(-1)):
			s.Ack = s.Ack.Add(gone)
		case !out && !found && uint32(s.Len) == n:
			found, at = true, end.Add(-gone)
			wire.SetPieces(&s, &o, []wire.Piece{{Off: s.Off, Len: n - gone, Data: o.Pieces[0].Data[:n-gone]}})
		case !out && found && s.Seq.After(at):
			s.Seq = s.Seq.Add(-gone)
		default:
			return p
		}
		return wire.AppendPacket(nil, &t, &s, &o, -1)
	}
}

// A box makes a command of the kernel's three bytes shorter, and nothing follows but
// what the kernel's connection-level timer sends again, 200 ms later. Without checksums
// the endpoint gets what TCP would get, and resets the subflow when the three bytes come
// again; with them it gets nothing of the command and answers by MP_FAIL. (A kernel in
// its place, whose peer is a kernel, gives its application the bytes twice, with
// checksums the whole command, and is reset then.)
func TestShorterCommand(t *testing.T) {
	const before, command = 100, 26
	talk := func(r *conversation, s *kernelSocket) error {
		if err := s.writeContent(0, before); err != nil {
			return err
		}
		r.await("the endpoint has read", func() bool { return r.app.look().received == before })
		if err := s.writeContent(before, command); err != nil {
			return err
		}
		counted("MPRstRx", 1)(r)
		r.b.Command("abort")
		return nil
	}
	received := func(want int64) func(r *conversation) {
		return func(r *conversation) {
			if st := r.app.look(); st.received != want || st.wrong != 0 {
				r.t.Errorf("the endpoint received %d bytes, %d of them wrong, want %d", st.received, st.wrong, want)
			}
		}
	}
	base := liveCase{hold: true, talk: talk, commands: abort, rtt: 10 * sim.Millisecond}
	without, with := base, base
	without.filter, with.filter = shorten(command), shorten(command)
	without.counters = both(accepted, counts{"MPRstRx": 1, "MPTCPRetrans": 1})
	without.own = counts{"DSSNotMatching": 1, "MPRstTx": 1}
	without.check = received(before + command - 3)
	with.kernel, with.options = kernelChecksums, func(o *mptcp.SocketOptions) { o.Checksum = mptcp.ChecksumRequired }
	with.counters = both(accepted, counts{"MPRstRx": 1, "MPFailRx": 1, "MPTCPRetrans": 1})
	with.own = counts{"DataCsumErr": 1, "MPFailTx": 1, "MPRstTx": 1}
	with.check = received(before)
	runAll(t, []namedCase{{"without checksums", without}, {"with checksums", with}})
}
