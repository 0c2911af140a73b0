package mptcp

import (
	"math"
	"testing"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
)

// fixedWindow is a controller whose windows are so many whole segments of each
// subflow, whatever happens.
type fixedWindow struct {
	cc.Controller
	segments, mss []int64
}

func (w *fixedWindow) Window(f cc.FlowID) int64 {
	i := min(int(f), len(w.mss)-1)
	return w.segments[i] * w.mss[i]
}

// The example of RFC 8041 section 3.8: subflows with MSS 1428 and 1420. With windows
// of ten segments and round trips of 100 ms, segments of
//
//   - 1428 bytes leave on the second in 1420 and 8: 5 of them in a round trip,
//     5 * 1428 bytes instead of 10 * 1420;
//   - 1420 bytes cost the first subflow 8 of 1428;
//   - the size that promises more do what the other cannot: where the first subflow
//     carries nearly everything, 1428; where both carry the same, 1420.
//
// row:B19
func TestSegmentSizePolicies(t *testing.T) {
	for _, v := range []struct {
		name    string
		policy  MSSPolicy
		windows []int64    // segments
		want    [2]float64 // bytes in a round trip
	}{
		{"free", SegmentFree, []int64{10, 10}, [2]float64{14280, 14200}},
		{"max", SegmentMax, []int64{10, 10}, [2]float64{14280, 5 * 1428}},
		{"min", SegmentMin, []int64{10, 10}, [2]float64{14200, 14200}},
		{"adaptive, equal", SegmentAdaptive, []int64{10, 10}, [2]float64{14200, 14200}},
		// 400 * 1428 + 1 * 1428 (two round trips a segment) is more than 402 * 1420.
		{"adaptive, unequal", SegmentAdaptive, []int64{400, 2}, [2]float64{400 * 1428, 1428}},
		{"min, unequal", SegmentMin, []int64{400, 2}, [2]float64{400 * 1420, 2 * 1420}},
	} {
		w := newWorld(t, 50*ms, 50*ms)
		w.profile = LinuxOOT()
		w.opt.SendBuffer, w.opt.ReceiveBuffer = 4<<20, 6<<20
		w.opt.MSSPolicy = v.policy
		w.opt.Controller = func(r *sim.Rand) cc.Controller {
			return &fixedWindow{newController("reno")(r), v.windows, []int64{1428, 1420}}
		}
		w.paths[1][0].box = func(s *Segment) []*Segment {
			if s.Flags.Has(wire.SYN) {
				s.Opt.MSS = 1452
			}
			return []*Segment{s}
		}
		srv := &app{toWrite: 1 << 40}
		w.start()
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1
		w.keep = false
		w.flush(w.client)
		w.runTo(sim.Time(2 * sim.Second))
		var got [2]float64
		for i, f := range w.server.ep.Subflows(srv.conn, nil) {
			got[i] -= float64(f.Delivered)
		}
		w.runTo(sim.Time(12 * sim.Second))
		for i, f := range w.server.ep.Subflows(srv.conn, nil) {
			got[i] = (got[i] + float64(f.Delivered)) / 100
			if math.Abs(got[i]-v.want[i]) > 0.02*v.want[i] {
				t.Errorf("%s: subflow %d: %.0f bytes in a round trip, expected %.0f", v.name, i, got[i], v.want[i])
			}
		}
		if cli.bad != 0 {
			t.Errorf("%s: %d bytes are wrong", v.name, cli.bad)
		}
		t.Logf("%s: %.0f", v.name, got)
	}
}
