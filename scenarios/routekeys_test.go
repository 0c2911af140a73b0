package scenarios

import "testing"

// oneTCP is a download whose path is silently cut for 50 ms.
const oneTCP = `schema = 1
name = "one"
duration = "3s"
paths = ["wifi 2ms 5pkt 10Mbps"]
[[flow]]
name = "dl"
protocol = "tcp"
client = "client"
server = "server"
[[at]]
time = "1s"
action = "link.blackhole"
links = ["wifi"]
[[at]]
time = "1.05s"
action = "link.restore"
links = ["wifi"]
[expect]
gap = "max_gap(dl, 0.9s, 2s) < 0.2s"
`

// What Linux keeps with routes: with quickack every packet of data is acknowledged, else
// every other one; with rto_min = "5ms" a cut of 50 ms is over within 0.2 s, which without
// is the least time until something is sent again. A node's own key wins.
func TestKeysOfRoutes(t *testing.T) {
	for _, v := range []struct {
		set        []string
		quick, rto bool
	}{
		{nil, false, false},
		{[]string{"defaults.quickack=true"}, true, false},
		{[]string{"defaults.rto_min=5ms"}, false, true},
		{[]string{"defaults.quickack=true", "defaults.rto_min=5ms", "node.client.quickack=false", "node.server.rto_min=200ms"}, false, false},
		{[]string{"node.client.quickack=true", "node.server.rto_min=5ms"}, true, true},
	} {
		text := oneTCP
		if len(v.set) > 0 {
			text += "[[node]]\nname = \"client\"\n[[node]]\nname = \"server\"\n"
		}
		w := runText(t, text, Run{}, v.set...)
		packets := map[string]float64{}
		for _, l := range w.Links() {
			packets[l.Direction] = float64(l.Stats.Accepted)
		}
		if acks := packets["up"] / packets["down"]; v.quick != (acks > 0.95) || !v.quick && acks > 0.6 {
			t.Errorf("%v: %.2f acknowledgements a packet", v.set, acks)
		}
		if e := w.Expect()[0]; e.Pass != v.rto {
			t.Errorf("%v: %s: %s", v.set, e.Expr, e.Value)
		}
	}
}

// The path is silently dead for the first 25 ms and the SYN is lost: it is sent again a
// second later (RFC 6298 section 2), or after the timeout that rto_initial gives, which is
// that of the first four (Linux tcp_syn_linear_timeouts): at 10, 20 and 30 ms, then a
// round trip of 4 ms and the data's way back.
// A node's own key wins; the client's counts, as it sends the SYN.
func TestInitialTimeout(t *testing.T) {
	const head = `schema = 1
name = "one"
duration = "2s"
paths = ["wifi 2ms 50pkt 10Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
size = "1kB"
[[at]]
time = "0s"
action = "link.blackhole"
links = ["wifi"]
[[at]]
time = "25ms"
action = "link.restore"
links = ["wifi"]
[expect]
quick = "30ms < completed(dl) < 60ms"
[[node]]
name = "client"
[[node]]
name = "server"
`
	for _, v := range []struct {
		set   []string
		quick bool
	}{
		{nil, false},
		{[]string{"defaults.rto_initial=10ms"}, true},
		{[]string{"node.client.rto_initial=10ms"}, true},
		{[]string{"node.server.rto_initial=10ms"}, false},
		{[]string{"defaults.rto_initial=10ms", "node.client.rto_initial=1s"}, false},
	} {
		w := runText(t, head, Run{}, v.set...)
		if e := w.Expect()[0]; e.Pass != v.quick {
			t.Errorf("%v: %s: %s", v.set, e.Expr, e.Value)
		}
	}
}

// After three SYNs that are lost, at 0, 10 and 20 ms, the fourth has no MP_CAPABLE any more
// (Linux: syn_retrans_before_tcp_fallback = 2), or has it where more are allowed.
func TestFallbackAfterSYNs(t *testing.T) {
	const text = `schema = 1
name = "one"
duration = "2s"
paths = ["wifi 2ms 50pkt 10Mbps"]
[defaults]
rto_initial = "10ms"
[[flow]]
name = "dl"
client = "client"
server = "server"
size = "1kB"
[[at]]
time = "0s"
action = "link.blackhole"
links = ["wifi"]
[[at]]
time = "25ms"
action = "link.restore"
links = ["wifi"]
[expect]
fell = "fallback(dl) != 'none'"
quick = "30ms < completed(dl) < 60ms"
[[node]]
name = "client"
[[node]]
name = "server"
`
	for _, v := range []struct {
		set  []string
		fell bool
	}{
		{nil, true},
		{[]string{"defaults.syn_retrans_before_tcp_fallback=3"}, false},
		{[]string{"defaults.syn_retrans_before_tcp_fallback=3", "node.client.syn_retrans_before_tcp_fallback=1"}, true},
	} {
		w := runText(t, text, Run{}, v.set...)
		if e := w.Expect(); e[0].Pass != v.fell || !e[1].Pass {
			t.Errorf("%v: %s: %s; %s: %s", v.set, e[0].Expr, e[0].Value, e[1].Expr, e[1].Value)
		}
	}
}
