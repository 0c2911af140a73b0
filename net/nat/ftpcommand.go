package nat

import (
	"bytes"
	"net/netip"
	"strconv"
)

// ftpCommand is a command by which an FTP client says where the server is to connect
// to: PORT (RFC 959 section 4.1.2) or EPRT (RFC 2428 section 2).
type ftpCommand struct {
	end netip.AddrPort
	// at and length are where its argument stands in the line.
	at, length int
	// form appends the argument that names another end, as Linux writes it
	// (nf_nat_ftp_fmt_cmd).
	form func(dst []byte, end netip.AddrPort) []byte
}

const (
	portCommand = "PORT "
	eprtCommand = "EPRT "
)

// parseFTP reads a command at the beginning of a segment in which it is complete.
func parseFTP(line []byte) (c ftpCommand, ok bool) {
	if arg, found := cutVerb(line, portCommand); found {
		c.at, c.form = len(portCommand), appendPort
		c.end, c.length, ok = parsePort(arg)
	} else if arg, found := cutVerb(line, eprtCommand); found {
		c.at, c.form = len(eprtCommand), appendEPRT
		c.end, c.length, ok = parseEPRT(arg)
	}
	return c, ok
}

func cutVerb(line []byte, verb string) (arg []byte, found bool) {
	if len(line) < len(verb) || !bytes.EqualFold(line[:len(verb)], []byte(verb)) {
		return nil, false
	}
	return line[len(verb):], true
}

// parsePort reads "h1,h2,h3,h4,p1,p2" with the end of the line behind it.
func parsePort(arg []byte) (end netip.AddrPort, length int, ok bool) {
	if length = bytes.IndexAny(arg, "\r\n"); length < 0 {
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

// appendPort appends the argument of a PORT command.
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
	if delim < 33 || delim > 126 || delim >= '0' && delim <= '9' || arg[2] != delim {
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

// appendEPRT appends the argument of an EPRT command that names an IPv4 end.
func appendEPRT(dst []byte, end netip.AddrPort) []byte {
	dst = append(end.Addr().AppendTo(append(dst, "|1|"...)), '|')
	return append(strconv.AppendUint(dst, uint64(end.Port()), 10), '|')
}
