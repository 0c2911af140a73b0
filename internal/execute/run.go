package execute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"time"

	"mpsim/internal/version"
	"mpsim/results"
	"mpsim/results/plot"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Run carries out a job. The error is of type scenarios.Problems if the
// scenario cannot be built, a *scenarios.BugError if an invariant broke, a
// *scenarios.ScriptError if a script failed, else
// one of writing files; no run directory is touched then. Reaching a limit or
// the end of ctx is no error: Outcome.Stopped says so.
func Run(ctx context.Context, job Job) (*Outcome, error) {
	if job.NoSeries && job.Out != "" {
		return nil, errors.New("a run directory needs the series")
	}
	r := &run{job: job, begun: time.Now()}
	if err := r.build(); err != nil {
		return nil, err
	}
	if job.Attach != nil {
		if err := job.Attach(r.world); err != nil {
			return nil, err
		}
	}
	if job.Preamble != nil {
		job.Preamble(r.world.Preamble())
	}
	if job.Out != "" {
		if err := r.open(); err != nil {
			return nil, err
		}
		defer r.dir.Abort() // nothing after Commit
	}
	if job.Records != "" {
		records, err := results.CreateRecords(job.Records, newNamer(r.world), tables(r.world))
		if err != nil {
			return nil, err
		}
		defer records.Abort() // nothing after Flush
		r.writers = append(r.writers, records)
		r.world.Trace().Subscribe(trace.AllKinds, records)
	}
	o := &Outcome{}
	if err := r.execute(ctx, o); err != nil {
		return nil, err
	}
	o.Summary = r.summary(o)
	for _, w := range r.writers {
		if err := w.Flush(); err != nil {
			return nil, err
		}
	}
	if r.dir != nil {
		if err := r.finish(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// run is one run that is being carried out.
type run struct {
	job   Job
	begun time.Time
	world *scenarios.World
	end   sim.Time

	dir     *results.Directory
	series  *results.Series
	qlog    *results.Qlog
	writers []flusher
	capture bool

	stop   Stop
	reason string
}

// build makes the world; nothing is written before that succeeded.
func (r *run) build() error {
	j := &r.job
	spec := scenarios.Run{Seed: j.Seed, Replication: j.Replication, DataDir: j.DataDir, Plugins: j.Plugins, Verify: j.Verify, Divide: j.Divide}
	if spec.NoExpect = j.NoSeries; !j.NoSeries {
		spec.Sample = r.sample
	}
	w, err := r.worlds(spec)
	if err != nil {
		return err
	}
	r.world = w
	r.end = sim.Time(j.Scenario.Duration)
	if j.Until > 0 {
		r.end = sim.Time(j.Until)
	}
	return nil
}

// worlds builds the world, in parts if that is wanted and pays.
func (r *run) worlds(spec scenarios.Run) (*scenarios.World, error) {
	j := &r.job
	if j.Workers <= 1 {
		return scenarios.Build(j.Scenario, spec)
	}
	if j.Attach != nil {
		return nil, errors.New("observers need a run with one worker")
	}
	if j.Records != "" || j.Qlog != 0 || j.Packets { // which are written as they come
		if j.Sequential != nil {
			j.Sequential("a binary trace, a qlog and a capture of all places are written by one worker")
		}
		return scenarios.Build(j.Scenario, spec)
	}
	w, why, err := scenarios.BuildParallel(j.Scenario, spec, j.Workers)
	if err == nil && why != "" && j.Sequential != nil {
		j.Sequential(why)
	}
	return w, err
}

// sample takes a point of a time series.
func (r *run) sample(at sim.Time, entity, metric string, value float64) {
	if r.series != nil {
		r.series.Point(at, entity, metric, value)
	}
	if r.qlog != nil {
		r.qlog.Sample(at, entity, metric, value)
	}
}

// open creates the run directory and attaches the writers to the world.
func (r *run) open() error {
	dir, err := results.Create(r.job.Out)
	if err != nil {
		return err
	}
	r.dir = dir
	if err := r.attach(); err != nil {
		_ = dir.Abort() // the first error is the one to report
		return err
	}
	return nil
}

func (r *run) attach() error {
	sc := r.job.Scenario
	w, err := r.dir.File(results.SeriesName)
	if err != nil {
		return err
	}
	r.series = results.NewSeries(w)
	r.writers = append(r.writers, r.series)
	var merge []func()
	kinds := r.job.Events
	if sc.Output.Events && kinds == 0 {
		kinds = results.Decisions
	}
	if kinds != 0 {
		if w, err = r.dir.File(results.EventsName); err != nil {
			return err
		}
		events := results.NewEvents(w, newNamer(r.world))
		r.writers = append(r.writers, events)
		if parts := r.world.Parts(); parts == nil {
			r.world.Trace().Subscribe(kinds, events)
		} else {
			for _, p := range parts {
				p.Trace().Subscribe(kinds, events.Part(newNamer(p), p.Place))
			}
			merge = append(merge, events.Merge)
		}
	}
	if r.job.Qlog != 0 {
		if w, err = r.dir.File(results.QlogName); err != nil {
			return err
		}
		r.qlog = results.NewQlog(w, r.info(), newNamer(r.world))
		r.writers = append(r.writers, r.qlog)
		r.world.Trace().Subscribe(r.job.Qlog, r.qlog)
	}
	if r.job.Capture || sc.Output.Pcap {
		if w, err = r.dir.File(results.CaptureName); err != nil {
			return err
		}
		c := results.NewCapture(w, r.info(), 0)
		r.writers = append(r.writers, c)
		r.capture = true
		r.capturePoints(c)
		merge = append(merge, c.Merge)
	}
	if r.job.Packets {
		if w, err = r.dir.File(results.PacketsName); err != nil {
			return err
		}
		r.writers = append(r.writers, results.NewPackets(w, r.info(), r.world.Network(), r.world.NamedBoxes()))
	}
	r.world.AtRest(func() {
		for _, m := range merge {
			m()
		}
	})
	return nil
}

// info goes into the heads of files.
func (r *run) info() results.CaptureInfo {
	return results.CaptureInfo{Scenario: r.job.Scenario.Name, Seed: r.job.Seed, Replication: r.job.Replication}
}

// capturePoints attaches the capture to the interfaces, each in the part that it is of.
func (r *run) capturePoints(c *results.Capture) {
	parts := r.world.Parts()
	captures := make([]*results.CapturePart, len(parts))
	for i, p := range parts {
		captures[i] = c.Part(p.Place)
	}
	for _, ifc := range r.world.CapturePoints() {
		if parts == nil {
			c.Attach(ifc)
			continue
		}
		point := c.AddInterface(ifc)
		for i, p := range parts {
			if ifc.Node().Network() == p.Network() {
				captures[i].Attach(ifc, point)
			}
		}
	}
}

// flusher is a writer of a file of the run directory.
type flusher interface{ Flush() error }

// execute lets time pass until the end, a limit or the user stops it.
func (r *run) execute(ctx context.Context, o *Outcome) error {
	stop, err := r.world.Run(r.end, r.job.Limits.Events, func(now sim.Time, events uint64) bool {
		return r.poll(ctx, now, events)
	})
	o.Wall = time.Since(r.begun)
	if err != nil {
		return err
	}
	if stop == sim.Budget {
		r.stop, r.reason = Limit, fmt.Sprintf("the limit of %d events is reached", r.job.Limits.Events)
	}
	o.Stopped = r.stop
	return nil
}

// poll is called every few milliseconds of real time; false ends the run.
func (r *run) poll(ctx context.Context, now sim.Time, events uint64) bool {
	wall := time.Since(r.begun)
	l := &r.job.Limits
	switch {
	case interrupted(ctx):
		r.stop, r.reason = Interrupted, "interrupted"
	case l.Wall > 0 && wall > l.Wall:
		r.stop, r.reason = Limit, fmt.Sprintf("the limit of %v of real time is reached", l.Wall)
	case l.Memory > 0 && memory() > l.Memory:
		r.stop, r.reason = Limit, fmt.Sprintf("the limit of %d bytes of memory is reached", l.Memory)
	}
	if r.stop == Finished && r.job.Progress != nil {
		r.job.Progress(Progress{Now: now, End: r.end, Events: events, Wall: wall})
	}
	return r.stop == Finished
}

// memory returns the bytes that the Go runtime has from the system and not
// given back.
func memory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// finish writes what remains and puts the directory in its place.
func (r *run) finish(o *Outcome) error {
	if err := r.dir.CloseFiles(); err != nil {
		return err
	}
	b, err := o.Summary.Encode()
	if err != nil {
		return err
	}
	if err := r.dir.Write(results.SummaryName, b); err != nil {
		return err
	}
	var resolved bytes.Buffer
	if err := r.job.Scenario.WriteResolved(&resolved); err != nil {
		return err
	}
	if err := r.dir.Write(results.ResolvedName, resolved.Bytes()); err != nil {
		return err
	}
	for _, s := range r.job.Scenario.Scripts() {
		if err := r.dir.Write(s.Name, []byte(s.Source)); err != nil {
			return err
		}
	}
	if err := r.figures(o); err != nil {
		return err
	}
	m := &results.Manifest{Scenario: o.Summary.Scenario, Seed: r.job.Seed, Replication: r.job.Replication, Hash: o.Summary.Hash,
		Version: version.Version, Status: results.Complete}
	if o.Stopped != Finished {
		m.Status, m.Reason = results.Partial, r.reason
	}
	if err := r.dir.Commit(m); err != nil {
		return err
	}
	o.Dir, o.Capture = r.dir.Path(), r.capture
	return nil
}

// figures draws what a run shows by default. A run without a series for it (a
// stop before the first sample, only datagrams) has no figure.
func (r *run) figures(o *Outcome) error {
	data, err := plot.LoadUnfinished(r.dir.TempPath(""))
	if err != nil {
		return err
	}
	for _, format := range []string{"png", "svg"} {
		b, err := plot.Render("goodput", []*plot.Run{data}, format)
		if err == plot.ErrNothing {
			return nil
		}
		if err != nil {
			return err
		}
		name := "goodput." + format
		if err := r.dir.Write(name, b); err != nil {
			return err
		}
		o.Figures = append(o.Figures, name)
	}
	return nil
}
