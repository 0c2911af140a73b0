package trace

import "testing"

// TestKeys: no two kinds and no two reasons have the same key, which are FNV-1a
// (the vector is from its authors).
func TestKeys(t *testing.T) {
	if k := Key("foobar"); k != 0xbf9cf968 {
		t.Errorf("key of foobar %#x", k)
	}
	kinds, reasons := map[uint32]Kind{}, map[uint32]Reason{}
	for k := range numKinds {
		if other, ok := kinds[k.Key()]; ok {
			t.Errorf("%v and %v have one key", k, other)
		}
		kinds[k.Key()] = k
	}
	for r := range numReasons {
		if other, ok := reasons[r.Key()]; ok {
			t.Errorf("%v and %v have one key", r, other)
		}
		reasons[r.Key()] = r
	}
}
