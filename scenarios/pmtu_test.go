package scenarios

import (
	"fmt"
	"testing"

	"mpsim/sim"
)

// narrowPath is a client with two paths to a server: behind its first link lies one with
// an MTU of 1280 bytes.
const narrowPath = `schema = 1
name = "narrow"
duration = "60s"
defaults.path_manager = "fullmesh"
defaults.mtu_probing = %d
[[node]]
name = "c"
%s
[[node]]
name = "s"
%s
[[node]]
name = "r"
router = true
[[node]]
name = "q"
router = true
[[link]]
name = "one"
a = "c.one"
b = "r.c"
rate = "10Mbps"
delay = "5ms"
[[link]]
name = "narrow"
a = "r.q"
b = "q.r"
rate = "10Mbps"
delay = "5ms"
mtu = "1280B"
icmp = %v
[[link]]
name = "two"
a = "c.two"
b = "q.c"
rate = "10Mbps"
delay = "10ms"
[[link]]
name = "srv"
a = "q.s"
b = "s.q"
rate = "100Mbps"
delay = "5ms"
[[flow]]
name = "dl"
protocol = %q
client = "c"
server = "s"
via = "one"
size = "4MB"
`

func runNarrow(t *testing.T, probing int, icmp bool, protocol, client, server string) (w *World, f *flowRun) {
	t.Helper()
	w = runText(t, fmt.Sprintf(narrowPath, probing, client, server, icmp, protocol), Run{Verify: true})
	f = w.byFlow["dl"]
	if f.record.Corrupt != 0 {
		t.Errorf("%d bytes wrong", f.record.Corrupt)
	}
	return w, f
}

// A hop with an MTU of 1280: with ICMP the transfer hardly notices, without it RFC 4821
// makes up for it after the 3 s of Linux's black hole detection, without both it stalls
// as transfers of real kernels do. Router, quote, host and subflow take part.
func TestPathMTU(t *testing.T) {
	for _, protocol := range []string{"tcp", "mptcp"} {
		for _, c := range []struct {
			probing int
			icmp    bool
			least   sim.Time // when the transfer ends
			most    sim.Time
		}{
			{0, true, 0, sim.Time(5 * sim.Second)},
			{1, true, 0, sim.Time(5 * sim.Second)},
			{1, false, sim.Time(3 * sim.Second), sim.Time(10 * sim.Second)},
			{2, false, 0, sim.Time(5 * sim.Second)},
			{0, false, sim.Never, sim.Never},
		} {
			w, f := runNarrow(t, c.probing, c.icmp, protocol, "", "")
			if d := f.record.Done; d < c.least || d > c.most {
				t.Errorf("%s, mtu_probing %d, icmp %v: %d bytes at %v", protocol, c.probing, c.icmp, f.record.Bytes, d)
			}
			if c.most == sim.Never && f.record.Bytes != 0 {
				t.Errorf("%s: %d bytes went through the black hole", protocol, f.record.Bytes)
			}
			drops := w.byLink["narrow.down"].link.Stats().MTUDrops
			if c.icmp && (drops == 0 || drops > 30) || c.most != sim.Never && drops > 40 {
				t.Errorf("%s, mtu_probing %d, icmp %v: %d drops", protocol, c.probing, c.icmp, drops)
			}
		}
	}
}

// Each subflow has its own segment size: the one over the narrow link sends packets of at
// most 1280 bytes, the other one goes on with 1500, and mappings longer than the new size
// go on over several segments (RFC 8684 section 3.3.1).
func TestPathMTUPerSubflow(t *testing.T) {
	w, f := runNarrow(t, 0, true, "mptcp", "", "")
	if f.record.Done == sim.Never {
		t.Fatal("the transfer stalls")
	}
	narrow, two := w.byLink["narrow.down"].link.Stats(), w.byLink["two.down"].link.Stats()
	perPacket := func(octets, packets uint64) float64 { return float64(octets) / float64(packets) }
	if p := perPacket(narrow.AcceptedBytes, narrow.Accepted); p > 1280 || p < 1180 {
		t.Errorf("%v octets a packet over the narrow link", p)
	}
	if p := perPacket(two.AcceptedBytes, two.Accepted); p < 1400 {
		t.Errorf("%v octets a packet over the other path", p)
	}
}

// ICMPv6: packet too big.
func TestPathMTUv6(t *testing.T) {
	w, f := runNarrow(t, 0, true, "tcp",
		"[[node.interface]]\nname = \"one\"\naddresses = [\"fd00:1::1/64\"]",
		"[[node.interface]]\nname = \"q\"\naddresses = [\"fd00:9::1/64\"]")
	if d := f.record.Done; d > sim.Time(6*sim.Second) || w.byLink["narrow.down"].link.Stats().MTUDrops == 0 {
		t.Errorf("ended at %v", d)
	}
}

// A second connection of the same addresses begins with the size that the first has
// learnt: Linux keeps it with the route.
func TestPathMTUIsRemembered(t *testing.T) {
	text := fmt.Sprintf(narrowPath, 0, "", "", true, "tcp") + "[[flow]]\nname = \"again\"\nprotocol = \"tcp\"\nclient = \"c\"\nserver = \"s\"\nvia = \"one\"\nsize = \"1MB\"\nstart = \"10s\"\n"
	for _, set := range []string{"link.narrow.icmp_mtu=true", "link.narrow.icmp_mtu=false"} {
		w := runText(t, text, Run{}, set)
		if w.byFlow["again"].record.Done == sim.Never {
			t.Fatalf("%s: the second transfer stalls", set)
		}
		if drops := w.byLink["narrow.down"].link.Stats().MTUDrops; drops > 10 {
			t.Errorf("%s: %d drops: more than the initial window of the first connection", set, drops)
		}
	}
}

// A router before RFC 1191 does not say the MTU of 1280: by RFC 1191 section 7 the sender
// tries 1006, the plateau below 1492, by Linux 552, and either way the transfer goes on.
func TestPathMTUIsGuessed(t *testing.T) {
	for profile, want := range map[string]struct{ least, most float64 }{"linux": {500, 552}, "rfc": {940, 1006}} {
		w := runText(t, fmt.Sprintf(narrowPath, 0, "", "", true, "tcp"), Run{Verify: true}, "defaults.profile="+profile, "link.narrow.icmp_mtu=false")
		st := w.byLink["narrow.down"].link.Stats()
		size := float64(st.AcceptedBytes) / float64(st.Accepted)
		if f := w.byFlow["dl"]; f.record.Done == sim.Never || f.record.Corrupt != 0 || size < want.least || size > want.most || st.MTUDrops == 0 || st.MTUDrops > 30 {
			t.Errorf("%s: %v octets a packet, %d dropped, done %v", profile, size, st.MTUDrops, f.record.Done)
		}
	}
}
