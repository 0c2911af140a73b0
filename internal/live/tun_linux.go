package live

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tun is a TUN device: what the kernel sends on it is read from the file, what
// is written to the file arrives there.
type tun struct {
	name string
	fd   int
}

// openTUN makes a TUN device in the namespace of the calling thread, with the
// kernel's addresses on it, up.
func openTUN(i *Interface, mtu int) (*tun, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tunPath, err)
	}
	d := &tun{name: i.Name, fd: fd}
	if err := d.configure(i, mtu); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("device %s: %w", i.Name, err)
	}
	return d, nil
}

func (d *tun) configure(i *Interface, mtu int) error {
	req, err := unix.NewIfreq(i.Name)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(d.fd, unix.TUNSETIFF, req); err != nil {
		return err
	}
	link, err := netlink.LinkByName(i.Name)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMTU(link, mtu); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	for _, p := range i.Kernel {
		a := &netlink.Addr{IPNet: ipNet(p)}
		if p.Addr().Is6() {
			a.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(link, a); err != nil {
			return fmt.Errorf("address %v: %w", p, err)
		}
		if err := awaitAddress(p.Addr()); err != nil {
			return err
		}
	}
	return nil
}

// addressDelay bounds the time in which an address becomes the kernel's own.
const addressDelay = 5 * time.Second

// awaitAddress returns when packets to an address are taken in: for IPv6 the
// kernel has that done by a thread of its own, some time after the address is
// there.
func awaitAddress(a netip.Addr) error {
	for end := time.Now().Add(addressDelay); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		r, err := netlink.RouteGet(a.AsSlice())
		if err == nil && len(r) > 0 && r[0].Type == unix.RTN_LOCAL {
			return nil
		}
	}
	return fmt.Errorf("address %v: not usable within %v", a, addressDelay)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// read takes the next packet from the device; 0: there is none now.
func (d *tun) read(b []byte) (int, error) {
	for {
		n, err := unix.Read(d.fd, b)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, fmt.Errorf("device %s: %w", d.name, err)
		}
	}
}

// write puts a packet on the device. The kernel takes it in within the call; a
// packet that it has no memory for is lost, as on any link.
func (d *tun) write(b []byte) error {
	for {
		_, err := unix.Write(d.fd, b)
		switch err {
		case nil, unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
			return nil
		case unix.EINTR:
		default:
			return fmt.Errorf("device %s: %w", d.name, err)
		}
	}
}

func (d *tun) close() error { return unix.Close(d.fd) }
