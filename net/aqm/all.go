package aqm

// Specs returns the table of disciplines that mpsim ships. To add one: write it in
// a file of its own, give it a Spec, add a line here and a section in
// docs/models/queues.md.
func Specs() []Spec {
	return []Spec{
		dropTailSpec,
		dropHeadSpec,
		randomSpec,
		drrSpec,
		redSpec,
		aredSpec,
		codelSpec,
		fqCodelSpec,
		pieSpec,
		prioSpec,
		tbfSpec,
		policerSpec,
	}
}
