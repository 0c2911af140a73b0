package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"

	"pgregory.net/rapid"
)

// TestRandomNetworks: whatever is lost, delayed, duplicated or reordered, both
// streams arrive byte for byte and both ends close, in bounded time. The oracle
// is the true offset of every byte.
func TestRandomNetworks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := newNet(t, sim.Duration(rapid.IntRange(1, 60).Draw(rt, "delay"))*ms, func(a, b *Config) {
			for _, c := range []*Config{a, b} {
				c.Profile = drawProfile(rt)
				c.ISS = wire.Seq(rapid.Uint32().Draw(rt, "iss"))
				c.TSOffset = rapid.Uint32().Draw(rt, "ts")
				c.MSS = rapid.SampledFrom([]int{536, 1460, 8960}).Draw(rt, "mss")
				c.ReceiveBuffer = rapid.SampledFrom([]int64{2000, 9000, 65536, 1 << 20}).Draw(rt, "rbuf") + int64(rapid.IntRange(0, 3000).Draw(rt, "rbuf+"))
				c.SendBuffer = rapid.SampledFrom([]int64{2000, 10_000, 1 << 20}).Draw(rt, "sbuf") + int64(rapid.IntRange(0, 3000).Draw(rt, "sbuf+"))
				c.NoDelay = rapid.Bool().Draw(rt, "nodelay")
			}
		})
		n.keep = false
		seed := rapid.Uint64().Draw(rt, "seed")
		loss := rapid.SampledFrom([]float64{0, 0.01, 0.1, 0.3}).Draw(rt, "loss")
		late := rapid.SampledFrom([]float64{0, 0.05, 0.3}).Draw(rt, "late")
		r := sim.NewRand(seed, 0, "links")
		for _, h := range []*host{n.a, n.b} {
			h.out.drop = func(int, sim.Time, *Segment) bool { return r.Float64() < loss }
			h.out.extra = func(int, *Segment) sim.Duration {
				if r.Float64() < late {
					return sim.Duration(r.IntN(30)) * ms
				}
				return 0
			}
			if rapid.Bool().Draw(rt, "rated") {
				h.out.rate = rapid.SampledFrom([]sim.Rate{200_000, 3_000_000, 20_000_000}).Draw(rt, "rate")
				h.out.limit = rapid.IntRange(2, 60).Draw(rt, "limit")
			}
		}
		na := rapid.Int64Range(1, 200).Draw(rt, "na") * rapid.SampledFrom([]int64{1, 100, 1001, 10_010}).Draw(rt, "nax")
		nb := rapid.Int64Range(1, 200).Draw(rt, "nb") * rapid.SampledFrom([]int64{1, 100, 1001, 10_010}).Draw(rt, "nbx")
		n.a.write, n.a.close = na, true
		n.b.write, n.b.close = nb, true
		n.a.c.Connect(0)
		n.flush(n.a)
		limit := sim.Time(200_000 * sim.Second)
		for n.a.got < nb || n.b.got < na || !n.a.c.Forgotten() || !n.b.c.Forgotten() {
			if !n.step(limit) {
				break
			}
			checkInvariants(rt, n.a.c)
			checkInvariants(rt, n.b.c)
		}
		if n.a.bad != 0 || n.b.bad != 0 {
			rt.Fatalf("bytes with a wrong offset: %d, %d", n.a.bad, n.b.bad)
		}
		// A connection whose SYN or last FIN was lost too often may be given up.
		for _, h := range []*host{n.a, n.b} {
			if gaveUp := n.peer(h).c.Reason(); !h.c.Forgotten() && gaveUp != trace.TimedOut {
				p := n.peer(h).c
				rt.Fatalf("%s is %v (%v) after %v; got %d of %d, %d of %d; timeout %v; peer %v una %d nxt %d end %d wnd %d flight %d ca %d rexmit %d prr %v out %b", h.name, h.c.State(), h.c.Reason(), n.now,
					n.a.got, nb, n.b.got, na, h.c.NextTimeout(), p.state, p.snd.una, p.snd.nxt, p.snd.end, p.snd.wnd, p.flight.len(), p.caState, p.rexmit, p.prr, p.out)
			}
		}
		if graceful(n.a) && graceful(n.b) && (n.a.got != nb || n.b.got != na) {
			rt.Fatalf("a got %d of %d, b got %d of %d; a %v %v, b %v %v", n.a.got, nb, n.b.got, na,
				n.a.c.State(), n.a.c.Reason(), n.b.c.State(), n.b.c.Reason())
		}
	})
}

func graceful(h *host) bool { return h.c.Reason().String() == "graceful" }

func drawProfile(rt *rapid.T) *Profile {
	p := Linux()
	if rapid.Bool().Draw(rt, "rfc") {
		p = RFC()
	}
	p.SACK = rapid.Bool().Draw(rt, "sack")
	p.RACK = rapid.Bool().Draw(rt, "rack")
	p.TLP = rapid.Bool().Draw(rt, "tlp")
	p.FRTO = rapid.Bool().Draw(rt, "frto")
	p.Timestamps = rapid.Bool().Draw(rt, "ts")
	p.WindowScaling = rapid.Bool().Draw(rt, "wscale")
	p.ECN = rapid.Bool().Draw(rt, "ecn")
	if rapid.Bool().Draw(rt, "wheel") {
		p.Granularity = LinuxHZ250
	}
	return p
}

// checkInvariants compares the sums of the flight with its records.
func checkInvariants(t rapid.TB, c *Conn) {
	f := &c.flight
	var sacked, lost, resent int64
	var nS, nL, nR, wait int32
	pos := c.snd.una
	for i := f.head; i != f.tail; i++ {
		r := f.at(i)
		if r.pos != pos {
			t.Fatalf("record at %d, want %d", r.pos, pos)
		}
		pos = r.end()
		n := int64(r.len)
		if r.flags&sentSacked != 0 {
			sacked, nS = sacked+n, nS+1
		}
		if r.flags&sentLost != 0 {
			lost, nL = lost+n, nL+1
			if r.flags&sentResent == 0 {
				wait++
				if int32(i-f.rtxHint) < 0 {
					t.Fatalf("lost record before the hint")
				}
			}
		}
		if r.flags&sentResent != 0 {
			resent, nR = resent+n, nR+1
		}
	}
	if pos != c.snd.nxt {
		t.Fatalf("records end at %d, SND.NXT is %d", pos, c.snd.nxt)
	}
	if c.options&useSACK == 0 {
		sacked, nS = f.sacked, f.nSacked
	}
	if sacked != f.sacked || lost != f.lost || resent != f.resent || nS != f.nSacked || nL != f.nLost || nR != f.nResent || wait != f.unsentLost {
		t.Fatalf("sums %d %d %d %d %d %d %d, records %d %d %d %d %d %d %d", f.sacked, f.lost, f.resent, f.nSacked, f.nLost, f.nResent, f.unsentLost,
			sacked, lost, resent, nS, nL, nR, wait)
	}
	if c.gaps != (!c.ooo.empty() || c.sacks.dup.start != c.sacks.dup.end) {
		t.Fatalf("gaps %v", c.gaps)
	}
	if c.pipe() < 0 {
		t.Fatalf("pipe %d", c.pipe())
	}
	if !f.empty() && c.rtx.kind == timerOff && c.state != StateClosed && c.state != StateTimeWait && c.out&outReset == 0 {
		t.Fatalf("%v: data in flight without a timer", c.state)
	}
}
