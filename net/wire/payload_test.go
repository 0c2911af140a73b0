package wire

import (
	"bytes"
	"testing"
)

// Cutting a payload of virtual and literal pieces anywhere gives the bytes of
// that range, and what is one span again needs no pieces.
func TestPieces(t *testing.T) {
	var s Segment
	var o Options
	SetPieces(&s, &o, []Piece{
		{Off: 100, Len: 10}, {Off: 110, Len: 5, Data: []byte("hello")}, {Off: 115, Len: 20}, {Off: 7, Len: 3, Data: []byte("abc")},
	})
	whole := appendPayload(make([]byte, 0, 100), &s, &o, int(s.Len))
	if s.Len != 38 || s.Off != 100 || !o.Has(OptPieces) || string(whole[10:15]) != "hello" {
		t.Fatalf("%d bytes %q", s.Len, whole)
	}
	for from := range len(whole) {
		for to := from + 1; to <= len(whole); to++ {
			var p Segment
			var q Options
			SetPieces(&p, &q, AppendPieces(nil, &s, &o, from, to))
			got := appendPayload(make([]byte, 0, 100), &p, &q, int(p.Len))
			if !bytes.Equal(got, whole[from:to]) {
				t.Fatalf("[%d, %d) is %q, want %q", from, to, got, whole[from:to])
			}
			if virtual := to <= 10 || from >= 15 && to <= 35; virtual == q.Has(OptPieces) {
				t.Errorf("[%d, %d): pieces %v", from, to, q.Pieces)
			}
		}
	}
	a := AppendPieces(nil, &Segment{Off: 5, Len: 10}, nil, 0, 10)
	if a = AppendPieces(a, &Segment{Off: 15, Len: 10}, nil, 0, 10); len(a) != 1 || a[0].Len != 20 {
		t.Errorf("spans that continue each other are %v", a)
	}
}
