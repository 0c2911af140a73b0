package scenarios

import (
	"strings"
	"testing"

	"mpsim/mptcp"
	"mpsim/sim"
)

// ALGORITHMS B12: 10 Mb/s at 20 ms and 2 Mb/s at 200 ms need 2*12e6/8*0.2 = 600 kB through
// the repair of a loss. All paths busy: half of that. Through a timeout, 12e6/8 B/s times
// the RTO: 200 + 200 ms in Linux, a second by RFC 6298.
func TestBufferNeeds(t *testing.T) {
	linux, rfc := &mptcp.Linux().TCP, &mptcp.RFC().TCP
	if got, want := needsOf(12*sim.MegabitPerSecond, 200*sim.Millisecond, linux), (bufferNeeds{300_000, 600_000, 600_000}); got != want {
		t.Errorf("linux: %+v, want %+v", got, want)
	}
	if got, want := needsOf(12*sim.MegabitPerSecond, 200*sim.Millisecond, rfc), (bufferNeeds{300_000, 600_000, 1_500_000}); got != want {
		t.Errorf("rfc: %+v, want %+v", got, want)
	}
}

const bufferText = `schema = 1
name = "buffers"
duration = "1s"
paths = ["fast 10ms 50pkt 10Mbps", "slow 100ms 50pkt 2Mbps"]
[defaults]
send_buffer = "2.5bdp"
receive_buffer = "2bdp"
[[link]]
name = "slow"
up = { rate = "1Mbps" }
[[flow]]
name = "down"
client = "client"
server = "server"
[[flow]]
name = "up"
client = "client"
server = "server"
direction = "up"
receive_buffer = "10bdp"
[[flow]]
name = "tcp"
protocol = "tcp"
via = "fast"
client = "client"
server = "server"
[[flow]]
name = "fixed"
client = "client"
server = "server"
receive_buffer = "64KiB"
send_buffer = "auto"
`

// A buffer in bandwidth-delay products is that of the flow's paths in the direction of its
// data, as the preamble says and the sockets have it.
func TestBufferInBDP(t *testing.T) {
	sc := mustParse(t, bufferText)
	for i, want := range []struct{ send, receive Buffer }{
		{Buffer{N: 750_000}, Buffer{N: 600_000}},
		{Buffer{N: 687_500}, Buffer{N: 2_750_000}}, // 11 Mb/s at 200 ms
		{Buffer{N: 62_500}, Buffer{N: 50_000}},     // 10 Mb/s at 20 ms
		{Buffer{Auto: true}, Buffer{N: 65536}},
	} {
		f := sc.Flows[i]
		if *f.SendBuffer != want.send || *f.ReceiveBuffer != want.receive {
			t.Errorf("%s: send %v, receive %v, want %+v", f.Name, *f.SendBuffer, *f.ReceiveBuffer, want)
		}
	}
	w, err := Build(sc, Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.socketOptions(sc.Flows[0]).ReceiveBuffer; got != 600_000 {
		t.Errorf("the socket has %d bytes", got)
	}
	found := false
	for _, s := range w.Preamble().Settings {
		found = found || strings.Contains(s.Value, "all paths need 300000 bytes, 600000 through the repair of a loss, 600000 through a timeout")
	}
	if !found {
		t.Errorf("the preamble does not say what the paths need: %+v", w.Preamble().Settings)
	}
}
