package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestAddAddrHMAC: the truncated HMAC of an announcement, by a capture of Linux
// 6.18 and by values computed with another implementation of HMAC-SHA256.
//
// row:A17
func TestAddAddrHMAC(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.2")
	for _, v := range []struct {
		own, peer Key
		id        uint8
		port      uint16
		want      uint64
	}{
		{0x67ac42771f9d84cc, 0x0200000000000000, 1, 0, 0xf4f773654402ad34}, // from the capture
		{0x1112131415161718, 0x0102030405060708, 5, 0, 0xea759521ac854e41},
		{0x1112131415161718, 0x0102030405060708, 5, 4321, 0xa7be5a9dab74cb24},
	} {
		if got := addAddrHMAC(v.own, v.peer, v.id, netip.AddrPortFrom(addr, v.port)); got != v.want {
			t.Errorf("id %d port %d: %016x, want %016x", v.id, v.port, got, v.want)
		}
	}
}

// tellPM announces addresses as soon as it may.
type tellPM struct{ what []netip.AddrPort }

func (m tellPM) OnEvent(_ sim.Time, ev PathEvent, act *PathActions) {
	if ev.Kind == PathKeyed {
		for i, a := range m.what {
			act.Announce(uint8(i+1), a)
		}
	}
}

// hearPM notes events and opens nothing, unless join is set.
type hearPM struct {
	join   bool
	events []PathEvent
}

func (m *hearPM) OnEvent(_ sim.Time, ev PathEvent, act *PathActions) {
	m.events = append(m.events, ev)
	if m.join && ev.Kind == PathAddrAdded {
		act.OpenTo(netip.Addr{}, ev.Remote, ev.ID, false)
	}
}

func (m *hearPM) saw(k PathEventKind) (n int) {
	for _, e := range m.events {
		if e.Kind == k {
			n++
		}
	}
	return n
}

// tellWorld is a connection of one path on which the server announces addresses.
func tellWorld(t *testing.T, profile *Profile, what ...string) (*world, *hearPM, *app) {
	w := newWorld(t, 10*ms)
	w.profile = profile
	hear := &hearPM{}
	var tell tellPM
	for _, a := range what {
		tell.what = append(tell.what, netip.MustParseAddrPort(a))
	}
	w.options = func(h string, o *SocketOptions) {
		o.PathManager = func(*sim.Rand) PathManager { return tell }
		if h == "client" {
			o.PathManager = func(*sim.Rand) PathManager { return hear }
		}
	}
	w.start()
	w.server.accept = func() *app { return &app{} }
	cli := w.connect()
	cli.toWrite = 100
	w.flush(w.client)
	return w, hear, cli
}

// announcements are the segments of the log with ADD_ADDR, or with its echo.
func (w *world) announcements(echo bool) (out []*record) {
	for i := range w.log {
		if r := &w.log[i]; r.hasOpt && r.opt.Has(wire.OptAddAddr) && r.opt.AddAddr.Echo == echo {
			out = append(out, r)
		}
	}
	return out
}

// TestAddAddrForms: the four forms of an announcement and their echoes, each on a
// pure ACK without DSS, the next when the last was confirmed.
//
// row:A17
func TestAddAddrForms(t *testing.T) {
	p := Linux()
	p.TCP.Timestamps = false // 30 octets do not fit beside them
	w, hear, _ := tellWorld(t, p, "10.0.8.1:0", "10.0.8.2:81", "[2001:db8::1]:0", "[2001:db8::2]:82")
	w.runTo(sim.Time(sim.Second))
	want := [2][]int{{16, 18, 28, 30}, {8, 10, 20, 22}} // RFC 8684 figure 12
	for i, echo := range []bool{false, true} {
		got := w.announcements(echo)
		if len(got) != 4 {
			t.Fatalf("%d announcements (echo %v), want 4\n%s", len(got), echo, w.dump(40))
		}
		for k, r := range got {
			if n := r.opt.AddAddr.Length(); n != want[i][k] || r.seg.Opt.Has(wire.HasDSS) || r.seg.Len != 0 || r.up != echo {
				t.Errorf("%d octets, want %d: %s", n, want[i][k], w.line(r))
			}
		}
	}
	for i, told := range w.announcements(false)[1:] {
		if told.at < w.announcements(true)[i].at {
			t.Errorf("announcement %d did not wait for the echo of the last", i+1)
		}
	}
	for name, n := range map[string]uint64{"AddAddr": 4, "PortAdd": 2, "EchoAddTx": 4} {
		w.counter(w.client, name, n)
	}
	for name, n := range map[string]uint64{"AddAddrTx": 4, "EchoAdd": 4, "PortAdd": 2} {
		w.counter(w.server, name, n)
	}
	if hear.saw(PathAddrAdded) != 4 || hear.events[len(hear.events)-1].Remote != netip.MustParseAddrPort("[2001:db8::2]:82") {
		t.Errorf("events %+v", hear.events)
	}
	if a := hear.events[1]; a.Kind != PathAddrAdded || a.Remote.Port() != 80 {
		t.Errorf("without a port the one in use counts: %+v", a)
	}
}

// TestAddAddrLost: an announcement is repeated until its echo arrives, whichever
// of the two was lost, after the RTO and then after twice the last interval
// (add_addr_retransmit.pkt: 0.23, 0.47, 0.93 s), three times at most.
//
// row:A17
func TestAddAddrLost(t *testing.T) {
	for _, v := range []struct {
		profile *Profile
		rto     sim.Duration
		echo    bool // losing the echo
		lost    int
		sent    int
	}{
		{Linux(), 200 * ms, false, 0, 1}, {Linux(), 200 * ms, false, 1, 2}, {Linux(), 200 * ms, false, 2, 3},
		{Linux(), 200 * ms, false, 9, 4}, {Linux(), 200 * ms, true, 1, 2}, {Linux(), 200 * ms, true, 3, 4},
		{RFC(), sim.Second, false, 9, 4}, {RFC(), sim.Second, true, 9, 4}, {RFC(), sim.Second, true, 1, 2},
	} {
		w, hear, _ := tellWorld(t, v.profile, "10.0.8.1:0")
		n := 0
		drop := func(_ int, _ sim.Time, s *Segment) bool {
			if s.Opt.Has(wire.OptAddAddr) && s.Opt.AddAddr.Echo == v.echo {
				n++
				return n <= v.lost
			}
			return false
		}
		w.paths[0][0].drop, w.paths[0][1].drop = drop, drop
		w.runTo(sim.Time(40 * sim.Second))
		told := w.announcements(false)
		if len(told) != v.sent {
			t.Errorf("%s, echo %v, %d lost: %d announcements\n%s", v.profile.Name, v.echo, v.lost, len(told), w.dump(30))
			continue
		}
		for i := 1; i < len(told); i++ {
			gap := told[i].at.Sub(told[i-1].at)
			if low := v.rto << (i - 1); gap < low || gap > low+low/4 {
				t.Errorf("%s: repetition %d after %v", v.profile.Name, i, gap)
			}
		}
		want := 1
		if !v.echo && v.lost > 3 {
			want = 0
		}
		if got := hear.saw(PathAddrAdded); v.echo && got != v.sent || !v.echo && got != want {
			t.Errorf("%s, echo %v, %d lost: %d events", v.profile.Name, v.echo, v.lost, got)
		}
	}
}

// TestAddAddrBadHMAC: an announcement whose HMAC is wrong is ignored in silence
// (RFC 8684 section 3.4.1) and counted.
//
// row:A17 rfc8684:3.4.1-6
func TestAddAddrBadHMAC(t *testing.T) {
	w, hear, cli := tellWorld(t, Linux(), "10.0.8.1:0")
	w.paths[0][1].box = func(s *Segment) []*Segment {
		if s.Opt.Has(wire.OptAddAddr) {
			s.Opt.AddAddr.HMAC ^= 1
		}
		return []*Segment{s}
	}
	w.runTo(sim.Time(5 * sim.Second))
	w.counter(w.client, "AddAddr", 0)
	w.counter(w.client, "AddAddrDrop", 4)
	w.counter(w.client, "EchoAddTx", 0)
	if len(hear.events) != 1 || w.client.ep.Info(cli.conn).State.String() != "ESTABLISHED" {
		t.Errorf("events %+v, %+v", hear.events, w.client.ep.Info(cli.conn).State)
	}
}

// TestSection3_4_1AddressIDs: an id that is announced again must have the same address (RFC 8684
// section 3.4.1); another port is another path to connect to; withdrawn, the id
// is free for another address.
//
// row:A18 rfc8684:3.4.1-9 rfc8684:3.4.1-10
func TestSection3_4_1AddressIDs(t *testing.T) {
	r := rawEstablished(t, RFC(), 100)
	hear := &hearPM{}
	r.ep.socks.get(r.conn).conn.pm.pm = hear
	r.ep.socks.get(r.conn).conn.pm.open = true
	tell := func(id uint8, a string) (echoed bool) {
		t.Helper()
		addr := netip.MustParseAddrPort(a)
		r.now = r.now.Add(sim.Second)
		for _, s := range r.send(wire.ACK, 101, 0, func(s *Segment) {
			o := s.Options()
			o.Present |= wire.OptAddAddr
			o.AddAddr = wire.AddAddr{AddrID: id, Addr: addr.Addr(), Port: addr.Port(), HMAC: addAddrHMAC(r.key, r.peer, id, addr)}
		}) {
			echoed = echoed || s.Opt.Has(wire.OptAddAddr) && s.Opt.AddAddr.Echo && s.Opt.AddAddr.AddrID == id
		}
		return echoed
	}
	for _, v := range []struct {
		addr        string
		echo, again bool
		events      int
	}{
		{"10.0.8.1:0", true, false, 1},
		{"10.0.8.1:0", true, true, 2},    // refreshed
		{"10.0.8.2:0", false, false, 2},  // refused
		{"10.0.8.1:81", true, false, 3},  // another port
		{"10.0.8.1:81", true, true, 4},   //
		{"10.0.8.2:81", false, false, 4}, // still refused
	} {
		if got := tell(7, v.addr); got != v.echo || hear.saw(PathAddrAdded) != v.events {
			t.Errorf("%s: echo %v, %d events", v.addr, got, hear.saw(PathAddrAdded))
		} else if v.echo && hear.events[len(hear.events)-1].Again != v.again {
			t.Errorf("%s: again %v", v.addr, !v.again)
		}
	}
	if n := counterOf(r.ep, "AddAddrDrop"); n != 2 {
		t.Errorf("%d announcements dropped, want 2", n)
	}
	r.send(wire.ACK, 101, 0, func(s *Segment) {
		r.dss(0, 0, 0, 1)(s)
		o := s.Options()
		o.Present |= wire.OptRemoveAddr
		o.RemoveAddr.N, o.RemoveAddr.IDs[0] = 1, 7
	})
	if !tell(7, "10.0.8.2:0") {
		t.Error("the id was withdrawn, but its new address is refused")
	}
}

// TestSection4SignalsAreNoCongestion: duplicate ACKs with a signal other than DSS are no
// sign of loss (RFC 8684 section 4); the same ACKs with a DSS are.
//
// row:A29 rfc8684:4-2
func TestSection4SignalsAreNoCongestion(t *testing.T) {
	for _, signal := range []bool{true, false} {
		p := Linux()
		p.TCP.SACK = false
		r := rawEstablished(t, p, 100)
		r.ep.Write(r.now, r.conn, 14_000)
		r.poll()
		before := r.ep.Subflows(r.conn, nil)[0]
		for i := range 5 {
			r.send(wire.ACK, 101, 0, func(s *Segment) {
				if !signal {
					r.dss(0, 0, 0, 1)(s)
					return
				}
				addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 8, byte(i)}), 0)
				o := s.Options()
				o.Present |= wire.OptAddAddr
				o.AddAddr = wire.AddAddr{AddrID: uint8(i + 1), Addr: addr.Addr(), HMAC: addAddrHMAC(r.key, r.peer, uint8(i+1), addr)}
			})
		}
		after := r.ep.Subflows(r.conn, nil)[0]
		if reduced := after.Stats.RetransmittedBytes > 0 || after.CA != before.CA; reduced == signal {
			t.Errorf("signals %v: congestion state %v, window %d (was %d)", signal, after.CA, after.Window, before.Window)
		}
	}
}

// TestSignalsInRow: at most two ACKs in a row carry nothing but a signal (RFC 8684
// section 4); the next waits until the stream moves or an RTO has passed. Linux
// has no such limit.
//
// row:A29 rfc8684:4-3
func TestSignalsInRow(t *testing.T) {
	for _, profile := range []*Profile{RFC(), Linux()} {
		w, _, _ := tellWorld(t, profile, "10.0.8.1:0", "10.0.8.2:0", "10.0.8.3:0", "10.0.8.4:0", "10.0.8.5:0")
		w.runTo(sim.Time(20 * sim.Second))
		told := w.announcements(false)
		if len(told) != 5 {
			t.Fatalf("%s: %d announcements\n%s", profile.Name, len(told), w.dump(40))
		}
		row := 0 // announcements within one RTO of the last
		longest := 0
		for i := range told {
			if i > 0 && told[i].at.Sub(told[i-1].at) >= 200*ms {
				row = 0
			}
			row++
			longest = max(longest, row)
		}
		limited := counterOf(w.server.ep, "SignalLimited") + counterOf(w.client.ep, "SignalLimited") // echoes are signals, too
		if profile.SignalsInRow == 2 && (longest != 2 || limited == 0) || profile.SignalsInRow == 0 && (longest != 5 || limited != 0) {
			t.Errorf("%s: %d signals in a row, %d waited", profile.Name, longest, limited)
		}
	}
}

// TestOptionSpace: what does not fit into 40 octets is left out, and the trace
// says so: an announcement of 30 octets beside timestamps (which the text's
// profile leaves out instead, appendix A), and ids of a REMOVE_ADDR.
//
// row:A28
func TestOptionSpace(t *testing.T) {
	for _, profile := range []*Profile{Linux(), RFC()} {
		var seen recordList
		w, _, _ := tellWorld(t, profile, "[2001:db8::2]:82", "10.0.8.1:0")
		w.run.Subscribe(trace.Set(trace.OptionLeftOut), &seen)
		w.runTo(sim.Time(2 * sim.Second))
		told := w.announcements(false)
		want := 1 // Linux: only the short one
		if profile.AddAddrDropsTS {
			want = 2
		}
		if len(told) != want {
			t.Fatalf("%s: %d announcements\n%s", profile.Name, len(told), w.dump(20))
		}
		if ts := told[0].seg.Opt.Has(wire.HasTS); ts == profile.AddAddrDropsTS {
			t.Errorf("%s: timestamps %v", profile.Name, ts)
		}
		left := wire.OptSet(wire.OptAddAddr)
		if profile.AddAddrDropsTS {
			left = wire.OptSet(wire.HasTS)
		}
		if len(seen) != 1 || seen[0].Why != trace.NoOptionSpace || wire.OptSet(seen[0].A) != left || seen[0].B != 32 || seen[0].C != 28 {
			t.Errorf("%s: %+v", profile.Name, seen)
		}
		seen = nil
		c := w.server.ep.socks.get(w.server.apps[0].conn).conn
		for id := range 40 {
			c.withdraw(w.now, uint8(100+id))
		}
		w.flush(w.server)
		w.runTo(w.now.Add(sim.Second))
		ids, last := 0, 0
		for i := range w.log {
			if r := &w.log[i]; r.hasOpt && r.opt.Has(wire.OptRemoveAddr) {
				ids += int(r.opt.RemoveAddr.N)
				last = max(last, int(r.opt.RemoveAddr.N))
				if n := r.seg.OptionsLen(&r.opt); n > wire.MaxOptionsLen {
					t.Errorf("%d octets of options", n)
				}
			}
		}
		if ids != 40 || last < 13 || len(seen) < 2 {
			t.Errorf("%s: %d ids, at most %d in one, %d times left out", profile.Name, ids, last, len(seen))
		}
	}
}

// TestAddAddrChurn: a peer that moves through more addresses than the table holds,
// each withdrawn before the next is announced, has each of them heard; one whose
// addresses are all valid does not get more than the table holds.
func TestAddAddrChurn(t *testing.T) {
	for _, withdrawn := range []bool{true, false} {
		r := rawEstablished(t, RFC(), 100)
		echoes := 0
		for id := uint8(1); id <= 100; id++ {
			addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 8, id}), 0)
			r.now = r.now.Add(sim.Second)
			for _, s := range r.send(wire.ACK, 101, 0, func(s *Segment) {
				o := s.Options()
				o.Present |= wire.OptAddAddr
				o.AddAddr = wire.AddAddr{AddrID: id, Addr: addr.Addr(), HMAC: addAddrHMAC(r.key, r.peer, id, addr)}
			}) {
				if s.Opt.Has(wire.OptAddAddr) && s.Opt.AddAddr.Echo && s.Opt.AddAddr.AddrID == id {
					echoes++
				}
			}
			if withdrawn {
				r.send(wire.ACK, 101, 0, func(s *Segment) {
					r.dss(0, 0, 0, 1)(s)
					o := s.Options()
					o.Present |= wire.OptRemoveAddr
					o.RemoveAddr.N, o.RemoveAddr.IDs[0] = 1, id
				})
			}
		}
		want := 100
		if !withdrawn {
			want = maxHeard
		}
		if echoes != want {
			t.Errorf("withdrawn %v: %d of 100 addresses are echoed, want %d", withdrawn, echoes, want)
		}
	}
}
