package radio

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mpsim/sim"
)

// model is the theory of one direction of a profile: the joint moments of the
// rate at two steps, from the moments of the log-normal and of a two-state
// Markov chain. It is the oracle of this file and uses nothing of the
// generator.
type model struct {
	mean, sigma2, rho float64 // log-normal part
	q, f, lambda      float64 // share of fades, factor, second eigenvalue
}

func newModel(p *Profile, c Process) model {
	m := model{mean: float64(c.Mean), sigma2: math.Log1p(c.Variation * c.Variation), f: p.Fade.Factor, lambda: 1}
	if c.Variation > 0 {
		m.rho = math.Exp(-0.1 / c.Coherence.Seconds())
	}
	if p.Fade.Good > 0 {
		a, b := 0.1/p.Fade.Good.Seconds(), 0.1/p.Fade.Bad.Seconds()
		m.q, m.lambda = a/(a+b), 1-a-b
	}
	return m
}

// joint returns E[R(0)^i R(k)^i].
func (m model) joint(i float64, k int) float64 {
	// E[L(0)^i L(k)^i] with L = exp(sX - s^2/2): the exponent i s (X0+Xk) - i s^2
	// is normal with mean -i s^2 and variance 2 i^2 s^2 (1+rho^k).
	l := math.Exp(m.sigma2 * (i*i*(1+math.Pow(m.rho, float64(k))) - i))
	// M(0)^i M(k)^i over the four pairs of states.
	both := m.q * (m.q + (1-m.q)*math.Pow(m.lambda, float64(k))) // fade then and now
	fi := math.Pow(m.f, i)
	if m.f == 0 {
		fi = 0
	}
	chain := (1 - 2*m.q + both) + 2*(m.q-both)*fi + both*fi*fi
	m1 := 1 - m.q + m.q*m.f
	return math.Pow(m.mean/m1, 2*i) * l * chain
}

// TestProfilesFollowTheirModel draws many independent pieces of each profile and
// compares mean, second moment (which is the variation) and the products at
// several lags (which are the autocorrelation) with the model. The standard
// error is the model's as well; 4.5 of them are allowed, which by chance fails
// once in 150 000.
func TestProfilesFollowTheirModel(t *testing.T) {
	const pieces, longest = 4000, 20
	lags := []int{0, 1, 5, longest}
	for _, p := range Profiles() {
		p.Busy = Busy{} // a trend; TestDailyCycle has it
		var sum [2]float64
		var products [2][longest + 1]float64
		for seed := range uint64(pieces) {
			down, up := p.Generate(sim.New(seed, 0), p.Name, (longest+1)*Resolution)
			for d, trace := range []*Trace{down, up} {
				at := func(k int) float64 { return float64(trace.Steps[min(k, len(trace.Steps)-1)].Rate) }
				sum[d] += at(longest)
				for _, k := range lags {
					products[d][k] += at(0) * at(k)
				}
			}
		}
		for d, c := range []Process{p.Down, p.Up} {
			m := newModel(&p, c)
			check := func(what string, got, want, square float64) {
				t.Helper()
				bound := 4.5*math.Sqrt(math.Max(0, square-want*want)/pieces) + 2e-6*want
				if math.Abs(got-want) > bound {
					t.Errorf("%s, direction %d: %s = %g, model %g +- %g", p.Name, d, what, got, want, bound)
				}
			}
			check("mean", sum[d]/pieces, m.mean, m.joint(1, 0))
			for _, k := range lags {
				check("E[R(0)R(k)]", products[d][k]/pieces, m.joint(1, k), m.joint(2, k))
			}
		}
	}
}

// TestProfileLongRunMean follows one trace for a long time. The variance of a
// time average is (1/n)(g(0) + 2 sum (1-k/n) g(k)) with the model's covariances.
func TestProfileLongRunMean(t *testing.T) {
	const n = 40_000
	for _, p := range Profiles() {
		p.Busy = Busy{} // a trend; TestDailyCycle has it
		down, _ := p.Generate(sim.New(7, 0), p.Name, n*Resolution)
		m := newModel(&p, p.Down)
		g := func(k int) float64 { return m.joint(1, k) - m.mean*m.mean }
		v := g(0)
		for k := 1; k < n; k++ {
			v += 2 * (1 - float64(k)/n) * g(k)
		}
		got, bound := float64(down.Mean()), 4.5*math.Sqrt(math.Max(v, 0)/n)+2
		if math.Abs(got-m.mean) > bound {
			t.Errorf("%s: mean of %v is %.0f b/s, model %.0f +- %.0f", p.Name, down.Length, got, m.mean, bound)
		}
	}
}

// TestFadesHaveTheirLengths: sojourns are geometric with the given means, and
// silence both directions at once. lte-driving has factor 0, so that a fade is
// a rate of 0.
func TestFadesHaveTheirLengths(t *testing.T) {
	p, err := Find("lte-driving")
	if err != nil {
		t.Fatal(err)
	}
	down, up := p.Generate(sim.New(1, 0), "x", 20_000*sim.Second)
	var sojourn [2]struct{ n, steps float64 }
	for k, s := range down.Steps {
		if (s.Rate == 0) != (up.Steps[k].Rate == 0) {
			t.Fatalf("at %v down has %v, up has %v", s.At, s.Rate, up.Steps[k].Rate)
		}
		i := 0
		if s.Rate == 0 {
			i = 1
		}
		sojourn[i].steps++
		if k == 0 || (down.Steps[k-1].Rate == 0) != (s.Rate == 0) {
			sojourn[i].n++
		}
	}
	for i, want := range []float64{p.Fade.Good.Seconds() * 10, p.Fade.Bad.Seconds() * 10} {
		got := sojourn[i].steps / sojourn[i].n
		// A geometric time of mean w has variance w(w-1).
		if bound := 4.5 * math.Sqrt(want*(want-1)/sojourn[i].n); math.Abs(got-want) > bound {
			t.Errorf("state %d lasts %.2f steps, want %.2f +- %.2f", i, got, want, bound)
		}
	}
}

// TestGenerateIsAFunctionOfItsNames: the same name gives the same rates in
// whatever simulation and whatever was drawn before, a longer trace begins with
// the shorter one, and another name, seed or replication gives another trace.
func TestGenerateIsAFunctionOfItsNames(t *testing.T) {
	p, err := Find("wifi-walking")
	if err != nil {
		t.Fatal(err)
	}
	s := sim.New(3, 1)
	down, up := p.Generate(s, "wifi", 30*sim.Second)
	other := sim.New(3, 1)
	other.Stream("wifi").Uint64()
	p.Generate(other, "lte", sim.Second)
	again, againUp := p.Generate(other, "wifi", 60*sim.Second)
	if diff := cmp.Diff(down.Steps, again.Steps[:300]); diff != "" {
		t.Errorf("the same name gave another trace:\n%s", diff)
	}
	if diff := cmp.Diff(up.Steps, againUp.Steps[:300]); diff != "" {
		t.Errorf("the same name gave another uplink:\n%s", diff)
	}
	for _, x := range []struct {
		seed, replication uint64
		name              string
	}{{3, 1, "wifi2"}, {4, 1, "wifi"}, {3, 2, "wifi"}} {
		if d, _ := p.Generate(sim.New(x.seed, x.replication), x.name, 30*sim.Second); cmp.Equal(d.Steps, down.Steps) {
			t.Errorf("%v gave the same trace", x)
		}
	}
}

// TestProfilesAreComplete: every row of the table is documented, passes its
// check, makes traces that pass theirs, and has a name of its own.
//
// row:M26
func TestProfilesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Profiles() {
		if seen[p.Name] {
			t.Errorf("%s is there twice", p.Name)
		}
		seen[p.Name] = true
		if p.Doc == "" || p.Source == "" || p.Delay == 0 {
			t.Errorf("%s is not described", p.Name)
		}
		if err := p.Check(); err != nil {
			t.Error(err)
		}
		down, up := p.Generate(sim.New(1, 0), p.Name, 1050*ms)
		for _, trace := range []*Trace{down, up} {
			if err := trace.Check(); err != nil || trace.Length != 1100*ms {
				t.Errorf("%s: %v, length %v", trace.Source, err, trace.Length)
			}
		}
		found, err := Find(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range p.Params() {
			if err := found.Set(q.Name, q.Default); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(&p, found); diff != "" {
			t.Errorf("%s changed when its parameters were set to their defaults:\n%s", p.Name, diff)
		}
	}
	for _, name := range []string{"wifi-home", "wifi-cafe", "wifi-walking", "lte-good", "lte-walking", "lte-driving",
		"3g", "lte", "5g", "adsl", "vdsl", "docsis", "leo", "geo"} {
		if !seen[name] {
			t.Errorf("no profile %s", name)
		}
	}
	if _, err := Find("wifi"); err == nil || !strings.Contains(err.Error(), "wifi-home") {
		t.Errorf("Find(wifi): %v", err)
	}
}

func TestProfileSetAndCheck(t *testing.T) {
	p, err := Find("adsl")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		name  string
		value float64
	}{{"down_mean", 0}, {"down_variation", -1}, {"delay", nan()}, {"fade_factor", 1.5}, {"queue_up", 1499}, {"jitter", 1}} {
		if err := p.Set(bad.name, bad.value); err == nil || !strings.Contains(err.Error(), bad.name) {
			t.Errorf("Set(%s, %g): %v", bad.name, bad.value, err)
		}
	}
	if err := p.Set("down_variation", 0.5); err != nil {
		t.Fatal(err)
	}
	if p.Check() == nil {
		t.Error("a variation without a coherence time was accepted")
	}
	if err := p.Set("down_coherence", 2); err != nil || p.Down.Coherence != 2*sim.Second {
		t.Errorf("coherence %v, %v", p.Down.Coherence, err)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	p.Fade.Good = sim.Second
	if p.Check() == nil {
		t.Error("fades without a length were accepted")
	}
}

// TestDailyCycle: adsl-evening from midnight on, its day shortened to 240 s, so that an
// hour is 10 s: half of 8 Mb/s is gone at 21 h, 0.5 (1 - 3/12) at 24 h, nothing at 9 h,
// and over the day a quarter.
func TestDailyCycle(t *testing.T) {
	p, err := Find("adsl-evening")
	if err != nil {
		t.Fatal(err)
	}
	p.Busy.Day = 240 * sim.Second
	down, up := p.Generate(sim.New(1, 0), "x", 480*sim.Second)
	for hour, want := range map[float64]float64{21: 4e6, 0: 5e6, 24: 5e6, 9: 8e6, 15: 6e6, 33: 8e6} {
		got, gotUp := float64(down.Steps[int(hour*100)].Rate), float64(up.Steps[int(hour*100)].Rate)
		if math.Abs(got-want) > 1 || math.Abs(gotUp-want/10) > 1 {
			t.Errorf("at %v h %v and %v b/s, want %v", hour, got, gotUp, want)
		}
	}
	if got := float64(down.Mean()); math.Abs(got/6e6-1) > 1e-3 {
		t.Errorf("%v b/s over two days, want 6 Mb/s", got)
	}
}
