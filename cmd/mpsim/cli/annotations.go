package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// writeAnnotations prints the failures of a scenario as workflow commands of GitHub
// Actions, which show them beside the line of the file ("Workflow commands for GitHub
// Actions", setting an error message).
func writeAnnotations(w io.Writer, v *verdictOf) {
	for _, pt := range v.points() {
		if pt.ok {
			continue
		}
		file, line, col := v.file, 1, 1
		if pt.pos.Line > 0 {
			file, line, col = pt.pos.File, pt.pos.Line, pt.pos.Col
		}
		text := pt.name + ": " + pt.detail
		if len(v.divergence) > 0 {
			text += "\n" + strings.Join(v.divergence, "\n")
		}
		fmt.Fprintf(w, "::error file=%s,line=%d,col=%d,title=%s::%s\n", property(filepath.ToSlash(file)), line, col, property(v.name()), message(text))
	}
}

// message and property escape what would end the data or a property of a workflow
// command, as GitHub's own toolkit does (actions/toolkit, command.ts).
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
