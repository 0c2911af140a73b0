package packetdrill

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"mpsim/net/wire"
	"mpsim/sim"
)

// live is an emitted packet, read. Options are read here and not by package
// wire, so that order and padding are seen as they are on the wire.
type live struct {
	at      sim.Time
	tuple   wire.Tuple
	seg     wire.Segment
	label   uint32 // IPv6 flow label
	badSum  bool
	options [][]byte
	broken  string // what is wrong with the option list
	payload []byte
}

// readPacket reads an emitted packet. The error says why it is no TCP packet.
func readPacket(e Emission) (*live, error) {
	p := &live{at: e.At}
	var o wire.Options
	if err := wire.ParsePacket(e.Packet, &p.tuple, &p.seg, &o); err != nil {
		return nil, err
	}
	if p.tuple.Proto != wire.ProtoTCP || o.Has(wire.OptOpaque) {
		return nil, fmt.Errorf("packet of protocol %d", p.tuple.Proto)
	}
	p.badSum = o.Has(wire.OptBadSum)
	if o.Has(wire.OptIP) {
		p.label = o.IP.FlowLabel
	}
	ip := 40
	if e.Packet[0]>>4 == 4 {
		ip = int(e.Packet[0]&15) * 4
	}
	l4 := len(e.Packet) - int(p.seg.Len)
	p.options, p.broken = splitOptions(e.Packet[ip+20 : l4])
	p.payload = e.Packet[l4:]
	return p, nil
}

// splitOptions cuts the option bytes of a TCP header into options.
func splitOptions(b []byte) (out [][]byte, broken string) {
	for len(b) > 0 {
		n := 1
		if b[0] > 1 {
			if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
				return append(out, b), "malformed option list"
			}
			n = int(b[1])
		}
		out = append(out, b[:n])
		b = b[n:]
	}
	return out, ""
}

// item is an option as it is printed and compared: fields of text.
type item struct {
	kind   OptionKind
	fields []field
}

// field is a part of an item. Of an expected item, free means that any value
// will do, and lax that the original tool does not compare it.
type field struct {
	name, text string
	free, lax  bool
}

func (i *item) add(name, format string, args ...any) *field {
	i.fields = append(i.fields, field{name: name, text: fmt.Sprintf(format, args...)})
	return &i.fields[len(i.fields)-1]
}

// String prints an item in the notation of scripts.
func (i *item) String() string {
	var b strings.Builder
	b.WriteString(i.kind.String())
	for _, f := range i.fields {
		if f.text != "" {
			b.WriteByte(' ')
			b.WriteString(f.text)
		}
	}
	return b.String()
}

const (
	optionMPTCP     = 30
	optionFastOpen  = 34
	optionExp       = 254
	expFastOpen     = 0xf989
	subCapable      = 0
	subJoin         = 1
	subDSS          = 2
	subAddAddr      = 3
	subRemoveAddr   = 4
	subPrio         = 5
	subFail         = 6
	subFastClose    = 7
	subReset        = 8
	flagF, flagDSN8 = 0x10, 0x08
	flagM, flagAck8 = 0x04, 0x02
	flagA           = 0x01
)

var be = binary.BigEndian

// decodeOption reads an option of a packet of the system under test on flow f.
func (r *runner) decodeOption(b []byte, f *flow, p *live) *item {
	i := &item{}
	n := len(b)
	switch k := b[0]; {
	case k == 0:
		i.kind = KindEOL
	case k == 1:
		i.kind = KindNop
	case k == 2 && n == 4:
		i.kind = KindMSS
		i.add("mss", "%d", be.Uint16(b[2:]))
	case k == 3 && n == 3:
		i.kind = KindWScale
		i.add("wscale", "%d", b[2])
	case k == 4 && n == 2:
		i.kind = KindSACKPermitted
	case k == 5 && n >= 10 && n%8 == 2:
		i.kind = KindSACK
		for s := b[2:]; len(s) > 0; s = s[8:] {
			i.add("sack", "%d:%d", be.Uint32(s), be.Uint32(s[4:]))
		}
	case k == 8 && n == 10:
		i.kind = KindTimestamps
		i.add("val", "val %d", f.scriptTS(be.Uint32(b[2:])))
		i.add("ecr", "ecr %d", be.Uint32(b[6:]))
	case k == optionFastOpen:
		i.kind = KindFastOpen
		i.add("cookie", "%x", b[2:])
	case k == optionExp && n >= 4 && be.Uint16(b[2:]) == expFastOpen:
		i.kind = KindFastOpenExp
		i.add("cookie", "%x", b[4:])
	default:
		if k != optionMPTCP || n < 3 || !r.decodeMPTCP(i, b, f, p) {
			i.kind, i.fields = KindRaw, nil
			i.add("bytes", "[%x]", b)
		}
	}
	return i
}

// scriptTS turns a timestamp of the system into the script's scale.
func (f *flow) scriptTS(live uint32) uint32 {
	if !f.hasTS {
		return live
	}
	return f.firstVal + (live - f.firstTS)
}

// decodeMPTCP reads an MPTCP option; false: its form is none of those known.
func (r *runner) decodeMPTCP(i *item, b []byte, f *flow, p *live) bool {
	switch b[2] >> 4 {
	case subCapable:
		return r.decodeCapable(i, b, f, p)
	case subJoin:
		return r.decodeJoin(i, b, f)
	case subDSS:
		return r.decodeDSS(i, b, f, p)
	case subAddAddr:
		return r.decodeAddAddr(i, b, f)
	case subRemoveAddr:
		i.kind = KindRemoveAddr
		var ids []string
		for _, id := range b[3:] {
			ids = append(ids, fmt.Sprint(id))
		}
		i.add("address_id", "address_id=[%s]", strings.Join(ids, ","))
		return true
	case subPrio:
		i.kind = KindPrio
		i.add("backup", "backup=%d", b[2]&1)
		if len(b) == 4 {
			i.add("address_id", "address_id=%d", b[3])
		}
		return len(b) <= 4
	case subFail:
		i.kind = KindFail
		if len(b) != 12 {
			return false
		}
		i.add("dsn8", "dsn8=%d", r.relative(be.Uint64(b[4:]), f, true))
		return true
	case subFastClose:
		i.kind = KindFastClose
		if len(b) != 12 {
			return false
		}
		i.add("ckey", "ckey=%s", r.keyText(be.Uint64(b[4:])))
		return true
	case subReset:
		i.kind = KindReset
		if len(b) != 4 {
			return false
		}
		i.add("reason", "%d", b[3])
		i.add("flags", "%s", letters("flag_", b[2]&15, "uvwt"))
		return true
	}
	return false
}

// letters prints flags, the highest bit first.
func letters(prefix string, f uint8, names string) string {
	var out []string
	for j := range names {
		if f>>(len(names)-1-j)&1 != 0 {
			out = append(out, prefix+names[j:j+1])
		}
	}
	if out == nil {
		return ""
	}
	return "flags[" + strings.Join(out, ", ") + "]"
}

func (r *runner) decodeCapable(i *item, b []byte, f *flow, p *live) bool {
	i.kind = KindCapable
	keys := 0
	switch len(b) {
	case 4:
	case 12:
		keys = 1
	case 20, 22, 24:
		keys = 2
	default:
		return false
	}
	i.add("version", "v%d", b[2]&15)
	i.add("flags", "%s", letters("flag_", b[3], "abcdefgh"))
	var names []string
	for j := range keys {
		names = append(names, r.keyText(be.Uint64(b[4+8*j:])))
	}
	r.keyField(i, names)
	if len(b) >= 22 {
		i.add("mpcdatalen", "mpcdatalen %d", be.Uint16(b[20:]))
	}
	if len(b) == 24 {
		// The mapping is implicit: the first data, at the first subflow number.
		d := dssParts{ssn: 1, dll: be.Uint16(b[20:]), sum: be.Uint16(b[22:]), flags: flagDSN8}
		if c := f.conn; c != nil {
			d.dsn = idsn(c.version, c.local) + 1
		}
		i.add("cksum", "cksum%s", r.checksumText(&d, f, p))
	}
	return true
}

func (r *runner) keyField(i *item, names []string) {
	if len(names) == 0 {
		i.add("key", "nokey")
		return
	}
	i.add("key", "key[%s]", strings.Join(names, ", "))
}

// keyText prints a key by its name, or its number as scripts write it.
func (r *runner) keyText(k uint64) string {
	for _, n := range r.keyNames {
		if r.keys[n] == k {
			return n
		}
	}
	return fmt.Sprintf("%#x", wireKey(k))
}

func (r *runner) decodeJoin(i *item, b []byte, f *flow) bool {
	switch len(b) {
	case 12, 16:
		i.kind = KindJoinSYN
		if len(b) == 16 {
			i.kind = KindJoinSYNACK
		}
		i.add("backup", "backup=%d", b[2]&1)
		i.add("address_id", "address_id=%d", b[3])
		if len(b) == 12 {
			i.add("token", "token=%s", r.tokenText(be.Uint32(b[4:])))
		} else {
			i.add("sender_hmac", "sender_hmac=%s", macText(b[4:12], r.rightMAC(f)))
		}
		i.add("rand", "rand=%d", be.Uint32(b[len(b)-4:]))
		return true
	case 24:
		i.kind = KindJoinACK
		i.add("sender_hmac", "sender_hmac=%s", macText(b[4:], r.rightMAC(f)))
		return true
	}
	return false
}

// tokenText prints a token by the key that it belongs to.
func (r *runner) tokenText(t uint32) string {
	for _, n := range r.keyNames {
		for _, c := range r.conns {
			if (c.hasLocal && c.local == r.keys[n] || c.hasPeer && c.peer == r.keys[n]) && token(c.version, r.keys[n]) == t {
				return "sha256_32(" + n + ")"
			}
		}
	}
	return fmt.Sprint(t)
}

// rightMAC is the HMAC that the system under test must send on a joining flow.
func (r *runner) rightMAC(f *flow) []byte {
	if f.conn == nil {
		return nil
	}
	return joinMAC(f.conn.version, f.conn.local, f.conn.peer, f.nonce, f.remoteNonce)
}

// macText prints an HMAC: "auto" if it is the right one.
func macText(b, right []byte) string {
	if len(right) >= len(b) && string(right[:len(b)]) == string(b) {
		return "auto"
	}
	return fmt.Sprintf("0x%x", b)
}

// relative turns a data sequence number into the script's: of the system's data,
// or of the script's (peer).
func (r *runner) relative(n uint64, f *flow, peer bool) int64 {
	c := f.conn
	switch {
	case c == nil:
		return int64(n)
	case peer:
		return int64(n - idsn(c.version, c.peer))
	}
	return int64(n - idsn(c.version, c.local))
}

// dssField holds where the parts of a DSS option are.
type dssParts struct {
	ack, dsn       uint64
	ssn            uint32
	dll, sum       uint16
	flags          byte
	hasMap, hasSum bool
}

// parseDSS cuts a DSS option; false: its length does not fit its flags.
func parseDSS(b []byte) (d dssParts, ok bool) {
	if len(b) < 4 {
		return d, false
	}
	d.flags = b[3]
	b = b[4:]
	take := func(eight bool) (n uint64) {
		w := 4
		if eight {
			w = 8
		}
		if len(b) < w {
			b = nil
			return 0
		}
		for _, x := range b[:w] {
			n = n<<8 | uint64(x)
		}
		b = b[w:]
		return n
	}
	need := 0
	if d.flags&flagA != 0 {
		need += 4 + 4*int(d.flags&flagAck8)/2
	}
	d.hasMap = d.flags&flagM != 0
	if d.hasMap {
		need += 10 + 4*int(d.flags&flagDSN8)/8
	}
	d.hasSum = d.hasMap && len(b) == need+2
	if len(b) != need && !d.hasSum {
		return d, false
	}
	if d.flags&flagA != 0 {
		d.ack = take(d.flags&flagAck8 != 0)
	}
	if d.hasMap {
		d.dsn = take(d.flags&flagDSN8 != 0)
		d.ssn = uint32(take(false))
		d.dll = be.Uint16(b)
		if d.hasSum {
			d.sum = be.Uint16(b[2:])
		}
	}
	return d, true
}

func (r *runner) decodeDSS(i *item, b []byte, f *flow, p *live) bool {
	i.kind = KindDSS
	d, ok := parseDSS(b)
	if !ok {
		return false
	}
	// Numbers of 4 octets are relative to the lower half of the IDSN.
	show := func(name string, n uint64, eight, peer bool) {
		rel := r.relative(n, f, peer)
		if !eight {
			name += "4"
			i.add(name, "%s=%d", name, uint32(rel))
			return
		}
		name += "8"
		i.add(name, "%s=%d", name, rel)
	}
	if d.flags&flagA != 0 {
		show("dack", d.ack, d.flags&flagAck8 != 0, true)
	}
	if d.hasMap {
		show("dsn", d.dsn, d.flags&flagDSN8 != 0, false)
		i.add("ssn", "ssn=%d", d.ssn)
		i.add("dll", "dll=%d", d.dll)
	}
	if !d.hasSum {
		i.add("cksum", "nocs")
	} else {
		i.add("cksum", "cksum")
		i.add("cksum value", "%s", r.checksumText(&d, f, p))
	}
	if d.flags&flagF != 0 {
		i.add("fin", "fin")
	}
	return true
}

// checksumText prints the value of a DSS checksum: "=auto" if it is right.
func (r *runner) checksumText(d *dssParts, f *flow, p *live) string {
	dsn := d.dsn
	if d.flags&flagDSN8 == 0 && f.conn != nil {
		// The upper half is that of the number nearest to the last one.
		near := f.dsnHigh
		if near == 0 {
			near = idsn(f.conn.version, f.conn.local)
		}
		dsn = uint64(wire.Promote(uint32(d.dsn), wire.DSN(near)))
	}
	f.dsnHigh = dsn
	data := p.payload
	if n := int(d.dll); len(data) != n {
		// What the mapping covers beyond this packet is zero bytes, as all data of
		// a script is.
		data = make([]byte, n)
	}
	if want := dssChecksum(dsn, d.ssn, d.dll, data); want != d.sum && !(d.dll == 0 && d.sum == 0) {
		return fmt.Sprintf("=%#04x (wrong: %#04x is right)", d.sum, want)
	}
	return "=auto"
}

func (r *runner) decodeAddAddr(i *item, b []byte, f *flow) bool {
	i.kind = KindAddAddr
	if len(b) < 8 {
		return false
	}
	version := uint8(1)
	if f.conn != nil {
		version = f.conn.version
	}
	echo := version == 1 && b[2]&1 != 0
	n := len(b) - 4
	if version == 1 && !echo {
		n -= 8
	}
	var addr netip.Addr
	var rest []byte
	switch n {
	case 4, 6:
		addr, rest = netip.AddrFrom4([4]byte(b[4:8])), b[8:]
	case 16, 18:
		addr, rest = netip.AddrFrom16([16]byte(b[4:20])), b[20:]
	default:
		return false
	}
	port := uint16(0)
	i.add("address_id", "address_id=%d", b[3])
	i.add("addr", "addr[%s]", r.addrText(addr))
	if n == 6 || n == 18 {
		port, rest = be.Uint16(rest), rest[2:]
		i.add("port", "port=%d", port)
	}
	switch {
	case echo:
		i.add("hmac", "addr_echo")
	case version == 1:
		var right [8]byte
		if c := f.conn; c != nil {
			be.PutUint64(right[:], addrMAC(1, c.local, c.peer, b[3], addr, port))
		}
		i.add("hmac", "hmac=%s", macText(rest, right[:]))
	}
	return true
}

// addrText prints an address by the name of an endpoint variable.
func (r *runner) addrText(a netip.Addr) string {
	name := ""
	for n, b := range r.names {
		if b.addr == a && (name == "" || n < name) {
			name = n
		}
	}
	if name == "" {
		return `"` + a.String() + `"`
	}
	return name
}
