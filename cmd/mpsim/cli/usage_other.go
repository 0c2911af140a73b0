//go:build !unix

package cli

import "time"

var started = time.Now()

// cpuTime returns the real time since the start, for want of the processor
// time.
func cpuTime() time.Duration { return time.Since(started) }

// peakRSS returns 0: not known.
func peakRSS() uint64 { return 0 }
