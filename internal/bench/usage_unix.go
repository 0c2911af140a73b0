//go:build unix

package bench

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// cpuTime returns the processor time that the process has used, user and
// system.
func cpuTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

// childTime returns the processor time of all child processes that have ended.
func childTime() time.Duration { return usage(syscall.RUSAGE_CHILDREN) }

func usage(who int) time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(who, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak lets the peak begin anew (Linux, proc(5): clear_refs).
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) }

// peakRSS returns the largest resident set in bytes: since resetPeak on Linux, else
// of the process so far.
func peakRSS() uint64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if _, rest, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
			number := bytes.Fields(rest)[0]
			if kib, err := strconv.ParseUint(string(number), 10, 64); err == nil {
				return kib << 10
			}
		}
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return uint64(u.Maxrss) // already in bytes there
	}
	return uint64(u.Maxrss) << 10
}
