package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/cc"
	"mpsim/internal/bench"
	"mpsim/internal/proxy"
	"mpsim/mptcp"
	"mpsim/net/aqm"
	"mpsim/net/mbox"
	"mpsim/net/nat"
	"mpsim/net/radio"
	"mpsim/net/topo"
	"mpsim/results"
	"mpsim/results/plot"
	"mpsim/scenarios"
)

// row is an entry of a table as `mpsim list KIND --json` prints it.
type row struct {
	Name   string  `json:"name"`
	Doc    string  `json:"doc"`
	Params []param `json:"params"`
}

type param struct {
	Name    string `json:"name"`
	Doc     string `json:"doc"`
	Default any    `json:"default"` // a number; for texts of boxes a string
	Min     any    `json:"min"`
	Max     any    `json:"max"`
}

// listing is one table that can be listed.
type listing struct {
	kind, doc string
	rows      func(p *program) []row
}

// listings are all tables.
func listings() []listing {
	return []listing{
		{"cc", "congestion controllers", ccRows},
		{"sched", "packet schedulers", schedulerRows},
		{"pm", "path managers", pathManagerRows},
		{"profile", "protocol profiles of hosts", profileRows},
		{"preset", "profile, controller, scheduler and path manager together", presetRows},
		{"link-profile", "kinds of access links with varying rates", linkProfileRows},
		{"medium", "802.11 standards, for [[medium]]", fixedRows(scenarios.MediumStandards())},
		{"trace", "formats of recorded link traces", traceRows},
		{"queue", "queue disciplines of links, for aqm", queueRows},
		{"nat", "address translators by profile, for [[link.box]] with type = \"nat\"", natRows},
		{"mbox", "boxes in a path, for [[link.box]]", boxRows},
		{"topo", "ways to describe a topology: tables, and kinds of [topology]", topologyRows},
		{"traffic", "patterns of [[traffic]]", fixedRows(scenarios.TrafficPatterns())},
		{"app", "applications of flows", fixedRows(appDocs)},
		{"scenario", "scenarios of the library", scenarioRows},
		{"template", "what mpsim new begins with", templateRows},
		{"metric", "functions of [expect]", metricRows},
		{"design", "designs of sweeps, for [design]", designRows},
		{"plot", "figures", plotRows},
		{"event", "records of the event log", eventRows},
		{"bench", "benchmarks", benchRows},
	}
}

var topologyDocs = [][2]string{
	{"links", "[[link]] tables that name two interfaces each; nodes, addresses and routes follow from them"},
	{"paths", "paths = [\"wifi 10ms 100pkt 5Mbps\", ...]: disjoint paths between a client and a server"},
}

var appDocs = [][2]string{
	{"bulk", "a download or upload of a given size, or until the flow or the run stops"},
	{"request", "requests and responses over one connection, with the latency of each"},
	{"ftp", "files by the File Transfer Protocol: a control connection with its commands, and a data connection for each file"},
	{"cbr", "UDP datagrams at a constant rate"},
	{"onoff", "UDP datagrams at a constant rate in bursts"},
}

func (p *program) listCommand() *cobra.Command {
	var asJSON bool
	var search string
	var kinds []string
	for _, l := range listings() {
		kinds = append(kinds, l.kind)
	}
	c := &cobra.Command{
		Use:       "list [KIND]",
		Short:     "list what can be named in scenarios and on the command line",
		Long:      "list prints one of the tables " + strings.Join(kinds, ", ") + ", or says what each holds;\nwith --search and without KIND it searches all of them.",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: kinds,
		RunE: func(_ *cobra.Command, args []string) error {
			var rows []row
			if len(args) == 0 && search != "" {
				rows = p.searchAll(search)
			} else {
				var err error
				if rows, err = p.list(args); err != nil {
					return usage(err)
				}
				rows = searched(rows, search)
			}
			if asJSON {
				return json.NewEncoder(p.out).Encode(rows)
			}
			p.printRows(rows)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	searchFlag(c, &search)
	return c
}

func (p *program) list(args []string) ([]row, error) {
	if len(args) == 0 {
		var rows []row
		for _, l := range listings() {
			rows = append(rows, row{Name: l.kind, Doc: l.doc, Params: []param{}})
		}
		return rows, nil
	}
	var kinds []string
	for _, l := range listings() {
		if l.kind == args[0] {
			return l.rows(p), nil
		}
		kinds = append(kinds, l.kind)
	}
	return nil, fmt.Errorf("unknown list %q; have %s", args[0], strings.Join(kinds, ", "))
}

func (p *program) printRows(rows []row) {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	for _, r := range rows {
		t.AppendRow(table.Row{r.Name, r.Doc})
		for _, q := range r.Params {
			if q.Min == nil {
				t.AppendRow(table.Row{"  " + q.Name, fmt.Sprintf("%s (default %q)", q.Doc, q.Default)})
				continue
			}
			t.AppendRow(table.Row{"  " + q.Name, fmt.Sprintf("%s (default %s, %s to %s)",
				q.Doc, numberText(q.Default), numberText(q.Min), numberText(q.Max))})
		}
	}
	fmt.Fprintln(p.out, render(t))
}

func numberText(v any) string {
	if n, ok := v.(results.Number); ok {
		return strconv.FormatFloat(float64(n), 'g', 6, 64)
	}
	return fmt.Sprint(v)
}

// plainStyle is the style of every table: columns apart by two spaces, a rule
// below the header.
func plainStyle() table.Style {
	s := table.StyleDefault
	s.Options = table.Options{SeparateHeader: true}
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	s.Box.MiddleHorizontal = "-"
	s.Format.Header = 0
	return s
}

// render returns a table without the spaces at the ends of its lines.
func render(t table.Writer) string {
	var b strings.Builder
	for line := range strings.Lines(t.Render()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func params(ps []cc.Param) []param {
	out := []param{}
	for _, q := range ps {
		out = append(out, param{q.Name, q.Doc, results.Number(q.Default), results.Number(q.Min), results.Number(q.Max)})
	}
	return out
}

func ccRows(p *program) []row {
	var rows []row
	for _, s := range p.plugins.CC {
		rows = append(rows, row{s.Name, s.Doc, params(s.Params)})
	}
	return rows
}

func schedulerRows(p *program) []row {
	var rows []row
	for _, s := range p.plugins.Schedulers {
		rows = append(rows, row{s.Name, s.Doc, params(s.Params)})
	}
	return rows
}

func pathManagerRows(p *program) []row {
	var rows []row
	for _, s := range p.plugins.PathManagers {
		rows = append(rows, row{s.Name, s.Doc, params(s.Params)})
	}
	return rows
}

func profileRows(*program) []row {
	var rows []row
	for _, s := range mptcp.Profiles() {
		rows = append(rows, row{s.Name, scenarios.ProfileDoc(s), []param{}})
	}
	return rows
}

func presetRows(*program) []row {
	var rows []row
	for _, s := range scenarios.Presets() {
		doc := fmt.Sprintf("%s: profile %s, cc %s, scheduler %s, path manager %s", s.Doc, s.Profile, s.CC, s.Scheduler, s.PathManager)
		rows = append(rows, row{s.Name, doc, []param{}})
	}
	return rows
}

func linkProfileRows(*program) []row {
	var rows []row
	for _, s := range radio.Profiles() {
		r := row{Name: s.Name, Doc: s.Doc, Params: []param{}}
		for _, q := range s.Params() {
			r.Params = append(r.Params, param{q.Name, q.Doc, results.Number(q.Default), results.Number(q.Min), results.Number(q.Max)})
		}
		rows = append(rows, r)
	}
	return rows
}

func boxRows(*program) []row {
	var rows []row
	for _, s := range slices.Concat(mbox.Specs(), nat.Specs(), proxy.Specs()) {
		rows = append(rows, row{s.Name, s.Doc, boxParams(s.Params)})
	}
	return rows
}

func queueRows(*program) []row {
	var rows []row
	for _, s := range aqm.Specs() {
		r := row{Name: s.Name, Doc: s.Doc, Params: []param{}}
		for _, q := range s.Params {
			p := param{Name: q.Name, Doc: q.Doc, Default: ""}
			switch q.Kind {
			case aqm.Choice:
				p.Default = q.Choices[0]
				p.Doc += ": " + strings.Join(q.Choices, ", ")
			case aqm.Text:
			default:
				p.Default, p.Min, p.Max = results.Number(q.Default), results.Number(q.Min), results.Number(q.Max)
				p.Doc += q.Unit()
			}
			r.Params = append(r.Params, p)
		}
		rows = append(rows, r)
	}
	return rows
}

func natRows(*program) []row {
	var rows []row
	for _, p := range nat.Profiles() {
		rows = append(rows, row{p.Name, p.Doc, boxParams(p.Row())})
	}
	return rows
}

func boxParams(list []mbox.Param) []param {
	out := []param{}
	for _, q := range list {
		p := param{Name: q.Name, Doc: q.Doc, Default: q.Default}
		switch q.Kind {
		case mbox.Whole, mbox.Span:
			p.Default, p.Min, p.Max = results.Number(q.Number), results.Number(q.Min), results.Number(q.Max)
		case mbox.Flag:
			p.Default = strconv.FormatBool(q.Number == 1)
		case mbox.Choice:
			p.Doc += ": " + strings.Join(q.Choices, ", ")
		}
		if q.Kind == mbox.Span {
			p.Doc += ", ns"
		}
		out = append(out, p)
	}
	return out
}

func topologyRows(p *program) []row {
	rows := fixedRows(topologyDocs)(p)
	for _, s := range topo.Specs() {
		r := row{Name: s.Name, Doc: s.Doc + "; classes of links: " + strings.Join(s.Classes, ", "), Params: []param{}}
		for _, q := range s.Params {
			x := param{Name: q.Name, Doc: q.Doc}
			switch {
			case q.IsText:
				x.Default = q.DefaultText
				if q.Choices != nil {
					x.Doc += ": " + strings.Join(q.Choices, ", ")
				}
			default:
				x.Default, x.Min, x.Max = results.Number(q.Default), results.Number(q.Min), results.Number(q.Max)
			}
			r.Params = append(r.Params, x)
		}
		rows = append(rows, r)
	}
	return rows
}

func traceRows(*program) []row {
	var rows []row
	for _, s := range radio.Formats() {
		doc := s.Doc
		if s.Written {
			doc += "; trace convert writes it"
		}
		rows = append(rows, row{string(s.Format), doc, []param{}})
	}
	return rows
}

func scenarioRows(*program) []row {
	list, err := scenarios.List()
	if err != nil {
		panic("the library: " + err.Error()) // its test excludes it
	}
	var rows []row
	for _, e := range list {
		rows = append(rows, row{e.Path, e.Title, []param{}})
	}
	return rows
}

func metricRows(*program) []row {
	var rows []row
	for _, m := range scenarios.Metrics() {
		rows = append(rows, row{m.Name, m.Usage() + ": " + m.Doc, []param{}})
	}
	return rows
}

func plotRows(*program) []row {
	var rows []row
	for _, k := range plot.Kinds {
		params := []param{}
		for _, x := range k.Params {
			params = append(params, param{Name: x.Name, Doc: x.Doc, Default: ""})
		}
		rows = append(rows, row{k.Name, k.Doc, params})
	}
	return append(rows, row{"axes", "friendliness, responsiveness and oscillation of controllers, from mpsim cc-check --plot", []param{}})
}

func eventRows(*program) []row {
	var rows []row
	for _, name := range results.KindNames() {
		rows = append(rows, row{name, "fields " + strings.Join(results.KindFields(name), ", "), []param{}})
	}
	return rows
}

func benchRows(*program) []row {
	var rows []row
	for _, b := range bench.All() {
		rows = append(rows, row{b.Name, b.Doc, []param{}})
	}
	return rows
}

func fixedRows(docs [][2]string) func(*program) []row {
	return func(*program) []row {
		rows := []row{}
		for _, d := range docs {
			rows = append(rows, row{d[0], d[1], []param{}})
		}
		return rows
	}
}
