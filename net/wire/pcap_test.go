package wire

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// capture is one packet of a capture file.
type capture struct {
	data []byte // what was captured
	orig int    // octets that the packet had
}

// readPcap reads a little-endian pcap file of LINKTYPE_RAW.
func readPcap(t testing.TB, name string) []capture {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if magic, link := le.Uint32(b), le.Uint32(b[20:]); magic != 0xa1b23c4d || link != 101 {
		t.Fatalf("%s: magic %#x, link type %d", name, magic, link)
	}
	var all []capture
	for b = b[24:]; len(b) > 0; {
		n := int(le.Uint32(b[8:]))
		all = append(all, capture{b[16 : 16+n], int(le.Uint32(b[12:]))})
		b = b[16+n:]
	}
	return all
}

func pcaps(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/pcaps/*.pcap")
	if err != nil || len(names) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	return names
}

// TestRealCaptures parses and renders every packet of captures between real
// kernels. Checksums of packets that are there as a whole must verify, but in
// the captures of a middlebox that broke them on purpose there are none: it
// updated them. The original length of each packet is that of the record.
func TestRealCaptures(t *testing.T) {
	packets, whole, raw := 0, 0, 0
	for _, name := range pcaps(t) {
		for i, c := range readPcap(t, name) {
			var tu Tuple
			var s Segment
			var o Options
			if err := ParseCut(c.data, &tu, &s, &o); err != nil {
				t.Fatalf("%s packet %d: %v", name, i, err)
			}
			got := AppendPacket(nil, &tu, &s, &o, len(c.data))
			if !bytes.Equal(got, c.data) {
				t.Fatalf("%s packet %d: %s", name, i, cmp.Diff(c.data, got))
			}
			if n := WireLen(&tu, &s, &o); n != c.orig {
				t.Errorf("%s packet %d: length %d, want %d", name, i, n, c.orig)
			}
			packets++
			if o.Has(OptRaw) {
				raw++
				t.Logf("%s packet %d: not canonical: %x", name, i, o.RawOptions[:o.RawLen])
			}
			if o.Has(OptCut) {
				continue
			}
			whole++
			if o.Has(OptBadSum) {
				t.Errorf("%s packet %d: bad checksum", name, i)
			}
		}
	}
	t.Logf("%d packets, %d whole, %d with options in another order", packets, whole, raw)
}
