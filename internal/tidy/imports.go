package tidy

import (
	"fmt"
	"strconv"
	"strings"
)

const module = "mpsim"

// ranks is the table of layers of DESIGN.md section 1, times ten; the last digit
// orders the packages within a layer where one needs the other. A package
// imports only packages of a lower rank. A package that is not here does not
// belong to the house.
var ranks = map[string]int{
	"sim": 0, "sim/trace": 1, "net/wire": 1, "sim/par": 2,
	"net": 10, "cc": 10, "sched": 11,
	"net/aqm": 20, "net/mbox": 20, "net/nat": 21, "net/radio": 20, "net/topo": 20,
	"mptcp/tcp": 20,
	"mptcp":     30,
	"mptcp/pm":  40,

	"internal/host": 50, "internal/app": 51, "internal/proxy": 51,

	"internal/boxtest": 60, "internal/script": 60, "internal/version": 60, "internal/floor": 60, "internal/tshark": 60,
	"results": 61, "scenarios": 62,
	"scenarios/lab": 63, "internal/packetdrill": 63, "internal/live": 64,
	"results/plot": 70, "results/report": 71, "internal/execute": 72, "internal/cccheck": 72, "internal/mbtest": 72, "internal/tracebox": 72, "internal/pareto": 72, "internal/bench": 73, "scenarios/sweep": 73,
	"internal/explain": 73,
	"cmd/mpsim/cli":    80, "cmd/mpsim": 81,
	"internal/tidy": 90, "internal/conformance": 90,
}

// rank returns the rank of a folder. Examples may import everything.
func rank(pkg string) (int, bool) {
	if strings.HasPrefix(pkg, "docs/examples") {
		return 95, true
	}
	r, ok := ranks[pkg]
	return r, ok
}

// core reports whether a folder lies in layers 0 to 5, where runs are pure.
func core(pkg string) bool {
	r, ok := rank(pkg)
	return ok && r < 60
}

// endpoint reports whether a folder is behind the load-bearing wall: it may not
// know the simulated network.
func endpoint(pkg string) bool {
	return pkg == "cc" || pkg == "sched" || pkg == "mptcp" || strings.HasPrefix(pkg, "mptcp/")
}

// thirdParty reports whether an import path names a module by its site.
func thirdParty(p string) bool { return strings.Contains(strings.Split(p, "/")[0], ".") }

// imports checks the import law. Tests may import what they like, but nobody
// may import the network under a name that reads like the standard library's.
func imports(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Files {
		own, known := rank(f.Pkg)
		if !known && f.Pkg != "." {
			out = append(out, Violation{File: f.Path, Rule: "layers", Message: fmt.Sprintf("package %s is not in the table of layers", f.Pkg)})
		}
		for _, spec := range f.AST.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			add := func(rule, format string, args ...any) {
				out = append(out, Violation{f.Path, t.line(spec.Pos()), rule, fmt.Sprintf(format, args...)})
			}
			if p == module+"/net" && (spec.Name == nil || spec.Name.Name != "simnet") {
				add("alias", `%s is imported as simnet "%s"`, p, p)
			}
			if f.Test || !known {
				continue
			}
			target, inside := strings.CutPrefix(p, module+"/")
			switch r, ok := rank(target); {
			case !inside:
				if core(f.Pkg) && thirdParty(p) {
					add("imports", "%s: layers 0 to 5 import the standard library only", p)
				}
			case !ok || r >= own:
				add("imports", "%s may not import %s: it is not in a lower layer", f.Pkg, target)
			case endpoint(f.Pkg) && !endpoint(target) && r >= 10:
				add("imports", "%s may not import %s: endpoints do not know the network", f.Pkg, target)
			}
		}
	}
	return out
}
