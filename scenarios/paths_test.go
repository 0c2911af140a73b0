package scenarios

import (
	"strings"
	"testing"
)

// dualServer has two access links at each end: the second address of the server
// is known to the client only by ADD_ADDR.
const dualServer = `
schema = 1
name = "dual"
duration = "5s"
defaults.path_manager = "linux"
[[node]]
name = "c"
[[node]]
name = "r"
router = true
[[node]]
name = "s"
subflows = 2
[[node.interface]]
name = "one"
[[node.interface]]
name = "two"
signal = true
[[link]]
name = "c1"
a = "c.one"
b = "r.c1"
rate = "10Mbps"
delay = "5ms"
[[link]]
name = "c2"
a = "c.two"
b = "r.c2"
rate = "10Mbps"
delay = "5ms"
[[link]]
name = "s1"
a = "s.one"
b = "r.s1"
rate = "10Mbps"
delay = "5ms"
[[link]]
name = "s2"
a = "s.two"
b = "r.s2"
rate = "10Mbps"
delay = "5ms"
[[flow]]
name = "dl"
client = "c"
server = "s"
via = "one"
[expect]
intact = "corrupt_bytes(dl) == 0"
`

// TestPathManagerLinux: endpoint flags are keys of interfaces, the limits keys of
// hosts: without limits the client opens one subflow from its second address,
// with add_addr_accepted one to the announced address too, with subflows = 0
// none.
func TestPathManagerLinux(t *testing.T) {
	for _, v := range []struct {
		limits   string
		subflows int
		tried    uint64
	}{
		{"", 2, 1},
		{"add_addr_accepted = 1", 3, 2},
		{"subflows = 0", 1, 0},
		{"add_addr_accepted = 1\nsubflows = 1", 2, 1},
		{"[[node.interface]]\nname = \"two\"\nsubflow = false", 1, 0},
	} {
		w := runText(t, strings.Replace(dualServer, "name = \"c\"\n", "name = \"c\"\n"+v.limits+"\n", 1), Run{})
		f := w.Flows()[0]
		if len(f.Subflows) != v.subflows || f.CorruptBytes != 0 {
			t.Errorf("%q: %d subflows, %d bytes wrong", v.limits, len(f.Subflows), f.CorruptBytes)
		}
		for _, c := range w.hosts["c"].Endpoint().Counters() {
			if c.Name == "MPJoinSynTx" && c.Value != v.tried || c.Name == "AddAddr" && c.Value != 1 {
				t.Errorf("%q: %s is %d", v.limits, c.Name, c.Value)
			}
		}
	}
}

// TestListen: a server listens at all its addresses, so that a join to an announced
// one is accepted; with listen = "address" at that of the initial subflow only, and
// Linux refuses the join ("server bound" in the kernel's mptcp_join.sh: one SYN with
// MP_JOIN, none received by the connection, one announcement, one echo).
func TestListen(t *testing.T) {
	for _, v := range []struct {
		listen string
		joins  uint64
	}{{"any", 1}, {"address", 0}} {
		text := strings.Replace(dualServer, "name = \"c\"\n", "name = \"c\"\nadd_addr_accepted = 1\n[[node.interface]]\nname = \"two\"\nsubflow = false\n", 1)
		text = strings.Replace(text, "via = \"one\"\n", "via = \"one\"\nlisten = \""+v.listen+"\"\n", 1)
		w := runText(t, text, Run{})
		want := map[string]uint64{"MPJoinSynTx": 1, "MPJoinSynRx": v.joins, "MPJoinAckRx": v.joins, "AddAddr": 1, "EchoAdd": 1}
		got := map[string]uint64{}
		for _, h := range []string{"c", "s"} {
			for _, c := range w.hosts[h].Endpoint().Counters() {
				got[c.Name] += c.Value
			}
		}
		for name, n := range want {
			if got[name] != n {
				t.Errorf("%s: %s is %d, want %d", v.listen, name, got[name], n)
			}
		}
	}
}

// TestEndpointFlagsExclude: what `ip mptcp endpoint` refuses is an error of the
// file.
func TestEndpointFlagsExclude(t *testing.T) {
	text := strings.Replace(dualServer, "signal = true", "signal = true\nfullmesh = true", 1)
	_, err := Parse("in.toml", text, Options{})
	if err == nil || !strings.Contains(err.Error(), "fullmesh and signal exclude each other") {
		t.Errorf("error %v", err)
	}
}
