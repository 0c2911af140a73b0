package wire

// Slice returns the part [from, to) of the piece.
func (p Piece) Slice(from, to int) Piece {
	q := Piece{Off: p.Off + uint64(from), Len: uint32(to - from)}
	if p.Data != nil {
		q.Data = p.Data[from:to:to]
	}
	return q
}

// AppendPieces appends the pieces of the payload octets [from, to) of a packet
// to dst; o may be nil. Data is shared. Pieces that continue each other as
// virtual content become one.
func AppendPieces(dst []Piece, s *Segment, o *Options, from, to int) []Piece {
	if !o.Has(OptPieces) {
		if from < to {
			dst = joinPiece(dst, Piece{Off: s.Off + uint64(from), Len: uint32(to - from)})
		}
		return dst
	}
	at := 0
	for i := range o.Pieces {
		p := o.Pieces[i]
		if a, b := max(from-at, 0), min(to-at, int(p.Len)); a < b {
			dst = joinPiece(dst, p.Slice(a, b))
		}
		at += int(p.Len)
	}
	return dst
}

func joinPiece(dst []Piece, p Piece) []Piece {
	if n := len(dst); n > 0 && p.Data == nil {
		if q := &dst[n-1]; q.Data == nil && q.Off+uint64(q.Len) == p.Off {
			q.Len += p.Len
			return dst
		}
	}
	return append(dst, p)
}

// OnlySpan reports whether the pieces are one span of virtual content, or
// nothing, so that they need no cold record.
func OnlySpan(pieces []Piece) bool {
	return len(pieces) == 0 || len(pieces) == 1 && pieces[0].Data == nil
}

// SetPieces makes pieces the payload of a packet. o may be nil if [OnlySpan].
// The pieces are copied, their Data is shared.
func SetPieces(s *Segment, o *Options, pieces []Piece) {
	n := 0
	for i := range pieces {
		n += int(pieces[i].Len)
	}
	s.Len = uint16(n)
	if n > 0 {
		s.Off = pieces[0].Off
	}
	if o == nil {
		return
	}
	o.Present &^= OptPieces
	clear(o.Pieces)
	o.Pieces = o.Pieces[:0]
	if !OnlySpan(pieces) {
		o.Present |= OptPieces
		o.Pieces = append(o.Pieces, pieces...)
	}
}
