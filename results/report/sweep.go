package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mpsim/results"
)

// The report of a sweep: its table, and for each metric and factor the mean at each level.

// sweepManifest is what a page reads of the manifest of a sweep.
type sweepManifest struct {
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	Title        string `json:"title"`
	Version      string `json:"version"`
	Seed         uint64 `json:"seed"`
	Common       bool   `json:"common_random_numbers"`
	Points       int    `json:"points"`
	Runs         int    `json:"runs"`
	Design       string `json:"design"`
	Replications struct {
		Min, Max  int
		Precision float64
		Metric    string
	} `json:"replications"`
	Metrics map[string]string `json:"metrics"`
	Files   []results.File    `json:"files"`
}

// sweepData is what the scripts of a page of a sweep read.
type sweepData struct {
	Kind    string        `json:"kind"` // "sweep"
	Columns []tableColumn `json:"columns"`
	Rows    int           `json:"rows"`
	Effects []effect      `json:"effects"`
	Blobs   []blob        `json:"blobs"`
}

// tableColumn is a column of the table with its cells.
type tableColumn struct {
	Name  string   `json:"name"`
	Role  string   `json:"role"`
	Type  string   `json:"type"`
	Unit  string   `json:"unit"`
	Cells []string `json:"cells"`
}

// effect is one metric against one factor.
type effect struct {
	Metric string `json:"metric"`
	Unit   string `json:"unit"`
	Factor string `json:"factor"`
	// FactorUnit is the unit of the levels, where they are numbers.
	FactorUnit string `json:"factor_unit"`
	// Kind is "levels": means at the levels of the factor, or "points": means of the points
	// of the design, where the factor has many values.
	Kind  string  `json:"kind"`
	Means []level `json:"means"`
}

// level is a mean with its interval; without one both ends are null.
type level struct {
	Label   string          `json:"label"`
	Value   *results.Number `json:"value"` // of a factor that is a number
	Mean    results.Number  `json:"mean"`
	Low     results.Number  `json:"low"`
	High    results.Number  `json:"high"`
	Samples int             `json:"samples"`
	Points  int             `json:"points"`
	// Never counts runs with an infinite value, Missing those without one.
	Never   int `json:"never,omitempty"`
	Missing int `json:"missing,omitempty"`
}

// maxLevels is how many levels of a factor have means of their own; of numbers with more, the
// points of the design are shown.
const maxLevels = 12

// confidence is the level of all intervals of a page.
const confidence = 0.95

// sweepPage reads a sweep and makes its page.
func sweepPage(dir string) (*page, error) {
	t, err := results.ReadTable(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, results.ManifestName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(sweepManifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, inFile(path, err)
	}
	if m.Kind != "sweep" {
		return nil, fmt.Errorf("%s: not the manifest of a sweep", path)
	}
	if t.Rows == 0 {
		return nil, errors.New(dir + ": the table of the sweep has no rows")
	}
	list, err := effects(t)
	if err != nil {
		return nil, inFile(filepath.Join(dir, results.TableName), err)
	}
	d := &sweepData{Kind: "sweep", Rows: t.Rows, Effects: list, Blobs: []blob{}}
	for _, c := range t.Columns {
		d.Columns = append(d.Columns, tableColumn{c.Name, c.Role, c.Type, c.Unit, c.Cells})
	}
	return &page{
		title: sweepTitle(m) + " · mpsim", body: "sweep.html", view: newSweepView(dir, m, t, d), data: d, blobs: new(blobs),
		scripts: []string{strings.Join(sweepParts, " ")}, styles: []string{"page/report.css"},
	}, nil
}

func sweepTitle(m *sweepManifest) string {
	if m.Title != "" {
		return capital(m.Title)
	}
	return m.Name
}

// effects are all metrics that are numbers against all factors.
func effects(t *results.Table) ([]effect, error) {
	out := []effect{}
	for i := range t.Columns {
		m := &t.Columns[i]
		if m.Role != "metric" || m.Type != "number" {
			continue
		}
		for k := range t.Columns {
			if f := &t.Columns[k]; f.Role == "factor" {
				e, err := effectOf(t, m, f)
				if err != nil {
					return nil, err
				}
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// effectOf averages a metric at the levels of a factor, or at the points of the design.
func effectOf(t *results.Table, m, f *results.TableColumn) (effect, error) {
	e := effect{Metric: m.Name, Unit: m.Unit, Factor: f.Name, FactorUnit: f.Unit, Kind: "levels", Means: []level{}}
	column := f.Name
	if f.Type == "number" && len(distinct(f.Cells)) > maxLevels {
		e.Kind, column = "points", "point"
	}
	means, err := t.MeansBy(column, m.Name, confidence)
	if err != nil {
		return e, err
	}
	keys := cells(t, column)
	for _, x := range means {
		l := level{Label: f.Cells[slices.Index(keys, x.Level)], Mean: x.Mean, Low: x.Low, High: x.High, Samples: x.Replications, Points: x.Points, Never: x.Never, Missing: x.Missing}
		if v, err := strconv.ParseFloat(l.Label, 64); err == nil && f.Type == "number" {
			l.Value = results.Number(v).Ptr()
		}
		e.Means = append(e.Means, l)
	}
	if f.Type == "number" {
		slices.SortStableFunc(e.Means, func(a, b level) int { return cmp.Compare(order(a.Value), order(b.Value)) })
	}
	return e, nil
}

// order returns a number by which levels are sorted, those without a value first.
func order(v *results.Number) float64 {
	if v == nil {
		return math.Inf(-1)
	}
	return float64(*v)
}

func cells(t *results.Table, name string) []string {
	i := slices.IndexFunc(t.Columns, func(c results.TableColumn) bool { return c.Name == name })
	if i < 0 {
		return make([]string, t.Rows)
	}
	return t.Columns[i].Cells
}

func distinct(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// sweepView is what the template of a sweep shows without any script.
type sweepView struct {
	Title, Verdict, VerdictClass string
	M                            *sweepManifest
	Numbers                      []fact
	Metrics                      []fact
	Factors                      []fact
	Warnings                     []string
	Failed                       []fact // expectations, and in how many runs they fail
	Changed                      string // "" or what differs from the manifest
	HasEffects                   bool
}

func newSweepView(dir string, m *sweepManifest, t *results.Table, d *sweepData) *sweepView {
	v := &sweepView{Title: sweepTitle(m), M: m, HasEffects: len(d.Effects) > 0, VerdictClass: "pass"}
	replications := strconv.Itoa(m.Replications.Max)
	if m.Replications.Min != m.Replications.Max {
		replications = fmt.Sprintf("%d to %d", m.Replications.Min, m.Replications.Max)
	}
	seeds := "of each run its own"
	if m.Common {
		seeds = "common to all points"
	}
	v.Numbers = []fact{
		{"points", grouped(float64(m.Points))}, {"runs", grouped(float64(m.Runs))}, {"replications", replications},
		{"random numbers", seeds}, {"seed", fmt.Sprint(m.Seed)}, {"mpsim", m.Version},
	}
	failed, wrong := 0, 0
	names := map[string]int{}
	for _, text := range cells(t, "failed") {
		if text != "" {
			failed++
			for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ';' || r == ',' }) {
				names[name]++
			}
		}
	}
	for name, n := range names {
		v.Failed = append(v.Failed, fact{name, grouped(float64(n))})
	}
	slices.SortFunc(v.Failed, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })
	for _, text := range cells(t, "error") {
		if text != "" {
			wrong++
		}
	}
	switch {
	case wrong > 0:
		v.Verdict, v.VerdictClass = fmt.Sprintf("%d of %d runs came to no result", wrong, t.Rows), "fail"
	case failed > 0:
		v.Verdict, v.VerdictClass = fmt.Sprintf("expectations fail in %d of %d runs", failed, t.Rows), "fail"
	default:
		v.Verdict = fmt.Sprintf("no run of %d fails", t.Rows)
	}
	v.describe(dir, m, t, d)
	return v
}

// describe lists metrics and factors, and what to be careful with.
func (v *sweepView) describe(dir string, m *sweepManifest, t *results.Table, d *sweepData) {
	for i := range t.Columns {
		switch c := &t.Columns[i]; c.Role {
		case "metric":
			v.Metrics = append(v.Metrics, fact{c.Name, m.Metrics[c.Name]})
		case "factor":
			levels := distinct(c.Cells)
			text := fmt.Sprintf("%d values", len(levels))
			if len(levels) <= maxLevels {
				text = strings.Join(levels, ", ")
				if c.Unit != "" {
					text += " (" + c.Unit + ")"
				}
			}
			v.Factors = append(v.Factors, fact{c.Name, text})
		}
	}
	never, partly, same, several := false, false, 0, 0
	for _, e := range d.Effects {
		for _, l := range e.Means {
			never, partly = never || l.Never > 0, partly || l.Missing > 0
			if l.Samples > 1 {
				several++
				if l.Low == l.High {
					same++
				}
			}
		}
	}
	if several > 0 && same == several {
		v.Warnings = append(v.Warnings, results.IdenticalWarning+".")
	}
	if several == 0 && len(d.Effects) > 0 {
		v.Warnings = append(v.Warnings, "Means of one replication have no interval.")
	}
	if never {
		v.Warnings = append(v.Warnings, "Runs in which something never happened (inf) are left out of means; look at the table.")
	}
	if partly {
		v.Warnings = append(v.Warnings, "Runs without a value are left out of means.")
	}
	for _, f := range m.Files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name))
		if sum := sha256.Sum256(b); err != nil {
			v.Changed = f.Name + " cannot be read"
		} else if int64(len(b)) != f.Bytes || hex.EncodeToString(sum[:]) != f.SHA256 {
			v.Changed = f.Name + " is not the file that the sweep wrote"
		}
	}
	if v.Changed != "" {
		v.Verdict, v.VerdictClass = v.Verdict+", but the tables are not those of the sweep", "fail"
	}
}
