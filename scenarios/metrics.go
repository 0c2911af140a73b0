package scenarios

import "strings"

// argKind is what an argument of a metric names or measures.
type argKind uint8

const (
	argFlow argKind = iota
	argLink
	argIface
	argName
	argBox
	argGroup
	argPattern
	argReason
	argMedium
	argDevice
	argSight
	argTime
	argRate
	argNumber
)

func (k argKind) String() string {
	return [...]string{"flow", "link direction", "client interface", "counter", "box", "group of flows", "text with the names of link directions", "reason", "medium", "kind of device", "what a box reports", "time", "rate", "number"}[k]
}

func (k argKind) dim() dimension {
	switch k {
	case argTime:
		return dimTime
	case argRate:
		return dimRate
	}
	return dimNumber
}

// Metric is one row of the table of functions that expectations use.
type Metric struct {
	Name, Doc string
	Params    []MetricParam
	result    dimension
	isText    bool
	generic   bool // the result has the dimension of the arguments
	fine      bool // links or flows named in it are observed every 10 ms
	records   bool // it counts records of the trace
	order     bool // it looks at the order in which the data of flows arrives
	eval      func(v *view, a *arguments) quantity
}

// MetricParam is one argument of a metric.
type MetricParam struct {
	Name     string
	Optional bool
	kind     argKind
}

func (m *Metric) required() int {
	n := 0
	for _, p := range m.Params {
		if !p.Optional {
			n++
		}
	}
	return n
}

// Usage prints how the metric is written, for example
// "goodput(flow[, from, to]) -> a rate".
func (m *Metric) Usage() string {
	var b strings.Builder
	b.WriteString(m.Name + "(")
	open := 0
	for i, p := range m.Params {
		if p.Optional && open == 0 {
			b.WriteString("[")
			open++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
	}
	b.WriteString(strings.Repeat("]", open) + ") -> ")
	switch {
	case m.isText:
		b.WriteString("a text")
	case m.generic:
		b.WriteString("as its arguments")
	default:
		b.WriteString(m.result.String())
	}
	return b.String()
}

// Metrics returns the table of metrics for `mpsim list metric`.
func Metrics() []Metric {
	return concat(flowMetrics(), gapMetrics(), latencyMetrics(), multipathMetrics(), lossMetrics(), orderMetrics(), linkMetrics(), groupMetrics(), disciplineMetrics(), radioMetrics(), otherMetrics())
}

func concat(lists ...[]Metric) []Metric {
	var out []Metric
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// metricTable never changes.
var metricTable = Metrics()

func findMetric(name string) *Metric {
	for i := range metricTable {
		if metricTable[i].Name == name {
			return &metricTable[i]
		}
	}
	return nil
}

func metricNames() []string {
	names := make([]string, len(metricTable))
	for i := range metricTable {
		names[i] = metricTable[i].Name
	}
	return names
}

var (
	pFlow  = MetricParam{Name: "flow", kind: argFlow}
	pLink  = MetricParam{Name: "link", kind: argLink}
	pIface = MetricParam{Name: "interface", kind: argIface}
	pAt    = MetricParam{Name: "at", kind: argTime}
	pFrom  = MetricParam{Name: "from", kind: argTime, Optional: true}
	pTo    = MetricParam{Name: "to", kind: argTime, Optional: true}
	pRate  = MetricParam{Name: "rate", kind: argRate}
	pShare = MetricParam{Name: "quantile", kind: argNumber}
)

func params(p ...MetricParam) []MetricParam { return p }
