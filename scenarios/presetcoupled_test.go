package scenarios

import (
	"fmt"
	"testing"

	"mpsim/mptcp"
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

// What "Linux" means: preset "linux" is upstream, which has no coupled controller, and
// "linux-oot" the stack of the papers (ALGORITHMS section 0, items 2 and 7).
func TestDocumentedPresets(t *testing.T) {
	for _, v := range []struct{ preset, profile, cc, scheduler, pathManager, reinject string }{
		{"linux", "linux", "cubic", "linux", "linux", "profile"},
		{"linux-oot", "linux-oot", "lia", "minrtt", "fullmesh", "profile"},
		{"mpsim", "linux", "lia", "minrtt", "fullmesh", "on_rto"},
	} {
		sc := mustParse(t, small, fmt.Sprintf("defaults.preset=%q", v.preset))
		f, d := sc.Flows[0], &sc.Defaults
		got := [...]string{d.Profile, f.CC.Name, f.Scheduler.Name, f.PathManager.Name, d.Reinject}
		if want := [...]string{v.profile, v.cc, v.scheduler, v.pathManager, v.reinject}; got != want {
			t.Errorf("%s: %q, want %q", v.preset, got, want)
		}
		for _, s := range Builtin().CC {
			if v.preset == "linux" && s.Name == f.CC.Name && s.Coupled {
				t.Errorf("upstream Linux has no coupled controller, but %s is one", s.Name)
			}
		}
		p := hostProfile(sc.plan.byName["server"].decl, d)
		if upstream := p.Retrans == mptcp.RetransUpstream && p.StaleLossCount == 4; upstream != (v.preset == "linux") {
			t.Errorf("%s: upstream's failure detection %v", v.preset, upstream)
		}
		if penalises := p.RcvBufOpt&mptcp.PenaliseSlow != 0; penalises != (v.preset == "linux-oot") {
			t.Errorf("%s: penalisation %v", v.preset, penalises)
		}
	}
}
