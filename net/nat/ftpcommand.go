package nat

import (
	"bytes"
	"net/netip"
	"strconv"
)

// ftpCommand is a line by which one side of an FTP session says where the other is to
// connect to: the commands PORT (RFC 959 section 4.1.2) and EPRT (RFC 2428 section 2) of a
// client, the replies 227 to PASV and 229 to EPSV (section 3) of a server.
type ftpCommand struct {
	end netip.AddrPort
	// at and length are where the end stands in the line.
	at, length int
	// form appends the argument that names another end, as Linux writes it
	// (nf_nat_ftp_fmt_cmd).
	form func(dst []byte, end netip.AddrPort) []byte
}

const (
	portCommand = "PORT "
	eprtCommand = "EPRT "
	pasvReply   = "227 "
	epsvReply   = "229 "
)

// parseFTP reads a command at the beginning of a segment in which it is complete.
func parseFTP(line []byte) (c ftpCommand, ok bool) {
	if arg, found := cutVerb(line, portCommand); found {
		c.at, c.form = len(portCommand), appendPort
		c.end, c.length, ok = parsePort(arg, "\r\n")
	} else if arg, found := cutVerb(line, eprtCommand); found {
		c.at, c.form = len(eprtCommand), appendEPRT
		c.end, c.length, ok = parseEPRT(arg)
	}
	return c, ok
}

// parseFTPReply reads such a reply of a server, whose end stands in parentheses behind some
// text. That of 229 is a port alone, of the server's own address.
func parseFTPReply(line []byte, server netip.Addr) (c ftpCommand, ok bool) {
	c.at = bytes.IndexByte(line, '(') + 1
	if c.at == 0 {
		return c, false
	}
	if _, found := cutVerb(line, pasvReply); found {
		c.form = appendPort
		c.end, c.length, ok = parsePort(line[c.at:], ")")
	} else if _, found := cutVerb(line, epsvReply); found {
		var port uint16
		c.form = appendEPSV
		port, c.length, ok = parseEPSV(line[c.at:])
		c.end = netip.AddrPortFrom(server, port)
	}
	return c, ok
}

func cutVerb(line []byte, verb string) (arg []byte, found bool) {
	if len(line) < len(verb) || !bytes.EqualFold(line[:len(verb)], []byte(verb)) {
		return nil, false
	}
	return line[len(verb):], true
}

// parsePort reads "h1,h2,h3,h4,p1,p2" with one of the characters of behind at its end.
func parsePort(arg []byte, behind string) (end netip.AddrPort, length int, ok bool) {
	if length = bytes.IndexAny(arg, behind); length < 0 {
		return end, 0, false
	}
	var b [6]byte
	for i, number := range bytes.Split(arg[:length], []byte{','}) {
		v, err := strconv.ParseUint(string(number), 10, 8)
		if err != nil || i >= len(b) {
			return end, 0, false
		}
		b[i], ok = byte(v), i == len(b)-1
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), uint16(b[4])<<8|uint16(b[5])), length, ok
}

// appendPort appends an end as PORT and 227 have it.
func appendPort(dst []byte, end netip.AddrPort) []byte {
	a := end.Addr().As4()
	for _, x := range [...]byte{a[0], a[1], a[2], a[3], byte(end.Port() >> 8)} {
		dst = append(strconv.AppendUint(dst, uint64(x), 10), ',')
	}
	return strconv.AppendUint(dst, uint64(end.Port()&0xff), 10)
}

// parseEPRT reads "|1|192.168.0.7|50040|" or "|2|fd00::7|50040|"; the delimiter is any
// printable character but a digit (Linux try_eprt).
func parseEPRT(arg []byte) (end netip.AddrPort, length int, ok bool) {
	if len(arg) < 3 {
		return end, 0, false
	}
	delim, family := arg[0], arg[1]
	if !delimits(delim) || arg[2] != delim {
		return end, 0, false
	}
	host, rest, found := bytes.Cut(arg[3:], []byte{delim})
	port, _, closed := bytes.Cut(rest, []byte{delim})
	if !found || !closed {
		return end, 0, false
	}
	addr, err := netip.ParseAddr(string(host))
	n, numErr := strconv.ParseUint(string(port), 10, 16)
	if err != nil || numErr != nil || n == 0 || addr.Zone() != "" || addr.Is4() != (family == '1') || addr.Is6() != (family == '2') {
		return end, 0, false
	}
	return netip.AddrPortFrom(addr, uint16(n)), 3 + len(host) + 1 + len(port) + 1, true
}

func delimits(b byte) bool { return b >= 33 && b <= 126 && (b < '0' || b > '9') }

// parseEPSV reads "|||6446|" (Linux try_epsv_response).
func parseEPSV(arg []byte) (port uint16, length int, ok bool) {
	if len(arg) < 4 || !delimits(arg[0]) || arg[1] != arg[0] || arg[2] != arg[0] {
		return 0, 0, false
	}
	number, _, closed := bytes.Cut(arg[3:], arg[:1])
	n, err := strconv.ParseUint(string(number), 10, 16)
	return uint16(n), 3 + len(number) + 1, closed && err == nil && n > 0
}

// appendEPSV appends the port of an end as 229 has it.
func appendEPSV(dst []byte, end netip.AddrPort) []byte {
	return append(strconv.AppendUint(append(dst, "|||"...), uint64(end.Port()), 10), '|')
}

// appendEPRT appends the argument of an EPRT command that names an IPv4 end.
func appendEPRT(dst []byte, end netip.AddrPort) []byte {
	dst = append(end.Addr().AppendTo(append(dst, "|1|"...)), '|')
	return append(strconv.AppendUint(dst, uint64(end.Port()), 10), '|')
}
