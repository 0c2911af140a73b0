package trace

// The chains fold kinds and reasons by hashes of their names, so that a new entry
// in a table changes no hash of a run in which it does not occur.

var (
	kindKeys   = keysOf(numKinds, Kind.String)
	reasonKeys = keysOf(numReasons, Reason.String)
)

func keysOf[T ~uint16](n T, name func(T) string) []uint32 {
	keys := make([]uint32, n)
	for i := range n {
		keys[i] = Key(name(i))
	}
	return keys
}

// Key returns the hash of a name by which chains fold it (FNV-1a, 32 bits).
func Key(name string) uint32 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h
}

// Key returns what chains fold for the kind.
func (k Kind) Key() uint32 { return kindKeys[k] }

// Key returns what chains fold for the reason.
func (r Reason) Key() uint32 { return reasonKeys[r] }
