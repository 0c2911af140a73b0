package floor

// event is a pointer-free value; the order is (at, seq).
type event struct {
	at   int64
	seq  uint64
	obj  uint32
	kind uint32
}

// Kinds of events.
const (
	evTx    = iota // a link has sent the packet at the head of its queue
	evRx           // a packet arrives at the far end
	evRetry        // a packet enters at its sender
)

func less(a, b *event) bool { return a.at < b.at || (a.at == b.at && a.seq < b.seq) }

type heap []event

func (q *heap) push(e event) {
	*q = append(*q, e)
	h := *q
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) >> 1
		if !less(&e, &h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
}

func (q *heap) pop() event {
	h := *q
	r := h[0]
	n := len(h) - 1
	e := h[n]
	h = h[:n]
	*q = h
	if n == 0 {
		return r
	}
	i := 0
	for {
		c := i<<1 + 1
		if c >= n {
			break
		}
		if c+1 < n && less(&h[c+1], &h[c]) {
			c++
		}
		if !less(&h[c], &e) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = e
	return r
}

// lane holds events that all have the same delay and therefore arrive sorted.
type lane struct {
	b          []event
	head, tail uint32
}

const (
	laneCap = 1 << 16
	noLane  = 4
	ring    = 128
	prop    = 1000 // propagation delay of every link, ns
)

type packet struct {
	flow, hop, size uint32
	ack             bool
	seq             uint64
	_               [40]byte // room for a typed TCP and DSS header
}

type link struct {
	busy   int64
	q      []uint32 // packet ids
	qh, qt uint32
	flight []uint32
	ih, it uint32
	_, _   int // the size of the original's line
}

type flow struct {
	fwd, rev  []uint32
	sent, got uint64
}

type state struct {
	now     int64
	seq     uint64
	h       heap
	lanes   [noLane]lane
	links   []link
	packets []packet
	flows   []flow
	ser     [2]int64 // ns to serialise a data packet, an ACK
	qlim    int
	hosts   int
	events  uint64
	hops    uint64
	drops   uint64
	data    uint64
	end     int64
	mode    Mode
}

func (s *state) at(l int, t int64, kind, obj uint32) {
	s.seq++
	e := event{t, s.seq, obj, kind}
	if s.mode == Lanes && l < noLane {
		ln := &s.lanes[l]
		ln.b[ln.tail&(laneCap-1)] = e
		ln.tail++
		return
	}
	s.h.push(e)
}

// class is 1 for an ACK, 0 for data: the index of ser and of the lane.
func (p *packet) class() int {
	if p.ack {
		return 1
	}
	return 0
}

func (s *state) enqueue(id uint32) {
	p := &s.packets[id]
	f := &s.flows[p.flow]
	var l uint32
	if p.ack {
		l = f.rev[p.hop]
	} else {
		l = f.fwd[p.hop]
	}
	k := &s.links[l]
	class := p.class()
	if s.mode == Heap1Ev {
		if int(k.qt-k.qh) >= s.qlim && k.busy-s.now >= int64(s.qlim)*s.ser[0] {
			s.drop(id)
			return
		}
		k.busy = max(s.now, k.busy) + s.ser[class]
		idle := k.qh == k.qt
		t := k.busy + prop
		k.q[k.qt&(ring-1)] = id
		k.flight[k.qt&(ring-1)] = uint32(t) // the low half says enough
		k.qt++
		if idle {
			s.at(noLane, t, evRx, l)
		}
		return
	}
	if k.qt-k.qh >= uint32(s.qlim) {
		s.drop(id)
		return
	}
	idle := k.qh == k.qt
	k.q[k.qt&(ring-1)] = id
	k.qt++
	if idle {
		s.at(class, s.now+s.ser[class], evTx, l)
	}
}

func (s *state) drop(id uint32) {
	s.drops++
	s.at(noLane, s.now+1_000_000, evRetry, id)
}

// arrive ends a hop: forward, or turn at the receiver or the sender.
func (s *state) arrive(id uint32) {
	s.hops++
	p := &s.packets[id]
	f := &s.flows[p.flow]
	p.hop++
	if !p.ack && int(p.hop) == len(f.fwd) {
		s.data++
		f.got++
		p.ack, p.hop = true, 0
	} else if p.ack && int(p.hop) == len(f.rev) {
		f.sent++
		p.seq = f.sent
		p.ack, p.hop = false, 0
	}
	s.enqueue(id)
}

// next takes the first event of the heap and the lanes.
func (s *state) next() event {
	if s.mode != Lanes {
		return s.h.pop()
	}
	var e event
	best := -1
	for i := range s.lanes {
		ln := &s.lanes[i]
		if ln.head != ln.tail {
			x := &ln.b[ln.head&(laneCap-1)]
			if best < 0 || less(x, &e) {
				e, best = *x, i
			}
		}
	}
	if len(s.h) > 0 && (best < 0 || less(&s.h[0], &e)) {
		return s.h.pop()
	}
	s.lanes[best].head++
	return e
}

func (s *state) run() {
	for {
		e := s.next()
		if e.at > s.end {
			return
		}
		s.now = e.at
		s.events++
		switch e.kind {
		case evTx:
			s.transmitted(e.obj)
		case evRx:
			if s.mode == Heap1Ev {
				s.received1(e.obj)
				continue
			}
			k := &s.links[e.obj]
			id := k.flight[k.ih&(ring-1)]
			k.ih++
			s.arrive(id)
		case evRetry:
			p := &s.packets[e.obj]
			p.hop, p.ack = 0, false
			s.enqueue(e.obj)
		}
	}
}

// transmitted moves the head of a queue into flight and serves the next packet.
func (s *state) transmitted(l uint32) {
	k := &s.links[l]
	id := k.q[k.qh&(ring-1)]
	k.qh++
	k.flight[k.it&(ring-1)] = id
	k.it++
	s.at(2, s.now+prop, evRx, l)
	if k.qh != k.qt {
		class := s.packets[k.q[k.qh&(ring-1)]].class()
		s.at(class, s.now+s.ser[class], evTx, l)
	}
}

// received1 is the arrival of mode heap1ev: it re-arms the link's one event for
// the next packet, which follows back to back or at its own stored time.
func (s *state) received1(l uint32) {
	k := &s.links[l]
	id := k.q[k.qh&(ring-1)]
	k.qh++
	if k.qh != k.qt {
		t := s.now + s.ser[s.packets[k.q[k.qh&(ring-1)]].class()]
		d := int64(k.flight[k.qh&(ring-1)]) - int64(uint32(s.now))
		if d < -(1 << 31) {
			d += 1 << 32
		}
		if d > 0 {
			t = s.now + d
		}
		s.at(noLane, t, evRx, l)
	}
	s.arrive(id)
}
