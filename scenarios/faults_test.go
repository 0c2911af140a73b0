package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/sim"
)

// faulty runs boxedPaths with a box on both links.
func faulty(t *testing.T, box, flow string) *World {
	t.Helper()
	var boxes string
	for _, link := range []string{"wifi", "lte"} {
		boxes += fmt.Sprintf("[[link]]\nname = %q\n[[link.box]]\nname = \"at-%s\"\n%s\n", link, link, box)
	}
	return runText(t, fmt.Sprintf(boxedPaths, boxes, flow, flow), Run{Verify: true})
}

// Delays, reordering, copies and changed bits: every byte arrives, and the boxes have
// acted. A corrupted packet counts as lost: it never reaches the connection.
func TestFaultsInATransfer(t *testing.T) {
	for _, box := range []string{
		"type = \"delay\"\ndelay = \"20ms\"\njitter = \"10ms\"\ndistribution = \"normal\"",
		"type = \"delay\"\ndelay = \"20ms\"\njitter = \"10ms\"\ndistribution = \"pareto\"\nkeep_order = false",
		"type = \"reorder\"\ndelay = \"15ms\"\ngap = 3\nprobability = 0.25",
		"type = \"duplicate\"\nprobability = 0.1",
		"type = \"corrupt\"\nprobability = 0.02",
	} {
		w := faulty(t, box, "")
		acted := uint64(0)
		for _, b := range w.boxes {
			acted += b.box.Acted()
		}
		for _, name := range []string{"dl", "up"} {
			if f := w.byFlow[name].record; f.Bytes != 400_000 || f.Done == sim.Never || f.Corrupt != 0 {
				t.Errorf("%s: %d bytes, %d wrong, with\n%s", name, f.Bytes, f.Corrupt, box)
			}
		}
		if acted < 5 {
			t.Errorf("acted %d times:\n%s", acted, box)
		}
	}
}

// A bit of the payload changes and TCP's checksum is made right. Without DSS checksums the
// application receives wrong bytes and nobody knows; with them the subflow is given up and
// no byte is wrong (RFC 8684 section 3.7).
func TestCorruptionAndDSSChecksum(t *testing.T) {
	const box = "type = \"corrupt\"\nfix_checksum = true\npackets = \"data\"\nfirst = 20\ncount = 1"
	text := func(checksum string) *World {
		boxes := "[[link]]\nname = \"lte\"\n[[link.box]]\nname = \"at-lte\"\n" + box + "\n"
		flow := fmt.Sprintf("checksum = %q\n", checksum)
		return runText(t, fmt.Sprintf(strings.Replace(boxedPaths, "via = \"wifi\"\nsize", "via = \"wifi\"\n"+flow+"size", 1), boxes, "", ""), Run{Verify: true})
	}
	w := text("refused")
	if f := w.byFlow["dl"].record; f.Corrupt == 0 || f.Bytes != 400_000 {
		t.Errorf("without checksums: %d bytes, %d wrong", f.Bytes, f.Corrupt)
	}
	w = text("required")
	if f := w.byFlow["dl"].record; f.Corrupt != 0 || f.Bytes != 400_000 || f.Done == sim.Never {
		t.Errorf("with checksums: %d bytes, %d wrong", f.Bytes, f.Corrupt)
	}
	if n := counterOf(t, w, "client", "DataCsumErr"); n != 1 {
		t.Errorf("%d checksum errors counted", n)
	}
}

// Both paths pause for 300 ms and nothing is lost: without a drop the transfer goes on, and
// takes as much longer, timeouts and all.
func TestPauseInATransfer(t *testing.T) {
	const pause = "[[at]]\ntime = \"150ms\"\naction = \"link.pause\"\nlinks = [\"wifi\", \"lte\"]\n[[at]]\ntime = \"450ms\"\naction = \"link.resume\"\nlinks = [\"wifi\", \"lte\"]\n"
	plain := runText(t, fmt.Sprintf(boxedPaths, "", "", ""), Run{})
	w := runText(t, fmt.Sprintf(boxedPaths, pause, "", ""), Run{})
	for _, name := range []string{"dl", "up"} {
		f, before := w.byFlow[name].record, plain.byFlow[name].record
		if f.Bytes != 400_000 || f.Corrupt != 0 || f.Done < before.Done.Add(250*sim.Millisecond) || f.Done > before.Done.Add(sim.Second) {
			t.Errorf("%s: %d bytes at %v, without a pause at %v", name, f.Bytes, f.Done, before.Done)
		}
	}
	for _, l := range w.links {
		if st := l.link.Stats(); st.DownDrops != 0 {
			t.Errorf("%s: %d packets lost", l.name, st.DownDrops)
		}
	}
	if len(w.timeline.outages) != 0 {
		t.Error("a pause counts as an outage")
	}
}

// Correlations as keys: of loss and jitter of a link, of a direction, and of what a box
// picks; each changes the run, and nothing else does.
func TestCorrelationKeys(t *testing.T) {
	hash := func(text string) string {
		w := runText(t, fmt.Sprintf(boxedPaths, "[[link]]\nname = \"lte\"\n"+text, "", ""), Run{})
		return w.Hash().String()
	}
	for _, keys := range [][2]string{
		{"loss = 0.05\n", "loss_correlation = \"25%\"\n"},
		{"jitter = \"5ms\"\n", "jitter_correlation = 0.5\n"},
		{"[link.down]\nloss = 0.05\n", "loss_correlation = 0.5\n"},
		{"[[link.box]]\ntype = \"duplicate\"\nprobability = 0.1\n", "correlation = 0.5\n"},
		{"[[link.box]]\ntype = \"delay\"\njitter = \"5ms\"\n", "delay_correlation = 50\n"},
	} {
		without, zero, with := hash(keys[0]), hash(keys[0]+keys[1][:strings.Index(keys[1], "=")]+"= 0\n"), hash(keys[0]+keys[1])
		if without != zero || with == without {
			t.Errorf("%q: %s without, %s with 0, %s with %q", keys[0], without, zero, with, keys[1])
		}
	}
}
