package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestPrioBesideDataFIN: a DATA_FIN with numbers of 8 octets takes 28 octets and
// timestamps 12, so that an MP_PRIO of 4 finds no room on the ACKs that repeat it;
// it leaves with the first ACK behind the DATA_ACK of the DATA_FIN.
//
// row:A28
func TestPrioBesideDataFIN(t *testing.T) {
	w, cli, srv := twoPaths(t, Linux(), 4<<20)
	silent := true
	for i := range w.paths {
		w.paths[i][1].drop = func(int, sim.Time, *Segment) bool { return silent }
	}
	w.client.ep.Shutdown(w.now, cli.conn)
	w.client.ep.HandleAddr(w.now, clientAddr(1), true, AddrBackup)
	w.flush(w.client)
	from := len(w.log)
	w.runTo(w.now.Add(3 * sim.Second))
	fins := 0
	for i := range w.log[from:] {
		r := &w.log[from+i]
		if !r.up {
			continue
		}
		n := r.seg.OptionsLen(&r.opt)
		if r.seg.Opt.Has(wire.DataFIN) {
			fins++
		}
		if r.options().Has(wire.OptPrio) || n > wire.MaxOptionsLen {
			t.Errorf("%d octets: %s", n, w.line(r))
		}
	}
	silent = false
	w.until(10*sim.Second, "MP_PRIO", func() bool { return w.server.ep.Subflows(srv.conn, nil)[1].Backup })
	if fins < 2 {
		t.Errorf("%d DATA_FINs", fins)
	}
}
