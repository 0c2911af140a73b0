package boxtest

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
)

// setting is a parameter of a box.
func setting(t testing.TB, spec *mbox.Spec, key, value string) mbox.Setting {
	for _, p := range spec.Params {
		if p.Name != key {
			continue
		}
		s := mbox.Setting{Name: key}
		switch p.Kind {
		case mbox.Flag:
			if value == "true" {
				s.Number = 1
			}
		case mbox.Whole, mbox.Speed:
			fmt.Sscan(value, &s.Number)
		case mbox.Span:
			fmt.Sscan(strings.TrimSuffix(value, "s"), &s.Number)
			s.Number *= 1e9
		case mbox.Addresses:
			s.IsText = true
			for _, name := range strings.Split(value, ",") {
				text := name
				if a, ok := Addresses[name]; ok {
					text = a.String()
				}
				s.Texts = append(s.Texts, text)
			}
		case mbox.Options:
			s.IsText, s.Texts = true, strings.Split(value, ",")
		case mbox.Choice:
			s.IsText, s.Texts = true, []string{value}
		default:
			s.IsText, s.Texts = true, []string{unescape(t, strings.ReplaceAll(value, ",", " "))}
		}
		return s
	}
	t.Fatalf("box %s has no parameter %q", spec.Name, key)
	return mbox.Setting{}
}

// unescape reads a text without spaces: \s is one, the rest is Go's.
func unescape(t testing.TB, text string) string {
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `\s`, " ") + `"`)
	if err != nil {
		t.Fatalf("text %s: %v", text, err)
	}
	return s
}

// filter takes a key of the filter of a box; false: it is none.
func filter(t testing.TB, f *mbox.Filter, key, value string) bool {
	var err error
	switch key {
	case "dir":
		f.Out, f.In = value == "up", value == "down"
	case "packets":
		f.Class = mbox.Class(value)
	case "carrying":
		for _, name := range strings.Split(value, ",") {
			if err = f.Carrying.Add(name); err != nil {
				break
			}
		}
	case "source_port":
		_, err = fmt.Sscan(value, &f.SourcePort)
	case "destination_port":
		_, err = fmt.Sscan(value, &f.DestinationPort)
	case "first":
		_, err = fmt.Sscan(value, &f.First)
	case "count":
		_, err = fmt.Sscan(value, &f.Count)
	default:
		return false
	}
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return true
}

// fragmentRules are the values of fragments.
var fragmentRules = map[string]simnet.FragmentRule{
	"reassemble": simnet.ReassembleFragments, "pass": simnet.PassFragments, "drop": simnet.DropFragments,
}

// Put puts a box at the outside of the router, with parameters "key=value", among them
// conditions of the filter and fragments, the rule for these.
func (r *Rig) Put(kind string, settings ...string) mbox.Box {
	r.T.Helper()
	spec, err := mbox.FindIn(r.specs, kind)
	if err != nil {
		r.T.Fatal(err)
	}
	f, rule := mbox.Everything(), simnet.ReassembleFragments
	var list []mbox.Setting
	for _, kv := range settings {
		k, v, _ := strings.Cut(kv, "=")
		if k == "fragments" {
			rule = fragmentRules[v]
			continue
		}
		if !filter(r.T, &f, k, v) {
			list = append(list, setting(r.T, spec, k, v))
		}
	}
	b, err := spec.New(f, list, &mbox.Env{Net: r.Net, Node: r.Router, Rand: sim.NewRand(1, 0, "box")})
	if err != nil {
		r.T.Fatal(err)
	}
	r.WAN.AddBoxWith(b, rule)
	return b
}

// ICMP sends a message.
func (r *Rig) ICMP(from, to netip.AddrPort, m *wire.ICMPMessage) []string {
	o := &wire.Options{Present: wire.OptICMP, ICMP: wire.AppendICMP(nil, m)}
	return r.Send(netip.AddrPortFrom(from.Addr(), 0), netip.AddrPortFrom(to.Addr(), 0), icmpProto(from), wire.Segment{}, o)
}

func icmpProto(a netip.AddrPort) uint8 {
	if a.Addr().Is6() {
		return wire.ProtoICMPv6
	}
	return wire.ProtoICMP
}

// quote sends host unreachable about the last packet but k that the sender has
// received.
func (r *Rig) quote(from, to netip.AddrPort, k int) {
	name, _, _ := strings.Cut(Short(from), ":")
	for i := len(r.Wire) - 1; i >= 0; i-- {
		p := &r.Wire[i]
		if p.Node != r.Nodes[name] {
			continue
		}
		if k--; k >= 0 {
			continue
		}
		ip := 20
		if from.Addr().Is6() {
			ip = 40
		}
		m := wire.NewUnreachable(icmpProto(from), 1, p.Bytes[:min(len(p.Bytes), ip+8+12)])
		r.ICMP(from, to, &m)
		return
	}
	r.T.Fatalf("%v has received nothing", from)
}

// Segment reads flags and fields of a TCP segment: words[0] are its flags, the others
// key=value:
//
//	seq, ack, win, len, tos, urg (urgent pointer), reserved (bits), off (offset in
//	the content of the stream, by default seq), text (literal payload), line (the same,
//	+ for a space, with the end of the line),
//	mss, wscale, sack (permitted), blocks=A-B, mptcp[=KEY] and keys=A-B (MP_CAPABLE), ts=VAL,
//	dsn, ssn, map (length), csum of a mapping; dack; join (token), raw=HEX (all options)
func Segment(t testing.TB, words []string) (wire.Segment, *wire.Options) {
	s, o := wire.Segment{Window: 1000}, new(wire.Options)
	for _, c := range words[0] {
		i := strings.IndexRune("FSRPAUEC", c)
		if c == '.' {
			i = 4
		}
		if i < 0 {
			t.Fatalf("unknown flag %q", c)
		}
		s.Flags |= 1 << i
	}
	off := false
	for _, kv := range words[1:] {
		k, v, _ := strings.Cut(kv, "=")
		n, _ := strconv.ParseUint(v, 0, 64)
		off = off || k == "off"
		if !header(&s, o, k, n) && !option(t, &s, o, k, v, n) {
			t.Fatalf("unknown field %q", k)
		}
		if k == "text" || k == "line" {
			b := []byte(unescape(t, v))
			if k == "line" {
				b = []byte(strings.ReplaceAll(v, "+", " ") + "\r\n")
			}
			wire.SetPieces(&s, o, []wire.Piece{{Len: uint32(len(b)), Data: b}})
		}
	}
	if !off {
		s.Off = uint64(s.Seq)
	}
	if o.Present == 0 {
		o = nil
	}
	return s, o
}

// header sets a field of the hot line.
func header(s *wire.Segment, o *wire.Options, key string, n uint64) bool {
	switch key {
	case "seq":
		s.Seq = wire.Seq(n)
	case "ack":
		s.Ack = wire.Seq(n)
	case "win":
		s.Window = uint16(n)
	case "len":
		s.Len = uint16(n)
	case "tos":
		s.TOS = uint8(n)
	case "off":
		s.Off = n
	case "reserved":
		s.Flags |= wire.Flags(n) << 9
	case "ts":
		s.Opt, s.TSVal = s.Opt|wire.HasTS, uint32(n)
	case "dsn":
		s.Opt, s.DSN = s.Opt|wire.HasDSS|wire.HasMap|wire.DSN8, wire.DSN(n)
	case "ssn":
		s.SSN = uint32(n)
	case "map":
		s.MapLen = uint16(n)
	case "dack":
		s.Opt, s.DataAck = s.Opt|wire.HasDSS|wire.HasDataAck, wire.DSN(n)
	case "urg":
		o.Present, o.Urgent = o.Present|wire.OptUrgent, uint16(n)
	default:
		return false
	}
	return true
}

// option sets a field of the cold record.
func option(t testing.TB, s *wire.Segment, o *wire.Options, key, text string, n uint64) bool {
	switch key {
	case "mss":
		o.Present, o.MSS = o.Present|wire.OptMSS, uint16(n)
	case "wscale":
		o.Present, o.WScale = o.Present|wire.OptWScale, uint8(n)
	case "sack":
		o.Present |= wire.OptSACKPermitted
	case "blocks":
		var b wire.SACKBlock
		fmt.Sscanf(text, "%d-%d", &b.Start, &b.End)
		o.Present, o.NSACK = o.Present|wire.OptSACK, 1
		o.SACK[0] = b
	case "mptcp":
		o.Present |= wire.OptCapable
		o.Capable = wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256}
		if n != 0 {
			o.Capable.Keys, o.Capable.SenderKey = 1, n
		}
	case "keys":
		o.Present |= wire.OptCapable
		o.Capable = wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256, Keys: 2}
		fmt.Sscanf(text, "%d-%d", &o.Capable.SenderKey, &o.Capable.ReceiverKey)
	case "join":
		o.Present, o.Join = o.Present|wire.OptJoin, wire.Join{Token: uint32(n), AddrID: 1}
	case "csum":
		o.Present, o.DSSChecksum = o.Present|wire.OptDSSChecksum, uint16(n)
	case "raw":
		b, err := hex.DecodeString(text)
		if err != nil || len(b)%4 != 0 {
			t.Fatalf("raw options %q: %v", text, err)
		}
		wire.ReplaceOptions(s, o, b)
	case "text", "line":
	default:
		return false
	}
	return true
}

// payload prints literal payload and the runs of content between, "" for a packet
// whose payload is one run of content.
func payload(s *wire.Segment, o *wire.Options) string {
	if !o.Has(wire.OptPieces) {
		return ""
	}
	text := ""
	for i := range o.Pieces {
		if p := &o.Pieces[i]; p.Data == nil {
			text += fmt.Sprintf(" <%d+%d>", p.Off, p.Len)
		} else {
			text += " " + strconv.Quote(string(p.Data))
		}
	}
	return text
}

// unusual prints header fields that the text of a packet leaves out.
func unusual(s *wire.Segment) (text string) {
	if s.TOS != 0 {
		text = fmt.Sprintf(" tos %#x", s.TOS)
	}
	if r := s.Flags >> 9; r != 0 {
		text += fmt.Sprintf(" reserved %d", r)
	}
	return text
}
