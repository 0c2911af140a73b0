//go:build !linux

package live

// Supported says why live mode cannot run here; nil: it can.
func Supported() error { return ErrUnsupported }
