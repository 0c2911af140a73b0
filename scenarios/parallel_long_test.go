//go:build long

package scenarios

import "testing"

// The whole library in parts, as far as it can be divided.
func TestLibraryInParts(t *testing.T) {
	divided := 0
	for _, p := range libraryScenarios(t) {
		sc, err := LoadLibrary(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(p, func(t *testing.T) { divided += samePartedRun(t, sc, synthetic, 2, 4) })
	}
	if divided == 0 {
		t.Error("no run was divided")
	}
}
