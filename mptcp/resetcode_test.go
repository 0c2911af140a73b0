package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestSection3_7CannotFallBack: the first data behind the handshake has no MPTCP
// option, and the stack that receives it cannot go on as TCP any more: the subflow
// is reset with MP_TCPRST code 6, "Middlebox interference" (RFC 8684 sections 3.6 and
// 3.7), and counted as a reset and not as a fallback.
func TestSection3_7CannotFallBack(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.profile, w.served = RFC(), RFC()
	w.served.Lacks |= DataFallback
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if s.Len > 0 {
			s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8 | wire.DataFIN
			if s.Opt != nil {
				s.Opt.Present &^= mptcpOptions
			}
		}
		return []*Segment{s}
	}
	cli := w.connect()
	cli.toWrite = 1000
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	var rst *record
	for i := range w.log {
		if r := &w.log[i]; !r.up && r.seg.Flags.Has(wire.RST) && rst == nil {
			rst = r
		}
	}
	if rst == nil || !rst.hasOpt || !rst.opt.Has(wire.OptRst) || rst.opt.Rst.Reason != 6 {
		t.Fatalf("no reset with code 6\n%s", w.dump(20))
	}
	w.counter(w.server, "MPRstTx", 1)
	w.counter(w.server, "MPCapableDataFallback", 0)
	w.counter(w.client, "MPRstRx", 1)
	if srv.off != 0 || srv.saw(Fallback) != 0 {
		t.Errorf("%d bytes read, %v", srv.off, srv.events)
	}
}

// TestFastOpenFirstDataStripped: subflow sequence number 1 is the byte behind the data
// of the SYN (RFC 8684 appendix B.2), so the first segment behind that is the one by
// which a server finds that options do not pass (section 3.7), before any of its
// bytes counts as data without a mapping.
func TestFastOpenFirstDataStripped(t *testing.T) {
	w := fastWorld(t, nil)
	w.know()
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if s.Len > 0 && !s.Flags.Has(wire.SYN) {
			s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8 | wire.DataFIN
			if s.Opt != nil {
				s.Opt.Present &^= mptcpOptions
			}
		}
		return []*Segment{s}
	}
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.dialData(500)
	cli.toWrite += 2000
	w.runTo(sim.Time(2 * sim.Second))
	w.counter(w.server, "MPCapableDataFallback", 1)
	w.counter(w.server, "DssFallback", 0)
	if srv.off != 2500 || srv.bad != 0 || len(srv.events) == 0 || srv.saw(Fallback) != 1 {
		t.Errorf("%d bytes, %d wrong, %v", srv.off, srv.bad, srv.events)
	}
	for _, e := range srv.events {
		if e.Kind == Fallback && e.Why != trace.MPCapableDataFallback {
			t.Errorf("fallback because of %v", e.Why)
		}
	}
}
