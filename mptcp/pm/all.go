package pm

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Spec is one row of the table of path managers: what `mpsim list pm` prints and
// what a scenario's `path_manager = ...` looks up.
type Spec struct {
	Name, Doc string
	Params    []cc.Param
	// New makes the path manager of one connection. Params are complete and in
	// range; rnd is the connection's own random stream.
	New func(p cc.Params, rnd *sim.Rand) mptcp.PathManager
}

// Specs returns the table of path managers that mpsim ships. To add one: write it
// in a file of its own, give it a Spec, add a line here and a page in
// docs/models.
func Specs() []Spec {
	return []Spec{
		binderSpec,
		defaultSpec,
		fullMeshSpec,
		linuxSpec,
		ndiffportsSpec,
		onDemandSpec,
		scriptedSpec,
		serverSpec,
		singlePathSpec,
		smappBackupSpec,
		smappFullMeshSpec,
		smappRefreshSpec,
		smappStreamSpec,
		subnetSpec,
	}
}

// New makes the path manager of the given name from the table of [Specs].
func New(name string, settings []cc.Setting, rnd *sim.Rand) (mptcp.PathManager, error) {
	return Make(Specs(), name, settings, rnd)
}

// Make makes the path manager of the given name with its parameters. The error
// of an unknown name lists the known ones; all wrong parameters are reported at
// once. Rnd is the connection's own random stream; only path managers that draw
// need it.
func Make(table []Spec, name string, settings []cc.Setting, rnd *sim.Rand) (mptcp.PathManager, error) {
	s, p, err := cc.Lookup("path manager", table, name, settings)
	if err != nil {
		return nil, err
	}
	return s.New(p, rnd), nil
}

// Plugin implements cc.Row.
func (s Spec) Plugin() (string, []cc.Param) { return s.Name, s.Params }
