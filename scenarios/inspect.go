package scenarios

import (
	"math"

	simnet "mpsim/net"
	"mpsim/net/mbox"
)

// sights are what an intrusion detector reports of the data of a flow.
var sights = []struct {
	name string
	of   func(i *mbox.Inspection, bytes float64) float64
}{
	{"seen", func(i *mbox.Inspection, bytes float64) float64 { return float64(i.Seen) / bytes }},
	{"in_order", func(i *mbox.Inspection, bytes float64) float64 { return float64(i.InOrder) / bytes }},
	{"found", func(i *mbox.Inspection, _ float64) float64 { return float64(i.Found) }},
	{"streams", func(i *mbox.Inspection, _ float64) float64 { return float64(i.Streams) }},
	{"holes", func(i *mbox.Inspection, _ float64) float64 { return float64(i.Holes) }},
}

func sightNames() []string {
	names := make([]string, len(sights))
	for i := range sights {
		names[i] = sights[i].name
	}
	return names
}

// boxReport is the metric that tells how much of a flow a box sees.
func boxReport() Metric {
	return Metric{
		Name: "box_report", Doc: "what a box of type ids has seen of the data of a flow: \"seen\" and \"in_order\", shares of the bytes delivered; \"found\", how often its signature; \"streams\", what it takes for streams; \"holes\" in them",
		Params: params(MetricParam{Name: "box", kind: argBox}, pFlow, MetricParam{Name: "what", kind: argSight}),
		eval: func(v *view, a *arguments) quantity {
			i, ok := v.w.inspection(a.names[0], v.observed(&arguments{names: a.names[1:]}))
			if !ok {
				return num(math.NaN())
			}
			for k := range sights {
				if sights[k].name == a.names[2] {
					return num(sights[k].of(&i, float64(v.flow(a, 1).record.Bytes)))
				}
			}
			return num(math.NaN())
		},
	}
}

// inspection returns what a box has seen of the data of a flow; false: it is none that
// looks.
func (w *World) inspection(box string, f *flowRun) (mbox.Inspection, bool) {
	x, ok := w.box(box).(interface {
		Inspected(pick func(simnet.RouteID) bool) mbox.Inspection
	})
	if !ok {
		return mbox.Inspection{}, false
	}
	n := w.boxRun(box).node.Network()
	return x.Inspected(func(r simnet.RouteID) bool {
		t := *n.Tuple(r)
		if f.download {
			t = t.Reverse()
		}
		for _, s := range f.subs {
			if t.Src == s.Local && t.Dst == s.Remote {
				return true
			}
		}
		return false
	}), true
}
