package cli

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/google/renameio/v2/maybe"
)

var (
	hashLine   = regexp.MustCompile(`^(\s*hash\s*=\s*)("[^"]*"|'[^']*')(.*)$`)
	tableLine  = regexp.MustCompile(`^\s*\[`)
	headerLine = regexp.MustCompile(`^\s*\[\s*baseline\s*\]\s*(#.*)?$`)
)

// updateBaseline writes a hash into the [baseline] table of a scenario file and
// leaves every other byte as it is. A file without the table gets one at its
// end.
func updateBaseline(file, hash string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := withBaseline(string(b), hash)
	if err := maybe.WriteFile(file, []byte(text), info.Mode().Perm()); err != nil {
		return fmt.Errorf("updating the baseline: %w", err)
	}
	return nil
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
