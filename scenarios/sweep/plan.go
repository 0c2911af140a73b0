package sweep

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"mpsim/internal/version"
	"mpsim/scenarios"
)

// maxSeed keeps seeds within the integers that a double holds, so that no reader of
// the table loses digits.
const maxSeed = 1<<53 - 1

// Plan is a sweep with its design.
type Plan struct {
	*Sweep
	Points []*Point
	// Units are those of the measures.
	units   []string
	options scenarios.Options
	data    dataSums
}

// Run is one run of a plan.
type Run struct {
	Point       *Point
	Replication int // from 1
	Seed        uint64
	// ID names the run by the content that determines it; 16 hexadecimal digits.
	ID string
}

// Plan makes the design and loads every point. The options give where recorded data
// and plug-ins are. The error is of type scenarios.Problems where the file is to
// blame: what a factor breaks in the scenario is reported where the factor stands.
func (s *Sweep) Plan(o scenarios.Options) (*Plan, error) {
	points, err := s.points()
	if err != nil {
		return nil, err
	}
	o.Measures, o.NoExpect = s.measures, true
	p := &Plan{Sweep: s, Points: points, options: o}
	faults := make([]error, len(points))
	var units sync.Once
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, x := range points {
		g.Go(func() error {
			sc, err := p.load(x, s.Seed)
			if err != nil {
				faults[i] = err
				return err // the others of a broken file are not loaded
			}
			units.Do(func() {
				for m := range s.measures {
					p.units = append(p.units, sc.Unit(m))
				}
			})
			x.digest, faults[i] = p.digest(sc)
			return faults[i]
		})
	}
	_ = g.Wait() // the first in design order is reported
	for i, err := range faults {
		if err != nil {
			return nil, s.place(points[i], err)
		}
	}
	return p, p.distinct()
}

// load loads the scenario of a point.
func (p *Plan) load(x *Point, seed uint64) (*scenarios.Scenario, error) {
	o := p.options
	o.Set, o.Seed = x.Set(), &seed
	return scenarios.Load(p.Base, o)
}

// digest is the hash of a scenario as it runs, with its scripts and the content of the
// files of the data directory that it reads.
func (p *Plan) digest(sc *scenarios.Scenario) (string, error) {
	h := sha256.New()
	if err := sc.WriteResolved(h); err != nil {
		return "", err
	}
	for _, x := range sc.Scripts() {
		fmt.Fprintf(h, "\n%q %q", x.Name, x.Source)
	}
	for _, f := range sc.DataFiles(p.options.DataDir) {
		sum, err := p.data.of(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "\ndata %q %s", f.Name, sum)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// place moves what is wrong with an override to where the sweep file gives it.
func (s *Sweep) place(p *Point, err error) error {
	var problems scenarios.Problems
	if !errors.As(err, &problems) {
		return err
	}
	out := slices.Clone(problems)
	for i := range out {
		key, ok := strings.CutPrefix(out[i].Pos.File, "--set ")
		if !ok {
			continue
		}
		for _, o := range p.set {
			if o.key == key {
				out[i].Pos = o.pos
				out[i].Message = key + ": " + out[i].Message
			}
		}
	}
	return out
}

// distinct looks for points that are the same run.
func (p *Plan) distinct() error {
	seen := make(map[string]int)
	for _, x := range p.Points {
		id := p.Run(x, 1).ID
		if n := seen[id]; n != 0 {
			return problem(p.factors[0].Pos, "points %d and %d of the design are the same (%s)", n, x.Number, strings.Join(x.Values(), ", "))
		}
		seen[id] = x.Number
	}
	return nil
}

// Run returns a replication of a point.
//
// With common random numbers, replication r of every point has the seed of the sweep
// plus r - 1. Without, its seed is the first 53 bits of the SHA-256 of the texts
// "mpsim sweep seed", the seed of the sweep as 8 bytes, r as 8 bytes and the overrides
// of the point, one a line: it depends on the settings of the point, not on its place
// in the design.
func (p *Plan) Run(x *Point, replication int) Run {
	r := Run{Point: x, Replication: replication, Seed: p.Seed + uint64(replication) - 1}
	set := strings.Join(x.Set(), "\n")
	if !p.Common {
		b := []byte("mpsim sweep seed")
		b = binary.BigEndian.AppendUint64(b, p.Seed)
		b = binary.BigEndian.AppendUint64(b, uint64(replication))
		sum := sha256.Sum256(append(b, set...))
		r.Seed = binary.BigEndian.Uint64(sum[:]) >> 11
	}
	h := sha256.New()
	fmt.Fprintf(h, "mpsim run %s\n%s\n%d %d\n%s\n", version.Version, x.digest, r.Seed, replication, set)
	for i := range p.measures {
		fmt.Fprintf(h, "%q %q %t\n", p.measures[i].Name, p.measures[i].Expr, p.measures[i].Condition)
	}
	r.ID = hex.EncodeToString(h.Sum(nil)[:8])
	return r
}

// Command returns the command that repeats a run.
func (p *Plan) Command(r Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "mpsim run %s --seed %d", p.Base, r.Seed)
	for _, s := range r.Point.Set() {
		fmt.Fprintf(&b, " --set '%s'", strings.ReplaceAll(s, "'", `'\''`))
	}
	return b.String()
}

// Program returns what names the code: the hash of the running program. Results of
// another program are not used again.
var Program = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
})
