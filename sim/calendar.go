package sim

import "math/bits"

// calendar holds events in buckets of equal spans of time, so that an event enters
// and leaves it without a comparison (R. Brown, Calendar queues, CACM 31(10), 1988).
// Buckets are emptied in turn and sorted by whoever takes them. Unlike the published
// queue it has no years: what lies behind the last bucket waits in a heap until the
// buckets have come near. The width of a bucket follows the events that it finds,
// the number of buckets the events that it does not find room for.
type calendar struct {
	shift  uint     // log2 of the width of a bucket in ns
	mask   uint64   // number of buckets less one
	next   uint64   // number of the first bucket that has not been emptied, since time 0
	heads  []uint32 // slot of the last event of a bucket, by its number and mask
	used   []uint64 // one bit for each bucket: whether it holds events
	slots  []calendarSlot
	free   uint32
	n      int
	beyond queue // events that lie behind the last bucket

	taken, emptied, late int // since the last look at the shape: events taken, buckets emptied, events put beyond
}

// calendarSlot is one event in a bucket, 32 bytes.
type calendarSlot struct {
	event
	next uint32 // in the bucket, or in the free list; 0: none
}

const (
	minBuckets = 256
	maxBuckets = 1 << 16
	// reviewEvery is the number of buckets after which the shape is looked at, or earlier
	// where they hold very many events.
	reviewEvery = 1024
	// A bucket should hold some events, because finding the next one costs as much as
	// putting a few in order.
	leastInBucket, mostInBucket = 3, 8
	maxShift                    = 40
)

func (c *calendar) len() int { return c.n + c.beyond.len() }

// edge returns the time at which the first bucket begins that has not been emptied;
// Never if time ends before.
func (c *calendar) edge() Time { return Time(min(c.next<<c.shift, uint64(Never))) }

// begin makes an empty calendar begin in or before the bucket of to, with buckets
// of which the time since from, in which 32 events lie, takes some 16. It returns edge.
func (c *calendar) begin(from, to Time) Time {
	c.shift = uint(max(bits.Len64(uint64(to-from))-4, 0))
	if c.heads == nil {
		c.slots = append(c.slots, calendarSlot{})
		c.resize(minBuckets)
	}
	c.next = uint64(to) >> c.shift
	return c.edge()
}

func (c *calendar) resize(buckets int) {
	c.heads = make([]uint32, buckets)
	c.used = make([]uint64, buckets/64)
	c.mask = uint64(buckets - 1)
}

// push adds an event that does not lie before edge.
func (c *calendar) push(e event) {
	b := uint64(e.at) >> c.shift
	if b-c.next > c.mask {
		c.late++
		c.beyond.push(e)
		return
	}
	i := c.free
	if i == 0 {
		i = uint32(len(c.slots))
		c.slots = append(c.slots, calendarSlot{})
	} else {
		c.free = c.slots[i].next
	}
	head := &c.heads[b&c.mask]
	c.slots[i] = calendarSlot{e, *head}
	*head = i
	c.used[b&c.mask>>6] |= 1 << (b & 63)
	c.n++
}

// take empties the first bucket that holds events, of which there is one at least,
// and returns its slots, to be released one by one.
func (c *calendar) take() uint32 {
	if c.emptied >= reviewEvery || c.taken >= mostInBucket*reviewEvery {
		c.review()
	}
	if c.n == 0 {
		c.next = uint64(c.beyond.peek().at) >> c.shift
		c.approach()
	}
	b := c.next + c.distance()
	head := &c.heads[b&c.mask]
	slot := *head
	*head = 0
	c.used[b&c.mask>>6] &^= 1 << (b & 63)
	c.next = b + 1
	c.emptied++
	c.approach()
	return slot
}

// release returns the event of a slot, which is free from now on, and the next slot
// of the bucket.
func (c *calendar) release(i uint32) (event, uint32) {
	s := &c.slots[i]
	next := s.next
	s.next = c.free
	c.free = i
	c.n--
	c.taken++
	return s.event, next
}

// distance returns how many buckets from next on are empty; one is not.
func (c *calendar) distance() uint64 {
	at := c.next & c.mask
	w := at >> 6
	if x := c.used[w] >> (at & 63); x != 0 {
		return uint64(bits.TrailingZeros64(x))
	}
	for i := w + 1; ; i++ {
		if x := c.used[i&(c.mask>>6)]; x != 0 {
			return (i<<6 + uint64(bits.TrailingZeros64(x)) - at) & c.mask
		}
	}
}

// approach moves events into buckets that have come near enough.
func (c *calendar) approach() {
	for len(c.beyond.h) != 0 {
		e := c.beyond.peek()
		if e == nil || uint64(e.at)>>c.shift-c.next > c.mask {
			return
		}
		moved := *e
		c.beyond.pop()
		c.push(moved)
	}
}

// review changes the shape of the calendar if buckets hold many events or few, or if many
// events found no bucket.
func (c *calendar) review() {
	shift, buckets := c.shift, len(c.heads)
	switch {
	case c.late > c.taken/4 && buckets < maxBuckets && c.n > buckets/8:
		buckets *= 2
	case c.late > c.taken/4:
		shift++
	case c.taken > mostInBucket*c.emptied && shift > 0:
		shift -= min(shift, uint(bits.Len(uint(c.taken/c.emptied/mostInBucket))))
	case c.taken < leastInBucket*c.emptied && shift < maxShift:
		shift++
	}
	c.taken, c.emptied, c.late = 0, 0, 0
	if shift != c.shift || buckets != len(c.heads) {
		c.reshape(shift, buckets)
	}
}

// reshape gives the calendar another shape, in which it may begin earlier by less
// than a bucket.
func (c *calendar) reshape(shift uint, buckets int) {
	all := uint32(0) // a list of all slots with an event
	for _, i := range c.heads {
		for i != 0 {
			next := c.slots[i].next
			c.slots[i].next = all
			all, i = i, next
		}
	}
	c.next = c.next << c.shift >> shift
	c.shift = shift
	c.resize(buckets)
	c.n = 0
	for all != 0 {
		s := &c.slots[all]
		e, next := s.event, s.next
		s.next = c.free
		c.free = all
		c.push(e)
		all = next
	}
	c.late = 0
	c.approach()
}
