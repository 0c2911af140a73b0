package pm_test

import (
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

func (w *joinNet) with(pm string, settings ...cc.Setting) *joinNet {
	w.pm, w.settings = pm, settings
	return w
}

// live returns how many subflows of an end exist.
func (w *joinNet) live(end int) (n int) {
	for _, f := range w.ep[end].Subflows(w.conn[end], nil) {
		if !f.Ended {
			n++
		}
	}
	return n
}

// intact checks that all that was written has arrived in order.
func (w *joinNet) intact(name string) {
	w.t.Helper()
	for end := range w.ep {
		if i := w.ep[end].Info(w.conn[end]); w.bad || uint64(w.got[1-end]) != i.Written {
			w.t.Errorf("%s: end %d: %d of %d bytes arrived, out of place %v", name, end, w.got[1-end], i.Written, w.bad)
		}
	}
}

// TestNdiffportsCount: so many subflows between the initial addresses, all from
// ports of their own.
//
// row:E2
func TestNdiffportsCount(t *testing.T) {
	for _, n := range []int{1, 2, 4, 8} {
		w := newJoinNet(t, nil).with("ndiffports", cc.Setting{Name: "num_subflows", Value: float64(n)})
		w.connect()
		w.talk(200 * sim.Millisecond)
		ports := map[uint16]bool{}
		for _, f := range w.ep[client].Subflows(w.conn[client], nil) {
			if f.Tuple.Src.Addr() != far(client, 1) || f.Tuple.Dst != w.ep[client].Subflows(w.conn[client], nil)[0].Tuple.Dst {
				t.Errorf("subflow %v", f.Tuple)
			}
			ports[f.Tuple.Src.Port()] = true
		}
		if len(ports) != n || w.live(server) != n {
			t.Errorf("%d client ports and %d subflows at the server, want %d", len(ports), w.live(server), n)
		}
		w.run(sim.Second)
		w.intact("ndiffports")
	}
}

// TestServerInitiated: the server opens towards all of the client's addresses; a
// client whose stack accepts joins only where it listens refuses (Linux 6.18).
func TestServerInitiated(t *testing.T) {
	for _, v := range []struct{ needsListener bool }{{false}, {true}} {
		w := newJoinNet(t, func(p [2]*mptcp.Profile) {
			for _, q := range p {
				q.JoinNeedsListener = v.needsListener
				q.SubflowLimit = 32
			}
		}).with("server")
		w.connect()
		w.talk(2 * sim.Second)
		synRx, want := w.counter(client, "MPJoinSynRx"), 16 // four by four
		if v.needsListener {
			want = 1
		}
		if w.counter(server, "MPJoinSynRx") != 0 || w.live(client) != want {
			t.Errorf("listener needed %v: %d SYNs with MP_JOIN at the client, %d at the server, %d subflows, want %d",
				v.needsListener, synRx, w.counter(server, "MPJoinSynRx"), w.live(client), want)
		}
		w.run(sim.Second)
		w.intact("server")
	}
}

// TestOnDemandFlowSizes: a flow shorter than the threshold costs no join, a longer
// one does (RFC 8684 section 3.9.2).
//
// row:E7
func TestOnDemandFlowSizes(t *testing.T) {
	for _, v := range []struct {
		bytes int64
		joins int
	}{{50_000, 0}, {99_000, 0}, {500_000, 3}} {
		w := newJoinNet(t, nil).with("ondemand")
		w.connect()
		w.run(10 * sim.Millisecond)
		w.ep[client].Write(w.now, w.conn[client], v.bytes)
		w.flush(client)
		w.run(sim.Second)
		if n := w.counter(client, "MPJoinSynTx"); n != v.joins {
			t.Errorf("%d bytes: %d joins tried, want %d", v.bytes, n, v.joins)
		}
		if w.got[server] != v.bytes || w.bad {
			t.Errorf("%d of %d bytes", w.got[server], v.bytes)
		}
	}
}

// TestOverheadOfShortFlows: what further subflows cost a flow, by its size (RFC 8684
// section 3.9.2). Each of the three joins of a full mesh is four packets: SYN, SYN/ACK, ACK,
// and the ACK that makes MP_JOIN reliable (section 3.2). With Linux's options over IPv4
// these have 40 octets of headers and 32 (MSS, SACK permitted, timestamps, window scale
// and 12 of MP_JOIN), 36 (16 of MP_JOIN), 36 (timestamps and 24 of MP_JOIN) and 24
// (timestamps and a DSS with a DATA_ACK of 8 octets): 288 octets, whatever the size, so 86 %
// of 1 kB and 1.7 % of 50 kB. On demand a flow below the threshold pays nothing; one beyond
// it makes the same joins.
//
// row:E7
func TestOverheadOfShortFlows(t *testing.T) {
	const packetsPerJoin, octetsPerJoin = 4, 72 + 76 + 76 + 64
	for _, v := range []struct {
		manager string
		bytes   int64
		joins   int
		short   bool
	}{
		{"fullmesh", 1000, 3, true}, {"fullmesh", 10_000, 3, true}, {"fullmesh", 50_000, 3, true}, {"fullmesh", 500_000, 3, false},
		{"ondemand", 1000, 0, true}, {"ondemand", 10_000, 0, true}, {"ondemand", 50_000, 0, true}, {"ondemand", 500_000, 3, false},
	} {
		w := newJoinNet(t, nil).with(v.manager)
		packets, octets := 0, 0
		w.filter = func(_ int, s *mptcp.Segment) fate {
			if s.Tuple.Src.Addr() != far(client, 1) && s.Tuple.Dst.Addr() != far(client, 1) {
				packets++
				octets += wire.WireLen(s.Tuple, &s.Segment, s.Opt)
			}
			return pass
		}
		w.connect()
		w.ep[client].Write(w.now, w.conn[client], v.bytes)
		w.flush(client)
		w.run(sim.Second)
		w.intact(v.manager)
		if n := w.counter(client, "MPJoinSynTx"); n != v.joins {
			t.Errorf("%s, %d bytes: %d joins, want %d", v.manager, v.bytes, n, v.joins)
		}
		if v.short && (packets != packetsPerJoin*v.joins || octets != octetsPerJoin*v.joins) {
			t.Errorf("%s, %d bytes: %d packets of %d octets for further subflows, want %d of %d",
				v.manager, v.bytes, packets, octets, packetsPerJoin*v.joins, octetsPerJoin*v.joins)
		}
	}
}

// TestOnDemandBufferedWindows: with windows = 1 there are as many subflows as
// initial windows (10 x MSS = 10 x 1448 less the DSS option) are buffered.
//
// row:E7
func TestOnDemandBufferedWindows(t *testing.T) {
	for _, v := range []struct{ windows, joins int }{{1, 0}, {2, 1}, {3, 2}, {9, 3}} {
		w := newJoinNet(t, nil).with("ondemand", cc.Setting{Name: "bytes"}, cc.Setting{Name: "windows", Value: 1})
		w.connect()
		w.run(10 * sim.Millisecond)
		w.ep[client].Write(w.now, w.conn[client], 100) // makes the connection fully established
		w.flush(client)
		w.run(10 * sim.Millisecond)
		// All but the window itself is buffered when the event comes.
		w.ep[client].Write(w.now, w.conn[client], int64(v.windows)*14480+1000)
		w.flush(client)
		w.run(sim.Second)
		if n := w.counter(client, "MPJoinSynTx"); n != v.joins {
			t.Errorf("%d windows buffered: %d joins tried, want %d", v.windows, n, v.joins)
		}
	}
}

// TestSinglePathBreaks: one subflow at any time; when its address goes, another
// one takes over, and no byte is lost; with no address left the connection lives
// and goes on when one comes.
//
// row:E10
func TestSinglePathBreaks(t *testing.T) {
	w := newJoinNet(t, nil).with("singlepath")
	w.connect()
	most := 0
	step := func(d sim.Duration) {
		for until := w.now.Add(d); w.now < until; {
			w.talk(10 * sim.Millisecond)
			most = max(most, w.live(client))
		}
	}
	step(300 * sim.Millisecond)
	change := func(i int, up bool) {
		w.ep[client].HandleAddr(w.now, far(client, i), up, 0)
		w.flush(client)
	}
	change(1, false)
	step(300 * sim.Millisecond)
	if w.bytes[far(client, 2)] == 0 || w.bytes[far(client, 3)] != 0 {
		t.Errorf("the paths carried %v", w.bytes)
	}
	change(1, true) // back to the first
	step(300 * sim.Millisecond)
	first := w.bytes[far(client, 1)]
	step(300 * sim.Millisecond)
	if w.bytes[far(client, 1)] == first {
		t.Error("the first path is not used again")
	}
	for i := 1; i <= 4; i++ {
		change(i, false)
	}
	w.run(30 * sim.Second) // less than the close timeout
	if n := w.live(client); n != 0 {
		t.Errorf("%d subflows without an address", n)
	}
	change(3, true)
	step(300 * sim.Millisecond)
	w.run(2 * sim.Second)
	if most > 1 || w.bytes[far(client, 3)] == 0 {
		t.Errorf("%d subflows at a time; the paths carried %v", most, w.bytes)
	}
	w.intact("singlepath")
}

// TestSubnetLinks: figure 3 of RFC 8041, with two of four links: only the pairs of
// one subnet are linked, while a full mesh links all.
func TestSubnetLinks(t *testing.T) {
	for _, v := range []struct {
		pm   string
		want int
	}{{"subnet", 4}, {"fullmesh", 16}} {
		w := newJoinNet(t, func(p [2]*mptcp.Profile) { p[0].SubflowLimit, p[1].SubflowLimit = 32, 32 }).with(v.pm)
		if v.pm == "fullmesh" {
			w.with("fullmesh", cc.Setting{Name: "announce", Value: 1})
		}
		w.connect()
		w.talk(3 * sim.Second)
		if n := w.live(client); n != v.want {
			t.Errorf("%s: %d subflows, want %d", v.pm, n, v.want)
		}
		for _, f := range w.ep[client].Subflows(w.conn[client], nil) {
			a, b := f.Tuple.Src.Addr().As4(), f.Tuple.Dst.Addr().As4()
			if v.pm == "subnet" && a[2] != b[2] {
				t.Errorf("subnet links %v", f.Tuple)
			}
		}
	}
}
