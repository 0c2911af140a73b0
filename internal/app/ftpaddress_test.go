package app

import (
	"net/netip"
	"testing"
)

// The examples of RFC 2428 sections 2 and 3, other delimiters, and what is no end.
func TestExtendedEnds(t *testing.T) {
	for _, c := range []struct {
		arg, end  string
		known, ok bool
	}{
		{"|1|132.235.1.2|6275|", "132.235.1.2:6275", true, true},
		{"|2|1080::8:800:200C:417A|5282|", "[1080::8:800:200c:417a]:5282", true, true},
		{"!1!132.235.1.2!6275!", "132.235.1.2:6275", true, true},
		{"|3|132.235.1.2|6275|", "", false, false}, // reply 522
		{"|2|132.235.1.2|6275|", "", true, false},
		{"|1|132.235.1.2|0|", "", true, false},
		{"|1|132.235.1.2|65536|", "", true, false},
		{"|1|132.235.1.2|6275", "", true, false},
		{"", "", true, false},
	} {
		end, known, ok := parseExtended(c.arg)
		if known != c.known || ok != c.ok || ok && end != netip.MustParseAddrPort(c.end) {
			t.Errorf("%q is %v, family known %v, sound %v", c.arg, end, known, ok)
		}
	}
	for _, end := range []string{"132.235.1.2:6275", "[1080::8:800:200c:417a]:5282"} {
		want := netip.MustParseAddrPort(end)
		if got, _, ok := parseExtended(extendedHostPort(want)); !ok || got != want {
			t.Errorf("%s becomes %v", end, got)
		}
	}
	for line, want := range map[string]uint16{
		"229 Entering Extended Passive Mode (|||6446|)": 6446,
		"229 Entering Extended Passive Mode (|||0|)":    0,
		"229 (|1||6446|)": 0,
		"229 (||6446|)":   0,
		"229 (":           0,
		"229 ()":          0,
	} {
		if got, ok := parseExtendedPort(line); got != want || ok != (want != 0) {
			t.Errorf("%q: port %d, %v", line, got, ok)
		}
	}
}
