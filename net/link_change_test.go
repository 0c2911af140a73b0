package simnet_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Four packets of 1.2 ms and a delay of 2 ms; the link fails at 3 ms, when the
// first is under way (arrives at 3.2), the second too (4.4), the third has
// 6000 of its 12000 bits sent, and comes back at 10 ms. A fifth packet is
// offered during the outage, a sixth after it.
func TestOutage(t *testing.T) {
	for _, c := range []struct {
		name   string
		outage simnet.Outage
		want   []arrival
		lost   uint64
	}{
		{"lose all", simnet.Outage{}, []arrival{{23200 * us, 6}}, 5},
		{"keep flight", simnet.Outage{KeepInFlight: true},
			[]arrival{{3200 * us, 1}, {4400 * us, 2}, {23200 * us, 6}}, 3},
		{"keep queue", simnet.Outage{KeepQueue: true},
			[]arrival{{12600 * us, 3}, {13800 * us, 4}, {23200 * us, 6}}, 3},
		{"keep both", simnet.Outage{KeepQueue: true, KeepInFlight: true},
			[]arrival{{3200 * us, 1}, {4400 * us, 2}, {12600 * us, 3}, {13800 * us, 4}, {23200 * us, 6}}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothModes(t, func(t *testing.T, mode simnet.Mode) {
				p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Delay: 2 * sim.Millisecond})
				outage := c.outage
				outage.Silent = true
				p.at(0, func() {
					for range 4 {
						p.send(1500)
					}
				})
				p.at(3*ms, func() { p.ab.Down(outage) })
				p.at(5*ms, func() { p.send(1500) })
				p.at(10*ms, func() { p.ab.Up() })
				p.at(20*ms, func() { p.send(1500) })
				p.finish()
				if d := cmp.Diff(c.want, p.arrived); d != "" {
					t.Error(d)
				}
				st := p.ab.Stats()
				if st.DownDrops != c.lost || st.Accepted != 5 || st.PacketHops != 5 || st.Offered != 6 {
					t.Errorf("stats %+v, want %d lost", st, c.lost)
				}
				if st.SentBytes != uint64(1500*(len(c.want)))+missing(c.outage) {
					t.Errorf("%d octets sent", st.SentBytes)
				}
			})
		})
	}
}

// missing is what was sent and then lost under way.
func missing(o simnet.Outage) uint64 {
	if o.KeepInFlight {
		return 0
	}
	return 2 * 1500
}

// On a trace the packet in transit keeps its octets too: 500 of 1004 are sent
// at 5 ms, and the rest goes at the first opportunity after the outage.
func TestOutageOnTrace(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{
			Mode: mode, Opportunities: &simnet.Opportunities{Milliseconds: []uint32{5}},
		})
		p.at(0, func() { p.send(1000); p.send(1000); p.send(1000) })
		p.at(7*ms, func() { p.ab.Down(simnet.Outage{KeepQueue: true, Silent: true}) })
		p.at(20*ms, func() { p.ab.Up() })
		p.finish()
		want := []arrival{{5 * ms, 1}, {25 * ms, 2}, {30 * ms, 3}}
		if d := cmp.Diff(want, p.arrived); d != "" {
			t.Error(d)
		}
	})
}

// watcher records address changes.
type watcher struct{ seen []string }

func (w *watcher) AddrChanged(_ sim.Time, ifc *simnet.Interface, addr netip.Addr, up bool) {
	state := " down"
	if up {
		state = " up"
	}
	w.seen = append(w.seen, ifc.Name()+" "+addr.String()+state)
}

// A silent failure tells nobody; a cut is seen by the interface that transmits.
func TestOutageIsSeen(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{Rate: 10e6})
	wa, wb := new(watcher), new(watcher)
	p.a.SetAddrWatcher(wa)
	p.b.SetAddrWatcher(wb)
	p.at(1*ms, func() { p.ab.Down(simnet.Outage{Silent: true}) })
	p.at(2*ms, func() { p.ab.Up() })
	p.at(3*ms, func() { p.ab.Down(simnet.Outage{}) })
	p.at(4*ms, func() { p.ab.Up() })
	p.at(5*ms, func() { p.a.Interfaces()[0].AddAddr(netip.MustParsePrefix("10.0.0.7/24")) })
	p.at(6*ms, func() { p.a.Interfaces()[0].RemoveAddr(netip.MustParsePrefix("10.0.0.7/24")) })
	p.at(7*ms, func() { p.a.Interfaces()[0].SetUp(false) })
	p.finish()
	want := []string{"eth0 10.0.0.1 down", "eth0 10.0.0.1 up", "eth0 10.0.0.7 up", "eth0 10.0.0.7 down", "eth0 10.0.0.1 down"}
	if d := cmp.Diff(want, wa.seen); d != "" {
		t.Error(d)
	}
	if len(wb.seen) != 0 {
		t.Errorf("the other end saw %v", wb.seen)
	}
}

// A smaller limit leaves what is queued; a link that is stopped accepts up to
// its limit.
func TestSetQueue(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: simnet.NoService, Queue: simnet.Queue{Packets: 4}})
		p.at(0, func() {
			for range 5 {
				p.send(1500)
			}
		})
		p.at(1*ms, func() { p.ab.SetQueue(simnet.Queue{Bytes: 3000}); p.send(1500) })
		p.at(2*ms, func() { p.ab.SetRate(10e6) })
		// At 2+3*1.2 ms one packet is left, so that one of 1500 octets fits again.
		p.at(5600*us, func() { p.send(1501); p.send(1500) })
		p.finish()
		want := []arrival{{3200 * us, 1}, {4400 * us, 2}, {5600 * us, 3}, {6800 * us, 4}, {8 * ms, 8}}
		if d := cmp.Diff(want, p.arrived); d != "" {
			t.Error(d)
		}
	})
}

// Loss that is set later, or changed, judges packet i as it would have been
// judged with that probability from the start.
func TestSetLoss(t *testing.T) {
	lost := func(change func(p *pair, i int)) map[uint64]bool {
		p := newPair(t, simnet.LinkConfig{})
		out := map[uint64]bool{}
		p.run.Subscribe(trace.Set(trace.PacketDropped), recorder(func(r *trace.Record) {
			if r.Why != trace.RandomLoss || r.A != int64(p.ab.Index()) {
				t.Errorf("drop because of %v on link %d", r.Why, r.A)
			}
			out[uint64(r.B-1)] = true
		}))
		for i := range 2000 {
			p.at(sim.Time(i), func() { change(p, i); p.send(100) })
		}
		p.finish()
		return out
	}
	always := lost(func(p *pair, i int) {
		if i == 0 {
			p.ab.SetLoss(0.1)
		}
	})
	later := lost(func(p *pair, i int) {
		if i == 1000 {
			p.ab.SetLoss(0.1)
		}
	})
	luck := sim.New(1, 0).Stream("link/l/down/loss")
	for i := range uint64(2000) {
		if want := luck.FloatAt(i) < 0.1; always[i] != want || later[i] != (want && i >= 1000) {
			t.Fatalf("packet %d: always %v, later %v, want %v", i, always[i], later[i], want)
		}
	}
}

// recorder is a sink of records.
type recorder func(*trace.Record)

func (f recorder) Emit(r *trace.Record) { f(r) }
