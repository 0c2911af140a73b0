package results

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"mpsim/internal/tshark"
	"mpsim/net/wire"
	"mpsim/sim"
)

func tuple(src, dst string) wire.Tuple {
	return wire.Tuple{Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst), Proto: wire.ProtoTCP}
}

// write captures one IPv4 packet that leaves and one IPv6 packet that arrives.
func write(t *testing.T, snap int) []byte {
	t.Helper()
	var b bytes.Buffer
	c := NewCapture(&b, CaptureInfo{Scenario: "handover", Seed: 7}, snap)
	wifi, lte := c.AddPoint("phone.wifi"), c.AddPoint("phone.lte")
	v4, v6 := tuple("10.0.1.2:40000", "10.0.9.1:80"), tuple("[fd00::9]:80", "[fd00::1]:40000")
	c.Packet(1_000_000_001, wifi, true, &v4, &wire.Segment{Seq: 1, Ack: 1, Flags: wire.ACK, TTL: 64, Len: 1420,
		Opt: wire.HasTS, TSVal: 5}, nil)
	c.Packet(1_000_000_002, lte, false, &v6, &wire.Segment{Seq: 1, Flags: wire.SYN, TTL: 64}, &wire.Options{
		Present: wire.OptMSS, MSS: 1440})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCaptureIsRead(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(write(t, 0)), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.SectionInfo().Comment; !strings.Contains(c, "scenario handover, seed 7, replication 0") {
		t.Errorf("comment %q", c)
	}
	type packet struct {
		at     int64
		ifc    string
		length int
		cut    int
	}
	want := []packet{{1_000_000_001, "phone.wifi", 14 + 20 + 20 + 12 + 1420, 128}, {1_000_000_002, "phone.lte", 14 + 40 + 24, 78}}
	for i, w := range want {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		ifc, err := r.Interface(ci.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		got := packet{ci.Timestamp.UnixNano(), ifc.Name, ci.Length, len(data)}
		if got != w {
			t.Errorf("packet %d: %+v, want %+v", i, got, w)
		}
		if ifc.LinkType != layers.LinkTypeEthernet {
			t.Errorf("link type %v", ifc.LinkType)
		}
		var tu wire.Tuple
		var s wire.Segment
		var o wire.Options
		if err := wire.ParseCut(data[14:], &tu, &s, &o); err != nil {
			t.Errorf("packet %d: %v", i, err)
		}
	}
	if _, _, err := r.ReadPacketData(); err != io.EOF {
		t.Errorf("after the last packet: %v", err)
	}
}

func TestCaptureSnapLength(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(write(t, -1)), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	data, ci, err := r.ReadPacketData()
	if err != nil || len(data) != ci.Length {
		t.Errorf("%d of %d octets, %v", len(data), ci.Length, err)
	}
}

func TestCaptureBytesAreEqual(t *testing.T) {
	if !bytes.Equal(write(t, 0), write(t, 0)) {
		t.Error("two captures of the same packets differ")
	}
}

// Tshark reads both IP versions in one file, and verifies the checksums of
// packets that were captured whole.
func TestTsharkReadsCapture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(path, write(t, -1), 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := tshark.Check(path)
	if err == tshark.ErrMissing && os.Getenv("MPSIM_REQUIRE_TSHARK") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Packets != 2 || len(r.Faults) != 0 {
		t.Errorf("%d packets, faults %q", r.Packets, r.Faults)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWriteErrorsSurface(t *testing.T) {
	s := NewSeries(failing{})
	for i := range 5000 {
		s.Point(sim.Time(i), "a", "b", 1)
	}
	if s.Flush() == nil {
		t.Error("the series hides a write error")
	}
	c := NewCapture(failing{}, CaptureInfo{}, 0)
	c.AddPoint("a")
	if c.Flush() == nil {
		t.Error("the capture hides a write error")
	}
	e := NewEvents(failing{}, names{})
	e.Flush()
}
