package conformance

import (
	"embed"
	"fmt"
	"strings"
)

// Statement is one requirement of RFC 8684.
type Statement struct {
	// ID is the section and the number of the statement within it: "3.1-7".
	ID string
	// Must says that the keyword is MUST, SHALL or REQUIRED rather than SHOULD
	// or RECOMMENDED.
	Must bool
	Text string
	// Exempt is why no test can show the statement; empty: one must.
	Exempt string
}

// Section returns the number of the section that the statement stands in.
func (s *Statement) Section() string {
	sec, _, _ := strings.Cut(s.ID, "-")
	return sec
}

// Row is one row of the coverage table.
type Row struct {
	ID        string
	Mechanism string
	MustShow  string
	// Later is why no test shows the row: what it waits for, or where it is
	// described if that is all it asks for; empty: a test must.
	Later string
}

//go:embed rfc8684.txt exempt.txt rows.txt later.txt
var tables embed.FS

// Statements returns the requirements of RFC 8684 in the order of its text.
func Statements() ([]Statement, error) {
	exempt, err := reasons("exempt.txt")
	if err != nil {
		return nil, err
	}
	var out []Statement
	err = table("rfc8684.txt", 3, func(f []string) error {
		if f[1] != "MUST" && f[1] != "SHOULD" {
			return fmt.Errorf("%q is neither MUST nor SHOULD", f[1])
		}
		out = append(out, Statement{ID: f[0], Must: f[1] == "MUST", Text: f[2], Exempt: exempt[f[0]]})
		delete(exempt, f[0])
		return nil
	})
	for id := range exempt {
		return nil, fmt.Errorf("exempt.txt: there is no statement %s", id)
	}
	return out, err
}

// Rows returns the coverage table.
func Rows() ([]Row, error) {
	later, err := reasons("later.txt")
	if err != nil {
		return nil, err
	}
	var out []Row
	err = table("rows.txt", 3, func(f []string) error {
		out = append(out, Row{f[0], f[1], f[2], later[f[0]]})
		delete(later, f[0])
		return nil
	})
	for id := range later {
		return nil, fmt.Errorf("later.txt: there is no row %s", id)
	}
	return out, err
}

// reasons reads a file of ids and why no test shows them.
func reasons(name string) (map[string]string, error) {
	out := map[string]string{}
	err := table(name, 2, func(f []string) error {
		out[f[0]] = f[1]
		return nil
	})
	return out, err
}

// table reads lines of fields that are separated by tabs.
func table(name string, fields int, add func([]string) error) error {
	b, err := tables.ReadFile(name)
	if err != nil {
		return err
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != fields {
			return fmt.Errorf("%s:%d: %d fields, expected %d", name, n, len(f), fields)
		}
		if err := add(f); err != nil {
			return fmt.Errorf("%s:%d: %v", name, n, err)
		}
	}
	return nil
}
