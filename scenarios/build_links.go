package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mpsim/net/mbox"
	"mpsim/net/radio"

	simnet "mpsim/net"
	"mpsim/sim"
)

// DataDir returns the directory of recorded traces: what is asked for, else
// MPSIM_DATA, else ../shared/data below the working directory.
func DataDir(asked string) string {
	return cmp.Or(asked, os.Getenv("MPSIM_DATA"), filepath.FromSlash("../shared/data"))
}

// dataPath is where a file of the data directory lies.
func dataPath(asked, name string) string {
	return filepath.Join(DataDir(asked), filepath.FromSlash(name))
}

// buildLinks connects the interfaces. Direction up of a link goes from its end
// a to its end b.
func (w *World) buildLinks(problems *problemList) {
	traces := make(map[string]*radio.Trace) // nil: cannot be read, and that is noted
	media := w.buildMedia()
	for _, l := range w.sc.Links {
		up, down := w.linkConfig(l, l.Up), w.linkConfig(l, l.Down)
		if l.Profile.Name != "" {
			w.applyProfile(l, &up, &down)
		}
		for _, d := range []struct {
			dir *Direction
			cfg *simnet.LinkConfig
		}{{l.Up, &up}, {l.Down, &down}} {
			if d.dir.Trace != nil {
				applyTrace(w.run.DataDir, d.dir.Trace, d.cfg, traces, problems)
			}
		}
		a, b := w.sc.plan.ifaces[l.A], w.sc.plan.ifaces[l.B]
		if l.LTE != nil && (up.Opportunities != nil || down.Opportunities != nil) {
			problems.add(l.pos("lte"), "link %q: lte needs rates, and its trace has opportunities; mpsim trace convert makes rates of them", l.Name)
			continue
		}
		mobile, device := w.addRadio(l, media, &up, &down)
		toA, toB := w.net.Connect(l.Name, w.iface(b), w.iface(a), down, up)
		u, d := &linkRun{decl: l, dir: l.Up, name: l.Name + ".up", up: true, link: toB}, &linkRun{decl: l, dir: l.Down, name: l.Name + ".down", link: toA}
		u.other, d.other = d, u
		u.mobile, d.mobile, u.device, d.device = mobile, mobile, device, device
		w.startRadio(l, mobile, toB, toA)
		w.addLink(u)
		w.addLink(d)
		w.addJitter(l.Up, l.Name+".up", w.iface(a))
		w.addJitter(l.Down, l.Name+".down", w.iface(b))
		w.addBoxes(l)
	}
}

func (w *World) addLink(l *linkRun) {
	w.links = append(w.links, l)
	w.byLink[l.name] = l
}

func (w *World) addJitter(d *Direction, name string, at *simnet.Interface) {
	if *d.Jitter > 0 {
		at.AddBoxWith(mbox.NewJitter(d.Jitter.Duration(), float64(*d.JitCorr), w.sim.Stream("link/"+name+"/jitter")), simnet.PassFragments)
	}
}

// linkConfig translates one direction.
func (w *World) linkConfig(l *Link, d *Direction) simnet.LinkConfig {
	mask, _ := parseMask(d.DropMask) // checked when loaded
	cfg := simnet.LinkConfig{
		Delay:           d.Delay.Duration(),
		Queue:           simnet.Queue{Packets: int(d.Queue.Packets), Bytes: int(d.Queue.Bytes), ExcludeService: !*l.CountInService},
		Loss:            float64(*d.Loss),
		LossCorrelation: float64(*d.LossCorr),
		Drop:            simnet.DropPattern{Mask: mask},
		MTU:             int(d.MTU.N),
		TooBig:          *d.ICMP,
		Overhead:        int(d.Overhead.N),
		Burst:           d.Burst.model(),
		Histogram:       !w.run.NoExpect,
	}
	for _, i := range d.Drop {
		cfg.Drop.Indices = append(cfg.Drop.Indices, uint64(i))
	}
	if d.Rate != nil {
		cfg.Rate = d.Rate.Bits // 0 for unlimited, which is what simnet means by 0
	}
	if d.AckDelay != nil {
		cfg.Acks = simnet.Beside{On: true, Delay: d.AckDelay.Duration()}
	}
	if d.Mark != nil {
		cfg.Mark = simnet.Mark{Packets: int(d.Mark.Packets), Bytes: int(d.Mark.Bytes)}
	}
	if l.Mode == "served" {
		cfg.Mode = simnet.Served
	}
	if d.AQM.Name != "" {
		if err := d.setDiscipline(&cfg); err != nil {
			sim.Bugf("queue discipline of link %q passed its check: %v", l.Name, err)
		}
	}
	cfg.OldRouter = !*d.ICMPMTU
	return cfg
}

// applyProfile generates the rates of a link with a profile. Links with the same
// process name draw from the same streams and so see the same rates.
func (w *World) applyProfile(l *Link, up, down *simnet.LinkConfig) {
	p, err := l.radioProfile()
	if err != nil {
		sim.Bugf("profile of link %q passed its check: %v", l.Name, err)
	}
	d, u := p.Generate(w.sim, "process/"+l.Process, w.sc.Duration.Duration()+sim.Second)
	down.Schedule, up.Schedule = rateSchedule(d, simnet.Hold), rateSchedule(u, simnet.Hold)
}

// rateSchedule turns a trace of rates into what a link follows.
func rateSchedule(t *radio.Trace, end simnet.EndRule) *simnet.RateSchedule {
	s := &simnet.RateSchedule{End: end, Length: t.Length, Steps: make([]simnet.RateStep, len(t.Steps))}
	for i, st := range t.Steps {
		s.Steps[i] = simnet.RateStep{At: sim.Time(st.At), Rate: st.Rate}
	}
	return s
}

// applyTrace makes a link follow a recorded trace. Files are read once.
func applyTrace(dataDir string, ref *TraceRef, cfg *simnet.LinkConfig, read map[string]*radio.Trace, problems *problemList) {
	path := dataPath(dataDir, ref.File)
	key := ref.Format + " " + path
	t, known := read[key]
	if !known {
		var err error
		if t, err = readTrace(path, ref); err != nil {
			problems.add(ref.valuePos("file"), "%v", err)
		}
		read[key] = t
	}
	if t == nil {
		return
	}
	t, err := shapeTrace(t, ref)
	if err != nil {
		problems.add(ref.table.pos, "%v", err)
		return
	}
	if t.Kind == radio.Opportunities {
		cfg.Opportunities = &simnet.Opportunities{Milliseconds: t.Opportunities, Once: !ref.Loop}
		if err := cfg.Opportunities.Validate(); err != nil {
			problems.add(ref.valuePos("file"), "%s: %v", path, err)
		}
		return
	}
	end := simnet.Loop
	if !ref.Loop {
		end = simnet.Stop
	}
	cfg.Schedule = rateSchedule(t, end)
	if err := cfg.Schedule.Validate(); err != nil {
		problems.add(ref.valuePos("file"), "%s: %v", path, err)
	}
}

// readTrace reads a recorded trace; what is missing is said with where to get
// it.
func readTrace(path string, ref *TraceRef) (*radio.Trace, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("trace file %s does not exist; expected a recorded link trace (%s). Recorded traces are not part of mpsim: "+
			"point --data or MPSIM_DATA to a directory that holds them; docs/SCENARIOS.md says where they come from", path, formatName(ref.Format))
	}
	if err != nil {
		return nil, fmt.Errorf("trace file: %v", err)
	}
	defer f.Close()
	format, err := radio.ParseFormat(ref.Format)
	if err != nil {
		return nil, err
	}
	t, err := radio.Read(f, path, format)
	if err != nil {
		return nil, fmt.Errorf("trace file %v", err)
	}
	return t, nil
}

func formatName(format string) string {
	if format == "auto" {
		return "any format that mpsim list trace shows"
	}
	return "format " + format
}

// shapeTrace applies offset and scale. With an offset the run begins in the
// middle of the recording; a looping trace then goes on from its beginning.
func shapeTrace(t *radio.Trace, ref *TraceRef) (*radio.Trace, error) {
	var err error
	if offset := ref.Offset.Duration(); offset > 0 {
		if offset >= t.Length {
			return nil, fmt.Errorf("offset %v lies beyond the end of %s at %v", ref.Offset, t.Source, Duration(t.Length))
		}
		whole := t.Length
		if ref.Loop {
			if t, err = t.Loop(offset + whole); err != nil {
				return nil, err
			}
		} else {
			whole -= offset
		}
		if t, err = t.Slice(offset, whole); err != nil {
			return nil, err
		}
	}
	if ref.Scale != 1 {
		return t.Scale(ref.Scale)
	}
	return t, nil
}
