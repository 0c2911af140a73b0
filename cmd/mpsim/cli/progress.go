package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"mpsim/internal/execute"
)

// progress shows how far a run is: one line that is rewritten on a terminal, a
// line every half minute otherwise.
type progress struct {
	w        io.Writer
	terminal bool
	every    time.Duration
	last     time.Duration
	shown    bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, every: 30 * time.Second}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal, p.every = true, 100*time.Millisecond
	}
	return p
}

func (p *progress) show(s execute.Progress) {
	if s.Wall-p.last < p.every {
		return
	}
	p.last = s.Wall
	line := fmt.Sprintf("%.1f of %.1f s simulated, %.2f M events/s", s.Now.Seconds(), s.End.Seconds(),
		float64(s.Events)/1e6/s.Wall.Seconds())
	if s.Now > 0 {
		left := time.Duration(float64(s.Wall) * float64(s.End-s.Now) / float64(s.Now))
		line += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	if p.terminal {
		fmt.Fprintf(p.w, "\r\033[K%s", line)
		p.shown = true
		return
	}
	fmt.Fprintln(p.w, line)
}

// done removes the line from a terminal.
func (p *progress) done() {
	if p.shown {
		fmt.Fprint(p.w, "\r\033[K")
		p.shown = false
	}
}
