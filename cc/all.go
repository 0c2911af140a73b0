package cc

import "slices"

// Specs returns the table of controllers that mpsim ships. To add one: write it
// in a file of its own (embed a [Flow] and lift it with [Each] if it does not
// couple subflows), give it a Spec, add a line here and a page in docs/models.
func Specs() []Spec {
	return []Spec{
		renoSpec,
		cubicSpec,
		dctcpSpec,
		vegasSpec,
		bbrSpec,
		liaSpec,
		oliaSpec,
		baliaSpec,
		wvegasSpec,
		ewtcpSpec,
		coupledSpec,
		semicoupledSpec,
		epsilonSpec,
		westwoodSpec,
		mpcubicSpec,
		xmpSpec,
		bloatSpec,
		costSpec,
		sbdSpec,
	}
}

// ruleParams are the parameters behind [Rules].
var ruleParams = []Param{
	{
		Name: "flightsize", Whole: true, Max: 1,
		Doc: "what a loss reduces: 0 the window (Linux), 1 the bytes in flight (RFC 5681, RFC 9438)",
	},
	{
		Name: "pacing", Whole: true, Max: 1,
		Doc: "1: pace at 200 % of window per round-trip time in early slow start, at 120 % later (Linux with fq)",
	},
}

func rulesOf(p Params) Rules {
	return Rules{
		FlightSize: p.Get(ruleParams, "flightsize") == 1,
		Paced:      p.Get(ruleParams, "pacing") == 1,
	}
}

// withRules puts the parameters behind Rules before an algorithm's own.
func withRules(own ...Param) []Param { return slices.Concat(ruleParams, own) }

// renoParams are the parameters of algorithms whose slow start is Reno's.
var renoParams = withRules(Param{
	Name: "hystartpp", Whole: true, Max: 1,
	Doc: "how slow start ends: 0 by a loss (RFC 5681), 1 by HyStart++ before one (RFC 9406)",
})

func renoRules(p Params) Rules {
	r := rulesOf(p)
	r.HystartPP = p.Get(renoParams, "hystartpp") == 1
	return r
}

// withReno puts the parameters of Reno before an algorithm's own.
func withReno(own ...Param) []Param { return slices.Concat(renoParams, own) }
