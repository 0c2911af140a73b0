package scenarios

import "testing"

// A download of 20 Mb/s over an uplink of 20 kb/s, which carries 48 acknowledgements of 52
// octets a second where 1700 are sent: most are lost, and those that come let out bursts
// for which the queue has no room. With ack_delay they cost nothing: the download has the goodput of 1448 octets of payload in
// packets of 1500, and the uplink carries only SYN and request.
func TestAcknowledgementsAtNoCost(t *testing.T) {
	const text = `schema = 1
name = "asymmetric"
duration = "5s"
[defaults]
quickack = true
[[node]]
name = "client"
[[node]]
name = "server"
[[link]]
name = "l"
a = "client.eth0"
b = "server.eth0"
rate = "20Mbps"
delay = "5ms"
queue = "1bdp"
[link.up]
rate = "20kbps"
queue = "20pkt"
[[flow]]
name = "dl"
protocol = "tcp"
client = "client"
server = "server"
[expect]
full = "goodput(dl, 1s, 5s) >= 0.97 * 20Mbps * 1448/1500"
`
	for _, v := range []struct {
		set  []string
		full bool
	}{{nil, false}, {[]string{"link.l.ack_delay=5ms"}, true}, {[]string{"link.l.up.ack_delay=0s"}, true}, {[]string{"link.l.down.ack_delay=0s"}, false}} {
		w := runText(t, text, Run{}, v.set...)
		if e := w.Expect()[0]; e.Pass != v.full {
			t.Errorf("%v: %s: %s", v.set, e.Expr, e.Value)
		}
		if n := w.byLink["l.up"].link.Stats().Accepted; v.full != (n < 10) {
			t.Errorf("%v: the uplink carried %d packets", v.set, n)
		}
	}
}
