package scenarios

import (
	"fmt"
	"strings"
)

// didYouMean returns `; did you mean "x"?` for the known name nearest to what
// was written, or `; known: a, b, c` if none is near.
func didYouMean(written string, known []string) string {
	best, distance := "", 1+max(1, len(written)/3)
	for _, k := range known {
		if strings.EqualFold(k, written) {
			best = k
			break
		}
		begins := strings.HasPrefix(k, written) && !strings.HasPrefix(best, written) // of names equally near
		if d := editDistance(written, k); d < distance || d == distance && best != "" && begins {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	if len(known) == 0 {
		return "; there is none"
	}
	const most = 24
	if len(known) > most {
		return fmt.Sprintf("; known: %s, ... (%d)", strings.Join(known[:most], ", "), len(known))
	}
	return "; known: " + strings.Join(known, ", ")
}

// editDistance is the number of insertions, deletions, substitutions and swaps
// of neighbours between two names (restricted Damerau-Levenshtein).
func editDistance(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
