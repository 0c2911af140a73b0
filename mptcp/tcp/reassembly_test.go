package tcp

import "testing"

// TestReassemblyStaysSmall: a stream that always has a hole ahead never empties
// the queue; what was consumed must not pile up in front of what lives.
func TestReassemblyStaysSmall(t *testing.T) {
	const mss = 100
	var q reassembly
	nxt := int64(0)
	q.insert(mss, 2*mss, mss)
	for k := int64(1); k < 20_000; k++ {
		p := (2*k + 1) * mss
		q.insert(p, p+mss, uint64(p)) // behind a new hole
		nxt += mss                    // the oldest hole is filled
		for {
			s, ok := q.pop(nxt)
			if !ok {
				break
			}
			if s.pos != nxt || s.off != uint64(nxt) {
				t.Fatalf("span %+v at %d", s, nxt)
			}
			nxt = s.end
		}
		q.trim(nxt)
	}
	if nxt != 39_998*mss {
		t.Errorf("delivered up to %d", nxt)
	}
	if cap(q.spans) > 1000 || cap(q.islands) > 1000 {
		t.Errorf("room for %d spans and %d islands; one of each lives", cap(q.spans), cap(q.islands))
	}
}
