package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"mpsim/scenarios/sweep"
)

// sweepProgress shows how far a sweep is: one line that is rewritten on a terminal, a
// line every half minute otherwise, or JSON lines, one a second and the last one.
type sweepProgress struct {
	w              io.Writer
	terminal, json bool
	every          time.Duration
	last           time.Duration
	begun, shown   bool
}

func newSweepProgress(w io.Writer, mode string) (*sweepProgress, error) {
	p := &sweepProgress{w: w, every: 30 * time.Second}
	f, ok := w.(*os.File)
	switch p.terminal = ok && term.IsTerminal(int(f.Fd())); {
	case mode == "none":
		p.w, p.terminal = io.Discard, false
	case mode == "json", mode == "auto" && os.Getenv("CI") != "" && !p.terminal:
		p.json, p.terminal, p.every = true, false, time.Second
	case mode != "auto":
		return nil, fmt.Errorf("--progress is auto, json or none, not %q", mode)
	case p.terminal:
		p.every = 100 * time.Millisecond
	}
	return p, nil
}

// sweepLine is a line of --progress=json.
type sweepLine struct {
	Done    int     `json:"done"`
	Total   int     `json:"total"`
	Reused  int     `json:"reused"`
	Failed  int     `json:"failed"`
	Wall    float64 `json:"wall_s"`
	PerSec  float64 `json:"runs_per_s"`
	Seconds float64 `json:"left_s"` // -1: not known yet
}

func (p *sweepProgress) show(s sweep.Progress) {
	last := s.Done == s.Total
	if p.begun && !last && s.Wall-p.last < p.every {
		return
	}
	if !p.begun && !p.json {
		p.begun, p.last = true, s.Wall
		return // nothing is known yet
	}
	p.begun, p.last = true, s.Wall
	l := sweepLine{s.Done, s.Total, s.Reused, s.Failed, s.Wall.Seconds(), 0, -1}
	if now := s.Done - s.Reused; now > 0 && s.Wall > 0 {
		l.PerSec = float64(now) / s.Wall.Seconds()
		l.Seconds = float64(s.Total-s.Done) / l.PerSec
	}
	if p.json {
		b, _ := json.Marshal(l) // numbers
		fmt.Fprintf(p.w, "%s\n", b)
		return
	}
	line := fmt.Sprintf("%d of %d runs, %.1f runs/s", l.Done, l.Total, l.PerSec)
	if l.Seconds >= 0 {
		line += fmt.Sprintf(", %v left", time.Duration(l.Seconds*1e9).Round(time.Second))
	}
	if l.Failed > 0 {
		line += fmt.Sprintf(", %d failed", l.Failed)
	}
	if p.terminal {
		fmt.Fprintf(p.w, "\r\033[K%s", line)
		p.shown = true
		return
	}
	if !last {
		fmt.Fprintln(p.w, line)
	}
}

// done removes the line from a terminal.
func (p *sweepProgress) done() {
	if p.shown {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
