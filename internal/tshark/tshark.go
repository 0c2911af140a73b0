// Package tshark judges captures by Wireshark's dissectors, the independent
// oracle for every option that mpsim writes. It starts the program tshark and
// reads its fields.
//
// What tshark checks: that every packet dissects, that the keys echoed in the
// MP_CAPABLE handshake match, the tokens and initial data sequence numbers that
// follow from the keys, that a join belongs to a connection by its token, and
// that payload is covered by a mapping. It verifies neither HMACs nor DSS
// checksums.
package tshark

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Report is what tshark says about one capture.
type Report struct {
	Packets int
	// TCPStreams is the number of TCP connections, subflows included.
	TCPStreams int
	// Connections are the MPTCP connections, in the order of their first
	// packet.
	Connections []Connection
	// Gaps counts the packets at which Wireshark's TCP analysis misses an earlier
	// segment ("previous segment not captured", "ACKed unseen segment"): losses
	// before the capture point, or sequence numbers that make no sense.
	Gaps int
	// Faults are findings that no capture of mpsim may have, one line each; at
	// most 20 are kept.
	Faults []string
}

// Connection is one MPTCP connection.
type Connection struct {
	// Subflows are the TCP streams that tshark grouped, ascending. A stream of
	// its own for a subflow of ours means that a token was wrong.
	Subflows []int
	// Keys follow from the two keys of the handshake, in the order in which the
	// keys were sent.
	Keys []Key
	// JoinTokens are the tokens in the SYNs of joins.
	JoinTokens []uint32
}

// Key is what follows from a key (RFC 8684 section 3.1).
type Key struct {
	Token uint32
	IDSN  uint64
}

// ErrMissing says that the program is not installed.
var ErrMissing = errors.New("tshark is not installed (Debian: apt-get install tshark)")

// The fields asked for, in this order.
var fields = []string{
	"frame.number", "tcp.stream", "mptcp.stream", "tcp.len",
	"_ws.expert.severity", "_ws.expert.message", "_ws.malformed",
	"mptcp.connection.echoed_key_mismatch", "mptcp.dss.missing_mapping",
	"mptcp.expected_token", "mptcp.expected_idsn",
	"tcp.options.mptcp.recvtok", "tcp.analysis.lost_segment", "tcp.analysis.ack_lost_segment",
	"tcp.seq", "tcp.options.mptcp.subflowseqno", "tcp.options.mptcp.datalvllen",
}

// Indices into fields.
const (
	fFrame = iota
	fTCP
	fMPTCP
	fLen
	fSeverity
	fMessage
	fMalformed
	fMismatch
	fNoMapping
	fToken
	fIDSN
	fJoinToken
	fLostSegment
	fAckLostSegment
	fSeq
	fMapSSN
	fMapLen
	numFields
)

// severityError is PI_ERROR of Wireshark's expert information.
const severityError = "8388608"

// Check runs tshark on a capture file. Mappings are analysed, and the
// checksums of packets that were captured whole are verified. The payload of TCP
// and UDP is nobody's protocol: dissectors that take it for their own, by port or by a
// few octets that come about by chance, would find it faulty.
func Check(path string) (*Report, error) {
	program, err := exec.LookPath("tshark")
	if err != nil {
		return nil, ErrMissing
	}
	args := []string{"-n", "-r", path, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=|",
		"-o", "mptcp.analyze_mappings:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-o", "udp.check_checksum:TRUE", "-d", "tcp.port==1-65535,data", "-d", "udp.port==1-65535,data"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command(program, args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("tshark -r %s: %w: %s", path, err, strings.TrimSpace(stderr.String()))
	}
	return read(&out)
}

func read(out *bytes.Buffer) (*Report, error) {
	r := new(Report)
	c := collector{report: r, index: map[string]int{}, tcp: map[string]bool{}}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != numFields {
			return nil, fmt.Errorf("tshark wrote %d fields instead of %d: %q", len(f), numFields, lines.Text())
		}
		r.Packets++
		if f[fLostSegment]+f[fAckLostSegment] != "" {
			r.Gaps++
		}
		c.judge(f)
		if err := c.group(f); err != nil {
			return nil, err
		}
	}
	r.TCPStreams = len(c.tcp)
	for i := range r.Connections {
		slices.Sort(r.Connections[i].Subflows)
	}
	return r, lines.Err()
}

// collector builds a report packet by packet.
type collector struct {
	report *Report
	index  map[string]int // of a connection by its mptcp.stream
	tcp    map[string]bool
}

const maxFaults = 20

// dissectorBug is what a failure of tshark's own, and not of the packet, says.
const dissectorBug = `failed assertion "mptcp_map_relssn_to_rawdsn(`

func (c *collector) fault(frame, text string) {
	if len(c.report.Faults) < maxFaults {
		c.report.Faults = append(c.report.Faults, "frame "+frame+": "+text)
	}
}

// judge looks for what no packet may have.
func (c *collector) judge(f []string) {
	switch {
	case f[fMalformed] != "" && f[fLen] == "0" && strings.Contains(f[fMessage], dissectorBug):
		// tshark 4.0 stumbles over itself on some packets without payload, of the
		// Linux kernel too, after mappings on several subflows.
	case f[fMalformed] != "":
		c.fault(f[fFrame], "malformed: "+f[fMessage])
	case slices.Contains(strings.Split(f[fSeverity], "|"), severityError):
		c.fault(f[fFrame], "expert item of severity error: "+f[fMessage])
	case f[fMismatch] != "":
		c.fault(f[fFrame], "the echoed key is not the one of the SYN/ACK")
	case f[fNoMapping] != "" && f[fLen] != "0" && f[fLen] != "" && !mapsItself(f):
		// Without payload the finding is a false one: tshark reports a bare
		// DATA_FIN and the ACKs that follow it, of the Linux kernel too. Nor is a
		// length known where fragments of IP are not put together.
		c.fault(f[fFrame], "payload of "+f[fLen]+" bytes without a mapping")
	case f[fJoinToken] != "" && f[fMPTCP] == "":
		c.fault(f[fFrame], "the token "+f[fJoinToken]+" of a join belongs to no connection")
	}
}

// mapsItself reports whether the mapping that a packet carries covers its payload.
// tshark 4.0 sometimes does not find it, of the Linux kernel too, after data was
// reinjected.
func mapsItself(f []string) bool {
	var v [4]uint64
	for i, s := range []string{f[fSeq], f[fLen], f[fMapSSN], f[fMapLen]} {
		n, err := strconv.ParseUint(s, 0, 32)
		if err != nil {
			return false
		}
		v[i] = n
	}
	return v[2] <= v[0] && v[0]+v[1] <= v[2]+v[3]
}

// group files a packet under its connection.
func (c *collector) group(f []string) error {
	if f[fTCP] == "" {
		return nil
	}
	c.tcp[f[fTCP]] = true
	if f[fMPTCP] == "" {
		return nil
	}
	i, ok := c.index[f[fMPTCP]]
	if !ok {
		i = len(c.report.Connections)
		c.index[f[fMPTCP]] = i
		c.report.Connections = append(c.report.Connections, Connection{})
	}
	conn := &c.report.Connections[i]
	stream, err := strconv.Atoi(f[fTCP])
	if err != nil {
		return fmt.Errorf("tcp.stream %q: %w", f[fTCP], err)
	}
	if !slices.Contains(conn.Subflows, stream) {
		conn.Subflows = append(conn.Subflows, stream)
	}
	if f[fToken] != "" {
		k, err := parseKey(f[fToken], f[fIDSN])
		if err != nil {
			return err
		}
		if !slices.Contains(conn.Keys, k) {
			conn.Keys = append(conn.Keys, k)
		}
	}
	if f[fJoinToken] != "" {
		t, err := strconv.ParseUint(f[fJoinToken], 0, 32)
		if err != nil {
			return fmt.Errorf("token %q: %w", f[fJoinToken], err)
		}
		if !slices.Contains(conn.JoinTokens, uint32(t)) {
			conn.JoinTokens = append(conn.JoinTokens, uint32(t))
		}
	}
	return nil
}

func parseKey(token, idsn string) (Key, error) {
	t, err := strconv.ParseUint(token, 0, 32)
	if err != nil {
		return Key{}, fmt.Errorf("token %q: %w", token, err)
	}
	d, err := strconv.ParseUint(idsn, 0, 64)
	if err != nil {
		return Key{}, fmt.Errorf("IDSN %q: %w", idsn, err)
	}
	return Key{uint32(t), d}, nil
}
