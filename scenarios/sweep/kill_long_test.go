//go:build long

package sweep

import (
	"fmt"
	"strings"
	"testing"
)

// 200 points with 5 replications survive ten kills.
func TestKilledTenTimes(t *testing.T) {
	var rates []string
	for i := range 100 {
		rates = append(rates, fmt.Sprintf("\"%dkbps\"", 1000+50*i))
	}
	text := strings.Replace(grid, `["8Mbps", "4Mbps", "2Mbps"]`, "["+strings.Join(rates, ", ")+"]", 1)
	killed(t, strings.NewReplacer("replications = 3", "replications = 5", "[set]", "[set]\nduration = \"5s\"").Replace(text), 10)
}
