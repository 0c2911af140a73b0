package packetdrill

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strings"

	"mpsim/net/wire"
)

// packet reads a packet line from its direction on.
func (p *parser) packet() *Packet {
	k := &Packet{Pos: p.pos(), Inbound: p.peek() == '<'}
	p.move(1)
	p.addresses(k)
	if p.peek() == '[' {
		p.ipSpec(k)
		p.addresses(k)
	}
	if w := p.peekWord(); w == "icmp" || w == "udp" {
		p.fail("only TCP packets are supported, not %s", w)
	}
	k.Flags = p.flags()
	k.Seq = uint32(p.number("sequence number", math.MaxUint32))
	p.expect(":")
	at := p.pos()
	end := uint32(p.number("end of the sequence range", math.MaxUint32))
	p.expect("(")
	k.Len = int(p.number("length of the payload", 65000))
	p.expect(")")
	if end-k.Seq != uint32(k.Len) {
		p.failAt(at, "%d:%d does not span %d bytes", k.Seq, end, k.Len)
	}
	if p.acceptWord("ack") {
		k.HasAck, k.Ack = true, uint32(p.number("acknowledgement number", math.MaxUint32))
	}
	if p.acceptWord("win") {
		k.HasWin, k.Win = true, uint16(p.number("window", math.MaxUint16))
	}
	if p.acceptWord("urg") {
		k.HasUrg, k.Urg = true, uint16(p.number("urgent pointer", math.MaxUint16))
	}
	if k.Flags.Has(wire.ACK) != k.HasAck {
		p.failAt(k.Pos, "the flag '.' and \"ack N\" go together")
	}
	if k.Inbound && !k.HasWin {
		p.failAt(k.Pos, "an injected packet has a window")
	}
	if p.accept("<") {
		p.optionList(k)
	}
	return k
}

// addresses reads [addr[..]] [> [addr[..]]].
func (p *parser) addresses(k *Packet) {
	if p.looking("addr[") {
		k.Src = p.endpoint()
		if p.accept(">") && p.looking("addr[") {
			k.Dst = p.endpoint()
		}
		return
	}
	if p.accept(">") {
		k.Dst = p.endpoint()
	}
}

// endpoint reads addr[name], addr[name=inet_addr("..")] or addr["..."].
func (p *parser) endpoint() *EndpointRef {
	e := &EndpointRef{Pos: p.pos()}
	p.expect("addr")
	p.expect("[")
	if p.peek() != '"' {
		e.Name = p.word("name of an address")
	}
	if e.Name == "" || p.accept("=") {
		e.Addr = p.address()
	}
	p.expect("]")
	return e
}

// address reads a literal address: "1.2.3.4", inet_addr("1.2.3.4") or
// inet6_addr("::1").
func (p *parser) address() netip.Addr {
	f := p.peekWord()
	if f == "inet_addr" || f == "inet6_addr" {
		p.move(len(f))
		p.expect("(")
		defer p.expect(")")
	}
	p.expect(`"`)
	at := p.pos()
	text := p.until(`"`, "address")
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		p.failAt(at, "%q is not an address", text)
	}
	return a
}

// ipSpec reads [ecn ect0, ttl 64, tos 0x10, flowlabel 5].
func (p *parser) ipSpec(k *Packet) {
	p.expect("[")
	for !p.accept("]") {
		at := p.pos()
		switch w := p.word("field of the IP header"); w {
		case "ecn":
			k.IP.HasECN, k.IP.ECN = true, p.ecn(p.word("ECN codepoint"))
		case "ect0", "ect1", "ect01", "ce", "noecn":
			k.IP.HasECN, k.IP.ECN = true, p.ecn(w)
		case "tos":
			k.IP.HasTOS, k.IP.TOS = true, uint8(p.number("type of service", math.MaxUint8))
		case "ttl":
			k.IP.HasTTL, k.IP.TTL = true, uint8(p.number("time to live", math.MaxUint8))
		case "flowlabel":
			k.IP.HasLabel, k.IP.Label = true, uint32(p.number("flow label", 1<<20-1))
		default:
			p.failAt(at, "%q is no field of the IP header: ecn, tos, ttl or flowlabel", w)
		}
		if !p.looking("]") {
			p.expect(",")
		}
	}
}

// ectAny stands for "ect01": either codepoint of an ECN-capable transport.
const ectAny = 0xff

func (p *parser) ecn(w string) uint8 {
	switch w {
	case "ect0":
		return wire.ECT0
	case "ect1":
		return wire.ECT1
	case "ect01":
		return ectAny
	case "ce":
		return wire.CE
	case "noecn":
		return wire.NotECT
	}
	p.fail("%q is no ECN codepoint: noecn, ect0, ect1, ect01 or ce", w)
	return 0
}

// flagLetters are the flags in the order in which they are printed.
var flagLetters = []struct {
	letter byte
	flag   wire.Flags
}{
	{'S', wire.SYN}, {'F', wire.FIN}, {'R', wire.RST}, {'P', wire.PSH}, {'.', wire.ACK},
	{'E', wire.ECE}, {'W', wire.CWR}, {'A', wire.AE}, {'U', wire.URG},
}

func (p *parser) flags() (f wire.Flags) {
	p.skip()
	if p.accept("-") {
		return 0
	}
	start := p.at
next:
	for p.at < len(p.text) {
		for _, l := range flagLetters {
			if p.text[p.at] == l.letter {
				if f.Has(l.flag) {
					p.fail("flag %c twice", l.letter)
				}
				f |= l.flag
				p.at++
				continue next
			}
		}
		break
	}
	if p.at == start || p.at < len(p.text) && isWordByte(p.text[p.at]) {
		p.fail("TCP flags (of SFRP.EWAU, or -) expected, found %s", p.found())
	}
	return f
}

func flagText(f wire.Flags) string {
	var b strings.Builder
	for _, l := range flagLetters {
		if f.Has(l.flag) {
			b.WriteByte(l.letter)
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

// optionList reads the options behind '<'.
func (p *parser) optionList(k *Packet) {
	if p.accept("...") {
		p.expect(">")
		if k.Inbound {
			p.failAt(k.Pos, "an injected packet has definite options")
		}
		k.AnyOptions = true
		return
	}
	for !p.accept(">") {
		k.Options = append(k.Options, p.option())
		if !p.looking(">") {
			p.expect(",")
		}
	}
}

func (p *parser) option() *Option {
	p.skip()
	o := &Option{Pos: p.pos()}
	switch w := p.word("option"); w {
	case "nop":
		o.Kind = KindNop
	case "eol":
		o.Kind = KindEOL
	case "mss":
		o.Kind, o.Number = KindMSS, p.number("maximum segment size", math.MaxUint16)
	case "wscale":
		o.Kind, o.Number = KindWScale, p.number("window scale", math.MaxUint8)
	case "sackOK":
		o.Kind = KindSACKPermitted
	case "sack":
		o.Kind = KindSACK
		p.sackBlocks(o)
	case "TS":
		o.Kind = KindTimestamps
		p.expect("val")
		o.Val = uint32(p.number("timestamp", math.MaxUint32))
		p.expect("ecr")
		o.Ecr = uint32(p.number("timestamp", math.MaxUint32))
	case "FO", "FOEXP":
		o.Kind = KindFastOpen
		if w == "FOEXP" {
			o.Kind = KindFastOpenExp
		}
		if c := p.peek(); c != ',' && c != '>' {
			o.Bytes = p.hex(18)
		}
	case "raw":
		o.Kind = KindRaw
		p.expect("[")
		o.Bytes = p.hex(40)
		p.expect("]")
	default:
		if !p.mptcpOption(o, w) {
			p.failAt(o.Pos, "%q is not an option", w)
		}
	}
	return o
}

func (p *parser) sackBlocks(o *Option) {
	for {
		from := uint32(p.number("edge of a SACK block", math.MaxUint32))
		p.expect(":")
		to := uint32(p.number("edge of a SACK block", math.MaxUint32))
		o.Blocks = append(o.Blocks, [2]uint32{from, to})
		if len(o.Blocks) > 4 {
			p.failAt(o.Pos, "at most 4 SACK blocks fit")
		}
		if c := p.peek(); c == ',' || c == '>' {
			return
		}
	}
}

// hex reads up to max bytes in hexadecimal digits; white space may stand between
// them.
func (p *parser) hex(max int) []byte {
	at := p.pos()
	var digits string
	for isWordByte(p.peek()) {
		digits += strings.TrimPrefix(p.word("hexadecimal digits"), "0x")
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 || len(b) > max {
		p.failAt(at, "1 to %d bytes in hexadecimal digits expected", max)
	}
	return b
}
