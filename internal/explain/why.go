package explain

import (
	"cmp"
	"context"
	"slices"

	"mpsim/cc"
	"mpsim/internal/app"
	"mpsim/mptcp"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sched"
	"mpsim/sim"
)

// Attribution says where the time of a flow went.
type Attribution struct {
	Schema int `json:"schema"`
	Origin
	Flow       string `json:"flow"`
	Protocol   string `json:"protocol"`
	Sender     string `json:"sender"` // node
	Scheduler  string `json:"scheduler,omitempty"`
	Controller string `json:"cc"`
	// Start is when the flow began, End when its receiver had everything, or the end
	// of the run.
	Start    sim.Time `json:"start_ns"`
	End      sim.Time `json:"end_ns"`
	Complete bool     `json:"complete"`
	Goodput  float64  `json:"goodput_bps"`
	// Limits are in the order of time, longest first; they sum to End - Start.
	Limits []Share `json:"limits"`
	// Waits are the reasons that the scheduler gave for granting nothing, while data
	// waited that was never granted.
	Waits []WaitShare `json:"scheduler_waits"`
	// Blocking is what the receiver held behind gaps.
	Blocking Blocking          `json:"head_of_line"`
	Subflows []SubflowTime     `json:"subflows"`
	Links    []results.Link    `json:"busy_links"` // used for at least nine tenths
	Verdict  string            `json:"verdict"`
	Meaning  map[string]string `json:"meaning"` // of the limits that occur
}

// Share is a part of the time of a flow.
type Share struct {
	Limit string       `json:"limit"`
	Time  sim.Duration `json:"time_ns"`
	Share float64      `json:"share"`
}

// WaitShare is the time for which a scheduler waited for one reason.
type WaitShare struct {
	Why      string       `json:"why"`
	Sentence string       `json:"sentence"`
	Time     sim.Duration `json:"time_ns"`
	Share    float64      `json:"share"`
}

// Blocking is what the receiver held behind a gap of the connection's stream.
type Blocking struct {
	Time      sim.Duration `json:"time_ns"` // in which there was anything
	Share     float64      `json:"share"`
	MeanBytes float64      `json:"mean_bytes"` // over the time of the flow
	MaxBytes  int64        `json:"max_bytes"`
	// ByteSeconds is the integral of the bytes held over time.
	ByteSeconds float64 `json:"byte_seconds"`
	// By says which subflow carried what was missing, and for how long.
	By []BlockedBy `json:"by"`
}

// BlockedBy is the time for which the receiver waited for data of one subflow.
type BlockedBy struct {
	Subflow int          `json:"subflow"`
	Over    string       `json:"over"`
	Time    sim.Duration `json:"time_ns"`

	flow cc.FlowID
}

// SubflowTime says where the time of the flow went on one subflow; the times sum
// to that of the flow.
type SubflowTime struct {
	Subflow   int          `json:"subflow"`
	Over      string       `json:"over"`
	Absent    sim.Duration `json:"absent_ns"`
	Handshake sim.Duration `json:"handshake_ns"`
	Idle      sim.Duration `json:"idle_ns"` // nothing waited to be sent
	Window    sim.Duration `json:"cwnd_ns"`
	Pacing    sim.Duration `json:"pacing_ns"`
	Receive   sim.Duration `json:"receive_window_ns"`
	Unused    sim.Duration `json:"unused_ns"` // it could take data that waited
	Recovery  sim.Duration `json:"recovery_ns"`
	// Busy and RwndLimited are TCP_INFO's of the sender (tcpi_busy_time,
	// tcpi_rwnd_limited).
	Busy        sim.Duration `json:"busy_ns"`
	RwndLimited sim.Duration `json:"rwnd_limited_ns"`
	BytesSent   int64        `json:"bytes_sent"`

	flow cc.FlowID
}

// Why attributes the time of a flow of a run.
func Why(ctx context.Context, r *Run, flow string) (*Attribution, error) {
	m := &meter{wanted: flow}
	o, err := r.execute(ctx, m.attach)
	if err != nil {
		return nil, err
	}
	m.advance(m.world.Sim().Now())
	return m.attribution(r.origin(o), &o.Summary), nil
}

// meter measures while the run lasts.
type meter struct {
	wanted string
	world  *scenarios.World
	conn   *scenarios.Connection

	state     mptcp.SendState
	since     sim.Time // what is below holds from then on
	limit     Limit
	waits     bool // data waits that was never granted
	wait      sched.Why
	behindGap int64
	gapBy     cc.FlowID
	subflows  []Limit // by FlowID

	limits    [numLimits]sim.Duration
	reasons   []sim.Duration // by sched.Why, and last if it was not asked
	blocked   sim.Duration
	bytesTime float64 // byte x ns
	most      int64
	by        map[cc.FlowID]sim.Duration
	each      [][numLimits]sim.Duration // by FlowID
}

func (m *meter) attach(w *scenarios.World) error {
	c, err := choose(w, m.wanted)
	if err != nil {
		return err
	}
	m.world, m.conn = w, c
	m.since, m.limit, m.gapBy = c.Start, Handshake, sched.NoFlow
	m.by = map[cc.FlowID]sim.Duration{}
	m.reasons = make([]sim.Duration, sched.Whys()+1)
	for _, end := range []*app.End{&c.Ends.Client, &c.Ends.Server} {
		end.Host.SetWatcher(m)
	}
	c.Sender().Host.Endpoint().SetWitness(m)
	return nil
}

// Settled implements host.Watcher: time has passed in the state before, and there
// may be another one now.
func (m *meter) Settled(now sim.Time) {
	m.advance(now)
	m.look(now)
}

// advance accounts for the time since the last look; nothing after the end of the
// flow counts.
func (m *meter) advance(now sim.Time) {
	if done := m.conn.Record.Done; done < now {
		now = done
	}
	d := now.Sub(m.since)
	if d <= 0 {
		return
	}
	m.since = now
	m.limits[m.limit] += d
	if m.waits {
		m.reasons[m.reason()] += d
	}
	if m.behindGap > 0 {
		m.blocked += d
		m.bytesTime += float64(m.behindGap) * float64(d)
		m.by[m.gapBy] += d
	}
	for f, l := range m.subflows {
		m.each[f][l] += d
	}
}

// reason is the index in reasons of why the scheduler waits now. Where its last
// answer does not fit the state any more it has not been asked again.
func (m *meter) reason() int {
	full := m.wait == sched.NoRoom || m.wait == sched.SendQueueFull || m.wait == sched.PeerWindowClosed
	if m.limit == SchedulerWait && full {
		return sched.Whys()
	}
	return int(m.wait)
}

// notAsked is the reason beside those of package sched.
const (
	notAsked         = "not_asked"
	notAskedSentence = "Since it was asked last there is room again."
)

// look reads the state at both ends.
func (m *meter) look(now sim.Time) {
	s, r := m.conn.Sender(), m.conn.Receiver()
	if !s.Open {
		return
	}
	m.state.Conn = 0
	ep := s.Host.Endpoint()
	ep.SendState(now, s.Conn, &m.state)
	if m.state.Conn != s.Number {
		m.state = mptcp.SendState{Connected: true, Over: true, Subflows: m.state.Subflows[:0]}
	}
	m.behindGap = 0
	if r.Open && m.state.Conn != 0 {
		var next uint64
		if m.behindGap, next = r.Host.Endpoint().Reassembly(r.Conn); m.behindGap > 0 {
			m.most = max(m.most, m.behindGap)
			m.gapBy = ep.CarrierOf(s.Conn, next)
		}
	}
	m.limit = limitOf(&m.state, m.behindGap, m.wait)
	m.waits = m.state.Ungranted > 0 && m.limit != Handshake && m.limit != Closing
	for len(m.subflows) < len(m.state.Subflows) {
		var e [numLimits]sim.Duration
		e[Absent] = m.since.Sub(m.conn.Start)
		m.subflows, m.each = append(m.subflows, Absent), append(m.each, e)
	}
	for f := range m.subflows {
		m.subflows[f] = Absent
		if f < len(m.state.Subflows) {
			m.subflows[f] = limitOfSubflow(&m.state, &m.state.Subflows[f])
		}
	}
}

// Decided implements mptcp.Witness: it remembers why the scheduler waits.
func (m *meter) Decided(_ sim.Time, d *mptcp.Decision) {
	if d.Socket == m.conn.Flow && len(d.Grants) == 0 {
		m.wait = d.Why
	}
}

// Managed implements mptcp.Witness.
func (*meter) Managed(sim.Time, *mptcp.Management) {}

// Carried implements mptcp.Witness.
func (*meter) Carried(sim.Time, *mptcp.Carriage) {}

// attribution puts the measurements together.
func (m *meter) attribution(o Origin, s *results.Summary) *Attribution {
	c := m.conn
	a := &Attribution{
		Schema: 1, Origin: o, Flow: c.Flow, Protocol: c.Protocol, Sender: c.Sender().Host.Node().Name(),
		Scheduler: c.Scheduler, Controller: c.CC, Start: c.Start, End: m.world.Sim().Now(), Limits: []Share{}, Waits: []WaitShare{},
		Subflows: []SubflowTime{}, Links: []results.Link{}, Meaning: map[string]string{},
	}
	if c.Record.Done < a.End {
		a.End, a.Complete = c.Record.Done, true
	}
	a.Start = min(a.Start, a.End)
	for i := range s.Flows {
		if s.Flows[i].Name == c.Flow {
			a.Goodput = float64(s.Flows[i].Goodput)
		}
	}
	total := a.End.Sub(a.Start)
	for l, d := range m.limits {
		if d > 0 {
			a.Limits = append(a.Limits, Share{Limit(l).String(), d, share(d, total)})
			a.Meaning[Limit(l).String()] = meanings[l]
		}
	}
	slices.SortStableFunc(a.Limits, func(x, y Share) int { return cmp.Compare(y.Time, x.Time) })
	for y, d := range m.reasons {
		switch w := sched.Why(y); {
		case d == 0:
		case y == sched.Whys():
			a.Waits = append(a.Waits, WaitShare{notAsked, notAskedSentence, d, share(d, total)})
		case w != sched.NoWhy:
			a.Waits = append(a.Waits, WaitShare{w.String(), w.Sentence(), d, share(d, total)})
		}
	}
	slices.SortStableFunc(a.Waits, func(x, y WaitShare) int { return cmp.Compare(y.Time, x.Time) })
	names := newNaming(m.world, c)
	m.blocking(a, names, total)
	m.eachSubflow(a, names, total)
	for _, l := range s.Links {
		if l.Utilisation >= 0.9 {
			a.Links = append(a.Links, l)
		}
	}
	a.Verdict = verdict(a)
	return a
}

// share is a part of the whole; 0 of nothing.
func share(d, total sim.Duration) float64 {
	if total <= 0 {
		return 0
	}
	return float64(d) / float64(total)
}

func (m *meter) blocking(a *Attribution, names *naming, total sim.Duration) {
	b := &a.Blocking
	b.Time, b.Share, b.MaxBytes, b.By = m.blocked, share(m.blocked, total), m.most, []BlockedBy{}
	b.ByteSeconds = m.bytesTime / 1e9
	if total > 0 {
		b.MeanBytes = m.bytesTime / float64(total)
	}
	for f, d := range m.by {
		x := BlockedBy{Subflow: -1, Time: d, flow: f}
		if f != sched.NoFlow {
			x.Subflow = names.of(m.conn.Sender(), m.conn, f)
			x.Over = names.over(x.Subflow)
		}
		b.By = append(b.By, x)
	}
	slices.SortFunc(b.By, func(x, y BlockedBy) int { return x.Subflow - y.Subflow })
}

func (m *meter) eachSubflow(a *Attribution, names *naming, total sim.Duration) {
	infos := m.conn.Sender().Subflows(nil)
	for f := range m.each {
		e := &m.each[f]
		x := SubflowTime{
			Subflow: names.of(m.conn.Sender(), m.conn, cc.FlowID(f)), Absent: e[Absent], Handshake: e[Handshake], Idle: e[Idle], Window: e[CongestionWindow], Pacing: e[Pacing],
			Receive: e[ReceiveWindow], Unused: e[SchedulerWait], Recovery: e[LossRecovery], flow: cc.FlowID(f),
		}
		x.Over = names.over(x.Subflow)
		for i := range infos {
			if infos[i].ID == x.flow {
				x.Busy, x.RwndLimited = infos[i].Chrono.Busy(a.End), infos[i].Chrono.RwndLimited(a.End)
				x.BytesSent = infos[i].Stats.BytesSent
			}
		}
		a.Subflows = append(a.Subflows, x)
	}
	slices.SortFunc(a.Subflows, func(x, y SubflowTime) int { return x.Subflow - y.Subflow })
}
