package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// The parts of a page that are the same in all.
//
//go:embed page/*.html page/*.css page/*.js uplot/uPlot.iife.min.js uplot/uPlot.min.css uplot/LICENSE
var parts embed.FS

// part returns an embedded file.
func part(name string) string {
	b, err := parts.ReadFile(name)
	if err != nil {
		panic(err) // it was there when the program was built
	}
	return string(b)
}

// The scripts and styles of a page, in their order. uPlot is needed by pages of runs only.
var (
	plotScript = "uplot/uPlot.iife.min.js"
	plotStyle  = "uplot/uPlot.min.css"
	runScripts = []string{"page/base.js", "page/figures.js", "page/lanes.js", "page/packets.js", "page/events.js"}
	sweepParts = []string{"page/base.js", "page/table.js", "page/effects.js"}
)

// page is what becomes a file.
type page struct {
	title   string
	body    string // name of the template
	view    any    // what it shows
	data    any    // for the scripts
	blobs   *blobs
	scripts []string // in the order of execution
	styles  []string
}

// write writes the page.
func (p *page) write(b *bytes.Buffer) error {
	data, err := json.Marshal(p.data) // <, > and & are escaped
	if err != nil {
		return err
	}
	var scripts, styles []string
	for _, names := range p.scripts {
		var text strings.Builder
		for name := range strings.SplitSeq(names, " ") {
			text.WriteString(strings.TrimSuffix(part(name), "\n") + "\n")
		}
		scripts = append(scripts, text.String())
	}
	for _, name := range p.styles {
		styles = append(styles, strings.TrimSuffix(part(name), "\n")+"\n")
	}
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	fmt.Fprintf(b, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src%s; style-src%s; base-uri 'none'; form-action 'none'\">\n",
		hashes(scripts), hashes(styles))
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n")
	b.WriteString("<meta name=\"generator\" content=\"mpsim report\">\n")
	fmt.Fprintf(b, "<title>%s</title>\n", template.HTMLEscapeString(p.title))
	for _, s := range styles {
		fmt.Fprintf(b, "<style>%s</style>\n", s)
	}
	b.WriteString("</head>\n<body>\n")
	t, err := template.New("").Funcs(words4pages).ParseFS(parts, "page/*.html")
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(b, p.body, p.view); err != nil {
		return err
	}
	if len(p.blobs.list) > 0 {
		// uPlot asks that its licence goes with it.
		fmt.Fprintf(b, "<!--\nuPlot 1.6.32\n%s-->\n", part("uplot/LICENSE"))
	}
	fmt.Fprintf(b, "<script type=\"application/json\" id=\"data\">%s</script>\n", data)
	for i, text := range p.blobs.texts {
		fmt.Fprintf(b, "<script type=\"application/json\" id=\"b%d\">\"%s\"</script>\n", i, text)
	}
	for _, s := range scripts {
		fmt.Fprintf(b, "<script>%s</script>\n", s)
	}
	b.WriteString("</body>\n</html>\n")
	return nil
}

// hashes returns the sources of a policy that are exactly these texts.
func hashes(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		sum := sha256.Sum256([]byte(text))
		fmt.Fprintf(&b, " 'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return b.String()
}

// words4pages are the functions of templates.
var words4pages = template.FuncMap{
	"rate":    func(v any) string { return withUnit(number(v), rateUnits) },
	"size":    func(v any) string { return withUnit(number(v), sizeUnits) },
	"time":    func(v any) string { return withUnit(number(v), timeUnits) },
	"percent": func(v any) string { return short(number(v)*100) + " %" },
	"count":   func(v any) string { return grouped(number(v)) },
	"short":   func(v any) string { return short(number(v)) },
}

// number reads what a summary holds.
func number(v any) float64 {
	switch x := v.(type) {
	case fmt.Stringer:
		f, err := strconv.ParseFloat(x.String(), 64)
		if err == nil {
			return f
		}
	case nil:
		return math.NaN()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

type unit struct {
	factor float64 // what one is worth
	name   string
}

// The units of a page, the largest first.
var (
	rateUnits = []unit{{1e9, "Gb/s"}, {1e6, "Mb/s"}, {1e3, "kb/s"}, {1, "b/s"}}
	sizeUnits = []unit{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}}
	timeUnits = []unit{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}}
)

// withUnit prints a number in the largest unit in which it is at least 1.
func withUnit(v float64, units []unit) string {
	if math.IsNaN(v) {
		return "–"
	}
	u := units[len(units)-1]
	if v == 0 {
		u = units[max(0, len(units)-4)]
		if u.factor >= 1e6 {
			u = units[len(units)-1]
		}
	}
	for _, x := range units {
		if v != 0 && math.Abs(v) >= x.factor*0.99995 {
			u = x
			break
		}
	}
	return short(v/u.factor) + " " + u.name
}

// short prints a number with four significant digits.
func short(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	text := strconv.FormatFloat(v, 'g', 4, 64)
	if strings.Contains(text, "e+") && math.Abs(v) < 1e15 {
		return grouped(math.Round(v))
	}
	return text
}

// grouped prints an integer with its digits in groups of three.
func grouped(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	text := strconv.FormatFloat(v, 'f', 0, 64)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return sign + text
}
