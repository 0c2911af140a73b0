package live

import "testing"

func TestHandshakeAndData(t *testing.T) {
	for _, c := range []struct {
		name string
		liveCase
	}{
		{"client", liveCase{up: 300_000, down: 300_000, counters: map[string]uint64{"MPCapableSYNRX": 1, "MPCapableACKRX": 1}}},
		{"server", liveCase{server: true, up: 300_000, down: 300_000, counters: map[string]uint64{"MPCapableSYNTX": 1, "MPCapableSYNACKRX": 1}}},
	} {
		t.Run(c.name, c.run)
	}
}
