package explain

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/results"
	"mpsim/sched"
	"mpsim/sim"
)

// Decision is one answer of a scheduler with everything that it had before it.
// Byte counts are payload, data sequence numbers relative: the first byte of the
// stream is 1, as in event logs.
type Decision struct {
	At sim.Time `json:"time_ns"`
	// Grants is empty if the answer was to wait; then Why is the reason and
	// Sentence the same in words.
	Grants   []Grant `json:"grants"`
	Why      string  `json:"why,omitempty"`
	Sentence string  `json:"sentence,omitempty"`
	Queue    Queue   `json:"queue"`
	// Candidates are the subflows that could be granted data.
	Candidates []Candidate `json:"candidates"`
	// Times is how often in a row, up to Until, the answer was to wait for the same
	// reason; the state is that of the first time.
	Times int      `json:"times"`
	Until sim.Time `json:"until_ns"`

	why sched.Why
}

// Grant is one range that a decision gave to a subflow.
type Grant struct {
	Subflow   int    `json:"subflow"`
	DSN       uint64 `json:"dsn"`
	Len       int    `json:"len"`
	Kind      string `json:"kind"`
	Why       string `json:"why"`
	Sentence  string `json:"sentence"`
	Penalised *int   `json:"penalised,omitempty"` // subflow whose window was reduced

	flow, penalised cc.FlowID
}

// Queue is the connection's data at a decision.
type Queue struct {
	Una      uint64 `json:"una"`
	Next     uint64 `json:"next"`
	End      uint64 `json:"end"`
	PeerEdge uint64 `json:"peer_edge"`
	Skipped  int64  `json:"skipped_bytes"`
	Reinject int64  `json:"reinject_bytes"`
}

// Candidate is the state of one subflow at a decision.
type Candidate struct {
	Subflow     int             `json:"subflow"`
	Over        string          `json:"over"`
	SRTT        results.Number  `json:"srtt_s"`
	RTTVar      results.Number  `json:"rttvar_s"`
	Window      int64           `json:"cwnd_bytes"`
	Ssthresh    *int64          `json:"ssthresh_bytes"` // null: not set yet
	InFlight    int64           `json:"in_flight_bytes"`
	Unsent      int64           `json:"unsent_bytes"`
	Room        int64           `json:"room_bytes"`
	SendBufFree int64           `json:"send_buffer_free_bytes"`
	MSS         int64           `json:"mss_bytes"`
	Backup      bool            `json:"backup"`
	Stale       bool            `json:"stale"`
	Failed      bool            `json:"potentially_failed"`
	InLoss      bool            `json:"in_loss"`
	Phase       string          `json:"phase"` // of the controller
	Alpha       *results.Number `json:"alpha,omitempty"`
	Terms       []Term          `json:"terms,omitempty"`
	Chosen      bool            `json:"chosen"`

	flow cc.FlowID
}

// Term is a quantity of the controller's formula; docs/models says which.
type Term struct {
	Name  string         `json:"name"`
	Value results.Number `json:"value"`
}

// grantKinds names the kinds of grants.
var grantKinds = [...]string{sched.New: "new", sched.Reinject: "reinject", sched.Opportunistic: "opportunistic", sched.Redundant: "redundant"}

// snapshot copies what a witness is shown.
func snapshot(now sim.Time, d *mptcp.Decision) Decision {
	q := d.Queue
	out := Decision{
		At: now, Until: now, Times: 1, Grants: []Grant{}, Candidates: []Candidate{}, why: d.Why, Why: d.Why.String(), Sentence: d.Why.Sentence(),
		Queue: Queue{Una: q.Una, Next: q.Next, End: q.End, PeerEdge: q.PeerEdge, Skipped: bytesOf(q.Skipped), Reinject: bytesOf(q.Reinject)},
	}
	for i := range d.Grants {
		g := &d.Grants[i]
		out.Grants = append(out.Grants, Grant{
			DSN: g.DSN, Len: g.Len, Kind: grantKinds[g.Kind], Why: g.Why.String(), Sentence: g.Why.Sentence(),
			flow: g.Flow, penalised: g.Penalise,
		})
	}
	for i := range d.Paths {
		out.Candidates = append(out.Candidates, candidate(&d.Paths[i], d))
	}
	return out
}

func bytesOf(ranges []sched.Range) (n int64) {
	for i := range ranges {
		n += int64(ranges[i].Len)
	}
	return n
}

// candidate copies a row and adds what the controller tells of it.
func candidate(p *sched.Path, d *mptcp.Decision) Candidate {
	c := Candidate{
		SRTT: results.Number(p.SRTT.Seconds()), RTTVar: results.Number(p.RTTVar.Seconds()), Window: p.Window,
		InFlight: p.InFlight, Unsent: p.Unsent, Room: p.Room(), SendBufFree: p.SendBufFree, MSS: p.MSS,
		Backup: p.Backup, Stale: p.Stale, Failed: p.PotentiallyFailed, InLoss: p.InLoss, flow: p.Flow,
	}
	m := d.Controller.Observe(p.Flow)
	if m.Ssthresh < cc.MaxWindow/2 {
		c.Ssthresh = &m.Ssthresh
	}
	c.Phase = "congestion avoidance"
	if m.SlowStart {
		c.Phase = "slow start"
	}
	if a := results.Number(m.Alpha); m.Alpha == m.Alpha {
		c.Alpha = &a
	}
	if x, ok := d.Controller.(cc.Explainer); ok {
		for _, t := range x.Terms(p.Flow, nil) {
			c.Terms = append(c.Terms, Term{t.Name, results.Number(t.Value)})
		}
	}
	for i := range d.Grants {
		c.Chosen = c.Chosen || d.Grants[i].Flow == p.Flow
	}
	return c
}

// Waits reports whether the decision granted nothing.
func (d *Decision) Waits() bool { return len(d.Grants) == 0 }

// covers reports whether a grant of the decision holds a byte.
func (d *Decision) covers(dsn uint64) bool {
	for i := range d.Grants {
		if g := &d.Grants[i]; g.DSN <= dsn && dsn < g.DSN+uint64(g.Len) {
			return true
		}
	}
	return false
}

// name fills in the client's numbers of subflows.
func (d *Decision) name(id func(cc.FlowID) int, over func(int) string) {
	for i := range d.Grants {
		g := &d.Grants[i]
		g.Subflow = id(g.flow)
		if g.penalised != sched.NoFlow {
			p := id(g.penalised)
			g.Penalised = &p
		}
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		c.Subflow = id(c.flow)
		c.Over = over(c.Subflow)
	}
}
