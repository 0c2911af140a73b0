package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// failedRaw is a connection with checksums whose first mapping, of 100 bytes, has a
// wrong one, and what the endpoint answers to it.
func failedRaw(t *testing.T, p *Profile) (r *rawPeer, out []*Segment) {
	t.Helper()
	o := rawOptions()
	o.Checksum = ChecksumRequired
	r = rawListener(t, p, o)
	r.open(capable(1, flagH|wire.CapableChecksum, 0, 0, 0))
	r.send(wire.ACK, 1, 0, capable(1, flagH|wire.CapableChecksum, 2, r.key, r.peer))
	return r, r.send(wire.ACK|wire.PSH, 1, 100, func(s *Segment) {
		r.dss(1, 1, 100, 1)(s)
		o := s.Options()
		o.Present |= wire.OptDSSChecksum
		o.DSSChecksum = 0x1234
	})
}

// TestSection3_7FailOnTheACK: the MP_FAIL is on the acknowledgement of the data that
// failed, with its data sequence number (RFC 8684 section 3.7). Where nothing more
// comes that could be acknowledged, it is sent again after the retransmission
// timeout, twice and four times that, until the peer answers; a host that has
// held the data back so far then resets the subflow.
//
// row:C7 rfc8684:3.7-9
func TestSection3_7FailOnTheACK(t *testing.T) {
	for _, p := range []*Profile{Linux(), RFC()} {
		for _, answered := range []bool{false, true} {
			r, out := failedRaw(t, p)
			if len(out) != 1 || !out[0].Opt.Has(wire.OptFail) || out[0].Opt.Fail.DSN != r.dsn(1) || out[0].Ack != 101 || out[0].Flags != wire.ACK {
				t.Fatalf("%s: %d segments acknowledge the data that failed", p.Name, len(out))
			}
			rto := r.ep.Subflows(r.conn, nil)[0].RTO
			if answered {
				r.send(wire.ACK, 101, 0, func(s *Segment) {
					s.Options().Present |= wire.OptFail
					s.Opt.Fail.DSN = r.dataAck(1)
				})
			}
			at, fails, resets := r.now, 0, 0
			for range 20 {
				for _, s := range r.pass(rto) {
					switch {
					case s.Flags.Has(wire.RST):
						if resets++; !s.Opt.Has(wire.OptFail) || r.now.Sub(at) != 15*rto {
							t.Errorf("%s: reset after %v", p.Name, r.now.Sub(at))
						}
					case s.Opt.Has(wire.OptFail):
						fails++
						if want := sim.Duration(1<<fails-1) * rto; r.now.Sub(at) != want || s.Opt.Fail.DSN != r.dsn(1) {
							t.Errorf("%s: MP_FAIL of %d is repeated after %v, want %v", p.Name, s.Opt.Fail.DSN-r.dsn(0), r.now.Sub(at), want)
						}
					}
				}
			}
			wantResets := b2i(!answered && !p.DeliverFailed)
			if fails != 3*b2i(!answered) || resets != wantResets {
				t.Errorf("%s, answered %v: %d repetitions, %d resets", p.Name, answered, fails, resets)
			}
		}
	}
}
