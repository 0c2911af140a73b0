package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mpsim/results/plot"
)

var drawGallery = flag.Bool("gallery", false, "draw docs/gallery anew from scenarios of the library; a minute of work")

const galleryDir = "../../../docs/gallery"

// galleryRuns make what the figures are drawn from.
var galleryRuns = []string{
	"run scenarios/handover/wifi-lte.toml --events --out out/handover",
	"run docs/gallery/handshake.toml --packets --out out/handshake",
	"run scenarios/datacenter/fattree-permutation.toml --out out/fattree",
	"sweep scenarios/sweeps/rate-ratio.toml --out out/rate-ratio",
	"sweep docs/gallery/replications.toml --out out/replications",
	"sweep scenarios/sweeps/receive-buffer.toml --out out/receive-buffer",
}

// galleryFigures are the figures: name, remark, and what mpsim plot is given.
var galleryFigures = [][3]string{
	{"goodput", "WiFi is a black hole for ten seconds; the outage is shaded.", "out/handover --kind goodput"},
	{"cwnd", "", "out/handover --kind cwnd"},
	{"srtt", "", "out/handover --kind srtt"},
	{"dataseq", "", "out/handover --kind dataseq"},
	{"queue", "", "out/handover --kind queue"},
	{"load", "", "out/handover --kind load"},
	{"sequence", "What WiFi had in flight is granted to LTE again.", "out/handover --kind sequence --from 8.2 --to 9.2"},
	{"timeline", "", "out/handover --kind timeline --from 7.5 --to 9.5"},
	{"packets", "The scenario has a NAT, a firewall that takes MPTCP options out of SYNs, and a link that loses a packet each way; a label stands where its packet departs.", "out/handshake --kind packets"},
	{"cdf", "", "out/replications --kind cdf --by defaults.cc"},
	{"rank", "A permutation of a fat-tree: flows of one subflow, then of eight; those that share a link stand at the left.", "out/fattree --kind rank --by group"},
	{"bars", "", "out/rate-ratio --kind bars --x defaults.scheduler --where link.one.rate=4Mb/s"},
	{"box", "", "out/replications --kind box"},
	{"heatmap", "", "out/rate-ratio --kind heatmap"},
	{"scatter", "", "out/rate-ratio --kind scatter --x share_one --y goodput --by defaults.scheduler"},
	{"bounds", "What theory says of the receive buffer are columns of the sweep.", "out/receive-buffer --kind scatter --x defaults.receive_buffer --y goodput --bound path_bdp --bound longest_rtt_times_sum --log"},
	{"samples", "", "out/handover --kind cdf --samples srtt_s"},
}

// The gallery has a figure of each kind, not above 2 MB together; with -gallery it is drawn.
func TestGallery(t *testing.T) {
	page := galleryPage()
	if *drawGallery {
		writeGallery(t, page)
	}
	b, err := os.ReadFile(filepath.Join(galleryDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != page {
		t.Error("docs/gallery/README.md is not what this test writes: go test ./cmd/mpsim/cli -run TestGallery -gallery")
	}
	total := int64(0)
	for _, k := range plot.Kinds {
		if !slices.ContainsFunc(galleryFigures, func(f [3]string) bool { return strings.Contains(f[2]+" ", "--kind "+k.Name+" ") }) {
			t.Errorf("no figure of kind %s", k.Name)
		}
	}
	for _, f := range galleryFigures {
		svg, err := os.ReadFile(filepath.Join(galleryDir, f[0]+".svg"))
		if err != nil {
			t.Error(err)
			continue
		}
		if total += int64(len(svg)); !bytes.HasPrefix(svg, []byte("<?xml")) || !bytes.Contains(svg, []byte("</text>")) {
			t.Errorf("%s.svg is no figure with texts", f[0])
		}
	}
	if total > 2<<20 {
		t.Errorf("the figures take %d bytes", total)
	}
}

func galleryPage() string {
	var b strings.Builder
	b.WriteString("# Gallery\n\nEvery kind of figure that `mpsim plot` draws, from scenarios of the library. `go test ./cmd/mpsim/cli -run TestGallery -gallery` draws\n" +
		"them anew; what they are drawn from is made by\n\n```\n")
	for _, r := range galleryRuns {
		b.WriteString("mpsim " + r + "\n")
	}
	b.WriteString("```\n")
	for _, f := range galleryFigures {
		doc := ""
		for _, k := range plot.Kinds {
			if strings.Contains(f[2]+" ", "--kind "+k.Name+" ") {
				doc = strings.ToUpper(k.Doc[:1]) + k.Doc[1:] + "."
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```\nmpsim plot %s -o %s.svg\n```\n\n![%s](%s.svg)\n", f[0], strings.TrimSpace(doc+" "+f[1]), f[2], f[0], f[0], f[0])
	}
	return b.String()
}

// galleryCall returns what calls the program with the paths of the gallery: below out/ of a
// temporary directory, and in the source.
func galleryCall(t *testing.T) func(line string, more ...string) {
	out := t.TempDir()
	return func(line string, more ...string) {
		t.Helper()
		args := append(append([]string{"mpsim"}, strings.Fields(line)...), more...)
		for i, a := range args {
			if rest, ok := strings.CutPrefix(a, "out/"); ok {
				args[i] = filepath.Join(out, rest)
			} else if strings.HasPrefix(a, "scenarios/") || strings.HasPrefix(a, "docs/") {
				args[i] = filepath.Join("../../..", a)
			}
		}
		var said bytes.Buffer
		if code := Run(context.Background(), args, &said, &said); code != exitOK {
			t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), code, said.String())
		}
	}
}

func writeGallery(t *testing.T, page string) {
	t.Helper()
	call := galleryCall(t)
	for _, r := range galleryRuns {
		call(r)
	}
	if err := os.MkdirAll(galleryDir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, f := range galleryFigures {
		call("plot "+f[2], "-o", filepath.Join(galleryDir, f[0]+".svg"))
	}
	if err := os.WriteFile(filepath.Join(galleryDir, "README.md"), []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
}
