package mbtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	simnet "mpsim/net"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// later captures the packets of an interface with a shift of time, so that many runs
// fill one file.
type later struct {
	capture *results.Capture
	point   int
	shift   sim.Duration
}

// Packet implements simnet.Tap.
func (l *later) Packet(now sim.Time, ifc *simnet.Interface, d simnet.Dir, id simnet.PacketID) {
	n := ifc.Node().Network()
	s := n.Segment(id)
	l.capture.Packet(now.Add(l.shift), l.point, d == simnet.Out, n.Tuple(simnet.RouteID(s.Route)), s, n.Options(id))
}

// What the boxes of the grid get and what they make of it is captured before and
// behind each of them; tshark finds no malformed packet and no wrong checksum.
func TestCapturesAreWellFormed(t *testing.T) {
	program, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("MPSIM_REQUIRE_TSHARK") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var file bytes.Buffer
	capture := results.NewCapture(&file, results.CaptureInfo{Scenario: "grid"}, 65535)
	rows := Behaviours()
	for i := range rows {
		b := &rows[i]
		s := b.setup("linux", "both", b.directions()[len(b.directions())-1], Down, uint64(i+1))
		s.Size, s.Capture = 50_000, []string{"client.p*", "net.p*"}
		before := file.Len()
		s.attach = func(w *scenarios.World) {
			for _, ifc := range w.CapturePoints() {
				name := b.Name + " " + ifc.Node().Name() + "." + ifc.Name()
				ifc.AddTap(&later{capture, capture.AddPoint(name), sim.Duration(i) * 10_000 * sim.Second})
			}
		}
		if _, err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := capture.Flush(); err != nil {
			t.Fatal(err)
		}
		if file.Len() < before+400 {
			t.Errorf("%s: only %d octets are captured", b.Name, file.Len()-before)
		}
	}
	path := filepath.Join(t.TempDir(), "grid.pcapng")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-n", "-r", path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.number", "-e", "_ws.malformed",
		"-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "icmp.checksum.status", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-d", "tcp.port==1-65535,data").Output()
	if err != nil {
		t.Fatal(err)
	}
	packets, faults := 0, 0
	for line := range strings.Lines(string(out)) {
		packets++
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		// 1: the checksum is right. An ICMP message quotes a packet in part.
		right := len(f) == 6 && f[2] == "" && (f[3] == "1" && f[4] == "1" || f[4] == "1,1" && f[5] == "1")
		if !right {
			if faults++; faults <= 10 {
				t.Errorf("%q", f)
			}
		}
	}
	t.Logf("%d packets, %d faults", packets, faults)
	if packets < 5000 {
		t.Errorf("%d packets", packets)
	}
}
