package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"mpsim/scenarios"
)

// point is one line of a test report: an expectation, the baseline, or the
// scenario as a whole where it could not be run.
type point struct {
	name, detail string
	ok           bool
	pos          scenarios.Pos // of what was checked; zero: the file as a whole
}

// points returns what was checked of one scenario.
func (v *verdictOf) points() []point {
	if v.err != nil {
		return []point{{name: "runs", detail: v.err.Error(), pos: firstProblem(v.err)}}
	}
	var out []point
	for _, e := range v.outcome.Expect {
		detail := e.Value
		if e.Miss != "" {
			detail += "; " + e.Miss
		}
		out = append(out, point{e.Expr, detail, e.Pass, e.Pos})
	}
	for _, n := range v.outcome.Numbers {
		detail := n.Value
		if !n.Pass {
			detail += "; " + n.Off
		}
		out = append(out, point{"baseline " + n.Text, detail, n.Pass, n.Pos})
	}
	if v.baseline != "" {
		detail := v.outcome.Summary.Hash
		switch {
		case v.updated:
			detail += " (updated)"
		case !v.baselineHolds():
			detail += ", want " + v.baseline
		}
		out = append(out, point{"baseline hash", detail, v.baselineHolds(), v.hashPos})
	}
	return out
}

// firstProblem is where the first problem of a scenario is.
func firstProblem(err error) scenarios.Pos {
	var problems scenarios.Problems
	if errors.As(err, &problems) && len(problems) > 0 {
		return problems[0].Pos
	}
	return scenarios.Pos{}
}

// writeTAP prints one scenario as a test point whose subtests are its
// expectations (Test Anything Protocol, version 14).
func writeTAP(w io.Writer, n int, v *verdictOf) {
	points := v.points()
	fmt.Fprintf(w, "# Subtest: %s\n", v.name())
	for i, pt := range points {
		fmt.Fprintf(w, "    %s %d - %s\n", okText(pt.ok), i+1, escapeTAP(pt.name))
		for line := range strings.Lines(pt.detail) {
			fmt.Fprintf(w, "    # %s\n", strings.TrimRight(line, "\n"))
		}
	}
	fmt.Fprintf(w, "    1..%d\n", len(points))
	fmt.Fprintf(w, "%s %d - %s", okText(v.passed()), n, escapeTAP(v.name()))
	if v.err == nil && len(points) == 0 {
		fmt.Fprint(w, " # no expectations")
	}
	fmt.Fprintln(w)
	if v.err == nil {
		fmt.Fprintf(w, "# hash %s\n", v.outcome.Summary.Hash)
	}
	for _, line := range v.changes {
		fmt.Fprintf(w, "# updated %s\n", line)
	}
	for _, line := range v.divergence {
		fmt.Fprintf(w, "# %s\n", line)
	}
}

func okText(ok bool) string {
	if ok {
		return "ok"
	}
	return "not ok"
}

// escapeTAP protects the characters that would begin a directive.
func escapeTAP(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`, "\n", " ").Replace(s)
}

// The elements of JUnit's XML that every reader understands. Times are left
// out, so that the report depends on the results alone.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func junit(verdicts []verdictOf) []byte {
	var all junitSuites
	for i := range verdicts {
		v := &verdicts[i]
		s := junitSuite{Name: v.name()}
		for _, pt := range v.points() {
			c := junitCase{Name: pt.name, Class: v.name()}
			message := &junitMessage{Message: "measured " + pt.detail}
			if !pt.ok {
				message.Text = strings.Join(v.divergence, "\n")
			}
			switch {
			case v.err != nil:
				c.Error = &junitMessage{Message: "the scenario could not be run", Text: pt.detail}
				s.Errors++
			case !pt.ok:
				c.Failure = message
				s.Failures++
			default:
				c.Out = message.Message
			}
			s.Tests++
			s.Cases = append(s.Cases, c)
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Suites = append(all.Suites, s)
	}
	return encodeJUnit(all)
}

// encodeJUnit writes a report as XML.
func encodeJUnit(all junitSuites) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		panic("encoding a report: " + err.Error()) // it holds nothing but strings
	}
	b.WriteByte('\n')
	return b.Bytes()
}
