package cc

// The filters of BBR: rounds by delivered bytes, and the largest rate of the last
// rounds (Linux lib/win_minmax.c, after Kathleen Nichols: the best three samples,
// each later than the one before, so that a constant amount of memory knows the
// successor of a maximum that expires).

type maxSample struct {
	round int64
	value float64 // bytes per ns
}

type maxFilter struct{ s [3]maxSample }

func (m *maxFilter) best() float64 { return m.s[0].value }

func (m *maxFilter) reset(x maxSample) { m.s = [3]maxSample{x, x, x} }

// update takes a sample (minmax_running_max).
func (m *maxFilter) update(window, round int64, value float64) {
	x := maxSample{round, value}
	if value >= m.s[0].value || round-m.s[2].round > window {
		m.reset(x)
		return
	}
	switch {
	case value >= m.s[1].value:
		m.s[1], m.s[2] = x, x
	case value >= m.s[2].value:
		m.s[2] = x
	}
	m.expire(window, x)
}

// expire lets later samples take the place of those that are too old
// (minmax_subwin_update).
func (m *maxFilter) expire(window int64, x maxSample) {
	dt := x.round - m.s[0].round
	switch {
	case dt > window:
		m.s[0], m.s[1], m.s[2] = m.s[1], m.s[2], x
		if x.round-m.s[0].round > window {
			m.s[0], m.s[1], m.s[2] = m.s[1], m.s[2], x
		}
	case m.s[1].round == m.s[0].round && dt > window/4:
		m.s[1], m.s[2] = x, x
	case m.s[2].round == m.s[1].round && dt > window/2:
		m.s[2] = x
	}
}

// sample takes the delivery rate of an acknowledgement (bbr_update_bw). A round ends
// when something is delivered that was sent after the round began.
func (b *bbr) sample(a *Ack) {
	b.roundStart = false
	if a.Interval <= 0 || a.RateDelivered <= 0 {
		return
	}
	if a.PriorDelivered >= b.roundEnd {
		b.roundEnd = a.TotalDelivered
		b.round++
		b.roundStart = true
		b.conserve = false
	}
	rate := float64(a.RateDelivered) / float64(a.Interval)
	if !b.small(a) || rate >= b.bw.best() {
		b.bw.update(bbrRounds, b.round, rate)
	}
}

// small reports whether not the path but the application, or PROBE_RTT, limited the
// sample.
func (b *bbr) small(a *Ack) bool {
	return a.AppLimited || b.limited && a.PriorDelivered >= b.limitedFrom && a.PriorDelivered <= b.limitedTo
}
