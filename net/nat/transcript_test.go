package nat_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/net/mbox"
	"mpsim/net/nat"
	"mpsim/net/wire"
	"mpsim/sim"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the transcripts; read the difference before committing it")

// TestTranscripts plays the files of testdata: lines that begin with > say what
// happens, the lines behind them what must come of it, packet in, packets out.
//
//	> box KIND key=value ...       a new network with this box at the router
//	> FROM TO tcp FLAGS key=value  a segment; flags as in SPFRA.; keys seq, ack, win,
//	                               len, line (of text), mss, wscale, sack (permitted),
//	                               blocks, option
//	> FROM TO udp [len=N]          a datagram
//	> FROM TO echo ID | reply ID   an echo
//	> FROM TO error K              ICMP about the last packet but K that FROM received:
//	                               host unreachable
//	> wait 10s | rebind | renumber q | off | on | state
//
// What must come of it follows from the documents that the comments name.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 5 {
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
func play(t *testing.T, text string) string {
	var out strings.Builder
	var r *rig
	var box mbox.Box
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
			r = newRig(t)
			box = r.put(words[1], words[2:]...)
			continue
		}
		for _, s := range r.do(box, words) {
			out.WriteString(s + "\n")
		}
	}
	if n := r.n.Allocated(); n != 0 {
		t.Errorf("%d packets left", n)
	}
	return out.String()
}

// do carries out one command.
func (r *rig) do(box mbox.Box, words []string) []string {
	before := len(r.got)
	switch words[0] {
	case "wait":
		var d float64
		fmt.Sscan(strings.TrimSuffix(words[1], "s"), &d)
		return r.wait(sim.Duration(d * 1e9))
	case "rebind":
		box.(interface{ Rebind(sim.Time) }).Rebind(r.s.Now())
		return r.got[before:]
	case "renumber":
		box.(*nat.NAT).Renumber(r.s.Now(), []netip.Addr{addresses[words[1]]})
		return r.got[before:]
	case "on", "off":
		box.Switch(words[0] == "on")
		return nil
	}
	from, to := at(words[0]), at(words[1])
	rest := words[3:]
	switch words[2] {
	case "tcp":
		s, o := segment(r.t, rest)
		return r.send(from, to, wire.ProtoTCP, s, o)
	case "udp":
		s := wire.Segment{Len: 10}
		for _, kv := range rest {
			fmt.Sscanf(kv, "len=%d", &s.Len)
		}
		return r.send(from, to, wire.ProtoUDP, s, nil)
	case "echo", "reply":
		var id uint16
		fmt.Sscan(rest[0], &id)
		m := wire.NewEcho(icmpProto(from), words[2] == "reply", id, 1, []byte("abcd"))
		return r.icmp(from, to, &m)
	case "error":
		var k int
		fmt.Sscan(rest[0], &k)
		for i := len(r.wire) - 1; i >= 0; i-- {
			if p := &r.wire[i]; p.node == r.nodes[words[0][:strings.Index(words[0], ":")]] {
				if k--; k < 0 {
					ip := 20
					if from.Addr().Is6() {
						ip = 40
					}
					m := wire.NewUnreachable(icmpProto(from), 1, p.bytes[:min(len(p.bytes), ip+8+12)])
					return r.icmp(from, to, &m)
				}
			}
		}
		r.t.Fatalf("%s has received nothing", words[0])
	}
	r.t.Fatalf("unknown command %q", words)
	return nil
}

func icmpProto(a netip.AddrPort) uint8 {
	if a.Addr().Is6() {
		return wire.ProtoICMPv6
	}
	return wire.ProtoICMP
}

// icmp sends a message.
func (r *rig) icmp(from, to netip.AddrPort, m *wire.ICMPMessage) []string {
	o := &wire.Options{Present: wire.OptICMP, ICMP: wire.AppendICMP(nil, m)}
	return r.send(netip.AddrPortFrom(from.Addr(), 0), netip.AddrPortFrom(to.Addr(), 0), icmpProto(from), wire.Segment{}, o)
}

// segment reads flags and fields of a TCP segment.
func segment(t testing.TB, words []string) (wire.Segment, *wire.Options) {
	s, o := wire.Segment{Window: 1000}, new(wire.Options)
	for _, c := range words[0] {
		i := strings.IndexRune("FSRPAU", c)
		if c == '.' {
			i = 4
		}
		if i < 0 {
			t.Fatalf("unknown flag %q", c)
		}
		s.Flags |= 1 << i
	}
	for _, kv := range words[1:] {
		k, v, _ := strings.Cut(kv, "=")
		var n uint32
		fmt.Sscan(v, &n)
		switch k {
		case "seq":
			s.Seq = wire.Seq(n)
		case "ack":
			s.Ack = wire.Seq(n)
		case "win":
			s.Window = uint16(n)
		case "len":
			s.Len = uint16(n)
		case "line": // literal payload, + for a space
			line := strings.ReplaceAll(v, "+", " ") + "\r\n"
			wire.SetPieces(&s, o, []wire.Piece{{Len: uint32(len(line)), Data: []byte(line)}})
			s.Len = uint16(len(line))
		case "mss":
			o.Present, o.MSS = o.Present|wire.OptMSS, uint16(n)
		case "wscale":
			o.Present, o.WScale = o.Present|wire.OptWScale, uint8(n)
		case "sack":
			o.Present |= wire.OptSACKPermitted
		case "blocks":
			var b wire.SACKBlock
			fmt.Sscanf(v, "%d-%d", &b.Start, &b.End)
			o.Present, o.NSACK = o.Present|wire.OptSACK, 1
			o.SACK[0] = b
		case "mptcp":
			o.Present |= wire.OptCapable
			o.Capable = wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256}
		default:
			t.Fatalf("unknown field %q", k)
		}
	}
	if o.Present == 0 {
		o = nil
	}
	return s, o
}
