package mptcp

import (
	"testing"

	"mpsim/sim"
)

// A corked connection sends full segments at once, and holds a shorter one, even with
// nothing in flight and with Nagle's rule off, until it is uncorked, the stream ends,
// or 200 ms have passed since nothing is in flight (tcp(7), TCP_CORK; in Linux it is
// the timer of window probes, an RTO of SRTT + 200 ms; RFC 6298 has at least 1 s).
func TestCork(t *testing.T) {
	for _, v := range []struct {
		protocol Protocol
		profile  *Profile
	}{{TCP, Linux()}, {MPTCP, Linux()}, {MPTCP, LinuxOOT()}, {MPTCP, RFC()}} {
		protocol := v.protocol
		w := newWorld(t, 10*ms)
		w.profile = v.profile
		w.opt.Protocol, w.opt.NoDelay = protocol, true
		cli := w.connect()
		w.runTo(sim.Time(50 * ms))
		ep, srv := w.client.ep, w.server.apps[0]
		write := func(n int64) {
			ep.Write(w.now, cli.conn, n)
			w.flush(w.client)
		}
		write(1) // the first data of MPTCP opens the connection fully
		w.runTo(sim.Time(300 * ms))
		ep.SetOption(w.now, cli.conn, OptionCork, 1)

		at := w.now
		write(3000)
		w.runTo(at.Add(100 * ms))
		if n := srv.off - 1; n < 2*1400 || n >= 3000 {
			t.Errorf("%v: %d bytes of two segments and a rest", protocol, n)
		}
		rest := 3001 - srv.off
		rto := w.profile.TCP.MinRTO
		w.until(2*sim.Second, "the rest", func() bool { return srv.off == 3001 })
		if d := w.now.Sub(at); d < rto+20*ms || d > rto+100*ms {
			t.Errorf("%s %v: %d bytes came after %v, expected %v, a round trip and at most two more", w.profile.Name, protocol, rest, d, rto)
		}

		w.runTo(w.now.Add(sim.Second))
		at = w.now
		for range 3 {
			write(100)
		}
		w.runTo(at.Add(50 * ms))
		if srv.off != 3001 {
			t.Errorf("%v: corked data has left", protocol)
		}
		n := len(w.log)
		ep.SetOption(w.now, cli.conn, OptionCork, 0)
		w.flush(w.client)
		if len(w.log) != n+1 || w.log[n].seg.Len != 300 || w.log[n].at != w.now {
			t.Errorf("%v: %d segments when uncorked", protocol, len(w.log)-n)
		}

		w.runTo(w.now.Add(sim.Second))
		ep.SetOption(w.now, cli.conn, OptionCork, 1)
		write(50)
		ep.Close(w.now, cli.conn)
		w.flush(w.client)
		w.until(300*ms, "the end", func() bool { return srv.off == 3351 && srv.eof })
		if srv.bad != 0 {
			t.Errorf("%v: %d bytes are wrong", protocol, srv.bad)
		}
	}
}
