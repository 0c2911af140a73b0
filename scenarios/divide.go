package scenarios

import (
	"fmt"
	"slices"

	"mpsim/sim"
	"mpsim/sim/par"
)

// Whether a run is worth several cores, and how its nodes are divided among them, is
// found by carrying out its beginning on one: that tells how much every node and link
// has to do, and how many events there are in a window.

// division is how the nodes of a scenario are divided.
type division struct {
	parts     int
	owner     []int // part by origin
	lookahead sim.Duration
	short     bool   // the run is over before it is known
	perWindow uint64 // events of all parts in a window, at the beginning of the run
	imbalance float64
	cut       int // links
}

const (
	// The beginning has so many events for the loads, and then so many for the windows:
	// some hundredths of a second.
	loadEvents   = 100_000
	windowEvents = 50_000
	// worthwhile is how many events each part must have in a window: see docs/PARALLEL.md.
	worthwhile = 20
	// unbalanced is how much more than the mean the heaviest part may have to do.
	unbalanced = 1.5
)

// BuildParallel is Build for a run on several cores. Where that is impossible or does
// not pay, the world is that of Build, and why says so.
func BuildParallel(sc *Scenario, run Run, workers int) (w *World, why string, err error) {
	d, why, err := divide(sc, run, workers)
	if err == nil && why == "" && !run.Divide {
		why = d.pays()
	}
	if err != nil {
		return nil, "", err
	}
	if why == "" {
		w, err = buildParts(sc, run, d)
	} else {
		w, err = Build(sc, run)
	}
	return w, why, err
}

// pays says why a division does not pay, or nothing.
func (d *division) pays() string {
	switch least := uint64(worthwhile * d.parts); {
	case d.short:
		return fmt.Sprintf("the run has less than %d events", loadEvents+windowEvents)
	case d.perWindow < least:
		return fmt.Sprintf("it takes %v at least from one part to another, and in that time there are %d events; %d parts pay from %d on",
			d.lookahead, d.perWindow, d.parts, least)
	case d.imbalance > unbalanced:
		return fmt.Sprintf("one of %d parts would have %.0f %% of the work", d.parts, 100*d.imbalance/float64(d.parts))
	}
	return ""
}

// divide carries out the beginning of a run and divides the nodes.
func divide(sc *Scenario, run Run, workers int) (*division, string, error) {
	if why := sc.indivisible(); why != "" {
		return nil, why, nil
	}
	run.Sample, run.NoExpect, run.part = nil, true, true
	w, err := Build(sc, run)
	if err != nil {
		return nil, "", err
	}
	if w.natted != nil {
		return nil, "a NAT is watched by both of its sides", nil
	}
	if _, err := w.Run(sc.Duration.Time(), loadEvents, nil); err != nil {
		return nil, "", err
	}
	d := &division{parts: workers}
	if !w.cutUp(d) {
		return nil, fmt.Sprintf("there are no %d parts with links between them that have a delay and that nothing changes while the run lasts", workers), nil
	}
	err = w.eventsPerWindow(d)
	return d, "", err
}

// indivisible says why a scenario cannot be carried out in parts at all, or nothing.
func (sc *Scenario) indivisible() string {
	if len(sc.scripts) > 0 {
		return "a script is one program for all hosts"
	}
	for _, l := range sc.Links {
		if l.Medium != "" || l.LTE != nil || l.Radio != nil {
			return "a radio is one for all of its stations"
		}
	}
	return ""
}

// cutUp chooses the links to cut: with the longest lookahead that leaves parts of about
// the same load.
func (w *World) cutUp(d *division) bool {
	var delays []sim.Duration
	changed := w.changedLinks()
	for _, l := range w.links {
		if ahead := min(l.link.Lookahead(), l.other.link.Lookahead()); ahead > 0 && !changed[l.decl.Name] && !slices.Contains(delays, ahead) {
			delays = append(delays, ahead)
		}
	}
	slices.Sort(delays)
	slices.Reverse(delays)
	var best *division
	for i, ahead := range delays {
		if i > 16 {
			break
		}
		g := w.graph(ahead, changed)
		part, ok := par.Divide(g, d.parts)
		if !ok {
			continue
		}
		x := &division{parts: d.parts, lookahead: ahead, owner: make([]int, len(g.Load)), imbalance: g.Imbalance(part, d.parts)}
		copy(x.owner, part)
		for _, e := range g.Edges {
			if part[e.A] != part[e.B] {
				x.cut++
			}
		}
		if best == nil || x.imbalance < best.imbalance*3/4 {
			best = x
		}
		if best.imbalance < 1.2 {
			break
		}
	}
	if best == nil {
		return false
	}
	*d = *best
	return true
}

// changedLinks are the links that the timeline changes.
func (w *World) changedLinks() map[string]bool {
	changed := make(map[string]bool)
	for _, a := range w.sc.Actions {
		for _, name := range a.Links {
			changed[name] = true
		}
	}
	return changed
}

// hostWork is what a packet costs an endpoint, in forwardings.
const hostWork = 4

// graph is the network with the load so far, of which links of less lookahead must not
// be cut. Nodes are numbered by origin; the two that are none weigh nothing.
func (w *World) graph(ahead sim.Duration, changed map[string]bool) *par.Graph {
	g := &par.Graph{}
	for _, nd := range w.nodes {
		for len(g.Load) <= int(nd.Origin()) {
			g.Load = append(g.Load, 0)
		}
		g.Load[nd.Origin()] = 1
	}
	number := func(name string) int { return int(w.hosts[name].Node().Origin()) }
	for _, l := range w.links {
		a, b := l.link.From().Node(), l.link.To().Node()
		packets := int64(l.link.Stats().Accepted)
		for _, nd := range []int{int(a.Origin()), int(b.Origin())} {
			g.Load[nd] += packets
			if n := w.net.Nodes()[nd-1]; n.Receiver() != nil {
				g.Load[nd] += (hostWork - 1) * packets
			}
		}
		boxes := len(l.decl.Boxes) > 0 || *l.dir.Jitter > 0 || *l.other.dir.Jitter > 0
		g.Edges = append(g.Edges, par.Edge{
			A: int(a.Origin()), B: int(b.Origin()), Weight: packets + 1,
			Rigid: boxes || changed[l.decl.Name] || l.link.Lookahead() < ahead || l.other.link.Lookahead() < ahead,
		})
	}
	if len(g.Load) > 1 { // origin 0 is the timeline
		g.Edges = append(g.Edges, par.Edge{A: 0, B: 1, Rigid: true})
	}
	for _, f := range w.sc.Flows {
		// Their ends know each other.
		if f.Protocol == "udp" || f.App == "ftp" || f.FastOpen == "known" || len(f.Servers) > 0 {
			for _, s := range append([]string{f.Server}, f.Servers...) {
				g.Edges = append(g.Edges, par.Edge{A: number(f.Client), B: number(s), Rigid: true})
			}
		}
	}
	return g
}

// eventsPerWindow carries out some more of the run in windows and notes how many events
// they have.
func (w *World) eventsPerWindow(d *division) error {
	begun, windows := w.sim.Events(), uint64(0)
	end := w.sc.Duration.Time()
	for w.sim.Events()-begun < windowEvents {
		at, _ := w.sim.Next()
		if at > end {
			d.short = true
			break
		}
		if _, err := w.Run(min(at.Add(d.lookahead)-1, end), 0, nil); err != nil {
			return err
		}
		windows++
	}
	d.perWindow = (w.sim.Events() - begun) / max(windows, 1)
	return nil
}
