//go:build long

package scenarios

import "testing"

// TestRandomCoalescersLong runs more chains than TestRandomCoalescers.
func TestRandomCoalescersLong(t *testing.T) { runJoined(t, 5000, 2) }
