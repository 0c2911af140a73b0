//go:build long

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// overfull is what LaTeX says of a box that is wider than its column, with how much.
var overfull = regexp.MustCompile(`Overfull \\\\hbox \(([0-9.]+)pt too wide\)`)

// Every figure of the gallery is set by LaTeX in a column of an article: without an error, and
// not wider than the column by more than 3 points. It needs pdflatex with pgfplots (Debian's
// texlive-latex-base and texlive-pictures) and is left out without, unless MPSIM_REQUIRE_LATEX
// is set.
func TestGalleryInLaTeX(t *testing.T) {
	pdflatex, err := exec.LookPath("pdflatex")
	if err == nil {
		err = exec.Command("kpsewhich", "pgfplots.sty").Run()
	}
	if err != nil {
		if os.Getenv("MPSIM_REQUIRE_LATEX") != "" {
			t.Fatalf("pdflatex with pgfplots: %v", err)
		}
		t.Skipf("pdflatex with pgfplots: %v", err)
	}
	call := galleryCall(t)
	for _, r := range galleryRuns {
		call(r)
	}
	dir := t.TempDir()
	for _, f := range galleryFigures {
		call("plot "+f[2], "-o", filepath.Join(dir, f[0]+".tex"))
		document := "\\documentclass[twocolumn]{article}\n\\usepackage[T1]{fontenc}\n\\usepackage[margin=2cm]{geometry}\n\\usepackage{textcomp,pgfplots}\n\\pgfplotsset{compat=1.16}\n" +
			"\\begin{document}\n\\noindent\\input{" + f[0] + ".tex}\n\\end{document}\n"
		if err := os.WriteFile(filepath.Join(dir, "main.tex"), []byte(document), 0o666); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(dir, "main.pdf"))
		c := exec.Command(pdflatex, "-interaction=nonstopmode", "-halt-on-error", "main.tex")
		c.Dir = dir
		said, err := c.CombinedOutput()
		if err != nil {
			at := max(bytes.Index(said, []byte("\n!")), 0)
			t.Errorf("%s: %v\n%.600s", f[0], err, said[at:])
			continue
		}
		if m := overfull.FindSubmatch(said); m != nil {
			if width, _ := strconv.ParseFloat(string(m[1]), 64); width > 3 {
				t.Errorf("%s is %s pt too wide", f[0], m[1])
			}
		}
		pdf, err := os.ReadFile(filepath.Join(dir, "main.pdf"))
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
			t.Errorf("%s: %v", f[0], err)
		}
	}
}
