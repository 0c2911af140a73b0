package scenarios

import (
	"mpsim/internal/app"
	"mpsim/sim"
)

// sampler reads the state of the run at fixed times and gives it out as time
// series. It only looks: its events have the origin Observer, which follows
// every node, are not counted, and do not enter the hash.
type sampler struct {
	w       *World
	handler sim.HandlerID
	coarse  sim.Duration // between points of the series; 0: no series
	at      sim.Time     // of the last point
	flows   []flowSample
}

// flowSample is what the last point of a flow was computed from.
type flowSample struct{ bytes int64 }

// linkSample is the state of a link direction at one of the fine samples.
type linkSample struct {
	queue int64  // bytes
	sent  uint64 // bytes so far
	back  uint64 // ... and in the other direction
}

const (
	sampleSeries = iota
	sampleFine
)

// fineStep is the interval of the observations that expectations ask for.
const fineStep = app.BinWidth

func (s *sampler) init(w *World) {
	s.w = w
	if w.run.part {
		return // the run as a whole is observed
	}
	s.handler = w.sim.Register(s)
	s.flows = make([]flowSample, len(w.flows))
	if w.run.Sample != nil {
		s.coarse = w.sc.Defaults.Sample.Duration()
		s.schedule(s.coarse, sampleSeries)
	}
	if !w.run.NoExpect && s.needsFine() {
		s.schedule(fineStep, sampleFine)
	}
}

func (s *sampler) needsFine() bool {
	for _, name := range s.w.sc.fineFlows {
		s.w.byFlow[name].fine = true
	}
	return len(s.w.sc.fineLinks)+len(s.w.sc.fineFlows) > 0
}

func (s *sampler) schedule(in sim.Duration, what uint32) {
	s.w.sim.Schedule(s.w.sim.Now().Add(in), s.w.sim.NextKey(sim.Observer), s.handler, what)
}

// OnEvent implements sim.Handler.
func (s *sampler) OnEvent(now sim.Time, arg uint64) {
	if arg == sampleFine {
		s.fine(now)
		s.schedule(fineStep, sampleFine)
		return
	}
	s.series(now)
	s.schedule(s.coarse, sampleSeries)
}

// fine observes the links and subflows that expectations name.
func (s *sampler) fine(now sim.Time) {
	for _, name := range s.w.sc.fineLinks {
		l := s.w.byLink[name]
		st := l.link.Stats()
		l.fine = append(l.fine, linkSample{l.link.QueueBytes(), st.SentBytes, l.other.link.Stats().SentBytes})
	}
	for _, f := range s.w.flows {
		if f.fine && f.ends != nil {
			f.observe(s.w)
			for _, x := range f.subs {
				x.bin(now)
			}
		}
	}
}

// bin counts what has arrived over a subflow since the last fine sample.
func (x *subflowRun) bin(now sim.Time) {
	i := int(sim.Duration(now)/fineStep) - 1 // the sample at t ends the bin before t
	for len(x.bins) <= i {
		x.bins = append(x.bins, 0)
	}
	x.bins[i] += x.arrived - x.binned
	x.binned = x.arrived
}

// series gives out one point of every time series.
func (s *sampler) series(now sim.Time) {
	interval := now.Sub(s.at).Seconds()
	s.at = now
	out := s.w.run.Sample
	for i, f := range s.w.flows {
		name := f.decl.Name
		bytes := f.record.Bytes
		out(now, name, "goodput_bps", float64(bytes-s.flows[i].bytes)*8/interval)
		out(now, name, "bytes", float64(bytes))
		s.flows[i].bytes = bytes
		if f.ends == nil {
			continue
		}
		f.observe(s.w)
		out(now, name, "data_seq_bytes", float64(f.dataSeq))
		for _, x := range f.subs {
			s.subflow(now, interval, x)
		}
	}
	for _, l := range s.w.links {
		out(now, l.name, "queue_bytes", float64(l.link.QueueBytes()))
		sent := l.link.Stats().SentBytes
		out(now, l.name, "rate_bps", float64(sent-l.last)*8/interval)
		l.last = sent
	}
}

func (s *sampler) subflow(now sim.Time, interval float64, x *subflowRun) {
	out := s.w.run.Sample
	out(now, x.name, "goodput_bps", float64(x.received-x.sampled)*8/interval)
	x.sampled = x.received
	out(now, x.name, "seq_bytes", float64(x.received))
	if !x.live {
		return
	}
	out(now, x.name, "cwnd_bytes", float64(x.cwnd))
	if x.ssthresh > 0 {
		out(now, x.name, "ssthresh_bytes", float64(x.ssthresh))
	}
	out(now, x.name, "srtt_s", x.srtt.Seconds())
	out(now, x.name, "in_flight_bytes", float64(x.inFlight))
}
