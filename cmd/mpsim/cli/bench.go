package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"mpsim/internal/execute"
	"mpsim/internal/floor"
	"mpsim/results"
	"mpsim/scenarios"
)

// benchmark is a scenario of the library that is run without files.
type benchmark struct {
	name, doc, path string
	set             []string // overrides
	named           bool     // takes long: only run when asked for by its name
}

// benchmarks are all of them, with the fat-trees of every size and number of
// subflows.
var benchmarks = slices.Concat([]benchmark{
	{name: "two-path", doc: "one MPTCP download over two disjoint paths", path: "bench/two-path.toml"},
	{name: "bottleneck-1", doc: "one flow through one bottleneck", path: "bench/bottleneck-1.toml"},
	{name: "bottleneck-100", doc: "a hundred flows through one bottleneck", path: "bench/bottleneck-100.toml"},
	{name: "handover", doc: "a phone behind two NATs loses WiFi for twenty seconds", path: "bench/handover.toml"},
	{name: "incast", doc: "64 hosts of a leaf-spine network send to one", path: "bench/incast.toml"},
}, fatTrees(4, "5s"), fatTrees(8, "1s"), fatTrees(16, "100ms"))

// fatTrees are the benchmarks fattree-kK-sN of one size.
func fatTrees(k int, duration string) (out []benchmark) {
	for _, n := range []int{1, 2, 4, 8} {
		out = append(out, benchmark{
			name: fmt.Sprintf("fattree-k%d-s%d", k, n), path: "bench/permutation.toml", named: k > 4 || n != 4,
			doc: fmt.Sprintf("a permutation of the %d hosts of a fat-tree of %d pods, %d subflows a pair, %s", k*k*k/4, k, n, duration),
			set: []string{fmt.Sprintf("topology.k=%d", k), fmt.Sprintf("traffic.perm.subflows=%d", n), "duration=" + duration},
		})
	}
	return out
}

// measurement is what `mpsim bench NAME --json` prints.
type measurement struct {
	Name       string         `json:"name"`
	CPU        results.Number `json:"cpu_s"`
	Wall       results.Number `json:"wall_s"`
	Events     uint64         `json:"events"`
	PacketHops uint64         `json:"packet_hops"`
	PerHop     results.Number `json:"ns_per_packet_hop"`
	PeakRSS    uint64         `json:"peak_rss_bytes"`
	Goodput    results.Number `json:"goodput_bps"`
	// Floor is the bare event loop's processor time per packet-hop, measured
	// between the repetitions; Ratio is the median over the repetitions of the
	// run's time per packet-hop divided by the loop's.
	Floor       results.Number `json:"floor_ns_per_packet_hop"`
	Ratio       results.Number `json:"ratio_to_floor"`
	RatioMin    results.Number `json:"ratio_min"`
	RatioMax    results.Number `json:"ratio_max"`
	Repetitions int            `json:"repetitions"`
	Hash        string         `json:"hash"`
}

func (p *program) benchCommand() *cobra.Command {
	var asJSON bool
	var count int
	c := &cobra.Command{
		Use:   "bench [NAME]",
		Short: "measure the speed of the simulator",
		Long: "bench runs the named benchmark, or all that do not take long (mpsim list bench): scenarios of\n" +
			"the library without files. It prints processor time per packet-hop: one packet accepted by one link or dropped by its queue. Each repetition is paired with the bare event loop\n" +
			"(a fat-tree of 4 pods, 4 flows a pair, one event per hop, no protocol), so that the ratio means the same on every machine.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return p.bench(args, asJSON, count) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object, or an array of all")
	c.Flags().IntVar(&count, "count", 5, "repetitions, of which the median is taken")
	return c
}

func (p *program) bench(args []string, asJSON bool, count int) error {
	if count < 1 {
		return usage(errors.New("--count must be at least 1"))
	}
	var all []measurement
	var names []string
	for _, b := range benchmarks {
		names = append(names, b.name)
		if len(args) == 1 && args[0] != b.name || len(args) == 0 && b.named {
			continue
		}
		m, err := p.measure(&b, count)
		if err != nil {
			return classify(fmt.Errorf("bench %s: %w", b.name, err))
		}
		all = append(all, *m)
	}
	switch {
	case len(all) == 0:
		return usage(fmt.Errorf("unknown benchmark %q; have %s", args[0], strings.Join(names, ", ")))
	case asJSON && len(args) == 1:
		return json.NewEncoder(p.out).Encode(all[0])
	case asJSON:
		return json.NewEncoder(p.out).Encode(all)
	}
	p.printMeasurements(all)
	return nil
}

// measure runs a scenario and the bare loop alternately and takes the medians.
func (p *program) measure(b *benchmark, count int) (*measurement, error) {
	m := &measurement{Name: b.name, Repetitions: count}
	var cpu, wall, bare, ratio []float64
	for range count {
		sc, err := scenarios.LoadLibrary(b.path, scenarios.Options{Set: b.set, Plugins: p.plugins})
		if err != nil {
			return nil, err
		}
		runtime.GC()
		begun, used := time.Now(), cpuTime()
		o, err := execute.Run(p.ctx, execute.Job{Scenario: sc, Seed: sc.Seed, Plugins: p.plugins, NoSeries: true})
		if err != nil {
			return nil, err
		}
		if o.Stopped != execute.Finished {
			return nil, errInterrupted
		}
		c := (cpuTime() - used).Seconds()
		s := &o.Summary
		if m.Hash != "" && m.Hash != s.Hash {
			return nil, fmt.Errorf("two repetitions have the hashes %s and %s", m.Hash, s.Hash)
		}
		m.Hash, m.Events, m.PacketHops, m.Goodput = s.Hash, s.Events, s.PacketHops, 0
		for _, f := range s.Flows {
			m.Goodput += f.Goodput
		}
		wall = append(wall, time.Since(begun).Seconds())
		cpu = append(cpu, c)
		bare = append(bare, bareLoop())
		ratio = append(ratio, c*1e9/float64(s.PacketHops)/bare[len(bare)-1])
	}
	m.CPU, m.Wall, m.Floor = median(cpu), median(wall), median(bare)
	m.PerHop = m.CPU * 1e9 / results.Number(m.PacketHops)
	m.Ratio, m.RatioMin, m.RatioMax = median(ratio), results.Number(slices.Min(ratio)), results.Number(slices.Max(ratio))
	m.PeakRSS = peakRSS()
	return m, nil
}

// bareLoop returns the processor time per packet-hop of the bare event loop, in
// ns.
func bareLoop() float64 {
	l := floor.New(floor.Config{K: 4, Sub: 4, Mode: floor.Heap1Ev})
	runtime.GC()
	used := cpuTime()
	r := l.Run()
	return float64(cpuTime()-used) / float64(r.Hops)
}

func median(x []float64) results.Number {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	return results.Number(stat.Mean(s[(n-1)/2:n/2+1], nil)) // the middle one or two
}

func (p *program) printMeasurements(all []measurement) {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"benchmark", "CPU s", "wall s", "events", "packet-hops", "ns/packet-hop", "bare loop ns", "ratio", "(min-max)",
		"goodput Mb/s", "peak RSS MiB"})
	for _, m := range all {
		t.AppendRow(table.Row{m.Name, fmt.Sprintf("%.3f", float64(m.CPU)), fmt.Sprintf("%.3f", float64(m.Wall)), m.Events, m.PacketHops,
			fmt.Sprintf("%.1f", float64(m.PerHop)), fmt.Sprintf("%.1f", float64(m.Floor)), fmt.Sprintf("%.2f", float64(m.Ratio)),
			fmt.Sprintf("%.2f-%.2f", float64(m.RatioMin), float64(m.RatioMax)),
			fmt.Sprintf("%.2f", float64(m.Goodput)/1e6), m.PeakRSS >> 20})
	}
	fmt.Fprintln(p.out, render(t))
}
