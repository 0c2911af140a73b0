package cli

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"mpsim/scenarios"
)

var (
	hashLine   = regexp.MustCompile(`^(\s*hash\s*=\s*)("[^"]*"|'[^']*')(.*)$`)
	tableLine  = regexp.MustCompile(`^\s*\[`)
	headerLine = regexp.MustCompile(`^\s*\[\s*baseline\s*\]\s*(#.*)?$`)
)

// update writes the parts of the baseline that do not hold into the file of a run whose
// expectations do, and notes what changed. A file that pins numbers only gets no hash.
func (v *verdictOf) update(hasNumbers bool) error {
	var failed []scenarios.NumberReport
	for _, n := range v.outcome.Numbers {
		if !n.Pass {
			failed = append(failed, n)
		}
	}
	hash := ""
	if is := v.outcome.Summary.Hash; v.baseline != is && !(v.baseline == "" && hasNumbers) {
		hash = is
	}
	if hash == "" && len(failed) == 0 {
		return nil
	}
	if err := updateBaseline(v.file, hash, failed); err != nil {
		return err
	}
	for i := range v.outcome.Numbers {
		n := &v.outcome.Numbers[i]
		if !n.Pass {
			v.changes = append(v.changes, fmt.Sprintf("%s -> %s: %s", n.Text, n.Update, n.Off))
			n.Text, n.Pass = n.Update, true
		}
	}
	if hash != "" {
		was := v.baseline
		if was == "" {
			was = "none"
		}
		v.changes = append(v.changes, fmt.Sprintf("hash %s -> %s", was, hash))
		v.baseline, v.updated = hash, true
	}
	return nil
}

// updateBaseline writes a hash (unless it is empty) into the [baseline] table of a
// scenario file, and numbers in place of old ones, and leaves every other byte as it is. A
// file without the table gets one at its end.
func updateBaseline(file, hash string, numbers []scenarios.NumberReport) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(b)
	if text, err = withNumbers(text, file, numbers); err != nil {
		return err
	}
	if hash != "" {
		text = withBaseline(text, hash)
	}
	if err := maybe.WriteFile(file, []byte(text), info.Mode().Perm()); err != nil {
		return fmt.Errorf("updating the baseline: %w", err)
	}
	return nil
}

// withNumbers replaces numeric baselines in the text of a file.
func withNumbers(text, file string, numbers []scenarios.NumberReport) (string, error) {
	lines := strings.SplitAfter(text, "\n")
	for _, n := range slices.Backward(numbers) { // those behind it on a line stay where they are
		fault := func(why string) error { return fmt.Errorf("%v: %s: %s", n.Pos, n.Text, why) }
		switch {
		case n.Update == "":
			return "", fault("the value measured, " + n.Value + ", cannot be pinned")
		case n.Pos.File != file || n.Pos.Line < 1 || n.Pos.Line > len(lines):
			return "", fault("the baseline stands elsewhere")
		}
		line := []rune(lines[n.Pos.Line-1])
		from := min(n.Pos.Col, len(line)) // behind the opening quote
		if !strings.HasPrefix(string(line[from:]), n.Text) {
			return "", fault("the baseline is not written as one plain string, so that it cannot be replaced")
		}
		lines[n.Pos.Line-1] = string(line[:from]) + n.Update + strings.TrimPrefix(string(line[from:]), n.Text)
	}
	return strings.Join(lines, ""), nil
}

func withBaseline(text, hash string) string {
	lines := strings.SplitAfter(text, "\n")
	inside := false
	for i, l := range lines {
		end := ""
		body := strings.TrimRight(l, "\r\n")
		end = l[len(body):]
		if tableLine.MatchString(body) {
			if inside { // the table ends without a hash
				lines[i] = fmt.Sprintf("hash = %q\n", hash) + l
				return strings.Join(lines, "")
			}
			inside = headerLine.MatchString(body)
			continue
		}
		if m := hashLine.FindStringSubmatch(body); inside && m != nil {
			lines[i] = fmt.Sprintf("%s%q%s%s", m[1], hash, m[3], end)
			return strings.Join(lines, "")
		}
	}
	text = strings.Join(lines, "")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if inside {
		return text + fmt.Sprintf("hash = %q\n", hash)
	}
	return text + fmt.Sprintf("\n[baseline]\nhash = %q\n", hash)
}
