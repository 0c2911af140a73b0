// Package sim is the discrete-event core of mpsim: virtual time, the event
// queue, timers, named random streams and broken-invariant reports.
//
// A run is a pure function of (scenario, seed, replication, code version).
// Everything here serves that law: events have a total order that does not
// depend on insertion order (see [Key]), random streams are named (see
// [Sim.Stream]), and there is no package-level state, so that any number of
// simulations run in one process.
package sim

import (
	"math"
	"strconv"
	"time"
)

// Time is a point of virtual time in nanoseconds since the start of the run.
type Time int64

// Never is later than every event; a deadline of Never means "no deadline".
const Never Time = math.MaxInt64

// Duration is a span of virtual time in nanoseconds. It is an alias of
// time.Duration for its printing and its constants; nothing below layer 6
// ever asks for the wall clock.
type Duration = time.Duration

// The usual units of Duration, so that layers 0 to 5 need not import "time".
const (
	Nanosecond  = time.Nanosecond
	Microsecond = time.Microsecond
	Millisecond = time.Millisecond
	Second      = time.Second
)

// Add returns t+d. Adding to Never gives Never.
func (t Time) Add(d Duration) Time {
	if t == Never {
		return Never
	}
	return t + Time(d)
}

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) Duration { return Duration(t - u) }

// Seconds returns t in seconds.
func (t Time) Seconds() float64 { return float64(t) / 1e9 }

// String prints t in seconds with nine digits, or "never".
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return strconv.FormatFloat(t.Seconds(), 'f', 9, 64)
}
