package mptcp

import (
	"fmt"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"

	"github.com/google/go-cmp/cmp"
)

// sketch describes a packet by what must be the same in a capture of a real
// kernel and in ours: direction and path, flags but PSH, payload, and the MPTCP
// options with numbers relative to the connection.
func sketch(up bool, path int, s *wire.Segment, o *wire.Options, client, server *side) string {
	from, to := server, client
	dir := "<"
	if up {
		from, to, dir = client, server, ">"
	}
	out := fmt.Sprintf("%d%s %v len %d options %d:", path, dir, s.Flags&^wire.PSH, s.Len, s.OptionsLen(o))
	if o.Has(wire.OptCapable) {
		out += fmt.Sprintf(" capable v%d flags %#x keys %d data %d", o.Capable.Version, o.Capable.Flags, o.Capable.Keys, o.Capable.DataLen)
	}
	if o.Has(wire.OptJoin) {
		out += fmt.Sprintf(" join %d backup %v", o.Join.Form, o.Join.Backup)
	}
	if s.Opt.Has(wire.HasDataAck) {
		out += fmt.Sprintf(" ack%v %d", s.Opt.Has(wire.DataAck8), to.relative(s.DataAck, s.Opt.Has(wire.DataAck8), 1))
	}
	if s.Opt.Has(wire.HasMap) {
		out += fmt.Sprintf(" map%v %d ssn %d len %d", s.Opt.Has(wire.DSN8), from.relative(s.DSN, s.Opt.Has(wire.DSN8), 1), s.SSN, s.MapLen)
	}
	if s.Opt.Has(wire.DataFIN) {
		out += " fin"
	}
	if o.Has(wire.OptRst) {
		out += fmt.Sprintf(" rst %d", o.Rst.Reason)
	}
	return out
}

// collapse removes repetitions: the kernel's worker sends some signals two or
// three times within milliseconds.
func collapse(in []string) (out []string) {
	for _, s := range in {
		if len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return out
}

// bySide splits the packets by who sent them: their interleaving depends on the
// processing times of the kernels.
func bySide(in []string) (up, down []string) {
	for _, s := range in {
		if s[1] == '>' {
			up = append(up, s)
		} else {
			down = append(down, s)
		}
	}
	return up, down
}

// TestKernelCapture replays the situation of a capture between two 6.18 kernels
// (10 kB download over 10 Mb/s, 20 ms, with a join that comes too late) and
// compares every packet of either side: flags, payload, option octets and the
// MPTCP options.
//
// row:A1 row:B8
func TestKernelCapture(t *testing.T) {
	const name = "../net/wire/testdata/pcaps/01-handshake-join-10KB-close.pcap"
	var want []string
	var client, server side
	all := readCapture(t, name)
	for i := range all {
		if c := &all[i].opt; c.Has(wire.OptCapable) && c.Capable.Keys == 2 && !client.known {
			client, server = newSide(Key(c.Capable.SenderKey)), newSide(Key(c.Capable.ReceiverKey))
		}
	}
	for i := range all {
		c := &all[i]
		up := c.tuple.Dst.Port() == 5001
		a := c.tuple.Dst.Addr()
		if up {
			a = c.tuple.Src.Addr()
		}
		want = append(want, sketch(up, int(a.As4()[2])-1, &c.seg, &c.opt, &client, &server))
	}

	w := newWorld(t, 10*ms, 30*ms)
	w.opt.Controller = newController("cubic")
	w.paths[0][1].rate, w.paths[0][0].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 })
	w.at(w.now+70_000, func() { cli.toWrite = 17 })
	w.until(sim.Second, "request", func() bool { return srv.off == 17 })
	w.at(w.now+400_000, func() { srv.toWrite = 10_000 })
	w.at(w.now+1_100_000, func() { srv.close = true })
	w.until(sim.Second, "answer", func() bool { return cli.eof })
	w.at(w.now+100_000, func() { w.client.ep.Close(w.now, cli.conn) })
	k1 := w.client.ep.socks.get(cli.conn).conn
	w.runTo(sim.Time(2 * sim.Second))
	var got []string
	for i := range w.log {
		r := &w.log[i]
		got = append(got, sketch(r.up, r.path, &r.seg, r.options(), &k1.local, &k1.remote))
	}
	wantUp, wantDown := bySide(collapse(want))
	gotUp, gotDown := bySide(collapse(got))
	if d := cmp.Diff(collapse(wantUp), collapse(gotUp)); d != "" {
		t.Errorf("client (-kernel +ours):\n%s", d)
	}
	if d := cmp.Diff(collapse(wantDown), collapse(gotDown)); d != "" {
		t.Errorf("server (-kernel +ours):\n%s", d)
	}
}
