package boxtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the transcripts; read the difference before committing it")

// Command carries out a command of a transcript that only some boxes have; false:
// it is unknown.
type Command func(r *Rig, box mbox.Box, words []string) bool

// Transcripts plays text files: lines that begin with > say what happens, the lines
// behind them what must come of it, packet in, packets out. With -rewrite the files
// take what came of it.
//
//	> box KIND key=value ...       a new network with this box at the router: parameters
//	                               of the kind, and the filter keys dir (up: from inside,
//	                               down), packets, carrying, source_port,
//	                               destination_port, first, count
//	> FROM TO tcp FLAGS key=value  a segment; flags as in SFRPA.UEC; keys: see Segment
//	> FROM TO udp [len=N] [tos=N]  a datagram
//	> FROM TO proto N [len=N]      a packet of another protocol
//	> FROM TO echo ID | reply ID   an echo
//	> FROM TO error K              ICMP about the last packet but K that FROM received:
//	                               host unreachable
//	> wait 10s | on | off | clock (lines begin with the time since the command)
//
// What is not printed of a packet otherwise stands at its end: literal payload, octets of
// the stream's content as <offset+length>, TOS, reserved flags.
func Transcripts(t *testing.T, pattern string, specs []mbox.Spec, more Command) {
	Files(t, pattern, func(t *testing.T, text string) string { return play(t, text, specs, more) })
}

// Files plays text files, each of which must come out of play as it is; with -rewrite it
// takes what comes out.
func Files(t *testing.T, pattern string, play func(t *testing.T, text string) string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(data))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			a, b := strings.Split(string(data), "\n"), strings.Split(got, "\n")
			for i := range max(len(a), len(b)) {
				if i >= len(a) || i >= len(b) || a[i] != b[i] {
					t.Fatalf("%s:%d: differs; played:\n%s", file, i+1, got)
				}
			}
		})
	}
}

// play carries out the commands of a transcript and returns it with what came of
// them.
func play(t *testing.T, text string, specs []mbox.Spec, more Command) string {
	var out strings.Builder
	var r *Rig
	var box mbox.Box
	ended := func() {
		if r != nil && r.Net.Allocated() != 0 {
			t.Errorf("%d packets left", r.Net.Allocated())
		}
	}
	for _, line := range strings.SplitAfter(text, "\n") {
		command, isCommand := strings.CutPrefix(strings.TrimSpace(line), "> ")
		if !isCommand {
			if s := strings.TrimSpace(line); s == "" || s[0] == '#' {
				out.WriteString(line)
			}
			continue
		}
		out.WriteString("> " + command + "\n")
		words := strings.Fields(command)
		if words[0] == "box" {
			ended()
			r = New(t, specs)
			box = r.Put(words[1], words[2:]...)
			continue
		}
		before := len(r.Got)
		r.since = r.Sim.Now()
		if more == nil || !more(r, box, words) {
			r.do(box, words)
		}
		for _, s := range r.Got[before:] {
			out.WriteString(s + "\n")
		}
	}
	ended()
	return out.String()
}

// do carries out one command.
func (r *Rig) do(box mbox.Box, words []string) {
	switch words[0] {
	case "wait":
		var d float64
		fmt.Sscan(strings.TrimSuffix(words[1], "s"), &d)
		r.Wait(sim.Duration(d * 1e9))
		return
	case "clock":
		r.Timed = true
		return
	case "on", "off":
		box.Switch(words[0] == "on")
		return
	}
	from, to := At(words[0]), At(words[1])
	rest := words[3:]
	switch words[2] {
	case "tcp":
		s, o := Segment(r.T, rest)
		r.Send(from, to, wire.ProtoTCP, s, o)
	case "udp":
		s := wire.Segment{Len: 10}
		for _, kv := range rest {
			fmt.Sscanf(kv, "len=%d", &s.Len)
			fmt.Sscanf(kv, "tos=%v", &s.TOS)
		}
		r.Send(from, to, wire.ProtoUDP, s, nil)
	case "proto":
		var proto uint8
		s := wire.Segment{Len: 8}
		fmt.Sscan(rest[0], &proto)
		for _, kv := range rest[1:] {
			fmt.Sscanf(kv, "len=%d", &s.Len)
		}
		r.Send(from, to, proto, s, &wire.Options{Present: wire.OptOpaque})
	case "echo", "reply":
		var id uint16
		fmt.Sscan(rest[0], &id)
		m := wire.NewEcho(icmpProto(from), words[2] == "reply", id, 1, []byte("abcd"))
		r.ICMP(from, to, &m)
	case "error":
		var k int
		fmt.Sscan(rest[0], &k)
		r.quote(from, to, k)
	default:
		r.T.Fatalf("unknown command %q", words)
	}
}
