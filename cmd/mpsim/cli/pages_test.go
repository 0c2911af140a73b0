package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp/pm"
	"mpsim/sched"
)

// page is a page of docs/models.
type page struct {
	file, text string
	sections   []string
}

var sectionLine = regexp.MustCompile(`(?m)^## (.+)$`)

// modelPages returns the pages by the names in their titles: "# smapp-backup, smapp-stream",
// "# cost (controller)".
func modelPages(t *testing.T) map[string]page {
	t.Helper()
	files, err := filepath.Glob("../../../docs/models/*.md")
	if err != nil || len(files) < 50 {
		t.Fatal(len(files), err)
	}
	pages := map[string]page{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p := page{file: filepath.Base(f), text: string(b)}
		for _, m := range sectionLine.FindAllStringSubmatch(p.text, -1) {
			p.sections = append(p.sections, m[1])
		}
		title, _, _ := strings.Cut(p.text, "\n")
		for name := range strings.SplitSeq(strings.TrimPrefix(title, "# "), ", ") {
			pages[name] = p
		}
	}
	return pages
}

// Every controller, scheduler and path manager has a page that says its formula or rule,
// where it comes from, where it departs from that and how it is tested, and that names each
// of its parameters.
func TestEveryPluginHasAPage(t *testing.T) {
	pages := modelPages(t)
	check := func(kind, name string, shared bool, params []cc.Param) {
		title := name
		if shared {
			title += " (" + kind + ")"
		}
		p, ok := pages[title]
		if !ok {
			t.Errorf("%s %q: no page in docs/models has the title %q", kind, name, title)
			return
		}
		for _, want := range [][]string{{"Formula", "Rule", "Rules", "Estimates"}, {"Source", "Sources"}, {"Departures", "Decisions and departures", "Departures and decisions"}, {"Tests"}} {
			if !slices.ContainsFunc(want, func(s string) bool { return slices.Contains(p.sections, s) }) {
				t.Errorf("%s: no section %q", p.file, want[0])
			}
		}
		for _, x := range params {
			if !strings.Contains(p.text, "`"+x.Name+"`") && !strings.Contains(p.text, "`"+x.Name+" = ") {
				t.Errorf("%s: parameter %s of %s is not explained", p.file, x.Name, name)
			}
		}
	}
	// A scheduler has the bare name where two kinds share one.
	taken := cc.Names(sched.Specs())
	for _, s := range cc.Specs() {
		check("controller", s.Name, slices.Contains(taken, s.Name), s.Params)
	}
	for _, s := range sched.Specs() {
		check("scheduler", s.Name, false, s.Params)
	}
	for _, s := range pm.Specs() {
		check("path manager", s.Name, slices.Contains(taken, s.Name), s.Params)
	}
}

// The names that are promised are there.
func TestPromisedPlugins(t *testing.T) {
	for _, v := range []struct {
		kind     string
		have     []string
		promised string
	}{
		{"controller", cc.Names(cc.Specs()), "reno cubic dctcp vegas bbr lia olia balia wvegas ewtcp coupled semicoupled epsilon xmp westwood-coordinated mpcubic sbd mpt-bm cost"},
		{"scheduler", cc.Names(sched.Specs()), "minrtt roundrobin weighted random redundant backup overflow blest ecf daps stms sttf qaware cost jitter equalsplit mirror alternate-bytes linux"},
		{"path manager", cc.Names(pm.Specs()), "fullmesh ndiffports binder linux singlepath subnet ondemand smapp-backup smapp-fullmesh smapp-stream smapp-refresh scripted server"},
	} {
		for name := range strings.FieldsSeq(v.promised) {
			if !slices.Contains(v.have, name) {
				t.Errorf("there is no %s %q", v.kind, name)
			}
		}
	}
}
