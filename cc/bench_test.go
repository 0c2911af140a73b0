package cc

import (
	"fmt"
	"testing"

	"mpsim/sim"
)

// ackLoop acknowledges on all subflows in turn, with a loss now and then.
type ackLoop struct {
	c     Controller
	acks  []Ack
	now   sim.Time
	count int
	// losses is how many acknowledgements come between two losses.
	losses int
}

func newAckLoop(t testing.TB, s variant, flows int) *ackLoop {
	l := &ackLoop{c: s.make(t), losses: 5000}
	for f := range flows {
		rtt := sim.Duration(20+10*f) * sim.Millisecond
		setFlow(t, l.c, FlowID(f), 50, 50, rtt)
		l.acks = append(l.acks, ackOf(2*mss, 50*mss, rtt))
	}
	return l
}

func (l *ackLoop) step() {
	f := FlowID(l.count % len(l.acks))
	l.count++
	l.now = l.now.Add(100 * sim.Microsecond)
	a := &l.acks[f]
	a.Una, a.Nxt = uint64(l.count), uint64(l.count+50)
	l.c.OnSent(l.now, f, 2*mss)
	l.c.OnAck(l.now, f, a)
	if l.count%l.losses == 0 {
		l.c.OnLoss(l.now, f, Loss{InFlight: 50 * mss, Una: a.Una, Nxt: a.Nxt})
	}
}

func BenchmarkOnAck(b *testing.B) {
	for _, s := range variants() {
		for _, flows := range []int{1, 2, 8, 32} {
			b.Run(fmt.Sprintf("%s/flows=%d", s, flows), func(b *testing.B) {
				l := newAckLoop(b, s, flows)
				b.ReportAllocs()
				for range b.N {
					l.step()
				}
			})
		}
	}
}

// Nothing is allocated per acknowledgement, over 2 subflows and over 32: by any row of
// the table, with any parameter at either end of its range, over any inner controller.
func TestNoAllocation(t *testing.T) {
	try := func(name string, settings []Setting) {
		for _, flows := range []int{2, 32} {
			l := newAckLoop(t, variant{name, settings}, flows)
			for range 100 * flows { // rings and filters fill up
				l.step()
			}
			l.losses = 100
			if n := testing.AllocsPerRun(2000, l.step); n != 0 {
				t.Errorf("%s %v over %d subflows: %v allocations per acknowledgement", name, settings, flows, n)
			}
		}
	}
	everySetting(try)
	for _, s := range Specs() {
		if i := indexOf(s.Params, "inner"); i >= 0 {
			for v := range s.Params[i].Names {
				try(s.Name, []Setting{{"inner", float64(v)}})
			}
		}
	}
}
