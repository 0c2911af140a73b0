package mptcp

import (
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// tunedWorld is a download over two paths of 10 Mb/s whose buffers tune
// themselves.
func tunedWorld(t *testing.T, receive tcp.Memory) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 30*ms)
	w.opt.Scheduler = kernelScheduler
	w.opt.Controller = newController("cubic")
	w.opt.ReceiveMemory, w.opt.SendMemory = receive, tcp.LinuxSendMemory
	for i, p := range w.paths {
		for _, d := range p {
			d.rate, d.limit = 10*sim.MegabitPerSecond, 50*(i+1)
		}
	}
	w.start()
	srv = &app{toWrite: 1 << 40}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 17
	w.flush(w.client)
	return w, cli, srv
}

// windows returns the window fields that the client sent on the first path: of
// the SYN, and then those of its ACKs with their scale, in bytes, and when.
func (w *world) windows() (syn, synAck int, scale uint8, acks []record) {
	for _, r := range w.log {
		switch {
		case r.path != 0:
		case !r.up && r.seg.Flags.Has(wire.SYN):
			synAck = int(r.seg.Window)
		case r.up && r.seg.Flags.Has(wire.SYN):
			syn, scale = int(r.seg.Window), r.opt.WScale
		case r.up:
			acks = append(acks, r)
		}
	}
	return syn, synAck, scale, acks
}

// TestTunedWindows: the windows of a Linux 6.18 kernel as they were recorded
// (tcp_rmem 4096, 131072, 32 MiB): SYN 64240, SYN/ACK 65160, scale 10, then 63 units
// until the application has read for two round trips, which doubles them.
//
// row:B21
func TestTunedWindows(t *testing.T) {
	w, cli, srv := tunedWorld(t, tcp.LinuxReceiveMemory)
	w.runTo(sim.Time(200 * ms))
	syn, synAck, scale, acks := w.windows()
	if syn != 64240 || synAck != 65160 || scale != 10 {
		t.Errorf("SYN %d, SYN/ACK %d, scale %d", syn, synAck, scale)
	}
	last := 0
	for _, r := range acks {
		// The recording: 63 at 70 ms, 103 at 101 ms, 182 at 134 ms, 172 to 201 later.
		// When the next doubling comes differs: at 250 ms and at 700 ms in two more.
		n := int(r.seg.Window)
		switch {
		case r.at < sim.Time(60*ms) && n != 63:
			t.Errorf("%v: window %d units, want 63", r.at, n)
		case r.at > sim.Time(145*ms) && (n < 120 || n > 290):
			t.Errorf("%v: window %d units, the kernel had 172 to 201", r.at, n)
		}
		last = n
	}
	if last == 0 {
		t.Error("no ACK")
	}
	// The send buffer starts at 46080 bytes for each subflow, as SO_SNDBUF of 6.18 shows, and grows.
	if n := w.server.ep.socks.get(srv.conn).conn.subs[0].flow.tcp.SendBuffer(); n < 46080 {
		t.Errorf("send buffer %d", n)
	}
	w.runTo(sim.Time(2 * sim.Second))
	if r := w.rate(cli, 3*sim.Second); r < 18 || cli.bad != 0 {
		t.Errorf("%.2f Mb/s, %d bad bytes", r, cli.bad)
	}
}

// TestTunedLimits: 64 KiB of tcp_rmem give a SYN window of 32120 and, because
// net.core.rmem_max is 4 MiB, scale 7 (recorded); the window stays within the
// buffer and a small one holds the transfer back, which a fixed one of the size
// that tuning would have reached does not.
//
// row:B21
func TestTunedLimits(t *testing.T) {
	w, cli, _ := tunedWorld(t, tcp.Memory{Min: 4096, Initial: 65536, Max: 65536})
	w.runTo(sim.Time(sim.Second))
	syn, _, scale, acks := w.windows()
	if syn != 32120 || scale != 7 {
		t.Errorf("SYN %d, scale %d, want 32120 and 7", syn, scale)
	}
	for _, r := range acks {
		if n := int64(r.seg.Window) << scale; n > 65536*157/256+128 {
			t.Fatalf("%v: window %d", r.at, n)
		}
	}
	if r := w.rate(cli, 4*sim.Second); r > 12 {
		t.Errorf("%.2f Mb/s with a window of 40 kB over 80 ms", r)
	}
	w, cli, _ = outageWorld(t, Linux(), false) // 6 MiB, fixed
	w.runTo(sim.Time(sim.Second))
	if r := w.rate(cli, 3*sim.Second); r < 18 {
		t.Errorf("%.2f Mb/s with 6 MiB", r)
	}
}
