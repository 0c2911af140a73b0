package tcp

import (
	"fmt"
	"reflect"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// moody is a mapper that now and then judges what comes in.
type moody struct {
	mapper
	mood uint32 // 0: never
}

func (m *moody) ReadOptions(now sim.Time, s *Segment) Verdict {
	m.seen++
	if m.mood == 0 {
		return 0
	}
	return Verdict(uint32(s.Seq)*2654435761^uint32(s.Ack)*m.mood>>7) & (IgnoreWindow | NotDuplicate)
}

// handleLong is Handle without header prediction.
func handleLong(now sim.Time, c *Conn, s *Segment) {
	c.count.segmentsReceived++
	c.rcv.last = now
	c.burst = 0
	c.process(now, s)
}

// TestPrediction: with header prediction and without it the same traffic leaves both ends
// in the same state after each event: windows, timers, scoreboard, round-trip times, rate
// samples, what the controller was told and what it made of it. The long way is the
// oracle.
func TestPrediction(t *testing.T) {
	short := 0
	rapid.Check(t, func(rt *rapid.T) {
		build := drawTwins(t, rt)
		a, b := build(), build()
		b.handle = handleLong
		a.handle = func(now sim.Time, c *Conn, s *Segment) {
			acks := c.stats.DuplicateAcks
			c.Handle(now, s)
			if c.state == StateEstablished && s.Opt == nil && c.stats.DuplicateAcks == acks {
				short++
			}
		}
		for _, n := range []*net{a, b} {
			n.a.c.Connect(0)
			n.flush(n.a)
		}
		for i := range 3000 {
			more := a.step(1000 * sim.Time(sim.Second))
			if b.step(1000*sim.Time(sim.Second)) != more || a.now != b.now {
				rt.Fatalf("step %d: one goes on at %v, the other at %v", i, a.now, b.now)
			}
			if !more {
				break
			}
			if i%8 == 0 {
				sameConn(rt, i, a.a.c, b.a.c)
				sameConn(rt, i, a.b.c, b.b.c)
			}
		}
		sameConn(rt, -1, a.a.c, b.a.c)
		sameConn(rt, -1, a.b.c, b.b.c)
	})
	if short < 20_000 {
		t.Errorf("only %d segments may have been predicted", short)
	}
}

// sameConn compares all state of two connections.
func sameConn(t rapid.TB, step int, a, b *Conn) {
	for _, c := range []*Conn{a, b} {
		c.flight.forget(c.snd.una) // only the short way asks
	}
	if reflect.DeepEqual(a, b) {
		return
	}
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if p, q := fmt.Sprintf("%+v", x.Field(i)), fmt.Sprintf("%+v", y.Field(i)); p != q {
			t.Errorf("step %d: %s is\n%.2000s, the long way\n%.2000s", step, x.Type().Field(i).Name, p, q)
		}
	}
	t.Fatalf("step %d: predicted and long way differ", step)
}

// drawTwins draws a network and returns how to build it as often as one likes.
func drawTwins(t *testing.T, rt *rapid.T) func() *net {
	p := drawProfile(rt)
	if rapid.IntRange(0, 3).Draw(rt, "plain") > 0 {
		p = Linux() // the usual case oftener
	}
	name := rapid.SampledFrom([]string{"reno", "cubic", "bbr", "dctcp", "vegas", "lia"}).Draw(rt, "cc")
	delay := sim.Duration(rapid.IntRange(0, 30).Draw(rt, "delay")) * ms
	mss := rapid.SampledFrom([]int{536, 1460}).Draw(rt, "mss")
	buffer := rapid.SampledFrom([]int64{9000, 65536, 1 << 20}).Draw(rt, "buffer")
	tuned, slots, keepalive := rapid.Bool().Draw(rt, "tuned"), rapid.Bool().Draw(rt, "slots"), rapid.Bool().Draw(rt, "keepalive")
	mood := rapid.SampledFrom([]uint32{0, 1, 77}).Draw(rt, "mood")
	ext := rapid.IntRange(0, 2).Draw(rt, "ext") == 0
	seed := rapid.Uint64().Draw(rt, "seed")
	loss := rapid.SampledFrom([]float64{0, 0, 0.01, 0.05}).Draw(rt, "loss")
	late := rapid.SampledFrom([]float64{0, 0, 0.02}).Draw(rt, "late")
	marks := rapid.SampledFrom([]float64{0, 0.02}).Draw(rt, "marks")
	lazy := rapid.IntRange(0, 3).Draw(rt, "lazy") == 0
	rate := rapid.SampledFrom([]sim.Rate{0, 3_000_000, 20_000_000}).Draw(rt, "rate")
	na := rapid.SampledFrom([]int64{3000, 300_000, 1_000_000}).Draw(rt, "na")
	closes := rapid.IntRange(0, 3).Draw(rt, "closes") == 0
	nb := rapid.SampledFrom([]int64{0, 0, 1000, 600_000}).Draw(rt, "nb")
	return func() *net {
		n := newNet(t, delay, func(a, b *Config) {
			for _, c := range []*Config{a, b} {
				c.Profile, c.CC, c.MSS = p, newCC(t, name), mss
				c.ReceiveBuffer, c.Keepalive, c.CountSegments = buffer, keepalive, slots
				if tuned {
					c.ReceiveMemory = Memory{Initial: 16384, Max: 1 << 20}
					c.SendMemory = Memory{Initial: 16384, Max: 1 << 20}
				}
				if ext {
					c.Ext = &moody{mapper{t: t, window: 1 << 16}, mood}
				}
			}
		})
		n.keep = false
		r := sim.NewRand(seed, 0, "links")
		for _, h := range []*host{n.a, n.b} {
			h.out.rate, h.out.limit = rate, 30
			h.out.drop = func(int, sim.Time, *Segment) bool { return r.Float64() < loss }
			h.out.ce = func(int) bool { return r.Float64() < marks }
			h.out.extra = func(int, *Segment) sim.Duration {
				if r.Float64() < late {
					return sim.Duration(r.IntN(30)) * ms
				}
				return 0
			}
		}
		n.b.read = !lazy || buffer > 9000
		n.a.write, n.a.close = na, closes
		n.b.write, n.b.close = nb, closes
		return n
	}
}

// TestPredictionTaken: the segments of a bulk transfer take the short way at both ends.
func TestPredictionTaken(t *testing.T) {
	c, ack := established(t, 100*1448)
	now := sim.Time(20 * ms)
	c.Write(now, 1<<20)
	var out Segment
	for c.Poll(now, &out) {
	}
	before := c.flight.len()
	ack.Ack, ack.TSEcr, ack.TSVal = c.sndSeq(2*1448), out.TSVal, out.TSVal
	if !c.predicted(now.Add(10*ms), ack) || c.SndUna() != 2*1448 || c.flight.len() != before-2 {
		t.Errorf("acknowledgement: una %d, %d in flight", c.SndUna(), c.flight.len())
	}
	r, s := established(t, 1<<20)
	s.Len, s.Ack = 1448, r.sndSeq(0)
	if !r.predicted(now, s) || r.RcvNxt() != 1448 {
		t.Errorf("payload: next is %d", r.RcvNxt())
	}
	for what, change := range map[string]func(s *Segment){
		"duplicate":     func(s *Segment) {},
		"out of order":  func(s *Segment) { s.Seq += 2 * 1448 },
		"old timestamp": func(s *Segment) { s.Seq += 1448; s.TSVal -= 2 },
		"no timestamp":  func(s *Segment) { s.Seq += 1448; s.Segment.Opt = 0 },
		"unsent":        func(s *Segment) { s.Seq += 1448; s.Ack++ },
		"bare":          func(s *Segment) { s.Seq += 1448; s.Len = 0 },
	} {
		x := *s
		change(&x)
		if r.predicted(now, &x) || r.RcvNxt() != 1448 {
			t.Errorf("%s: taken for the next segment", what)
		}
	}
}
