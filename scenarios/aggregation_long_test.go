//go:build long

package scenarios

import "testing"

// Two hundred seeds of every case and direction, 2000 runs, by mpsim's defaults and
// then as many as Linux does it. No run may fail.
func TestAggregationLong(t *testing.T) {
	t.Run("mpsim", func(t *testing.T) { aggregateAll(t, 200) })
	t.Run("linux", func(t *testing.T) { aggregateAll(t, 200, "defaults.preset=linux") })
}
