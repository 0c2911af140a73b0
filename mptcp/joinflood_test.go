package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestJoinFlood: a peer that knows the token begins 1000 joins and completes none.
// No more are kept half open than the profile says, the rest is dropped without an
// answer (Linux tcp_conn_request, full queue of requests). When they have timed out
// a proper join is accepted, gets the place of one of them, and carries data.
func TestJoinFlood(t *testing.T) {
	for _, p := range Profiles() {
		if p.Versions != Version1 {
			continue
		}
		r := rawEstablished(t, p, 100)
		token, _ := r.peer.Derive()
		answers, resets := 0, 0
		for i := range 1000 {
			j := *r
			j.tuple.Src = netip.AddrPortFrom(rawAddr2.Addr(), uint16(1024+i))
			for _, s := range j.send(wire.SYN, 0, 0, joinSYN(token)) {
				if s.Flags.Has(wire.RST) {
					resets++
				} else {
					answers++
				}
			}
		}
		c := r.ep.open(r.conn).conn
		most := min(p.JoinBacklog, p.SubflowLimit)
		if p.RefuseAtACK {
			most = p.JoinBacklog
		}
		if answers != most || len(c.subs) != most+1 {
			t.Errorf("%s: %d SYN/ACKs, %d resets, %d subflows; want %d half open", p.Name, answers, resets, len(c.subs), most)
		}
		if p.JoinBacklog <= p.SubflowLimit || p.RefuseAtACK {
			dropped := uint32(1000 - most)
			if got := c.sock.counts[tcpReqQFullDrop]; got != dropped && resets == 0 {
				t.Errorf("%s: TCPReqQFullDrop %d, want %d", p.Name, got, dropped)
			}
		}
		r.pass(300 * sim.Second)
		j := r.join(t)
		j.send(wire.ACK, 1, 100, j.dss(1, 101, 100, 1))
		if len(c.subs) != most+1 || r.info().Received != 200 {
			t.Errorf("%s: %d subflows after a proper join, %d bytes received", p.Name, len(c.subs), r.info().Received)
		}
	}
}

// TestJoinsForgotten: joins that the peer begins and resets leave nothing behind,
// however many there are, and a subflow that lives keeps its number.
func TestJoinsForgotten(t *testing.T) {
	for _, p := range []*Profile{RFC(), Linux()} {
		r := rawEstablished(t, p, 100)
		token, _ := r.peer.Derive()
		var j *rawPeer
		for i := range 500 {
			k := *r
			k.tuple.Src = netip.AddrPortFrom(rawAddr3.Addr(), uint16(1000+i))
			out := k.send(wire.SYN, 0, 0, joinSYN(token))
			if i == 100 {
				j = r.join(t)
			}
			k.ack = out[0].Seq + 1
			k.send(wire.RST, 1, 0, nil)
		}
		c := r.ep.open(r.conn).conn
		if len(c.subs) > 3 || c.live() != 2 || len(r.ep.flows.names.byTuple) != 2 {
			t.Errorf("%s: %d subflows kept, %d live, %d flows", p.Name, len(c.subs), c.live(), len(r.ep.flows.names.byTuple))
		}
		for i, f := range c.subs {
			if int(f.id) != i {
				t.Errorf("%s: subflow %d is at place %d", p.Name, f.id, i)
			}
		}
		for i := 1; i < len(c.alive); i++ {
			if c.alive[i-1].id >= c.alive[i].id {
				t.Errorf("%s: living subflows are not in the order of their numbers", p.Name)
			}
		}
		j.send(wire.ACK, 1, 100, j.dss(1, 101, 100, 1))
		if r.info().Received != 200 {
			t.Errorf("%s: %d bytes received", p.Name, r.info().Received)
		}
		r.ep.Abort(r.now, r.conn)
		r.poll()
		r.pass(1000 * sim.Second) // MP_FASTCLOSE on an ACK is repeated
		if n := len(r.ep.flows.names.byTuple); n != 0 || c.timer != noTimer {
			t.Errorf("%s: the connection does not end: %d flows", p.Name, n)
		}
	}
}
