package live

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	tunPath     = "/dev/net/tun"
	enabledPath = "/proc/sys/net/mptcp/enabled"
)

// Supported says why live mode cannot run here; nil: it can. It needs root, TUN
// devices and a kernel with MPTCP.
func Supported() error {
	if os.Geteuid() != 0 {
		return errors.New("live mode needs root: it makes a network namespace and TUN devices")
	}
	for _, p := range []string{tunPath, enabledPath} {
		if _, err := os.Stat(p); err != nil {
			return fmt.Errorf("live mode needs %s: %w", p, err)
		}
	}
	return nil
}

// Namespace is a network namespace of its own with one thread in it. Nothing
// that is done there is seen outside: devices, addresses, sysctls below net.ipv4,
// net.ipv6 and net.mptcp, and counters belong to the namespace.
type Namespace struct {
	calls chan func()
	done  chan error // the thread has left
}

// NewNamespace makes a network namespace, in which only the loopback device is
// up, every interface accepts packets from anywhere (no reverse path filter), TCP
// remembers nothing of earlier connections, and new IPv6 addresses are used at
// once.
func NewNamespace() (*Namespace, error) {
	n := &Namespace{calls: make(chan func()), done: make(chan error, 1)}
	entered := make(chan error, 1)
	go n.serve(entered)
	if err := <-entered; err != nil {
		return nil, fmt.Errorf("new network namespace: %w", err)
	}
	if err := n.Do(initialise); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// serve is the thread in the namespace: it enters, does what it is asked to, and
// returns to where it was.
func (n *Namespace) serve(entered chan<- error) {
	runtime.LockOSThread()
	outside, err := netns.Get()
	if err == nil {
		err = unix.Unshare(unix.CLONE_NEWNET)
	}
	entered <- err
	if err != nil {
		outside.Close()
		runtime.UnlockOSThread()
		return
	}
	for f := range n.calls {
		f()
	}
	err = netns.Set(outside)
	outside.Close()
	if err == nil { // otherwise the thread ends with the goroutine
		runtime.UnlockOSThread()
	}
	n.done <- err
}

// Do calls f on the thread in the namespace. Sockets and devices that f makes
// belong to the namespace wherever they are used later.
func (n *Namespace) Do(f func() error) error {
	var err error
	done := make(chan struct{})
	n.calls <- func() { err = f(); close(done) }
	<-done
	return err
}

// Close leaves the namespace. It ends when its sockets and devices are closed.
func (n *Namespace) Close() error {
	close(n.calls)
	return <-n.done
}

func initialise() error {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("loopback device: %w", err)
	}
	for _, s := range [][2]string{
		{"net.ipv4.conf.all.rp_filter", "0"},
		{"net.ipv4.conf.default.rp_filter", "0"},
		{"net.ipv4.tcp_no_metrics_save", "1"},
		{"net.ipv6.conf.all.disable_ipv6", "0"},
		{"net.ipv6.conf.default.disable_ipv6", "0"},
		{"net.ipv6.conf.default.accept_dad", "0"},
		{"net.ipv6.conf.default.router_solicitations", "0"},
		{"net.ipv6.conf.default.addr_gen_mode", "1"}, // no link-local address of its own
		{"net.mptcp.enabled", "1"},
	} {
		if err := setSysctl(s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}
