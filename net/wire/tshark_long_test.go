//go:build long

package wire

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tsharkFields are the fields that are compared; mptcpValues gives their values
// in this order.
var tsharkFields = []string{
	"tcp.options.mptcp.subtype", "tcp.options.mptcp.rawdataack", "tcp.options.mptcp.rawdataseqno",
	"tcp.options.mptcp.subflowseqno", "tcp.options.mptcp.datalvllen", "tcp.options.mptcp.sendkey",
	"tcp.options.mptcp.recvkey", "tcp.options.mptcp.recvtok", "tcp.options.mptcp.sendtrunchmac",
	"tcp.options.mptcp.sendrand", "tcp.options.mptcp.addrid", "tcp.options.mptcp.port",
	"tcp.options.mptcp.addaddrtrunchmac", "tcp.options.mptcp.rst_reason",
}

// mptcpValues returns what tshark should read of the options of a golden.
func mptcpValues(s *Segment, o *Options) string {
	values := map[string][]string{}
	add := func(field string, v any) {
		field = "tcp.options.mptcp." + field
		values[field] = append(values[field], fmt.Sprint(v))
	}
	if s.Opt.Has(HasDSS) {
		add("subtype", 2)
	}
	if s.Opt.Has(HasDataAck) {
		add("rawdataack", s.DataAck)
	}
	if s.Opt.Has(HasMap) {
		add("rawdataseqno", s.DSN)
		add("subflowseqno", s.SSN)
		add("datalvllen", s.MapLen)
	}
	if c := &o.Capable; o.Has(OptCapable) {
		add("subtype", 0)
		if c.Keys > 0 {
			add("sendkey", c.SenderKey)
		}
		if c.Keys > 1 {
			add("recvkey", c.ReceiverKey)
		}
		if c.HasData {
			add("datalvllen", c.DataLen)
		}
	}
	if j := &o.Join; o.Has(OptJoin) {
		add("subtype", 1)
		if j.Form != JoinACK {
			add("addrid", j.AddrID)
			add("sendrand", j.Nonce)
		}
		if j.Form == JoinSYN {
			add("recvtok", j.Token)
		}
		if j.Form == JoinSYNACK {
			add("sendtrunchmac", j.HMAC64)
		}
	}
	if a := &o.AddAddr; o.Has(OptAddAddr) {
		add("subtype", 3)
		add("addrid", a.AddrID)
		if a.Port != 0 {
			add("port", a.Port)
		}
		if a.hasHMAC() {
			add("addaddrtrunchmac", a.HMAC)
		}
	}
	if o.Has(OptFastClose) {
		add("subtype", 7)
		add("recvkey", o.FastClose.ReceiverKey)
	}
	if o.Has(OptFail) {
		add("subtype", 6)
		add("rawdataseqno", o.Fail.DSN)
	}
	if o.Has(OptPrio) {
		add("subtype", 5)
		if o.Prio.HasAddrID {
			add("addrid", o.Prio.AddrID)
		}
	}
	if o.Has(OptRemoveAddr) {
		add("subtype", 4)
		for _, id := range o.RemoveAddr.IDs[:o.RemoveAddr.N] {
			add("addrid", id)
		}
	}
	if o.Has(OptRst) {
		add("subtype", 8)
		add("rst_reason", fmt.Sprintf("0x%02x", o.Rst.Reason))
	}
	var all []string
	for _, f := range tsharkFields {
		all = append(all, strings.Join(values[f], ","))
	}
	return strings.Join(all, "|")
}

// TestTsharkReadsGoldens writes every golden list of options in a TCP segment,
// and every golden packet of TCP and ICMP, to a capture. tshark must find no
// malformed packet and no wrong checksum, and must read the same values.
func TestTsharkReadsGoldens(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("MPSIM_REQUIRE_TSHARK") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	file := binary.LittleEndian.AppendUint32(nil, 0xa1b23c4d)
	file = append(file, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0)
	var names, want []string
	add := func(name string, tu *Tuple, s *Segment, o *Options) {
		p := AppendPacket(nil, tu, s, o, -1)
		for _, word := range [...]int{0, 0, len(p), len(p)} {
			file = binary.LittleEndian.AppendUint32(file, uint32(word))
		}
		file = append(file, p...)
		names, want = append(names, name), append(want, "|"+mptcpValues(s, o))
	}
	for _, goldens := range [][]optionGolden{tcpGoldens, handshakeGoldens, dssGoldens, signalGoldens, version0Goldens} {
		for _, g := range goldens {
			tu, base := dataPacket()
			s := g.s
			s.Seq, s.Ack, s.Flags, s.TTL, s.Len = base.Seq, base.Ack, ACK, 64, 100
			if strings.Contains(g.name, "SYN") {
				s.Flags = SYN
			}
			if strings.Contains(g.name, "SYN/ACK") {
				s.Flags |= ACK
			}
			add(g.name, &tu, &s, &g.o)
		}
	}
	for _, g := range packetGoldens {
		if g.t.Proto != ProtoUDP && !g.o.Has(OptOpaque) { // tshark reads on by port and protocol there
			add(g.name, &g.t, &g.s, &g.o)
		}
	}
	name := filepath.Join(t.TempDir(), "goldens.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"-r", name, "-n", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a",
		"-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
	}
	sums := []string{"ip.checksum.status", "tcp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status"}
	for _, f := range slices.Concat(sums, []string{"_ws.malformed"}, tsharkFields) {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(names) {
		t.Fatalf("%d lines for %d packets", len(lines), len(names))
	}
	for i, line := range lines {
		f := strings.SplitN(line, "|", len(sums)+1)
		status := strings.Trim(strings.Join(f[:len(sums)], ","), ",")
		if strings.Trim(status, "1,") != "" || !strings.Contains(status, "1") {
			t.Errorf("%s: checksum status %q", names[i], status)
		}
		if got := f[len(sums)]; got != want[i] {
			t.Errorf("%s\n got %s\nwant %s", names[i], got, want[i])
		}
	}
}
