package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/sim"
)

// boxedPaths is a download and an upload over two paths, with boxes to be put in.
const boxedPaths = `schema = 1
name = "boxed"
duration = "150s"
paths = ["wifi 10ms 50pkt 10Mbps", "lte 25ms 100pkt 10Mbps"]
%s
[[flow]]
name = "dl"
client = "client"
server = "server"
via = "wifi"
size = "400kB"
%s
[[flow]]
name = "up"
client = "client"
server = "server"
via = "wifi"
direction = "up"
size = "400kB"
%s
`

// boxed runs a transfer in each direction with a box on a link. It returns what
// became of them, "" for one that is complete, and on how many packets the box has
// acted. No byte may be wrong.
func boxed(t *testing.T, box, flow string) (ends [2]string, acted uint64) {
	t.Helper()
	w := runText(t, fmt.Sprintf(boxedPaths, box, flow, flow), Run{Verify: true})
	for i, name := range []string{"dl", "up"} {
		f := w.byFlow[name]
		if f.record.Corrupt != 0 {
			t.Errorf("%s: %d corrupt bytes with\n%s", name, f.record.Corrupt, box)
		}
		switch {
		case f.record.Bytes == 400_000 && f.record.Done != sim.Never:
		case f.ends.Closed != sim.Never:
			ends[i] = f.ends.Why.String()
		default:
			ends[i] = fmt.Sprintf("hangs at %d bytes", f.record.Bytes)
		}
	}
	for _, b := range w.boxes {
		acted += b.box.Acted()
	}
	return ends, acted
}

func stripBox(link, direction, packets, options, more string) string {
	return fmt.Sprintf(`[[link]]
name = "%s"
[[link.box]]
type = "strip"
direction = "%s"
packets = "%s"
options = ["%s"]
%s
`, link, direction, packets, options, more)
}

// Options are taken out of SYNs, SYN/ACKs, data, or everything else, all of MPTCP or
// one subtype, in either direction or both, on the first path or the second, from the
// beginning, from the second or the 40th packet on, or at random. No byte is ever
// wrong. Where options vanish from the beginning, or from an additional subflow, the
// transfer is complete. Where they vanish later from the only subflow there is, there
// may be no way to agree on plain TCP; then both ends learn that the connection is
// over (RFC 8684 section 3.7).
//
// row:M3
func TestStripperMatrix(t *testing.T) {
	runs, over := 0, 0
	for _, link := range []string{"wifi", "lte"} {
		for _, direction := range []string{"up", "down", "both"} {
			for _, packets := range []string{"syn", "synack", "nonsyn", "data", "all"} {
				for _, options := range []string{"mptcp", "mp_capable", "mp_join", "dss"} {
					for _, more := range []string{"", `mode = "remove"`, `mode = "eol"`, "first = 1", "first = 40", "probability = 0.3"} {
						if packets == "syn" && direction == "down" || packets == "synack" && direction == "up" ||
							strings.HasPrefix(packets, "syn") && options == "dss" {
							continue // there are no such packets
						}
						ends, _ := boxed(t, stripBox(link, direction, packets, options, more), "")
						runs++
						if ends == [2]string{} {
							continue
						}
						over++
						late := more == "first = 40" || more == "probability = 0.3"
						if !late || link != "wifi" || strings.Contains(ends[0]+ends[1], "hangs") {
							t.Errorf("%s %s %s %s %s: %q", link, direction, packets, options, more, ends)
						}
					}
				}
			}
		}
	}
	t.Logf("%d runs, of which %d are not complete", runs, over)
}
