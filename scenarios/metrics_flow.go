package scenarios

import (
	"math"

	"mpsim/internal/app"
	"mpsim/results"
	"mpsim/sim"
)

func num(x float64) quantity { return quantity{v: x} }

// seconds turns a time or duration into a quantity; never is infinite.
func seconds(t sim.Time) quantity {
	if t == sim.Never {
		return num(math.Inf(1))
	}
	return num(t.Seconds())
}

func flowMetrics() []Metric {
	return []Metric{
		{Name: "goodput", Doc: "application bytes delivered per second from `from` (default: the start of the flow) to `to` (default: its completion or the end of the run)",
			Params: params(pFlow, pFrom, pTo), result: dimRate,
			eval: func(v *view, a *arguments) quantity {
				f := v.flow(a, 0)
				return num(f.goodput(a.time(1, f.decl.Start.Time()), a.time(2, v.now)))
			}},
		{Name: "bytes", Doc: "application bytes delivered from `from` to `to` (default: the whole run)",
			Params: params(pFlow, pFrom, pTo), result: dimSize,
			eval: func(v *view, a *arguments) quantity {
				f := v.flow(a, 0)
				if a.given == 1 {
					return num(float64(f.record.Bytes))
				}
				return num(f.record.BytesIn(a.time(1, 0), a.time(2, v.now)))
			}},
		{Name: "corrupt_bytes", Doc: "application bytes that are not those of their place in the stream, in both directions",
			Params: params(pFlow), result: dimSize,
			eval: func(v *view, a *arguments) quantity {
				f := v.flow(a, 0)
				n := f.record.Corrupt
				if f.reverse != nil {
					n += f.reverse.Corrupt
				}
				return num(float64(n))
			}},
		{Name: "connected", Doc: "time from the start of the flow until the client's handshake is complete",
			Params: params(pFlow), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				f := v.flow(a, 0)
				if f.ends == nil {
					return seconds(sim.Never)
				}
				return since(f, f.ends.Connected)
			}},
		{Name: "first_byte", Doc: "time from the start of the flow until its first byte is delivered",
			Params: params(pFlow), result: dimTime,
			eval: func(v *view, a *arguments) quantity { f := v.flow(a, 0); return since(f, f.record.First) }},
		{Name: "completed", Doc: "time from the start of the flow until it is complete (all data and the end of the stream, or the last response); never if it is not",
			Params: params(pFlow), result: dimTime,
			eval: func(v *view, a *arguments) quantity { f := v.flow(a, 0); return since(f, f.record.Done) }},
		{Name: "reaches", Doc: "time from `at` until the flow delivers at least `rate` in each of six 100 ms intervals in a row, to the beginning of the first of them",
			Params: params(pFlow, pAt, pRate), result: dimTime,
			eval: func(v *view, a *arguments) quantity { return seconds(reaches(v, a)) }},
		{Name: "ratio", Doc: "goodput of the first flow over that of the second, over the same time",
			Params: params(pFlow, MetricParam{Name: "other", kind: argFlow}, pFrom, pTo),
			eval: func(v *view, a *arguments) quantity {
				from, to := a.time(2, 0), a.time(3, v.now)
				return num(v.flow(a, 0).record.BytesIn(from, to) / v.flow(a, 1).record.BytesIn(from, to))
			}},
		{Name: "benefit", Doc: "aggregation benefit (CoNEXT'13): the goodput of `flow` on a scale on which 0 is that of the best single path and 1 their sum; the other flows used one path each. Each counts from its start to its completion or the end of the run",
			Params: params(pFlow, MetricParam{Name: "alone", kind: argFlow}, MetricParam{Name: "second", kind: argFlow},
				MetricParam{Name: "third", kind: argFlow, Optional: true}, MetricParam{Name: "fourth", kind: argFlow, Optional: true}),
			eval: func(v *view, a *arguments) quantity {
				var rates []float64
				for i := range a.given {
					f := v.flow(a, i)
					rates = append(rates, f.goodput(f.decl.Start.Time(), v.now))
				}
				return num(results.Benefit(rates[0], rates[1:]...))
			}},
	}
}

func latencyMetrics() []Metric {
	return []Metric{
		{Name: "requests", Doc: "requests that were answered",
			Params: params(pFlow), eval: func(v *view, a *arguments) quantity { return num(float64(delays(v, a).N)) }},
		{Name: "ftp_files", Doc: "files that an FTP session has fetched", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity { return ftpFiles(v, a, func(f *app.FTP) int { return f.Fetched }) }},
		{Name: "ftp_failed", Doc: "files that it has not: no data connection, or one that ended too early", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity { return ftpFiles(v, a, func(f *app.FTP) int { return f.Failed }) }},
		{Name: "latency", Doc: "quantile (0 to 1) of request latencies, or of the one-way delays of datagrams",
			Params: params(pFlow, pShare), result: dimTime,
			eval: func(v *view, a *arguments) quantity { return num(delays(v, a).Quantile(a.values[1]).Seconds()) }},
		{Name: "mean_latency", Doc: "mean request latency, or mean one-way delay of datagrams",
			Params: params(pFlow), result: dimTime,
			eval: func(v *view, a *arguments) quantity { return num(delays(v, a).Mean().Seconds()) }},
		{Name: "max_latency", Doc: "largest request latency, or one-way delay of datagrams",
			Params: params(pFlow), result: dimTime,
			eval: func(v *view, a *arguments) quantity { return num(delays(v, a).Max.Seconds()) }},
		{Name: "packets_sent", Doc: "datagrams sent", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity {
				return datagrams(v, a, func(d *app.Datagrams) int64 { return d.Sent })
			}},
		{Name: "packets_lost", Doc: "datagrams sent and not received", Params: params(pFlow),
			eval: func(v *view, a *arguments) quantity { return datagrams(v, a, (*app.Datagrams).Lost) }},
	}
}

func ftpFiles(v *view, a *arguments, get func(*app.FTP) int) quantity {
	if f := v.flow(a, 0).ftp; f != nil {
		return num(float64(get(f)))
	}
	return num(0)
}

func since(f *flowRun, t sim.Time) quantity {
	if t == sim.Never {
		return seconds(t)
	}
	return num(t.Sub(f.decl.Start.Time()).Seconds())
}

func delays(v *view, a *arguments) *app.Delays {
	switch f := v.flow(a, 0); {
	case f.request != nil:
		return &f.request.Delays
	case f.datagram != nil:
		return &f.datagram.Delays
	}
	return new(app.Delays)
}

func datagrams(v *view, a *arguments, get func(*app.Datagrams) int64) quantity {
	if d := v.flow(a, 0).datagram; d != nil {
		return num(float64(get(d)))
	}
	return num(0)
}

// reaches looks for six intervals of 100 ms in a row, beginning at multiples of
// 10 ms, in each of which the rate is reached.
func reaches(v *view, a *arguments) sim.Time {
	const interval, needed = sim.Time(100 * sim.Millisecond), 6
	r := v.flow(a, 0).record
	at, rate := a.time(1, 0), a.values[2]
	bytes := float64(rate * sim.Duration(interval).Seconds())
	for t := at; t+needed*interval <= v.now; t += sim.Time(app.BinWidth) {
		ok := true
		for k := sim.Time(0); ok && k < needed; k++ {
			ok = r.BytesIn(t+k*interval, t+(k+1)*interval) >= bytes*(1-1e-9)
		}
		if ok {
			return t - at
		}
	}
	return sim.Never
}
