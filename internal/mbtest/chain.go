package mbtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"mpsim/net/nat"
	"mpsim/net/wire"
)

// MaxChain is the largest number of boxes on a path of a random chain.
const MaxChain = 6

// Chain is a random setup: chains of boxes that treat a connection alike from its
// first SYN on, on the first path, on the second, or on both. Options are taken out
// of whole kinds of packets. Left out are boxes that take them out at random or from
// mid-connection, of which RFC 8684 section 6 says that the behaviour is not deterministic;
// those that take them from acknowledgements alone, which a DATA_FIN may be; and a proxy
// that acknowledges data and keeps no copy, which breaks TCP as well as soon as it loses
// any.
//
// With the profile linux no box takes DSS or DATA_ACKs from some packets only: upstream
// Linux goes by acknowledgements without DATA_ACK only up to the first DATA_ACK, and its
// stream cannot be followed then. With two access networks no box changes payload, and none loses
// options while it joins or splits segments: upstream Linux opens no subflow in place of
// those that were reset for that, so that the connection ends when it happens on all.
type Chain struct {
	Setup
	Number uint64
	// Find is the text that boxes of the chain replace by Text; "": none do.
	Find, Text string
}

// NewChain draws the chain of a number.
func NewChain(profile string, seed, number uint64) *Chain {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, number))}
	c := &Chain{Number: number, Setup: Setup{
		Profile: profile, Transfer: pick(g, Down, Up), Checksum: true, Size: 150_000 + g.IntN(250_000), Seed: number, Queue: 20 + g.IntN(400),
	}}
	c.Find, c.Text = g.text(c.Size)
	places := g.IntN(4)
	g.harsh = profile == "rfc" || places == 0
	one := g.chain(c)
	switch places {
	case 0:
		c.Paths = [][]Box{one}
	case 1:
		c.Paths = [][]Box{one, nil}
	case 2:
		c.Paths = [][]Box{nil, one}
	default:
		c.Paths = [][]Box{one, g.chain(c)}
	}
	c.forgetText()
	c.rewriteSACK()
	return c
}

// rewrites reports whether a box of the chain replaces text.
func (c *Chain) rewrites() bool {
	for _, p := range c.Paths {
		if slices.ContainsFunc(p, func(b Box) bool { return b.Type == "rewrite" }) {
			return true
		}
	}
	return false
}

// rewriteSACK makes boxes that renumber streams renumber SACK blocks, too, on paths with a
// device that checks the numbers of acknowledgements: TCP ends there with its first loss, so
// that it survives or not by chance.
func (c *Chain) rewriteSACK() {
	for _, p := range c.Paths {
		if !slices.ContainsFunc(p, func(b Box) bool { return b.Type == "firewall" || b.Type == "nat" }) {
			continue
		}
		for _, b := range p {
			if b.Type == "rewrite-isn" {
				b.Params[0] = `sack = "rewrite"`
			}
		}
	}
}

// forgetText clears Find and Text if no box replaces them.
func (c *Chain) forgetText() {
	if !c.rewrites() {
		c.Find, c.Text = "", ""
	}
}

// Result is what became of a chain.
type Result struct {
	Chain    *Chain
	TCP, Got *Outcome
	Verdict  Verdict
	// Problem is "" if all is well: what TCP survives, MPTCP has survived, and no
	// wrong byte was delivered that TCP would not have delivered.
	Problem string
}

// Run runs plain TCP and MPTCP through the chain.
func (c *Chain) Run(ctx context.Context) (*Result, error) {
	s := c.Setup
	s.TCP, s.Seconds = true, 1000 // a transfer that takes longer does not count
	tcp, err := s.Run(ctx)
	if err != nil {
		return nil, err
	}
	s.TCP, s.Seconds = false, 20_000
	o, err := s.Run(ctx)
	if err != nil {
		return nil, err
	}
	r := &Result{Chain: c, TCP: tcp, Got: o}
	// The text may be on the path that TCP does not take.
	as := *tcp
	if o.Digest == digest(c.replaced(sent(c.Size))) {
		as.Digest = o.Digest
	}
	r.Verdict, _ = o.verdict(c.Size, &as)
	switch whole := sent(c.Size); {
	case tcp.Complete && tcp.Digest != digest(whole) && tcp.Digest != digest(c.replaced(whole)):
		r.Problem = fmt.Sprintf("plain TCP delivers %d bytes, %d of them wrong", tcp.Bytes, tcp.Corrupt)
	case o.Complete && o.Digest != digest(whole) && o.Digest != digest(c.replaced(whole)),
		!o.Complete && !bytes.HasPrefix(whole, o.content) && !bytes.HasPrefix(c.replaced(whole), o.content):
		r.Problem = fmt.Sprintf("MPTCP delivers %d bytes, %d of them wrong", o.Bytes, o.Corrupt)
	case tcp.Complete && !o.Complete && o.Closed:
		r.Problem = fmt.Sprintf("MPTCP ends at %d bytes: %s", o.Bytes, o.Why)
	case tcp.Complete && !o.Complete:
		r.Problem = fmt.Sprintf("MPTCP stands still at %d bytes", o.Bytes)
	}
	return r, nil
}

// replaced returns a stream in which the text is replaced.
func (c *Chain) replaced(whole []byte) []byte {
	if c.Find == "" {
		return whole
	}
	return bytes.Replace(whole, []byte(c.Find), []byte(c.Text), 1)
}

// find returns the first place of a text in the first n bytes of a stream, or -1.
func find(text string, n int) int {
	for i := 0; i+len(text) <= n; i++ {
		if wire.ContentEqual([]byte(text), uint64(i)) == len(text) {
			return i
		}
	}
	return -1
}

// Shrink takes boxes away from a chain as long as the problem remains.
func (r *Result) Shrink(ctx context.Context) (*Result, error) {
	for again := true; again; {
		again = false
		for p := range r.Chain.Paths {
			for i := len(r.Chain.Paths[p]) - 1; i >= 0; i-- {
				smaller := *r.Chain
				smaller.Paths = slices.Clone(r.Chain.Paths)
				smaller.Paths[p] = slices.Delete(slices.Clone(r.Chain.Paths[p]), i, i+1)
				smaller.forgetText()
				s, err := smaller.Run(ctx)
				if err != nil {
					return nil, err
				}
				if s.Problem != "" {
					r, again = s, true
				}
			}
		}
	}
	return r, nil
}

// generator draws chains.
type generator struct {
	*rand.Rand
	harsh bool // with boxes that break subflows for which others are opened
}

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// text draws a printable text of four bytes that is once in the stream, and what it
// is replaced by: longer, shorter or as long.
func (g *generator) text(n int) (old, new string) {
	for {
		at := g.IntN(n / 2)
		var b [4]byte
		wire.FillContent(b[:], uint64(at))
		if !slices.ContainsFunc(b[:], func(c byte) bool { return c < '0' || c > 'z' || c == '\\' }) && find(string(b[:]), n) == at {
			return string(b[:]), pick(g, "#", "####", "#########")
		}
	}
}

func (g *generator) chain(c *Chain) []Box {
	out := make([]Box, 1+g.IntN(MaxChain))
	for i := range out {
		out[i] = g.box(c)
	}
	return out
}

// box draws a box that treats a connection alike from its first SYN on.
func (g *generator) box(c *Chain) Box {
	switch g.IntN(20) {
	case 0, 1:
		return box("nat", fmt.Sprintf("profile = %q", pick(g, nat.ProfileNames()...)))
	case 2:
		return box("firewall", fmt.Sprintf("options = %q", pick(g, "pass", "pass", "strip", "drop")))
	case 3:
		return g.ending()
	}
	b := g.filtered(c)
	b.Params = append(b.Params, fmt.Sprintf("direction = %q", pick(g, directions...)))
	return b
}

// ending draws a box that ends connections or acknowledges data in another's name.
func (g *generator) ending() Box {
	switch g.IntN(3) {
	case 0:
		return box("proxy", `direction = "up"`)
	case 1:
		return box("syn-proxy", `direction = "up"`)
	}
	return box("pep", fmt.Sprintf("mptcp = %q", pick(g, "keep", "strip")), fmt.Sprintf("direction = %q", pick(g, directions...)))
}

// filtered draws a box that acts on packets of a direction.
func (g *generator) filtered(c *Chain) Box {
	option := func(of ...string) string { return fmt.Sprintf("options = %q", pick(g, of...)) }
	kinds, keep, copied := 17, []string{"both", "first", "last"}, []string{"all", "first", "last"}
	switch {
	case !g.harsh:
		kinds, keep, copied = 15, keep[:1], copied[:1]
	case c.Profile != "rfc":
		kinds = 16
	}
	switch g.IntN(kinds) {
	case 0:
		return box("rewrite-isn", fmt.Sprintf("sack = %q", pick(g, "rewrite", "forget")))
	case 1:
		return box("split", fmt.Sprintf("size = %d", 100+g.IntN(1300)), option(copied...))
	case 2:
		return box("coalesce", fmt.Sprintf("size = %d", pick(g, 2000, 3000, 10000, 65000)), fmt.Sprintf("hold = \"%dus\"", 100+g.IntN(5000)), option(keep...))
	case 3, 4:
		return box("strip", fmt.Sprintf("packets = %q", pick(g, "all", "syn", "synack", "nonsyn")), fmt.Sprintf("mode = %q", pick(g, "nop", "remove", "eol")))
	case 5:
		return box("strip", fmt.Sprintf("options = [%q]", pick(g, "sack", "sack_permitted", "timestamps", "wscale", "mss")), fmt.Sprintf("mode = %q", pick(g, "nop", "remove")))
	case 6:
		return box("drop", `packets = "syn"`, `carrying = ["mptcp"]`)
	case 7:
		return pick(g, box("duplicate", fmt.Sprintf("copies = %d", 1+g.IntN(2))), box("duplicate", `what = "options"`))
	case 8:
		return box("clamp-mss", fmt.Sprintf("mss = %d", 400+g.IntN(1000)))
	case 9:
		return box("shrink-window", fmt.Sprintf("window = %d", 3000+g.IntN(60000)))
	case 10:
		return pick(g, box("jitter", fmt.Sprintf("bound = \"%dus\"", 1+g.IntN(8000))), box("delay", fmt.Sprintf("delay = \"%dus\"", 1+g.IntN(8000))))
	case 11:
		return box("normalise", fmt.Sprintf("holes = %q", pick(g, "hold", "reject")))
	case 12:
		return box("copy-options", fmt.Sprintf("to = %q", pick(g, "next", "retransmission")))
	case 13:
		return box("shape", fmt.Sprintf("rate = \"%dMbps\"", 2+g.IntN(20)))
	case 14:
		return pick(g, box("ids"), box("bleach", "dscp = 8"))
	case 15:
		return box("rewrite", `mode = "find"`, fmt.Sprintf("find = %q", c.Find), fmt.Sprintf("text = %q", c.Text))
	}
	return pick(g, box("strip", `packets = "data"`), box("strip", `packets = "data"`, `options = ["dss"]`), box("strip-data-ack"))
}
