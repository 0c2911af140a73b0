package tshark

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The captures are of real kernels; see net/wire/testdata/pcaps.
const pcaps = "../../net/wire/testdata/pcaps"

// check runs Check, and skips the test where tshark may be missing.
func check(t *testing.T, path string) *Report {
	t.Helper()
	r, err := Check(path)
	if errors.Is(err, ErrMissing) && os.Getenv("MPSIM_REQUIRE_TSHARK") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRealKernelHasNoFaults(t *testing.T) {
	files, err := filepath.Glob(pcaps + "/*.pcap")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures below %s (%v)", pcaps, err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if strings.Contains(name, "modified") || strings.Contains(name, "strip") {
			continue // a middlebox has changed the packets
		}
		if r := check(t, f); len(r.Faults) > 0 || r.Packets == 0 {
			t.Errorf("%s: %d packets, faults:\n%s", name, r.Packets, strings.Join(r.Faults, "\n"))
		}
	}
}

// The expected numbers were computed from the two keys in the capture with
// sha256sum.
func TestKeysAndGrouping(t *testing.T) {
	r := check(t, filepath.Join(pcaps, "18-backup-join.pcap"))
	if len(r.Connections) != 1 || len(r.Connections[0].Subflows) != 2 || r.TCPStreams != 2 {
		t.Fatalf("not one connection with two subflows: %+v", r)
	}
	c := r.Connections[0]
	if len(c.Keys) != 2 || len(c.JoinTokens) != 1 {
		t.Fatalf("not two keys and one join: %+v", c)
	}
	// The first key is the one of the SYN/ACK, the listener's: its token is the
	// one that a join names.
	if c.JoinTokens[0] != c.Keys[0].Token {
		t.Errorf("join token %d, expected token %d", c.JoinTokens[0], c.Keys[0].Token)
	}

	r = check(t, filepath.Join(pcaps, "01-handshake-join-10KB-close.pcap"))
	want := []Key{{921656442, 2778978029061227270}, {2974334465, 15709458405818148634}}
	if diff := cmp.Diff(want, r.Connections[0].Keys); diff != "" {
		t.Error(diff)
	}
}

// Each corruption of a real capture must be found.
func TestCorruptionsAreFound(t *testing.T) {
	orig, err := os.ReadFile(filepath.Join(pcaps, "01-handshake-join-10KB-close.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, fault string
		change      func(b []byte)
	}{
		// A key of the third packet, bytes 12 to 20 of its MP_CAPABLE(20).
		{"echoed key", "echoed key", func(b []byte) { b[option(b, 3, 0x00)+12] ^= 0xff }},
		{"option length", "malformed", func(b []byte) { b[option(b, 6, 0x20)+1] = 3 }},
		{"mapping", "without a mapping", func(b []byte) {
			for frame := 6; frame <= 13; frame++ { // the subflow sequence number of the DSS
				b[option(b, frame, 0x20)+20]++
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := slices.Clone(orig)
			c.change(b)
			path := filepath.Join(t.TempDir(), "x.pcap")
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
			r := check(t, path)
			if !slices.ContainsFunc(r.Faults, func(f string) bool { return strings.Contains(f, c.fault) }) {
				t.Errorf("no fault %q among %q", c.fault, r.Faults)
			}
		})
	}
}

// option returns where in a little-endian pcap file the MPTCP option with the
// given first octet of its value begins, in the given frame.
func option(b []byte, frame int, subtype byte) int {
	at := 24
	for i := 1; ; i++ {
		n := int(b[at+8]) | int(b[at+9])<<8
		data := b[at+16 : at+16+n]
		if i == frame {
			for o := 40; o+2 < n; {
				switch {
				case data[o] == 1:
					o++
				case data[o] == 30 && data[o+2]&0xf0 == subtype:
					return at + 16 + o
				default:
					o += int(data[o+1])
				}
			}
			panic("no such option")
		}
		at += 16 + n
	}
}

func TestReadRefusesOtherOutput(t *testing.T) {
	if _, err := read(bytes.NewBufferString("1\t2\n")); err == nil {
		t.Error("two fields are accepted")
	}
}

// What tshark says about itself is no fault of a packet without payload; with
// payload it may be one.
func TestDissectorBug(t *testing.T) {
	for length, want := range map[string]int{"0": 0, "100": 1} {
		f := make([]string, numFields)
		f[fMalformed], f[fLen] = "1", length
		f[fMessage] = `TCP window update|packet-tcp.c:3086: failed assertion "mptcp_map_relssn_to_rawdsn(mapping, relseq, &rawdsn)"`
		c := collector{report: new(Report)}
		c.judge(f)
		if n := len(c.report.Faults); n != want {
			t.Errorf("%s octets: %d faults, want %d", length, n, want)
		}
	}
}

// A packet with a mapping that covers its payload is not without a mapping,
// whatever tshark finds.
func TestMapsItself(t *testing.T) {
	for _, c := range []struct {
		seq, n, ssn, length string
		want                bool
	}{
		{"1000", "100", "1000", "100", true},
		{"1000", "100", "900", "65320", true},
		{"1000", "100", "1001", "100", false},
		{"1000", "100", "1000", "99", false},
		{"1000", "100", "", "", false},
	} {
		f := make([]string, numFields)
		f[fSeq], f[fLen], f[fMapSSN], f[fMapLen] = c.seq, c.n, c.ssn, c.length
		if got := mapsItself(f); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
