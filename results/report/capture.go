package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"mpsim/net/wire"
	"mpsim/results"
)

// The capture of a run tells what records of packets do not: the options. Where the run has
// no records of packets, it shows the packets as well, as the captured interfaces see them.

// captured is one packet of a capture.
type captured struct {
	at      int64
	node    string // of the capture point
	out     bool
	tuple   wire.Tuple
	seq     uint32
	ack     uint32
	payload int64
	bytes   int64
	flags   string
	options string // see optionText
}

// capture reads the capture of the directory, if there is one.
func (r *run) capture() error {
	file := filepath.Join(r.dir, results.CaptureName)
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var take func(*captured)
	if r.packets != nil && r.packets.whole {
		take = r.packets.optionsOf()
	} else {
		r.packets = newPacketTable(nil)
		r.packets.source = fromCapture
		r.packets.of("")
		take = r.packets.fromCapture(r)
	}
	if err := readCapture(f, take); err != nil {
		return inFile(file, err)
	}
	r.packets.options, r.packets.whole = true, true
	return nil
}

// readCapture gives each TCP packet of a capture to a function.
func readCapture(in io.Reader, take func(*captured)) error {
	r, err := pcapgo.NewNgReader(bufio.NewReaderSize(in, 1<<16), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		return err
	}
	const head = 14 // of an Ethernet frame
	var c captured
	var s wire.Segment
	var o wire.Options
	for n := 1; ; n++ {
		frame, info, err := r.ZeroCopyReadPacketData()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("packet %d: %w", n, err)
		}
		ifc, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			return fmt.Errorf("packet %d: %w", n, err)
		}
		if ifc.LinkType != layers.LinkTypeEthernet || len(frame) < head {
			continue
		}
		if err := wire.ParseCut(frame[head:], &c.tuple, &s, &o); err != nil || c.tuple.Proto != wire.ProtoTCP {
			continue
		}
		c.at = info.Timestamp.UnixNano()
		c.node, _, _ = strings.Cut(ifc.Name, ".")
		c.out = frame[9] == 0 // the sender's address is that of the capturing interface
		c.seq, c.ack, c.payload = uint32(s.Seq), uint32(s.Ack), int64(s.Len)
		c.bytes = int64(info.Length - head)
		c.flags = s.Flags.String()
		c.options = optionText(wire.Format(&c.tuple, &s, &o))
		take(&c)
	}
}

var mptcpOption = regexp.MustCompile(`mptcp \d+ ([a-z-]+)( fin| v[01]-echo)?`)

// tsharkNames are the names of MPTCP options as tshark and RFC 8684 have them, by those of
// tcpdump.
var tsharkNames = map[string]string{
	"capable": "MP_CAPABLE", "join": "MP_JOIN", "dss": "DSS", "add-addr": "ADD_ADDR", "rem-addr": "REMOVE_ADDR", "prio": "MP_PRIO",
	"fail": "MP_FAIL", "fast-close": "MP_FASTCLOSE", "rst": "MP_TCPRST",
}

// optionText returns the names of the MPTCP options of a packet, a tab, and all its options
// as tcpdump words them.
func optionText(line string) string {
	_, rest, ok := strings.Cut(line, "options [")
	text, _, end := strings.Cut(rest, "], length")
	if !ok || !end {
		return ""
	}
	var names []string
	for _, m := range mptcpOption.FindAllStringSubmatch(text, -1) {
		name := tsharkNames[m[1]]
		switch {
		case name == "":
			name = m[1]
		case m[2] == " fin":
			name += " FIN"
		case m[2] != "":
			name += " echo"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ") + "\t" + text
}

// wholeOptions is how many packets have their options in full; behind them only those whose
// options are not the DSS of every packet.
const wholeOptions = 20_000

// optionOf returns the number of an option text.
func (t *packetTable) optionOf(text string) int64 {
	name, _, _ := strings.Cut(text, "\t")
	if len(t.list) > wholeOptions && (name == "DSS" || name == "") {
		text = name
	}
	return t.of(text)
}

// sight is where a capture point sees a packet.
type sight struct {
	node     int64
	at       int64
	out      bool
	seq, ack uint32
	payload  int64
}

// optionsOf returns a function that gives packets their options: as they left their host,
// and as they reached the other one.
func (t *packetTable) optionsOf() func(*captured) {
	where := map[sight][]int64{}
	last := make(map[int64]int, len(t.stream))
	for i, p := range t.packet {
		key := sight{t.from[i], t.begin[i], true, uint32(t.seq[p]), uint32(t.ack[p]), t.payload[p]}
		if _, later := last[p]; !later {
			where[key] = append(where[key], p)
		}
		last[p] = i
	}
	for i, p := range t.packet {
		if last[p] == i && t.end[i] == arrives {
			key := sight{t.to[i], t.begin[i] + t.duration[i], false, uint32(t.seq[p]), uint32(t.ack[p]), t.payload[p]}
			where[key] = append(where[key], p)
		}
	}
	return func(c *captured) {
		node, ok := t.index[c.node]
		if !ok {
			return
		}
		key := sight{node, c.at, c.out, c.seq, c.ack, c.payload}
		list := where[key]
		if len(list) == 0 {
			return
		}
		where[key] = list[1:]
		if c.out {
			t.sentOptions[list[0]] = t.optionOf(c.options)
		} else {
			t.gotOptions[list[0]] = t.optionOf(c.options)
		}
	}
}

// fromCapture returns a function that makes packets of a capture: an arrow from the captured
// node to the one that has the address, or back, whose other end is not known unless that was
// captured, too.
func (t *packetTable) fromCapture(r *run) func(*captured) {
	nodes := map[string]string{}
	for _, n := range r.scenario.Node {
		for _, ifc := range n.Interface {
			for _, a := range ifc.Addresses {
				a, _, _ = strings.Cut(a, "/")
				nodes[a] = n.Name
			}
		}
	}
	name := func(address string) string {
		if n := nodes[address]; n != "" {
			return n
		}
		return address
	}
	type wayKey struct {
		tuple    wire.Tuple
		seq, ack uint32
		payload  int64
		flags    string
	}
	under := map[wayKey][]int{} // hops that have left and not arrived
	return func(c *captured) {
		if len(t.begin) >= maxHops {
			t.leftOut++
			return
		}
		key := wayKey{c.tuple, c.seq, c.ack, c.payload, c.flags}
		if list := under[key]; !c.out && len(list) > 0 {
			i := list[0]
			under[key] = list[1:]
			t.duration[i], t.end[i] = c.at-t.begin[i], arrives
			t.gotOptions[t.packet[i]] = t.optionOf(c.options)
			return
		}
		p := int64(len(t.stream))
		k, back := t.capturedStream(r, c)
		t.stream, t.back = append(t.stream, int64(k)), append(t.back, back)
		if first := c.seq; k >= 0 && strings.Contains(c.flags, "S") && back == 0 {
			t.streams[k].First = &first
		} else if k >= 0 && strings.Contains(c.flags, "S") {
			t.streams[k].FirstBack = &first
		}
		t.seq, t.ack = append(t.seq, int64(c.seq)), append(t.ack, int64(c.ack))
		t.payload, t.bytes = append(t.payload, c.payload), append(t.bytes, c.bytes)
		t.flags = append(t.flags, t.of(c.flags))
		from, to := t.of(name(c.tuple.Src.Addr().String())), t.of(name(c.tuple.Dst.Addr().String()))
		sent, got := t.optionOf(c.options), int64(0)
		if c.out {
			from = t.of(c.node)
			under[key] = append(under[key], len(t.begin))
		} else {
			to = t.of(c.node)
			sent, got = 0, sent
		}
		t.sentOptions, t.gotOptions = append(t.sentOptions, sent), append(t.gotOptions, got)
		t.begin, t.duration = append(t.begin, c.at), append(t.duration, 0)
		t.from, t.to = append(t.from, from), append(t.to, to)
		t.link, t.why = append(t.link, 0), append(t.why, 0)
		t.end, t.packet = append(t.end, vanishes), append(t.packet, p)
	}
}

// capturedStream returns the stream of a captured packet, by the addresses of subflows, and 1
// if it comes from the server.
func (t *packetTable) capturedStream(r *run, c *captured) (i int, from int64) {
	src, dst := c.tuple.Src.String(), c.tuple.Dst.String()
	for i := range r.summary.Flows {
		f := &r.summary.Flows[i]
		for k := range f.Subflows {
			sf := &f.Subflows[k]
			forth, back := sf.Local == src && sf.Remote == dst, sf.Local == dst && sf.Remote == src
			if !forth && !back {
				continue
			}
			j := slices.IndexFunc(t.streams, func(s stream) bool { return s.Flow == f.Name && s.Subflow == int64(sf.ID) })
			if j < 0 {
				j = len(t.streams)
				t.streams = append(t.streams, stream{Name: f.Name + " " + subflowNameOf(f, int64(sf.ID)), Flow: f.Name, Subflow: int64(sf.ID), client: f.Client})
			}
			if back {
				from = 1
			}
			return j, from
		}
	}
	return -1, 0
}
