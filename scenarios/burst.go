package scenarios

import (
	"slices"

	simnet "mpsim/net"
)

// BurstLoss is the table burst_loss of a link.
type BurstLoss struct {
	meta
	Model    string      `toml:"model" default:"gilbert-elliott" enum:"gilbert-elliott,gilbert-elliott-time,4-state" doc:"a chain of two states that takes a step for each packet, or lives in time; or of four states, for each packet (netem loss gemodel, loss state)"`
	P        Probability `toml:"p" default:"0" doc:"gilbert-elliott: probability of the step from good to bad"`
	R        Probability `toml:"r" default:"1" doc:"gilbert-elliott: probability of the step from bad to good; a burst has 1/r packets on average"`
	GoodTime Duration    `toml:"good_time" default:"10s" min:"1us" max:"24h" doc:"gilbert-elliott-time: mean of the exponential time in the good state"`
	BadTime  Duration    `toml:"bad_time" default:"100ms" min:"1us" max:"24h" doc:"gilbert-elliott-time: mean of the exponential time in the bad state"`
	Good     Probability `toml:"good" default:"0" doc:"probability of loss in the good state (1-k)"`
	Bad      Probability `toml:"bad" default:"1" doc:"probability of loss in the bad state (1-h)"`
	P13      Probability `toml:"p13" default:"0" doc:"4-state: a burst begins with a loss"`
	P31      Probability `toml:"p31" default:"1" doc:"4-state: from a loss of a burst to the gap"`
	P32      Probability `toml:"p32" default:"0" doc:"4-state: from a loss of a burst to packets received within it"`
	P23      Probability `toml:"p23" default:"1" doc:"4-state: from those to a loss again"`
	P14      Probability `toml:"p14" default:"0" doc:"4-state: a loss alone in the gap"`
}

// burstKeys are the keys of each model beside model.
var burstKeys = map[string][]string{
	"gilbert-elliott":      {"p", "r", "good", "bad"},
	"gilbert-elliott-time": {"good_time", "bad_time", "good", "bad"},
	"4-state":              {"p13", "p31", "p32", "p23", "p14"},
}

// burstLoss checks a table burst_loss.
func (c *checker) burstLoss(b *BurstLoss) {
	keys, known := burstKeys[b.Model]
	if !known || b.table == nil {
		return // noted by the decoder
	}
	for _, key := range b.table.keys {
		if key != "model" && !slices.Contains(keys, key) && slices.ContainsFunc([]string{"gilbert-elliott", "gilbert-elliott-time", "4-state"}, func(m string) bool { return slices.Contains(burstKeys[m], key) }) {
			c.add(b.pos(key), "burst_loss of model %q has no key %q; it has %v", b.Model, key, keys)
			return
		}
	}
	m := b.model()
	if err := m.Validate(); err != nil {
		c.add(b.table.pos, "burst_loss: %v", err)
	}
}

// skips implements keySkipper: keys of other models are not written.
func (b *BurstLoss) skips(key string) bool {
	return key != "model" && !slices.Contains(burstKeys[b.Model], key)
}

// model translates the table; nil is no loss in bursts.
func (b *BurstLoss) model() simnet.Burst {
	if b == nil {
		return simnet.Burst{}
	}
	f := func(p Probability) float64 { return float64(p) }
	switch b.Model {
	case "gilbert-elliott":
		return simnet.Burst{Model: simnet.GilbertPacket, P: f(b.P), R: f(b.R), Good: f(b.Good), Bad: f(b.Bad)}
	case "gilbert-elliott-time":
		return simnet.Burst{
			Model: simnet.GilbertTime, GoodTime: b.GoodTime.Duration(), BadTime: b.BadTime.Duration(), Good: f(b.Good), Bad: f(b.Bad),
		}
	}
	return simnet.Burst{Model: simnet.FourState, P13: f(b.P13), P31: f(b.P31), P32: f(b.P32), P23: f(b.P23), P14: f(b.P14)}
}
