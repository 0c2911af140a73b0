package simnet_test

import (
	"testing"
	"unsafe"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

func TestSegmentIsOneLine(t *testing.T) {
	if n := unsafe.Sizeof(wire.Segment{}); n != 64 {
		t.Errorf("a hot line has %d octets", n)
	}
}

// What a discipline sees of its link is two lines, so that it begins where a line does.
func TestPortIsTwoLines(t *testing.T) {
	if n := unsafe.Sizeof(simnet.Port{}); n != 128 {
		t.Errorf("a port has %d octets", n)
	}
}

// Pointers stay valid while other packets are allocated; numbers are reused.
func TestPool(t *testing.T) {
	n := simnet.New(sim.New(1, 0), new(trace.Run))
	first := n.Alloc()
	seg, opt := n.Segment(first), n.AddOptions(first)
	seg.Seq, opt.MSS = 42, 1460
	var ids []simnet.PacketID
	for range 5000 {
		id := n.Alloc()
		n.AddOptions(id)
		ids = append(ids, id)
	}
	if n.Segment(first) != seg || n.Options(first) != opt || seg.Seq != 42 || opt.MSS != 1460 {
		t.Error("a packet moved")
	}
	if n.Allocated() != 5001 {
		t.Errorf("%d packets allocated", n.Allocated())
	}
	for _, id := range ids {
		n.Free(id)
	}
	if n.Allocated() != 1 {
		t.Errorf("%d packets allocated after freeing", n.Allocated())
	}
	again := n.Alloc()
	if again != ids[len(ids)-1] || *n.Segment(again) != (wire.Segment{}) || n.Options(again) != nil {
		t.Error("a packet is not reused, or not empty")
	}
	if n.AddOptions(again).Present != 0 {
		t.Error("a cold record is not empty")
	}
}

func TestClone(t *testing.T) {
	n := simnet.New(sim.New(1, 0), new(trace.Run))
	id := n.Alloc()
	n.Segment(id).Seq = 7
	o := n.AddOptions(id)
	o.Present, o.MSS = wire.OptMSS|wire.OptPieces, 1000
	o.Pieces = append(o.Pieces, wire.Piece{Len: 3, Data: []byte("abc")})
	c := n.Clone(id)
	o.MSS = 1
	o.Pieces[0].Len = 9
	n.Free(id)
	if got := n.Options(c); n.Segment(c).Seq != 7 || got.MSS != 1000 || got.Pieces[0].Len != 3 {
		t.Errorf("clone has %+v", got)
	}
}

func TestDoubleFree(t *testing.T) {
	n := simnet.New(sim.New(1, 0), new(trace.Run))
	id := n.Alloc()
	n.Free(id)
	defer func() {
		if _, ok := recover().(*sim.Bug); !ok {
			t.Error("freeing twice is no bug")
		}
	}()
	n.Free(id)
}
