//go:build long

package execute

import "testing"

// The same on the other side of the boxes, and for more of them.
func TestTsharkBehindBoxesLong(t *testing.T) {
	dissect(t, []boxCapture{
		{"mbox/m10-pep", "client.*", 3, true},
		{"mbox/m11-proxy", "client.*", 4, true},
		{"mbox/syn-proxy", "client.*", 3, false},
		{"mbox/m19-captive", "client.*", 3, false},
		{"mbox/b16-early-ack", "client.*", 3, true},
		{"mbox/m9-ftp", "home.*", 20, true},
		{"mbox/m20-icmp", "client.*", 5, true},
		{"net/pmtu", "access.*", 3, false},
		{"nat/firewall", "server.*", 3, false},
		{"radio/lte-delay", "phone.*", 60, false},
		{"radio/wifi-degrades", "*", 1, false},
	})
}
