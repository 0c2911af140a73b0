package packetdrill

import (
	"fmt"
	"strings"

	"mpsim/net/wire"
	"mpsim/sim"
)

// patience is how much longer than its latest time a packet is waited for, so
// that one that comes late is shown.
const patience = 2 * sim.Second

// expect waits for the packet of a line and compares it. Neighbouring segments
// of one flow count as one packet until the expected length is reached, as in
// the original tool; the last one's flags and options are compared, and with
// Strict those of all.
func (r *runner) expect(e *Event, from, to sim.Time) {
	k := e.Packet
	var first *live
	got := 0
	for {
		p, f := r.next(e, to)
		if !f.learnt && p.seg.Flags.Has(wire.SYN) {
			f.learnt, f.shift = true, uint32(p.seg.Seq)-k.Seq
		}
		r.learn(k, p, f)
		f.rstSeen = f.rstSeen || p.seg.Flags.Has(wire.RST)
		f.finOut = f.finOut || p.seg.Flags.Has(wire.FIN)
		if first == nil {
			first = p
		}
		f.lastAck = uint32(p.seg.Ack)
		more := got+int(p.seg.Len) < k.Len && r.mergeable(k, p, f, first, got)
		got += int(p.seg.Len)
		c := r.compare(k, p, f, first, got, more)
		if len(c.diffs) > 0 {
			r.failPacket(e, c, "")
		}
		if more {
			continue
		}
		r.checkTime(e, c, p.at, from, to)
		r.anchor = max(p.at, r.eventBase())
		return
	}
}

// next takes the next packet of the flow that a line expects.
func (r *runner) next(e *Event, to sim.Time) (*live, *flow) {
	for {
		em, ok := r.sys.Next()
		if !ok {
			limit := to.Add(r.sc.Config.tolerance(0) + patience)
			if e.Time.Any {
				limit = sim.Never
			}
			r.sys.Run(limit, true)
			if em, ok = r.sys.Next(); !ok {
				r.fail(e.Pos, e, "no packet came until %s", seconds(r.sys.Now()))
			}
		}
		p, err := readPacket(em)
		if err != nil {
			r.fail(e.Pos, e, "the system sent %v", err)
		}
		f, m := r.outboundFlow(e.Packet, p)
		switch {
		case m == isExpected:
			return p, f
		case m == isUnknown && !r.opt.Strict:
			continue
		case m == isUnknown:
			f = &flow{tuple: p.tuple}
		}
		c := comparison{expected: r.lineOf(e.Packet, f), actual: r.lineOfLive(p, f, p, int(p.seg.Len))}
		c.diffs = []difference{{"flow", r.flowText(e.Packet), p.tuple.Src.String() + " > " + p.tuple.Dst.String()}}
		r.failPacket(e, c, "")
	}
}

// mergeable reports whether an emitted segment can be the first part of what a
// line expects: data in order, or a pure ACK that the original tool merges into
// the data behind it.
func (r *runner) mergeable(k *Packet, p *live, f *flow, first *live, got int) bool {
	s := &p.seg
	if s.Flags&^wire.PSH != wire.ACK || k.Flags&(wire.SYN|wire.RST) != 0 {
		return false
	}
	return uint32(s.Seq)-f.shift == k.Seq+uint32(got)
}

// comparison is an expected and an actual packet with their differences.
type comparison struct {
	expected, actual string
	diffs            []difference
}

type difference struct{ field, expected, actual string }

func (c *comparison) differ(field, expected, actual string) {
	if expected != actual {
		c.diffs = append(c.diffs, difference{field, expected, actual})
	}
}

// compare compares a line with the segments from first to p, which have got
// bytes of payload together. With partial set more of them will follow.
func (r *runner) compare(k *Packet, p *live, f *flow, first *live, got int, partial bool) comparison {
	c := comparison{expected: r.lineOf(k, f), actual: r.lineOfLive(p, f, first, got)}
	num := func(n uint32) string { return fmt.Sprint(n) }
	if p.badSum {
		c.differ("checksum of the IP or TCP header", "right", "wrong")
	}
	if p.broken != "" {
		c.differ("options", "a list", p.broken)
	}
	if partial && !r.opt.Strict {
		return c
	}
	c.differ("seq", num(k.Seq), num(uint32(first.seg.Seq)-f.shift))
	if !partial {
		c.differ("length", fmt.Sprint(k.Len), fmt.Sprint(got))
		c.differ("flags", flagText(k.Flags), flagText(p.seg.Flags))
	}
	if k.HasAck {
		c.differ("ack", num(k.Ack), num(uint32(p.seg.Ack)))
	}
	if k.HasWin {
		c.differ("win", num(uint32(k.Win)), num(uint32(p.seg.Window)))
	}
	urg := k.Flags.Has(wire.URG)
	if k.HasUrg && urg && !p.seg.Flags.Has(wire.URG) {
		c.differ("urg", num(uint32(k.Urg)), "none")
	}
	compareIP(&c, &k.IP, p)
	if r.opt.Strict && r.zeroPayload() {
		for _, b := range p.payload[r.knownBytes(p, f):] {
			if b != 0 {
				c.differ("payload", "zero bytes", fmt.Sprintf("%#02x", b))
				break
			}
		}
	}
	// A pure ACK in front of data has options of its own.
	if !k.AnyOptions && !(partial && p.seg.Len == 0) {
		r.compareOptions(&c, k, p, f)
	}
	return c
}

// zeroPayload reports whether the system sends the bytes that write was given.
func (r *runner) zeroPayload() bool {
	v, ok := r.sys.(interface{ VirtualPayload() bool })
	return !ok || !v.VirtualPayload()
}

// knownBytes is how many bytes at the begin of a packet's payload the script has
// acknowledged on the data level before. Their content does not matter any more:
// a probe of a closed window repeats one of them.
func (r *runner) knownBytes(p *live, f *flow) int {
	for _, b := range p.options {
		if b[0] != optionMPTCP || b[2]>>4 != subDSS || f.conn == nil {
			continue
		}
		d, ok := parseDSS(b)
		if n := int64(f.conn.acked - d.dsn); ok && d.hasMap && d.flags&flagDSN8 != 0 && n > 0 {
			return int(min(n, int64(len(p.payload))))
		}
	}
	return 0
}

func compareIP(c *comparison, want *IPSpec, p *live) {
	num := func(n uint8) string { return fmt.Sprint(n) }
	if want.HasTOS {
		c.differ("tos", num(want.TOS), num(p.seg.TOS))
	}
	if want.HasTTL {
		c.differ("ttl", num(want.TTL), num(p.seg.TTL))
	}
	if e := p.seg.TOS & wire.ECNMask; want.HasECN && !(want.ECN == ectAny && (e == wire.ECT0 || e == wire.ECT1)) {
		c.differ("ecn", ecnText(want.ECN), ecnText(e))
	}
	if want.HasLabel {
		c.differ("flowlabel", fmt.Sprint(want.Label), fmt.Sprint(p.label))
	}
}

func ecnText(e uint8) string {
	if e == ectAny {
		return "ect01"
	}
	return [...]string{"noecn", "ect1", "ect0", "ce"}[e&3]
}

// compareOptions compares kinds and order first, then the fields.
func (r *runner) compareOptions(c *comparison, k *Packet, p *live, f *flow) {
	var want, got []*item
	var wantKinds, gotKinds []string
	for _, o := range k.Options {
		i := r.resolve(o, f)
		want, wantKinds = append(want, i), append(wantKinds, i.kind.String())
	}
	for _, b := range p.options {
		i := r.decodeOption(b, f, p)
		got, gotKinds = append(got, i), append(gotKinds, i.kind.String())
	}
	if w, g := strings.Join(wantKinds, ", "), strings.Join(gotKinds, ", "); w != g {
		c.differ("options", w, g)
		return
	}
	for n := range want {
		r.compareItem(c, want[n], got[n])
		if want[n].kind == KindTimestamps {
			r.compareTS(c, k.Options[n], p.options[n], p, f)
		}
	}
}

func (r *runner) compareItem(c *comparison, want, got *item) {
	name := want.kind.String()
	byName := func(i *item) string {
		var names []string
		for _, f := range i.fields {
			names = append(names, f.name)
		}
		return strings.Join(names, " ")
	}
	if byName(want) != byName(got) {
		c.differ(name, want.String(), got.String())
		return
	}
	for n := range want.fields {
		w, g := want.fields[n], got.fields[n]
		if w.free || w.lax && !r.opt.Strict {
			continue
		}
		field := name
		if w.name != name {
			field += " " + w.name
		}
		c.differ(field, w.text, g.text)
	}
}

// compareTS checks the timestamp against the clock, if the script gives its
// tick, and remembers what the script calls it.
func (r *runner) compareTS(c *comparison, o *Option, b []byte, p *live, f *flow) {
	ts := be.Uint32(b[2:])
	f.aliases[o.Val] = ts
	if tick := r.sc.Config.TSTick; tick > 0 {
		// The system's clock has ticks of 1 ms.
		want := sim.Duration(int32(o.Val-f.firstVal)) * tick
		got := sim.Duration(int32(ts-f.firstTS)) * sim.Millisecond
		if d := want - got; d > r.sc.Config.Tolerance+tick || -d > r.sc.Config.Tolerance+tick {
			c.differ("TS val", fmt.Sprint(o.Val), fmt.Sprint(f.scriptTS(ts)))
		}
	}
}

// checkTime compares the time of a packet with that of its line.
func (r *runner) checkTime(e *Event, c comparison, at, from, to sim.Time) {
	if e.Time.Any {
		return
	}
	tol := r.sc.Config.tolerance(to.Sub(r.eventBase()))
	if at >= from.Add(-tol) && at <= to.Add(tol) {
		return
	}
	want := seconds(from)
	if to != from {
		want += " to " + seconds(to)
	}
	want += fmt.Sprintf(" +- %v ms", float64(tol)/float64(sim.Millisecond))
	c.diffs = append(c.diffs, difference{"time", want, seconds(at)})
	r.failPacket(e, c, "")
}

// seconds prints a time as scripts write it.
func seconds(t sim.Time) string { return fmt.Sprintf("%.6f s", float64(t)/float64(sim.Second)) }

// lineOf prints what a line expects, with names and functions resolved.
func (r *runner) lineOf(k *Packet, f *flow) string {
	var opts []string
	if k.AnyOptions {
		opts = []string{"..."}
	}
	for _, o := range k.Options {
		opts = append(opts, r.resolve(o, f).String())
	}
	return packetText(flagText(k.Flags), k.Seq, k.Len, k.HasAck, k.Ack, k.HasWin, k.Win, opts)
}

// lineOfLive prints the packets from first to p as a line of a script.
func (r *runner) lineOfLive(p *live, f *flow, first *live, got int) string {
	var opts []string
	for _, b := range p.options {
		opts = append(opts, r.decodeOption(b, f, p).String())
	}
	s := &p.seg
	return packetText(flagText(s.Flags), uint32(first.seg.Seq)-f.shift, got, s.Flags.Has(wire.ACK), uint32(s.Ack), true, s.Window, opts)
}

func packetText(flags string, seq uint32, n int, hasAck bool, ack uint32, hasWin bool, win uint16, opts []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d:%d(%d)", flags, seq, seq+uint32(n), n)
	if hasAck {
		fmt.Fprintf(&b, " ack %d", ack)
	}
	if hasWin {
		fmt.Fprintf(&b, " win %d", win)
	}
	if len(opts) > 0 {
		fmt.Fprintf(&b, " <%s>", strings.Join(opts, ", "))
	}
	return b.String()
}

// flowText says which flow a line means.
func (r *runner) flowText(k *Packet) string {
	end := func(e *EndpointRef, current string) string {
		switch {
		case e == nil:
			return current
		case r.names[e.Name] != nil:
			b := r.names[e.Name]
			if b.port == 0 {
				return b.addr.String()
			}
			return b.join().String()
		case e.Addr.IsValid():
			return e.Addr.String()
		}
		return "addr[" + e.Name + "]"
	}
	src, dst := "any", "any"
	if r.current != nil {
		src, dst = r.current.tuple.Src.String(), r.current.tuple.Dst.String()
	}
	return end(k.Src, src) + " > " + end(k.Dst, dst)
}
