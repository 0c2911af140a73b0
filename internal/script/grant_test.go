package script

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sched"
)

// picked is what a script with the given body of pick grants: paths 0 (full) and 1 (room
// for two segments) of 1400 bytes; [1, 10001) was sent, [10001, 12001) was skipped, [12001,
// 13001) went over path 0 and is to be sent again, from 13001 on nothing was sent.
func picked(t *testing.T, body string) (out []sched.Grant, err error) {
	t.Helper()
	f, err := Load("own.star", "def pick(queue, paths):\n    "+strings.ReplaceAll(body, "\n", "\n    ")+"\n")
	if err != nil {
		t.Fatal(err)
	}
	s := schedulerOf(t, f)
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	q := sched.Queue{
		Una: 1, Next: 13001, End: 100_001, PeerEdge: 20_001,
		Skipped:  []sched.Range{{DSN: 10001, Len: 2000}},
		Reinject: []sched.Range{{DSN: 12001, Len: 1000, Carried: 1}},
		InFlight: []sched.Range{{DSN: 1, Len: 10_000, Carried: 1}, {DSN: 12001, Len: 1000, Carried: 1}},
	}
	paths := []sched.Path{
		{Flow: 0, Lane: 0, MSS: mss, Window: 10 * mss, InFlight: 10 * mss, SendBufFree: 1 << 20},
		{Flow: 1, Lane: 1, MSS: mss, Window: 10 * mss, InFlight: 8 * mss, SendBufFree: 1 << 20},
	}
	return s.Pick(1, &q, paths, nil), nil
}

// Grants of scripts have every field that those of Go schedulers have: where they begin,
// what they are, and whom they punish. What fits is what the window of the path leaves.
func TestGrantArguments(t *testing.T) {
	grant := func(flow cc.FlowID, dsn uint64, n int, kind sched.Kind) sched.Grant {
		return sched.Grant{Flow: flow, DSN: dsn, Len: n, Kind: kind, Penalise: sched.NoFlow}
	}
	punish := grant(1, 1, mss, sched.Opportunistic)
	punish.Penalise = 0
	for body, want := range map[string][]sched.Grant{
		"grant(paths[1], queue.fresh)":                         {grant(1, 13001, 2*mss, sched.New)},
		"grant(paths[1], queue.fresh, at = queue.next + 4200)": {grant(1, 17201, 2*mss, sched.New)},
		// Up to the peer's edge; the next grant begins behind it, where there is no room.
		"grant(paths[1], queue.fresh, at = 19001, n = 5000)\ngrant(paths[1], queue.fresh)": {grant(1, 19001, 1000, sched.New)},
		"grant(paths[1], queue.fresh, at = 20001)":                                         nil,
		// What was skipped, in pieces.
		"grant(paths[1], queue.skipped[0], n = 500)\ngrant(paths[1], queue.skipped[0], at = 11001, n = 5000)": {grant(1, 10001, 500, sched.New), grant(1, 11001, 1000, sched.New)},
		"grant(paths[1], queue.reinject[0])":                                                             {grant(1, 12001, 1000, sched.Reinject)},
		"grant(paths[1], queue.outstanding[0], n = paths[1].mss)":                                        {grant(1, 1, mss, sched.Redundant)},
		"grant(paths[1], queue.outstanding[0], at = 9501)":                                               {grant(1, 9501, 500, sched.Redundant)},
		"grant(paths[1], queue.outstanding[1], kind = \"reinject\")":                                     {grant(1, 12001, 1000, sched.Reinject)},
		"grant(paths[0], queue.outstanding[0], n = 100)":                                                 nil, // it carries it
		"grant(paths[0], queue.reinject[0], n = 100, kind = \"redundant\")":                              {grant(0, 12001, 100, sched.Redundant)},
		"grant(paths[1], queue.outstanding[0], n = 1400, kind = \"opportunistic\", penalise = paths[0])": {punish},
		"grant(paths[1], queue.outstanding[0], \"\", None, None, None, None)":                            {grant(1, 1, 2*mss, sched.Redundant)},
	} {
		got, err := picked(t, body)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", body, got, err, want)
		}
	}
}

// What no connection could carry out is an error of the script, with its place.
func TestGrantMistakes(t *testing.T) {
	for body, want := range map[string]string{
		"grant(paths[1], queue.fresh, at = 13000)":                    "at is 13000, not a data sequence number from 13001 on",
		"grant(paths[1], queue.skipped[0], at = 1)":                   "at is 1, not",
		"grant(paths[1], queue.fresh, at = \"x\")":                    "at is \"x\", not",
		"grant(paths[1], queue.fresh, n = -1)":                        "n is -1, not a number of bytes",
		"grant(paths[1], queue.fresh, kind = \"redundant\")":          "never sent",
		"grant(paths[1], queue.outstanding[0], kind = \"new\")":       "kind is \"new\", not",
		"grant(paths[1], queue.outstanding[0], kind = [])":            "kind is [], not",
		"grant(paths[1], queue.outstanding[0], penalise = 0)":         "penalise is a path, not a int",
		"grant(0, queue.fresh)":                                       "the first argument is a path",
		"grant(paths[1], 7)":                                          "the second argument is a range",
		"grant(paths[1], queue.fresh, why = \"nothing of the kind\")": "unknown reason \"nothing of the kind\"",
	} {
		got, err := picked(t, body)
		if err == nil || !strings.Contains(fmt.Sprint(err), want) || !strings.HasPrefix(fmt.Sprint(err), "own.star:2:") {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}
