package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mpsim/sim"
)

// Instructions is the work of a benchmark in instructions of the processor, which
// does not depend on the load of the machine.
type Instructions struct {
	Name       string  `json:"name"`
	PerHop     float64 `json:"instructions_per_packet_hop"`
	Setup      uint64  `json:"setup_instructions"`
	Loop       uint64  `json:"loop_instructions"`
	PacketHops uint64  `json:"packet_hops"`
	Counter    string  `json:"counter"` // what counted: perf or cachegrind
}

// ErrNoCounter says what is missing to count instructions.
var ErrNoCounter = errors.New("instructions are counted by perf, where the machine has hardware counters, or by valgrind; neither works here (apt-get install linux-perf or valgrind)")

// countedRun is a child process that builds a benchmark and may run it, on one core: idle
// threads of the runtime look for work and count, too.
type countedRun func(ctx context.Context, args []string) (instructions uint64, err error)

// CountInstructions counts the instructions of one repetition in a child process, and
// those of one that only builds the scenario, which are taken off. The program is that
// which runs. A positive end shortens the run.
func (b *Benchmark) CountInstructions(ctx context.Context, end sim.Duration) (*Instructions, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out := &Instructions{Name: b.Name}
	for _, c := range []struct {
		name string
		run  countedRun
	}{{"perf", underPerf}, {"cachegrind", underCachegrind}} {
		args := []string{self, "bench", b.Name, "--json", "--count", "1", "--alone"}
		run := args
		if end > 0 {
			run = slices.Concat(args, []string{"--until", end.String()})
		}
		whole, err := c.run(ctx, run)
		if ctx.Err() != nil {
			return nil, ErrInterrupted
		}
		if errors.Is(err, ErrNoCounter) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if out.Setup, err = c.run(ctx, slices.Concat(args, []string{"--until", "1ns"})); err != nil {
			return nil, err
		}
		m, err := b.Run(ctx, Options{Count: 1, Alone: true, Until: end})
		if err != nil {
			return nil, err
		}
		out.Counter, out.PacketHops, out.Loop = c.name, m.PacketHops, whole-out.Setup
		out.PerHop = float64(out.Loop) / float64(m.PacketHops)
		return out, nil
	}
	return nil, ErrNoCounter
}

// underPerf counts with the hardware counter of instructions in user space.
func underPerf(ctx context.Context, args []string) (uint64, error) {
	perf, err := exec.LookPath("perf")
	if err != nil {
		return 0, ErrNoCounter
	}
	c := exec.CommandContext(ctx, perf, append([]string{"stat", "-x", ",", "-e", "instructions:u", "--"}, args...)...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	var said strings.Builder
	c.Stderr = &said
	if _, err := c.Output(); err != nil {
		return 0, ErrNoCounter
	}
	for line := range strings.Lines(said.String()) {
		if n, _, ok := strings.Cut(line, ","); ok && strings.Contains(line, "instructions") {
			if count, err := strconv.ParseUint(n, 10, 64); err == nil {
				return count, nil
			}
		}
	}
	return 0, ErrNoCounter
}

var cachegrindTotal = regexp.MustCompile(`I\s+refs:\s+([0-9,]+)`)

// underCachegrind counts by simulating the processor, some fifty times slower.
func underCachegrind(ctx context.Context, args []string) (uint64, error) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		return 0, ErrNoCounter
	}
	c := exec.CommandContext(ctx, valgrind, append([]string{"--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"}, args...)...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	var said strings.Builder
	c.Stderr = &said
	if _, err := c.Output(); err != nil {
		return 0, fmt.Errorf("valgrind: %w\n%s", err, said.String())
	}
	found := cachegrindTotal.FindStringSubmatch(said.String())
	if found == nil {
		return 0, fmt.Errorf("valgrind printed no count of instructions:\n%s", said.String())
	}
	return strconv.ParseUint(strings.ReplaceAll(found[1], ",", ""), 10, 64)
}
