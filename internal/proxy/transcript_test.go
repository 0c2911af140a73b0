package proxy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mpsim/internal/boxtest"
	"mpsim/internal/proxy"
	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// rig is a client and a server with one box at the client.
type rig struct {
	boxtest.Bench
	client *simnet.Node
	server *simnet.Node
	box    mbox.Box
	seqs   map[string]wire.Seq // of the last segment to reach a host
	acks   map[string]wire.Seq
	tsVals map[string]uint32
}

// Emit implements trace.Sink.
func (r *rig) Emit(rec *trace.Record) { r.Got = append(r.Got, "box: "+rec.Why.String()) }

type end struct {
	r    *rig
	name string
}

func (e end) Receive(_ sim.Time, id simnet.PacketID) {
	s, o := e.r.Net.Segment(id), e.r.Net.Options(id)
	text := wire.Format(e.r.Net.Tuple(simnet.RouteID(s.Route)), s, o)
	e.r.Got = append(e.r.Got, e.name+": "+text[strings.Index(text, "Flags"):])
	e.r.seqs[e.name], e.r.acks[e.name], e.r.tsVals[e.name] = s.Seq, s.Ack, s.TSVal
	e.r.Net.Free(id)
}

// newRig makes the box that words describe: its type, then key=value.
func newRig(t testing.TB, words []string) *rig {
	r := &rig{seqs: map[string]wire.Seq{}, acks: map[string]wire.Seq{}, tsVals: map[string]uint32{}}
	r.Start(t, r, trace.BoxAction)
	r.client, r.server = r.Net.AddNode("client"), r.Net.AddNode("server")
	ia, ib := r.client.AddInterface("eth0"), r.server.AddInterface("eth0")
	r.Net.Connect("l", ia, ib, simnet.LinkConfig{}, simnet.LinkConfig{})
	ia.AddAddr(netip.MustParsePrefix("10.0.0.1/24"))
	ib.AddAddr(netip.MustParsePrefix("10.0.0.2/24"))
	r.client.SetReceiver(end{r, "client"})
	r.server.SetReceiver(end{r, "server"})
	spec, err := mbox.FindIn(proxy.Specs(), words[0])
	if err != nil {
		t.Fatal(err)
	}
	f := mbox.Everything()
	var settings []mbox.Setting
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		set := mbox.Setting{Name: k}
		if k == "direction" {
			f.Out, f.In = v == "up", v == "down"
			continue
		}
		if _, err := fmt.Sscan(v, &set.Number); err != nil {
			set.IsText, set.Texts = true, []string{v}
		}
		settings = append(settings, set)
	}
	env := &mbox.Env{Net: r.Net, Node: r.client, Rand: sim.NewRand(1, 0, "box"), Name: "box"}
	if r.box, err = spec.New(f, settings, env); err != nil {
		t.Fatal(err)
	}
	ia.AddBox(r.box)
	return r
}

// send sends a segment from the client, or the server.
func (r *rig) send(fromClient bool, port uint16, s wire.Segment, o *wire.Options) {
	t := wire.Tuple{Src: netip.MustParseAddrPort("10.0.0.1:1000"), Dst: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), port), Proto: wire.ProtoTCP}
	from := r.client
	if !fromClient {
		t, from = t.Reverse(), r.server
	}
	r.Inject(from, t, s, o)
}

// segment reads flags and fields; "last" is a number of the last segment to reach
// the host who sends, so that what a box has chosen can be answered.
func (r *rig) segment(who string, words []string) (s wire.Segment, o *wire.Options) {
	s, o = wire.Segment{Window: 1000}, new(wire.Options)
	for _, c := range words[0] {
		s.Flags |= 1 << max(strings.IndexRune("FSRPA", c), 0)
	}
	for _, kv := range words[1:] {
		k, v, _ := strings.Cut(kv, "=")
		var n uint32
		var plus int
		if rest, ok := strings.CutPrefix(v, "last"); ok {
			fmt.Sscan(rest, &plus)
			n = uint32(map[string]wire.Seq{"seq": r.acks[who], "ack": r.seqs[who], "blocks": r.seqs[who]}[k].Add(plus))
		} else {
			fmt.Sscan(v, &n)
		}
		switch k {
		case "seq":
			s.Seq = wire.Seq(n)
		case "ack":
			s.Ack = wire.Seq(n)
		case "win":
			s.Window = uint16(n)
		case "len":
			s.Len = uint16(n)
			s.Off = uint64(s.Seq)
		case "ts":
			s.Opt, s.TSVal, s.TSEcr = s.Opt|wire.HasTS, n, r.tsVals[who]
		case "dsn":
			s.Opt, s.DSN, s.SSN, s.MapLen = s.Opt|wire.HasDSS|wire.HasMap, wire.DSN(n), uint32(n), s.Len
		case "mss":
			o.Present, o.MSS = o.Present|wire.OptMSS, uint16(n)
		case "wscale":
			o.Present, o.WScale = o.Present|wire.OptWScale, uint8(n)
		case "sack":
			o.Present |= wire.OptSACKPermitted
		case "blocks": // of ten octets
			o.Present, o.NSACK = o.Present|wire.OptSACK, 1
			o.SACK[0] = wire.SACKBlock{Start: wire.Seq(n), End: wire.Seq(n).Add(10)}
		case "mptcp":
			o.Present |= wire.OptCapable
			o.Capable = wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256}
		default:
			r.T.Fatalf("unknown field %q", k)
		}
	}
	return s, o
}

// TestTranscripts plays the files of testdata: lines that begin with > say what
// happens, the lines behind them what must come of it, packet in, packets out.
//
//	> box TYPE key=value ...      a new network with this box
//	> client|server FLAGS k=v ... a segment: seq, ack (last+N: relative to what the
//	                              host has received last), win, len, ts, dsn, mss,
//	                              wscale, sack, blocks, mptcp
//	> wait 10s
func TestTranscripts(t *testing.T) { boxtest.Files(t, "testdata/*.txt", play) }

func play(t *testing.T, text string) string {
	var out strings.Builder
	var r *rig
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			out.WriteString(line + "\n")
			continue
		}
		if words[0] != ">" {
			continue
		}
		out.WriteString(line + "\n")
		if words[1] == "box" {
			r = newRig(t, words[2:])
			continue
		}
		r.Got = r.Got[:0]
		if words[1] == "wait" {
			var d float64
			fmt.Sscan(strings.TrimSuffix(words[2], "s"), &d)
			r.Wait(sim.Duration(d * 1e9))
		} else {
			s, o := r.segment(words[1], words[2:])
			r.send(words[1] == "client", 80, s, o)
		}
		for _, g := range r.Got {
			out.WriteString(g + "\n")
		}
	}
	return out.String()
}

// A flood of SYNs leaves no trace of itself: to each the proxy answers with an empty
// window, none reaches the server, and a connection behind the flood opens.
func TestSYNFlood(t *testing.T) {
	r := newRig(t, []string{"syn-proxy"})
	for port := range uint16(1000) {
		r.Got = r.Got[:0]
		r.send(true, 2000+port, wire.Segment{Flags: wire.SYN, Seq: wire.Seq(port) * 77}, &wire.Options{Present: wire.OptMSS, MSS: 1460})
		if len(r.Got) != 2 || !strings.HasPrefix(r.Got[1], "client: Flags [S.]") || !strings.Contains(r.Got[1], "win 0") {
			t.Fatalf("port %d: %q", port, r.Got)
		}
	}
	r.send(true, 80, wire.Segment{Flags: wire.SYN, Seq: 99}, &wire.Options{Present: wire.OptMSS, MSS: 1460})
	r.Got = r.Got[:0]
	r.send(true, 80, wire.Segment{Flags: wire.ACK, Seq: 100, Ack: r.seqs["client"].Add(1), Window: 500}, nil)
	if len(r.Got) != 2 || !strings.HasPrefix(r.Got[1], "server: Flags [S], seq 99") {
		t.Fatalf("%q", r.Got)
	}
	// An acknowledgement of another number passes, and the server resets it.
	r.Got = r.Got[:0]
	r.send(true, 2000, wire.Segment{Flags: wire.ACK, Seq: 1, Ack: 12345}, nil)
	if len(r.Got) != 1 || !strings.HasPrefix(r.Got[0], "server: Flags [.]") {
		t.Fatalf("%q", r.Got)
	}
}
