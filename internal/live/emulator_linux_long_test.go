//go:build long

package live

import (
	"math/bits"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"mpsim/sim"
)

// A network of links between two kernels in real time: client - link i - server, each
// direction a queue of packets, a constant rate, a delay. The sending node holds each
// packet back for a uniform random time without reordering, as `jitter` of a scenario
// does. One thread waits in ppoll for packets and for their times.

// emulatedLink is one link, in both directions the same.
type emulatedLink struct {
	rate   int64 // bit/s
	delay  sim.Duration
	jitter sim.Duration
	queue  int     // packets, the one in service among them
	loss   float64 // probability, of packets to the client
}

// way is one direction of a link.
type way struct {
	link     *emulatedLink
	out      *tun
	lossy    bool
	released sim.Time   // the last packet left the sending node
	idle     sim.Time   // the link is idle from then on
	leaving  []sim.Time // when the packets in the queue have been sent
	flight   []arrival
	rnd      *sim.Rand
	bytes    atomic.Int64 // that were sent, headers among them
	drops    atomic.Int64
	lost     atomic.Int64
}

type arrival struct {
	at     sim.Time
	packet []byte
}

// accept takes a packet that the sending node has at now.
func (w *way) accept(now sim.Time, p []byte) {
	if j := w.link.jitter; j > 0 {
		now = now.Add(sim.Duration(w.rnd.IntN(uint64(j) + 1)))
	}
	now = max(now, w.released)
	w.released = now
	for len(w.leaving) > 0 && w.leaving[0] <= now {
		w.leaving = w.leaving[1:]
	}
	switch {
	case w.lossy && w.link.loss > 0 && w.rnd.Float64() < w.link.loss:
		w.lost.Add(1)
		return
	case len(w.leaving) >= w.link.queue:
		w.drops.Add(1)
		return
	}
	w.bytes.Add(int64(len(p)))
	hi, lo := bits.Mul64(uint64(len(p))*8, uint64(sim.Second))
	ns, _ := bits.Div64(hi, lo, uint64(w.link.rate))
	w.idle = max(w.idle, now).Add(sim.Duration(ns))
	w.leaving = append(w.leaving, w.idle)
	w.flight = append(w.flight, arrival{w.idle.Add(w.link.delay), slices.Clone(p)})
}

// emulator is the network. The devices of the client are those of the links.
type emulator struct {
	client []*tun
	server *tun
	up     []*way
	down   []*way
	ways   []*way
	late   []sim.Duration // of each packet that was delivered
	stop   atomic.Bool
	done   chan error
	tap    func(now sim.Time, p []byte) // sees what the kernels send; nil: nobody
}

// server packets choose their link by the third octet of the client's address: link i
// leads to 10.(i+1).0.0/16.
func (e *emulator) downlink(p []byte) *way {
	if len(p) < 20 || p[0]>>4 != 4 {
		return nil
	}
	if i := int(p[17]) - 1; i >= 0 && i < len(e.down) {
		return e.down[i]
	}
	return nil
}

// run moves packets until stop is set.
func (e *emulator) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 10}, 0) // as good as the machine allows
	fds := []unix.PollFd{{Fd: int32(e.server.fd), Events: unix.POLLIN}}
	for _, t := range e.client {
		fds = append(fds, unix.PollFd{Fd: int32(t.fd), Events: unix.POLLIN})
	}
	start := time.Now()
	buf := make([]byte, 1<<16)
	for !e.stop.Load() {
		now := sim.Time(time.Since(start))
		if err := e.deliver(now); err != nil {
			e.done <- err
			return
		}
		wait := 100 * sim.Millisecond
		for _, w := range e.ways {
			if len(w.flight) > 0 {
				wait = min(wait, w.flight[0].at.Sub(now))
			}
		}
		ts := unix.NsecToTimespec(int64(max(wait, 0)))
		if _, err := unix.Ppoll(fds, &ts, nil); err != nil && err != unix.EINTR {
			e.done <- err
			return
		}
		if err := e.take(sim.Time(time.Since(start)), buf); err != nil {
			e.done <- err
			return
		}
	}
	e.done <- nil
}

// deliver gives the kernels the packets that have arrived by now.
func (e *emulator) deliver(now sim.Time) error {
	for _, w := range e.ways {
		for len(w.flight) > 0 && w.flight[0].at <= now {
			e.late = append(e.late, now.Sub(w.flight[0].at))
			if err := w.out.write(w.flight[0].packet); err != nil {
				return err
			}
			w.flight = w.flight[1:]
		}
	}
	return nil
}

// take puts what the kernels send on the links.
func (e *emulator) take(now sim.Time, buf []byte) error {
	for {
		n, err := e.server.read(buf)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if e.tap != nil {
			e.tap(now, buf[:n])
		}
		if w := e.downlink(buf[:n]); w != nil {
			w.accept(now, buf[:n])
		}
	}
	for i, t := range e.client {
		for {
			n, err := t.read(buf)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			if e.tap != nil {
				e.tap(now, buf[:n])
			}
			if buf[0]>>4 == 4 {
				e.up[i].accept(now, buf[:n])
			}
		}
	}
	return nil
}

// lateness is what a share of the packets was late at most.
func (e *emulator) lateness(share float64) time.Duration {
	if len(e.late) == 0 {
		return 0
	}
	slices.Sort(e.late)
	return time.Duration(e.late[min(len(e.late)-1, int(share*float64(len(e.late))))])
}
