package tcp

import (
	"testing"

	"mpsim/sim"
)

func TestTransferAndClose(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.write, n.a.close = 1_000_000, true
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 1_000_000 })
	if n.b.bad != 0 {
		t.Fatalf("%d bytes with a wrong offset", n.b.bad)
	}
	n.b.c.CloseWrite(n.now)
	n.flush(n.b)
	n.runUntil(func() bool { return n.b.c.State() == StateClosed })
	if n.a.c.State() != StateTimeWait {
		t.Fatalf("a is %v", n.a.c.State())
	}
	n.runUntil(func() bool { return n.a.c.Forgotten() })
}

func TestTransferWithLoss(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.out.rate = 10 * sim.MegabitPerSecond
	n.a.out.limit = 30
	n.a.write, n.a.close = 5_000_000, true
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 5_000_000 })
	if n.b.bad != 0 {
		t.Fatalf("%d bytes with a wrong offset", n.b.bad)
	}
	t.Logf("%v dropped %d %+v", n.now, n.a.out.dropped, *n.a.c.Stats())
}
