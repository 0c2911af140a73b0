package cc

import (
	"testing"

	"mpsim/sim"
)

// The table of ALGORITHMS A10, in segments: what a window of 40 becomes by a loss, the
// threshold by a timeout (the window is then one segment), and after 20 s of silence
// with an RTO of 300 ms and an initial window of 10. Beside it stands a second subflow
// with twice the window over the same round-trip time, so that BALIA's alpha is 3.
func TestBehaviourTable(t *testing.T) {
	for _, v := range []struct {
		name              string
		mode              float64 // where there are modes
		loss, rto, marked int64
	}{
		{"reno", 0, 20, 20, 20},
		{"cubic", 0, 28, 28, 28},
		{"cubic", 1, 28, 28, 28},
		{"dctcp", 0, 20, 20, 20}, // alpha 1 before the first window
		{"dctcp", 1, 20, 20, 20},
		{"vegas", 0, 20, 20, 20},
		{"lia", 0, 20, 20, 20},
		{"lia", 1, 20, 20, 20},
		{"olia", 0, 20, 20, 20},
		{"olia", 1, 20, 20, 20},
		{"balia", 0, 10, 10, 10}, // alpha 3: 3/4 of it go
		{"balia", 1, 10, 10, 10},
		{"wvegas", 0, 20, 20, 20},
		{"wvegas", 1, 20, 20, 20},
		{"xmp", 0, 20, 20, 30},
		{"ewtcp", 0, 20, 20, 20},
		{"semicoupled", 0, 20, 20, 20},
		{"epsilon", 0, 20, 20, 20},
	} {
		var set []Setting
		if indexOf(find(v.name).Params, "mode") >= 0 {
			set = []Setting{{"mode", v.mode}}
		}
		fresh := func() Controller {
			c := must(t, v.name, set...)
			for f, w := range []int64{40, 120} {
				setFlow(t, c, FlowID(f), 10, 20, 100*ms)
				flowOf(t, c, FlowID(f)).W = w * mss
			}
			if k, ok := c.(*baliaKernel); ok {
				k.recalculate(0)
			}
			return c
		}
		l := Loss{InFlight: 40 * mss, Nxt: 40}
		c := fresh()
		c.OnLoss(0, 0, l)
		check(t, c, v.name+" loss", v.loss*mss, v.loss*mss)
		c = fresh()
		c.OnTimeout(0, 0, l)
		check(t, c, v.name+" timeout", mss, v.rto*mss)
		c = fresh()
		c.Reduce(0, 0, ECNEcho)
		check(t, c, v.name+" mark", v.marked*mss, v.marked*mss)
		c = fresh()
		c.OnIdleRestart(0, 0, 20*sim.Second, 300*ms)
		check(t, c, v.name+" idle", 10*mss, 30*mss)
		if c.Window(1) != 120*mss {
			t.Errorf("%s: the silence of one subflow changed another's window to %d", v.name, c.Window(1))
		}
	}
}
