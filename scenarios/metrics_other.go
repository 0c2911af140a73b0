package scenarios

import (
	"math"
	"net/netip"
	"slices"

	"mpsim/internal/app"
	"mpsim/mptcp"
	"mpsim/net/nat"
	"mpsim/net/radio"
	"mpsim/results"
	"mpsim/sim"
	"mpsim/sim/trace"
)

func multipathMetrics() []Metric {
	return []Metric{
		{Name: "share", Doc: "share of the flow's payload that arrived over subflows of a client interface, from `from` to `to`; what is sent again and arrives again counts again", fine: true,
			Params: params(pFlow, pIface, pFrom, pTo),
			eval: func(v *view, a *arguments) quantity {
				own, all := 0.0, 0.0
				for _, x := range v.observed(a).subs {
					n := app.BinsIn(x.bins, a.time(2, 0), a.time(3, v.now))
					all += n
					if x.iface == a.names[1] {
						own += n
					}
				}
				return num(own / all)
			}},
		{Name: "subflow_bytes", Doc: "payload that arrived over subflows of a client interface, from `from` to `to`", fine: true,
			Params: params(pFlow, pIface, pFrom, pTo), result: dimSize,
			eval: func(v *view, a *arguments) quantity {
				own := 0.0
				for _, x := range v.observed(a).subs {
					if x.iface == a.names[1] {
						own += app.BinsIn(x.bins, a.time(2, 0), a.time(3, v.now))
					}
				}
				return num(own)
			}},
		{Name: "first_use", Doc: "time from `at` until payload arrives over a subflow of a client interface, to 10 ms", fine: true,
			Params: params(pFlow, pIface, pAt), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				first := sim.Never
				for _, x := range v.observed(a).subs {
					if x.iface == a.names[1] {
						first = min(first, x.firstUse(a.time(2, 0)))
					}
				}
				return seconds(first)
			}},
		{Name: "subflows", Doc: "subflows that the flow has had, the initial one included", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity { return num(float64(len(v.observed(a).subs))) }},
		{Name: "client_ports", Doc: "different client ports that the subflows of the flow have had", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity {
				return num(float64(countPorts(v.observed(a), func(x *subflowRun) netip.AddrPort { return x.Local })))
			}},
		{Name: "server_ports", Doc: "different server ports that the subflows of the flow have had", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity {
				return num(float64(countPorts(v.observed(a), func(x *subflowRun) netip.AddrPort { return x.Remote })))
			}},
		{Name: "fallback", Doc: "why MPTCP was given up: \"none\", or the name of a reason", Params: params(pFlow), isText: true,
			eval: func(v *view, a *arguments) quantity {
				if why := v.observed(a).fallback; why != "" {
					return quantity{text: why}
				}
				return quantity{text: "none"}
			}},
		{Name: "ended", Doc: "how the connection ended: \"open\", \"graceful\", or the name of a reason", Params: params(pFlow), isText: true,
			eval: func(v *view, a *arguments) quantity {
				if e := v.flow(a, 0).ends; e != nil && e.Closed != sim.Never {
					return quantity{text: e.Why.String()}
				}
				return quantity{text: "open"}
			}},
	}
}

// countPorts returns how many different ports the subflows of a flow have had at one
// end.
func countPorts(f *flowRun, end func(*subflowRun) netip.AddrPort) (n int) {
	for i, x := range f.subs {
		if !slices.ContainsFunc(f.subs[:i], func(y *subflowRun) bool { return end(y).Port() == end(x).Port() }) {
			n++
		}
	}
	return n
}

func lossMetrics() []Metric {
	return []Metric{
		{Name: "retransmitted", Doc: "payload that the sender's subflows sent again", Params: params(pFlow), result: dimSize,
			eval: sumSubflows(func(x *subflowRun) int64 { return x.Retransmitted })},
		{Name: "reinjected", Doc: "payload that was sent again on another subflow", Params: params(pFlow), result: dimSize,
			eval: sumSubflows(func(x *subflowRun) int64 { return x.Reinjected })},
		{Name: "reinjected_useful", Doc: "payload of `reinjected` that was acknowledged on its subflow before the original was on its own", Params: params(pFlow), result: dimSize,
			eval: func(v *view, a *arguments) quantity { return num(float64(v.sending(a).Useful)) }},
		{Name: "reinjected_useless", Doc: "payload of `reinjected` whose original was acknowledged first: capacity spent for nothing", Params: params(pFlow), result: dimSize,
			eval: func(v *view, a *arguments) quantity { return num(float64(v.sending(a).Useless)) }},
		{Name: "timeouts", Doc: "retransmission timeouts of the sender", Params: params(pFlow), records: true,
			eval: func(v *view, a *arguments) quantity {
				return num(float64(len(v.w.watch.of(v.w, v.flow(a, 0), trace.RTO))))
			}},
		{Name: "rto_ladder", Doc: "share of consecutive retransmission timeouts whose interval is exactly the doubled timeout; 0 without two in a row", Params: params(pFlow), records: true,
			eval: func(v *view, a *arguments) quantity {
				return num(ladder(v.w.watch.of(v.w, v.flow(a, 0), trace.RTO)))
			}},
		{Name: "next_timeout", Doc: "time from `at` until the next retransmission timeout of the sender's subflow to a client interface", Params: params(pFlow, pIface, pAt), result: dimTime, records: true,
			eval: func(v *view, a *arguments) quantity { return seconds(v.nextTimeout(a)) }},
		{Name: "recoveries", Doc: "fast recoveries that the sender began from `from` to `to`", Params: params(pFlow, pFrom, pTo), records: true,
			eval: func(v *view, a *arguments) quantity {
				return num(float64(len(v.recoveries(a))))
			}},
		{Name: "recovery_interval", Doc: "mean time between the beginnings of fast recoveries from `from` to `to`: the period of a sawtooth", Params: params(pFlow, pFrom, pTo), result: dimTime, records: true,
			eval: func(v *view, a *arguments) quantity {
				at := v.recoveries(a)
				if len(at) < 2 {
					return num(math.Inf(1))
				}
				return num(at[len(at)-1].Sub(at[0]).Seconds() / float64(len(at)-1))
			}},
	}
}

// sending is what the connection of the sender of a flow shows.
func (v *view) sending(a *arguments) mptcp.ConnInfo {
	f := v.flow(a, 0)
	switch {
	case f.ends == nil:
		return mptcp.ConnInfo{}
	case f.download:
		return f.ends.Server.Info()
	}
	return f.ends.Client.Info()
}

// observed returns a flow with the final state of its subflows.
func (v *view) observed(a *arguments) *flowRun {
	f := v.flow(a, 0)
	f.observe(v.w)
	return f
}

func sumSubflows(get func(*subflowRun) int64) func(v *view, a *arguments) quantity {
	return func(v *view, a *arguments) quantity {
		sum := int64(0)
		for _, x := range v.observed(a).subs {
			sum += get(x)
		}
		return num(float64(sum))
	}
}

// nextTimeout finds the first timeout after a time of a subflow to an interface.
// Records name subflows as the sender numbers them.
func (v *view) nextTimeout(a *arguments) sim.Time {
	f, at := v.observed(a), a.time(2, 0)
	if f.ends == nil {
		return sim.Never
	}
	sender := &f.ends.Client
	if f.download {
		sender = &f.ends.Server
	}
	for _, r := range v.w.watch.of(v.w, f, trace.RTO) {
		for _, i := range sender.Subflows(nil) {
			if x := f.find(&i, !f.download); r.At >= at && int32(i.ID) == r.Flow && x != nil && x.iface == a.names[1] {
				return r.At - at
			}
		}
	}
	return sim.Never
}

// recoveries are the times at which the sender of a flow began a recovery.
func (v *view) recoveries(a *arguments) []sim.Time {
	var out []sim.Time
	for _, r := range v.w.watch.of(v.w, v.flow(a, 0), trace.Recovery) {
		if r.A == 1 && r.At >= a.time(1, 0) && r.At <= a.time(2, v.now) {
			out = append(out, r.At)
		}
	}
	return out
}

// firstUse is the time from at until the end of the first bin with bytes that
// begins at or after it.
func (x *subflowRun) firstUse(at sim.Time) sim.Time {
	for i := int((sim.Duration(at) + fineStep - 1) / fineStep); i < len(x.bins); i++ {
		if x.bins[i] > 0 {
			return sim.Time(i+1)*sim.Time(fineStep) - at
		}
	}
	return sim.Never
}

func linkMetrics() []Metric {
	return []Metric{
		{Name: "utilisation", Doc: "share of what the link could have carried that it carried, headers included",
			Params: params(pLink), eval: func(v *view, a *arguments) quantity { return num(v.link(a, 0).link.Stats().Utilisation) }},
		{Name: "drops", Doc: "packets that the link dropped for any reason",
			Params: params(pLink), eval: func(v *view, a *arguments) quantity { s := v.link(a, 0).link.Stats(); return num(float64(s.Drops())) }},
		{Name: "marks", Doc: "packets that the queue of the link marked with CE",
			Params: params(pLink), eval: func(v *view, a *arguments) quantity { return num(float64(v.link(a, 0).link.Stats().Marked)) }},
		{Name: "packets", Doc: "packets that the link accepted",
			Params: params(pLink), eval: func(v *view, a *arguments) quantity { return num(float64(v.link(a, 0).link.Stats().Accepted)) }},
		{Name: "mean_queue", Doc: "average over time of the bytes in the queue",
			Params: params(pLink), result: dimSize, eval: func(v *view, a *arguments) quantity { return num(v.link(a, 0).link.Stats().MeanQueueBytes) }},
		{Name: "p99_queue", Doc: "bytes in the queue that are not exceeded for 99 % of the time, to 1/8",
			Params: params(pLink), result: dimSize, eval: func(v *view, a *arguments) quantity { return num(v.link(a, 0).link.Stats().P99QueueBytes) }},
		{Name: "queue_delay", Doc: "how long the bytes that were queued at `at` took to leave, to 10 ms; up to the end of the run if they did not", fine: true,
			Params: params(pLink, pAt), result: dimTime,
			eval: func(v *view, a *arguments) quantity { return seconds(v.link(a, 0).queueDelay(a.time(1, 0))) }},
		{Name: "max_queue_delay", Doc: "largest queue_delay at any time from `from` to `to`", fine: true,
			Params: params(pLink, pFrom, pTo), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				worst := sim.Time(0)
				for t := a.time(1, 0); t < a.time(2, v.now); t += sim.Time(fineStep) {
					worst = max(worst, v.link(a, 0).queueDelay(t))
				}
				return seconds(worst)
			}},
		{Name: "mean_queue_delay", Doc: "mean over time, from `from` to `to`, of queue_delay: what a packet that came at a random moment would wait", fine: true,
			Params: params(pLink, pFrom, pTo), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				return num(mean(v.link(a, 0).queueDelays(a.time(1, 0), a.time(2, v.now))))
			}},
		{Name: "queue_delay_quantile", Doc: "queue_delay that is not exceeded for the part `quantile` of the time from `from` to `to`", fine: true,
			Params: params(pLink, pShare, pFrom, pTo), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				return num(results.Quantile(v.link(a, 0).queueDelays(a.time(2, 0), a.time(3, v.now)), a.values[1]))
			}},
		{Name: "radio_on", Doc: "time from `from` to `to` for which the radio at the end of a link is on: while a packet leaves in either direction, and for `tail` afterwards, to 10 ms (an LTE modem stays connected for some 11.6 s: Huang et al., MobiSys'12)", fine: true,
			Params: params(pLink, MetricParam{Name: "tail", kind: argTime}, pFrom, pTo), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				return seconds(v.link(a, 0).radioOn(a.time(1, 0), a.time(2, 0), a.time(3, v.now)))
			}},
		{Name: "service_gap", Doc: "longest time from `from` to `to` in which the trace or profile of the link lets nothing pass",
			Params: params(pLink, pFrom, pTo), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				return num(v.link(a, 0).serviceGap(a.time(1, 0), a.time(2, v.now)).Seconds())
			}},
	}
}

// queueDelay is the time until as many bytes have left as were queued at a
// time, or until the last sample: a bound that rests on it stays finite.
func (l *linkRun) queueDelay(at sim.Time) sim.Time {
	first := int(sim.Duration(at)/fineStep) - 1 // sample i is taken at (i+1) x 10 ms
	if first < 0 {
		return 0
	}
	for i := first; i < len(l.fine); i++ {
		if int64(l.fine[i].sent-l.fine[first].sent) >= l.fine[first].queue {
			return sim.Time(i-first) * sim.Time(fineStep)
		}
	}
	return sim.Time(max(len(l.fine)-1-first, 0)) * sim.Time(fineStep)
}

// queueDelays are the queue delays in seconds at the samples from a time on, before
// another.
func (l *linkRun) queueDelays(from, to sim.Time) (out []float64) {
	for i := range l.fine {
		if at := sim.Time(i+1) * sim.Time(fineStep); at >= from && at < to {
			out = append(out, l.queueDelay(at).Seconds())
		}
	}
	return out
}

// radioOn is the time within an interval in which something leaves in either
// direction, or has left at most tail before.
func (l *linkRun) radioOn(tail, from, to sim.Time) (on sim.Time) {
	until := sim.Time(0) // that it stays on
	sent := uint64(0)    // in both directions
	for i := range l.fine {
		begin := sim.Time(i) * sim.Time(fineStep)
		end := begin + sim.Time(fineStep)
		if n := l.fine[i].sent + l.fine[i].back; n > sent {
			sent = n
			until = end + tail
		}
		on += max(min(end, until, to)-max(begin, from), 0)
	}
	return on
}

// serviceGap is the longest time without service within an interval.
func (l *linkRun) serviceGap(from, to sim.Time) sim.Duration {
	cfg := l.link.Config()
	last, longest := from, sim.Duration(0)
	serve := func(begin, end sim.Time) { // service from begin to end
		if end > from && begin < to {
			longest = max(longest, min(begin, to).Sub(last))
			last = max(last, min(end, to))
		}
	}
	switch {
	case cfg.Opportunities != nil:
		ms := cfg.Opportunities.Milliseconds
		round := sim.Time(cfg.Opportunities.Length())
		for base := sim.Time(0); base < to; base += round {
			for _, m := range ms {
				at := base + sim.Time(m)*sim.Time(sim.Millisecond)
				serve(at, at)
			}
			if cfg.Opportunities.Once {
				break
			}
		}
	case cfg.Schedule != nil:
		for t := from; t < to; t += sim.Time(radio.Resolution) / 10 {
			if cfg.Schedule.RateAt(t) > 0 {
				serve(t, t+sim.Time(radio.Resolution)/10)
			}
		}
	default:
		return 0
	}
	return max(longest, to.Sub(last))
}

func otherMetrics() []Metric {
	pValue := MetricParam{Name: "value", kind: argNumber}
	pOther := MetricParam{Name: "other", kind: argNumber}
	return []Metric{
		{Name: "counter", Doc: "counter of all hosts together, by Linux's MPTcpExt name without prefix, such as MPJoinSynTx",
			Params: params(MetricParam{Name: "name", kind: argName}),
			eval: func(v *view, a *arguments) quantity {
				for _, c := range v.w.Counters() {
					if c.Name == a.names[0] {
						return num(float64(c.Value))
					}
				}
				return num(math.NaN())
			}},
		{Name: "box_actions", Doc: "how often a box has acted", Params: params(MetricParam{Name: "box", kind: argBox}),
			eval: func(v *view, a *arguments) quantity { return num(float64(v.w.box(a.names[0]).Acted())) }},
		{Name: "box_count", Doc: "how often a box has done something for a reason, such as mapping_created, inbound_filtered or inconsistent", Params: params(MetricParam{Name: "box", kind: argBox}, MetricParam{Name: "reason", kind: argReason}),
			eval: func(v *view, a *arguments) quantity { return num(v.boxCount(a.names[0], a.names[1])) }},
		boxReport(),
		{Name: "mappings", Doc: "mappings that a NAT has", Params: params(MetricParam{Name: "box", kind: argBox}),
			eval: func(v *view, a *arguments) quantity {
				if x, ok := v.w.box(a.names[0]).(*nat.NAT); ok {
					return num(float64(x.Mappings()))
				}
				return num(math.NaN())
			}},
		{Name: "min", Doc: "the smaller of two values", Params: params(pValue, pOther), generic: true,
			eval: func(_ *view, a *arguments) quantity { return num(min(a.values[0], a.values[1])) }},
		{Name: "max", Doc: "the larger of two values", Params: params(pValue, pOther), generic: true,
			eval: func(_ *view, a *arguments) quantity { return num(max(a.values[0], a.values[1])) }},
		{Name: "abs", Doc: "the value without sign", Params: params(pValue), generic: true,
			eval: func(_ *view, a *arguments) quantity { return num(math.Abs(a.values[0])) }},
		{Name: "sqrt", Doc: "square root of a number", Params: params(pValue),
			eval: func(_ *view, a *arguments) quantity { return num(math.Sqrt(a.values[0])) }},
	}
}
