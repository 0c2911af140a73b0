package mptcp

import (
	"fmt"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// checksumWorld is a transfer in both directions over paths with the given delays
// between sockets with the given policies.
func checksumWorld(t tester, cli, srv ChecksumPolicy, delays ...sim.Duration) *world {
	w := newWorld(t, delays...)
	w.options = func(h string, o *SocketOptions) {
		o.Checksum = srv
		if h == "client" {
			o.Checksum = cli
		}
	}
	return w
}

// TestSection3_1ChecksumNegotiation is the table of RFC 8684 section 3.1: checksums are used
// unless both SYNs have A=0, the third packet confirms it, and a host that refuses
// them gives A=1 plain TCP. In use means: every DSS with a mapping has a checksum,
// MP_CAPABLE with data has 24 octets, and all of them hold for the stream.
//
// row:A7 rfc8684:3.1-20 rfc8684:3.1-21 rfc8684:3.1-22
func TestSection3_1ChecksumNegotiation(t *testing.T) {
	const no, yes, refuse = ChecksumOnDemand, ChecksumRequired, ChecksumRefused
	for _, v := range []struct {
		cli, srv   ChecksumPolicy
		used, tcp  bool
		syn, synak bool // flag A
		fellBack   string
	}{
		{no, no, false, false, false, false, ""},
		{no, yes, true, false, false, true, ""},
		{yes, no, true, false, true, false, ""},
		{yes, yes, true, false, true, true, ""},
		{refuse, no, false, false, false, false, ""},
		{no, refuse, false, false, false, false, ""},
		{refuse, refuse, false, false, false, false, ""},
		{refuse, yes, false, true, false, true, "MPCapableFallbackSYNACK"},
		{yes, refuse, false, true, true, false, "MPCapableFallbackSYNACK"},
	} {
		t.Run(fmt.Sprintf("%d/%d", v.cli, v.srv), func(t *testing.T) {
			w := checksumWorld(t, v.cli, v.srv, 10*ms)
			w.start()
			srv := &app{toWrite: 50_000, close: true}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			cli.toWrite, cli.close = 30_000, true
			w.flush(w.client)
			w.until(20*sim.Second, "transfer", func() bool { return cli.eof && srv.eof })
			if cli.off != 50_000 || srv.off != 30_000 || cli.bad+srv.bad != 0 {
				t.Errorf("read %d, %d (%d bad)", cli.off, srv.off, cli.bad+srv.bad)
			}
			if got := cli.saw(Fallback) == 1; got != v.tcp {
				t.Errorf("fallback %v, want %v", got, v.tcp)
			}
			if v.fellBack != "" {
				w.counter(w.client, v.fellBack, 1)
			}
			w.judgeChecksums(t, v.used, v.syn, v.synak)
		})
	}
}

// judgeChecksums checks flags and checksums of everything that was sent.
func (w *world) judgeChecksums(t *testing.T, used, syn, synack bool) {
	t.Helper()
	maps, dss := 0, 0
	for i := range w.log {
		r := &w.log[i]
		o := r.options()
		if o.Has(wire.OptCapable) {
			want := used
			if r.seg.Flags.Has(wire.SYN) {
				want = synack
				if r.up {
					want = syn
				}
			}
			if got := o.Capable.Flags&wire.CapableChecksum != 0; got != want {
				t.Errorf("flag A is %v: %s", got, w.line(r))
			}
			if o.Capable.HasData {
				maps++
				sum := wire.DSSChecksum(w.idsn(r.up)+1, 1, o.Capable.DataLen, wire.ContentSum(0, int(o.Capable.DataLen)))
				if o.Capable.HasChecksum != used || used && (o.Capable.Checksum != sum || o.Capable.Length() != 24) {
					t.Errorf("wrong checksum: %s", w.line(r))
				}
			}
		}
		if !r.seg.Opt.Has(wire.HasMap) {
			continue
		}
		dss++
		n := int(r.seg.MapLen)
		if r.seg.Opt.Has(wire.DataFIN) {
			n--
		}
		first := uint64(r.seg.DSN-w.idsn(r.up)) - 1
		sum := wire.DSSChecksum(r.seg.DSN, r.seg.SSN, r.seg.MapLen, wire.ContentSum(first, n))
		if o.Has(wire.OptDSSChecksum) != used || used && o.DSSChecksum != sum {
			t.Errorf("wrong checksum: %s", w.line(r))
		}
	}
	if used && (maps == 0 || dss < 20) {
		t.Errorf("%d MP_CAPABLE with data, %d mappings", maps, dss)
	}
}

// idsn returns the initial data sequence number of a side: that of the first
// connection of the client, in whose words of both sides are known.
func (w *world) idsn(client bool) wire.DSN {
	c := w.client.ep.socks.slots[1].conn
	if client {
		return c.local.idsn
	}
	return c.remote.idsn
}

// TestChecksumNeedsWholeMapping: a checksummed mapping is delivered when it is
// complete and not before, while the subflow acknowledges each segment (LINUX.md:
// the first byte of a mapping of 30 kB waits for the last one). Without checksums
// the first segment is readable at once.
//
// row:B3
func TestChecksumNeedsWholeMapping(t *testing.T) {
	for _, policy := range []ChecksumPolicy{ChecksumOnDemand, ChecksumRequired} {
		w := checksumWorld(t, policy, policy, 10*ms)
		w.paths[0][1].rate = 10 * sim.MegabitPerSecond
		w.start()
		srv := &app{toWrite: 14_000}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		w.until(sim.Second, "first byte", func() bool { return cli.off > 0 })
		want := uint64(1420)
		if policy == ChecksumRequired {
			want = 14_000
		}
		if cli.off != want && !(policy == ChecksumOnDemand && cli.off < 1440) {
			t.Errorf("policy %d: first read has %d bytes, want %d", policy, cli.off, want)
		}
		acked := uint64(0)
		for i := range w.log {
			r := &w.log[i]
			if r.up && r.seg.Opt.Has(wire.HasDataAck) && r.at < w.now {
				acked = max(acked, uint64(uint32(r.seg.DataAck)-uint32(w.idsn(false))))
			}
		}
		if policy == ChecksumRequired && acked > 1 {
			t.Errorf("DATA_ACK %d before the mapping was complete", acked)
		}
		w.counter(w.client, "DSSNotMatching", 0) // all segments repeat the mapping
	}
}

// TestChecksumVector compares with the checksum that an independent computation
// gives for the example of RFC 8684 figure 10: 64-bit data sequence number, relative
// subflow sequence number, length, zeros, and the data, as 16-bit words.
//
// row:B3
func TestChecksumVector(t *testing.T) {
	o := rawOptions()
	o.Checksum = ChecksumRequired
	r := rawListener(t, Linux(), o)
	r.open(func(s *Segment) {
		capable(1, flagH, 0, 0, 0)(s)
		s.Opt.Present |= wire.OptMSS
		s.Opt.MSS = 1460
	})
	r.send(wire.ACK, 1, 0, capable(1, flagH|wire.CapableChecksum, 2, r.key, r.peer))
	r.ep.Write(r.now, r.conn, 999)
	out := r.poll()
	if len(out) != 1 {
		t.Fatalf("%d segments", len(out))
	}
	seg := out[0]
	var b []byte
	put := func(v uint64, n int) {
		for i := n - 1; i >= 0; i-- {
			b = append(b, byte(v>>(8*i)))
		}
	}
	put(uint64(r.dataAck(1)), 8)
	put(1, 4)
	put(999, 2)
	put(0, 2)
	for i := range uint64(999) {
		b = append(b, wire.ContentAt(i))
	}
	if sum := sumWords(b); !seg.Opt.Has(wire.OptDSSChecksum) || seg.Opt.DSSChecksum != ^sum {
		t.Errorf("checksum %#x, want %#x", seg.Opt.DSSChecksum, ^sum)
	}
}

// sumWords is the one's-complement sum word by word.
func sumWords(b []byte) uint16 {
	s := uint32(0)
	for i := range b {
		s += uint32(b[i]) << (8 * (1 - i&1))
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// shift moves the true offsets of the payload of the n-th data segment (from 0) of
// a direction, as if a box had put other bytes there.
func shift(n int, by uint64) func(*Segment) []*Segment {
	k := -1
	return func(s *Segment) []*Segment {
		if s.Len > 0 {
			if k++; k == n {
				s.Off += by
			}
		}
		return []*Segment{s}
	}
}

// resize is a box that changes the length of one data segment and moves the
// sequence numbers behind it, as an application-level gateway does. The bytes that
// it adds are none of the stream's.
type resize struct {
	nth, by int
	segs    int
	at      wire.Seq // behind the changed bytes, as sent; 0: not yet
	first   wire.Seq
}

// forward rewrites the direction of the data.
func (z *resize) forward(s *Segment) []*Segment {
	if s.Len > 0 && z.at == 0 {
		if z.segs++; z.segs == z.nth+1 {
			z.first, z.at = s.Seq, s.Seq.Add(int(s.Len))
		}
	}
	switch {
	case z.at == 0:
	case s.Len > 0 && s.Seq == z.first:
		s.Len = uint16(int(s.Len) + z.by)
		s.Off += 1 << 40
	case s.Seq.Diff(z.at) >= 0:
		s.Seq = s.Seq.Add(z.by)
	}
	return []*Segment{s}
}

// reverse rewrites the acknowledgements.
func (z *resize) reverse(s *Segment) []*Segment {
	if z.at != 0 && s.Ack.Diff(z.at.Add(z.by)) >= 0 {
		s.Ack = s.Ack.Add(-z.by)
	}
	if z.at != 0 && s.Opt.Has(wire.OptSACK) {
		for i := range s.Opt.SACK[:s.Opt.NSACK] {
			b := &s.Opt.SACK[i]
			b.Start, b.End = b.Start.Add(-z.by), b.End.Add(-z.by)
		}
	}
	return []*Segment{s}
}

// TestChecksumDetects rewrites, inserts and deletes payload on one of two subflows:
// the checksum fails, and nothing wrong is read.
//
// row:B3
func TestChecksumDetects(t *testing.T) {
	for by := -3; by <= 3; by++ {
		w, cli, srv := joinedChecksums(t, "linux", 1<<20)
		z := &resize{nth: 20, by: by}
		w.paths[1][1].box, w.paths[1][0].box = z.forward, z.reverse
		w.finish(t, cli, srv, 1<<20)
		if n := counterOf(w.client.ep, "DataCsumErr"); n != 1 {
			t.Errorf("%+d octets: DataCsumErr is %d", by, n)
		}
	}
}

// joinedChecksums is joinWorld with checksums.
func joinedChecksums(t tester, profile string, size int64) (w *world, cli, srv *app) {
	w = checksumWorld(t, ChecksumRequired, ChecksumRequired, 10*ms, 20*ms)
	w.profile = ProfileByName(profile)
	for _, p := range w.paths {
		p[0].rate, p[1].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
		p[0].limit, p[1].limit = 50, 50
	}
	w.start()
	srv = &app{toWrite: size, close: true}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	return w, cli, srv
}

// TestSection3_7FailureOnOneOfTwo is the case of several subflows in RFC 8684 section
// 3.7, with the packets of a kernel (LINUX.md): the subflow ends by a RST with
// MP_FAIL, that names the first byte of the mapping with 64 bits, and MP_TCPRST 6.
// What failed is never DATA_ACKed, comes again on the other subflow, and the stream
// stays whole.
//
// row:C6 rfc8684:3.7-7 rfc8684:3.7-8
func TestSection3_7FailureOnOneOfTwo(t *testing.T) {
	const size = 2 << 20
	for _, name := range []string{"linux", "rfc"} {
		w, cli, srv := joinedChecksums(t, name, size)
		w.paths[1][1].box = shift(50, 64)
		w.finish(t, cli, srv, size)
		var rst *record
		failed := uint64(0)
		n := 0
		for i := range w.log {
			r := &w.log[i]
			if r.path == 1 && !r.up && r.seg.Len > 0 {
				if n++; n == 51 {
					failed = uint64(r.seg.DSN - w.idsn(false))
				}
			}
			if r.path == 1 && r.up && r.seg.Flags.Has(wire.RST) && rst == nil {
				rst = r
			}
			if rst == nil && r.up && r.seg.Opt.Has(wire.DataAck8) && failed > 0 && uint64(r.seg.DataAck-w.idsn(false)) > failed {
				t.Errorf("%s: failed data acknowledged: %s", name, w.line(r))
			}
		}
		if rst == nil || !rst.opt.Has(wire.OptFail|wire.OptRst) || rst.opt.Rst.Reason != 6 ||
			uint64(rst.opt.Fail.DSN-w.idsn(false)) != failed {
			t.Fatalf("%s: mapping %d failed, reset %v\n%s", name, failed, rst, w.dump(30))
		}
		w.counter(w.client, "DataCsumErr", 1)
		w.counter(w.client, "MPFailTx", 1)
		w.counter(w.server, "MPFailRx", 1)
		w.counter(w.client, "InfiniteMapRx", 0)
		for _, e := range cli.events {
			if e.Kind == SubflowDown && e.Why != trace.ChecksumFailure {
				t.Errorf("%s: events %v", name, cli.events)
			}
		}
	}
}
