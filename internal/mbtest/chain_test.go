package mbtest

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// composition runs random chains and fails for those that break an MPTCP transfer
// that plain TCP survives, or that give the application another stream. It prints the
// scenario of a chain that fails, without the boxes that it does not take.
func composition(t *testing.T, profile string, chains int) {
	t.Helper()
	survived, failed := 0, 0
	count := map[Verdict]int{}
	for i := range chains {
		r, err := NewChain(profile, 1, uint64(i)).Run(context.Background())
		if err != nil {
			t.Fatalf("chain %d: %v", i, err)
		}
		if r.TCP.Complete {
			survived++
			count[r.Verdict]++
		}
		if r.Problem == "" {
			continue
		}
		if failed++; failed > 3 {
			continue
		}
		if r, err = r.Shrink(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Errorf("chain %d: %s, fallback %q, subflows lost by %v\n%s", i, r.Problem, r.Got.Fallback, r.Got.Lost, r.Chain.Scenario())
	}
	t.Logf("%s: %d chains, %d of which TCP survives; %d fail; %v", profile, chains, survived, failed, count)
	if survived < chains*9/10 || count[Kept] < chains/10 || count[Fallback] < chains/10 || count[Closed] < chains/10 {
		t.Error("the chains are not of all kinds")
	}
}

// Chains of up to six boxes that treat a connection alike from its first SYN on never
// break an MPTCP transfer with DSS checksums that plain TCP survives, and the
// application gets the stream that it was sent, or the one that the boxes make of it
// (RFC 8684 sections 3.7 and 6). The long test runs 10,000.
func TestComposition(t *testing.T) {
	composition(t, "rfc", 300)
	composition(t, "linux", 100)
}

// A chain that breaks a transfer shrinks to the boxes that it takes, and its scenario
// is one that mpsim runs.
func TestShrink(t *testing.T) {
	c := NewChain("rfc", 1, 5)
	// Without a way for the peer's answer nothing arrives; TCP does without options.
	poison := box("drop", `packets = "nonsyn"`, `carrying = ["mptcp"]`)
	c.Paths = [][]Box{{box("jitter"), poison, box("duplicate")}, {box("clamp-mss")}}
	c.forgetText()
	r, err := c.Run(context.Background())
	if err != nil || r.Problem == "" {
		t.Fatalf("%v, problem %q", err, r.Problem)
	}
	if r, err = r.Shrink(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := r.Chain.Paths; len(got[0]) != 1 || got[0][0].Type != "drop" || len(got[1]) != 0 {
		t.Errorf("shrunk to %v", got)
	}
}

// Chains outside of that class have the outcomes that the documents state, and no
// wrong byte is delivered but where payload is changed without checksums.
func TestOutsideTheClass(t *testing.T) {
	one, two := 1, 2
	for _, c := range []struct {
		name      string
		paths     int
		boxes     []Box // on the first path
		checksum  bool
		transfers string
		want      []Verdict
		wrong     int64 // bytes
	}{
		// Row C4: with several subflows the broken one is reset once a receive window of
		// data has no mapping, with one there is no signal that gets through.
		{"options vanish in mid-stream, two subflows", two, []Box{box("strip", `packets = "nonsyn"`, "first = 150")}, true, "down up", []Verdict{Kept, Closed}, 0},
		{"options vanish in mid-stream, one subflow", one, []Box{box("strip", `packets = "nonsyn"`, "first = 150")}, true, "down up", []Verdict{Failed, Fallback}, 0},
		{"options vanish at random, two subflows", two, []Box{box("strip", `packets = "nonsyn"`, "probability = 0.2")}, true, "down up", []Verdict{Kept, Closed, Fallback}, 0},
		// Without checksums nobody notices a change of the same length.
		{"payload changed without checksum", two, []Box{box("rewrite", "offset = 20000", `direction = "down"`)}, false, "down", []Verdict{Broken}, 4},
		// Acknowledgements pass, data has no mapping: RFC 8684 section 6 calls it not
		// deterministic.
		{"DSS vanishes from data, one subflow", one, []Box{box("strip", `packets = "data"`, `options = ["dss"]`)}, true, "down up", []Verdict{Fallback}, 0},
		{"DATA_ACK vanishes, one subflow", one, []Box{box("strip-data-ack")}, true, "down up", []Verdict{Fallback}, 0},
		{"early acknowledgement of joined segments", one, []Box{box("ack-early"), box("coalesce", `options = "last"`, `hold = "5ms"`)}, true, "down up", []Verdict{Fallback, Failed, Broken}, 0},
	} {
		for _, transfer := range []string{Down, Up} {
			if !slices.Contains([]string{"down up", transfer}, c.transfers) {
				continue
			}
			s := Setup{Profile: "rfc", Transfer: transfer, Paths: make([][]Box, c.paths), Checksum: c.checksum, Size: size, Seed: 1, TCP: true}
			s.Paths[0] = c.boxes
			tcp, err := s.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			s.TCP = false
			o, err := s.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			v, why := o.verdict(s.Size, tcp)
			if !slices.Contains(c.want, v) || o.Corrupt != c.wrong {
				t.Errorf("%s, %s: %s (%s), %d bytes, %d wrong; want %v and %d wrong", c.name, transfer, v, why, o.Bytes, o.Corrupt, c.want, c.wrong)
			}
		}
	}
}

// Where MP_FAIL ends the first subflow while a join is under way or about to fail, a
// subflow from a fresh port takes its place in infinite mapping, through devices that
// follow sessions, too. The transfer goes on as TCP.
func TestFailedSubflowsAreReplaced(t *testing.T) {
	find := func(c *Chain) Box {
		return box("rewrite", `mode = "find"`, "find = \""+c.Find+"\"", "text = \""+c.Text+"\"")
	}
	for name, paths := range map[string]func(*Chain) [][]Box{
		"joins get no answer": func(c *Chain) [][]Box {
			return [][]Box{{find(c)}, {box("drop", `packets = "syn"`, `carrying = ["mptcp"]`)}}
		},
		"joins are refused": func(c *Chain) [][]Box {
			return [][]Box{{find(c), box("nat", `profile = "linux-conntrack"`)}, {box("strip", `packets = "nonsyn"`, `direction = "down"`)}}
		},
		"both change payload": func(c *Chain) [][]Box { return [][]Box{{find(c)}, {find(c)}} },
	} {
		fallbacks := 0
		for number := range uint64(12) {
			c := NewChain("rfc", 2, number)
			c.Find, c.Text = (&generator{rand.New(rand.NewPCG(3, number)), true}).text(c.Size)
			c.Paths, c.Queue = paths(c), 200
			r, err := c.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if r.Problem != "" {
				t.Errorf("%s, %d: %s", name, number, r.Problem)
			}
			if r.Got.Fallback != "" {
				fallbacks++
			}
		}
		if fallbacks == 0 {
			t.Errorf("%s: no transfer goes on as TCP", name)
		}
	}
}
