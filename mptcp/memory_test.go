package mptcp

import (
	"net/netip"
	"runtime"
	"testing"

	"mpsim/sim"
)

// crowd is two endpoints with many connections of several subflows each, over paths
// of one delay without loss and without a rate.
type crowd struct {
	now   sim.Time
	ends  [2]*Endpoint
	conns [2][]ConnID
	line  [2]delayLine // by sender
	read  uint64
}

// delayLine holds the segments on their way, in order, in room that it has from the
// beginning.
type delayLine struct {
	at      []sim.Time
	seg     []Segment
	head, n int
}

func newCrowd(t *testing.T, subflows int, buffer int64) *crowd {
	w := &crowd{}
	opt := SocketOptions{
		Protocol: MPTCP, Controller: newController("lia"), Scheduler: newScheduler,
		SendBuffer: buffer, ReceiveBuffer: buffer,
	}
	for i, name := range []string{"a", "b"} {
		w.ends[i] = New(Config{Stream: func(s string) *sim.Rand { return sim.NewRand(1, 0, name+s) }})
		w.line[i] = delayLine{at: make([]sim.Time, 1<<13), seg: make([]Segment, 1<<13)}
	}
	for i := range subflows {
		w.ends[0].HandleAddr(0, clientAddr(i), true, 0)
	}
	w.ends[1].HandleAddr(0, serverAddr, true, 0)
	if _, err := w.ends[1].Listen(0, netip.AddrPortFrom(netip.Addr{}, 80), &opt); err != nil {
		t.Fatal(err)
	}
	return w
}

// dial opens n more connections.
func (w *crowd) dial(t *testing.T, n int, buffer int64) {
	opt := SocketOptions{
		Protocol: MPTCP, Controller: newController("lia"), Scheduler: newScheduler, SendBuffer: buffer, ReceiveBuffer: buffer,
		PathManager: func(*sim.Rand) PathManager { return testPM{} },
	}
	for range n {
		c, err := w.ends[0].Dial(w.now, netip.AddrPort{}, netip.AddrPortFrom(serverAddr, 80), &opt)
		if err != nil {
			t.Fatal(err)
		}
		w.conns[0] = append(w.conns[0], c)
	}
	w.flush(0)
}

// flush moves what an endpoint sends onto its line, and reads what has arrived.
func (w *crowd) flush(i int) {
	e, l := w.ends[i], &w.line[i]
	var ev Event
	for {
		for {
			k := (l.head + l.n) & (len(l.seg) - 1)
			s := &l.seg[k]
			if !e.PollSegment(w.now, s) {
				break
			}
			if l.at[k] = w.now.Add(10 * ms); l.n == len(l.seg)-1 {
				panic("the line is full")
			}
			l.n++
		}
		if !e.PollEvent(&ev) {
			return
		}
		switch ev.Kind {
		case Acceptable:
			for c, ok := e.Accept(ev.Conn); ok; c, ok = e.Accept(ev.Conn) {
				w.conns[i] = append(w.conns[i], c)
			}
		case Readable:
			for _, n := e.Read(w.now, ev.Conn, 1<<30); n > 0; _, n = e.Read(w.now, ev.Conn, 1<<30) {
				w.read += uint64(n)
			}
		case Connected:
			e.Write(w.now, ev.Conn, 1000) // whose acknowledgement lets subflows join
		case Writable:
			e.Write(w.now, ev.Conn, 1<<40)
		}
	}
}

// run lets time pass.
func (w *crowd) run(until sim.Time) {
	for {
		at, from := sim.Never, -1
		for i := range w.line {
			if l := &w.line[i]; l.n > 0 && l.at[l.head] < at {
				at, from = l.at[l.head], i
			}
		}
		for i, e := range w.ends {
			if d := e.NextTimeout(); d < at {
				at, from = d, 2+i
			}
		}
		if at > until {
			w.now = until
			return
		}
		w.now = max(w.now, at)
		if from >= 2 {
			w.ends[from-2].HandleTimeout(w.now)
			w.flush(from - 2)
			continue
		}
		l := &w.line[from]
		s := &l.seg[l.head]
		s.Socket = 0
		w.ends[1-from].HandleSegment(w.now, s)
		l.head, l.n = (l.head+1)&(len(l.seg)-1), l.n-1
		w.flush(1 - from)
	}
}

// heapInUse returns the bytes that are in use.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryOfSubflows: an idle subflow end takes at most 12 KiB, one that carries data
// at most 24, with its share of the connection and the endpoint, without packets.
func TestMemoryOfSubflows(t *testing.T) {
	const conns, subflows, buffer = 16, 8, 256 << 10
	const ends = 2 * conns * subflows
	w := newCrowd(t, subflows, buffer)
	w.dial(t, 1, buffer) // what comes once
	w.run(w.now.Add(sim.Second))
	before := heapInUse()
	w.dial(t, conns, buffer)
	w.run(w.now.Add(sim.Second))
	idle := (heapInUse() - before) / ends
	for _, c := range w.conns[0] {
		if n := len(w.ends[0].Subflows(c, nil)); n != subflows {
			t.Fatalf("%d subflows", n)
		}
	}
	for _, c := range w.conns[0][1:] {
		w.ends[0].Write(w.now, c, 1<<40)
	}
	w.flush(0)
	w.run(w.now.Add(300 * ms))
	if least := uint64(10 * conns * buffer); w.read < least {
		t.Errorf("%d bytes were read, want %d", w.read, least)
	}
	busy := (heapInUse() - before) / ends
	t.Logf("%d bytes an idle subflow end, %d a busy one", idle, busy)
	if idle > 12<<10 || busy > 24<<10 {
		t.Errorf("%d bytes an idle subflow end, want at most 12 KiB; %d a busy one, want at most 24 KiB", idle, busy)
	}
	runtime.KeepAlive(w)
}
