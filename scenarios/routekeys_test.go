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
