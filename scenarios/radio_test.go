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
