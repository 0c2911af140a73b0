package live

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mpsim/net/wire"
)

// patience bounds every wait of a test. It only matters when something is
// wrong, so that a loaded machine fails nothing.
const patience = 60 * time.Second

// namespace makes a namespace for a test, or skips it.
func namespace(t *testing.T) *Namespace {
	t.Helper()
	if err := Supported(); err != nil {
		if os.Getenv("MPSIM_REQUIRE_LIVE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	n, err := NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// must fails the test if an error is one.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kernelSocket is a stream socket of the kernel in a namespace.
type kernelSocket struct {
	f   *os.File
	raw syscall.RawConn
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// newSocket makes a socket of a protocol (IPPROTO_TCP, IPPROTO_MPTCP) bound to
// an address.
func newSocket(n *Namespace, proto int, local netip.AddrPort) (*kernelSocket, error) {
	var s *kernelSocket
	err := n.Do(func() error {
		fd, err := unix.Socket(family(local.Addr()), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err := unix.Bind(fd, sockaddr(local)); err != nil {
			unix.Close(fd)
			return fmt.Errorf("bind %v: %w", local, err)
		}
		s, err = wrap(fd)
		return err
	})
	return s, err
}

func wrap(fd int) (*kernelSocket, error) {
	f := os.NewFile(uintptr(fd), "kernel socket")
	raw, err := f.SyscallConn()
	if err == nil {
		err = f.SetDeadline(time.Now().Add(patience))
	}
	return &kernelSocket{f, raw}, err
}

// connect opens the connection.
func (s *kernelSocket) connect(remote netip.AddrPort) error {
	var err error
	started := false
	werr := s.raw.Write(func(fd uintptr) bool {
		if !started {
			started = true
			err = unix.Connect(int(fd), sockaddr(remote))
			return err != unix.EINPROGRESS
		}
		var code int
		if code, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
			err = syscall.Errno(code)
		}
		return true
	})
	return errors.Join(err, werr)
}

// accept returns the next connection of a listening socket.
func (s *kernelSocket) accept() (*kernelSocket, error) {
	var c int
	var err error
	rerr := s.raw.Read(func(fd uintptr) bool {
		c, _, err = unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err != unix.EAGAIN
	})
	if err := errors.Join(err, rerr); err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	return wrap(c)
}

func (s *kernelSocket) control(f func(fd int) error) error {
	var err error
	cerr := s.raw.Control(func(fd uintptr) { err = f(int(fd)) })
	return errors.Join(err, cerr)
}

func (s *kernelSocket) listen() error {
	return s.control(func(fd int) error { return unix.Listen(fd, 16) })
}

// linger makes close an abort (SO_LINGER with time 0).
func (s *kernelSocket) linger() error {
	return s.control(func(fd int) error {
		return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
}

func (s *kernelSocket) shutdown() error {
	return s.control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

// isMPTCP reports whether the kernel has not fallen back to TCP (TCP_IS_MPTCP).
func (s *kernelSocket) isMPTCP() (bool, error) {
	var v int
	err := s.control(func(fd int) (err error) {
		v, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, 43)
		return err
	})
	return v != 0, err
}

// writeContent writes the bytes of the stream content in [off, off+n).
func (s *kernelSocket) writeContent(off, n int64) error {
	buf := make([]byte, 64<<10)
	for end := off + n; off < end; {
		b := buf[:min(int64(len(buf)), end-off)]
		wire.FillContent(b, uint64(off))
		k, err := s.f.Write(b)
		if err != nil {
			return fmt.Errorf("write at %d: %w", off, err)
		}
		off += int64(k)
	}
	return nil
}

// readContent reads up to n bytes (negative: to the end) and compares every one
// with the stream content from off on. It returns how many came.
func (s *kernelSocket) readContent(off uint64, n int64) (int64, error) {
	buf := make([]byte, 64<<10)
	var got int64
	for n < 0 || got < n {
		b := buf
		if n >= 0 {
			b = buf[:min(int64(len(buf)), n-got)]
		}
		k, err := s.f.Read(b)
		if ok := wire.ContentEqual(b[:k], off+uint64(got)); ok != k {
			return got, fmt.Errorf("byte %d of the stream is wrong", got+int64(ok))
		}
		got += int64(k)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, fmt.Errorf("read at %d: %w", got, err)
		}
	}
	return got, nil
}

func (s *kernelSocket) close() { s.f.Close() }
