package mptcp

import (
	"testing"

	"mpsim/net/wire"
)

// RFC 8684 section 3.7 and the end of section 3.3: what must be there and is not.

// TestSection3_3MissingChecksum: where checksums were negotiated a mapping without
// one breaks the subflow: it is closed by a RST with the reason "MPTCP specific
// error", and the connection goes on.
//
// rfc8684:3.3-1
func TestSection3_3MissingChecksum(t *testing.T) {
	o := rawOptions()
	o.Checksum = ChecksumRequired
	r := rawListener(t, RFC(), o)
	r.open(capable(1, flagH, 0, 0, 0))
	r.send(wire.ACK, 1, 0, capable(1, flagH|wire.CapableChecksum, 2, r.key, r.peer))
	sum := func(p *rawPeer, ssn uint32, dsn uint64, n int) func(s *Segment) {
		return func(s *Segment) {
			p.dss(ssn, dsn, n, 1)(s)
			s.Options().Present |= wire.OptDSSChecksum
			s.Opt.DSSChecksum = wire.DSSChecksum(s.DSN, s.SSN, s.MapLen, wire.ContentSum(s.Off, n))
		}
	}
	r.send(wire.ACK, 1, 100, sum(r, 1, 1, 100))
	if n := r.info().Received; n != 100 {
		t.Fatalf("received %d of a mapping with a checksum", n)
	}
	j := r.join(t)
	wantReset(t, "no checksum", onlyResets(j.send(wire.ACK, 1, 50, j.dss(1, 101, 50, 1))), rstMPTCP)
	if n := r.info().Received; n != 100 {
		t.Errorf("received %d", n)
	}
	r.send(wire.ACK, 101, 50, sum(r, 101, 101, 50))
	if n := r.info().Received; n != 150 {
		t.Errorf("received %d on the other subflow", n)
	}
}

func onlyResets(all []*Segment) (out []*Segment) {
	for _, s := range all {
		if s.Flags.Has(wire.RST) {
			out = append(out, s)
		}
	}
	return out
}

// TestSection3_7MappingUntilDataAck: until a DATA_ACK has come every data segment
// carries its mapping, also where one mapping covers several segments and where
// one is sent again.
//
// rfc8684:3.7-2
func TestSection3_7MappingUntilDataAck(t *testing.T) {
	for _, p := range Profiles() {
		if p.Versions&Version1 == 0 {
			continue
		}
		w := newWorld(t, 10*ms)
		w.profile = p
		w.paths[0][1].drop = dropNth(1, 2, 3) // the answers to the first data
		cli := w.connect()
		cli.toWrite = 8000
		w.flush(w.client)
		w.until(100_000*ms, "data", func() bool { return w.client.ep.Info(cli.conn).Acked == 8000 })
		n := 0
		acked := false
		for i := range w.log {
			r := &w.log[i]
			acked = acked || !r.up && !r.lost && r.seg.Opt.Has(wire.HasDataAck)
			if !r.up || r.seg.Len == 0 || acked {
				continue
			}
			n++
			first := r.hasOpt && r.opt.Has(wire.OptCapable) && r.opt.Capable.HasData
			if !r.seg.Opt.Has(wire.HasMap) && !first {
				t.Errorf("%s: %s", p.Name, w.line(r))
			}
		}
		if n < 6 {
			t.Errorf("%s: %d segments before the first DATA_ACK", p.Name, n)
		}
	}
}
