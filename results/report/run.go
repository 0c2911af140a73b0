package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"mpsim/results"
)

// runData is what the scripts of a page of a run read.
type runData struct {
	Kind    string      `json:"kind"` // "run"
	End     float64     `json:"end"`  // s
	Outages []interval  `json:"outages"`
	Actions []moment    `json:"actions"`
	Figures *figureData `json:"figures"`
	Lanes   []lane      `json:"lanes"`
	Events  *eventData  `json:"events,omitempty"`
	Packets *packetData `json:"packets,omitempty"`
	Boxes   []string    `json:"boxes"` // by number
	Whys    []sentence  `json:"whys"`  // what the reasons of the scheduler mean
	Blobs   []blob      `json:"blobs"`
}

type interval struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Label string  `json:"label"`
}

type moment struct {
	At    float64 `json:"at"`
	Label string  `json:"label"`
}

// run is what has been read of a run directory.
type run struct {
	dir      string
	summary  results.Summary
	manifest *results.Manifest
	verified string // "" or what differs
	resolved string
	scenario scenarioFile
	series   *seriesSet
	events   *eventTable
	packets  *packetTable
	lanes    *lanes
	logName  string
}

// scenarioFile is what a page reads of scenario.resolved.toml.
type scenarioFile struct {
	Node []struct {
		Name      string
		Interface []struct {
			Name      string
			Addresses []string
		}
	}
	Link []struct {
		Name, A, B string
		Box        []struct{ Name, Type, At string }
	}
	Baseline struct{ Hash string }
}

// openRun reads a run directory and, if there is one, its event log.
func openRun(src *Source) (*run, error) {
	r := &run{dir: src.Dir}
	var err error
	if r.manifest, err = results.ReadManifest(src.Dir); err != nil {
		return nil, err
	}
	if err := r.manifest.Verify(src.Dir); err != nil {
		r.verified = strings.TrimPrefix(err.Error(), filepath.Clean(src.Dir)+string(filepath.Separator))
	}
	path := filepath.Join(src.Dir, results.SummaryName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &r.summary); err != nil {
		return nil, inFile(path, err)
	}
	if r.series, err = readSeries(src.Dir); err != nil {
		return nil, err
	}
	path = filepath.Join(src.Dir, results.ResolvedName)
	if b, err = os.ReadFile(path); err == nil {
		r.resolved = string(b)
		if _, err := toml.Decode(r.resolved, &r.scenario); err != nil {
			return nil, inFile(path, err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := r.openLog(src); err != nil {
		return nil, err
	}
	if found, err := r.allPlaces(src); found || err != nil {
		return r, err
	}
	return r, r.capture()
}

// openLog reads the event log that was given or lies in the directory.
func (r *run) openLog(src *Source) error {
	in, name := src.Log, src.LogName
	if in == nil {
		name = filepath.Join(src.Dir, results.EventsName)
		f, err := os.Open(name)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
		r.logName = results.EventsName
	} else {
		r.logName = filepath.Base(name)
	}
	return inFile(name, r.read(in, src))
}

// read sorts the lines of an event log.
func (r *run) read(in io.Reader, src *Source) error {
	from, to := int64(src.From*1e9), int64(math.MaxInt64)
	if src.To > 0 {
		to = int64(src.To * 1e9)
	}
	r.events, r.packets, r.lanes = new(eventTable), newPacketTable(r.farEnds()), newLanes()
	r.events.of("")
	r.packets.of("")
	known := map[string]bool{}
	for i := range r.summary.Flows {
		known[r.summary.Flows[i].Name] = true
	}
	end := float64(r.summary.SimTime) + 1e-9
	err := readLog(in, func(e *logEvent) error {
		if float64(e.time)/1e9 > end {
			return fmt.Errorf("the time %d ns is after the end of the run (%g s): the log of another run", e.time, float64(r.summary.SimTime))
		}
		if e.flow != "" && !known[e.flow] {
			return fmt.Errorf("the run has no flow %q: the log of another run", e.flow)
		}
		if e.kind == "subflow_state" {
			r.packets.state(e)
		}
		r.lanes.add(e)
		inside := e.time >= from && e.time <= to
		switch {
		case e.shape.packet && inside:
			r.packets.add(e)
		case e.shape.packet:
			r.packets.outside(e)
		}
		if inside && (!e.shape.packet || e.kind == "packet_dropped" || e.kind == "box_action") {
			r.events.add(e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.events.nameFlows()
	flows := r.summary.Flows
	r.packets.nameStreams(r.lanes, func(flow string, id int64) string {
		for i := range flows {
			if flows[i].Name == flow {
				return flow + " " + subflowNameOf(&flows[i], id)
			}
		}
		return "unknown"
	})
	return nil
}

// farEnds returns the nodes at both ends of each direction of a link, by its name in logs.
func (r *run) farEnds() map[string][2]string {
	far := map[string][2]string{}
	for _, l := range r.scenario.Link {
		a, _, _ := strings.Cut(l.A, ".")
		b, _, _ := strings.Cut(l.B, ".")
		far[l.Name+"/up"], far[l.Name+"/down"] = [2]string{a, b}, [2]string{b, a}
	}
	return far
}

// boxes returns the names of boxes by their numbers, which count in the order of the file.
func (r *run) boxes() []string {
	out := []string{}
	for _, l := range r.scenario.Link {
		for _, b := range l.Box {
			name := b.Name
			if name == "" {
				name = b.Type
			}
			out = append(out, name)
		}
	}
	return out
}

// data collects what the scripts read.
func (r *run) data(b *blobs) *runData {
	s := &r.summary
	d := &runData{Kind: "run", End: float64(s.SimTime), Outages: outages(s), Actions: []moment{}, Boxes: r.boxes(), Whys: sentences(),
		Figures: figures(s, r.series, b)}
	for _, a := range s.Actions {
		label := a.Label
		if label == "" {
			label = strings.TrimSpace(a.Action + " " + a.Target)
		}
		d.Actions = append(d.Actions, moment{float64(a.At), label})
	}
	if r.lanes != nil {
		d.Lanes = r.lanes.of(s)
	}
	if len(d.Lanes) == 0 {
		d.Lanes = lanesOfSeries(s, r.series)
	}
	if d.Lanes == nil {
		d.Lanes = []lane{}
	}
	if r.events != nil && len(r.events.time) > 0 {
		d.Events = r.events.data(b)
	}
	if r.packets != nil && r.packets.whole && len(r.packets.begin) > 0 {
		d.Packets = r.packets.data(b)
	}
	d.Blobs = b.list
	return d
}

// outages joins the outages of one span of time, under the name that the timeline gives them
// or those of the links.
func outages(s *results.Summary) []interval {
	out := []interval{}
	for _, o := range s.Outages {
		iv := interval{float64(o.Start), float64(o.End), o.Link}
		i := slices.IndexFunc(out, func(x interval) bool { return x.From == iv.From && x.To == iv.To })
		if i < 0 {
			out = append(out, iv)
			continue
		}
		out[i].Label += ", " + o.Link
	}
	for i := range out {
		out[i].Label += " down"
		for _, a := range s.Actions {
			if float64(a.At) == out[i].From && a.Label != "" {
				out[i].Label = a.Label
				break
			}
		}
	}
	return out
}
