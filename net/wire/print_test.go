package wire

import (
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What tcpdump 4.99.3 does not print, or prints as unknown.
var (
	capableExtras = regexp.MustCompile(`(capable v\d+) flags \[\w+\]`)
	capableData   = regexp.MustCompile(`(capable v\d+[^,]* \{[^}]*\})( len \d+)( csum 0x\w+)?`)
	rstExtras     = regexp.MustCompile(`rst flags \[\w+\] reason \d+`)
)

// asTcpdump takes out of a line of Format what is known to differ.
func asTcpdump(line string) string {
	line = capableExtras.ReplaceAllString(line, "$1")
	line = capableData.ReplaceAllString(line, "$1")
	return rstExtras.ReplaceAllString(line, "unknown")
}

// TestFormatAgainstTcpdump compares with the lines that tcpdump 4.99.3 printed
// (-n -S -t) for packets of the real captures.
func TestFormatAgainstTcpdump(t *testing.T) {
	golden, err := os.ReadFile("testdata/tcpdump.txt")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]capture{}
	for line := range strings.Lines(string(golden)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if files[f[0]] == nil {
			files[f[0]] = readPcap(t, "testdata/pcaps/"+f[0]+".pcap")
		}
		i, err := strconv.Atoi(f[1])
		if err != nil {
			t.Fatal(err)
		}
		var tu Tuple
		var s Segment
		var o Options
		if err := ParseCut(files[f[0]][i].data, &tu, &s, &o); err != nil {
			t.Fatal(err)
		}
		got, want := asTcpdump(Format(&tu, &s, &o)), f[2]
		// tcpdump 4.99.3 takes MP_CAPABLE(24) for malformed and ends there.
		if head, bad := strings.CutSuffix(want, "capable[bad opt]]"); bad {
			if !strings.HasPrefix(got, head+"capable v1") {
				t.Errorf("%s %s\n got %s\nwant %s", f[0], f[1], got, want)
			}
			continue
		}
		if got != want {
			t.Errorf("%s %s\n got %s\nwant %s", f[0], f[1], got, want)
		}
	}
}

func TestFormatOwnWords(t *testing.T) {
	tu := Tuple{netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.9.1:80"), ProtoTCP}
	s := Segment{Seq: 7, Window: 64240, Flags: SYN, Opt: HasTS, TSVal: 5}
	o := Options{
		Present: OptMSS | OptSACKPermitted | OptWScale | OptCapable,
		MSS:     1460, WScale: 8, Capable: Capable{Version: 1, Flags: CapableHMACSHA256},
	}
	want := "IP 10.0.0.1.40000 > 10.0.9.1.80: Flags [S], seq 7, win 64240, options [mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 8,mptcp 4 capable v1 flags [H]], length 0"
	if got := Format(&tu, &s, &o); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	s = Segment{Flags: RST | ACK}
	o = Options{Present: OptRst, Rst: Rst{Flags: RstTransient, Reason: 6}}
	want = "IP 10.0.0.1.40000 > 10.0.9.1.80: Flags [R.], seq 0, ack 0, win 0, options [mptcp 4 rst flags [T] reason 6], length 0"
	if got := Format(&tu, &s, &o); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := (OptFlags(0)); got != 0 || Flags(0).String() != "none" || (SYN|ECE|CWR|AE).String() != "SEWe" {
		t.Errorf("flags: %v %v", Flags(0), SYN|ECE|CWR|AE)
	}
}
