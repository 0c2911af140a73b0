package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/internal/bench"
	"mpsim/sim"
)

// benchFlags are the flags of `mpsim bench`.
type benchFlags struct {
	json         bool
	count        int
	profile      string
	base         string
	ns3          bool
	instructions bool
	alone        bool
	until        time.Duration
}

func (p *program) benchCommand() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench [NAME]",
		Short: "measure the speed of the simulator",
		Long: "bench runs the named benchmark, or all that do not take long (mpsim list bench): scenarios of the library\n" +
			"without files. It prints processor time per packet-hop: one packet accepted by one link or dropped by its\n" +
			"queue. Each repetition is paired with the bare event loop (a fat-tree with as many pods and flows, or of 4 pods\n" +
			"and 4 flows a pair; one event per hop, no protocol), so that the ratio means the same on every machine. A run\n" +
			"whose utilisation or number of packet-hops is not that of the physics fails.\n\n" +
			"--base compares with another binary of mpsim, --ns3 with ns-3, each in turns. `mpsim bench startup` measures what\n" +
			"a process takes beside the simulation, `mpsim bench traces` what records, captures and logs cost.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if f.count < 1 {
				return usage(errors.New("--count must be at least 1"))
			}
			err := p.anyBench(args, &f)
			if errors.Is(err, bench.ErrInterrupted) {
				return &exitError{code: exitInterrupted}
			}
			return err
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.json, "json", false, "print a JSON object, or an array of all")
	fl.IntVar(&f.count, "count", 5, "repetitions, of which the median is taken")
	fl.StringVar(&f.profile, "cpuprofile", "", "write a processor profile of the runs, without the bare loop, to this `file`")
	fl.StringVar(&f.base, "base", "", "compare with this `binary` of mpsim, in turns")
	fl.BoolVar(&f.ns3, "ns3", false, "compare the dumbbells bottleneck-1 and bottleneck-100, 15 s of each, with ns-3 (Debian: g++ ns3 libns3-dev), in turns")
	fl.BoolVar(&f.instructions, "instructions", false, "count instructions with perf or valgrind instead of time")
	fl.BoolVar(&f.alone, "alone", false, "no bare loop")
	fl.DurationVar(&f.until, "until", 0, "end runs at this virtual `time`; nothing is judged then")
	return c
}

// anyBench does what the flags ask for.
func (p *program) anyBench(args []string, f *benchFlags) error {
	o := bench.Options{Count: f.count, Plugins: p.plugins, Alone: f.alone, Until: sim.Duration(f.until)}
	if len(args) == 1 {
		switch args[0] {
		case "startup":
			return p.costs(f, &o, bench.StartUp)
		case "traces":
			return p.costs(f, &o, bench.Traces)
		}
	}
	switch {
	case f.base != "" && f.ns3:
		return usage(errors.New("--base and --ns3 exclude each other"))
	case f.base != "":
		return p.benchAgainst(args, f)
	case f.ns3:
		return p.benchNS3(f, &o)
	case f.instructions:
		return p.benchInstructions(args, f)
	}
	return p.bench(args, f, o)
}

func (p *program) bench(args []string, f *benchFlags, o bench.Options) error {
	list, err := chosen(args)
	if err != nil {
		return usage(err)
	}
	if f.profile != "" {
		stop, err := startProfile(f.profile)
		if err != nil {
			return usage(err)
		}
		defer stop()
		o.Alone = true
	}
	var all []*bench.Measurement
	for _, b := range list {
		m, err := b.Run(p.ctx, o)
		if err != nil {
			return classify(fmt.Errorf("bench %s: %w", b.Name, err))
		}
		all = append(all, m)
	}
	switch {
	case f.json && len(args) == 1:
		err = json.NewEncoder(p.out).Encode(all[0])
	case f.json:
		err = json.NewEncoder(p.out).Encode(all)
	default:
		p.printMeasurements(all)
	}
	if err != nil {
		return err
	}
	return implausible(all)
}

// chosen returns the benchmarks that the arguments mean.
func chosen(args []string) ([]bench.Benchmark, error) {
	if len(args) == 1 {
		b, err := bench.Find(args[0])
		if err != nil {
			return nil, err
		}
		return []bench.Benchmark{*b}, nil
	}
	var list []bench.Benchmark
	for _, b := range bench.All() {
		if !b.Slow {
			list = append(list, b)
		}
	}
	return list, nil
}

// implausible is an error if a measurement cannot be believed.
func implausible(all []*bench.Measurement) error {
	var text []string
	for _, m := range all {
		for _, wrong := range m.Implausible {
			text = append(text, fmt.Sprintf("bench %s is not to be believed: %s", m.Name, wrong))
		}
	}
	if text == nil {
		return nil
	}
	return &exitError{exitFailed, errors.New(strings.Join(text, "\n"))}
}

// startProfile writes a processor profile until the function is called that it
// returns.
func startProfile(file string) (stop func(), err error) {
	w, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		w.Close()
	}, nil
}

func (p *program) printMeasurements(all []*bench.Measurement) {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"benchmark", "CPU s", "wall s", "setup s", "events", "packet-hops", "ns/hop", "bare ns", "ratio", "(min-max)",
		"of physics", "utilised", "Mb/s", "allocs/1000", "peak MiB"})
	number := func(format string, x float64) string {
		if x == 0 || x != x {
			return "-"
		}
		return fmt.Sprintf(format, x)
	}
	for _, m := range all {
		between := "-"
		if m.Ratio > 0 {
			between = fmt.Sprintf("%.2f-%.2f", float64(m.RatioMin), float64(m.RatioMax))
		}
		t.AppendRow(table.Row{m.Name, fmt.Sprintf("%.3f", float64(m.CPU)), fmt.Sprintf("%.3f", float64(m.Wall)), number("%.3f", float64(m.Setup)),
			m.Events, m.PacketHops, fmt.Sprintf("%.1f", float64(m.PerHop)), number("%.1f", float64(m.Floor)), number("%.2f", float64(m.Ratio)), between,
			number("%.3f", float64(m.HopsToPhysics)), number("%.3f", float64(m.Utilisation)), fmt.Sprintf("%.1f", float64(m.Goodput)/1e6),
			fmt.Sprintf("%.2f", float64(m.Allocs)), m.PeakRSS >> 20})
	}
	fmt.Fprintln(p.out, render(t))
	for _, m := range all {
		if s := m.Sweep; s != nil {
			fmt.Fprintf(p.out, "%s: %d runs, %.3f s on one core, %.3f s on %d: %.2f times faster, equal tables; %.2f ms of processor time a run\n",
				m.Name, s.Runs, float64(s.One), float64(s.Many), s.Cores, float64(s.Speedup), float64(s.PerRun)*1e3)
		}
	}
}
