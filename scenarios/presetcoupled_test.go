package scenarios

import (
	"fmt"
	"testing"
)

// preset = "linux-oot" chooses the kernel's integers of the coupled controllers of
// MPTCP flows, wherever they are named, unless the scenario says which mode; preset
// "mpsim" chooses HyStart++. A TCP flow, and a controller that is not coupled or lacks
// the parameter, have none.
func TestPresetSetsCoupled(t *testing.T) {
	for _, v := range []struct{ preset, defaults, flow, want string }{
		{"linux-oot", ``, ``, "lia(flightsize=0 pacing=0 hystartpp=0 mode=1)"},
		{"mpsim", ``, ``, "lia(flightsize=0 pacing=0 hystartpp=1 mode=0)"},
		{"mpsim", ``, `cc = "ewtcp"`, "ewtcp(flightsize=0 pacing=0 hystartpp=1 a=0)"},
		{"mpsim", ``, `cc = { name = "lia", hystartpp = 0 }`, "lia(flightsize=0 pacing=0 hystartpp=0 mode=0)"},
		{"mpsim", ``, `cc = "reno"`, "reno(flightsize=0 pacing=0 hystartpp=0)"},
		{"linux-oot", `cc = "balia"`, ``, "balia(flightsize=0 pacing=0 hystartpp=0 mode=1)"},
		{"linux-oot", `cc = { name = "balia", mode = 0 }`, ``, "balia(flightsize=0 pacing=0 hystartpp=0 mode=0)"},
		{"linux-oot", ``, `cc = "olia"`, "olia(flightsize=0 pacing=0 hystartpp=0 mode=1 best=0)"},
		{"linux-oot", ``, `cc = { name = "olia", mode = 0 }`, "olia(flightsize=0 pacing=0 hystartpp=0 mode=0 best=0)"},
		{"linux-oot", `cc = "ewtcp"`, ``, "ewtcp(flightsize=0 pacing=0 hystartpp=0 a=0)"},
		{"linux-oot", `tcp_cc = "lia"`, `protocol = "tcp"`, "lia(flightsize=0 pacing=0 hystartpp=0 mode=0)"},
		{"linux-oot", ``, "protocol = \"tcp\"\ncc = \"lia\"", "lia(flightsize=0 pacing=0 hystartpp=0 mode=0)"},
		{"linux", `cc = "lia"`, ``, "lia(flightsize=0 pacing=0 hystartpp=0 mode=0)"},
	} {
		text := fmt.Sprintf("schema = 1\nname = \"x\"\ntitle = \"x\"\nduration = \"1s\"\npaths = [\"a 10ms 50pkt 10Mbps\"]\n"+
			"[defaults]\npreset = %q\n%s\n[[flow]]\nname = \"dl\"\nclient = \"client\"\nserver = \"server\"\n%s\n", v.preset, v.defaults, v.flow)
		sc, err := Parse("x.toml", text, Options{})
		if err != nil {
			t.Errorf("%+v: %v", v, err)
			continue
		}
		if got := describePlugin(&sc.Flows[0].CC, Builtin().ccKind()); got != v.want {
			t.Errorf("%+v: the flow has %s", v, got)
		}
	}
}
