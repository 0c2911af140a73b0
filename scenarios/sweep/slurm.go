package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Slurm carries out shards of a sweep as a job array of a Slurm cluster, whose nodes
// share the sweep directory. The first run is carried out here and timed, so that a
// task has at least half a minute of work: starting a task costs a second.

// Slurm says how.
type Slurm struct {
	// Command is what a task executes, to which --out, --shard and --resume are added.
	Command []string
	// Shards is into how many tasks the sweep is divided; 0: by the time of a run.
	Shards int
	// Report is told what goes on; nil: nobody.
	Report func(text string)
}

const (
	shardWork   = 30 * time.Second
	maxShards   = 1000 // MaxArraySize of Slurm is 1001 unless configured
	submissions = 4    // the first one and three more for tasks that have failed
	pollMost    = 5 * time.Second
	squeueTries = 20 // in a row that may fail, as while the controller starts anew
)

// ExecuteSlurm carries out a plan with a cluster. The tables are those of Execute, byte
// for byte. The commands sbatch, squeue and scancel have to be on the PATH; where the
// job runs is said by Slurm's variables (SBATCH_PARTITION, SBATCH_TIMELIMIT, ...).
func (p *Plan) ExecuteSlurm(ctx context.Context, o Options, c Slurm) (*Outcome, error) {
	for _, name := range []string{"sbatch", "squeue", "scancel"} {
		if _, err := exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("the engine slurm needs Slurm's command %s: %w", name, err)
		}
	}
	if c.Report == nil {
		c.Report = func(string) {}
	}
	s, err := p.open(o)
	if err != nil {
		return nil, err
	}
	err = s.cluster(ctx, &c)
	if e := s.journal.close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	return s.outcome()
}

func (s *session) cluster(ctx context.Context, c *Slurm) error {
	ready := s.first()
	s.report()
	if len(ready) == 0 {
		return nil
	}
	if c.Shards == 0 {
		begun := time.Now()
		result, err := s.carryOut(ctx, ready[0])
		if err := s.finish(&finished{ready[0], result, err}); err != nil {
			return err
		}
		c.Shards = divide(len(ready)-1, time.Since(begun))
	}
	for n := 1; ; n++ {
		tasks := s.unfinished(c.Shards)
		if len(tasks) == 0 {
			return nil
		}
		if n > submissions {
			return fmt.Errorf("after %d submissions, tasks %s are not complete; their output is in %s", submissions, list(tasks), s.logs())
		}
		job, err := s.submit(ctx, c, tasks)
		if err != nil {
			return err
		}
		c.Report(fmt.Sprintf("Slurm job %s: tasks %s of %d", job, list(tasks), c.Shards))
		if err := s.watch(ctx, job); err != nil {
			return err
		}
	}
}

// divide returns the number of tasks for so many runs of so much time each.
func divide(runs int, each time.Duration) int {
	n := int(float64(each) * float64(runs) / float64(shardWork))
	return max(1, min(n, runs, maxShards))
}

// unfinished returns the shards that lack a result.
func (s *session) unfinished(shards int) []int {
	var out []int
	for i := 1; i <= shards; i++ {
		t := session{Plan: s.Plan, known: s.known, o: Options{Shard: i, Shards: shards, Only: s.o.Only}}
		if t.lacks() {
			out = append(out, i)
		}
	}
	return out
}

// lacks reports whether a run of this process has no result.
func (s *session) lacks() bool {
	for _, x := range s.Points {
		n, complete := s.count(x)
		if complete {
			continue
		}
		for i := 1; i <= max(n+1, s.Replications.Min); i++ {
			if _, ok := s.known[s.Run(x, i).ID]; !ok && s.mine(x, i) {
				return true
			}
		}
	}
	return false
}

func list(numbers []int) string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = strconv.Itoa(n)
	}
	return strings.Join(out, ",")
}

func (s *session) logs() string { return filepath.Join(s.o.Out, JournalFolder, "slurm-*.log") }

// submit starts tasks as a job array and returns its number.
func (s *session) submit(ctx context.Context, c *Slurm, tasks []int) (string, error) {
	out, err := filepath.Abs(s.o.Out)
	if err != nil {
		return "", err
	}
	script := "#!/bin/sh\nexec"
	for _, a := range slices.Concat(c.Command, []string{"--out", out, "--resume"}) {
		script += " " + shellQuote(a)
	}
	script += fmt.Sprintf(" --shard \"$SLURM_ARRAY_TASK_ID/%d\"\n", c.Shards)
	text, err := command(ctx, script, "sbatch", "--parsable", "--array="+list(tasks), "--job-name=mpsim-"+s.Name, "--ntasks=1",
		"--output="+filepath.Join(out, JournalFolder, "slurm-%A-%a.log"))
	job, _, _ := strings.Cut(strings.TrimSpace(text), ";") // "number;cluster"
	if err == nil && job == "" {
		err = errors.New("sbatch names no job")
	}
	return job, err
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// watch waits until a job has left the queue, and reads the results as they come. When
// the user interrupts, the job is taken back.
func (s *session) watch(ctx context.Context, job string) error {
	failed := 0
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, pollMost) {
		text, err := command(ctx, "", "squeue", "--noheader", "--jobs="+job)
		over := err == nil && strings.TrimSpace(text) == "" || err != nil && strings.Contains(err.Error(), "Invalid job id")
		if e := s.read(); e != nil {
			return e
		}
		if over {
			return nil
		}
		if failed++; err == nil {
			failed = 0
		}
		if failed > squeueTries {
			return err
		}
		select {
		case <-ctx.Done():
			_, err := command(context.WithoutCancel(ctx), "", "scancel", job)
			return errors.Join(ErrInterrupted, err)
		case <-time.After(pause):
		}
	}
}

// read takes what the tasks have written so far.
func (s *session) read() error {
	known, err := readJournals([]string{s.o.Out}, s.Name, s.program)
	if err != nil {
		return err
	}
	s.known = known
	s.state.Done, s.state.Total, s.state.Failed = 0, 0, 0
	for _, x := range s.Points {
		n, complete := s.count(x)
		if !complete {
			n = max(n+1, s.Replications.Min)
		}
		for i := 1; i <= n; i++ {
			s.state.Total++
			if r, ok := s.known[s.Run(x, i).ID]; ok {
				s.state.Done++
				if len(r.Failed) > 0 {
					s.state.Failed++
				}
			}
		}
	}
	s.report()
	return nil
}

// command executes a command of Slurm and returns what it prints.
func command(ctx context.Context, input, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin = strings.NewReader(input)
	c.Env = os.Environ()
	var out, fault bytes.Buffer
	c.Stdout, c.Stderr = &out, &fault
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(fault.String()))
	}
	return out.String(), nil
}
