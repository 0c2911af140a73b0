package mptcp

import (
	"testing"

	"mpsim/sim"
)

// TestConnCounters: each of two connections counts its own joins and handshake,
// and together they are what the endpoint counts.
func TestConnCounters(t *testing.T) {
	w := newWorld(t, 10*ms, 20*ms)
	w.start()
	a, b := w.connect(), w.connect()
	a.toWrite = 1000 // b never sends, so it opens no second subflow
	w.flush(w.client)
	w.runTo(sim.Time(2 * sim.Second))
	value := func(a *app, name string) uint64 {
		for _, c := range w.client.ep.ConnCounters(a.conn) {
			if c.Name == name {
				return c.Value
			}
		}
		t.Fatalf("no counter %s", name)
		return 0
	}
	for _, c := range []struct {
		name string
		a, b uint64
	}{{"MPCapableSYNTX", 1, 1}, {"MPJoinSynTx", 1, 0}, {"MPJoinSynAckRx", 1, 0}} {
		if x, y := value(a, c.name), value(b, c.name); x != c.a || y != c.b {
			t.Errorf("%s: %d and %d, expected %d and %d", c.name, x, y, c.a, c.b)
		}
		w.counter(w.client, c.name, c.a+c.b)
	}
	if w.client.ep.ConnCounters(0) != nil {
		t.Error("counters of no connection")
	}
}
