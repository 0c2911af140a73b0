package scenarios

import (
	"mpsim/internal/app"
	"mpsim/internal/host"
	"mpsim/sim"
	"mpsim/sim/par"
	"mpsim/sim/trace"
)

// A run on several cores consists of parts: worlds that are built alike, of which each
// carries out the events of its own nodes (see sim/par and net/cut.go). All of them
// carry out the timeline, each for what it owns. Beside them there is one world that
// carries out nothing: it holds for every host, link, flow and box that of the part it
// belongs to, and reports, samplers and expectations look at it while the parts rest.

// partedRun is the run of the parts of a world.
type partedRun struct {
	view   *World
	parts  []*World
	owner  []int // part by origin
	byNode map[string]int
	engine *par.Run
	rest   func() // called whenever the parts rest; nil: nobody
}

// worldPart is a world as one part of a run.
type worldPart struct {
	w      *World
	number int
	all    []*worldPart
}

// Window implements par.Part.
func (p *worldPart) Window(number uint64, before sim.Time, most uint64) sim.Time {
	p.w.net.BeginWindow(number)
	p.w.sim.Run(before-1, most)
	return p.w.net.FirstSent()
}

// Take implements par.Part.
func (p *worldPart) Take(number uint64) {
	for _, from := range p.all {
		if from != p {
			p.w.net.Take(from.w.net, number)
		}
	}
}

// Next implements par.Part.
func (p *worldPart) Next() (sim.Time, sim.Key) { return p.w.sim.Next() }

// Events implements par.Part.
func (p *worldPart) Events() uint64 { return p.w.sim.Events() }

// Now implements par.Part.
func (p *worldPart) Now() (sim.Time, sim.Key) { return p.w.sim.Now(), p.w.sim.CurrentKey() }

// buildParts builds the worlds of a division and the one that shows them together.
func buildParts(sc *Scenario, run Run, d *division) (*World, error) {
	r := &partedRun{owner: d.owner, byNode: make(map[string]int)}
	var all []*worldPart
	var engine []par.Part
	for i := range d.parts {
		one := run
		one.Sample, one.part = nil, true
		w, err := Build(sc, one)
		if err != nil {
			return nil, err
		}
		w.own(i, d)
		r.parts = append(r.parts, w)
		p := &worldPart{w: w, number: i}
		all = append(all, p)
		engine = append(engine, p)
	}
	for _, p := range all {
		p.all = all
	}
	r.engine = par.New(engine, d.lookahead)
	for _, nd := range r.parts[0].nodes {
		r.byNode[nd.Name()] = d.owner[nd.Origin()]
	}
	r.look(run)
	return r.view, nil
}

// own makes the world part number part of a division.
func (w *World) own(part int, d *division) {
	owner := func(id sim.NodeID) int { return d.owner[id] }
	w.net.Cut(part, d.parts, owner)
	w.sim.Keep(func(id sim.NodeID) bool { return id == sim.Scenario || id != sim.Observer && owner(id) == part })
	if w.timeline.node != nil && part != 0 {
		w.trace.Mute(w.timeline.node.ID())
	}
	for _, f := range w.flows {
		// The client notes the start of a flow; a receiver elsewhere knows it, too.
		if w.hostPart(d, f.decl.Client) != part {
			f.record.Start(f.decl.Start.Time())
		}
	}
}

func (w *World) hostPart(d *division, name string) int { return d.owner[w.hosts[name].Node().Origin()] }

// of returns the part that a node belongs to.
func (r *partedRun) of(node string) *World { return r.parts[r.byNode[node]] }

// look makes the world that shows the parts.
func (r *partedRun) look(run Run) {
	first := r.parts[0]
	v := &World{
		sc: first.sc, run: run, sim: sim.New(run.Seed, run.Replication), trace: first.trace, net: first.net,
		hosts: make(map[string]*host.Host), byLink: make(map[string]*linkRun), byFlow: make(map[string]*flowRun),
		traceIDs: first.traceIDs, parted: r,
	}
	v.run.Plugins = first.run.Plugins
	r.view = v
	for i, nd := range first.nodes {
		p := r.of(nd.Name())
		v.nodes = append(v.nodes, p.nodes[i])
		if h := p.hosts[nd.Name()]; h != nil {
			v.hosts[nd.Name()] = h
		}
	}
	for i, l := range first.links {
		x := *l
		x.link = r.of(l.link.From().Node().Name()).links[i].link
		v.addLink(&x)
	}
	for _, l := range v.links {
		l.other = v.byLink[l.other.name]
	}
	for i := range first.boxes {
		v.boxes = append(v.boxes, r.of(first.boxes[i].node.Name()).boxes[i])
	}
	for i, f := range first.flows {
		client, server := r.of(f.decl.Client).flows[i], r.of(f.decl.Server).flows[i]
		x := &flowRun{decl: f.decl, download: f.download, reverse: server.reverse, request: client.request, ftp: client.ftp, datagram: client.datagram}
		if f.ends != nil {
			x.ends = new(app.Ends)
		}
		v.flows = append(v.flows, x)
		v.byFlow[f.decl.Name] = x
	}
	r.sync()
	v.sampler.init(v)
}

// sync brings what the view has of the parts up to date.
func (r *partedRun) sync() {
	r.view.timeline.outages = r.parts[0].timeline.outages
	for i, x := range r.view.flows {
		client, server := r.of(x.decl.Client).flows[i], r.of(x.decl.Server).flows[i]
		x.record = server.record
		if x.download || client.record.Begin == sim.Never {
			x.record = client.record // of the receiver, or of nobody yet
		}
		if x.ends != nil {
			*x.ends = *client.ends
			x.ends.Server = server.ends.Server
		}
	}
}

// run is World.Run.
func (r *partedRun) run(until sim.Time, maxEvents uint64, poll func(now sim.Time, events uint64) bool) (sim.Stop, error) {
	v := r.view
	polled := r.events()
	for {
		used := r.events()
		if used >= maxEvents {
			return sim.Budget, nil
		}
		if poll != nil && used-polled >= pollEvery {
			polled = used
			if !poll(v.sim.Now(), used) {
				return sim.Halted, nil
			}
		}
		at, _ := v.sim.Next()
		at = min(at, until)
		stop, failure := r.advance(at, maxEvents-used)
		if failure != nil {
			return sim.Halted, r.parts[failure.Part].bug(failure.Value, failure.Stack)
		}
		if stop == sim.Idle && v.sim.Pending() == 0 {
			at = r.lastEvent() // nothing more can happen before the end
			until = at
		}
		r.rests(at, stop)
		if at == until && stop != sim.Budget {
			return sim.Deadline, nil
		}
	}
}

// rests is what happens when all parts have carried out what happens up to a time, or as
// much as they may at once.
func (r *partedRun) rests(at sim.Time, stop sim.Stop) {
	if stop == sim.Budget {
		at = r.lastEvent()
	}
	for _, p := range r.parts {
		p.sim.Advance(at)
	}
	r.sync()
	if r.rest != nil {
		r.rest()
	}
	if stop != sim.Budget { // else there may be more at this time, and samplers come last
		r.view.sim.Run(at, ^uint64(0))
	}
	r.view.sim.Advance(at)
}

// advance carries out events up to a time, at most budget, and about as many as one
// thread does between two calls of poll.
func (r *partedRun) advance(until sim.Time, budget uint64) (sim.Stop, *par.Failure) {
	// A window is carried out whole, but no more must be carried out than asked for.
	if budget < 64*max(r.engine.Largest(), 256) {
		return r.engine.Exactly(until, min(budget, pollEvery))
	}
	return r.engine.Until(until, min(pollEvery*uint64(len(r.parts)), budget/2))
}

// lastEvent returns when the last event was carried out.
func (r *partedRun) lastEvent() sim.Time {
	last := r.view.sim.Now()
	for _, p := range r.parts {
		last = max(last, p.sim.Now())
	}
	return last
}

// events are those of all parts, those of the timeline counted once.
func (r *partedRun) events() uint64 {
	sum := -uint64(len(r.parts)-1) * r.parts[0].timeline.fired
	for _, p := range r.parts {
		sum += p.sim.Events()
	}
	return sum
}

func (r *partedRun) packetHops() (sum uint64) {
	for _, p := range r.parts {
		sum += p.net.PacketHops()
	}
	return sum
}

func (r *partedRun) hash() trace.Hash {
	runs := make([]*trace.Run, len(r.parts))
	part := make(map[uint32]int)
	for i, p := range r.parts {
		runs[i] = p.trace
		for _, nd := range p.nodes {
			part[nd.Trace().ID()] = r.owner[nd.Origin()]
		}
	}
	return trace.Merged(runs, func(id uint32) int { return part[id] }) // the timeline's is that of part 0
}

// Parts returns the worlds that carry out the run together, each the events of its own
// nodes; nil for a world that does so alone.
func (w *World) Parts() []*World {
	if w.parted == nil {
		return nil
	}
	return w.parted.parts
}

// AtRest calls f whenever the parts of a run rest and what they have observed can be put
// in order. A world without parts never calls it.
func (w *World) AtRest(f func()) {
	if w.parted != nil {
		w.parted.rest = f
	}
}

// Place returns the place of the event that is being carried out in the order of the
// run: its time, its key, and the step of the timeline, of which all parts of a run carry
// out the same events.
func (w *World) Place() (at sim.Time, key sim.Key, step uint32) {
	return w.sim.Now(), w.sim.CurrentKey(), w.timeline.step
}
