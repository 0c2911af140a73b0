//go:build unix

package sweep

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock keeps other processes from writing a file until this one ends.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
