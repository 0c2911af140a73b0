package cc

import (
	"mpsim/sim"

	"pgregory.net/rapid"
)

// walk is a random sequence of what may happen to a connection.
type walk struct {
	now   sim.Time
	flows []walkFlow
}

type walkFlow struct {
	mss      int64
	iw       int64
	rtt      sim.Duration
	una, nxt uint64
}

type event struct {
	what int
	flow FlowID
	gap  sim.Duration
	ack  Ack
	loss Loss
	idle sim.Duration
	why  Reason
}

func newWalk(t *rapid.T, n int) *walk {
	w := &walk{}
	for range n {
		w.flows = append(w.flows, walkFlow{
			mss: mss, iw: rapid.Int64Range(1, 40).Draw(t, "iw") * mss,
			rtt: sim.Duration(rapid.Int64Range(1, 400).Draw(t, "rtt")) * sim.Millisecond,
		})
	}
	return w
}

func (w *walk) join(cs ...Controller) {
	for _, c := range cs {
		for f, x := range w.flows {
			c.Join(w.now, FlowID(f), Path{MSS: x.mss, InitWindow: x.iw, RTT: x.rtt})
		}
	}
}

// draw chooses the next event; most are acknowledgements.
func (w *walk) draw(t *rapid.T) event {
	e := event{
		what: rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "what"),
		flow: FlowID(rapid.IntRange(0, len(w.flows)-1).Draw(t, "flow")),
		gap:  sim.Duration(rapid.Int64Range(0, 50).Draw(t, "gap")) * sim.Millisecond,
	}
	x := &w.flows[e.flow]
	x.nxt += uint64(rapid.IntRange(0, 100_000).Draw(t, "sent"))
	acked := rapid.Int64Range(0, min(int64(x.nxt-x.una), 64_000)).Draw(t, "acked")
	switch e.what {
	case 0:
		x.rtt += sim.Duration(rapid.Int64Range(-500, 600).Draw(t, "drift")) * sim.Microsecond
		x.rtt = max(x.rtt, sim.Microsecond)
		x.una += uint64(acked)
		e.ack = Ack{
			Acked: acked, Delivered: acked, RTT: x.rtt, SRTT: x.rtt, Una: x.una, Nxt: x.nxt,
			InFlight:    int64(x.nxt - x.una),
			State:       rapid.SampledFrom([]State{Open, Open, Open, Disorder, CWR, Recovery, LossState}).Draw(t, "state"),
			CwndLimited: rapid.IntRange(0, 4).Draw(t, "limited") > 0,
		}
	case 1, 2:
		x.una += uint64(acked)
		e.loss = Loss{InFlight: int64(x.nxt - x.una), Una: x.una, Nxt: x.nxt}
	case 3:
		e.idle = sim.Duration(rapid.Int64Range(0, 5000).Draw(t, "idle")) * sim.Millisecond
	case 4:
		e.why = Reason(rapid.IntRange(0, int(UnusedWindow)).Draw(t, "why"))
	}
	return e
}

func (w *walk) apply(c Controller, e event) {
	now := w.now.Add(e.gap)
	defer func() { w.now = now }()
	switch e.what {
	case 0:
		c.OnSent(now, e.flow, mss)
		c.OnAck(now, e.flow, &e.ack)
	case 1:
		c.OnLoss(now, e.flow, e.loss)
	case 2:
		c.OnTimeout(now, e.flow, e.loss)
	case 3:
		c.OnIdleRestart(now, e.flow, e.idle, 300*sim.Millisecond)
	case 4:
		c.Reduce(now, e.flow, e.why)
	case 5:
		c.Undo(now, e.flow)
	case 6:
		c.Leave(now, e.flow) // what is on its way still comes
	case 7:
		x := w.flows[e.flow]
		c.Join(now, e.flow, Path{MSS: x.mss, InitWindow: x.iw, RTT: x.rtt * sim.Duration(e.flow%2)})
	}
}
