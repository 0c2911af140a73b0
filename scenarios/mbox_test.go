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

// boxOn is a box on a link with the given parameters.
func boxOn(link, kind, params string) string {
	return fmt.Sprintf("[[link]]\nname = %q\n[[link.box]]\ntype = %q\n%s\n", link, kind, params)
}

// Boxes that resegment, repeat or renumber a stream leave it whole, on the first path
// or on the second, with DSS checksums and without. Which options a coalescer keeps
// decides whether data stays mapped; a subflow that it breaks on the second path is
// given up, and on the first no byte is wrong.
//
// row:M5
func TestBoxesKeepStreams(t *testing.T) {
	for _, link := range []string{"wifi", "lte"} {
		for _, checksum := range []string{"demand", "required"} {
			for _, c := range []struct {
				kind, params string
				breaks       bool // mappings may be lost
			}{
				{"split", "size = 536", false},
				{"split", "size = 100", false},
				{"split", "size = 536\noptions = \"first\"", false},
				{"split", "size = 536\noptions = \"last\"", false},
				{"coalesce", "options = \"first\"\nhold = \"3ms\"", true},
				{"coalesce", "options = \"last\"\nhold = \"3ms\"", true},
				{"coalesce", "options = \"both\"\nhold = \"3ms\"", false},
				{"duplicate", "", false},
				{"duplicate", "copies = 3", false},
				{"duplicate", "what = \"options\"", false},
				{"rewrite-isn", "", false},
				{"rewrite-isn", "sack = \"forget\"", false},
				{"clamp-mss", "mss = 600", false},
				{"shrink-window", "window = 4000", false},
				{"jitter", "bound = \"5ms\"", false},
			} {
				name := link + " " + checksum + " " + c.kind + " " + c.params
				ends, acted := boxed(t, boxOn(link, c.kind, c.params), "checksum = \""+checksum+"\"")
				if acted == 0 {
					t.Errorf("%s: the box has done nothing", name)
				}
				if ends != [2]string{} && !(c.breaks && link == "wifi" && !strings.Contains(ends[0]+ends[1], "hangs")) {
					t.Errorf("%s: %q", name, ends)
				}
			}
		}
	}
}

// A gateway changes the payload of one stream, on the first path or on the second, in
// either direction. With checksums the application gets its own bytes, unless MPTCP
// has ended: then what it gets is what TCP would have got. Without checksums a change
// of the same length passes (RFC 8684 section 3.7).
//
// row:M8
func TestRewriterAndChecksums(t *testing.T) {
	for _, link := range []string{"wifi", "lte"} {
		for _, direction := range []string{"up", "down"} {
			for _, mode := range []string{"same", "insert", "delete"} {
				for _, checksum := range []string{"demand", "required"} {
					name := strings.Join([]string{link, direction, mode, checksum}, " ")
					box := boxOn(link, "rewrite", fmt.Sprintf("direction = %q\nmode = %q\noffset = 30000\ncount = 1000", direction, mode))
					flow := fmt.Sprintf("checksum = %q", checksum)
					w := runText(t, fmt.Sprintf(boxedPaths, box, flow, flow), Run{Verify: true})
					acted := w.boxes[0].box.Acted()
					for _, f := range w.flows {
						f.observe(w)
						r := f.record
						touched := f.decl.Direction == direction
						tcp := f.fallback != ""
						switch {
						case acted == 0:
							t.Errorf("%s: the box has done nothing", name)
						case !touched || checksum == "required" && !tcp:
							if r.Corrupt != 0 || r.Bytes != 400_000 || r.Done == sim.Never {
								t.Errorf("%s: %s has %d bytes, %d of them wrong, fallback %q, ended %v", name, f.decl.Name, r.Bytes, r.Corrupt, f.fallback, f.ends.Why)
							}
						case mode == "same" && r.Corrupt > 4 || r.Bytes > 400_004:
							t.Errorf("%s: %s has %d bytes, %d of them wrong, fallback %q", name, f.decl.Name, r.Bytes, r.Corrupt, f.fallback)
						}
						if touched && checksum == "demand" && mode == "same" && r.Corrupt != 4 {
							t.Errorf("%s: %d bytes are wrong without checksums, want the four that were changed", name, r.Corrupt)
						}
					}
				}
			}
		}
	}
}
