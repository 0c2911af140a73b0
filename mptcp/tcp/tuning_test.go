package tcp

import (
	"testing"

	"mpsim/sim"
)

// TestReceiveTuning: the receive buffer follows tcp_rcvbuf_grow of Linux 6.18: of
// c bytes read in a round trip that beat the best so far, b, it makes
// 2c + 4c(c-b)/b bytes of window, up to its bound and never less than before.
func TestReceiveTuning(t *testing.T) {
	var r ReceiveTuning
	r.Init(0, LinuxReceiveMemory, 1460)
	if r.Window() != 65536 {
		t.Fatalf("first window %d", r.Window())
	}
	const rtt = 20 * sim.Millisecond
	now := sim.Time(0)
	trip := func(n, ahead int64) {
		now = now.Add(rtt)
		if r.Read(now, n) {
			r.Adjust(now, 0, ahead, rtt)
		}
	}
	trip(14_000, 0) // not more than ten segments
	if r.Window() != 65536 {
		t.Errorf("after ten segments %d", r.Window())
	}
	trip(29_200, 0) // c = 2b: 2c + 4c
	if r.Window() != 6*29_200 {
		t.Errorf("after doubling %d, want %d", r.Window(), 6*29_200)
	}
	trip(29_200, 0)
	trip(10_000, 0)
	if r.Window() != 6*29_200 {
		t.Errorf("shrank or grew to %d", r.Window())
	}
	trip(30_000, 200_000) // c = 1.027 b, and 200 kB behind gaps
	if want := int64(2*30_000 + 4*30_000*800/29_200 + 200_000); r.Window() != want {
		t.Errorf("with data behind gaps %d, want %d", r.Window(), want)
	}
	trip(1<<24, 0)
	if r.Window() != 16<<20 {
		t.Errorf("bound %d, want half of 32 MiB", r.Window())
	}
}

// TestOffer: __tcp_select_window: up to the unit, but down when less than half the
// buffer is free, and nothing below a sixteenth or a segment.
func TestOffer(t *testing.T) {
	const mss, full = 1460, 65536
	for _, v := range []struct {
		free, slope, want int64
		scale             uint8
	}{
		{65536, 64240, 64512, 10},
		{65536, 1 << 20, 65536, 10},
		{30_000, 1 << 20, 29 << 10, 10},
		{4095, 1 << 20, 0, 10},
		{4096, 1 << 20, 4096, 10},
		{-5, 1 << 20, 0, 10},
		{65536, 1 << 20, 65535, 0},
	} {
		if got := Offer(v.free, v.slope, full, mss, v.scale); got != v.want {
			t.Errorf("%+v: %d", v, got)
		}
	}
}

// TestMemorySizes: 46080 bytes for the first window (SO_SNDBUF on Linux 6.18.44), 157/256 of
// payload in a packet of 1500 bytes with 1420 of payload (2304 bytes of memory).
func TestMemorySizes(t *testing.T) {
	if n := 2 * 10 * segmentMemory(1460); n != 46080 {
		t.Errorf("first send buffer %d", n)
	}
	if r := memoryRatio(1420, 80); r != 157 {
		t.Errorf("ratio %d", r)
	}
	if Scale(LinuxReceiveMemory.ScaleBuffer()) != 10 || Scale(Memory{Max: 65536}.ScaleBuffer()) != 7 {
		t.Error("window scale")
	}
}

// TestSocketMemory: what sk_wmem_queued counts. Of 4 MiB written at once into a send buffer of
// 4 MiB a 6.18 kernel left 15 to 41 kB outside the initial subflow's queue when the second
// subflow came after three round trips: packet buffers of 64 KiB take 64 x 1280 bytes beside
// the payload, of which what was acknowledged meanwhile has gone.
func TestSocketMemory(t *testing.T) {
	c, _ := established(t, 1<<30)
	empty := c.SocketMemory()
	const n = 4 << 20
	c.Write(0, n)
	if got := c.SocketMemory() - n; empty != 0 || got != 64*1280 {
		t.Errorf("%d bytes before, %d beside the payload", empty, got)
	}
	if got := c.SendMemory(); got != n {
		t.Errorf("%d bytes of a buffer that is counted in payload", got)
	}
}
