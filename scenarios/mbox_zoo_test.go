package scenarios

import (
	"fmt"
	"testing"
)

// A firewall that changes sequence numbers and forgets the SACK option makes blocks name
// data that was never sent. The sender discards them (RFC 2018 says what a block is,
// Linux's tcp_is_sackblock_valid what is none), so that it repairs what a burst of losses
// takes one segment in a round trip (RFC 6582), or after a timeout, where SACK repairs all
// at once. MPTCP's mappings are relative and do not suffer. Honda et al. (IMC 2011) found
// the box, and that throughput falls with it.
//
// row:M2
func TestForgottenSACK(t *testing.T) {
	const text = `schema = 1
name = "sack"
duration = "60s"
paths = ["wifi 25ms 100pkt 10Mbps"]
[[link]]
name = "wifi"
[[link.box]]
type = "drop"
direction = "down"
packets = "data"
probability = 0.02
at = "b"
[[link.box]]
name = "isn"
type = "rewrite-isn"
sack = %q
[[flow]]
name = "dl"
protocol = %q
client = "client"
server = "server"
cc = "reno"
`
	for _, protocol := range []string{"tcp", "mptcp"} {
		var bytes [2]float64
		for i, sack := range []string{"rewrite", "forget"} {
			for seed := uint64(1); seed <= 3; seed++ {
				w := runText(t, fmt.Sprintf(text, sack, protocol), Run{Seed: seed})
				f := w.byFlow["dl"]
				f.observe(w)
				bytes[i] += float64(f.record.Bytes)
				if f.record.Corrupt != 0 || protocol == "mptcp" && f.fallback != "" || w.box("isn").Acted() < 1000 {
					t.Errorf("%s, %s: %d bytes wrong, fallback %q, %d packets changed", protocol, sack, f.record.Corrupt, f.fallback, w.box("isn").Acted())
				}
			}
		}
		t.Logf("%s: %.3g bytes, with forgotten blocks %.3g", protocol, bytes[0], bytes[1])
		if bytes[1] > 0.8*bytes[0] {
			t.Errorf("%s: %.3g bytes, with forgotten blocks %.3g: no loss", protocol, bytes[0], bytes[1])
		}
	}
}

// Whatever a captive portal on WiFi does with what is not logged in, a connection that
// began over LTE brings its data over LTE, unharmed, and goes on to open subflows after
// the login; one that begins over WiFi reaches no server (RFC 8041 section 3.10).
//
// row:M19 row:H18
func TestCaptivePortal(t *testing.T) {
	const text = `schema = 1
name = "portal"
duration = "20s"
paths = ["wifi 10ms 100pkt 10Mbps", "lte 30ms 100pkt 10Mbps"]
[[link]]
name = "wifi"
[[link.box]]
type = "captive"
direction = "up"
answer = %q
[[flow]]
name = "lte"
client = "client"
server = "server"
via = "lte"
size = "5MB"
[[flow]]
name = "wifi"
client = "client"
server = "server"
via = "wifi"
size = "1MB"
`
	for _, answer := range []string{"redirect", "rst", "drop"} {
		w := runText(t, fmt.Sprintf(text, answer), Run{Verify: true})
		for _, name := range []string{"lte", "wifi"} {
			f := w.byFlow[name]
			f.observe(w)
			want := int64(5_000_000)
			if name == "wifi" {
				want = 0
			}
			if f.record.Bytes != want || f.record.Corrupt != 0 {
				t.Errorf("%s: over %s %d bytes arrive, %d of them wrong", answer, name, f.record.Bytes, f.record.Corrupt)
			}
			for _, s := range f.subs {
				if s.iface == "wifi" && s.BytesDelivered != 0 {
					t.Errorf("%s: %d bytes over WiFi", answer, s.BytesDelivered)
				}
			}
		}
		if f := w.byFlow["lte"]; f.fallback != "" {
			t.Errorf("%s: fallback %q", answer, f.fallback)
		}
	}
}

// A normaliser that compares what comes again with what has passed finds no difference,
// whatever a connection does: losses before and behind it, subflows that are broken off
// and data that is sent again on others, boxes before it that cut and join segments. (That
// it finds one where there is one stands in net/mbox/testdata/normalise.txt.)
//
// row:M12
func TestNormaliserFindsNothing(t *testing.T) {
	const normalise = "[[link.box]]\nname = %q\ntype = \"normalise\"\nholes = %q\nat = \"b\"\n"
	drop := "[[link.box]]\ntype = \"drop\"\nprobability = 0.02\nat = %q\n"
	for _, before := range []string{"", "[[link.box]]\ntype = \"split\"\nsize = 500\nat = \"b\"\n", "[[link.box]]\ntype = \"coalesce\"\noptions = \"both\"\nat = \"b\"\n"} {
		for _, holes := range []string{"hold", "reject", "pass"} {
			var links string
			for _, l := range []string{"wifi", "lte"} {
				links += fmt.Sprintf("[[link]]\nname = %q\n", l) + before + fmt.Sprintf(normalise, "n-"+l, holes) + fmt.Sprintf(drop, "a")
			}
			w := runText(t, fmt.Sprintf(boxedPaths, links, "", ""), Run{Verify: true})
			for _, name := range []string{"dl", "up"} {
				if f := w.byFlow[name]; f.record.Bytes != 400_000 || f.record.Corrupt != 0 {
					t.Errorf("%s, %q: %s brings %d bytes, %d of them wrong", holes, before, name, f.record.Bytes, f.record.Corrupt)
				}
			}
			v := view{w: w}
			for _, l := range []string{"n-wifi", "n-lte"} {
				if n, r := v.boxCount(l, "inconsistent"), v.boxCount(l, "replayed"); n != 0 || r == 0 {
					t.Errorf("%s, %q: %s has replayed %v times, and found %v differences", holes, before, l, r, n)
				}
			}
		}
	}
}
