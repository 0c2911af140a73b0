package live

import (
	"testing"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

func kernelChecksums(n *Namespace) error { return n.SetSysctl("net.mptcp.checksum_enabled", "1") }

func wantChecksums(o *mptcp.SocketOptions) { o.Checksum = mptcp.ChecksumRequired }

// watch counts the DSS mappings with and without a checksum that pass, in each
// direction (kernel, endpoint).
type watch struct{ with, without [2]int }

func (w *watch) filter(out bool, _, _ int, p []byte) []byte {
	var t wire.Tuple
	var s wire.Segment
	var o wire.Options
	if wire.ParsePacket(p, &t, &s, &o) != nil || s.Len == 0 {
		return p
	}
	d := 0
	if out {
		d = 1
	}
	switch {
	case o.Has(wire.OptDSSChecksum), o.Has(wire.OptCapable) && o.Capable.HasChecksum:
		w.with[d]++
	case s.Opt.Has(wire.HasMap), o.Has(wire.OptCapable):
		w.without[d]++
	}
	return p
}

// Either side may ask for checksums, and then both use them (RFC 8684 section
// 3.1). The kernel checks ours (DataCsumErr stays 0) and the endpoint the
// kernel's.
func TestChecksums(t *testing.T) {
	const n = 500_000
	var cases []namedCase
	for _, server := range []bool{false, true} {
		for _, ask := range []struct {
			name         string
			kernel, ours bool
		}{{"nobody", false, false}, {"kernel", true, false}, {"endpoint", false, true}, {"both", true, true}} {
			c := liveCase{server: server, up: n, down: n, counters: accepted}
			name := "client, asked for by " + ask.name
			if server {
				name, c.counters = "server, asked for by "+ask.name, dialled
			}
			if ask.kernel {
				c.kernel = kernelChecksums
			}
			if ask.ours {
				c.options = wantChecksums
			}
			w := new(watch)
			c.filter = w.filter
			c.check = func(r *conversation) {
				graceful(r)
				used, unused := w.with, w.without
				if !ask.kernel && !ask.ours {
					used, unused = unused, used
				}
				if used[0] == 0 || used[1] == 0 || unused != [2]int{} {
					r.t.Errorf("mappings of kernel and endpoint with a checksum %v, without %v", w.with, w.without)
				}
			}
			cases = append(cases, namedCase{name, c})
		}
	}
	runAll(t, cases)
}

// damageOnce changes a byte of the n-th data segment on the second interface.
func damageOnce(mine bool, n int) Filter {
	return func(out bool, iface, _ int, p []byte) []byte {
		var t wire.Tuple
		var s wire.Segment
		var o wire.Options
		if iface != 1 || out != mine || wire.ParsePacket(p, &t, &s, &o) != nil || s.Len < 1000 {
			return p
		}
		if n--; n != 0 {
			return p
		}
		o.Pieces[0].Data[500] ^= 1
		return wire.AppendPacket(nil, &t, &s, &o, -1)
	}
}

// A damaged mapping costs its subflow, and no byte: it is reset with MP_FAIL, and
// the data comes on the other one (RFC 8684 section 3.7).
func TestChecksumFailure(t *testing.T) {
	const n = 3_000_000
	base := liveCase{interfaces: 2, mesh: true, rtt: 10 * sim.Millisecond, up: n, down: n, kernel: func(n *Namespace) error {
		if err := twoSubflows(n); err != nil {
			return err
		}
		return kernelChecksums(n)
	}, gate: secondSubflow, check: graceful}
	ours, theirs := base, base
	ours.filter = damageOnce(true, 5)
	ours.counters = both(accepted, counts{"DataCsumErr": 1, "MPFailTx": 1, "MPRstTx": 1, "MPRstRx": atLeast(0), "DSSCorruptionReset": atLeast(0)})
	ours.own = counts{"MPFailRx": 1, "MPRstRx": 1, "MPRstTx": atLeast(0)}
	theirs.filter = damageOnce(false, 5)
	theirs.counters = both(accepted, counts{"MPFailRx": 1, "MPRstRx": 1, "MPRstTx": atLeast(0)})
	theirs.own = counts{"DataCsumErr": 1, "MPFailTx": 1, "MPRstTx": 1, "MPRstRx": atLeast(0)}
	runAll(t, []namedCase{{"the kernel notices", ours}, {"the endpoint notices", theirs}})
}
