package packetdrill

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mpsim/mptcp"
)

// scripts returns the scripts below testdata.
func scripts(t testing.TB) []string {
	var files []string
	for _, dir := range []string{"tcp", "mptcp", "rfc8684", "rfc6824", "fastopen"} {
		m, err := filepath.Glob("testdata/" + dir + "/*.pkt")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, m...)
	}
	if len(files) < 53 {
		t.Fatalf("only %d scripts", len(files))
	}
	return files
}

// load parses a script for one family; nil: the script is not for that family.
func load(t testing.TB, file, text, family string) *Script {
	t.Helper()
	sc, err := Parse(file, text, []string{"--ip_version=ip" + family})
	if err != nil {
		t.Fatal(err)
	}
	if len(sc.Families) > 0 && !slices.Contains(sc.Families, family) {
		return nil
	}
	return sc
}

func execute(sc *Script, strict bool) error {
	return Run(sc, NewSimulated(sc.Config, mptcp.Linux(), 1), Options{Strict: strict})
}

// TestScripts runs every script in both families, as the original tool would and
// strictly. Those of tcp and mptcp passed on Linux 6.18.
//
// row:B1 row:B2 row:B8 row:A11 row:C1
func TestScripts(t *testing.T) {
	for _, file := range scripts(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".pkt")
		t.Run(name, func(t *testing.T) {
			for _, family := range []string{"v4", "v6"} {
				for _, strict := range []bool{false, true} {
					sc := load(t, file, string(text), family)
					if sc == nil {
						continue
					}
					if err := execute(sc, strict); err != nil {
						t.Errorf("%s, strict %v: %v", family, strict, err)
					}
				}
			}
		})
	}
}

func addrOf(s string) netip.Addr { return netip.MustParseAddr(s) }
