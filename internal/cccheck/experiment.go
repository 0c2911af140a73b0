package cccheck

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"mpsim/scenarios"
	"mpsim/sim"
)

// experiment is one scenario. The flow that is measured is the first one.
type experiment struct {
	text string
	// from is where measuring begins, in seconds.
	from float64
}

// outcome is what one replication of an experiment gave.
type outcome struct {
	hash string
	// rates are the payload bits per second of each flow since experiment.from.
	rates []float64
	// paths are those of the first flow's subflows, by the order of its client's
	// interfaces.
	paths []float64
	// series are the rates of each path in each sampling interval of the whole run.
	series [][]float64
	// variation is the standard deviation of the first flow's windows together over
	// their mean, since experiment.from.
	variation float64
}

const (
	sample   = 0.1 // s between two samples of an experiment
	flowName = "subject"
)

// lossy is a path that loses packets and has no queue worth mentioning.
type lossy struct {
	loss float64
	rtt  float64 // ms
}

// overLossy is a connection with a controller and a subflow over each of the lossy
// paths. What one single-path connection gets is measured by one path and the base:
// its packets have the same room for payload. Every packet is acknowledged, as in the
// published rules.
func overLossy(controller string, seconds float64, paths ...lossy) experiment {
	var b strings.Builder
	header(&b, seconds, true)
	for i, p := range paths {
		link(&b, p, i)
	}
	flow(&b, flowName, "mptcp", controller, "client", "server", "p0")
	return experiment{b.String(), seconds / 10}
}

// header begins a scenario. Quickack is whether every packet is acknowledged.
func header(b *strings.Builder, seconds float64, quickack bool) {
	fmt.Fprintf(b, "schema = 1\nname = \"cc-check\"\nduration = \"%gs\"\n", seconds)
	fmt.Fprintf(b, "[defaults]\nquickack = %v\npath_manager = \"fullmesh\"\nscheduler = \"minrtt\"\nsample = \"%gs\"\n", quickack, sample)
	b.WriteString("[[node]]\nname = \"client\"\n[[node]]\nname = \"server\"\n")
}

func link(b *strings.Builder, p lossy, i int) {
	fmt.Fprintf(b, "[[link]]\nname = \"p%d\"\na = \"client.p%d\"\nb = \"server.p%d\"\nrate = \"1Gbps\"\ndelay = \"%gms\"\nqueue = \"100000pkt\"\ndown = { loss = %g }\n",
		i, i, i, p.rtt/2, p.loss)
}

func flow(b *strings.Builder, name, protocol, controller, client, server, via string) {
	fmt.Fprintf(b, "[[flow]]\nname = %q\nprotocol = %q\nclient = %q\nserver = %q\nvia = %q\ncc = %s\n", name, protocol, client, server, via, controller)
}

// onePath is MPTCP with a single subflow through a bottleneck that also loses.
func onePath(controller string) experiment {
	return experiment{`schema = 1
name = "cc-check"
duration = "40s"
[defaults]
path_manager = "fullmesh"
sample = "0.1s"
[[link]]
name = "p0"
a = "client.p0"
b = "server.p0"
rate = "10Mbps"
delay = "20ms"
queue = "33pkt"
down = { loss = 0.0005 }
[[node]]
name = "client"
[[node]]
name = "server"
[[flow]]
name = "subject"
client = "client"
server = "server"
cc = ` + controller + "\n", 4}
}

// bottleneck is two subflows and one TCP through 10 Mb/s with a round-trip time of
// 40 ms and as much buffer. The sending hosts hold each packet back for up to one
// packet time, which breaks the phase effects of a drop-tail queue.
func bottleneck(controller, base string) experiment {
	var b strings.Builder
	header(&b, 300, false)
	b.WriteString("[[node]]\nname = \"core\"\nrouter = true\n[[node]]\nname = \"edge\"\nrouter = true\n[[node]]\nname = \"other\"\n[[node]]\nname = \"source\"\n" +
		"[[link]]\nname = \"shared\"\na = \"edge.up\"\nb = \"core.down\"\nrate = \"10Mbps\"\ndelay = \"20ms\"\nqueue = \"33pkt\"\n")
	for _, l := range [][3]string{
		{"p0", "client.p0", "edge.a"}, {"p1", "client.p1", "edge.b"}, {"single", "other.eth", "edge.c"},
	} {
		fmt.Fprintf(&b, "[[link]]\nname = %q\na = %q\nb = %q\n", l[0], l[1], l[2])
	}
	for _, l := range [][2]string{{"server.eth", "core.mp"}, {"source.eth", "core.tcp"}} {
		fmt.Fprintf(&b, "[[link]]\nname = %q\na = %q\nb = %q\nup = { jitter = \"1.2ms\" }\n", strings.Split(l[0], ".")[0], l[0], l[1])
	}
	flow(&b, flowName, "mptcp", controller, "client", "server", "p0")
	flow(&b, "tcp", "tcp", base, "other", "source", "eth")
	return experiment{b.String(), 20}
}

// changeAt is when the second path of recovering becomes as good as the first.
const changeAt = 30.0

// recovering is two paths, one of which loses much until changeAt.
func recovering(controller string) experiment {
	e := overLossy(controller, 150, lossy{.005, 40}, lossy{.1, 40})
	e.text += fmt.Sprintf("[[at]]\ntime = \"%gs\"\naction = \"link.set\"\nlinks = [\"p1\"]\ndirection = \"down\"\nloss = 0.005\n", changeAt)
	e.from = 50
	return e
}

// errStopped says that the user has ended a run.
var errStopped = errors.New("interrupted")

// run carries out one replication.
func (e *experiment) run(ctx context.Context, seed uint64, plugins *scenarios.Plugins) (outcome, error) {
	sc, err := scenarios.Parse("cc-check", e.text, scenarios.Options{Plugins: plugins})
	if err != nil {
		return outcome{}, err
	}
	r := recorder{from: e.from, begun: map[string]float64{}, last: map[string]float64{}, rates: map[string][]float64{}}
	w, err := scenarios.Build(sc, scenarios.Run{Seed: seed, Plugins: plugins, NoExpect: true, Sample: r.point})
	if err != nil {
		return outcome{}, err
	}
	end := sc.Duration.Time()
	stop, err := w.Run(end, 0, func(sim.Time, uint64) bool { return ctx.Err() == nil })
	switch {
	case err != nil:
		return outcome{}, err
	case stop == sim.Halted:
		return outcome{}, errStopped
	}
	length := sim.Duration(end).Seconds() - e.from
	o := outcome{hash: w.Hash().String(), variation: r.variation()}
	flows := w.Flows()
	for i := range flows {
		o.rates = append(o.rates, r.since(flows[i].Name)*8/length)
	}
	o.paths = make([]float64, 2)
	o.series = make([][]float64, 2)
	for i := range flows[0].Subflows {
		s := &flows[0].Subflows[i]
		var path int
		if _, err := fmt.Sscanf(s.Interface, "client.p%d", &path); err != nil || path > 1 {
			continue
		}
		name := fmt.Sprintf("%s/%d", flowName, s.ID)
		o.paths[path] += r.since(name) * 8 / length
		o.series[path] = r.rates[name]
	}
	return o, nil
}

// recorder collects what a run is sampled for.
type recorder struct {
	from        float64
	begun, last map[string]float64 // bytes at from and now
	rates       map[string][]float64

	at              sim.Time
	window          float64 // of all subflows at this sample
	n, sum, squares float64
}

func (r *recorder) point(at sim.Time, entity, metric string, value float64) {
	if at != r.at {
		r.closeSample()
		r.at = at
	}
	switch {
	case metric == "bytes", metric == "seq_bytes":
		r.last[entity] = value
		if at.Seconds() <= r.from+sample/2 {
			r.begun[entity] = value
		}
	case metric == "goodput_bps" && strings.HasPrefix(entity, flowName+"/"):
		for len(r.rates[entity]) < int(at.Seconds()/sample+0.5)-1 {
			r.rates[entity] = append(r.rates[entity], 0) // before the subflow
		}
		r.rates[entity] = append(r.rates[entity], value)
	case metric == "cwnd_bytes" && strings.HasPrefix(entity, flowName+"/"):
		r.window += value
	}
}

func (r *recorder) closeSample() {
	if r.at.Seconds() > r.from {
		r.n++
		r.sum += r.window
		r.squares += r.window * r.window
	}
	r.window = 0
}

// since returns the bytes of an entity since experiment.from.
func (r *recorder) since(entity string) float64 { return r.last[entity] - r.begun[entity] }

func (r *recorder) variation() float64 {
	r.closeSample()
	mean := r.sum / r.n
	return math.Sqrt(math.Max(r.squares/r.n-mean*mean, 0)) / mean
}
