package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpsim/scenarios"
)

// finding is what `mpsim doctor` says about one thing of the machine. Simulation
// itself needs none of them.
type finding struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Found is the place, version or state; of what is missing the reason or
	// remedy.
	Found string `json:"found"`
	Use   string `json:"use"` // what it is for
}

func (p *program) doctorCommand() *cobra.Command {
	var asJSON bool
	var data string
	var require []string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "say which optional tools and rights this machine has, and what each is for",
		Long: "doctor looks for the programs, devices and rights that some commands and tests use. Simulation needs none of them:\n" +
			"run, test, lint, plot and list work with the program alone. The exit code is 0 whatever is missing, unless\n" +
			"--require names it: then 1.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list := examine(data)
			var names, missing []string
			for _, f := range list {
				names = append(names, f.Name)
				if !f.OK && slices.Contains(require, f.Name) {
					missing = append(missing, f.Name)
				}
			}
			for _, r := range require {
				if !slices.Contains(names, r) {
					return usage(fmt.Errorf("--require %s: doctor knows %s", r, strings.Join(names, ", ")))
				}
			}
			if asJSON {
				if err := json.NewEncoder(p.out).Encode(list); err != nil {
					return err
				}
			} else {
				p.printFindings(list)
			}
			if len(missing) > 0 {
				return &exitError{exitFailed, fmt.Errorf("required and missing: %s", strings.Join(missing, ", "))}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	c.Flags().StringSliceVar(&require, "require", nil, "fail if one of these `names`, separated by commas, is missing")
	dataFlag(c, &data)
	return c
}

func (p *program) printFindings(list []finding) {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	for _, f := range list {
		state := "ok"
		if !f.OK {
			state = "missing"
		}
		t.AppendRow(table.Row{f.Name, state, f.Found, f.Use})
	}
	fmt.Fprintln(p.out, render(t))
}

// tools are programs that are looked for in PATH; any of the names will do.
var tools = []struct {
	name     string
	programs []string
	version  string // the argument that prints it
	remedy   string
	use      string
}{
	{"go", []string{"go"}, "version", "install Go 1.26", "building plug-ins in Go, and the tests"},
	{"tshark", []string{"tshark"}, "--version", "apt-get install tshark", "judging captures by Wireshark's dissectors: tests of packet formats"},
	{"tcpdump", []string{"tcpdump"}, "--version", "apt-get install tcpdump", "comparing with mpsim decode by hand; nothing uses it"},
	{"chromium", []string{"chromium", "chromium-browser", "google-chrome"}, "--version", "apt-get install chromium", "tests of HTML reports"},
	{"python3", []string{"python3"}, "--version", "apt-get install python3-pandas", "tests that tables read in pandas"},
	{"slurm", []string{"sbatch"}, "--version", "apt-get install slurm-wlm", "sweeps on a cluster"},
	{"qemu-aarch64", []string{"qemu-aarch64"}, "--version", "apt-get install qemu-user", "the test that other processors give the same runs"},
}

// examine looks at the machine.
func examine(data string) []finding {
	var out []finding
	for _, t := range tools {
		f := finding{Name: t.name, Found: t.remedy, Use: t.use}
		for _, program := range t.programs {
			file, err := exec.LookPath(program)
			if err != nil {
				continue
			}
			f.OK, f.Found = true, file
			if text, err := exec.Command(file, t.version).Output(); err == nil {
				line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
				f.Found = strings.TrimSpace(line)
			} else {
				f.OK, f.Found = false, fmt.Sprintf("%s does not work: %v", file, err)
			}
			break
		}
		out = append(out, f)
	}
	return append(out, rootRights(), tunDevice(), kernelMPTCP(), dataDirectory(data), cores())
}

func rootRights() finding {
	f := finding{Name: "root", OK: os.Geteuid() == 0, Found: "user id 0", Use: "network namespaces of the tests against real kernels"}
	if !f.OK {
		f.Found = fmt.Sprintf("user id %d", os.Geteuid())
	}
	return f
}

func tunDevice() finding {
	const device = "/dev/net/tun"
	f := finding{Name: "tun", Found: device, Use: "the endpoint facing this machine's kernel (docs/LIVE.md)"}
	file, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		f.Found = err.Error()
		return f
	}
	f.OK = true
	if err := file.Close(); err != nil {
		f.Found = err.Error()
	}
	return f
}

func kernelMPTCP() finding {
	f := finding{Name: "kernel-mptcp", Use: "comparing with Linux's implementation (docs/LIVE.md)"}
	text, err := os.ReadFile("/proc/sys/net/mptcp/enabled")
	switch {
	case err != nil:
		f.Found = "this kernel has no MPTCP: " + err.Error()
	case strings.TrimSpace(string(text)) != "1":
		f.Found = "switched off: sysctl net.mptcp.enabled=1"
	default:
		f.OK, f.Found = true, "net.mptcp.enabled = 1"
		if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
			f.Found = "Linux " + strings.TrimSpace(string(release))
		}
	}
	return f
}

func dataDirectory(asked string) finding {
	dir := scenarios.DataDir(asked)
	f := finding{Name: "data", Use: "recorded link traces, maps and flow sizes (docs/SCENARIOS.md)"}
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.Found = err.Error() + "; --data or MPSIM_DATA names the directory"
		return f
	}
	var sets []string
	for _, e := range entries {
		if e.IsDir() {
			sets = append(sets, e.Name())
		}
	}
	if f.OK = len(sets) > 0; !f.OK {
		f.Found = filepath.Clean(dir) + " holds no directory of recordings"
		return f
	}
	f.Found = filepath.Clean(dir) + ": " + strings.Join(sets, ", ")
	return f
}

func cores() finding {
	n := runtime.GOMAXPROCS(0)
	return finding{Name: "cores", OK: n > 1, Found: fmt.Sprint(n), Use: "several runs at a time; one run on several cores (docs/PARALLEL.md)"}
}
