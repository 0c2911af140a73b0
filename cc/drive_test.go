package cc

import (
	"fmt"
	"slices"
	"testing"

	"mpsim/sim"
)

const mss = 1000

// must makes a controller by name with settings given as name, value pairs.
func must(t testing.TB, name string, settings ...Setting) Controller {
	t.Helper()
	c, err := New(name, settings, sim.NewRand(1, 0, "test"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// joined makes a controller with one subflow of the given window and threshold
// in segments, reached by the means that a connection has: an initial window
// and a reduction. Threshold 0 leaves it infinite.
func joined(t testing.TB, name string, window, thresh int64, settings ...Setting) Controller {
	t.Helper()
	c := must(t, name, settings...)
	setFlow(t, c, 0, window, thresh, 100*sim.Millisecond)
	return c
}

// setFlow joins subflow f with window and threshold in segments.
func setFlow(t testing.TB, c Controller, f FlowID, window, thresh int64, rtt sim.Duration) {
	t.Helper()
	c.Join(0, f, Path{MSS: mss, InitWindow: window * mss, RTT: rtt})
	if thresh == 0 {
		return
	}
	if w := flowOf(t, c, f); w != nil {
		w.Thresh = thresh * mss
	}
}

// flowOf reaches the shared window state below a controller.
func flowOf(t testing.TB, c Controller, f FlowID) *Flow {
	t.Helper()
	x, ok := c.(interface{ flowAt(FlowID) *Flow })
	if !ok {
		t.Fatalf("no flow in %T", c)
	}
	return x.flowAt(f)
}

func (w *wrapped) flowAt(f FlowID) *Flow {
	return w.Controller.(interface{ flowAt(FlowID) *Flow }).flowAt(f)
}

func (f *Flow) itself() *Flow { return f }

func (e *each[S, P]) flowAt(f FlowID) *Flow {
	return any(e.at(f)).(interface{ itself() *Flow }).itself()
}

// variant is a row of the table with one of its modes.
type variant struct {
	name string
	set  []Setting
}

func (v variant) String() string {
	for _, s := range v.set {
		return fmt.Sprintf("%s with %s=%g", v.name, s.Name, s.Value)
	}
	return v.name
}

func (v variant) make(t testing.TB, more ...Setting) Controller {
	t.Helper()
	return must(t, v.name, slices.Concat(v.set, more)...)
}

// joined is like the function of that name.
func (v variant) joined(t testing.TB, window, thresh int64, more ...Setting) Controller {
	t.Helper()
	return joined(t, v.name, window, thresh, slices.Concat(v.set, more)...)
}

// variants returns every row in every mode.
func variants() []variant {
	var out []variant
	for _, s := range Specs() {
		i := indexOf(s.Params, "mode")
		if i < 0 {
			out = append(out, variant{name: s.Name})
			continue
		}
		for m := s.Params[i].Min; m <= s.Params[i].Max; m++ {
			out = append(out, variant{s.Name, []Setting{{"mode", m}}})
		}
	}
	return out
}

// ruled returns the variants that reduce and restart by the shared rules; BBR has
// rules of its own, and wrappers leave them to another row.
func ruled() []variant {
	return slices.DeleteFunc(variants(), func(v variant) bool {
		return v.name == "bbr" || indexOf(find(v.name).Params, "inner") >= 0
	})
}

// find returns the row of a name.
func find(name string) Spec {
	all := Specs()
	return all[slices.Index(Names(all), name)]
}

// ackOf is an acknowledgement of n bytes of a flow whose window is the limit.
func ackOf(n, window int64, rtt sim.Duration) Ack {
	return Ack{
		Acked: n, Delivered: n, RTT: rtt, SRTT: rtt, InFlight: window,
		State: Open, CwndLimited: true, Nxt: 1,
	}
}

// feed acknowledges n bytes in one ACK.
func feed(c Controller, now sim.Time, f FlowID, n int64, rtt sim.Duration) {
	a := ackOf(n, c.Window(f), rtt)
	c.OnAck(now, f, &a)
}

// segments returns the window in segments.
func segments(c Controller, f FlowID) float64 { return float64(c.Window(f)) / mss }

// line is a path without a queue: packets are acknowledged one round-trip time
// after they were sent, evenly spaced. It drives one subflow.
type line struct {
	c    Controller
	f    FlowID
	rtt  sim.Duration
	now  sim.Time
	sent uint64 // segments acknowledged so far

	sum  float64 // of window times time, in segment-nanoseconds
	time float64 // ns
}

// step acknowledges one segment. With lose set a loss is found first, and the
// window of data outstanding is acknowledged in recovery, which takes one
// round-trip time.
func (l *line) step(lose bool) {
	if lose {
		w := l.c.Window(l.f)
		l.c.OnLoss(l.now, l.f, Loss{InFlight: w, Bytes: mss, Una: l.sent, Nxt: l.sent + uint64(w/mss)})
		a := ackOf(mss, w, l.rtt)
		a.State = Recovery
		l.c.OnAck(l.now, l.f, &a)
		l.advance(l.rtt)
		return
	}
	a := ackOf(mss, l.c.Window(l.f), l.rtt)
	a.Una, a.Nxt = l.sent, l.sent+uint64(l.c.Window(l.f)/mss)
	l.c.OnAck(l.now, l.f, &a)
	l.sent++
	l.advance(sim.Duration(float64(l.rtt) * mss / float64(l.c.Window(l.f))))
}

func (l *line) advance(d sim.Duration) {
	l.sum += segments(l.c, l.f) * float64(d)
	l.time += float64(d)
	l.now = l.now.Add(d)
}

func (l *line) mean() float64 { return l.sum / l.time }

// periodic loses one in every n segments, and takes the mean over the given
// number of periods after as many to settle.
func (l *line) periodic(n, periods int) {
	for i := range 2 * periods {
		if i == periods {
			l.sum, l.time = 0, 0
		}
		for range n {
			l.step(false)
		}
		l.step(true)
	}
}
