package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/net/aqm"
	"mpsim/sim"
)

const bottleneck = `schema = 1
name = "aqm"
duration = "20s"
paths = ["net 20ms 300pkt 10Mbps"]
[[link]]
name = "net"
%s
[[flow]]
name = "dl"
client = "client"
server = "server"
protocol = "tcp"
cc = "reno"
`

// The key aqm puts a discipline on the directions that it names; another run of the
// resolved scenario is the same; metrics of waiting times mean nothing without one.
func TestAQMKey(t *testing.T) {
	type row struct{ keys, up, down string }
	for _, x := range []row{
		{"", "", ""},
		{`aqm = "red"`, "red", "red"},
		{`down.aqm = { name = "red", min = "10pkt", max = "20pkt", maxp = 0.1, weight = 0.02 }`, "", "red"},
		{"aqm = \"drophead\"\nup.aqm = \"droptail\"", "droptail", "drophead"},
	} {
		text := fmt.Sprintf(bottleneck, x.keys)
		w := runText(t, text, Run{})
		for _, l := range w.Links() {
			want := x.up
			if l.Direction == "down" {
				want = x.down
			}
			if l.Discipline != want {
				t.Errorf("%s: direction %s has discipline %q, want %q", x.keys, l.Direction, l.Discipline, want)
			}
			s := l.Stats
			if l.Direction == "down" && (s.EarlyDrops > 0) != (want == "red") {
				t.Errorf("%s: %d early drops", x.keys, s.EarlyDrops)
			}
			if l.Direction == "down" && ((s.MeanWait > 0) != (want != "") || (s.P99Wait > 0) != (want != "")) {
				t.Errorf("%s: waits %v, %v", x.keys, s.MeanWait, s.P99Wait)
			}
		}
		var resolved strings.Builder
		if err := w.sc.WriteResolved(&resolved); err != nil {
			t.Fatal(err)
		}
		again := runText(t, resolved.String(), Run{})
		if a, b := w.Hash(), again.Hash(); a != b {
			t.Errorf("%s: hash %v of the run, %v of the resolved scenario", x.keys, a, b)
		}
	}
}

// MPTCP and TCP complete over every discipline, on links with rates, a profile and an
// outage that keeps the queue, in verify mode; and the hash does not know of verify mode.
func TestAQMCarriesTransfers(t *testing.T) {
	for _, spec := range aqm.Specs() {
		more := ""
		if spec.Name == "tbf" || spec.Name == "policer" {
			more = `, rate = "4Mbps", burst = "20kB"`
		}
		text := fmt.Sprintf(`schema = 1
name = "aqm"
duration = "60s"
paths = ["wifi 10ms 60KiB 8Mbps"]
[[link]]
name = "wifi"
aqm = { name = %[1]q%[2]s }
[[link]]
name = "lte"
a = "client.lte"
b = "server.lte"
profile = "lte-walking"
aqm = { name = %[1]q%[2]s }
[[flow]]
name = "both"
client = "client"
server = "server"
size = "4MB"
[[flow]]
name = "one"
client = "client"
server = "server"
protocol = "tcp"
direction = "up"
size = "1MB"
[[at]]
time = "1s"
action = "link.blackhole"
links = ["wifi"]
queue = "keep"
[[at]]
time = "2s"
action = "link.restore"
links = ["wifi"]
`, spec.Name, more)
		w := runText(t, text, Run{})
		for _, f := range []string{"both", "one"} {
			if r := w.byFlow[f].record; r.Done == sim.Never || r.Corrupt != 0 {
				t.Errorf("%s: %s has %d bytes, %d of them corrupt", spec.Name, f, r.Bytes, r.Corrupt)
			}
		}
		if v := runText(t, text, Run{Verify: true}); v.Hash() != w.Hash() {
			t.Errorf("%s: verify mode changes the run", spec.Name)
		}
	}
}
