package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
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

// decoded returns the lines of mpsim decode.
func decoded(t *testing.T, args ...string) []string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := Run(context.Background(), append([]string{"mpsim", "decode"}, args...), &out, &errs); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, errs.String())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// The lines for captures of real kernels are those of tcpdump 4.99.3 -n -S -t.
func TestDecodeAgainstTcpdump(t *testing.T) {
	const data = "../../../net/wire/testdata/"
	golden, err := os.ReadFile(data + "tcpdump.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, n := map[string][]string{}, 0
	for line := range strings.Lines(string(golden)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if files[f[0]] == nil {
			files[f[0]] = decoded(t, data+"pcaps/"+f[0]+".pcap", "--time", "none")
		}
		i, err := strconv.Atoi(f[1])
		if err != nil {
			t.Fatal(err)
		}
		got := files[f[0]][i]
		// tcpdump 4.99.3 takes MP_CAPABLE(24) for malformed and ends there.
		if head, bad := strings.CutSuffix(f[2], "capable[bad opt]]"); bad && strings.HasPrefix(got, head+"capable v1") {
			continue
		}
		got = rstExtras.ReplaceAllString(capableData.ReplaceAllString(capableExtras.ReplaceAllString(got, "$1"), "$1"), "unknown")
		if got != f[2] {
			t.Errorf("%s %s\n got %s\nwant %s", f[0], f[1], got, f[2])
		}
		n++
	}
	if n < 100 {
		t.Errorf("only %d lines compared", n)
	}
}

// A pcapng of a run has as many packets with each MPTCP subtype as tshark finds.
func TestDecodeAgainstTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("MPSIM_REQUIRE_TSHARK") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	var errs bytes.Buffer
	if code := Run(context.Background(), []string{"mpsim", "run", "mbox/c1-strip-syn", "--set", "flow.dl.via=lte", "--until", "2s", "--pcap", "--out", dir}, &errs, &errs); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, errs.String())
	}
	file := filepath.Join(dir, "capture.pcapng")
	out, err := exec.Command(tshark, "-n", "-r", file, "-T", "fields", "-e", "tcp.options.mptcp.subtype").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := decoded(t, file)
	want := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, tshark has %d packets", len(lines), len(want))
	}
	names := []string{"capable", "join", "dss", "add-addr", "rem-addr", "prio", "fail", "fast-close", "rst"}
	option := regexp.MustCompile(`mptcp \d+ ([a-z-]+)`)
	joins := 0
	for i, line := range lines {
		var got []string
		for _, m := range option.FindAllStringSubmatch(line, -1) {
			got = append(got, m[1])
		}
		var has []string
		for s := range strings.SplitSeq(want[i], ",") {
			if n, err := strconv.ParseUint(s, 0, 8); err == nil && int(n) < len(names) {
				has = append(has, names[n])
			}
		}
		if strings.Join(got, ",") != strings.Join(has, ",") {
			t.Errorf("%s\ntshark: %v", line, has)
		}
		if strings.Contains(want[i], "1") {
			joins++
		}
		if !strings.Contains(line, " client.") && !strings.Contains(line, " server.") {
			t.Errorf("no interface: %s", line)
		}
	}
	if joins < 3 {
		t.Errorf("%d packets of joins", joins)
	}
}

// Link layers differ in what stands before the IP packet.
func TestDecodeLinkLayers(t *testing.T) {
	ip := append([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}, 0, 53, 0, 54, 0, 8, 0, 0)
	ether := make([]byte, 12)
	for name, c := range map[string]struct {
		link uint32
		head []byte
		want string
	}{
		"raw":      {101, nil, "IP 10.0.0.1.53 > 10.0.0.2.54: UDP, length 0"},
		"null":     {0, []byte{2, 0, 0, 0}, "IP 10.0.0.1.53 >"},
		"ethernet": {1, append(ether[:12:12], 8, 0), "IP 10.0.0.1.53 >"},
		"vlan":     {1, append(ether[:12:12], 0x81, 0, 0, 7, 8, 0), "IP 10.0.0.1.53 >"},
		"arp":      {1, append(ether[:12:12], 8, 6), "ethertype 0x806, length 42"},
		"sll":      {113, append(make([]byte, 14), 8, 0), "IP 10.0.0.1.53 >"},
		"sll2":     {276, append([]byte{8, 0}, make([]byte, 18)...), "IP 10.0.0.1.53 >"},
		"usb":      {189, nil, "link layer 189 is not supported, length 28"},
		"no ip":    {101, []byte{0}, "malformed: "},
	} {
		frame := append(c.head[:len(c.head):len(c.head)], ip...)
		b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
		b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0)
		b = binary.LittleEndian.AppendUint32(b, c.link)
		for _, n := range []uint32{7, 250000, uint32(len(frame)), uint32(len(frame))} {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		file := filepath.Join(t.TempDir(), "one.pcap")
		if err := os.WriteFile(file, append(b, frame...), 0o666); err != nil {
			t.Fatal(err)
		}
		got := decoded(t, file, "--time", "absolute")
		if len(got) != 1 || !strings.HasPrefix(got[0], "7.250000000 "+c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
