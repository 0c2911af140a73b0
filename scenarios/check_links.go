package scenarios

import (
	"fmt"
	"math"
	"strconv"

	"mpsim/net/radio"
	"mpsim/sim"
)

func (c *checker) checkLinks() {
	for _, l := range c.sc.Links {
		c.name(l.Name, l.valuePos("name"), "link")
		if first := c.links[l.Name]; first != nil {
			c.add(l.valuePos("name"), "a second link named %q; the first is at %v", l.Name, first.pos("name"))
			continue
		}
		c.links[l.Name] = l
		for _, end := range []struct{ key, text string }{{"a", l.A}, {"b", l.B}} {
			if _, _, ok := c.endpoint(end.text, l.valuePos(end.key), end.key); !ok {
				continue
			}
			if other := c.ends[end.text]; other != nil {
				c.add(l.valuePos(end.key), "interface %q is an end of link %q already", end.text, other.Name)
				continue
			}
			c.ends[end.text] = l
		}
		c.linkDefaults(l)
		c.checkRadio(l)
		c.linkServer(l)
		c.checkBoxes(l)
	}
}

// linkDefaults completes keys that come from [defaults] or from the profile.
func (c *checker) linkDefaults(l *Link) {
	d := &c.sc.Defaults
	if l.Mode == "" {
		l.Mode = d.QueueMode
	}
	if l.CountInService == nil {
		l.CountInService = &d.CountInService
	}
	if l.Up == nil {
		l.Up = new(Direction)
	}
	if l.Down == nil {
		l.Down = new(Direction)
	}
	l.Up.inherit(&l.Direction)
	l.Down.inherit(&l.Direction)
	if l.Profile.Name == "" {
		if l.has("process") {
			c.add(l.pos("process"), "process names the rate process of a profile, but link %q has no profile", l.Name)
		}
		return
	}
	if l.Process == "" {
		l.Process = l.Name
	}
	before := len(c.problems.all)
	c.plugin(&l.Profile, linkProfileKind())
	if len(c.problems.all) > before {
		return
	}
	p, err := l.radioProfile()
	if err != nil {
		c.add(l.Profile.pos, "%v", err)
		return
	}
	delay, loss := Duration(p.Delay), Probability(p.Loss)
	for _, dir := range []struct {
		d     *Direction
		queue int
	}{{l.Up, p.QueueUp}, {l.Down, p.QueueDown}} {
		if dir.d.Delay == nil {
			dir.d.Delay = &delay
		}
		if dir.d.Loss == nil {
			dir.d.Loss = &loss
		}
		if dir.d.Queue == nil {
			dir.d.Queue = &Queue{Bytes: int64(dir.queue)}
		}
	}
}

// radioProfile returns the link's profile with its parameters.
func (l *Link) radioProfile() (*radio.Profile, error) {
	p, err := radio.Find(l.Profile.Name)
	if err != nil {
		return nil, err
	}
	for _, q := range l.Profile.Params {
		if err := p.Set(q.Name, q.Value); err != nil {
			return nil, err
		}
	}
	return p, p.Check()
}

// inherit takes over from the keys of both directions what this one lacks.
func (d *Direction) inherit(both *Direction) {
	if d.Rate == nil && d.Trace == nil {
		d.Rate = both.Rate
	}
	if d.Trace == nil && !d.has("rate") {
		d.Trace = both.Trace
	}
	if d.Delay == nil {
		d.Delay = both.Delay
	}
	if d.Queue == nil {
		d.Queue = both.Queue
	}
	if d.Mark == nil {
		d.Mark = both.Mark
	}
	if d.AQM.Name == "" {
		d.AQM = both.AQM
	}
	if d.Loss == nil {
		d.Loss = both.Loss
	}
	if d.LossCorr == nil {
		d.LossCorr = both.LossCorr
	}
	if d.JitCorr == nil {
		d.JitCorr = both.JitCorr
	}
	if d.Burst == nil {
		d.Burst = both.Burst
	}
	if d.Drop == nil {
		d.Drop = both.Drop
	}
	if d.DropMask == "" {
		d.DropMask = both.DropMask
	}
	if d.Jitter == nil {
		d.Jitter = both.Jitter
	}
	if d.MTU == nil {
		d.MTU = both.MTU
	}
	if d.ICMPMTU == nil {
		d.ICMPMTU = both.ICMPMTU
	}
	if d.ICMP == nil {
		d.ICMP = both.ICMP
	}
	if d.Overhead == nil {
		d.Overhead = both.Overhead
	}
	if d.AckDelay == nil {
		d.AckDelay = both.AckDelay
	}
}

// linkServer checks that each direction has one kind of rate, and completes
// the rest.
func (c *checker) linkServer(l *Link) {
	for _, dir := range []struct {
		name string
		d    *Direction
	}{{"up", l.Up}, {"down", l.Down}} {
		d := dir.d
		at := func(key string) Pos {
			if d.has(key) {
				return d.valuePos(key)
			}
			return l.valuePos(key)
		}
		if l.Profile.Name != "" && (d.Rate != nil || d.Trace != nil) {
			key := "rate"
			if d.Trace != nil {
				key = "trace"
			}
			c.add(at(key), "link %q has a profile, which brings rates of its own: leave %s out", l.Name, key)
		}
		if d.Rate != nil && d.Trace != nil {
			c.add(at("trace"), "link %q has both a rate and a trace in direction %s", l.Name, dir.name)
		}
		if d.Trace != nil {
			if _, err := radio.ParseFormat(d.Trace.Format); err != nil {
				c.add(d.Trace.valuePos("format"), "%v", err)
			}
		}
		if _, err := parseMask(d.DropMask); err != nil {
			c.add(at("drop_mask"), "%v", err)
		}
		for i := 1; i < len(d.Drop); i++ {
			if d.Drop[i] <= d.Drop[i-1] {
				c.add(at("drop"), "drop lists packet numbers in ascending order; %d follows %d", d.Drop[i], d.Drop[i-1])
				break
			}
		}
		if d.Rate != nil && !d.Rate.Unlimited && d.Rate.Bits == 0 {
			c.add(at("rate"), "rate is 0; use link.down or link.blackhole in the timeline to stop a link")
		}
		if m := d.Mark; m != nil && m.Packets <= 0 && m.Bytes <= 0 {
			c.add(at("mark"), "link %q: the threshold for marks is %v; write packets or bytes", l.Name, m)
		}
		if d.Mark != nil && d.AQM.Name != "" {
			c.add(at("aqm"), "link %q has both a queue discipline and a drop-tail queue that marks in direction %s: leave mark out", l.Name, dir.name)
		}
		if d.Burst != nil {
			c.burstLoss(d.Burst)
		}
		c.completeDirection(d)
	}
	if l.Up.Queue != nil && l.Down.Queue != nil {
		c.bdpQueue(l, l.Up, "up")
		c.bdpQueue(l, l.Down, "down")
	}
	c.checkAQM(l)
}

// completeDirection spells out what the file leaves to defaults.
func (c *checker) completeDirection(d *Direction) {
	if d.Rate == nil && d.Trace == nil {
		d.Rate = &Rate{Unlimited: true}
	}
	if d.Delay == nil {
		d.Delay = new(Duration)
	}
	if d.Queue == nil {
		d.Queue = &Queue{Unlimited: true}
		if d.Trace != nil || !d.Rate.Unlimited {
			d.Queue = &Queue{BDP: 1}
		}
	}
	if d.Loss == nil {
		d.Loss = new(Probability)
	}
	if d.Jitter == nil {
		d.Jitter = new(Duration)
	}
	if d.LossCorr == nil {
		d.LossCorr = new(Probability)
	}
	if d.JitCorr == nil {
		d.JitCorr = new(Probability)
	}
	if d.MTU == nil {
		d.MTU = &Bytes{N: 65535}
	}
	if d.ICMP == nil {
		on := true
		d.ICMP = &on
	}
	if d.ICMPMTU == nil {
		on := true
		d.ICMPMTU = &on
	}
	if d.Overhead == nil {
		d.Overhead = new(Bytes)
	}
}

// bdpQueue turns a queue in bandwidth-delay products into bytes:
//
//	bytes = n x rate x RTT / 8
//
// with the RTT of the link itself unless rtt is given.
func (c *checker) bdpQueue(l *Link, d *Direction, name string) {
	if d.Queue.BDP == 0 || c.noted(&l.meta, "delay", "rate", "trace", "rtt") || c.noted(&d.meta, "delay", "rate", "trace") {
		return
	}
	at := l.valuePos("queue")
	if d.has("queue") {
		at = d.valuePos("queue")
	}
	rtt := *l.Up.Delay + *l.Down.Delay
	if l.RTT != nil {
		rtt = *l.RTT
	}
	given := l.has("queue") || d.has("queue")
	switch {
	case !given && d.Trace != nil:
		c.add(l.table.pos, "link %q follows a trace: it needs a queue in packets or bytes", l.Name)
	case !given && rtt == 0:
		c.add(l.table.pos, "link %q has a rate but no delay: it needs a queue in packets or bytes", l.Name)
	case d.Trace != nil || d.Rate == nil || d.Rate.Unlimited:
		c.add(at, "link %q: a queue in bdp needs a rate in direction %s; write packets or bytes", l.Name, name)
	case d.Rate.Bits <= 0: // noted already
	case rtt == 0:
		c.add(at, "link %q: a queue in bdp needs a delay or rtt; write packets or bytes", l.Name)
	default:
		n := d.Queue.BDP * float64(d.Rate.Bits.BytesIn(sim.Duration(rtt)))
		if n < 1 || n > math.MaxInt32 {
			c.add(at, "link %q: the queue %v comes to %g bytes; it must lie between 1 and 2^31-1", l.Name, d.Queue, n)
			return
		}
		d.Queue = &Queue{Bytes: int64(n)}
	}
}

// noted reports whether the value of one of the keys has a problem already.
func (c *checker) noted(m *meta, keys ...string) bool {
	for _, key := range keys {
		if m.has(key) && c.problems.taken[m.valuePos(key)] {
			return true
		}
	}
	return false
}

// parseMask reads a drop mask of 64 binary or 16 hexadecimal digits; none is 0.
func parseMask(text string) (uint64, error) {
	base := map[int]int{64: 2, 16: 16}[len(text)]
	if text == "" {
		return 0, nil
	}
	if base == 0 {
		return 0, fmt.Errorf("drop_mask has %d digits; write 64 binary or 16 hexadecimal ones", len(text))
	}
	v, err := strconv.ParseUint(text, base, 64)
	if err != nil {
		return 0, fmt.Errorf("drop_mask %q: not a number of base %d", text, base)
	}
	return v, nil
}
