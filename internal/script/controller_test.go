package script

import (
	"slices"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// load loads a script from its text.
func load(t *testing.T, text string) *File {
	t.Helper()
	f, err := Load("my.star", text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// controllerOf makes a controller with one subflow of 10 segments.
func controllerOf(t *testing.T, text string) cc.Controller {
	t.Helper()
	spec, err := load(t, text).Controller("file:my.star")
	if err != nil {
		t.Fatal(err)
	}
	p, err := cc.Resolve(spec.Params, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := spec.New(p, sim.NewRand(1, 0, "test"))
	c.Join(0, 0, cc.Path{MSS: 1000, InitWindow: 10_000, RTT: 1e7})
	return c
}

// Losses, timeouts and marks end at the threshold that the script returns, and
// fields of a flow are shown as terms.
func TestControllerHooks(t *testing.T) {
	c := controllerOf(t, `
def on_join(flow):
    flow.seen = 0
    flow.pacing_bps = 8000000

def on_ack(flow, ack, flows):
    flow.seen += ack.acked
    flow.alpha = len(flows) / 2
    flow.window = 20 * flow.mss

def on_loss(flow, loss, flows):
    return 7 * flow.mss + loss.bytes

def on_timeout(flow, loss, flows):
    return 5 * flow.mss

def on_mark(flow, why, flows):
    return 4 * flow.mss if why == "ecn_echo" else None
`)
	c.Join(0, 1, cc.Path{MSS: 1000, InitWindow: 10_000})
	c.OnAck(1, 0, &cc.Ack{Acked: 3000, Delivered: 3000, SRTT: 1e7, CwndLimited: true, Nxt: 30_000})
	if w := c.Window(0); w != 20_000 {
		t.Errorf("a window of %d bytes", w)
	}
	if c.PacingRate(0) != 8_000_000 || c.Observe(0).Alpha != 1 {
		t.Errorf("pacing at %v, alpha %v", c.PacingRate(0), c.Observe(0).Alpha)
	}
	terms := c.(cc.Explainer).Terms(0, nil)
	if want := []cc.Term{{Name: "alpha", Value: 1}, {Name: "seen", Value: 3000}}; !slices.Equal(terms, want) {
		t.Errorf("terms %v", terms)
	}
	c.Reduce(2, 0, cc.TailRepair)
	if w := c.Window(0); w != 10_000 {
		t.Errorf("after a mark that the script leaves to Reno %d bytes", w)
	}
	c.Reduce(2, 0, cc.ECNEcho)
	if w := c.Window(0); w != 4000 {
		t.Errorf("after an ECN echo %d bytes", w)
	}
	c.OnLoss(3, 0, cc.Loss{InFlight: 20_000, Bytes: 1, Nxt: 40_000})
	if w := c.Window(0); w != 7001 {
		t.Errorf("after a loss %d bytes", w)
	}
	c.OnTimeout(4, 0, cc.Loss{InFlight: 20_000, Una: 50_000, Nxt: 60_000})
	if w, s := c.Window(0), c.Ssthresh(0); w != 1000 || s != 5000 {
		t.Errorf("after a timeout a window of %d bytes, a threshold of %d", w, s)
	}
	c.Leave(5, 1)
	c.OnAck(6, 0, &cc.Ack{Acked: 1, SRTT: 1e7})
	if a := c.Observe(0).Alpha; a != .5 {
		t.Errorf("alpha is %v after a subflow has left", a)
	}
}

// What a controller may not do is an error at its place.
func TestControllerMistakes(t *testing.T) {
	const rest = "\n\ndef on_ack(flow, ack, flows):\n    "
	for _, c := range []struct{ body, want string }{
		{"flow.window = 999", "my.star:4:9: window is 999; it must lie between 1000 and"},
		{"flow.window = flow.window * 0.5", "my.star:4:9: window is a whole number, not a float"},
		{"flow.widow = 1", "my.star:4:9: a flow has no field widow; on_join(flow) can give it one"},
		{"flow.mss = 1", "my.star:4:9: mss of a flow cannot be set"},
		{"flow.additive(0, 5)", "my.star:4:18: additive: a segment for every 0 bytes"},
		{"flow.increase(-1)", "my.star:4:18: increase(-1): not between 0 and"},
		{"param(\"x\", 1)", "my.star:4:10: param: parameters are declared at the top level"},
		{"on_ack(flow, ack, flows)", "my.star:4:5: function on_ack called recursively"},
		{"math.log(-1)", "my.star:4:13: log(-1): not defined"},
	} {
		text := rest + c.body + "\n"
		func() {
			defer func() {
				e, ok := recover().(*Error)
				if !ok || !strings.HasPrefix(e.Error(), c.want) {
					t.Errorf("%s: %v, want %s", c.body, e, c.want)
				}
			}()
			controllerOf(t, text).OnAck(1, 0, &cc.Ack{Acked: 1, SRTT: 1e7})
			t.Errorf("%s: no error", c.body)
		}()
	}
}

// Every connection has a state, random numbers and parameters of its own, and the
// same again in another run.
func TestStateOfConnections(t *testing.T) {
	f := load(t, `
n = param("n", 3, whole = True)
mine = state(sum = 0)

def on_ack(flow, ack, flows):
    mine.sum += n
    flow.alpha = mine.sum + random.uniform()
`)
	spec, err := f.Controller("x")
	if err != nil {
		t.Fatal(err)
	}
	value := func(n float64, stream string) float64 {
		c := spec.New(cc.Params{n}, sim.NewRand(1, 0, stream))
		c.Join(0, 0, cc.Path{MSS: 1000, InitWindow: 10_000})
		c.OnAck(1, 0, &cc.Ack{})
		c.OnAck(2, 0, &cc.Ack{})
		return c.Observe(0).Alpha
	}
	a := value(3, "a")
	if int(a) != 6 || int(value(4, "a")) != 8 {
		t.Errorf("%v and %v", a, value(4, "a"))
	}
	if a != value(3, "a") || a == value(3, "b") {
		t.Error("the random numbers are not those of the stream")
	}
	rnd := sim.NewRand(1, 0, "a")
	if _, second := rnd.Float64(), rnd.Float64(); a != 6+second {
		t.Errorf("%v, want 6 and the second number of the stream, %v", a, second)
	}
}
