package sweep

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"

	"mpsim/scenarios"
)

// Where returns which points satisfy a condition over the factors, written as a
// constraint of the file.
func (p *Plan) Where(text string) (func(*Point) bool, error) {
	s := &Sweep{axes: p.axes, conditions: []condition{{text, scenarios.Pos{File: "--only"}}}}
	f, err := s.filter()
	if err != nil {
		return nil, err
	}
	wanted := make(map[*Point]bool, len(p.Points))
	for _, x := range p.Points {
		if wanted[x], err = f.holds(x.levels, p.Factors()); err != nil {
			return nil, err
		}
	}
	return func(x *Point) bool { return wanted[x] }, nil
}

// List returns the runs that options choose as CSV: name, point, replication, seed,
// factors as texts, and the command that repeats the run. Of a sequential sweep the
// least number of replications is listed.
func (p *Plan) List(o *Options) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(slices.Concat(columnsBefore, p.Factors(), []string{"command"})) // a buffer takes everything
	s := session{Plan: p, o: *o}
	for _, x := range p.Points {
		for n := 1; n <= p.Replications.Min; n++ {
			if !s.mine(x, n) {
				continue
			}
			r := p.Run(x, n)
			_ = w.Write(slices.Concat([]string{r.ID, strconv.Itoa(x.Number), strconv.Itoa(n), strconv.FormatUint(r.Seed, 10)}, x.Values(), []string{p.Command(r)}))
		}
	}
	w.Flush()
	return b.Bytes()
}
