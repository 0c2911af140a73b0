package live

import (
	"net/netip"
	"os"
	"testing"
)

// Parameters set in a namespace are not those of the machine.
func TestNamespaceIsItsOwn(t *testing.T) {
	n := namespace(t)
	const name = "net.mptcp.add_addr_timeout"
	outside, err := os.ReadFile(sysctlPath(name))
	must(t, err)
	must(t, n.SetSysctl(name, "77"))
	if v, err := n.Sysctl(name); err != nil || v != "77" {
		t.Errorf("%s is %q, %v", name, v, err)
	}
	if now, err := os.ReadFile(sysctlPath(name)); err != nil || string(now) != string(outside) {
		t.Errorf("%s of the machine is %q, was %q, %v", name, now, outside, err)
	}
	if err := n.SetSysctl("kernel.hostname", "x"); err == nil {
		t.Error("a parameter of the machine could be set")
	}
	c, err := n.Counters()
	must(t, err)
	if v, ok := c["MPCapableSYNRX"]; !ok || v != 0 {
		t.Errorf("MPCapableSYNRX is %d, %v in a new namespace", v, ok)
	}
}

// The kernel takes endpoints and limits and refuses what does not exist.
func TestPathManagerConfiguration(t *testing.T) {
	n := namespace(t)
	must(t, n.SetPathLimits(3, 4))
	if err := n.SetPathLimits(3, 9); err == nil {
		t.Error("nine subflows were accepted, the kernel has eight at most")
	}
	a := netip.MustParseAddr("10.1.0.1")
	must(t, n.AddPathEndpoint(PathEndpoint{ID: 3, Addr: a, Flags: PathSignal}))
	must(t, n.AddPathEndpoint(PathEndpoint{Addr: netip.MustParseAddr("fd00::1"), Flags: PathSubflow | PathBackup}))
	must(t, n.ChangePathEndpoint(PathEndpoint{ID: 4}))
	must(t, n.DeletePathEndpoint(PathEndpoint{ID: 3}))
	if err := n.DeletePathEndpoint(PathEndpoint{ID: 3}); err == nil {
		t.Error("an endpoint could be deleted twice")
	}
	must(t, n.FlushPathEndpoints())
	if err := n.DeletePathEndpoint(PathEndpoint{ID: 4}); err == nil {
		t.Error("an endpoint was there after the flush")
	}
}

func TestParseCounters(t *testing.T) {
	b := []byte("TcpExt: A B\nTcpExt: 1 2\nMPTcpExt: C D\nMPTcpExt: 3 4\n")
	c, err := parseCounters(b, "MPTcpExt:")
	if err != nil || len(c) != 2 || c["C"] != 3 || c["D"] != 4 {
		t.Errorf("%v, %v", c, err)
	}
	for _, bad := range []string{"", "MPTcpExt: C D\n", "MPTcpExt: C D\nMPTcpExt: 3\n", "MPTcpExt: C\nMPTcpExt: x\n"} {
		if _, err := parseCounters([]byte(bad), "MPTcpExt:"); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
