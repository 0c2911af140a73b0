package cc

// Term is one quantity of a controller's formula, as a decision log prints it.
// Names are those of the controller's page in docs/models; windows, thresholds
// and credits are in segments, times in seconds (name ends in _s), rates in
// segments per second (_per_s), and everything else has no dimension.
type Term struct {
	Name  string
	Value float64
}

// Explainer is a controller that shows the terms behind its window.
type Explainer interface {
	// Terms appends the terms of subflow f as of its last event. A term that is
	// not defined yet is left out. It changes nothing; f must have joined.
	Terms(f FlowID, out []Term) []Term
}

// terms is the same for one flow; whatever embeds a [Flow] has it.
type terms interface {
	Terms(out []Term) []Term
}

// Terms appends the terms of a subflow, if the algorithm has any.
func (e *each[S, P]) Terms(f FlowID, out []Term) []Term {
	if t, ok := any(e.at(f)).(terms); ok {
		return t.Terms(out)
	}
	return out
}

// Terms appends the growth of Reno's rules: "increase", the segments by which
// the window grows per segment acknowledged, and "credit", the segments that were
// acknowledged towards the next step.
func (f *Flow) Terms(out []Term) []Term {
	return f.termsWith(float64(f.MSS)/float64(f.W), out)
}

// termsWith is Terms with the increase of congestion avoidance.
func (f *Flow) termsWith(increase float64, out []Term) []Term {
	if f.SlowStart() {
		increase = 1
	}
	return append(out, Term{"increase", increase}, Term{"credit", f.inSegments(f.Cnt)})
}

// termsEvery is Terms of a flow that grows by a segment per t bytes acknowledged,
// with "threshold" for t.
func (f *Flow) termsEvery(t int64, out []Term) []Term {
	return f.termsWith(float64(f.MSS)/float64(t), append(out, Term{"threshold", f.inSegments(t)}))
}

func (f *Flow) inSegments(bytes int64) float64 { return float64(bytes) / float64(f.MSS) }

// Terms appends Reno's with 1/cnt as the increase, and "w_max", the plateau; while
// an epoch runs "k_s", the time from its begin to the plateau, and "w_est", the
// window that Reno would have.
func (c *cubicLinux) Terms(out []Term) []Term {
	increase := 1.0
	if c.cnt > 0 {
		increase = 1 / float64(c.cnt)
	}
	out = append(c.termsWith(increase, out), Term{"w_max", float64(c.lastMax)})
	if c.epoch {
		out = append(out, Term{"k_s", float64(c.k) / 1024}, Term{"w_est", float64(c.reno)})
	}
	return out
}

// Terms appends "w_max", the plateau, and while an epoch runs "k_s", the time from
// its begin to the plateau, "w_est", the window that Reno would have, and
// "begun_s", the time at which the epoch began.
func (c *cubicRef) Terms(out []Term) []Term {
	out = append(out, Term{"w_max", c.epoch.wMax})
	if c.epoch.running {
		out = append(out, Term{"k_s", c.epoch.k}, Term{"w_est", c.epoch.wEst},
			Term{"begun_s", float64(c.epoch.start) / 1e9})
	}
	return out
}
