package report

import (
	"cmp"
	"slices"

	"mpsim/results"
	"mpsim/sched"
)

// sentence is a reason of the scheduler in words.
type sentence struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func sentences() []sentence {
	var out []sentence
	for w := range sched.Whys() {
		if why := sched.Why(w); why.String() != "" {
			out = append(out, sentence{why.String(), why.Sentence()})
		}
	}
	return out
}

// decisionRow is a line of the table of decisions: all grants of one kind, to one subflow and
// for one reason, or all waits for one reason.
type decisionRow struct {
	Flow, What, Subflow, Why, Sentence string
	Count                              int64
	Bytes                              int64   // granted
	Seconds                            float64 // waited
}

// decisions counts the decisions of an event log. A wait lasts until the next grant of the
// connection, or wait for another reason.
func decisions(t *eventTable, s *results.Summary) []decisionRow {
	type key struct{ flow, kind, grant, subflow, why int64 }
	rows := map[key]*decisionRow{}
	var order []key
	row := func(k key) *decisionRow {
		r := rows[k]
		if r == nil {
			r = new(decisionRow)
			rows[k] = r
			order = append(order, k)
		}
		return r
	}
	grant, wait := int64(slices.Index(t.kinds, "grant")), int64(slices.Index(t.kinds, "wait"))
	type waiting struct {
		since int64
		row   *decisionRow
		why   int64
	}
	open := map[endpoint]*waiting{}
	end := int64(float64(s.SimTime) * 1e9)
	for i, kind := range t.kind {
		if kind != grant && kind != wait {
			continue
		}
		who := endpoint{t.node[i], t.conn[i]}
		if w := open[who]; w != nil && (kind == grant || w.why != t.why[i]) {
			w.row.Seconds += float64(t.time[i]-w.since) / 1e9
			delete(open, who)
		}
		if kind == grant {
			r := row(key{t.flow[i], kind, t.values[2][i], t.subflow[i], t.why[i]})
			r.Count++
			r.Bytes += t.values[1][i]
			continue
		}
		r := row(key{t.flow[i], kind, 0, -1, t.why[i]})
		r.Count++
		if open[who] == nil {
			open[who] = &waiting{t.time[i], r, t.why[i]}
		}
	}
	var ends []endpoint
	for who := range open {
		ends = append(ends, who)
	}
	slices.SortFunc(ends, func(a, b endpoint) int { return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.conn, b.conn)) })
	for _, who := range ends {
		open[who].row.Seconds += float64(max(0, end-open[who].since)) / 1e9
	}
	var out []decisionRow
	for _, k := range order {
		r := *rows[k]
		r.Flow, r.Why, r.What = t.list[k.flow], t.list[k.why], "waits"
		if k.kind == grant {
			r.What = "grants " + t.list[k.grant]
			for i := range s.Flows {
				if s.Flows[i].Name == r.Flow {
					r.Subflow = subflowNameOf(&s.Flows[i], k.subflow)
				}
			}
		}
		for w := range sched.Whys() {
			if sched.Why(w).String() == r.Why {
				r.Sentence = sched.Why(w).Sentence()
			}
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b decisionRow) int {
		return cmp.Or(cmp.Compare(a.Flow, b.Flow), cmp.Compare(a.What, b.What), cmp.Compare(a.Subflow, b.Subflow), cmp.Compare(b.Count, a.Count))
	})
	return out
}
