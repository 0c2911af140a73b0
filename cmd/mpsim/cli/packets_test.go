package cli

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mpsim/results"
)

// svgArrow is an arrow of a diagram: the columns of its ends, "phone" to "server", where an end
// between two columns has none, and its height where it begins.
type svgArrow struct {
	from, to string
	y        float64
}

// svgDiagram is what a reader of an SVG of kind packets sees.
type svgDiagram struct {
	arrows []svgArrow
	texts  []string
}

// readDiagram reads the SVG: vertical lines below the names of columns are the columns, lines of
// the width of arrows the arrows.
func readDiagram(t *testing.T, svg []byte, names []string) svgDiagram {
	t.Helper()
	type element struct {
		D     string `xml:"d,attr"`
		Style string `xml:"style,attr"`
		Text  string `xml:",chardata"`
	}
	var out svgDiagram
	var lines [][4]float64
	columns := map[float64]string{}
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "path" && start.Name.Local != "text" {
			continue
		}
		var e element
		if err := d.DecodeElement(&e, &start); err != nil {
			t.Fatal(err)
		}
		if e.Text != "" {
			out.texts = append(out.texts, e.Text)
			continue
		}
		var l [4]float64
		if n, _ := fmt.Sscanf(strings.NewReplacer("M", "", "L", " ", ",", " ").Replace(e.D), "%g %g %g %g", &l[0], &l[1], &l[2], &l[3]); n != 4 {
			continue
		}
		switch {
		case strings.HasSuffix(e.Style, "stroke-width:0.8") && l[0] == l[2] && columns[l[0]] == "":
			columns[l[0]] = names[len(columns)]
		case strings.HasSuffix(e.Style, "stroke-width:0.9"):
			lines = append(lines, l)
		}
	}
	if len(columns) != len(names) {
		t.Fatalf("%d columns, want %v", len(columns), names)
	}
	for _, l := range lines {
		out.arrows = append(out.arrows, svgArrow{columns[l[0]], columns[l[2]], l[1]})
	}
	return out
}

// tsharkRows runs tshark, and returns the fields of each packet.
func tsharkRows(t *testing.T, file string, fields ...string) [][]string {
	t.Helper()
	args := []string{"-r", file, "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	text, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(text)) {
		out = append(out, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return out
}

// wiresharkLabel says what the label of a packet has to be from what tshark finds in it.
func wiresharkLabel(flags, seq, ack, length, subtypes, fin string) string {
	var names []string
	for _, f := range []struct{ letter, name string }{{"F", "FIN"}, {"S", "SYN"}, {"R", "RST"}, {"P", "PSH"}, {"A", "ACK"}} {
		if strings.Contains(flags, f.letter) {
			names = append(names, f.name)
		}
	}
	label := strings.Join(names, ",")
	first, _ := strconv.Atoi(seq)
	switch n, _ := strconv.Atoi(length); {
	case n > 0:
		label += fmt.Sprintf(" %d:%d", first, first+n)
	case strings.ContainsAny(flags, "FSR"):
		label += " seq " + seq
	}
	if strings.Contains(flags, "A") {
		label += " ack " + ack
	}
	subtype := map[string]string{"0": "MP_CAPABLE", "1": "MP_JOIN", "2": "DSS", "3": "ADD_ADDR", "8": "MP_TCPRST"}
	for s := range strings.SplitSeq(subtypes, ",") {
		if s != "" {
			label += ", " + subtype[s]
			if s == "2" && fin == "1" {
				label += " FIN"
			}
		}
	}
	return label
}

// The diagram of a handshake through a NAT and a firewall has the arrows that tshark finds in the
// captures of the same run: of the packets at the phone those that leave or reach its line, in
// their order and with the labels that tshark's fields give; of all places the ways of each
// packet. What the boxes did and the links dropped is said.
func TestPacketDiagram(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("MPSIM_REQUIRE_TSHARK") != "" {
			t.Fatal(err)
		}
		t.Skip("tshark is not installed")
	}
	out := filepath.Join(t.TempDir(), "run")
	svg := filepath.Join(t.TempDir(), "packets.svg")
	var said bytes.Buffer
	for _, line := range []string{"run ../../../docs/gallery/handshake.toml --packets --pcap --out " + out, "plot " + out + " --kind packets -o " + svg} {
		if code := Run(context.Background(), append([]string{"mpsim"}, strings.Fields(line)...), &said, &said); code != exitOK {
			t.Fatalf("%s: exit code %d\n%s", line, code, said.String())
		}
	}
	b, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"phone", "NAT", "firewall", "server"}
	d := readDiagram(t, b, names)

	// The capture at the phone: outgoing and incoming packets.
	var labels, leaves []string
	reaches := 0
	for _, r := range tsharkRows(t, filepath.Join(out, "capture.pcapng"), "frame.packet_flags_direction", "tcp.flags.str", "tcp.seq", "tcp.ack", "tcp.len", "tcp.options.mptcp.subtype", "tcp.options.mptcp.datafin.flag") {
		flags := strings.Trim(r[1], "·*.")
		label := wiresharkLabel(flags, r[2], r[3], r[4], r[5], r[6])
		labels = append(labels, label)
		if strings.HasSuffix(r[0], "2") {
			leaves = append(leaves, label)
		} else {
			reaches++
		}
	}
	fromPhone, toPhone, lost := 0, 0, 0
	ways := map[string]int{}
	for _, a := range d.arrows {
		ways[a.from+" "+a.to]++
		switch {
		case a.from == "phone":
			fromPhone++
		case a.to == "phone":
			toPhone++
		case a.to == "":
			lost++
		}
	}
	if fromPhone != len(leaves) || toPhone != reaches || fromPhone < 8 {
		t.Errorf("%d arrows leave the phone and %d reach it; tshark finds %d and %d", fromPhone, toPhone, len(leaves), reaches)
	}
	rest := slices.Clone(d.texts)
	for _, l := range labels {
		i := slices.Index(rest, l)
		if i < 0 {
			t.Errorf("no label %q", l)
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	var order []string // of the phone's own
	for _, text := range d.texts {
		if k := len(order); k < len(leaves) && text == leaves[k] {
			order = append(order, text)
		}
	}
	if len(order) != len(leaves) {
		t.Errorf("the labels of the phone's packets are not in their order: %q behind %q", leaves[len(order)], order)
	}
	checkWays(t, out, names, ways, lost)
	for _, want := range []string{"without MP_JOIN", "pattern loss", "wifi (subflow 0)", "lte (subflow 1)", "Time downwards (ms), not to scale"} {
		if !slices.Contains(d.texts, want) {
			t.Errorf("the diagram does not say %q", want)
		}
	}
	if !slices.ContainsFunc(d.texts, func(s string) bool { return strings.HasPrefix(s, "from 10.0.2.1:") }) {
		t.Error("the diagram does not say what the NAT makes of the source")
	}
}

// The window, the number of packets, and the subflow choose; every format is written, and the
// same bytes twice.
func TestPacketDiagramOptions(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	var said bytes.Buffer
	call := func(want int, line string) {
		t.Helper()
		said.Reset()
		if code := Run(context.Background(), append([]string{"mpsim"}, strings.Fields(line)...), &said, &said); code != want {
			t.Fatalf("%s: exit code %d\n%s", line, code, said.String())
		}
	}
	call(exitOK, "run ../../../docs/gallery/handshake.toml --packets --out "+out)
	data := filepath.Join(t.TempDir(), "data.csv")
	for _, c := range []struct{ flags, first, last, without string }{
		{"--count 3", "SYN seq 0, MP_CAPABLE", "ACK ack 1, MP_CAPABLE", "DSS"},
		{"--subflow 1", "SYN seq 0, MP_JOIN", "MP_TCPRST", "MP_CAPABLE"},
		{"--flow download --from 0.09 --to 0.102", "ACK ack 6001, DSS", "RST,ACK", "MP_CAPABLE"},
	} {
		call(exitOK, "plot "+out+" --kind packets "+c.flags+" --data "+data)
		b, err := os.ReadFile(data)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if i, k := strings.Index(text, c.first), strings.LastIndex(text, c.last); i < 0 || k < i || strings.Contains(text, c.without) {
			t.Errorf("%s:\n%s", c.flags, text)
		}
	}
	// Of all packets the first three are shown: the number of the last one tells how many there are.
	svg := filepath.Join(t.TempDir(), "three.svg")
	call(exitOK, "plot "+out+" --kind packets --count 3 -o "+svg)
	if b, err := os.ReadFile(svg); err != nil || !bytes.Contains(b, []byte("first 3 of "+packetsOf(t, out)+" packets")) {
		t.Errorf("the diagram does not say of how many packets it shows three; %v", err)
	}
	for _, format := range []string{"svg", "png", "pdf", "tex"} {
		var files [2][]byte
		for i := range files {
			file := filepath.Join(t.TempDir(), "f."+format)
			call(exitOK, "plot "+out+" --kind packets --full -o "+file)
			files[i], _ = os.ReadFile(file)
		}
		if len(files[0]) < 1000 || !bytes.Equal(files[0], files[1]) {
			t.Errorf("%s: %d bytes, %d the second time", format, len(files[0]), len(files[1]))
		}
	}
	call(exitUsage, "plot "+out+" --kind packets --flow upload -o x.svg")
	if !strings.Contains(said.String(), `no packet is of a flow "upload"; there are packets of download`) {
		t.Error(said.String())
	}
}

// packetsOf returns how many packets a capture of all places has.
func packetsOf(t *testing.T, out string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(out, "packets.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	numbers := map[uint64]bool{}
	if err := results.ReadPackets(f, func(s *results.Sighting) bool { numbers[s.Packet] = true; return true }); err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(len(numbers))
}

// checkWays compares the arrows with those that follow from the numbers of packets (frame.packet_id)
// in the capture of all places.
func checkWays(t *testing.T, out string, names []string, ways map[string]int, lost int) {
	t.Helper()
	want := map[string]int{}
	at := map[string]string{} // where a packet has left last
	drops := 0
	for _, r := range tsharkRows(t, filepath.Join(out, "packets.pcapng"), "frame.packet_id", "frame.interface_name", "frame.packet_flags_direction", "frame.comment") {
		place, _, _ := strings.Cut(r[1], ".")
		switch {
		case strings.HasPrefix(r[3], "dropped: "):
			drops++
			want[at[r[0]]+" "]++
		case !slices.Contains(names, place):
		case strings.HasSuffix(r[2], "2"):
			at[r[0]] = place
		default:
			want[at[r[0]]+" "+place]++
		}
	}
	if !maps.Equal(ways, want) || lost != drops || drops != 2 {
		t.Errorf("arrows %v, %d of them lost; tshark finds %v, %d dropped", ways, lost, want, drops)
	}
}
