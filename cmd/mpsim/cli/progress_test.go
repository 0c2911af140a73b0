package cli

import (
	"bytes"
	"testing"
	"time"

	"mpsim/internal/execute"
	"mpsim/sim"
)

func TestProgress(t *testing.T) {
	at := func(simulated int, wall time.Duration) execute.Progress {
		return execute.Progress{Now: sim.Time(simulated) * 1e9, End: 60e9, Events: uint64(simulated) * 1e6, Wall: wall}
	}
	var b bytes.Buffer
	p := newProgress(&b)
	if p.terminal {
		t.Fatal("a buffer is taken for a terminal")
	}
	p.show(at(1, time.Second)) // too early for a heartbeat
	p.show(at(15, 30*time.Second))
	p.show(at(16, 31*time.Second))
	p.done()
	if want := "15.0 of 60.0 s simulated, 0.50 M events/s, 1m30s left\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	p = &progress{w: &b, terminal: true, every: 100 * time.Millisecond}
	p.show(at(10, time.Second))
	p.done()
	p.done()
	if want := "\r\033[K10.0 of 60.0 s simulated, 10.00 M events/s, 5s left\r\033[K"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
