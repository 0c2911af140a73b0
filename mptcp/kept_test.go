package mptcp

import (
	"mpsim/sched"
	"mpsim/sim"
)

// keptCheck looks whether what a connection keeps of its subflows still holds.
type keptCheck struct {
	c    connection
	rows [1]sched.Path
	due  [1]sim.Time
}

// wrong says what does not hold of an endpoint that has come to rest; "": nothing.
func (k *keptCheck) wrong(now sim.Time, e *Endpoint) string {
	for _, s := range e.socks.slots {
		if s == nil || s.conn == nil || s.conn.timer == noTimer {
			continue
		}
		c := s.conn
		if d := c.deadline(); d < sim.Never {
			if i := e.timers.pos[c.timer]; i < 0 || e.timers.heap[i].at > d {
				return "a deadline of the connection is not set"
			}
		}
		if (c.pm.marked || c.pm.pending() || c.addr.due || c.owing != nil) && !c.chores && !c.over {
			return "a chore is forgotten"
		}
		if why := k.wrongRows(now, c); why != "" {
			return why
		}
	}
	return ""
}

func (k *keptCheck) wrongRows(now sim.Time, c *connection) string {
	if !c.rowsFresh {
		return ""
	}
	n := 0
	for _, f := range c.alive {
		if !f.usable() {
			continue
		}
		if n == len(c.rows.rows) || c.subs[c.rows.rows[n].Flow] != f {
			if c.rows.dirty != 0 {
				return "" // a row that is filled again shows it
			}
			return "a subflow has no row"
		}
		if c.rows.dirty>>n&1 == 0 {
			k.c = *c
			k.rows[0] = c.rows.rows[n]
			k.c.rows = rowCache{rows: k.rows[:], due: k.due[:]}
			k.c.fillRow(now, 0, f)
			if k.rows[0] != c.rows.rows[n] || k.due[0] != c.rows.due[n] {
				return "a row that is kept does not hold"
			}
			if c.rows.sifts && c.rows.open>>n&1 != 0 != c.rows.rows[n].IsOpen() || int64(c.rows.longest) < c.rows.rows[n].MSS {
				return "the set of open rows does not hold"
			}
		}
		n++
	}
	if n != len(c.rows.rows) && c.rows.dirty == 0 {
		return "a row has no subflow"
	}
	return ""
}
