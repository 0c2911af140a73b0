package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"mpsim/internal/version"
	"mpsim/results"
)

// Manifest says what a sweep directory is a result of. It is a function of the sweep
// and the version: two machines write the same bytes.
type Manifest struct {
	Schema  int    `json:"schema"`
	Kind    string `json:"kind"` // "sweep"
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Version string `json:"version"`
	Seed    uint64 `json:"seed"`
	Common  bool   `json:"common_random_numbers"`
	Points  int    `json:"points"`
	Runs    int    `json:"runs"`
	// Design is the hash over the names of all runs in order: over everything that
	// determines the table.
	Design       string            `json:"design"`
	Replications Replicas          `json:"replications"`
	Metrics      map[string]string `json:"metrics"`
	Columns      []Column          `json:"columns"`
	// Data are the files of the data directory that the runs have read.
	Data  []results.File `json:"data,omitempty"`
	Files []results.File `json:"files"`
}

// Replicas says how many replications the points have.
type Replicas struct {
	Min       int            `json:"min"`
	Max       int            `json:"max"`
	Precision results.Number `json:"precision,omitempty"`
	Level     results.Number `json:"confidence,omitempty"`
	Metric    string         `json:"metric,omitempty"`
}

func (p *Plan) manifest(t *table, files map[string][]byte) ([]byte, error) {
	m := Manifest{
		Schema: results.SchemaVersion, Kind: "sweep", Name: p.Name, Title: p.Title, Version: version.Version, Seed: p.Seed, Common: p.Common,
		Points: len(p.Points), Runs: len(t.cells), Columns: t.columns, Metrics: make(map[string]string),
		Replications: Replicas{Min: p.Replications.Min, Max: p.Replications.Max, Precision: results.Number(p.Replications.Precision), Level: results.Number(p.Replications.Level), Metric: p.Replications.Metric},
	}
	h := sha256.New()
	for _, c := range t.cells {
		h.Write([]byte(c[0]))
	}
	m.Design = hex.EncodeToString(h.Sum(nil))
	m.Data = p.data.list()
	for i := range p.metrics {
		m.Metrics[p.measures[i].Name] = p.measures[i].Expr
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		m.Files = append(m.Files, results.File{Name: name, Bytes: int64(len(files[name])), SHA256: hex.EncodeToString(sum[:])})
	}
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}
