//go:build !linux

package live

import "mpsim/internal/packetdrill"

// Supported says why live mode cannot run here; nil: it can.
func Supported() error { return ErrUnsupported }

// NewKernel makes the kernel of this machine a system that scripts can test.
func NewKernel(packetdrill.Config) (packetdrill.System, error) { return nil, ErrUnsupported }
