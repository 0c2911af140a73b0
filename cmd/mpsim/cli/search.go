package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// searchFlag is the flag of the commands that list.
func searchFlag(c *cobra.Command, search *string) {
	c.Flags().StringVar(search, "search", "", "list only what holds all these `words`, in names, descriptions or parameters; upper and lower case are the same")
}

// holdsAll reports whether a text holds every one of the words.
func holdsAll(text, words string) bool {
	text = strings.ToLower(text)
	for w := range strings.FieldsSeq(strings.ToLower(words)) {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// searched returns the rows that hold all words, in the name, the description, or
// those of a parameter.
func searched(rows []row, words string) []row {
	out := []row{}
	for _, r := range rows {
		text := []string{r.Name, r.Doc}
		for _, q := range r.Params {
			text = append(text, q.Name, q.Doc)
		}
		if holdsAll(strings.Join(text, "\n"), words) {
			out = append(out, r)
		}
	}
	return out
}

// searchAll looks in every table; a row is named KIND/NAME.
func (p *program) searchAll(words string) []row {
	out := []row{}
	for _, l := range listings() {
		for _, r := range searched(l.rows(p), words) {
			r.Name = l.kind + "/" + r.Name
			out = append(out, r)
		}
	}
	return out
}
