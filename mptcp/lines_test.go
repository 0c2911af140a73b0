package mptcp

import (
	"testing"
	"unsafe"
)

// The fields that segments touch share lines of 64 bytes, of which the first begins 8 bytes
// before the object, with the header of the allocator: docs/PERFORMANCE.md lists them.
func TestLinesOfSegments(t *testing.T) {
	line := func(offset uintptr) uintptr { return (offset + 8) / 64 }
	type field struct {
		name        string
		at, size    uintptr
		first, last uintptr // lines in which it has to lie
	}
	var (
		e Endpoint
		f flow
		s subflow
		c connection
		k socket
	)
	for _, v := range []field{
		{"Endpoint.flows.slots", unsafe.Offsetof(e.flows), unsafe.Sizeof(e.flows.slots), 0, 0},
		{"Endpoint.ready", unsafe.Offsetof(e.ready), unsafe.Sizeof(e.ready), 0, 0},
		{"Endpoint.trace", unsafe.Offsetof(e.trace), unsafe.Sizeof(e.trace), 0, 0},
		{"Endpoint.events.count", unsafe.Offsetof(e.events) + unsafe.Offsetof(e.events.head), 8, 1, 1},
		{"Endpoint.witness", unsafe.Offsetof(e.witness), unsafe.Sizeof(e.witness), 1, 1},
		{"Endpoint.odd", unsafe.Offsetof(e.odd), unsafe.Sizeof(e.odd), 1, 1},
		{"Endpoint.timers.first", unsafe.Offsetof(e.timers), unsafe.Sizeof(e.timers.first), 1, 1},

		{"flow.tunes", 0, unsafe.Offsetof(f.tunes) + unsafe.Sizeof(f.tunes), 0, 0},

		{"subflow.raw.on", 0, unsafe.Offsetof(s.raw) + unsafe.Offsetof(s.raw.rx), 0, 0},
		{"subflow.raw.rx", unsafe.Offsetof(s.raw) + unsafe.Offsetof(s.raw.rx), 8, 1, 1},
		{"subflow.urgentPos", unsafe.Offsetof(s.urgentPos), unsafe.Sizeof(s.urgentPos), 1, 1},
		{"subflow.rx", unsafe.Offsetof(s.rx), unsafe.Sizeof(s.rx), 1, 1},
		{"subflow.held.bytes", unsafe.Offsetof(s.held), 8, 1, 1},
		{"subflow.tx", unsafe.Offsetof(s.tx), unsafe.Sizeof(s.tx), 2, 2},
		{"subflow.sendPos", unsafe.Offsetof(s.sendPos), unsafe.Sizeof(s.sendPos), 2, 2},
		{"subflow.sending", unsafe.Offsetof(s.sending), unsafe.Sizeof(s.sending), 3, 3},
		{"subflow.line", unsafe.Offsetof(s.line), unsafe.Sizeof(s.line), 3, 3},

		{"connection.retrans.interval", unsafe.Offsetof(c.retrans) + unsafe.Offsetof(c.retrans.interval), 24, 1, 1},
		{"connection.sched", unsafe.Offsetof(c.sched), unsafe.Sizeof(c.sched), 1, 1},
		{"connection.stats.granted", unsafe.Offsetof(c.stats), 24, 1, 1},
		{"connection.subs", unsafe.Offsetof(c.subs), unsafe.Sizeof(c.subs), 3, 3},
		{"connection.rows", unsafe.Offsetof(c.rows), unsafe.Sizeof(c.rows), 4, 5},
		{"connection.send.copies", unsafe.Offsetof(c.send), unsafe.Offsetof(c.send.copies), 5, 7},
		{"connection.send.end", unsafe.Offsetof(c.send) + unsafe.Offsetof(c.send.una), 24, 7, 7},
		{"connection.busy", unsafe.Offsetof(c.busy), unsafe.Offsetof(c.e) - unsafe.Offsetof(c.busy), 8, 8},
		{"connection.e", unsafe.Offsetof(c.e), unsafe.Sizeof(c.e), 8, 8},
		{"connection.peer", unsafe.Offsetof(c.acked), 16, 8, 8},
		{"connection.local.idsn", unsafe.Offsetof(c.local) + unsafe.Offsetof(c.local.idsn), 8, 9, 9},
		{"connection.remote", unsafe.Offsetof(c.remote), unsafe.Sizeof(c.remote), 9, 9},
		{"connection.sentAck", unsafe.Offsetof(c.sentAck), unsafe.Sizeof(c.sentAck), 9, 9},
		{"connection.wnd.closed", unsafe.Offsetof(c.wnd) + unsafe.Offsetof(c.wnd.closed), unsafe.Sizeof(c.wnd) - 8, 9, 10},
		{"connection.recv.next", unsafe.Offsetof(c.recv), unsafe.Offsetof(c.recv.head), 10, 10},
		{"connection.recv.head", unsafe.Offsetof(c.recv) + unsafe.Offsetof(c.recv.head), 24, 10, 11},
		{"connection.recv.ready", unsafe.Offsetof(c.recv) + unsafe.Offsetof(c.recv.ready), unsafe.Sizeof(c.recv.ready), 11, 11},

		{"socket.readBytes", 0, unsafe.Offsetof(k.readBytes) + 8, 0, 0},
	} {
		if a, b := line(v.at), line(v.at+v.size-1); a < v.first || b > v.last {
			t.Errorf("%s lies in lines %d to %d, not in %d to %d", v.name, a, b, v.first, v.last)
		}
	}
	// Of the allocator's classes these are multiples of 64 bytes.
	for _, n := range []uintptr{unsafe.Sizeof(s) + 8, unsafe.Sizeof(c) + 8} {
		if n <= 512 || n > 2048 || n > 704 && n <= 1792 {
			t.Errorf("an object of %d bytes with its header", n)
		}
	}
}
