package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mpsim/internal/tshark"
	"mpsim/results"
	"mpsim/scenarios"
)

// Wireshark's dissectors find no fault with the capture of a run, compute the
// tokens and initial data sequence numbers that the endpoints used, and group
// the subflows as the summary does.
//
// row:A1
func TestTsharkAgreesWithTheRun(t *testing.T) {
	library := func(name string) *scenarios.Scenario {
		sc, err := scenarios.LoadLibrary(name, scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return sc
	}
	for name, sc := range map[string]*scenarios.Scenario{
		"small":                    parse(t),
		"handover/constant":        library("handover/constant.toml"),
		"handover/wifi-lte":        library("handover/wifi-lte.toml"),
		"handover/wifi-lte-traces": library("handover/wifi-lte-traces.toml"),
		"basic/requests":           library("basic/requests.toml"),
		"small, lossy and jittery": parse(t, "link.wifi.loss=2%", "link.lte.down.jitter=3ms"),
		"IPv6 and datagrams":       mixed(t),
		// After the outage tshark misses mappings of segments that bring their own;
		// with as many short mappings as these its interval tree is at fault.
		"version 0":          parse(t, "defaults.profile=linux-oot", "at=[]"),
		"version 0 of linux": parse(t, "defaults.versions=v0"),
		// At the phone; the server has the same subflows by other tuples.
		"behind NATs":       behindNATs(t),
		"a join is blocked": parse(t, "link.lte.up.drop=[0]"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			o, err := Run(context.Background(), Job{Scenario: sc, Seed: 1, Out: dir, Capture: true, Events: results.Decisions,
				DataDir: "../../scenarios/testdata/data"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := tshark.Check(filepath.Join(dir, results.CaptureName))
			if errors.Is(err, tshark.ErrMissing) && os.Getenv("MPSIM_REQUIRE_TSHARK") == "" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Faults {
				t.Error(f)
			}
			compareGrouping(t, &o.Summary, r)
			compareKeys(t, filepath.Join(dir, results.EventsName), r)
		})
	}
}

// behindNATs is the library scenario of joins through NATs, captured at the phone.
func behindNATs(t *testing.T) *scenarios.Scenario {
	sc, err := scenarios.LoadLibrary("nat/join.toml", scenarios.Options{Set: []string{`output.capture=["phone.*"]`, "duration=3s", "at=[]"}})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// On a lossless network each subflow looks like a regular TCP connection to
// Wireshark: it misses no segment. Where the queue drops, it does.
//
// row:B20
func TestSubflowsLookLikeTCP(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   []string
		clean bool
	}{
		{"lossless", []string{"link.wifi.queue=10000pkt", "link.lte.queue=10000pkt", "flow.dl.size=1MB", "at=[]"}, true},
		{"queue drops", nil, false},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		o := execute(t, Job{Scenario: parse(t, c.set...), Out: dir, Capture: true})
		r, err := tshark.Check(filepath.Join(dir, results.CaptureName))
		if errors.Is(err, tshark.ErrMissing) && os.Getenv("MPSIM_REQUIRE_TSHARK") == "" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		drops := uint64(0)
		for _, l := range o.Summary.Links {
			drops += l.Drops
		}
		if (r.Gaps == 0) != c.clean || (drops == 0) != c.clean {
			t.Errorf("%s: %d packets dropped, tshark misses %d segments", c.name, drops, r.Gaps)
		}
	}
}

// mixed has MPTCP over IPv6 in both directions, and datagrams over IPv4.
func mixed(t *testing.T) *scenarios.Scenario {
	t.Helper()
	sc, err := scenarios.Parse("mixed.toml", `
schema = 1
name = "mixed"
duration = "2s"
[[node]]
name = "phone"
[[node.interface]]
name = "wifi"
addresses = ["fd00:1::2/64"]
[[node.interface]]
name = "lte"
addresses = ["fd00:2::2/64"]
[[node]]
name = "server"
[[node.interface]]
name = "wifi"
addresses = ["fd00:1::1/64"]
[[node.interface]]
name = "lte"
addresses = ["fd00:2::1/64"]
[[link]]
name = "wifi"
a = "phone.wifi"
b = "server.wifi"
rate = "8Mbps"
delay = "10ms"
[[link]]
name = "lte"
a = "phone.lte"
b = "server.lte"
rate = "8Mbps"
delay = "20ms"
[[link]]
name = "dsl"
a = "phone.eth"
b = "server.eth"
rate = "8Mbps"
delay = "15ms"
[[flow]]
name = "dl"
client = "phone"
server = "server"
via = "wifi"
size = "1MB"
[[flow]]
name = "ul"
client = "phone"
server = "server"
via = "lte"
direction = "up"
size = "200kB"
[[flow]]
name = "voice"
protocol = "udp"
client = "phone"
server = "server"
via = "eth"
`, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func compareGrouping(t *testing.T, s *results.Summary, r *tshark.Report) {
	t.Helper()
	var want, got []int
	streams := 0
	for _, f := range s.Flows {
		if f.Protocol == "mptcp" {
			want = append(want, len(f.Subflows))
		}
		streams += len(f.Subflows)
	}
	for _, c := range r.Connections {
		got = append(got, len(c.Subflows))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) || streams != r.TCPStreams {
		t.Errorf("tshark sees connections with %v subflows in %d streams; the run has %v in %d", got, r.TCPStreams, want, streams)
	}
}

// compareKeys compares what follows from the keys with what the endpoints say
// in their records: each end of each connection has one key.
func compareKeys(t *testing.T, events string, r *tshark.Report) {
	t.Helper()
	b, err := os.ReadFile(events)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []tshark.Key
	for line := range bytes.Lines(b) {
		var e struct {
			Kind  string
			Token uint32
			IDSN  uint64
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if k := (tshark.Key{Token: e.Token, IDSN: e.IDSN}); e.Kind == "established" && !slices.Contains(want, k) {
			want = append(want, k)
		}
	}
	for _, c := range r.Connections {
		got = append(got, c.Keys...)
		for _, j := range c.JoinTokens {
			if !slices.ContainsFunc(c.Keys, func(k tshark.Key) bool { return k.Token == j }) {
				t.Errorf("join token %d is of no key of its connection", j)
			}
		}
	}
	order := func(a, b tshark.Key) int { return int(int64(a.Token) - int64(b.Token)) }
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if len(want) == 0 || !slices.Equal(want, got) {
		t.Errorf("tokens and IDSNs by tshark %v, by the endpoints %v", got, want)
	}
}
