package plot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mpsim/net/wire"
)

// A packet as a diagram of packets names it: flags, sequence numbers relative to the SYNs, and
// its MPTCP options by the names of RFC 8684.

// packet is what is read of the octets of one.
type packet struct {
	tuple    wire.Tuple
	seq, ack uint32
	flags    wire.Flags
	length   int // of the payload
	window   uint16
	tos      uint8
	options  []option
}

// option is a TCP option: its name, and its octets behind kind and length.
type option struct{ name, body string }

// readPacket reads a packet from its IP header on; false: it cannot be read.
func readPacket(ip []byte) (p packet, ok bool) {
	var s wire.Segment
	var o wire.Options
	if wire.ParseCut(ip, &p.tuple, &s, &o) != nil {
		return p, false
	}
	p.seq, p.ack, p.flags, p.length, p.window, p.tos = uint32(s.Seq), uint32(s.Ack), s.Flags, int(s.Len), s.Window, s.TOS
	if p.tuple.Proto == wire.ProtoTCP {
		p.options = readOptions(tcpOptions(ip))
	}
	return p, true
}

// tcpOptions returns the octets of the options of TCP, which follow 20 octets of header behind
// an IP header without extensions.
func tcpOptions(ip []byte) []byte {
	head := 40
	if ip[0]>>4 == 4 {
		head = int(ip[0]&15) * 4
	}
	if len(ip) < head+20 {
		return nil
	}
	end := head + int(ip[head+12]>>4)*4
	return ip[head+20 : max(min(end, len(ip)), head+20)]
}

// The names of options: by kind, and of MPTCP by subtype (RFC 8684 section 8).
var (
	optionNames = map[byte]string{2: "MSS", 3: "WSCALE", 4: "SACK_PERM", 5: "SACK", 8: "TIMESTAMPS", 34: "FAST_OPEN"}
	mptcpNames  = []string{"MP_CAPABLE", "MP_JOIN", "DSS", "ADD_ADDR", "REMOVE_ADDR", "MP_PRIO", "MP_FAIL", "MP_FASTCLOSE", "MP_TCPRST"}
)

const mptcpKind = 30

func readOptions(b []byte) (out []option) {
	for len(b) > 0 && b[0] != 0 {
		if b[0] == 1 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return out
		}
		body := b[2:b[1]]
		o := option{name: optionNames[b[0]], body: string(body)}
		switch {
		case b[0] == mptcpKind && len(body) > 0 && int(body[0]>>4) < len(mptcpNames):
			o.name = mptcpNames[body[0]>>4]
		case o.name == "":
			o.name = "option " + strconv.Itoa(int(b[0]))
		}
		out = append(out, o)
		b = b[b[1]:]
	}
	return out
}

// isMPTCP reports whether an option is one of MPTCP, and what a diagram calls it.
func (o *option) isMPTCP() (string, bool) {
	if !slices.Contains(mptcpNames, o.name) {
		return "", false
	}
	const dataFIN = 0x10
	switch {
	case o.name == "DSS" && len(o.body) > 1 && o.body[1]&dataFIN != 0:
		return "DSS FIN", true
	case o.name == "ADD_ADDR" && o.body[0]&1 != 0:
		return "ADD_ADDR echo", true
	}
	return o.name, true
}

// flagNames are the flags in the order in which Wireshark names them.
var flagNames = []struct {
	flag wire.Flags
	name string
}{{wire.FIN, "FIN"}, {wire.SYN, "SYN"}, {wire.RST, "RST"}, {wire.PSH, "PSH"}, {wire.ACK, "ACK"}}

// label names a packet, with sequence numbers relative to isn and those of the other direction
// to other.
func (p *packet) label(isn, other uint32) string {
	switch p.tuple.Proto {
	case wire.ProtoUDP:
		return fmt.Sprintf("UDP, %d B", p.length)
	case wire.ProtoICMP, wire.ProtoICMPv6:
		return "ICMP"
	}
	var flags []string
	for _, f := range flagNames {
		if p.flags.Has(f.flag) {
			flags = append(flags, f.name)
		}
	}
	text := strings.Join(flags, ",")
	switch seq := p.seq - isn; {
	case p.length > 0:
		text += fmt.Sprintf(" %d:%d", seq, seq+uint32(p.length))
	case p.flags&(wire.SYN|wire.FIN|wire.RST) != 0:
		text += fmt.Sprintf(" seq %d", seq)
	}
	if p.flags.Has(wire.ACK) {
		text += fmt.Sprintf(" ack %d", p.ack-other)
	}
	for i := range p.options {
		if name, ok := p.options[i].isMPTCP(); ok {
			text += ", " + name
		}
	}
	return strings.TrimSpace(text)
}

// changes says how a box has changed a packet; nil: not at all. Lifetime and checksums do not
// count.
func (p *packet) changes(after *packet) (out []string) {
	if p.tuple.Src != after.tuple.Src {
		out = append(out, "from "+after.tuple.Src.String())
	}
	if p.tuple.Dst != after.tuple.Dst {
		out = append(out, "to "+after.tuple.Dst.String())
	}
	for i := range p.options {
		if name := p.options[i].name; p.count(name) > after.count(name) && p.first(i) {
			out = append(out, "without "+name)
		}
	}
	for i := range after.options {
		if name := after.options[i].name; after.count(name) > p.count(name) && after.first(i) {
			out = append(out, "with "+name)
		}
	}
	for i := range p.options {
		o := &p.options[i]
		if p.count(o.name) == after.count(o.name) && p.first(i) && !slices.Contains(after.options, *o) {
			out = append(out, "other "+o.name)
		}
	}
	for _, c := range []struct {
		changed bool
		what    string
	}{
		{p.flags != after.flags, "other flags"}, {p.length != after.length, "other length"}, {p.seq != after.seq, "other seq"},
		{p.ack != after.ack, "other ack"}, {p.window != after.window, "other window"}, {p.tos != after.tos, "other DSCP or ECN"},
	} {
		if c.changed {
			out = append(out, c.what)
		}
	}
	return out
}

// count returns how many options have a name, first whether option i is the first of its name.
func (p *packet) count(name string) (n int) {
	for i := range p.options {
		if p.options[i].name == name {
			n++
		}
	}
	return n
}

func (p *packet) first(i int) bool {
	return slices.IndexFunc(p.options, func(o option) bool { return o.name == p.options[i].name }) == i
}
