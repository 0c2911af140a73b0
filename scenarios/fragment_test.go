package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/sim"
)

// Without DF a hop of MTU 1280 costs headers, nothing else: no message, no drop for
// length, the same segments end to end; TCP, MPTCP and datagrams arrive whole. With DF
// the same path drops and tells. IPv6 knows no DF and is not cut.
func TestFragmentsInATransfer(t *testing.T) {
	for _, c := range []struct {
		protocol string
		df       bool
		tooBig   bool
	}{{"tcp", false, false}, {"mptcp", false, false}, {"mptcp", true, true}} {
		text := strings.Replace(fmt.Sprintf(narrowPath, 0, "", "", true, c.protocol), "[[node]]", fmt.Sprintf("defaults.df = %v\n[[node]]", c.df), 1)
		w := runText(t, text, Run{Verify: true})
		f := w.byFlow["dl"]
		if f.record.Corrupt != 0 || f.record.Bytes != 4_000_000 || f.record.Done == sim.Never {
			t.Errorf("%+v: %d bytes, %d wrong", c, f.record.Bytes, f.record.Corrupt)
		}
		narrow := w.byLink["narrow.down"].link.Stats()
		if (narrow.MTUDrops > 0) != c.tooBig {
			t.Errorf("%+v: %d packets dropped for their length", c, narrow.MTUDrops)
		}
		// 1500 octets become 1280-4 and 244 (1256 and 224 of payload): two fragments.
		if !c.df && c.protocol == "tcp" {
			if per := narrow.AcceptedBytes / narrow.Accepted; per < 700 || per > 780 {
				t.Errorf("%+v: packets of %d octets on average, want about 760", c, per)
			}
		}
	}
}

// Datagrams of 4000 octets over a link of 1500: three fragments each, all arrive; with one
// fragment in ten lost a datagram arrives with probability 0.9^3.
func TestDatagramsInFragments(t *testing.T) {
	const text = `schema = 1
name = "datagrams"
duration = "10s"
defaults.df = false
[[node]]
name = "c"
[[node]]
name = "s"
[[link]]
name = "l"
a = "c.eth0"
b = "s.eth0"
rate = "100Mbps"
delay = "5ms"
mtu = "1500B"
%s
[[flow]]
name = "dl"
protocol = "udp"
client = "c"
server = "s"
stop = "9s"
cbr = { rate = "3.2Mbps", packet = "4000B" }
`
	for _, c := range []struct {
		keys   string
		lo, hi float64
	}{{"", 1, 1}, {"loss = 0.1", 0.699, 0.759}} { // 0.729, and three standard deviations of 900 datagrams: 0.015 each
		w := runText(t, fmt.Sprintf(text, c.keys), Run{Verify: true})
		f := w.byFlow["dl"]
		if got := float64(f.record.Bytes) / 4000 / 900; got < c.lo-0.015 || got > c.hi+0.015 || f.record.Corrupt != 0 {
			t.Errorf("%q: %v of the datagrams arrived", c.keys, got)
		}
		if s := w.byLink["l.down"].link.Stats(); s.Offered < 3*899 || s.Offered > 3*901 {
			t.Errorf("%q: %d fragments of 900 datagrams", c.keys, s.Offered)
		}
	}
}
