//go:build long

package mbtest

import "testing"

// 10,000 random chains with the profile of the text, 3,000 with that of Linux.
func TestCompositionLong(t *testing.T) {
	composition(t, "rfc", 10_000)
	composition(t, "linux", 3_000)
}
