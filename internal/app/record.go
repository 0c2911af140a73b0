package app

import (
	"io"

	"mpsim/net/wire"
	"mpsim/sim"
)

// BinWidth is the width of the bins in which a Record counts bytes.
const BinWidth = 10 * sim.Millisecond

// GapFloor is the shortest pause between deliveries that a Record lists.
const GapFloor = 50 * sim.Millisecond

// Gap is a pause in which the application received nothing: from the delivery
// before it to the delivery that ended it.
type Gap struct {
	Start, End sim.Time
}

// Length returns how long the gap lasted.
func (g Gap) Length() sim.Duration { return g.End.Sub(g.Start) }

// Record is what a receiving application knows of its stream. Times are exact;
// Bins[i] counts the bytes delivered in [i, i+1) x BinWidth.
type Record struct {
	// What each delivery needs is 64 bytes.
	next  uint64
	Bytes int64    // delivered, right or wrong
	First sim.Time // first delivery; Never: none yet
	Last  sim.Time // latest delivery; Never: none yet
	Bins  []int64
	// Content, if it is not nil, has every byte that is delivered written to it.
	Content io.Writer

	Corrupt int64    // of Bytes, those that are not the ones of their place
	Begin   sim.Time // when the flow started; Never: not yet
	Done    sim.Time // complete: all data received and the stream closed; Never: not yet
	Gaps    []Gap    // pauses longer than GapFloor, also from Begin to First
	literal []byte   // being compared
}

// NewRecord returns an empty record of a run of the given length, with room for
// its bins.
func NewRecord(length sim.Duration) *Record {
	r := &Record{Begin: sim.Never, First: sim.Never, Last: sim.Never, Done: sim.Never}
	const most = 1 << 20 // longer runs grow the slice as they go
	r.Bins = make([]int64, 0, min(length/BinWidth+1, most))
	r.Gaps = make([]Gap, 0, 16)
	return r
}

// Start notes when the flow started.
func (r *Record) Start(now sim.Time) {
	if r.Begin == sim.Never {
		r.Begin = now
	}
}

// Restart says that what follows is another stream, from its beginning.
func (r *Record) Restart() { r.next = 0 }

// Deliver notes n bytes of the stream, whose true offset is off. Bytes whose
// true offset is not their place in the stream are corrupt.
func (r *Record) Deliver(now sim.Time, off uint64, n int64) {
	if off != r.next {
		r.Corrupt += n
	}
	r.next += uint64(n)
	r.count(now, n)
	if r.Content != nil {
		r.writeContent(off, n)
	}
}

// writeContent writes the bytes that an offset stands for.
func (r *Record) writeContent(off uint64, n int64) {
	var b [4096]byte
	for n > 0 {
		k := min(n, int64(len(b)))
		wire.FillContent(b[:k], off)
		r.Content.Write(b[:k])
		off, n = off+uint64(k), n-k
	}
}

// DeliverBytes notes literal bytes of the stream: those that are not the content
// of their place are corrupt. The slice is not kept.
func (r *Record) DeliverBytes(now sim.Time, b []byte) {
	at := r.next
	r.next += uint64(len(b))
	r.count(now, int64(len(b)))
	if r.Content != nil {
		r.Content.Write(b)
	}
	for {
		k := wire.ContentEqual(b, at)
		if k == len(b) {
			return
		}
		r.Corrupt++
		b, at = b[k+1:], at+uint64(k)+1
	}
}

// count notes n bytes without a place in a stream.
func (r *Record) count(now sim.Time, n int64) {
	if r.First == sim.Never {
		r.First = now
	}
	if since := r.lastOrBegin(); since != sim.Never && now.Sub(since) > GapFloor {
		r.Gaps = append(r.Gaps, Gap{since, now})
	}
	r.Last = now
	r.Bytes += n
	bin := int(sim.Duration(now) / BinWidth)
	for bin >= len(r.Bins) {
		r.Bins = append(r.Bins, 0)
	}
	r.Bins[bin] += n
}

func (r *Record) lastOrBegin() sim.Time {
	if r.Last != sim.Never {
		return r.Last
	}
	return r.Begin
}

// Finish notes that the stream is complete.
func (r *Record) Finish(now sim.Time) {
	if r.Done == sim.Never {
		r.Done = now
	}
}

// BytesIn returns the bytes delivered in [from, to), to the precision of bins:
// a bin that is cut counts in proportion.
func (r *Record) BytesIn(from, to sim.Time) float64 { return BinsIn(r.Bins, from, to) }

// BinsIn adds up bins over [from, to); a bin that is cut counts in proportion.
func BinsIn(bins []int64, from, to sim.Time) float64 {
	sum := 0.0
	if from < 0 {
		from = 0
	}
	for i := int(sim.Duration(from) / BinWidth); i < len(bins); i++ {
		start := sim.Time(i) * sim.Time(BinWidth)
		if start >= to {
			break
		}
		overlap := min(to, start.Add(BinWidth)) - max(from, start)
		sum += float64(float64(bins[i]) * (float64(overlap) / float64(BinWidth)))
	}
	return sum
}

// GapsAt returns the gaps up to a moment, with the one that is open then.
func (r *Record) GapsAt(now sim.Time) []Gap {
	since := r.lastOrBegin()
	if since == sim.Never || r.Done != sim.Never || now.Sub(since) <= GapFloor {
		return r.Gaps
	}
	return append(r.Gaps[:len(r.Gaps):len(r.Gaps)], Gap{since, now})
}
