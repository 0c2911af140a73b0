package report

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// packetsOf is the packets of a page, by column.
type packetsOf struct {
	*rendered
	about map[string]any
	col   func(string) []float64
	texts []any
}

func packetsIn(t *testing.T, src *Source) *packetsOf {
	t.Helper()
	page, err := Render(src)
	if err != nil {
		t.Fatal(err)
	}
	r := take(t, page)
	about, col := r.table("packets")
	if about == nil {
		t.Fatal("the page has no packets")
	}
	return &packetsOf{r, about, col, about["texts"].([]any)}
}

func (p *packetsOf) text(column string, i int) string { return p.texts[int(p.col(column)[i])].(string) }

// Each hop is one packet on one link: the numbers of packets that links took and lost are
// those of the summary, which the links count themselves. A hop over an idle link takes its
// propagation delay and the time of its bits at 10 Mb/s, and none takes less.
func TestHopsAreThoseOfTheLinks(t *testing.T) {
	dir, s := runOf(t, "basic/two-paths.toml", execute.Job{Events: trace.AllKinds, Until: 5 * sim.Second})
	p := packetsIn(t, &Source{Dir: dir})
	type count struct{ taken, lost uint64 }
	links := map[string]count{}
	begin, duration, end, packet, bytes := p.col("begin"), p.col("duration"), p.col("end"), p.col("packet"), p.col("bytes")
	open := 0
	for i := range begin {
		c := links[p.text("link", i)]
		switch end[i] {
		case dropped:
			c.lost++
		case arrives, vanishes:
			c.taken++
		}
		links[p.text("link", i)] = c
		if end[i] == vanishes {
			open++
			if begin[i] < 4.5e9 {
				t.Fatalf("hop %d at %g ns never arrives", i, begin[i])
			}
			continue
		}
		least := 10e6 + bytes[int(packet[i])]*8/10e6*1e9
		if end[i] == arrives && duration[i] < least {
			t.Fatalf("hop %d takes %g ns, the link alone %g", i, duration[i], least)
		}
	}
	if duration[0] != 10e6+64*800 { // the SYN: 64 bytes at 10 Mb/s, and 10 ms
		t.Errorf("the first hop takes %g ns", duration[0])
	}
	for _, l := range s.Links {
		if c := links[l.Name+"/"+l.Direction]; c.taken != l.Packets || c.lost != l.Drops {
			t.Errorf("link %s %s: %d hops and %d losses, the link counts %d and %d", l.Name, l.Direction, c.taken, c.lost, l.Packets, l.Drops)
		}
	}
	if open == 0 || open > 400 {
		t.Errorf("%d packets are under way at the end", open)
	}
	streams := p.about["streams"].([]any)
	if len(streams) != 2 || streams[0].(map[string]any)["name"] != "mptcp one" || streams[1].(map[string]any)["name"] != "mptcp two" {
		t.Errorf("streams %v", streams)
	}
	seq := p.col("seq")
	if s := streams[0].(map[string]any); float64(integer(s["first"])) != seq[0] || float64(integer(s["first_back"])) != seq[1] || p.text("flags", 0) != "S" || p.text("flags", 1) != "S." {
		t.Errorf("the first stream begins with %v and %v, its SYNs have %.0f and %.0f", s["first"], s["first_back"], seq[0], seq[1])
	}
	if s := p.col("stream"); s[0] != 0 || s[len(s)-1] < 0 {
		t.Errorf("the first packet is of stream %g, the last of %g", s[0], s[len(s)-1])
	}
}

// What the taps of the capture see is in the page, each packet once: the capture is made
// without trace records. SYNs have MP_CAPABLE and MP_JOIN (RFC 8684, sections 3.1 and 3.2).
func TestPacketsAreThoseOfTheCapture(t *testing.T) {
	for _, events := range []trace.KindSet{trace.AllKinds, 0} {
		dir, _ := runOf(t, "basic/two-paths.toml", execute.Job{Events: events, Capture: true, Until: 2 * sim.Second})
		p := packetsIn(t, &Source{Dir: dir})
		type seen struct {
			at  int64
			out bool
			seq uint32
			ack uint32
		}
		want := map[seen]int{}
		n := eachCaptured(t, dir, func(at int64, out bool, tcp *layers.TCP) { want[seen{at, out, tcp.Seq, tcp.Ack}]++ })
		begin, duration, end, packet, seq, ack := p.col("begin"), p.col("duration"), p.col("end"), p.col("packet"), p.col("seq"), p.col("ack")
		found := 0
		for i := range begin {
			k := int(packet[i])
			out := seen{int64(begin[i]), true, uint32(int64(seq[k])), uint32(int64(ack[k]))}
			in := seen{int64(begin[i] + duration[i]), false, out.seq, out.ack}
			switch {
			case p.text("from", i) == "client":
				found++
				if want[out]--; want[out] < 0 {
					t.Fatalf("hop %d leaves the client, and the capture does not know it: %+v", i, out)
				}
			case end[i] == arrives || events == 0:
				found++
				if want[in]--; want[in] < 0 {
					t.Fatalf("hop %d reaches the client, and the capture does not know it: %+v", i, in)
				}
			}
		}
		if found != n || n < 4000 {
			t.Errorf("%d packets of the client, the capture has %d", found, n)
		}
		for i, name := range map[int]string{0: "MP_CAPABLE", 1: "MP_CAPABLE", 2: "MP_CAPABLE"} {
			sent, got := p.text("sent", i), p.text("got", i)
			if !strings.HasPrefix(sent+got, name+"\t") {
				t.Errorf("packet %d has options %q and %q, want %s", i, sent, got, name)
			}
		}
		joins := 0
		for i := range seq {
			if p.text("flags", i) == "S" && strings.HasPrefix(p.text("sent", i), "MP_JOIN\t") {
				joins++
			}
		}
		if joins != 1 {
			t.Errorf("%d SYNs with MP_JOIN", joins)
		}
	}
}

// eachCaptured gives each TCP segment of a capture to a function and returns their number.
func eachCaptured(t *testing.T, dir string, each func(at int64, out bool, tcp *layers.TCP)) int {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, results.CaptureName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		data, info, err := r.ReadPacketData()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
		tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if !ok {
			t.Fatalf("packet %d is no TCP", n)
		}
		eth := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
		each(info.Timestamp.UnixNano(), eth.SrcMAC[3] == 0, tcp)
	}
}

// A box that takes options away is named with what it does; packets that it changed are one
// packet before and behind it.
func TestBoxesAreShown(t *testing.T) {
	dir, s := runOf(t, "mbox/c3-join-stripped.toml", execute.Job{Events: trace.AllKinds, Capture: true})
	p := packetsIn(t, &Source{Dir: dir})
	acts := 0
	for i, k := range p.col("act_packet") {
		acts++
		if k < 0 || p.text("act_why", i) != "options_stripped" || p.text("act_node", i) != "client" {
			t.Fatalf("act %d: packet %g, %s at %s", i, k, p.text("act_why", i), p.text("act_node", i))
		}
	}
	if boxes := p.data["boxes"].([]any); acts == 0 || len(boxes) != 1 || boxes[0] != "strip" {
		t.Errorf("%d acts of the boxes %v", acts, p.data["boxes"])
	}
	var hops uint64
	for _, l := range s.Links {
		hops += l.Packets + l.Drops
	}
	if n := uint64(integer(p.about["n"])); n != hops {
		t.Errorf("%d hops, the links count %d", n, hops)
	}
	// Each packet of this network passes one link.
	if n := uint64(integer(p.about["packets"])); n != hops {
		t.Errorf("%d packets, %d hops", n, hops)
	}
}

// The capture of all places gives the same hops as the links count, with the times of the
// links, numbers from the SYN on, and what boxes and translators change.
func TestPacketsOfAllPlaces(t *testing.T) {
	dir, s := runOf(t, "basic/two-paths.toml", execute.Job{Packets: true, Until: 3 * sim.Second})
	p := packetsIn(t, &Source{Dir: dir})
	if p.about["source"] != string(fromPlaces) {
		t.Fatalf("source %v", p.about["source"])
	}
	var hops, drops uint64
	for _, l := range s.Links {
		hops, drops = hops+l.Packets+l.Drops, drops+l.Drops
	}
	end, duration, packet, bytes := p.col("end"), p.col("duration"), p.col("packet"), p.col("bytes")
	lost := uint64(0)
	for i := range end {
		if end[i] == dropped {
			lost++
		} else if least := 10e6 + bytes[int(packet[i])]*8/10e6*1e9; end[i] == arrives && duration[i] < least {
			t.Fatalf("hop %d takes %g ns, the link alone %g", i, duration[i], least)
		}
	}
	if n := uint64(len(end)); n != hops || lost != drops || drops == 0 {
		t.Errorf("%d hops and %d losses, the links count %d and %d", n, lost, hops, drops)
	}
	for i, want := range [][3]string{{"S", "0", "MP_CAPABLE"}, {"S.", "0", "MP_CAPABLE"}, {".", "1", "MP_CAPABLE"}} {
		if got := [3]string{p.text("flags", i), fmt.Sprint(p.col("seq")[i]), strings.Split(p.text("sent", i), "\t")[0]}; got != want {
			t.Errorf("packet %d is %v, want %v", i, got, want)
		}
	}
	if ack := p.col("ack"); ack[1] != 1 || ack[2] != 1 {
		t.Errorf("the handshake acknowledges %g and %g", ack[1], ack[2])
	}

	// Each packet that the box says it has changed is changed there.
	dir, _ = runOf(t, "mbox/c3-join-stripped.toml", execute.Job{Packets: true, Events: trace.Set(trace.BoxAction)})
	log, err := os.ReadFile(filepath.Join(dir, results.EventsName))
	if err != nil {
		t.Fatal(err)
	}
	p = packetsIn(t, &Source{Dir: dir})
	acts := 0
	for i := range p.col("act_why") {
		if why := p.text("act_why", i); why == "changes options" && p.text("act_node", i) == "strip" {
			acts++
		} else if why != "" {
			t.Errorf("%s %s", p.text("act_node", i), why)
		}
	}
	if n := strings.Count(string(log), "options_stripped"); acts != n || n == 0 {
		t.Errorf("%d changes of options, the box says %d", acts, n)
	}

	dir, _ = runOf(t, "nat/join.toml", execute.Job{Packets: true, Until: sim.Second})
	p = packetsIn(t, &Source{Dir: dir})
	translated := 0
	for i := range p.col("act_why") {
		if p.text("act_why", i) == "translates addresses" {
			translated++
		}
	}
	unknown := 0
	for _, k := range p.col("stream") {
		if k < 0 {
			unknown++
		}
	}
	if streams := p.about["streams"].([]any); translated == 0 || unknown > 0 || len(streams) < 2 {
		t.Errorf("%d translations, %d packets of no stream, %d streams", translated, unknown, len(streams))
	}
}

// A page of a part of the run has the packets and events of that part.
func TestPageOfAPart(t *testing.T) {
	dir, _ := runOf(t, "basic/two-paths.toml", execute.Job{Events: trace.AllKinds, Until: 3 * sim.Second})
	p := packetsIn(t, &Source{Dir: dir, From: 1, To: 1.5})
	begin := p.col("begin")
	if begin[0] < 1e9 || begin[0] > 1.01e9 || begin[len(begin)-1] > 1.5e9 || begin[len(begin)-1] < 1.49e9 {
		t.Errorf("hops from %g to %g", begin[0], begin[len(begin)-1])
	}
	if name := p.about["streams"].([]any)[1].(map[string]any)["name"]; name != "mptcp two" {
		t.Errorf("the second stream is %v", name)
	}
	_, col := p.table("events")
	at := col("time")
	if at[0] < 1e9 || at[len(at)-1] > 1.5e9 {
		t.Errorf("events from %g to %g", at[0], at[len(at)-1])
	}
	if math.IsNaN(at[0]) {
		t.Error("no events")
	}
}
