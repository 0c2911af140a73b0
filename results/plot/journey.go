package plot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mpsim/net/wire"
	"mpsim/results"
	"mpsim/sim"
)

// The ways of packets through a run, from the capture of all places (mpsim run --packets):
// which packet it is at each place the capture says itself, so nothing is guessed.

// placeName tells places apart.
type placeName struct {
	kind results.PlaceKind
	name string
}

// stop is a place at which a packet was: when it came and when it left, and how it looked then.
// A place that made it has no arrival, one where it ended no departure.
type stop struct {
	place     placeName
	typ       string // of a box
	in, out   sim.Time
	inAt      int // place of the sighting among all of the capture
	outAt     int
	came      bool
	left      bool
	dropped   bool
	why       string
	before    packet
	after     packet
	label     string // of the packet as it left
	beyond    string // of a link: the place behind it
	newTuples bool   // the first packet whose addresses this place changed in this way
}

// journey is the way of one packet.
type journey struct {
	id    uint64
	stops []stop // of one outside of the window only the last
	group int    // of journeys.groups
	kept  bool
	known bool // the group is known
}

// tupleGroup is the packets of one subflow, under all addresses that translators gave it.
type tupleGroup struct {
	flow    string
	subflow int // -1: not known
	name    string
}

// journeys are the packets of a run.
type journeys struct {
	list   []*journey
	groups []tupleGroup
	byPair map[wire.Tuple]int // the lesser end first
	merged []int              // a group that is another one: union of sets
	isn    map[isnKey]uint32
	origin map[int]placeName // of a group: where its first packet was made
	ways   map[wayKey]bool
	newest uint64
	seen   int // sightings so far
	made   int // packets made in the window
}

// wayKey is how a place changes addresses.
type wayKey struct {
	place         placeName
	before, after wire.Tuple
}

// mostJourneys is how many packets are followed where a flow is chosen among them; the others
// are counted.
const mostJourneys = 20_000

// isnKey is one direction of a connection at a place, arriving or leaving: boxes change
// sequence numbers.
type isnKey struct {
	place placeName
	out   bool
	tuple wire.Tuple
}

// pair returns a tuple with the lesser end first.
func pair(t wire.Tuple) wire.Tuple {
	if c := cmp.Or(t.Src.Addr().Compare(t.Dst.Addr()), cmp.Compare(t.Src.Port(), t.Dst.Port())); c > 0 {
		return t.Reverse()
	}
	return t
}

// journeysOf reads the packets of a run that were made in the window of the options, count of
// them unless some flow is chosen, and the sequence numbers of the SYNs before.
func journeysOf(r *Run, o *Options, count int) (*journeys, error) {
	if o.Flow != "" || o.Subflow != "" {
		count = mostJourneys
	}
	file := filepath.Join(r.Dir, results.PacketsName)
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: the run has no capture of all places; run the scenario with --packets", r.Dir)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := &journeys{byPair: map[wire.Tuple]int{}, isn: map[isnKey]uint32{}, origin: map[int]placeName{}, ways: map[wayKey]bool{}}
	open := map[uint64]*journey{}
	from, to := sim.Time(o.From*1e9), sim.Time(o.To*1e9)
	err = results.ReadPackets(f, func(s *results.Sighting) bool {
		all.seen++
		p, ok := readPacket(s.IP)
		if !ok {
			return true
		}
		j := open[s.Packet]
		if j == nil && s.Packet <= all.newest {
			return true // one that is not followed
		}
		if j == nil {
			all.newest = s.Packet // numbers are given in the order of first sightings
			inside := s.At >= from && (o.To == 0 || s.At <= to)
			if inside {
				all.made++
			}
			if o.To != 0 && s.At > to || len(all.list) >= count {
				return true
			}
			j = &journey{id: s.Packet, kept: inside}
			open[s.Packet] = j
			if inside {
				all.list = append(all.list, j)
			}
		}
		all.see(j, s, &p)
		if !j.kept {
			if j.stops = j.stops[len(j.stops)-1:]; s.Dropped || s.Place.Kind == results.PlaceHost && !s.Out {
				delete(open, s.Packet)
			}
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	all.name(&r.Summary)
	return all, nil
}

// see adds a sighting to the way of a packet.
func (a *journeys) see(j *journey, s *results.Sighting, p *packet) {
	place := placeName{s.Place.Kind, s.Place.Name}
	n := len(j.stops)
	if n == 0 || j.stops[n-1].place != place || j.stops[n-1].left {
		j.stops = append(j.stops, stop{place: place, typ: s.Place.Type, beyond: s.Place.Beyond})
		n++
	}
	st := &j.stops[n-1]
	g := a.groupOf(p.tuple)
	if _, ok := a.origin[g]; !ok && !j.known {
		a.origin[g] = place
	}
	if j.known {
		g = a.union(a.find(j.group), g)
	}
	j.group, j.known = g, true
	key := isnKey{place, s.Out, p.tuple}
	if _, known := a.isn[key]; !known || p.flags.Has(wire.SYN) {
		a.isn[key] = p.seq
		if !p.flags.Has(wire.SYN) {
			a.isn[key] = p.seq - 1 // the SYN was before the capture
		}
	}
	switch {
	case s.Dropped:
		st.dropped, st.why = true, s.Why
		if !st.came {
			st.in, st.inAt, st.before = s.At, a.seen, *p
		}
	case s.Out:
		st.out, st.outAt, st.left, st.after = s.At, a.seen, true, *p
		if way := (wayKey{place, st.before.tuple, p.tuple}); st.came && way.before != way.after && !a.ways[way] {
			st.newTuples, a.ways[way] = true, true
		}
		other := a.isn[isnKey{place, false, p.tuple.Reverse()}]
		st.label = p.label(a.isn[key], other)
	default:
		st.in, st.inAt, st.came, st.before = s.At, a.seen, true, *p
	}
}

func (a *journeys) groupOf(t wire.Tuple) int {
	t = pair(t)
	g, ok := a.byPair[t]
	if !ok {
		g = len(a.groups)
		a.byPair[t] = g
		a.groups = append(a.groups, tupleGroup{subflow: -1, name: t.Src.String() + " - " + t.Dst.String()})
		a.merged = append(a.merged, g)
	}
	return a.find(g)
}

func (a *journeys) find(g int) int {
	for a.merged[g] != g {
		g = a.merged[g]
	}
	return g
}

func (a *journeys) union(g, h int) int {
	g, h = min(g, h), max(g, h)
	a.merged[h] = g
	return g
}

// name takes the names of groups from the subflows of the summary.
func (a *journeys) name(s *results.Summary) {
	for i := range s.Flows {
		f := &s.Flows[i]
		for k := range f.Subflows {
			sf := &f.Subflows[k]
			for t, g := range a.byPair {
				ends := []string{t.Src.String(), t.Dst.String()}
				if !slices.Contains(ends, sf.Local) || !slices.Contains(ends, sf.Remote) {
					continue
				}
				name := subflowName(sf)
				if len(s.Flows) > 1 {
					name = f.Name + " " + name
				}
				if f.Protocol == "mptcp" {
					name += " (subflow " + strconv.Itoa(sf.ID) + ")"
				}
				a.groups[a.find(g)] = tupleGroup{f.Name, sf.ID, name}
			}
		}
	}
}

// choose keeps the packets that the options ask for, and at most count of them; it returns how
// many there were, at least.
func (a *journeys) choose(o *Options, count int) (int, error) {
	if o.Flow != "" && !slices.ContainsFunc(a.groups, func(g tupleGroup) bool { return g.flow == o.Flow }) {
		var names []string
		for _, g := range a.groups {
			if g.flow != "" && !slices.Contains(names, g.flow) {
				names = append(names, g.flow)
			}
		}
		return 0, fmt.Errorf("--flow: no packet is of a flow %q; there are packets of %s", o.Flow, strings.Join(names, ", "))
	}
	kept := a.list[:0]
	for _, j := range a.list {
		j.group = a.find(j.group)
		g := &a.groups[j.group]
		if (o.Flow == "" || g.flow == o.Flow) && (o.Subflow == "" || strconv.Itoa(g.subflow) == o.Subflow) {
			kept = append(kept, j)
		}
	}
	n := len(kept)
	if o.Flow == "" && o.Subflow == "" {
		n = a.made
	}
	a.list = kept[:min(len(kept), count)]
	return n, nil
}
