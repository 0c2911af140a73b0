//go:build !unix

package sweep

import "os"

// lock does nothing where there is no flock: two processes must not write one sweep.
func lock(*os.File) error { return nil }
