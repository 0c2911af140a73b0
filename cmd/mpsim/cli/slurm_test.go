//go:build slurm

package cli

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cluster starts Slurm on this machine alone, without systemd: Debian's slurm-wlm and
// munge have to be installed, and the test has to be root.
func cluster(t *testing.T) {
	t.Helper()
	for _, name := range []string{"slurmctld", "slurmd", "munged", "sbatch"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatal(err)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	dir := t.TempDir()
	conf := filepath.Join(dir, "slurm.conf")
	text := fmt.Sprintf(`ClusterName=one
SlurmctldHost=%[1]s(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
SlurmctldPort=%[3]d
SlurmdPort=%[4]d
StateSaveLocation=%[2]s/state
SlurmdSpoolDir=%[2]s/spool
SlurmctldPidFile=%[2]s/slurmctld.pid
SlurmdPidFile=%[2]s/slurmd.pid
SlurmctldLogFile=%[2]s/slurmctld.log
SlurmdLogFile=%[2]s/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
NodeName=%[1]s NodeAddr=127.0.0.1 CPUs=%[5]d State=UNKNOWN
PartitionName=local Nodes=%[1]s Default=YES MaxTime=INFINITE State=UP
`, host, dir, free(t), free(t), min(2, runtime.NumCPU()))
	for _, d := range []string{"state", "spool"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLURM_CONF", conf)
	if exec.Command("sh", "-c", "munge -n | unmunge").Run() != nil {
		must(t, "sh", "-c", "mkdir -p /run/munge && chown munge:munge /run/munge && su -s /bin/sh munge -c /usr/sbin/munged")
		t.Cleanup(func() { terminate("/run/munge/munged.pid") })
	}
	must(t, "slurmctld", "-c")
	t.Cleanup(func() { terminate(filepath.Join(dir, "slurmctld.pid")) })
	must(t, "slurmd", "-N", host)
	t.Cleanup(func() { terminate(filepath.Join(dir, "slurmd.pid")) })
	for range 100 {
		out, _ := exec.Command("sinfo", "-h", "-o", "%T").Output() // it fails until the controller answers
		if strings.TrimSpace(string(out)) == "idle" {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "slurmctld.log"))
	t.Fatalf("the node does not become idle:\n%s", log)
}

func must(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// free returns a port that nobody listens on.
func free(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// terminate ends the process of a pid file that this test has started.
func terminate(file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	time.Sleep(time.Second)
}

// A sweep by a real Slurm, one of whose tasks is taken away, gives the tables of the
// local engine.
func TestRealSlurm(t *testing.T) {
	cluster(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "mpsim")
	must(t, "go", "build", "-o", program, "mpsim/cmd/mpsim")
	for name, text := range map[string]string{
		"base.toml": "schema = 1\nname = \"base\"\nduration = \"10s\"\npaths = [\"a 10ms 50pkt 40Mbps\", \"b 20ms 50pkt 40Mbps\"]\n[[flow]]\nname = \"dl\"\nclient = \"client\"\nserver = \"server\"\n",
		"grid.toml": "schema = 1\nname = \"grid\"\nscenario = \"base.toml\"\nreplications = 4\n[set]\nlink.a.loss = 0.001\n[factors]\nlink.a.rate = [\"40Mbps\", \"20Mbps\"]\ndefaults.scheduler = [\"minrtt\", \"roundrobin\"]\n[metrics]\ngoodput = \"goodput(dl)\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sweep := func(args ...string) *exec.Cmd {
		c := exec.Command(program, append([]string{"sweep", "grid.toml", "--progress", "none"}, args...)...)
		c.Dir = dir
		return c
	}
	if out, err := sweep("--out", "local").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := sweep("--out", "cluster", "--engine", "slurm", "--tasks", "4")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	cancelled := false
	for range 100 { // a task waits or runs: take it away
		out, _ := exec.Command("squeue", "-h", "-r", "-o", "%i").Output()
		for _, id := range strings.Fields(string(out)) {
			if strings.HasSuffix(id, "_4") {
				must(t, "scancel", id)
				cancelled = true
			}
		}
		if cancelled {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	t.Logf("%s", said.String())
	if !cancelled || !strings.Contains(said.String(), "tasks 4 of 4") {
		t.Error("no task was taken away and submitted again")
	}
	for _, name := range []string{"table.csv", "table.parquet", "manifest.json"} {
		a, err := os.ReadFile(filepath.Join(dir, "local", name))
		b, err2 := os.ReadFile(filepath.Join(dir, "cluster", name))
		if err != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v %v", name, err, err2)
		}
	}
}
