package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/sim"
)

// radioBottleneck is a download over a radio link with a deep queue; %s are its keys.
const radioBottleneck = air + `
[[node]]
name = "client"
[[node]]
name = "server"
[[link]]
name = "l"
a = "client.eth0"
b = "server.eth0"
delay = "10ms"
queue = "1000pkt"
%s
[[flow]]
name = "dl"
client = "client"
server = "server"
protocol = "tcp"
cc = "cubic"
`

// Disciplines work on radio links as on others: CoDel keeps the wait near its target of 5
// ms where drop-tail lets a thousand packets wait, at the same throughput; and the
// resolved scenario gives the same run.
func TestDisciplinesOnRadioLinks(t *testing.T) {
	for _, x := range []struct {
		keys string
		rate float64 // of payload, Mb/s, at least
	}{
		{"medium = \"air\"\n", 18},
		{"rate = \"20Mbps\"\nlte = { bler = 0.05 }\n", 16},
	} {
		var waits []sim.Duration
		for _, aqm := range []string{"droptail", "codel", "fq_codel"} {
			text := "schema = 1\nname = \"s\"\nduration = \"10s\"\n" + fmt.Sprintf(radioBottleneck, x.keys+"aqm = \""+aqm+"\"")
			w := runText(t, text, Run{})
			down := w.byLink["l.down"].link.Stats()
			if got := float64(down.SentBytes) * 8 / 10e6; got < x.rate {
				t.Errorf("%s%s: %.1f Mb/s, at least %v wanted", x.keys, aqm, got, x.rate)
			}
			waits = append(waits, down.MeanWait)
			var resolved strings.Builder
			if err := w.sc.WriteResolved(&resolved); err != nil {
				t.Fatal(err)
			}
			if again := runText(t, resolved.String(), Run{}); again.Hash() != w.Hash() {
				t.Errorf("%s%s: the resolved scenario gives another run:\n%s", x.keys, aqm, resolved.String())
			}
		}
		t.Logf("%s mean waits %v", x.keys, waits)
		if waits[1] > 25*sim.Millisecond || waits[2] > 25*sim.Millisecond || waits[0] < 4*waits[1] {
			t.Errorf("%s: mean waits %v", x.keys, waits)
		}
	}
}

// A shaper, which holds packets that it does not give yet, sets the pace of a radio.
func TestShaperOnRadioLinks(t *testing.T) {
	for _, keys := range []string{"medium = \"air\"\n", "rate = \"20Mbps\"\nlte = {}\n"} {
		text := "schema = 1\nname = \"s\"\nduration = \"10s\"\n" + fmt.Sprintf(radioBottleneck, keys+"down.aqm = { name = \"tbf\", rate = \"5Mbps\", burst = \"15000B\" }")
		w := runText(t, text, Run{})
		s := w.byLink["l.down"].link.Stats()
		if got := float64(s.SentBytes) * 8 / 10e6; got < 4.7 || got > 5.02 {
			t.Errorf("%s: %.3f Mb/s through a shaper of 5 Mb/s", keys, got)
		}
	}
}
