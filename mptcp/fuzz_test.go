package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// fuzzWorld is an established download over two subflows, some way into it.
func fuzzWorld(t *testing.T, choice byte) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 20*ms)
	w.choose(choice)
	w.maxSteps = 100_000
	w.opt.ReceiveBuffer = 65_000
	for _, p := range w.paths {
		p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
	}
	w.start()
	srv = &app{toWrite: 300_000, close: true}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(100 * ms))
	return w, cli, srv
}

// choose sets the profiles of both ends by a number, and whether checksums are used.
// A client that falls back on a subflow that is not the only one meets a server of its
// own kind only: what it reads then can be wrong, as that stack is surveyed
// (Profile.FallBackOnMoving).
func (w *world) choose(choice byte) {
	all := Profiles()
	n := int(choice >> 1)
	w.profile = all[n%len(all)]
	if !w.profile.FallBackOnMoving {
		w.served = all[(n%len(all)+n/len(all))%len(all)]
	}
	if choice&1 != 0 {
		w.opt.Checksum = ChecksumRequired
	}
}

// reader takes numbers from fuzz input.
type reader struct{ b []byte }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		return 0
	}
	x := r.b[0]
	r.b = r.b[1:]
	return x
}

func (r *reader) u32() uint32 {
	return uint32(r.byte())<<24 | uint32(r.byte())<<16 | uint32(r.byte())<<8 | uint32(r.byte())
}

// FuzzHandleSegment gives the client of a running transfer arbitrary TCP option
// bytes, flags and numbers near the valid ones on an existing 4-tuple. Nothing
// may panic, and no byte that the application reads may be wrong unless it came
// in a segment that was acceptable; such segments carry no payload here.
func FuzzHandleSegment(f *testing.F) {
	f.Add([]byte{0x10, 0, 0, 0, 0, 30, 20, 0x20, 0x1d, 0, 0, 0, 1})
	f.Add([]byte{0x14, 0, 0, 0, 0, 30, 12, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &reader{data}
		w, cli, _ := fuzzWorld(t, r.byte())
		for len(r.b) > 0 {
			fl := w.client.ep.flows.get(uint32(r.byte()&1) + 1)
			if fl == nil || fl.sub == nil {
				break
			}
			tu := fl.tuple.Reverse()
			s := Segment{Tuple: &tu}
			s.Flags = wire.Flags(r.byte())
			off := int(int8(r.byte()))
			s.Seq = fl.sub.peerISN.Add(1 + int(fl.tcp.RcvNxt()) + off)
			s.Ack = wire.Seq(r.u32())
			if r.byte()&1 == 0 && w.log != nil {
				s.Ack = lastSeq(w, fl)
			}
			n := min(int(r.byte())%41, len(r.b))
			o := s.Options()
			wire.ParseOptions(r.b[:n], &s.Segment, o)
			r.b = r.b[n:]
			s.Window = uint16(r.u32())
			w.client.ep.HandleSegment(w.now, &s)
			w.flush(w.client)
			w.runTo(w.now.Add(ms))
		}
		w.runTo(w.now.Add(20 * sim.Second))
		if cli.bad != 0 {
			t.Errorf("%d bad bytes", cli.bad)
		}
	})
}

// lastSeq is what a valid peer would acknowledge on a flow of the client.
func lastSeq(w *world, fl *flow) wire.Seq {
	for i := len(w.log) - 1; i >= 0; i-- {
		if r := &w.log[i]; r.up && clientAddr(r.path) == fl.tuple.Src.Addr() {
			return r.seg.Seq.Add(int(r.seg.Len))
		}
	}
	return 0
}

// FuzzEndpointOps runs arbitrary commands of applications and events of hosts on
// two endpoints over two paths. Nothing may panic, no byte may be wrong, and in
// the end both endpoints are empty.
func FuzzEndpointOps(f *testing.F) {
	f.Add([]byte{0, 1, 50, 2, 10, 9, 3, 3, 4, 1, 9, 30, 8})
	f.Add([]byte{0, 0, 9, 200, 1, 255, 7, 0, 9, 10, 7, 1, 5, 9, 9})
	f.Fuzz(func(t *testing.T, data []byte) { fuzzOps(t, data) })
}

// fuzzOps is FuzzEndpointOps of one input.
func fuzzOps(t tester, data []byte) {
	w := newWorld(t, 10*ms, 25*ms)
	w.maxSteps = 100_000
	w.opt.SendBuffer, w.opt.ReceiveBuffer = 50_000, 30_000
	r := &reader{data}
	w.choose(r.byte())
	w.options = func(_ string, o *SocketOptions) {
		o.PathManager = func(*sim.Rand) PathManager { return fuzzPM{} }
	}
	w.start()
	var srvs []*app
	w.server.accept = func() *app { srvs = append(srvs, &app{}); return srvs[len(srvs)-1] }
	w.opt.Reprobe = true
	for steps := 0; len(r.b) > 0 && steps < 200; steps++ {
		fuzzStep(w, r)
		w.flush(w.client)
		w.flush(w.server)
	}
	for i := range w.paths {
		w.client.ep.HandleAddr(w.now, clientAddr(i), true, 0)
		for _, d := range w.paths[i] {
			d.drop, d.box = nil, nil
		}
	}
	for _, h := range []*host{w.client, w.server} {
		for _, a := range h.apps {
			if a.bad != 0 {
				t.Fatalf("%s: %d bad bytes", h.name, a.bad)
			}
			if a.conn != 0 {
				h.ep.Abort(w.now, a.conn)
			}
			a.conn = 0
		}
		w.flush(h)
	}
	w.runTo(w.now.Add(4000 * sim.Second))
	for _, h := range []*host{w.client, w.server} {
		for _, a := range h.apps { // those that were accepted meanwhile
			if a.conn != 0 {
				h.ep.Abort(w.now, a.conn)
				w.flush(h)
			}
		}
	}
	w.runTo(w.now.Add(4000 * sim.Second))
	for _, h := range []*host{w.client, w.server} {
		if n := len(h.ep.flows.names.byTuple); n != 0 || len(h.ep.tokens) != 0 {
			t.Fatalf("%s: %d flows, %d tokens left\n%s", h.name, n, len(h.ep.tokens), w.dump(40))
		}
	}
}

// fuzzStep executes one command.
func fuzzStep(w *world, r *reader) {
	pick := func() (*host, *app) {
		h := w.client
		if r.byte()&1 != 0 {
			h = w.server
		}
		if len(h.apps) == 0 {
			return h, nil
		}
		return h, h.apps[int(r.byte())%len(h.apps)]
	}
	switch r.byte() % 13 {
	case 0:
		if len(w.client.apps) < 6 {
			if p := r.byte(); p&1 != 0 {
				w.opt.Protocol = Protocol(p >> 1 & 1)
			}
			w.connect()
		}
	case 1:
		if _, a := pick(); a != nil {
			a.toWrite += int64(r.byte()) * 200
		}
	case 2:
		if _, a := pick(); a != nil {
			a.close, a.full = true, r.byte()&1 != 0
		}
	case 3:
		if h, a := pick(); a != nil && a.conn != 0 {
			h.ep.Close(w.now, a.conn)
		}
	case 4:
		if h, a := pick(); a != nil && a.conn != 0 && r.byte()&3 == 0 {
			h.ep.Abort(w.now, a.conn)
		}
	case 5:
		i := int(r.byte()) % len(w.paths)
		w.client.ep.HandleAddr(w.now, clientAddr(i), r.byte()&1 != 0, AddrFlags(r.byte()&15))
	case 6:
		if _, a := pick(); a != nil {
			a.idle = r.byte()&1 != 0
		}
	case 7:
		b := r.byte()
		d := w.paths[b&1][b>>1&1]
		d.drop = nil
		if b&4 != 0 {
			d.drop = func(int, sim.Time, *Segment) bool { return true }
		}
	case 8:
		if h, a := pick(); a != nil && a.conn != 0 {
			h.ep.SetOption(w.now, a.conn, Option(r.byte()%3), int64(r.byte())*int64(10*ms))
		}
	case 9:
		w.runTo(w.now.Add(sim.Duration(r.byte()) * ms))
	case 10:
		w.runTo(w.now.Add(sim.Duration(r.byte()) * sim.Second / 4))
	case 11:
		fuzzAddresses(w, r)
	case 12:
		// A box that removes the options of MPTCP, or those of SYNs only.
		b := r.byte()
		d := w.paths[b&1][b>>1&1]
		d.box = nil
		if b&4 != 0 {
			d.box = strip(func(s *Segment) bool { return b&8 == 0 || s.Flags.Has(wire.SYN) })
		}
	}
}

// fuzzAddresses changes the addresses that a host has configured for subflows.
func fuzzAddresses(w *world, r *reader) {
	h, b := w.client, r.byte()
	addr := clientAddr(int(b>>1) & 1)
	if b&1 != 0 {
		h = w.server
		addr = netip.AddrFrom4([4]byte{10, 0, 9, 2 + b>>1&1})
		h.ep.HandleAddr(w.now, addr, true, 0)
	}
	flags := AddrFlags(r.byte())
	switch id := b >> 5 & 3; b >> 2 & 7 {
	case 0, 1, 2:
		h.ep.AddAddr(w.now, AddrConfig{ID: id, Addr: addr, Flags: flags})
	case 3:
		h.ep.DelAddr(w.now, id)
	case 4:
		h.ep.ChangeAddr(w.now, id, flags)
	case 5:
		h.ep.FlushAddrs(w.now)
	default:
		h.ep.SetPathLimits(w.now, PathLimits{AddAddrAccepted: int(flags & 7), Subflows: int(flags >> 3 & 7)})
	}
}

// fuzzPM uses what is configured and what is announced.
type fuzzPM struct{}

func (fuzzPM) OnEvent(now sim.Time, ev PathEvent, act *PathActions) {
	testPM{}.OnEvent(now, ev, act)
	if len(act.Local) > 0 {
		announcedPM{}.OnEvent(now, ev, act)
	}
	switch ev.Kind {
	case PathEndpointRemoved:
		act.Remove(ev.Endpoint.ID)
		act.CloseFrom(ev.Endpoint.ID)
	case PathEndpointChanged:
		for _, f := range act.Subflows {
			act.SetBackup(f.Flow, ev.Endpoint.Flags&AddrBackup != 0)
		}
	}
}
