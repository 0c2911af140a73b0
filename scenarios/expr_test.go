package scenarios

import (
	"testing"

	"mpsim/cc"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// idle returns a view of a world in which nothing has happened yet.
func idle(t *testing.T, text string) *view {
	t.Helper()
	w, err := Build(mustParse(t, text), Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &view{w: w, now: 10e9}
}

// holds evaluates an expectation of a scenario.
func holds(t *testing.T, v *view, expr string) (string, bool) {
	t.Helper()
	scope := &nameScope{flows: flowNames(v.w.sc), links: []string{"wifi.up", "wifi.down", "lte.up", "lte.down"},
		ifaces: map[string][]string{"dl": {"wifi", "lte"}, "a-1": {"wifi", "lte"}}}
	c, _, fault := parseComparison(expr, scope)
	if fault != nil {
		t.Fatalf("%s: at %d: %s", expr, fault.at, fault.msg)
	}
	return c.eval(v)
}

func flowNames(sc *Scenario) []string {
	var out []string
	for _, f := range sc.Flows {
		out = append(out, f.Name)
	}
	return out
}

const withDashes = small + "[[flow]]\nname = \"a-1\"\nclient = \"client\"\nserver = \"server\"\n"

func TestArithmetic(t *testing.T) {
	v := idle(t, withDashes)
	for expr, want := range map[string]bool{
		"1 + 2*3 == 7":                        true,
		"(1 + 2)*3 == 9":                      true,
		"2 - 1 - 1 == 0":                      true,
		"8/4/2 == 1":                          true,
		"-2 + 3 == 1":                         true,
		"1e-4*1e4 == 1":                       true,
		"1.5e+2 == 150":                       true,
		"50% == 0.5":                          true,
		"10Mbps*8s == 10MB":                   true,
		"1500B/10Mbps == 1.2ms":               true,
		"64KiB == 65536B":                     true,
		"2min == 120s":                        true,
		"1s == 1000ms":                        true,
		"0.1s + 0.2s == 0.3s":                 true, // in spite of binary fractions
		"0.1s + 0.2s <= 0.3s":                 true,
		"0.1s + 0.2s > 0.3s":                  false,
		"1s > 0":                              true,
		"1 <= 2 <= 3":                         true,
		"1 <= 4 <= 3":                         false,
		"3 >= 2 > 2":                          false,
		"1 != 2":                              true,
		"max(1s, 1500ms) == 1.5s":             true,
		"min(3, 2) == 2":                      true,
		"abs(1s - 3s) == 2s":                  true,
		"abs(0 - 3) == 3":                     true,
		"sqrt(16) == 4":                       true,
		"bytes(a-1) == 0":                     true,
		"bytes(a-1) - bytes(dl) == 0":         true,
		"goodput(dl)*1s - 5B < 0":             true,
		"fallback(dl) == 'none'":              true,
		"fallback(dl) != \"none\"":            false,
		"ended(dl) == 'open'":                 true,
		"completed(dl) <= 1000s":              false, // never
		"completed(dl) > 1s":                  true,
		"share(dl, wifi, 1s, 2s) == 1":        false, // nothing over nothing
		"max(max_gap(dl), 1s) <= 10s":         true,
		"counter(MPJoinSynTx) == 0":           true,
		"utilisation(wifi.down)*2 + 1 <= 1.0": true,
	} {
		if got, pass := holds(t, v, expr); pass != want {
			t.Errorf("%s is %v (measured %s)", expr, pass, got)
		}
	}
}

func TestMeasuredValuesArePrinted(t *testing.T) {
	v := idle(t, small)
	f := v.w.byFlow["dl"].record
	f.Start(0)
	f.Deliver(1e9, 0, 1_000_000)
	for expr, want := range map[string]string{
		"bytes(dl) >= 1MB":                                  "1e+06B",
		"goodput(dl, 0s, 2s) >= 1Mbps":                      "4Mbps",
		"1Mbps <= goodput(dl, 0s, 2s) <= 2*goodput(dl)":     "4Mbps, 1.6Mbps",
		"completed(dl) <= 1s":                               "never",
		"fallback(dl) == 'none'":                            `"none"`,
		"1 < 2":                                             "1",
		"max_gap(dl) <= 1s":                                 "9s",
		"bytes(dl)/1MB == 1":                                "1",
		"first_byte(dl) == 1s":                              "1s",
		"abs(first_byte(dl) - 900ms) <= 0.1*first_byte(dl)": "0.1s, 0.1s",
	} {
		if got, _ := holds(t, v, expr); got != want {
			t.Errorf("%s measured %q, want %q", expr, got, want)
		}
	}
}

// A flow of 1000 bytes every 10 ms that pauses from 1 to 2.5 s and then runs at
// half the rate until it doubles at 4 s; values are worked out by hand.
func TestFlowMetrics(t *testing.T) {
	v := idle(t, small)
	r := v.w.byFlow["dl"].record
	r.Start(0)
	var off uint64
	deliver := func(from, to sim.Time, n int64) {
		for at := from; at <= to; at += 10e6 {
			r.Deliver(at, off, n)
			off += uint64(n)
		}
	}
	deliver(10e6, 1000e6, 1000)
	deliver(2500e6, 3990e6, 500)
	deliver(4000e6, 10000e6, 1000)
	for _, expr := range []string{
		"first_byte(dl) == 10ms",
		"max_gap(dl) == 1.5s", "max_gap(dl, 2s, 10s) == 1.5s", "max_gap(dl, 3s, 10s) == 0",
		"resume(dl, 500ms) == 2s", "resume(dl, 1s) == 1.5s", "resume(dl, 2s) == 500ms", "resume(dl, 3s) == 0",
		"goodput(dl, 1.5s, 2s) == 0", "goodput(dl, 3s, 3.5s) == 400kbps", "goodput(dl, 5s, 6s) == 800kbps",
		"bytes(dl, 3s, 4s) == 50kB", "bytes(dl, 3005ms, 3015ms) == 500B",
		"reaches(dl, 1s, 400kbps) == 1.5s", "reaches(dl, 1s, 800kbps) == 3s", "reaches(dl, 1s, 801kbps) > 1000s",
		"corrupt_bytes(dl) == 0",
	} {
		if got, pass := holds(t, v, expr); !pass {
			t.Errorf("%s: measured %s", expr, got)
		}
	}
}

func TestLadder(t *testing.T) {
	rto := func(at, interval sim.Duration, backoff int64, flow int32) trace.Record {
		return trace.Record{Kind: trace.RTO, At: sim.Time(at), B: int64(interval), C: backoff, Flow: flow}
	}
	exact := []trace.Record{
		rto(100, 100, 0, 0), rto(150, 70, 0, 1), rto(300, 200, 1, 0), rto(290, 140, 1, 1), rto(700, 400, 2, 0),
		rto(9000, 100, 0, 0), rto(9200, 200, 1, 0), // another episode
	}
	if got := ladder(exact); got != 1 {
		t.Errorf("exact doubling is %v", got)
	}
	late := append([]trace.Record(nil), exact...)
	late[4].At++
	if got := ladder(late); got != 0.75 {
		t.Errorf("one interval of four too long is %v", got)
	}
	if got := ladder(exact[:1]); got != 0 {
		t.Errorf("one timeout is %v", got)
	}
}

func TestQueueDelayOfSamples(t *testing.T) {
	l := &linkRun{fine: []linkSample{{queue: 0}, {queue: 3000, sent: 1000}, {queue: 2000, sent: 2000}, {sent: 4000}, {queue: 500, sent: 4500}, {queue: 700, sent: 4600}}}
	for at, want := range map[sim.Time]sim.Time{
		10e6: 0,    // nothing queued
		20e6: 20e6, // 3000 bytes after 1000: gone when 4000 were sent
		30e6: 10e6, // 2000 after 2000
		40e6: 0,
		50e6: 10e6, // 500 of which 100 had left at the end
		5e6:  0,    // before the first sample
	} {
		if got := l.queueDelay(at); got != want {
			t.Errorf("queue delay at %v is %v, want %v", at, got, want)
		}
	}
}

// Every plug-in parameter reaches the plug-in.
func TestPluginParameters(t *testing.T) {
	var got cc.Params
	p := Builtin()
	p.CC = append(p.CC, cc.Spec{
		Name: "mine", Params: []cc.Param{{Name: "x", Default: 1, Max: 9}, {Name: "y", Default: 2, Max: 9}},
		New: func(q cc.Params, rnd *sim.Rand) cc.Controller {
			got = q
			c, err := cc.New("reno", nil, rnd)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
	})
	sc, err := Parse("in.toml", small, Options{Set: []string{"flow.dl.cc={name='mine', y=7}", "flow.dl.size=1kB"}, Plugins: p})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: 1, Plugins: p})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != 1 || got[1] != 7 {
		t.Errorf("parameters %v", got)
	}
}

// Whatever stands in a file, loading it gives a scenario or problems with
// places, and does not panic.
func FuzzParse(f *testing.F) {
	f.Add(twoPaths)
	f.Add(withDashes)
	f.Add("schema = 1\nname = \"x\"\nduration = \"1s\"\n[[link]]\nname = \"l\"\na = \"p.x\"\nb = \"q.y\"\nprofile = \"3g\"\n[expect]\na = \"goodput(f) >= 1Mbps\"\n")
	f.Add("node = [{ name = \"a\" }, 1]\n[expect]\nx = '''\n1 ==\n  2'''\n")
	f.Fuzz(func(t *testing.T, text string) {
		sc, err := Parse("in.toml", text, Options{})
		if (sc == nil) == (err == nil) {
			t.Fatalf("scenario %v and error %v", sc, err)
		}
		if err == nil {
			return
		}
		for _, p := range err.(Problems) {
			if p.Pos.File != "in.toml" || p.Pos.Line < 1 || p.Pos.Col < 1 || p.Message == "" {
				t.Fatalf("problem without place: %v", p)
			}
		}
	})
}

// TestRadioOn: packets leave in the third and the sixth interval of 10 ms, up and
// down; the tail overlaps the second.
func TestRadioOn(t *testing.T) {
	l := &linkRun{fine: []linkSample{{}, {}, {sent: 10}, {sent: 10}, {sent: 10}, {sent: 10, back: 5}, {sent: 10, back: 5}, {sent: 10, back: 5}, {sent: 10, back: 5}, {sent: 10, back: 5}}}
	for _, v := range []struct{ tail, from, to, want sim.Time }{
		{0, 0, 100e6, 20e6}, {10e6, 0, 100e6, 40e6}, {30e6, 0, 100e6, 70e6}, {50e6, 0, 100e6, 80e6}, {50e6, 40e6, 90e6, 50e6}, {10e6, 25e6, 35e6, 10e6},
	} {
		if got := l.radioOn(v.tail, v.from, v.to); got != v.want {
			t.Errorf("tail %v from %v to %v: on for %v, want %v", v.tail, v.from, v.to, got, v.want)
		}
	}
}
