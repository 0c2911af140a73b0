package scenarios

import (
	"fmt"
	"testing"

	"mpsim/sim"
)

// proxiedBulk is an unlimited download through a box in the middle: keys of the box and
// of the flow.
const proxiedBulk = `schema = 1
name = "bulk"
duration = "40s"
[[node]]
name = "client"
[[node]]
name = "router"
router = true
[[node]]
name = "server"
[[link]]
name = "lan"
a = "client.eth"
b = "router.lan"
rate = "100Mbps"
delay = "1ms"
%s
[[link]]
name = "wan"
a = "router.wan"
b = "server.eth"
rate = "20Mbps"
delay = "5ms"
queue = "50pkt"
[[flow]]
name = "dl"
client = "client"
server = "server"
size = "unlimited"
%s
`

// Proxies allocate nothing for a packet once a transfer runs, whatever they do to it, and
// neither do the losses at a queue of 50 packets that it causes.
func TestProxiesDoNotAllocate(t *testing.T) {
	for _, c := range []struct{ box, flow string }{
		{"", ""},
		{`type = "pep"`, `protocol = "tcp"`},
		{`type = "pep"`, ""},
		{"type = \"pep\"\nmptcp = \"strip\"", ""},
		{`type = "proxy"`, `protocol = "tcp"`},
		{`type = "proxy"`, ""},
		{"type = \"proxy\"\nclient_side = \"mptcp\"\nserver_side = \"mptcp\"", ""},
		{`type = "syn-proxy"`, `protocol = "tcp"`},
		{`type = "syn-proxy"`, ""},
	} {
		box := c.box
		if box != "" {
			box = "[[link.box]]\nname = \"box\"\n" + box
		}
		w, err := Build(mustParse(t, fmt.Sprintf(proxiedBulk, box, c.flow)), Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		until := sim.Time(20 * sim.Second)
		w.sim.Run(until, 1<<40)
		f := w.byFlow["dl"]
		before := f.record.Bytes
		n := testing.AllocsPerRun(10, func() {
			until = until.Add(500 * sim.Millisecond)
			w.sim.Run(until, 1<<40)
		})
		if got := f.record.Bytes - before; n != 0 || got < 5_000_000 {
			t.Errorf("%q, %q: %v allocations in half a second, %d bytes in five", c.box, c.flow, n, got)
		}
	}
}
