package scenarios

import (
	"strings"
	"testing"
)

// TestRadioProblems: what is wrong with the keys of radio links is said where it stands.
func TestRadioProblems(t *testing.T) {
	for _, c := range []struct{ name, media, link, want string }{
		{"standard", "[[medium]]\nname = \"air\"\nstandard = \"802.11c\"\n", "medium = \"air\"", `s.toml:6:12: unknown standard "802.11c"`},
		{"medium", "", "medium = \"air\"", `there is no medium "air"`},
		{"twice", "[[medium]]\nname = \"air\"\nstandard = \"802.11a\"\n[[medium]]\nname = \"air\"\nstandard = \"802.11a\"\n", "medium = \"air\"", `a second medium named "air"`},
		{"rate", air, "medium = \"air\"\nrate = \"1Mbps\"", "medium decides what the link carries"},
		{"profile", air, "medium = \"air\"\nprofile = \"3g\"", "medium decides what the link carries"},
		{"phy rate", air, "medium = \"air\"\nphy_rate = \"10Mbps\"", "802.11a has no rate 10 Mb/s"},
		{"phy rate alone", "", "rate = \"1Mbps\"\nqueue = \"9pkt\"\nphy_rate = \"6Mbps\"", "phy_rate has no meaning without medium"},
		{"lte without a rate", "", "lte = {}", "lte needs a rate"},
		{"lte on a medium", air, "medium = \"air\"\nlte = {}", "leave lte out"},
		{"bler", "", "rate = \"1Mbps\"\nqueue = \"9pkt\"\nlte = { bler = 1 }", "bler"},
		{"radio alone", "", "rate = \"1Mbps\"\nqueue = \"9pkt\"\nradio = { walk = [\"0s 1m\"], cells = [0] }", "radio needs a medium or lte"},
		{"radio with phy rate", air, "medium = \"air\"\nphy_rate = \"6Mbps\"\nradio = { walk = [\"0s 1m\"], cells = [0] }", "leave phy_rate out"},
		{"waypoint", air, "medium = \"air\"\nradio = { walk = [\"0s 1km\"], cells = [0] }", `"0s 1km" is no waypoint such as "10s 25m"`},
		{"order", air, "medium = \"air\"\nradio = { walk = [\"9s 1m\", \"8s 2m\"], cells = [0] }", "not in order"},
		{"no cells", air, "medium = \"air\"\nradio = { walk = [\"9s 1m\"], cells = [] }", "a moving host needs a way and a cell"},
		{"join below leave", air, "medium = \"air\"\nradio = { walk = [\"9s 1m\"], cells = [0], leave = -70, join = -80 }", "at which attachment ends"},
		{"retries", "[[medium]]\nname = \"air\"\nstandard = \"802.11a\"\nretries = 0\n", "medium = \"air\"", "retries"},
	} {
		text := "schema = 1\nname = \"s\"\nduration = \"1s\"\n" + c.media +
			"[[node]]\nname = \"client\"\n[[node]]\nname = \"server\"\n[[link]]\nname = \"wifi\"\na = \"client.wlan0\"\nb = \"server.wlan0\"\n" + c.link +
			"\n[[flow]]\nname = \"f\"\nclient = \"client\"\nserver = \"server\"\n"
		_, err := Parse("s.toml", text, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

const air = "[[medium]]\nname = \"air\"\nstandard = \"802.11a\"\n"
