package execute

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mpsim/results"
	"mpsim/scenarios"
)

const copiesText = `schema = 1
name = "copies"
duration = "6s"
[[node]]
name = "client"
[[node]]
name = "server"
[[link]]
name = "one"
a = "client.one"
b = "server.one"
rate = "8Mbps"
delay = "10ms"
queue = "1000pkt"
[[link]]
name = "two"
a = "client.two"
b = "server.two"
rate = "6Mbps"
down = { delay = "50ms" }
up = { delay = "10ms" }
queue = "1000pkt"
[[flow]]
name = "f"
client = "client"
server = "server"
size = "500kB"
[output]
capture = ["client.*", "server.*"]
`

// How many copies were worth sending, as tshark reads it off the packets at both ends: a
// byte that leaves on two subflows is a copy on the later one, of use if it reaches the
// client there first. The sender judges by acknowledgements, which take 10 ms on either
// path.
func TestCopiesAreJudgedAsOnTheWire(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("MPSIM_REQUIRE_TSHARK") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		text                string
		useful, useless     bool // some are
		leastCopied, atMost int64
	}{
		// Copies on the slow path of what the fast one carries: they all arrive late.
		"redundant": {"scheduler = \"redundant\"\n", false, true, 300_000, 500_000},
		// Packets of the fast path are lost, so that copies of them are of use.
		"lossy": {"scheduler = \"redundant\"\n[[at]]\ntime = \"0ms\"\naction = \"link.set\"\nlinks = [\"one\"]\ndirection = \"down\"\nloss = \"5%\"\n", true, true, 100_000, 500_000},
		// The path on which data waits is dead: copies on the other are all there is.
		"blackhole": {"[[at]]\ntime = \"200ms\"\naction = \"link.blackhole\"\nlinks = [\"one\"]\n", true, false, 10_000, 200_000},
		// It slows down, and timers expire: what it had in its queue arrives all the same.
		"slow": {"[[at]]\ntime = \"200ms\"\naction = \"link.set\"\nlinks = [\"one\"]\ndirection = \"down\"\nrate = \"50kbps\"\n[[at]]\ntime = \"1s\"\naction = \"link.set\"\nlinks = [\"one\"]\ndirection = \"down\"\nrate = \"8Mbps\"\n", true, true, 10_000, 500_000},
	} {
		t.Run(name, func(t *testing.T) {
			text, rest, _ := strings.Cut(c.text, "[[at]]")
			if rest != "" {
				rest = "[[at]]" + rest
			}
			sc, err := scenarios.Parse("copies.toml", strings.Replace(copiesText, "[output]", text+rest+"[output]", 1), scenarios.Options{Measures: []scenarios.Measure{
				{Name: "all", Expr: "reinjected(f)"}, {Name: "useful", Expr: "reinjected_useful(f)"}, {Name: "useless", Expr: "reinjected_useless(f)"}, {Name: "done", Expr: "completed(f)"}}})
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "run")
			var world *scenarios.World
			if _, err := Run(context.Background(), Job{Scenario: sc, Seed: 1, Out: dir, Capture: true,
				Attach: func(w *scenarios.World) error { world = w; return nil }}); err != nil {
				t.Fatal(err)
			}
			m := world.Measure()
			copied, useful, useless := copiesOnTheWire(t, filepath.Join(dir, results.CaptureName))
			t.Logf("%d bytes copied, %d useful, %d useless; complete at %v s", copied, useful, useless, m[3].Value)
			// Where a delayed acknowledgement, or one that waits for a repair, comes together
			// with the other subflow's, the sender cannot tell: a segment or two where packets
			// are lost, none elsewhere.
			within := int64(0)
			if name == "lossy" {
				within = 2 * 1424
			}
			got := [3]int64{int64(m[0].Value), int64(m[1].Value), int64(m[2].Value)}
			if got[0] != copied || got[1]+got[2] != copied || got[1] < useful-within || got[1] > useful+within {
				t.Errorf("metrics say %v copied, useful, useless; the capture %v", got, [3]int64{copied, useful, useless})
			}
			if useful > 0 != c.useful || useless > 0 != c.useless || useful == useless || copied < c.leastCopied || copied > c.atMost {
				t.Errorf("%d bytes copied, %d useful, %d useless: not what the case is for", copied, useful, useless)
			}
		})
	}
}

// wireByte is what a byte of the stream has seen.
type wireByte struct{ original, copied, arrived int } // subflows, from 1; 0: none yet

// copiesOnTheWire counts the bytes of the server's stream that went out on two subflows,
// and of them those that reached the client first on the later one, and on the earlier.
func copiesOnTheWire(t *testing.T, capture string) (copied, useful, useless int64) {
	t.Helper()
	args := []string{"-n", "-r", capture, "-T", "fields", "-E", "separator=,", "-E", "occurrence=f", "-d", "tcp.port==1-65535,data",
		"-Y", "tcp.len > 0 && tcp.options.mptcp.rawdataseqno"}
	for _, f := range []string{"frame.interface_name", "tcp.stream", "tcp.len", "tcp.seq", "tcp.options.mptcp.rawdataseqno", "tcp.options.mptcp.subflowseqno"} {
		args = append(args, "-e", f)
	}
	c := exec.Command("tshark", args...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	var stream []wireByte
	var first uint64 // data sequence number
	for line := range strings.Lines(out.String()) {
		f := strings.Split(strings.TrimSpace(line), ",")
		dsn, err := strconv.ParseUint(f[4], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		var n [4]int
		for i, field := range []int{1, 2, 3, 5} {
			if n[i], err = strconv.Atoi(f[field]); err != nil {
				t.Fatal(err)
			}
		}
		subflow, length := n[0]+1, n[1]
		if stream == nil {
			first = dsn
		}
		at := int(dsn-first) + n[2] - n[3] // the mapping begins at a place of the subflow
		for len(stream) < at+length {
			stream = append(stream, wireByte{})
		}
		for k := at; k < at+length; k++ {
			b := &stream[k]
			switch received := strings.HasPrefix(f[0], "client."); {
			case received && b.arrived == 0:
				b.arrived = subflow
			case received || b.original == subflow || b.copied != 0:
			case b.original == 0:
				b.original = subflow
			default:
				b.copied = subflow
			}
		}
	}
	for _, b := range stream {
		switch b.copied {
		case 0:
			continue
		case b.arrived:
			useful++
		default:
			useless++
		}
		copied++
	}
	return copied, useful, useless
}
