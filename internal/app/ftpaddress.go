package app

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// This file has the forms in which FTP names ends: that of PORT and PASV, which has room
// for IPv4 only (RFC 959 section 4.1.2), and those of EPRT and EPSV (RFC 2428 sections 2
// and 3).

// hostPort prints an end as PORT and PASV have it (RFC 959 section 4.1.2).
func hostPort(a netip.AddrPort) string {
	b := a.Addr().As4()
	return fmt.Sprintf("%d,%d,%d,%d,%d,%d", b[0], b[1], b[2], b[3], a.Port()>>8, a.Port()&0xff)
}

// parseHostPort finds such an end in a line.
func parseHostPort(line string) (netip.AddrPort, bool) {
	if i := strings.IndexByte(line, '('); i >= 0 {
		line, _, _ = strings.Cut(line[i+1:], ")")
	}
	var b [6]byte
	parts := strings.Split(line, ",")
	if len(parts) != len(b) {
		return netip.AddrPort{}, false
	}
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return netip.AddrPort{}, false
		}
		b[i] = byte(v)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), uint16(b[4])<<8|uint16(b[5])), true
}

// extendedHostPort prints an end as EPRT has it: family 1 is IPv4, 2 is IPv6.
func extendedHostPort(a netip.AddrPort) string {
	family := 1
	if a.Addr().Is6() {
		family = 2
	}
	return fmt.Sprintf("|%d|%s|%d|", family, a.Addr(), a.Port())
}

// parseExtended reads the argument of EPRT, whose first character is its delimiter.
// known is false if the family is neither IPv4 nor IPv6 (RFC 2428: reply 522).
func parseExtended(arg string) (end netip.AddrPort, known, ok bool) {
	if arg == "" {
		return end, true, false
	}
	parts := strings.Split(arg, arg[:1])
	if len(parts) != 5 || parts[0] != "" || parts[4] != "" {
		return end, true, false
	}
	if parts[1] != "1" && parts[1] != "2" {
		return end, false, false
	}
	addr, err := netip.ParseAddr(parts[2])
	port, portErr := strconv.ParseUint(parts[3], 10, 16)
	if err != nil || portErr != nil || port == 0 || addr.Is4() != (parts[1] == "1") {
		return end, true, false
	}
	return netip.AddrPortFrom(addr, uint16(port)), true, true
}

// parseExtendedPort finds the port in a reply to EPSV, "229 ... (|||6446|)".
func parseExtendedPort(line string) (uint16, bool) {
	_, arg, found := strings.Cut(line, "(")
	arg, _, closed := strings.Cut(arg, ")")
	if !found || !closed || arg == "" {
		return 0, false
	}
	parts := strings.Split(arg, arg[:1])
	if len(parts) != 5 || parts[1] != "" || parts[2] != "" {
		return 0, false
	}
	port, err := strconv.ParseUint(parts[3], 10, 16)
	return uint16(port), err == nil && port > 0
}
