package mbtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim/trace"
)

// Verdict is the class of a cell's outcome.
type Verdict string

// The verdicts.
const (
	Kept     Verdict = "kept"     // MPTCP with both subflows
	Fallback Verdict = "fallback" // plain TCP on one subflow, complete
	Closed   Verdict = "closed"   // MPTCP, but a subflow was refused or reset, or never opened; complete
	Failed   Verdict = "error"    // not complete; the application of the client knows
	Blocked  Verdict = "blocked"  // not complete, as plain TCP is not, and what there is of the stream is the same
	Broken   Verdict = "broken"   // not complete and nobody says so, or a stream that TCP would not have delivered
)

// The places of a box: on the path of the initial subflow, on the other, on both.
var paths = []string{"first", "second", "both"}

// The directions of packets that a box acts on.
var directions = []string{Up, Down, "both"}

// Config says which part of the grid is run.
type Config struct {
	Behaviours []string // names; empty: all
	Paths      []string // first, second, both; empty: all
	Profiles   []string // of both hosts; empty: linux
	Set        bool     // only behaviours of the set of MBtest
	Seed       uint64
}

// Cell is one cell of the grid: two transfers through one box.
type Cell struct {
	Profile   string `json:"profile"`
	Behaviour string `json:"behaviour"`
	Doc       string `json:"doc"`
	Path      string `json:"path"`
	Direction string `json:"direction"`
	Transfer  string `json:"transfer"`

	Verdict Verdict `json:"verdict"`
	// Why is the reason of a fallback, of the end of subflows, or of an error.
	Why      string    `json:"why,omitempty"`
	Expected []Verdict `json:"expected"`
	Section  string    `json:"section"`
	Pass     bool      `json:"pass"`

	Bytes      int64 `json:"bytes"`
	Corrupt    int64 `json:"corrupt_bytes"`
	TCPBytes   int64 `json:"tcp_bytes"`
	TCPCorrupt int64 `json:"tcp_corrupt_bytes"`
	TCPDone    bool  `json:"tcp_complete"`
	// Digest and TCPDigest are the SHA-256 of the streams.
	Digest    string `json:"digest"`
	TCPDigest string `json:"tcp_digest"`
	// Acted is on how many packets the boxes have acted in the MPTCP transfer.
	Acted uint64 `json:"acted"`
}

// size of a transfer of the grid, bytes.
const size = 400_000

// Run runs the grid. The error is one of usage, of a broken invariant, or of ctx.
func Run(ctx context.Context, cfg *Config) ([]Cell, error) {
	rows, err := cfg.rows()
	if err != nil {
		return nil, err
	}
	profiles := cfg.Profiles
	if len(profiles) == 0 {
		profiles = []string{"linux"}
	}
	var out []Cell
	plain := map[string]*Outcome{} // what TCP gets, by scenario
	for _, profile := range profiles {
		if mptcp.ProfileByName(profile) == nil {
			return nil, cc.UnknownName("profile", profile, profileNames())
		}
		for i := range rows {
			for _, at := range paths {
				if len(cfg.Paths) > 0 && !slices.Contains(cfg.Paths, at) || rows[i].Flow != "" && at != paths[0] {
					continue
				}
				for _, d := range rows[i].directions() {
					for _, transfer := range []string{Down, Up} {
						if rows[i].Flow != "" && transfer != rows[i].Transfer {
							continue
						}
						c, err := rows[i].cell(ctx, profile, at, d, transfer, cfg.Seed, plain)
						if err != nil {
							return nil, err
						}
						out = append(out, *c)
					}
				}
			}
		}
	}
	return out, nil
}

func profileNames() []string {
	var names []string
	for _, p := range mptcp.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// rows returns the behaviours that are asked for.
func (cfg *Config) rows() ([]Behaviour, error) {
	all := Behaviours()
	var names []string
	for i := range all {
		names = append(names, all[i].Name)
	}
	for _, n := range cfg.Behaviours {
		if !slices.Contains(names, n) {
			return nil, cc.UnknownName("behaviour", n, names)
		}
	}
	for _, p := range cfg.Paths {
		if !slices.Contains(paths, p) {
			return nil, cc.UnknownName("path", p, paths)
		}
	}
	return slices.DeleteFunc(all, func(b Behaviour) bool {
		return len(cfg.Behaviours) > 0 && !slices.Contains(cfg.Behaviours, b.Name) || cfg.Set && !b.Set
	}), nil
}

// directions returns the directions in which the behaviour is tried.
func (b *Behaviour) directions() []string {
	switch {
	case b.Whole:
		return directions[2:]
	case len(b.Directions) > 0:
		return b.Directions
	}
	return directions
}

// runTCP runs plain TCP through the boxes of the first path, or recalls what came of it.
func (s *Setup) runTCP(ctx context.Context, known map[string]*Outcome) (*Outcome, error) {
	t := *s
	t.TCP, t.Paths = true, s.Paths[:1]
	text := t.Scenario()
	if o := known[text]; o != nil {
		return o, nil
	}
	o, err := t.Run(ctx)
	known[text] = o
	return o, err
}

// cell runs one cell: plain TCP over the first path, then MPTCP.
func (b *Behaviour) cell(ctx context.Context, profile, at, direction, transfer string, seed uint64, plain map[string]*Outcome) (*Cell, error) {
	s := b.setup(profile, at, direction, transfer, seed)
	tcp, err := s.runTCP(ctx, plain)
	if err != nil {
		return nil, err
	}
	o, err := s.Run(ctx)
	if err != nil {
		return nil, err
	}
	c := &Cell{
		Profile: profile, Behaviour: b.Name, Doc: b.Doc, Path: at, Direction: direction, Transfer: transfer,
		Bytes: o.Bytes, Corrupt: o.Corrupt, TCPBytes: tcp.Bytes, TCPCorrupt: tcp.Corrupt, TCPDone: tcp.Complete,
		Digest: o.Digest, TCPDigest: tcp.Digest,
	}
	for _, n := range o.Acted {
		c.Acted += n
	}
	c.Verdict, c.Why = o.verdict(s.Size, tcp)
	c.Expected, c.Section = b.expected(profile, at, direction, transfer)
	c.Pass = slices.Contains(c.Expected, c.Verdict)
	return c, nil
}

// setup is the transfer of a cell.
func (b *Behaviour) setup(profile, at, direction, transfer string, seed uint64) *Setup {
	x := b.Box
	if !b.Whole {
		x.Params = append(slices.Clone(x.Params), fmt.Sprintf("direction = %q", direction))
	}
	s := &Setup{Profile: profile, Transfer: transfer, Paths: make([][]Box, 2), Checksum: true, Size: size, Seed: seed, Flow: b.Flow, Queue: b.Queue}
	if b.Flow != "" {
		s.Paths = s.Paths[:1]
	}
	for i := range s.Paths {
		if at == paths[i] || at == paths[2] {
			s.Paths[i] = []Box{x}
		}
	}
	return s
}

// expected returns what the documents state of a cell, and where.
func (b *Behaviour) expected(profile, at, direction, transfer string) ([]Verdict, string) {
	meets := "acks"
	if b.Whole || direction == "both" || direction == transfer {
		meets = "data"
	}
	for _, r := range b.rules {
		if (r.profile == "" || r.profile == profile) && (r.path == "" || slices.Contains(strings.Fields(r.path), at)) &&
			(r.meets == "" || r.meets == meets) {
			return r.want, r.section
		}
	}
	return []Verdict{Kept}, "RFC 8684 section 6"
}

// verdict judges what became of an MPTCP transfer of n bytes by what plain TCP got
// through the same boxes. A stream is right if it is the sender's, or after a fallback
// what the boxes made of TCP's.
func (o *Outcome) verdict(n int, tcp *Outcome) (v Verdict, why string) {
	asTCP := o.Digest == tcp.Digest
	switch {
	case !tcp.Complete && !o.Complete && asTCP:
		return Blocked, o.Why
	case o.Complete && !o.intact(n) && !(o.Fallback != "" && (asTCP || o.editedAs(tcp, n))):
		return Broken, fmt.Sprintf("%d bytes, %d of them wrong", o.Bytes, o.Corrupt)
	case !o.Complete && o.Corrupt > 0 && o.Fallback == "":
		return Broken, fmt.Sprintf("%d wrong bytes", o.Corrupt)
	case !o.Complete && o.Closed && o.Why == trace.Graceful.String():
		return Broken, fmt.Sprintf("ends at %d bytes as if it were complete", o.Bytes)
	case !o.Complete && o.Closed:
		return Failed, o.Why
	case !o.Complete:
		return Broken, fmt.Sprintf("stands still at %d bytes", o.Bytes)
	case o.Fallback != "":
		return Fallback, o.Fallback
	case len(o.Lost) > 0:
		return Closed, strings.Join(o.Lost, ", ")
	case o.Counters["MPJoinAckRx"] == 0:
		return Closed, "no second subflow"
	}
	return Kept, ""
}

// editedAs reports whether a stream of n bytes has the one change that TCP's has, at
// another place: a box that counts bytes finds another one on a subflow that came in
// place of the first.
func (o *Outcome) editedAs(tcp *Outcome, n int) bool {
	whole := sent(n)
	_, was, is := edit(whole, tcp.content)
	_, myWas, myIs := edit(whole, o.content)
	return len(is)+len(was) > 0 && len(was)-len(is) == len(myWas)-len(myIs) && bytes.Equal(is, myIs)
}

// edit returns the place at which b differs from a, what a has there, and b.
func edit(a, b []byte) (at int, was, is []byte) {
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	a, b = a[at:], b[at:]
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return at, a, b
}

// intact reports whether the stream arrived as it was sent.
func (o *Outcome) intact(n int) bool { return o.Digest == digest(sent(n)) }
