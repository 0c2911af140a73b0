package cc

import "mpsim/sim"

// Wrappers change what reaches an inner controller, or what comes out of it. The
// inner one is chosen by name with the parameter inner and has the defaults of its
// own parameters.

// wrapped passes everything on.
type wrapped struct{ Controller }

// Traits returns those of the inner controller, but that a wrapper may change windows.
func (w *wrapped) Traits() Traits {
	t := TraitsOf(w.Controller)
	t.OwnWindows = false
	return t
}

// Terms appends those of the inner controller.
func (w *wrapped) Terms(f FlowID, out []Term) []Term {
	if e, ok := w.Controller.(Explainer); ok {
		return e.Terms(f, out)
	}
	return out
}

// innerSpecs are the controllers that can be wrapped.
func innerSpecs() []Spec {
	return []Spec{
		liaSpec, renoSpec, cubicSpec, oliaSpec, baliaSpec, wvegasSpec, ewtcpSpec, coupledSpec,
		semicoupledSpec, epsilonSpec, dctcpSpec, vegasSpec, bbrSpec, xmpSpec,
	}
}

func innerParam() Param { return innerParamOf(innerSpecs()) }

func innerParamOf(specs []Spec) Param {
	names := Names(specs)
	return Param{
		Name: "inner", Names: names, Whole: true, Max: float64(len(names) - 1),
		Doc: "the controller that is wrapped, with its defaults",
	}
}

func newInner(p Params, table []Param, rnd *sim.Rand) Controller {
	return newInnerOf(innerSpecs(), p, table, rnd)
}

func newInnerOf(specs []Spec, p Params, table []Param, rnd *sim.Rand) Controller {
	s := specs[int(p.Get(table, "inner"))]
	all, err := Resolve(s.Params, nil)
	if err != nil {
		sim.Bugf("defaults of %s: %v", s.Name, err)
	}
	return s.New(all, rnd)
}
