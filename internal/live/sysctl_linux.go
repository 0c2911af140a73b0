package live

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// SetSysctl sets a parameter of the namespace, such as "net.mptcp.checksum_enabled".
// Only parameters below net.ipv4, net.ipv6 and net.mptcp belong to a namespace;
// others are refused.
func (n *Namespace) SetSysctl(name, value string) error {
	return n.Do(func() error { return setSysctl(name, value) })
}

// Sysctl returns a parameter of the namespace.
func (n *Namespace) Sysctl(name string) (value string, err error) {
	err = n.Do(func() error {
		b, err := os.ReadFile(sysctlPath(name))
		value = strings.TrimSpace(string(b))
		return err
	})
	return value, err
}

func setSysctl(name, value string) error {
	if !strings.HasPrefix(name, "net.ipv4.") && !strings.HasPrefix(name, "net.ipv6.") && !strings.HasPrefix(name, "net.mptcp.") {
		return fmt.Errorf("sysctl %s does not belong to a network namespace", name)
	}
	if err := os.WriteFile(sysctlPath(name), []byte(value), 0); err != nil {
		return fmt.Errorf("sysctl %s=%s: %w", name, value, err)
	}
	return nil
}

func sysctlPath(name string) string {
	return "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
}

// Counters returns the counters of the kernel's MPTCP in the namespace by the
// names that they have in group MPTcpExt of /proc/net/netstat.
func (n *Namespace) Counters() (map[string]uint64, error) {
	var c map[string]uint64
	err := n.Do(func() error {
		// Not /proc/net: that is the namespace of the first thread.
		b, err := os.ReadFile("/proc/thread-self/net/netstat")
		if err != nil {
			return err
		}
		c, err = parseCounters(b, "MPTcpExt:")
		return err
	})
	return c, err
}

// parseCounters reads one group of /proc/net/netstat: a line of names and a line
// of values, each after the name of the group.
func parseCounters(b []byte, group string) (map[string]uint64, error) {
	var rows [][]string
	for line := range bytes.Lines(b) {
		f := strings.Fields(string(line))
		if len(f) > 0 && f[0] == group {
			rows = append(rows, f[1:])
		}
	}
	if len(rows) != 2 || len(rows[0]) != len(rows[1]) {
		return nil, fmt.Errorf("no group %s in /proc/net/netstat", group)
	}
	c := make(map[string]uint64, len(rows[0]))
	for i, name := range rows[0] {
		v, err := strconv.ParseUint(rows[1][i], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("counter %s: %w", name, err)
		}
		c[name] = v
	}
	return c, nil
}
