package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mpsim/results"
)

// runView is what the template of a run shows without any script.
type runView struct {
	Title, Scenario, Version, Hash, Status, Reason string
	Seed, Replication                              uint64
	Verdict, VerdictClass                          string
	Expect                                         []results.Expectation
	Baseline                                       string // "", "holds" or what differs
	Files                                          string // "" or what differs from the manifest
	Warnings                                       []string
	Numbers                                        []fact
	Flows                                          []flowView
	Links                                          []linkView
	Counters                                       []fact
	Zero                                           []string // counters that are 0
	Setup                                          []results.Setting
	Timeline                                       []moment
	Decisions                                      []decisionRow
	Missing                                        missing
	Resolved                                       string
	Manifest                                       *results.Manifest
	LogName                                        string
}

type fact struct{ Name, Value string }

type flowView struct {
	*results.Flow
	End  string
	Subs []subflowView
}

type subflowView struct {
	*results.Subflow
	Name string
}

type linkView struct {
	*results.Link
	Reasons string
}

// missing says what a run did not record, and how to record it.
type missing struct {
	Events, Packets, Options, Series string
}

// runPage reads a run and makes its page.
func runPage(src *Source) (*page, error) {
	r, err := openRun(src)
	if err != nil {
		return nil, err
	}
	b := new(blobs)
	d := r.data(b)
	v := r.view(d)
	return &page{
		title: v.Title + " · mpsim", body: "run.html", view: v, data: d, blobs: b,
		scripts: []string{plotScript, strings.Join(runScripts, " ")}, styles: []string{plotStyle, "page/report.css"},
	}, nil
}

func (r *run) view(d *runData) *runView {
	s := &r.summary
	v := &runView{
		Title: s.Title, Scenario: s.Scenario, Version: s.Version, Hash: s.Hash, Status: r.manifest.Status, Reason: r.manifest.Reason,
		Seed: s.Seed, Replication: s.Replication, Expect: s.Expect, Files: r.verified, Warnings: s.Warnings, Setup: s.Setup,
		Timeline: d.Actions, Resolved: r.resolved, Manifest: r.manifest, LogName: r.logName,
	}
	if v.Title == "" {
		v.Title = s.Scenario
	}
	v.Title = capital(v.Title)
	r.judge(v)
	v.Numbers = []fact{
		{"virtual time", withUnit(float64(s.SimTime), timeUnits)}, {"seed", fmt.Sprint(s.Seed)}, {"replication", fmt.Sprint(s.Replication)},
		{"events", grouped(float64(s.Events))}, {"packet hops", grouped(float64(s.PacketHops))}, {"mpsim", s.Version},
	}
	for i := range s.Flows {
		f := &s.Flows[i]
		fv := flowView{Flow: f, End: "not finished"}
		if f.End != nil {
			fv.End = withUnit(float64(*f.End), timeUnits)
		}
		for k := range f.Subflows {
			fv.Subs = append(fv.Subs, subflowView{&f.Subflows[k], subflowNameOf(f, int64(f.Subflows[k].ID))})
		}
		v.Flows = append(v.Flows, fv)
	}
	for i := range s.Links {
		l := &s.Links[i]
		var reasons []string
		for why, n := range l.DropReasons {
			reasons = append(reasons, fmt.Sprintf("%s %d", why, n))
		}
		slices.Sort(reasons)
		v.Links = append(v.Links, linkView{l, strings.Join(reasons, ", ")})
	}
	for name, n := range s.Counters {
		if n == 0 {
			v.Zero = append(v.Zero, name)
			continue
		}
		v.Counters = append(v.Counters, fact{name, grouped(float64(n))})
	}
	slices.Sort(v.Zero)
	slices.SortFunc(v.Counters, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })
	if r.events != nil {
		v.Decisions = decisions(r.events, s)
	}
	v.Missing = r.missing(d)
	return v
}

// capital returns a text with a capital first letter, as a title has it.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// judge sums up expectations, baseline and completeness.
func (r *run) judge(v *runView) {
	failed := 0
	for _, e := range v.Expect {
		if !e.Pass {
			failed++
		}
	}
	switch hash := r.scenario.Baseline.Hash; {
	case hash == "":
	case hash == v.Hash:
		v.Baseline = "holds"
	default:
		v.Baseline = "is " + hash
	}
	v.VerdictClass = "pass"
	switch {
	case !r.summary.Complete:
		v.Verdict, v.VerdictClass = "stopped before its end", "none"
	case failed > 0:
		v.Verdict, v.VerdictClass = fmt.Sprintf("%d of %d expectations failed", failed, len(v.Expect)), "fail"
	case len(v.Expect) > 0:
		v.Verdict = fmt.Sprintf("all %d expectations hold", len(v.Expect))
		if len(v.Expect) == 1 {
			v.Verdict = "the expectation holds"
		}
	default:
		v.Verdict, v.VerdictClass = "no expectations", "none"
	}
	if v.Files != "" {
		v.VerdictClass = "fail"
		v.Verdict += ", but the files are not those of the run"
	}
}

// missing says what could be shown of another run.
func (r *run) missing(d *runData) (m missing) {
	again := "mpsim run " + r.summary.Scenario
	if r.events == nil {
		m.Events = "The run has no event log. " + again + " --events writes one; --events=all has the packets, too, and so has --trace FILE, which mpsim report takes with --trace FILE."
	} else if d.Events == nil {
		m.Events = "The event log has no events in this time."
	}
	switch {
	case d.Packets == nil && r.events != nil:
		m.Packets = "The event log (" + r.logName + ") has no packets. " + again + " --packets records every packet at every host and box with its options; --events=all writes each hop, --trace FILE in binary, and --pcap writes a capture."
	case d.Packets == nil:
		m.Packets = "The run has neither records of packets nor a capture. " + again + " --packets records every packet at every host and box with its options, --events=all (or --trace FILE) each hop without them, and --pcap what the clients' interfaces see."
	case !d.Packets.Options:
		m.Options = "MPTCP options are shown where the run was made with --packets, or with --pcap as well."
	case d.Packets.Source == fromCapture:
		m.Options = "These are the packets of the capture. Where only one end is captured, the other end of an arrow is not to scale; " + again + " --packets records every packet at every host and box."
	}
	if len(d.Figures.Panels) == 0 {
		m.Series = "The run has no time series."
	}
	return m
}
