package scenarios

import (
	"fmt"
	"testing"
)

// ALGORITHMS A3.1, after SIGCOMM 2010 equation 13: one DCTCP flow keeps its link busy if the
// queue marks above K >= C RTT/7. Of the published thresholds 20 packets serve 1 Gb/s and 1 ms
// (83/7 = 12), 65 packets 10 Gb/s and 0.5 ms (417/7 = 60). Far below the bound the queue
// empties: it would swing between K + 1 - A and K + 1 with A = sqrt(2 (C RTT + K))/2, and the
// link is idle for the part of that below 0, of the window C RTT
//
//	(A - K - 1)^2/(2 A)/(C RTT)
//
// which for K = 2 and 167 packets is 6.2^2/18.4/167 = 1.25 %, and more with delayed ACKs.
func TestDCTCPThreshold(t *testing.T) {
	for _, v := range []struct {
		rate, delay   string
		mark          int
		least, most   float64 // utilisation
		length, after string
	}{
		{"1Gbps", "500us", 20, 0.999, 1, "1s", "300ms"},
		{"10Gbps", "250us", 65, 0.999, 1, "500ms", "300ms"},
		{"1Gbps", "1ms", 24, 0.999, 1, "1s", "300ms"},
		{"1Gbps", "1ms", 2, 0.9, 0.9875, "1s", "300ms"},
	} {
		w := runText(t, fmt.Sprintf(`
schema = 1
name = "threshold"
title = "threshold"
duration = "%s"
paths = ["a %s 4000pkt %s"]
[defaults]
receive_buffer = "64MiB"
send_buffer = "64MiB"
[[link]]
name = "a"
mark = "%dpkt"
[[flow]]
name = "dl"
protocol = "tcp"
client = "client"
server = "server"
cc = "dctcp"
[expect]
busy = "goodput(dl, %s, %s) / (%s * 1448 / 1500) >= %v"
idle = "goodput(dl, %s, %s) / (%s * 1448 / 1500) <= %v"
`, v.length, v.delay, v.rate, v.mark, v.after, v.length, v.rate, v.least, v.after, v.length, v.rate, v.most+1e-4), Run{})
		for _, e := range w.Expect() {
			t.Logf("%s, %s, K = %d: %s %s", v.rate, v.delay, v.mark, e.Expr, e.Value)
			if !e.Pass {
				t.Errorf("%s, %s, K = %d: %s: measured %s", v.rate, v.delay, v.mark, e.Expr, e.Value)
			}
		}
	}
}
