package scenarios

import "mpsim/cc"

type pmSpec struct {
	Name   string
	Params []cc.Param
}

func pmSpecs() []pmSpec      { return []pmSpec{{Name: "fullmesh"}, {Name: "default"}} }
func profileNames() []string { return []string{"linux", "rfc", "linux-oot"} }
