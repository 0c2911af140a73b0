package mbtest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"mpsim/cc"
	"mpsim/mptcp"
)

// Trait is something that middleboxes of an access network do, and on which share of
// networks they do it, by port.
type Trait struct {
	Name, Doc string
	Boxes     []Box
	// Percent is the share at the ports of Ports.
	Percent [3]float64
}

// Ports are the ports of the study.
var Ports = [3]int{34343, 80, 443}

// Networks is the number of access networks of the study, in 24 countries.
const Networks = 142

// Population returns the table of traits. Shares are those of Honda et al. (IMC
// 2011, 142 access networks in 24 countries), the middle where the source gives a
// range; a port for which it gives none has the share of port 34343. They are
// defaults, not measurements to be met. Holes and acknowledgements of what a device
// has not seen are what a firewall that checks sequence numbers objects to; a subflow
// of MPTCP shows it neither (RFC 8684 section 6, traffic normalizers).
func Population() []Trait {
	return []Trait{
		{"nat", "translates addresses", []Box{box("nat")}, [3]float64{95, 95, 95}},
		{"syn-option", "removes unknown options, from SYNs on", []Box{box("strip")}, [3]float64{4, 14, 6}},
		{"data-option", "removes unknown options from segments without SYN", []Box{box("strip", `packets = "nonsyn"`)}, [3]float64{5, 14, 6}},
		{"isn", "replaces initial sequence numbers", []Box{box("rewrite-isn")}, [3]float64{8.5, 18, 8.5}},
		{"hole", "blocks segments behind a hole", []Box{box("firewall")}, [3]float64{5, 13.5, 5}},
		{"ack", "mishandles acknowledgements of what it has not seen", []Box{box("firewall")}, [3]float64{26, 33, 26}},
		{"segments", "resegments", []Box{box("split"), box("coalesce", `options = "both"`)}, [3]float64{3, 13, 3}},
	}
}

// PopulationConfig says which population is drawn.
type PopulationConfig struct {
	Networks int // 0: Networks
	Seed     uint64
	Profile  string   // of both hosts; "": linux
	Rates    []string // "NAME:PORT=PERCENT" in place of those of Population
}

// Share is how often something was met, with the Wilson interval at 95 %.
type Share struct {
	Networks int     `json:"networks"`
	Share    float64 `json:"share"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}

// PortOutcome is what became of transfers to one port.
type PortOutcome struct {
	Port     int   `json:"port"`
	Networks int   `json:"networks"`
	MPTCP    Share `json:"mptcp"`
	Fallback Share `json:"fallback"`
	Broken   Share `json:"broken"`
}

// RunPopulation draws access networks, each with the traits that its luck gives it,
// and runs a transfer to each port through each. A network's luck with a trait is one
// number for all ports, so that one that strips options at the port with the smallest
// share does it at all.
func RunPopulation(ctx context.Context, cfg *PopulationConfig) ([]PortOutcome, error) {
	traits := Population()
	for _, r := range cfg.Rates {
		if err := setRate(traits, r); err != nil {
			return nil, err
		}
	}
	n, profile := cfg.Networks, cfg.Profile
	if n == 0 {
		n = Networks
	}
	if profile == "" {
		profile = "linux"
	}
	if mptcp.ProfileByName(profile) == nil {
		return nil, cc.UnknownName("profile", profile, profileNames())
	}
	rnd := rand.New(rand.NewPCG(cfg.Seed, 0))
	known := map[string]Verdict{} // networks with the same boxes fare alike
	count := make([]map[Verdict]int, len(Ports))
	for i := range count {
		count[i] = map[Verdict]int{}
	}
	for range n {
		luck := make([]float64, len(traits))
		for i := range luck {
			luck[i] = rnd.Float64() * 100
		}
		for i := range Ports {
			v, err := through(ctx, traits, luck, i, profile, known)
			if err != nil {
				return nil, err
			}
			count[i][v]++
		}
	}
	out := make([]PortOutcome, len(Ports))
	for i, port := range Ports {
		out[i] = PortOutcome{port, n, share(count[i][Kept]+count[i][Closed], n), share(count[i][Fallback], n),
			share(count[i][Broken]+count[i][Failed], n)}
	}
	return out, nil
}

// through runs a transfer through a network, or recalls what came of one.
func through(ctx context.Context, traits []Trait, luck []float64, port int, profile string, known map[string]Verdict) (Verdict, error) {
	var chain []Box
	for i := range traits {
		for _, b := range traits[i].Boxes {
			if luck[i] < traits[i].Percent[port] && !slices.ContainsFunc(chain, func(c Box) bool { return c.String() == b.String() }) {
				chain = append(chain, b)
			}
		}
	}
	key := fmt.Sprint(chain)
	if v, ok := known[key]; ok {
		return v, nil
	}
	s := Setup{Profile: profile, Transfer: Down, Paths: [][]Box{chain}, Checksum: true, Size: size, Seed: 1}
	o, err := s.Run(ctx)
	if err != nil {
		return "", err
	}
	v, _ := o.verdict(s.Size, &Outcome{})
	known[key] = v
	return v, nil
}

// setRate sets one share of the table.
func setRate(traits []Trait, text string) error {
	name, rest, _ := strings.Cut(text, ":")
	port, value, ok := strings.Cut(rest, "=")
	p, bad := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	if !ok || bad != nil || !(p >= 0 && p <= 100) {
		return fmt.Errorf("rate %q: write NAME:PORT=PERCENT, such as syn-option:80=20", text)
	}
	var names, ports []string
	at := -1
	for i, t := range traits {
		names = append(names, t.Name)
		if t.Name == name {
			at = i
		}
	}
	if at < 0 {
		return cc.UnknownName("trait", name, names)
	}
	for i, known := range Ports {
		ports = append(ports, strconv.Itoa(known))
		if ports[i] == port {
			traits[at].Percent[i] = p
			return nil
		}
	}
	return cc.UnknownName("port of the study", port, ports)
}

// share is k of n with the Wilson score interval at 95 %.
func share(k, n int) Share {
	const z = 1.959964
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Share{k, p, math.Max(0, mid-half), math.Min(1, mid+half)}
}
