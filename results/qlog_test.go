package results

import "testing"

// Every kind of record has a namespace, and nothing else has.
func TestQlogNamespaces(t *testing.T) {
	names := KindNames()
	for _, k := range names {
		if qlogNamespaces[k] == "" {
			t.Errorf("kind %s has no namespace", k)
		}
	}
	if len(qlogNamespaces) != len(names) {
		t.Errorf("%d namespaces, %d kinds", len(qlogNamespaces), len(names))
	}
}
