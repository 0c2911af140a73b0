package scenarios

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The survey of two Linux kernels (internal/live/testdata/twokernels): downloads over two
// paths at random points of rates, delays, loss, buffers, jitter and queues.

// surveyPoint is a case of the survey with what the kernels reached.
type surveyPoint struct {
	name string
	set  []string
	mbps []float64
}

// surveyPoints reads a survey; runs of which the emulator was late are left out.
func surveyPoints(t *testing.T, file string) []surveyPoint {
	t.Helper()
	f, err := os.Open("../internal/live/testdata/twokernels/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var all []surveyPoint
	for _, r := range rows[1:] {
		goodput, err1 := strconv.ParseFloat(r[column["goodput_mbps"]], 64)
		late, err2 := strconv.Atoi(r[column["late_p99_us"]])
		if err1 != nil || err2 != nil {
			t.Fatalf("%v: %v, %v", r, err1, err2)
		}
		p := parseSurveyCase(t, r[column["case"]])
		i := slices.IndexFunc(all, func(q surveyPoint) bool { return q.name == p.name })
		if i < 0 {
			i = len(all)
			all = append(all, p)
		}
		if late <= 15_000 {
			all[i].mbps = append(all[i].mbps, goodput)
		}
	}
	return slices.DeleteFunc(all, func(p surveyPoint) bool { return len(p.mbps) == 0 })
}

// parseSurveyCase turns the words of a case into overrides of basic/two-paths.
func parseSurveyCase(t *testing.T, line string) surveyPoint {
	p := surveyPoint{set: []string{"defaults.preset=linux"}}
	way := "down"
	if strings.Contains(line, "direction=up") {
		way = "up"
	}
	links := func(format, value string) {
		v := strings.Split(value, "+")
		for i, name := range []string{"one", "two"} {
			p.set = append(p.set, fmt.Sprintf("link.%s.", name)+fmt.Sprintf(format, v[min(i, len(v)-1)]))
		}
	}
	for _, w := range strings.Fields(line) {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "name":
			p.name = v
		case "kbps":
			links("rate=%skbps", v)
		case "us":
			links("delay=%sus", v)
		case "jitter_us":
			links("jitter=%sus", v)
		case "queue":
			links("queue=%spkt", v)
		case "loss":
			links(way+".loss=%s", v)
		case "rmem", "wmem":
			p.set = append(p.set, fmt.Sprintf("flow.mptcp.%s_max=%sB", k, v))
		case "direction", "cc":
			p.set = append(p.set, fmt.Sprintf("flow.mptcp.%s=%s", k, v))
		case "n", "write":
		default:
			t.Fatalf("%s: unknown word %s", line, w)
		}
	}
	return p
}

// surveyRun is the goodput of a point in the simulator and the expiries of the
// connection-level timer that sent something again.
func surveyRun(t *testing.T, p *surveyPoint, seed uint64) (mbps float64, retrans int) {
	t.Helper()
	sc, err := LoadLibrary("basic/two-paths.toml", Options{Set: p.set})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	r := w.byFlow["mptcp"].record
	if r.Corrupt > 0 {
		t.Errorf("%s: %d bytes corrupt", p.name, r.Corrupt)
	}
	return float64(r.Bytes) * 8 / 20e6, counterOf(t, w, "server", "MPTCPRetrans")
}

// The goodput is that of the kernels: two thirds of the points within a tenth of what
// their runs span, all but two within a third, and no tendency.
func TestSurvey(t *testing.T) {
	for _, file := range []string{"survey.csv", "survey2.csv"} {
		t.Run(file, func(t *testing.T) { survey(t, file) })
	}
}

func survey(t *testing.T, file string) {
	var ratios []float64
	within := map[float64]int{0.1: 0, 1.0 / 3: 0}
	points := surveyPoints(t, file)
	for i := range points {
		p := &points[i]
		got, _ := surveyRun(t, p, 1)
		low, high, sum := slices.Min(p.mbps), slices.Max(p.mbps), 0.0
		for _, v := range p.mbps {
			sum += v
		}
		mean := sum / float64(len(p.mbps))
		ratios = append(ratios, got/mean)
		for margin := range within {
			if got >= (1-margin)*low && got <= (1+margin)*high {
				within[margin]++
			}
		}
		t.Logf("%s: %.2f Mb/s, kernels %.2f to %.2f, %.2f of their mean", p.name, got, low, high, got/mean)
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	t.Logf("%d points, within %v, median %.3f, from %.2f to %.2f", len(points), within, median, ratios[0], ratios[len(ratios)-1])
	if n := len(points); n < 28 || within[0.1] < n*2/3 || within[1.0/3] < n-2 {
		t.Errorf("of %d points only %d within a tenth, %d within a third", n, within[0.1], within[1.0/3])
	}
	if median < 0.95 || median > 1.05 {
		t.Errorf("the median of the ratios is %.3f", median)
	}
}

// While the peer's window is closed its acknowledgements do not ask the scheduler, so that
// they do not shorten the interval of the connection-level timer to what is left of a
// subflow's. The kernels sent something again 0 to 9 times in six runs of point 16, whose
// window is closed most of the time.
func TestSurveyClosedWindow(t *testing.T) {
	points := surveyPoints(t, "survey.csv")
	i := slices.IndexFunc(points, func(p surveyPoint) bool { return p.name == "p16" })
	for seed := uint64(1); seed <= 3; seed++ {
		if _, n := surveyRun(t, &points[i], seed); n > 9 {
			t.Errorf("seed %d: data was sent again %d times", seed, n)
		}
	}
}
