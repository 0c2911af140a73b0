package pm

import (
	"net/netip"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// everySetting calls f for each path manager of the table with the defaults of its
// parameters, and with each parameter at each end of its range.
func everySetting(f func(name string, settings []cc.Setting)) {
	for _, s := range Specs() {
		f(s.Name, nil)
		for _, p := range s.Params {
			for _, v := range []float64{p.Min, p.Max} {
				f(s.Name, []cc.Setting{{Name: p.Name, Value: v}})
			}
		}
	}
}

// turmoil is a connection of which addresses, announcements and subflows come and go at
// random, as fast as a hostile peer can make them: the peer announces ever new
// addresses and opens and resets subflows from ever new ports. Orders to open
// subflows are obeyed while there are fewer than 16.
type turmoil struct {
	rnd    *sim.Rand
	now    sim.Time
	m      mptcp.PathManager
	act    mptcp.PathActions
	timers []uint32
	next   cc.FlowID
	port   uint16
	most   int  // orders of one event
	stable bool // the host's addresses stay
}

func (w *turmoil) n(n int) int { return int(w.rnd.IntN(uint64(n))) }

func (w *turmoil) address(net byte) netip.Addr {
	if w.n(5) == 0 {
		return netip.AddrFrom16([16]byte{0xfd, net, 15: byte(w.n(12))})
	}
	return netip.AddrFrom4([4]byte{10, net, byte(w.n(3)), byte(w.n(4))})
}

func (w *turmoil) ephemeral() uint16 {
	w.port++
	return w.port
}

// tell gives an event to the path manager and obeys it.
func (w *turmoil) tell(ev mptcp.PathEvent) {
	w.m.OnEvent(w.now, ev, &w.act)
	orders := w.act.TakeOrders()
	w.most = max(w.most, len(orders))
	for _, o := range orders {
		switch o.Kind {
		case mptcp.OrderAfter:
			w.timers = append(w.timers, o.Tag)
		case mptcp.OrderClose, mptcp.OrderReset:
			for i := range w.act.Subflows {
				if w.act.Subflows[i].Flow == o.Flow {
					w.end(i, trace.PathManagerRequest)
					break
				}
			}
		case mptcp.OrderOpen:
			if len(w.act.Subflows) < 16 {
				w.subflow(o.Local, o.Remote, true)
			}
		}
	}
}

func (w *turmoil) subflow(local netip.Addr, remote netip.AddrPort, active bool) {
	w.next = (w.next + 1) % 256
	w.act.Subflows = append(w.act.Subflows, mptcp.PathSubflow{
		Flow: w.next, Local: local, Remote: remote, Active: active, Usable: w.n(2) == 0, Joined: true,
		RemoteID: uint8(w.n(4)), RTO: sim.Duration(w.n(3)) * sim.Second, Rate: int64(w.n(3)) * 1e6,
	})
}

func (w *turmoil) end(i int, why trace.Reason) {
	f := w.act.Subflows[i]
	w.act.Subflows = append(w.act.Subflows[:i], w.act.Subflows[i+1:]...)
	w.tell(mptcp.PathEvent{
		Kind: mptcp.PathSubflowDown, Flow: f.Flow, Why: why, Local: f.Local, Remote: f.Remote, ID: f.RemoteID,
		HasCode: w.n(2) == 0, Code: uint8(w.n(8)), Transient: w.n(2) == 0,
	})
}

// step lets one thing happen.
func (w *turmoil) step() {
	w.now = w.now.Add(sim.Duration(w.n(3)) * 100 * sim.Millisecond)
	a := &w.act
	a.Moved += int64(w.n(100_000))
	a.Buffered = int64(w.n(200_000))
	if len(a.Subflows) > 0 && w.n(3) == 0 {
		whys := []trace.Reason{trace.Graceful, trace.TimedOut, trace.Unreachable, trace.ResetReceived, trace.AddressRemoved}
		w.end(w.n(len(a.Subflows)), whys[w.n(len(whys))])
	}
	what := w.n(11)
	if w.stable && what < 2 {
		what += 2
	}
	switch what {
	case 0:
		if x := w.address(1); len(a.Local) < 12 && !known(a, x) {
			a.Local = append(a.Local, mptcp.PathLocal{Addr: x, ID: uint8(w.n(256)), Flags: mptcp.AddrFlags(w.n(256))})
			w.tell(mptcp.PathEvent{Kind: mptcp.PathLocalUp, Local: x})
		}
	case 1:
		if i := w.n(len(a.Local) + 1); i < len(a.Local) {
			x := a.Local[i].Addr
			a.Local = append(a.Local[:i], a.Local[i+1:]...)
			w.tell(mptcp.PathEvent{Kind: mptcp.PathLocalDown, Local: x})
		}
	case 2, 3:
		r := mptcp.PathRemote{Addr: netip.AddrPortFrom(w.address(2), w.ephemeral()), ID: uint8(1 + w.n(255))}
		if len(a.Remote) < 9 {
			a.Remote = append(a.Remote, r)
			w.tell(mptcp.PathEvent{Kind: mptcp.PathAddrAdded, ID: r.ID, Remote: r.Addr, Again: w.n(4) == 0})
		}
	case 4, 5:
		if i := 1 + w.n(len(a.Remote)); i < len(a.Remote) {
			r := a.Remote[i]
			a.Remote = append(a.Remote[:i], a.Remote[i+1:]...)
			w.tell(mptcp.PathEvent{Kind: mptcp.PathAddrRemoved, ID: r.ID, Remote: r.Addr, Closed: w.n(2)})
		}
	case 6:
		if len(a.Local) > 0 && len(a.Subflows) < 16 {
			w.subflow(a.Local[w.n(len(a.Local))].Addr, netip.AddrPortFrom(w.address(2), w.ephemeral()), false)
			f := &a.Subflows[len(a.Subflows)-1]
			w.tell(mptcp.PathEvent{Kind: mptcp.PathSubflowUp, Flow: f.Flow, Local: f.Local, Remote: f.Remote})
		}
	case 7:
		if i := w.n(len(w.timers) + 1); i < len(w.timers) {
			tag := w.timers[i]
			w.timers = append(w.timers[:i], w.timers[i+1:]...)
			w.tell(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: tag})
		}
	case 8:
		w.tell(mptcp.PathEvent{Kind: mptcp.PathTimer, Tag: uint32(w.n(1 << 20))}) // of nobody
	case 9:
		kinds := []mptcp.PathEventKind{
			mptcp.PathMoved, mptcp.PathBuffered, mptcp.PathRTO, mptcp.PathPriority, mptcp.PathAddrEchoed, mptcp.PathAddrLost,
			mptcp.PathEndpointAdded, mptcp.PathEndpointRemoved, mptcp.PathEndpointChanged,
		}
		w.tell(mptcp.PathEvent{
			Kind: kinds[w.n(len(kinds))], Flow: cc.FlowID(w.n(256)), Local: w.address(1), Bytes: int64(w.n(1 << 30)),
			RTO: sim.Duration(w.n(200)) * sim.Second, ID: uint8(w.n(256)),
			Endpoint: mptcp.AddrConfig{Addr: w.address(1), ID: uint8(w.n(256)), Flags: mptcp.AddrFlags(w.n(256))},
			Changed:  mptcp.AddrFlags(w.n(256)),
		})
	case 10:
		a.JoinDenied, a.Limit, a.AddAddrAccepted = w.n(2) == 0, w.n(9), w.n(9)
	}
}

// Whatever happens path managers do not panic, order no more than there are pairs of
// addresses at a time, and what those that keep a list remember is bounded however long a connection
// lasts and whatever the peer announces.
func TestExtremes(t *testing.T) {
	everySetting(func(name string, settings []cc.Setting) {
		for seed := range uint64(4) {
			rnd := sim.NewRand(seed, 0, "turmoil")
			m, err := New(name, settings, sim.NewRand(seed, 0, "pm"))
			if err != nil {
				t.Fatal(err)
			}
			w := &turmoil{rnd: rnd, m: m, stable: seed >= 2}
			w.act.Client, w.act.Established, w.act.Limit, w.act.InitialWindow = seed%2 == 0, true, 8, 14_000
			w.act.Local = []mptcp.PathLocal{{Addr: netip.AddrFrom4([4]byte{10, 1, 0, 1})}}
			w.act.Remote = []mptcp.PathRemote{{Addr: netip.MustParseAddrPort("10.2.0.1:80")}}
			w.act.Subflows = []mptcp.PathSubflow{{Local: w.act.Local[0].Addr, Remote: w.act.Remote[0].Addr, Active: true, Usable: true}}
			w.tell(mptcp.PathEvent{Kind: mptcp.PathKeyed})
			w.tell(mptcp.PathEvent{Kind: mptcp.PathEstablished})
			for range 1500 {
				w.step()
			}
			if w.most > 8*maxPairs {
				t.Errorf("%s %v: %d orders at once", name, settings, w.most)
			}
			if x, ok := m.(interface{ remembers() int }); ok && x.remembers() > 2*maxPairs {
				t.Errorf("%s %v, seed %d: %d entries", name, settings, seed, x.remembers())
			}
		}
	})
}

func (m *fullMesh) remembers() int    { return len(m.pairs) + len(m.announcer.told) }
func (m *onDemand) remembers() int    { return len(m.tried.list) }
func (m *serverOpens) remembers() int { return len(m.tried.list) + len(m.announcer.told) }
func (m *subnet) remembers() int {
	return len(m.tried.list) + len(m.announcer.told) + len(m.again)
}
