//go:build long

package cli

import (
	"testing"

	"mpsim/results"
)

// All 40 instances. One way is shared with those of four senders of other tenants in the
// rack of the client that hashing puts on it, and with those of four receivers in the rack
// of the server: with s ways and two numbers that are binomial with n = 4 and p = 1/s,
// equal shares of the fuller one are 0.302, 0.466 and 0.645 of a link in the mean for 2, 4
// and 8 ways; 0.466 over the 14, 13 and 13 pairs. What tenants cannot use elsewhere is
// left over, which is why they are a guide only; the deviation of a share is 0.29, three
// of them of the mean of 40 are 0.14. MPTCP finds more, with four subflows more than with
// two, pair by pair under the same seed; SIGCOMM'11 has three times as much where ways are
// many, and does not say how many others used them.
//
// row:H3
func TestEC2Sweep(t *testing.T) {
	rows, _ := ec2Table(t, "1-120")
	goodput := make(map[string][]float64)
	for _, r := range rows {
		goodput[r["name"]] = append(goodput[r["name"]], float(t, r["goodput"]))
	}
	tcp, two, four := goodput["TCP"], goodput["MPTCP 2"], goodput["MPTCP 4"]
	mean, _, _ := results.Interval(tcp, 0.95)
	if share := mean / (100e6 * 1448 / 1500); len(tcp) != 40 || share < 0.466-0.14 || share > 0.466+0.14 {
		t.Errorf("%d pairs, TCP has %.3f of a link, want 0.466 within 0.14", len(tcp), share)
	}
	for name, e := range map[string]results.Estimate{"2 subflows over TCP": results.Paired(two, tcp, 0.95), "4 over 2": results.Paired(four, two, 0.95)} {
		if !(e.Low > 0) {
			t.Errorf("%s: %v", name, e)
		}
		t.Logf("%s: %.1f Mb/s more, %.1f to %.1f; TCP has %.1f", name, e.Value/1e6, e.Low/1e6, e.High/1e6, mean/1e6)
	}
}
