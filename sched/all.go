package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// Specs returns the table of schedulers that mpsim ships. To add one: write it in
// a file of its own on top of base.go, availability.go and window.go, give it a Spec, add
// a line here and a page in docs/models.
func Specs() []Spec {
	return []Spec{
		minRTTSpec,
		linuxSpec,
		roundRobinSpec,
		weightedSpec,
		randomSpec,
		redundantSpec,
		backupSpec,
		overflowSpec,
		costSpec,
		jitterSpec,
		equalSplitSpec,
		mirrorSpec,
		qawareSpec,
		blestSpec,
		ecfSpec,
		dapsSpec,
		stmsSpec,
		sttfSpec,
		alternateSpec,
	}
}

// NewScheduler makes the scheduler of the given name from the table of [Specs].
func NewScheduler(name string, settings []cc.Setting, rnd *sim.Rand) (Scheduler, error) {
	return Make(Specs(), name, settings, rnd)
}

// Make makes the scheduler of the given name with its parameters. The error of
// an unknown name lists the known ones; all wrong parameters are reported at
// once. Rnd is the connection's own random stream; only schedulers that draw
// need it.
func Make(table []Spec, name string, settings []cc.Setting, rnd *sim.Rand) (Scheduler, error) {
	s, p, err := cc.Lookup("scheduler", table, name, settings)
	if err != nil {
		return nil, err
	}
	return s.New(p, rnd), nil
}

// Plugin implements cc.Row.
func (s Spec) Plugin() (string, []cc.Param) { return s.Name, s.Params }
