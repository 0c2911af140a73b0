package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestSACKOptionSpace: with timestamps and a DATA_ACK an ACK has room for two
// blocks (RFC 8684 appendix A: 12 octets of timestamps, 8 of a DSS with 4 octets of
// DATA_ACK, 20 of SACK) or one (8 octets of DATA_ACK). With four gaps the rest is left
// out, the trace says so once, and the data arrives all the same.
//
// row:A28
func TestSACKOptionSpace(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.start()
	var seen recordList
	w.run.Subscribe(trace.Set(trace.OptionLeftOut), &seen)
	w.paths[0][0].drop = func(n int, _ sim.Time, _ *Segment) bool { return n >= 20 && n < 29 && n%2 == 0 }
	cli := w.connect()
	cli.toWrite = 200_000
	w.flush(w.client)
	w.runTo(sim.Time(5 * sim.Second))
	if srv := w.server.apps[0]; srv.off != 200_000 || srv.bad != 0 {
		t.Fatalf("%d bytes, %d bad", srv.off, srv.bad)
	}
	full := 0
	for i := range w.log {
		r := &w.log[i]
		if r.up || !r.hasOpt || !r.opt.Has(wire.OptSACK) {
			continue
		}
		room := 2
		if r.seg.Opt.Has(wire.DataAck8) {
			room = 1
		}
		if n := int(r.opt.NSACK); n > room || !r.seg.Opt.Has(wire.HasTS|wire.HasDataAck) {
			t.Errorf("%d blocks: %s", n, w.line(r))
		} else if n == room {
			full++
		}
	}
	if full == 0 {
		t.Error("no ACK was full")
	}
	if len(seen) == 0 || len(seen) > full {
		t.Fatalf("%d records, %d full ACKs", len(seen), full)
	}
	for _, r := range seen {
		if r.Why != trace.NoOptionSpace || wire.OptSet(r.A) != wire.OptSet(wire.OptSACK) || r.B <= r.C || r.B > 4+8*4 || r.C != 20 && r.C != 16 {
			t.Errorf("%+v", r)
		}
	}
}
