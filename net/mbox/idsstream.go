package mbox

import (
	"bytes"
	"errors"
	"slices"

	simnet "mpsim/net"
	"mpsim/net/wire"
)

// maxSignature bounds what an intrusion detector looks for, maxRuns the parts of a
// stream, with holes between, that it keeps apart: what would be one more is not read.
const (
	maxSignature = 256
	maxRuns      = 1024
)

var errSignature = errors.New("signature has more than 256 octets")

// stream is what an intrusion detector has of one direction of a connection.
type stream struct {
	known   bool     // where it begins
	base    wire.DSN // data sequence number of its first octet
	started bool     // base is that of the first octet seen
	seen    int64    // octets, each counted once
	found   int      // signatures
	runs    []run    // by position, with holes between
	routes  []simnet.RouteID
}

// run is a part of a stream without holes. Of its octets only those at its ends are
// kept, with which a signature may go on beyond.
type run struct {
	from, to   int64
	head, tail []byte
}

// workspace is what an intrusion detector uses for all of its streams, so that it
// allocates nothing once they are there.
type workspace struct {
	text  []byte
	spare []run // whose buffers are free
}

// fresh returns an empty run at a position.
func (w *workspace) fresh(at int64) run {
	r := run{from: at, to: at}
	if n := len(w.spare); n > 0 {
		r.head, r.tail = w.spare[n-1].head[:0], w.spare[n-1].tail[:0]
		w.spare = w.spare[:n-1]
	}
	return r
}

// tag notes that a stream came by a route.
func (x *stream) tag(r simnet.RouteID) {
	if n := len(x.routes); n > 0 && x.routes[n-1] == r {
		return
	}
	if !slices.Contains(x.routes, r) {
		x.routes = append(x.routes, r)
	}
}

// position returns where in the stream a data sequence number lies, of which maybe only
// 32 bits are there.
func (x *stream) position(d wire.DSN, whole bool) int64 {
	if !x.known && !x.started {
		x.started, x.base = true, d // the first one seen; what comes before it is negative
	}
	if whole {
		return int64(d - x.base)
	}
	near := int64(0)
	if n := len(x.runs); n > 0 {
		near = x.runs[n-1].to
	}
	return near + int64(int32(uint32(d)-uint32(x.base)-uint32(near)))
}

// inOrder returns how many octets from the beginning on have been seen.
func (x *stream) inOrder() int64 {
	if x.known && len(x.runs) > 0 && x.runs[0].from == 0 {
		return x.runs[0].to
	}
	return 0
}

// put adds octets at a position and returns how many signatures they complete.
func (x *stream) put(at int64, b, signature []byte, w *workspace) (found int) {
	for i := 0; i < len(x.runs) && len(b) > 0; i++ {
		r := &x.runs[i]
		if at >= r.to {
			continue
		}
		if at < r.from { // what lies before this run
			n := min(int64(len(b)), r.from-at)
			before := len(x.runs)
			found += x.add(i, at, b[:n], signature, w)
			at, b = at+n, b[n:]
			i += len(x.runs) - before // what was added may have become one with its neighbours
			if len(b) == 0 {
				return found
			}
			r = &x.runs[i]
		}
		if at < r.to { // what is known already
			n := min(int64(len(b)), r.to-at)
			at, b = at+n, b[n:]
		}
	}
	if len(b) > 0 {
		found += x.add(len(x.runs), at, b, signature, w)
	}
	return found
}

// add puts new octets before run i and joins what touches.
func (x *stream) add(i int, at int64, b, signature []byte, w *workspace) (found int) {
	end := at + int64(len(b))
	keep := max(len(signature)-1, 0)
	text := w.text[:0]
	left := i > 0 && x.runs[i-1].to == at
	right := i < len(x.runs) && x.runs[i].from == end
	if !left && !right && len(x.runs) >= maxRuns {
		return 0
	}
	x.seen += int64(len(b))
	if left {
		text = append(text, x.runs[i-1].tail...)
	}
	text = append(text, b...)
	if right {
		text = append(text, x.runs[i].head...)
	}
	w.text = text
	for rest := text; len(signature) > 0; found++ {
		k := bytes.Index(rest, signature)
		if k < 0 {
			break
		}
		rest = rest[k+1:]
	}
	x.found += found
	if !left {
		x.runs = slices.Insert(x.runs, i, w.fresh(at))
		i++
	}
	r := &x.runs[i-1]
	if r.to-r.from < int64(keep) {
		r.head = append(r.head[:0], text[:min(keep, len(text))]...)
	}
	r.tail = append(r.tail[:0], text[max(len(text)-keep, 0):]...)
	r.to = end
	if right {
		q := &x.runs[i]
		r.to = q.to
		if q.to-q.from >= int64(keep) {
			r.tail = append(r.tail[:0], q.tail...)
		}
		w.spare = append(w.spare, *q)
		x.runs = slices.Delete(x.runs, i, i+1)
	}
	return found
}

// Inspection is what an intrusion detector has seen of one direction of a connection,
// or of several together.
type Inspection struct {
	Streams int   // directions that it takes for a stream of their own
	Seen    int64 // octets, each counted once
	InOrder int64 // octets without a hole before them
	Holes   int   // gaps in what was seen
	Found   int   // signatures
}

// Inspected returns what the box has seen of the streams to which a route belongs that
// pick accepts.
func (b *ids) Inspected(pick func(simnet.RouteID) bool) (sum Inspection) {
	for i := range b.streams {
		x := &b.streams[i]
		if x.seen == 0 || !slices.ContainsFunc(x.routes, pick) {
			continue
		}
		sum.Streams++
		sum.Seen += x.seen
		sum.InOrder += x.inOrder()
		sum.Found += x.found
		sum.Holes += len(x.runs) - 1
		if x.runs[0].from != 0 {
			sum.Holes++
		}
	}
	return sum
}
