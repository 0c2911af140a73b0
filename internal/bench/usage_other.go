//go:build !unix

package bench

import "time"

var started = time.Now()

// cpuTime returns the real time since the start, for want of the processor
// time.
func cpuTime() time.Duration { return time.Since(started) }

// childTime returns 0: not known.
func childTime() time.Duration { return 0 }

// resetPeak does nothing.
func resetPeak() {}

// peakRSS returns 0: not known.
func peakRSS() uint64 { return 0 }
