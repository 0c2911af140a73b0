// Package scenarios is what a user writes and runs: the schema of scenario
// files, their loader, the builder that makes a simulated world of one, the
// expectations, and the library of scenarios by family.
//
//	sc, err := scenarios.Load("handover/constant.toml", scenarios.Options{})
//	w, err := scenarios.Build(sc, scenarios.Run{Seed: sc.Seed})
//	stop, err := w.Run(sc.Duration.Time(), 0, nil)
//	for _, e := range w.Expect() { ... }
//
// Loading is done in steps, each on values that know their places in the files:
// the TOML text becomes a tree; `extends` and `include` lay trees over each other; `paths`
// and `repeat` are expanded; `--set` overrides; the tree is decoded into the
// structs of schema.go, whose tags are also the reference in docs/SCENARIOS.md;
// the checker completes defaults and plans addresses and routes. Every problem is
// collected with its file, line and column, and all are reported at once.
package scenarios
