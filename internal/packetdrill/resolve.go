package packetdrill

import (
	"fmt"
	"net/netip"
	"strings"
)

// learn takes from an emitted packet what later lines refer to: nonces, tokens,
// keys and timestamps. Names that an expected option gives are bound.
func (r *runner) learn(k *Packet, p *live, f *flow) {
	for _, b := range p.options {
		switch {
		case b[0] == 8 && len(b) == 10 && !f.hasTS:
			f.hasTS, f.firstVal, f.firstTS = true, be.Uint32(b[2:]), be.Uint32(b[2:])
			if o := k.find(KindTimestamps); o != nil {
				f.firstVal = o.Val
			}
		case b[0] == optionMPTCP && len(b) >= 4 && b[2]>>4 == subCapable:
			r.learnCapable(b, k.find(KindCapable), p, f)
		case b[0] == optionMPTCP && len(b) == 12 && b[2]>>4 == subJoin:
			if f.conn == nil {
				f.conn = r.connOfToken(be.Uint32(b[4:]), false)
			}
			f.nonce = be.Uint32(b[8:])
		case b[0] == optionMPTCP && len(b) == 16 && b[2]>>4 == subJoin:
			f.nonce = be.Uint32(b[12:])
		case b[0] == optionMPTCP && len(b) >= 8 && b[2]>>4 == subAddAddr:
			learnAddr(r, b, k.find(KindAddAddr))
		}
	}
}

// find returns the first option of a kind that a packet line has, or nil.
func (k *Packet) find(kind OptionKind) *Option {
	for _, o := range k.Options {
		if o.Kind == kind {
			return o
		}
	}
	return nil
}

func (r *runner) learnCapable(b []byte, o *Option, p *live, f *flow) {
	syn := p.seg.Flags&2 != 0
	if f.conn == nil && syn {
		f.conn = r.newConnection(b[2] & 15)
	}
	c := f.conn
	if c == nil {
		return
	}
	if syn {
		c.version = b[2] & 15
	}
	c.checksum = c.checksum || b[3]&0x80 != 0
	for j := 0; j < 2 && len(b) >= 12+8*j; j++ {
		v := be.Uint64(b[4+8*j:])
		if j == 0 && !c.hasLocal {
			c.local, c.hasLocal = v, true
		}
		if o != nil && j < len(o.Keys) && o.Keys[j].Name != "" {
			if _, bound := r.keys[o.Keys[j].Name]; !bound && !o.Keys[j].Assign {
				r.setKey(o.Keys[j].Name, v)
			}
		}
	}
}

// learnAddr binds the variable of an expected add_address to the address in the
// option.
func learnAddr(r *runner, b []byte, o *Option) {
	if o == nil || o.Addr.Name == "" || r.names[o.Addr.Name] != nil || o.Addr.Addr.IsValid() {
		return
	}
	n := &binding{}
	rest := b[8:]
	switch len(b) {
	case 8, 10, 16, 18:
		n.addr = netip.AddrFrom4([4]byte(b[4:8]))
	case 20, 22, 28, 30:
		n.addr, rest = netip.AddrFrom16([16]byte(b[4:20])), b[20:]
	default:
		return
	}
	if len(rest) == 2 || len(rest) == 10 {
		n.port = be.Uint16(rest)
	}
	r.names[o.Addr.Name] = n
}

// resolve turns an expected option into what must be found on the wire.
func (r *runner) resolve(o *Option, f *flow) *item {
	i := &item{kind: o.Kind}
	switch o.Kind {
	case KindMSS, KindWScale:
		i.add(o.Kind.String(), "%d", o.Number)
	case KindSACK:
		for _, b := range o.Blocks {
			i.add("sack", "%d:%d", b[0], b[1])
		}
	case KindTimestamps:
		i.add("val", "val %d", o.Val).free = true
		e := i.add("ecr", "ecr %d", o.Ecr)
		e.lax = r.sc.Config.TSTick == 0
	case KindFastOpen, KindFastOpenExp:
		i.add("cookie", "%x", o.Bytes)
	case KindRaw:
		i.add("bytes", "[%x]", o.Bytes)
	case KindCapable:
		r.resolveCapable(i, o)
	case KindDSS:
		r.resolveDSS(i, o, f)
	case KindJoinSYN, KindJoinSYNACK, KindJoinACK:
		r.resolveJoin(i, o, f)
	case KindAddAddr:
		r.resolveAddAddr(i, o)
	case KindRemoveAddr:
		var ids []string
		for _, id := range o.IDs {
			ids = append(ids, fmt.Sprint(id))
		}
		i.add("address_id", "address_id=[%s]", strings.Join(ids, ",")).lax = true
	case KindPrio:
		i.add("backup", "backup=%d", r.number(o.Backup, 0, 1, "backup", o.Pos))
		if o.ID.written() {
			i.add("address_id", "address_id=%d", r.number(o.ID, 0, 255, "address id", o.Pos))
		}
	case KindFail:
		d := i.add("dsn8", "dsn8=%d", r.relative(r.expectedFail(o, f), f, true))
		d.free = o.DSN.Form == None || o.DSN.Form == Present
	case KindFastClose:
		i.add("ckey", "ckey=%s", r.keyText(r.expectedCloseKey(o, f)))
	case KindReset:
		i.add("reason", "%d", o.Number)
		i.add("flags", "%s", letters("flag_", o.Flags, "uvwt"))
	}
	return i
}

// expectedFail is the number that an expected MP_FAIL carries. It counts the
// data of the script's side.
func (r *runner) expectedFail(o *Option, f *flow) uint64 {
	if o.DSN.Form == None || o.DSN.Form == Present {
		return 0
	}
	return r.absolute(o.DSN, f, true, o.Pos)
}

// expectedCloseKey is the key that an expected MP_FASTCLOSE carries: by default
// that of the script's side.
func (r *runner) expectedCloseKey(o *Option, f *flow) uint64 {
	switch {
	case o.Token.Form == KeyName:
		return r.key(o.Token.Keys[0], o.Pos)
	case o.Token.Form == Number:
		return wireKey(o.Token.N)
	case f.conn != nil:
		return f.conn.peer
	}
	return 0
}

func (r *runner) resolveCapable(i *item, o *Option) {
	i.add("version", "v%d", o.Version)
	i.add("flags", "%s", letters("flag_", o.Flags, "abcdefgh"))
	var names []string
	for _, k := range o.Keys {
		if k.Assign {
			r.setKey(k.Name, wireKey(k.Value))
		}
		v, bound := r.keys[k.Name]
		if !bound {
			names = append(names, k.Name)
			continue
		}
		names = append(names, r.keyText(v))
	}
	r.keyField(i, names)
	if o.HasLen {
		i.add("mpcdatalen", "mpcdatalen %d", o.DataLen)
	}
	if o.Checksum.written() {
		i.add("cksum", "cksum=auto")
		if v := o.Checksum; v.Form == Number {
			i.fields[len(i.fields)-1].text = fmt.Sprintf("cksum=%#04x", r.checksum(o, 0, 0, 0))
		}
	}
}

func (r *runner) resolveDSS(i *item, o *Option, f *flow) {
	show := func(name string, v Value, eight, own bool) {
		if !v.written() {
			return
		}
		name += map[bool]string{false: "4", true: "8"}[eight]
		if v.Form == Present {
			i.add(name, "%s", name).free = true
			return
		}
		n := r.relative(r.absolute(v, f, own, o.Pos), f, own)
		if !eight {
			i.add(name, "%s=%d", name, uint32(n))
			return
		}
		i.add(name, "%s=%d", name, n)
	}
	show("dack", o.DataAck, o.DataAck8, true)
	show("dsn", o.DSN, o.DSN8, false)
	if o.DSN.written() {
		plain(i, "ssn", o.SSN)
		plain(i, "dll", o.DLL).lax = o.DSN8
	}
	if !o.DSN.written() || o.NoChecksum || o.Checksum.Form == Number && o.Checksum.N == 0 {
		i.add("cksum", "nocs")
	} else {
		i.add("cksum", "cksum")
		i.add("cksum value", "=auto").lax = o.DSN8
		if v := o.Checksum; v.Form == Number {
			i.fields[len(i.fields)-1].text = fmt.Sprintf("=%#04x", r.checksum(o, 0, 0, 0))
		}
	}
	if o.Fin {
		i.add("fin", "fin")
	}
}

func plain(i *item, name string, v Value) *field {
	f := i.add(name, "%s=%d", name, v.N)
	f.free = v.Form != Number
	return f
}

func (r *runner) resolveJoin(i *item, o *Option, f *flow) {
	if o.Kind != KindJoinACK {
		i.add("backup", "backup=%d", r.number(o.Backup, 0, 1, "backup", o.Pos))
		id := i.add("address_id", "address_id=%d", o.ID.N)
		id.free = o.ID.Form != Number
		id.lax = o.Kind == KindJoinSYNACK
	}
	switch o.Kind {
	case KindJoinSYN:
		t := i.add("token", "token=")
		if t.free = o.Token.Form == None; !t.free {
			t.text += r.tokenText(r.expectedToken(o, f))
		}
	default:
		v := i.add("sender_hmac", "sender_hmac=auto")
		if o.HMAC.Form == JoinHMAC {
			n := 8
			if o.Kind == KindJoinACK {
				n = 20
			}
			first, second := r.key(o.HMAC.Keys[0], o.Pos), r.key(o.HMAC.Keys[1], o.Pos)
			v.text = "sender_hmac=" + macText(joinMAC(r.versionOf(first), first, second, f.nonce, f.remoteNonce)[:n], r.rightMAC(f))
		} else if o.HMAC.Form == Number {
			v.text = fmt.Sprintf("sender_hmac=%#x", o.HMAC.N)
		}
	}
	if o.Kind != KindJoinACK {
		plain(i, "rand", o.Rand)
	}
}

// expectedToken is the token of an expected MP_JOIN SYN: that of the script's
// side.
func (r *runner) expectedToken(o *Option, f *flow) uint32 {
	switch o.Token.Form {
	case Number:
		return uint32(o.Token.N)
	case Token:
		k := r.key(o.Token.Keys[0], o.Pos)
		return token(r.versionOf(k), k)
	}
	if f.conn == nil {
		return 0
	}
	return token(f.conn.version, f.conn.peer)
}

func (r *runner) resolveAddAddr(i *item, o *Option) {
	id := i.add("address_id", "address_id=%d", o.ID.N)
	id.free = o.ID.Form != Number
	a := i.add("addr", "addr[%s]", o.Addr.Name)
	b := r.names[o.Addr.Name]
	switch {
	case o.Addr.Addr.IsValid():
		a.text = "addr[" + r.addrText(o.Addr.Addr) + "]"
	case b != nil:
		a.text = "addr[" + r.addrText(b.addr) + "]"
	}
	if o.Port.written() {
		plain(i, "port", o.Port)
	}
	switch {
	case o.Echo:
		i.add("hmac", "addr_echo")
	case o.HMAC.Form == Number:
		i.add("hmac", "hmac=0x%016x", o.HMAC.N)
	case o.HMAC.written():
		i.add("hmac", "hmac=auto")
	}
}
