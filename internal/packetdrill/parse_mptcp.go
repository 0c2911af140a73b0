package packetdrill

import (
	"math"
	"strings"
)

// mptcpOption reads an MPTCP option whose name w was taken.
func (p *parser) mptcpOption(o *Option, w string) bool {
	switch w {
	case "mpcapable":
		o.Kind = KindCapable
		p.capable(o)
	case "dss":
		o.Kind = KindDSS
		p.dss(o)
	case "mp_join_syn":
		o.Kind = KindJoinSYN
		p.fields(o, "backup", "address_id", "token", "rand")
	case "mp_join_syn_ack":
		o.Kind = KindJoinSYNACK
		p.fields(o, "backup", "address_id", "sender_hmac", "rand")
	case "mp_join_ack":
		o.Kind = KindJoinACK
		p.fields(o, "sender_hmac")
	case "add_address":
		o.Kind = KindAddAddr
		p.fields(o, "address_id", "addr", "port", "hmac", "addr_echo")
		if o.Addr == nil {
			p.failAt(o.Pos, "add_address needs addr[...]")
		}
	case "remove_address":
		o.Kind = KindRemoveAddr
		p.idList(o)
	case "mp_prio":
		o.Kind = KindPrio
		p.fields(o, "backup", "address_id")
	case "mp_fail":
		o.Kind = KindFail
		p.fields(o, "dsn8")
	case "mp_fastclose":
		o.Kind = KindFastClose
		p.fields(o, "ckey")
	case "mp_reset":
		o.Kind = KindReset
		o.Number = p.number("reason", math.MaxUint8)
		if p.acceptWord("flags") {
			o.Flags = p.flagList(map[string]uint8{"flag_t": 1, "flag_w": 2, "flag_v": 4, "flag_u": 8})
		}
	default:
		return false
	}
	return true
}

// capable reads v1 flags[...] nokey|key[...] [mpcdatalen n [cksum=v]].
func (p *parser) capable(o *Option) {
	at := p.pos()
	switch w := p.word("version"); w {
	case "v0":
	case "v1":
		o.Version = 1
	default:
		v, ok := parseNumber(strings.TrimPrefix(w, "v"))
		if !ok || v > 15 {
			p.failAt(at, "a version from v0 to v15 expected, found %q", w)
		}
		o.Version = uint8(v)
	}
	if p.acceptWord("flags") {
		if p.peek() == '[' {
			o.Flags = p.flagList(map[string]uint8{
				"flag_a": 0x80, "flag_b": 0x40, "flag_c": 0x20, "flag_d": 0x10,
				"flag_e": 8, "flag_f": 4, "flag_g": 2, "flag_h": 1,
			})
		} else {
			o.Flags = uint8(p.number("flags", math.MaxUint8))
		}
	}
	switch {
	case p.acceptWord("nokey"):
	case p.acceptWord("key"):
		p.keys(o)
	}
	if p.acceptWord("mpcdatalen") {
		o.HasLen, o.DataLen = true, uint16(p.number("data-level length", math.MaxUint16))
		if p.acceptWord("cksum") {
			p.expect("=")
			o.Checksum = p.value()
		}
		if len(o.Keys) != 2 {
			p.failAt(o.Pos, "mpcdatalen goes with two keys")
		}
	}
}

func (p *parser) flagList(names map[string]uint8) (f uint8) {
	p.expect("[")
	for !p.accept("]") {
		at := p.pos()
		w := p.word("flag")
		b, ok := names[w]
		if !ok {
			p.failAt(at, "%q is no flag of this option", w)
		}
		f |= b
		if !p.looking("]") {
			p.expect(",")
		}
	}
	return f
}

func (p *parser) keys(o *Option) {
	p.expect("[")
	for !p.accept("]") {
		var k KeySpec
		k.Name = p.word("name of a key")
		if p.accept("=") {
			k.Assign, k.Value = true, p.number("key", math.MaxUint64)
		}
		o.Keys = append(o.Keys, k)
		if !p.looking("]") {
			p.expect(",")
		}
	}
	if len(o.Keys) == 0 || len(o.Keys) > 2 {
		p.failAt(o.Pos, "mpcapable has one key or two")
	}
}

// dss reads the fields of a DSS option in any order.
func (p *parser) dss(o *Option) {
	for {
		switch w := p.peekWord(); w {
		case "dack4", "dack8":
			p.move(len(w))
			o.DataAck, o.DataAck8 = p.optionalValue(), w == "dack8"
		case "dsn4", "dsn8":
			p.move(len(w))
			o.DSN, o.DSN8 = p.optionalValue(), w == "dsn8"
		case "ssn":
			p.move(len(w))
			o.SSN = p.optionalValue()
		case "dll":
			p.move(len(w))
			o.DLL = p.optionalValue()
		case "cksum":
			p.move(len(w))
			p.expect("=")
			o.Checksum = p.value()
		case "nocs":
			p.move(len(w))
			o.NoChecksum = true
		case "fin", "FIN":
			p.move(len(w))
			o.Fin = true
		default:
			p.checkDSS(o)
			return
		}
	}
}

func (p *parser) checkDSS(o *Option) {
	if o.DSN.written() != o.DLL.written() || o.DSN.written() != o.SSN.written() {
		p.failAt(o.Pos, "dsn, ssn and dll go together")
	}
	if o.NoChecksum && o.Checksum.written() {
		p.failAt(o.Pos, "nocs and cksum exclude each other")
	}
	if !o.DSN.written() && (o.Fin || o.Checksum.written()) {
		p.failAt(o.Pos, "fin and cksum need a mapping (dsn, ssn, dll)")
	}
}

// fields reads name=value fields in any order, of those allowed.
func (p *parser) fields(o *Option, allowed ...string) {
	for {
		w := p.peekWord()
		if w == "" {
			return
		}
		ok := false
		for _, a := range allowed {
			ok = ok || a == w
		}
		if !ok {
			p.fail("%s has no field %q; it has %s", o.Kind, w, strings.Join(allowed, ", "))
		}
		if w == "addr" {
			o.Addr = p.endpoint()
			continue
		}
		p.move(len(w))
		if w == "addr_echo" {
			o.Echo = true
			continue
		}
		p.expect("=")
		v := p.value()
		switch w {
		case "backup":
			o.Backup = v
		case "address_id":
			o.ID = v
		case "token":
			o.Token = v
		case "rand":
			o.Rand = v
		case "sender_hmac", "hmac":
			o.HMAC = v
		case "port":
			o.Port = v
		case "dsn8":
			o.DSN = v
		case "ckey":
			o.Token = v
		}
	}
}

// idList reads address_id=n or address_id=[n, m].
func (p *parser) idList(o *Option) {
	p.expect("address_id")
	p.expect("=")
	if !p.accept("[") {
		o.IDs = []uint8{uint8(p.number("address id", math.MaxUint8))}
		return
	}
	for !p.accept("]") {
		o.IDs = append(o.IDs, uint8(p.number("address id", math.MaxUint8)))
		if len(o.IDs) > 36 {
			p.failAt(o.Pos, "at most 36 ids fit")
		}
		if !p.looking("]") {
			p.expect(",")
		}
	}
}

// optionalValue reads =value; without it the field is there with any value.
func (p *parser) optionalValue() Value {
	if !p.accept("=") {
		return Value{Form: Present}
	}
	return p.value()
}

// value reads a number, "auto", the name of a key, or a function of keys with
// something added.
func (p *parser) value() Value {
	p.skip()
	at := p.pos()
	w := p.word("value")
	if n, ok := parseNumber(w); ok {
		return Value{Form: Number, N: n}
	}
	if w == "auto" {
		return Value{Form: Auto}
	}
	if !p.accept("(") {
		return Value{Form: KeyName, Keys: []string{w}}
	}
	var v Value
	for !p.accept(")") {
		v.Keys = append(v.Keys, p.word("name of a key"))
		p.accept(",")
	}
	keys := 1
	switch w {
	case "sha256_32", "sha1_32", "trunc_l32_hmac":
		v.Form = Token
	case "trunc_r64_hmac", "trunc_r64_sha256", "trunc_r64_sha1":
		v.Form = IDSN
	case "full_160_hmac", "trunc_l64_hmac":
		v.Form, keys = JoinHMAC, 2
	default:
		p.failAt(at, "%q is no function of keys", w)
	}
	if len(v.Keys) != keys {
		p.failAt(at, "%s takes %d keys", w, keys)
	}
	if p.accept("+") {
		v.N = p.number("number", math.MaxUint64)
	}
	return v
}
