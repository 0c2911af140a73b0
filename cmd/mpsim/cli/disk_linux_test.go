package cli

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// small mounts a file system of so many bytes, for which a test needs rights.
func small(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if os.Getenv("MPSIM_REQUIRE_MOUNT") != "" {
			t.Fatal(err)
		}
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	return dir
}

// fill writes into a file until nothing more fits on its disk.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 16, 1 << 12, 1} {
		for b := make([]byte, size); err == nil; {
			_, err = f.Write(b)
		}
		err = nil
	}
}

// snapshot is every path below a directory with the content of files.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			out[p] = "directory"
			return err
		}
		b, err := os.ReadFile(p)
		out[p] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const diskScenario = `schema = 1
name = "disk"
duration = "500ms"
paths = ["a 10ms 50pkt 4Mbps", "b 20ms 50pkt 4Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
[expect]
intact = "corrupt_bytes(dl) == 0"
`

const diskSweep = `schema = 1
name = "disks"
scenario = "disk.toml"
replications = %
[set]
link.a.loss = 0.01
[factors]
link.a.rate = ["4Mbps", "2Mbps"]
[metrics]
goodput = "goodput(dl)"
`

// mpsimIn runs a command line and returns its exit code and what it prints.
func mpsimIn(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var said bytes.Buffer
	code := Run(context.Background(), append([]string{"mpsim"}, args...), &said, &said)
	return code, said.String()
}

// writers are the commands that write, into a directory that holds results of each of
// them already, and what of it they would replace.
func writers(src, dst string) map[string][]string {
	at := func(name string) string { return filepath.Join(dst, name) }
	scenario, sweep := filepath.Join(src, "disk.toml"), filepath.Join(src, "more.toml")
	return map[string][]string{
		"run":                   {"run", scenario, "--seed", "2", "--pcap", "--events=all", "--out", at("run")},
		"run into a new one":    {"run", scenario, "--pcap", "--events=all", "--out", at("new-run")},
		"run --trace":           {"run", scenario, "--out", filepath.Join(src, "elsewhere"), "--trace", at("events.trace")},
		"sweep --resume":        {"sweep", sweep, "--out", at("sweep"), "--resume", "--progress", "none"},
		"sweep into a new one":  {"sweep", sweep, "--out", at("new-sweep"), "--progress", "none"},
		"sweep --shard":         {"sweep", sweep, "--out", at("sweep"), "--resume", "--shard", "1/1", "--progress", "none"},
		"sweep merge":           {"sweep", "merge", sweep, "--out", at("sweep"), filepath.Join(src, "sweep")},
		"test --update":         {"test", at("disk.toml"), "--update"},
		"test --junit":          {"test", scenario, "--junit", at("report.xml")},
		"test --tap":            {"test", scenario, "--tap", at("report.tap")},
		"plot":                  {"plot", filepath.Join(src, "run"), "-o", at("figure.png")},
		"plot .pdf":             {"plot", filepath.Join(src, "run"), "-o", at("figure.pdf")},
		"plot .tex":             {"plot", filepath.Join(src, "run"), "-o", at("figure.tex")},
		"plot --data":           {"plot", filepath.Join(src, "run"), "--data", at("figure.csv")},
		"plot of a sweep":       {"plot", filepath.Join(src, "sweep"), "--kind", "bars", "--x", "link.a.rate", "--metric", "goodput", "-o", at("figure.svg")},
		"report":                {"report", filepath.Join(src, "run"), "-o", at("report.html")},
		"report of a sweep":     {"report", filepath.Join(src, "sweep"), "-o", at("report.html")},
		"new --force":           {"new", "two-path", at("disk.toml"), "--force"},
		"scenarios copy":        {"scenarios", "copy", "basic/two-paths.toml", dst, "--force"},
		"scenarios copy, new":   {"scenarios", "copy", "basic/requests.toml", dst},
		"trace convert":         {"trace", "convert", filepath.Join(src, "link.mahi"), "-o", at("link.csv")},
		"trace convert, events": {"trace", "convert", filepath.Join(src, "run.trace"), "-o", at("events.jsonl")},
		"packetdrill, a report": {"packetdrill", filepath.Join(src, "empty.pkt"), "--junit", at("report.xml")},
	}
}

// Every command that writes, on a full disk and where nothing may be written: it fails
// with exit code 2 and a message that names file and reason, and all that was there is
// as it was, byte for byte, with nothing beside it. (A sweep whose disk has room for some
// more lines of its journal keeps the runs that fitted.)
func TestFullAndReadOnlyDisks(t *testing.T) {
	src, disk := t.TempDir(), small(t, "16m")
	dst := filepath.Join(disk, "results")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	fine := func(args ...string) {
		t.Helper()
		if code, said := mpsimIn(t, args...); code != 0 {
			t.Fatalf("mpsim %v: exit code %d: %s", args, code, said)
		}
	}
	if err := os.Mkdir(dst, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{src, dst} {
		write(filepath.Join(dir, "disk.toml"), diskScenario)
		write(filepath.Join(dir, "sweep.toml"), strings.Replace(diskSweep, "%", "2", 1))
		write(filepath.Join(dir, "more.toml"), strings.Replace(diskSweep, "%", "40", 1))
		fine("run", filepath.Join(src, "disk.toml"), "--pcap", "--out", filepath.Join(dir, "run"))
		fine("sweep", filepath.Join(src, "sweep.toml"), "--out", filepath.Join(dir, "sweep"), "--progress", "none")
	}
	fine("sweep", filepath.Join(src, "more.toml"), "--out", filepath.Join(src, "sweep"), "--resume", "--progress", "none")
	fine("run", filepath.Join(src, "disk.toml"), "--out", filepath.Join(src, "run"), "--trace", filepath.Join(src, "run.trace"))
	write(filepath.Join(src, "link.mahi"), strings.Repeat("1\n", 5000)+"10\n")
	write(filepath.Join(src, "empty.pkt"), "0.000 `true`\n")
	for _, name := range []string{"report.xml", "report.tap", "figure.png", "figure.pdf", "figure.tex", "figure.csv", "figure.svg", "link.csv", "events.jsonl", "events.trace", "two-paths.toml", "report.html"} {
		write(filepath.Join(dst, name), "mine\n")
	}
	filler := filepath.Join(disk, "filler")
	for _, kind := range []string{"full", "read-only"} {
		want := []string{"no space left on device"}
		if kind == "full" {
			fill(t, filler)
		} else {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			want[0] = "read-only file system"
		}
		before := snapshot(t, dst)
		for name, args := range writers(src, dst) {
			code, said := mpsimIn(t, args...)
			if code != exitUsage || !strings.Contains(said, want[0]) || !strings.Contains(said, dst) {
				t.Errorf("%s disk, %s: exit code %d: %s", kind, name, code, said)
			}
			after := snapshot(t, dst)
			for p, text := range after {
				if old, known := before[p]; !known {
					t.Errorf("%s disk, %s: leaves %s", kind, name, p)
				} else if old != text && !(strings.HasSuffix(p, ".journal") && strings.HasPrefix(text, old)) {
					t.Errorf("%s disk, %s: %s has changed", kind, name, p)
				}
			}
			for p := range before {
				if _, still := after[p]; !still {
					t.Errorf("%s disk, %s: %s is gone", kind, name, p)
				}
			}
			before = after
		}
		// What only reads does its work.
		fine("diff", filepath.Join(dst, "run"), filepath.Join(dst, "disk.toml"))
		if code, said := mpsimIn(t, "diff", filepath.Join(dst, "sweep"), "--by", "link.a.rate"); code > exitFailed {
			t.Errorf("%s disk: diff of a sweep: exit code %d: %s", kind, code, said)
		}
		fine("plot", filepath.Join(dst, "run"), "-o", filepath.Join(src, "figure.png"))
		fine("test", filepath.Join(dst, "disk.toml"))
	}
}
