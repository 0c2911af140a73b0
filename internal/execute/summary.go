package execute

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mpsim/internal/app"
	"mpsim/internal/version"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// summary gathers the results of the run as it stands.
func (r *run) summary(o *Outcome) results.Summary {
	w, sc := r.world, r.job.Scenario
	s := results.Summary{
		Schema: results.SchemaVersion, Scenario: sc.Name, Title: sc.Title,
		Seed: r.job.Seed, Replication: r.job.Replication, Hash: w.Hash().String(),
		SimTime: seconds(w.Sim().Now()), Events: w.Events(), PacketHops: w.PacketHops(),
		Counters: map[string]uint64{}, Version: version.Version, Complete: o.Stopped == Finished, Stopped: r.reason,
	}
	for _, f := range w.Flows() {
		s.Flows = append(s.Flows, flow(&f))
	}
	for _, l := range w.Links() {
		s.Links = append(s.Links, link(&l))
	}
	for _, c := range w.Counters() {
		s.Counters[c.Name] = c.Value
	}
	if r.whole(o) {
		o.Expect, o.Numbers = w.Expect(), w.Numbers()
		for _, e := range o.Expect {
			s.Expect = append(s.Expect, results.Expectation{Expr: e.Expr, Value: e.Value, Pass: e.Pass})
		}
	}
	s.Outages = outages(w.Outages(), w.Sim().Now())
	for _, a := range w.Actions() {
		s.Actions = append(s.Actions, results.Action{At: seconds(a.At), Action: a.Action, Target: a.Target, Label: a.Label})
	}
	p := w.Preamble()
	for i := range p.Warnings {
		s.Warnings = append(s.Warnings, p.Warnings[i].Name()+": "+p.Warnings[i].Value)
	}
	if len(sc.Expect) > 0 && !r.whole(o) && !r.job.NoSeries {
		o.Unchecked = fmt.Sprintf("expectations were not checked: the run ended at %v s of %v", s.SimTime, sc.Duration)
		s.Warnings = append(s.Warnings, o.Unchecked)
	}
	for i := range p.Settings {
		s.Setup = append(s.Setup, results.Setting{Name: p.Settings[i].Name(), Value: p.Settings[i].Value})
	}
	return s
}

// whole reports whether the run saw everything that expectations are about.
func (r *run) whole(o *Outcome) bool {
	return o.Stopped == Finished && !r.job.NoSeries && r.end >= sim.Time(r.job.Scenario.Duration)
}

func seconds(t sim.Time) results.Number { return results.Number(t.Seconds()) }

func flow(f *scenarios.FlowReport) results.Flow {
	out := results.Flow{
		Name: f.Name, Protocol: f.Protocol, Fallback: f.Fallback, BytesDelivered: f.BytesDelivered, CorruptBytes: f.CorruptBytes,
		Start: seconds(f.Start), Goodput: results.Number(f.Goodput), MaxGap: results.Number(f.MaxGap.Seconds()),
		Client: f.Client, Server: f.Server, Controller: f.CC, Error: f.Error,
		PacketsSent: f.PacketsSent, PacketsReceived: f.PacketsReceived,
	}
	if f.Protocol == "mptcp" {
		out.Scheduler = f.Scheduler
	}
	if f.Protocol == "udp" {
		out.Controller = ""
	}
	if f.End != sim.Never {
		out.End = seconds(f.End).Ptr()
	}
	if f.Delays != nil && f.Delays.N > 0 {
		out.MeanDelay = results.Number(f.Delays.Mean().Seconds()).Ptr()
	}
	if d := f.Latencies; d != nil {
		out.Requests = int64(d.N)
		latencies(&out, d)
	}
	for _, x := range f.Subflows {
		out.Subflows = append(out.Subflows, results.Subflow{
			ID: x.ID, Local: x.Local.String(), Remote: x.Remote.String(), Backup: x.Backup, Interface: x.Interface, State: x.State,
			BytesSent: x.BytesSent, BytesDelivered: x.BytesDelivered, BytesRetransmitted: x.Retransmitted,
			BytesReinjected: x.Reinjected, SRTT: results.Number(x.SRTT.Seconds()),
		})
	}
	return out
}

func latencies(f *results.Flow, d *app.Delays) {
	if d.N == 0 {
		return
	}
	f.MeanLatency = results.Number(d.Mean().Seconds()).Ptr()
	f.MedianLatency = results.Number(d.Quantile(0.5).Seconds()).Ptr()
	f.P95Latency = results.Number(d.Quantile(0.95).Seconds()).Ptr()
	f.MaxLatency = results.Number(d.Max.Seconds()).Ptr()
}

func link(l *scenarios.LinkReport) results.Link {
	s := &l.Stats
	out := results.Link{
		Name: l.Name, Direction: l.Direction, Bytes: s.AcceptedBytes, Packets: s.Accepted, Drops: s.Drops(),
		Utilisation: results.Number(s.Utilisation), MeanQueueBytes: results.Number(s.MeanQueueBytes),
		P99QueueBytes: results.Number(s.P99QueueBytes), Marks: s.Marked,
	}
	if l.Discipline != "" {
		out.MeanWait = results.Number(s.MeanWait.Seconds()).Ptr()
		out.P99Wait = results.Number(s.P99Wait.Seconds()).Ptr()
		out.MaxWait = results.Number(s.MaxWait.Seconds()).Ptr()
	}
	for _, d := range []struct {
		why   trace.Reason
		count uint64
	}{
		{trace.QueueFull, s.QueueDrops}, {trace.RandomLoss, s.LossDrops}, {trace.PatternLoss, s.PatternDrops},
		{trace.LinkDown, s.DownDrops}, {trace.PacketTooBig, s.MTUDrops},
		{trace.HeadDrop, s.HeadDrops}, {trace.EarlyDrop, s.EarlyDrops}, {trace.SojournDrop, s.SojournDrops},
		{trace.Policed, s.PolicedDrops}, {trace.RetryLimit, s.RetryDrops},
	} {
		if d.count > 0 {
			if out.DropReasons == nil {
				out.DropReasons = map[string]uint64{}
			}
			out.DropReasons[d.why.String()] = d.count
		}
	}
	return out
}

// outages names a link without direction where both directions fail together.
// An outage that lasts ends with the run.
func outages(list []scenarios.Outage, now sim.Time) []results.Outage {
	var out []results.Outage
	add := func(name string, o scenarios.Outage) {
		out = append(out, results.Outage{Link: name, Start: seconds(o.Start), End: seconds(min(o.End, now))})
	}
	has := func(name string, like scenarios.Outage) bool {
		like.Link = name
		return slices.Contains(list, like)
	}
	for _, o := range list {
		if name, ok := strings.CutSuffix(o.Link, ".up"); ok && has(name+".down", o) {
			add(name, o)
		} else if name, ok := strings.CutSuffix(o.Link, ".down"); !ok || !has(name+".up", o) {
			add(o.Link, o)
		}
	}
	slices.SortStableFunc(out, func(a, b results.Outage) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Link, b.Link))
	})
	return out
}
