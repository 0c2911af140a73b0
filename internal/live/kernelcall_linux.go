package live

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"mpsim/internal/packetdrill"
)

// System calls of a script, carried out for real. A call that the script expects
// to block has a thread of its own; others are made on the script's thread, and
// a watchdog ends those that block all the same.

// blockingCall is a call in execution.
type blockingCall struct {
	p    *packetdrill.Pending
	call *packetdrill.Call
	r    result
	at   time.Time
	done chan struct{}
}

// result is what a call returned.
type result struct {
	value int64
	err   error
	ints  []int64
	text  []byte
	polls []packetdrill.Poll
	flags []string
}

// stuck is how long a call may take that the script does not expect to block.
const stuck = 2 * time.Second

// Call implements [packetdrill.System].
func (k *Kernel) Call(c *packetdrill.Call) (*packetdrill.Pending, error) {
	f, err := k.prepare(c)
	if err != nil {
		return nil, err
	}
	k.begin()
	k.drain()
	p := new(packetdrill.Pending)
	b := &blockingCall{p: p, call: c, done: make(chan struct{})}
	if c.Blocking {
		k.blocking = append(k.blocking, b)
		go func() {
			b.r = f()
			b.at = time.Now()
			close(b.done)
			one := [8]byte{1}
			unix.Write(k.wake, one[:])
		}()
		return p, nil
	}
	watchdog := time.AfterFunc(stuck, func() { unix.Shutdown(c.FD, unix.SHUT_RDWR) })
	b.r, b.at = f(), time.Now()
	if !watchdog.Stop() {
		return nil, fmt.Errorf("%s blocks", c.Name)
	}
	k.returned(b)
	k.drain()
	return p, nil
}

// collect fills in the calls that have returned meanwhile.
func (k *Kernel) collect() {
	var buf [8]byte
	unix.Read(k.wake, buf[:])
	k.blocking = slices.DeleteFunc(k.blocking, func(b *blockingCall) bool {
		select {
		case <-b.done:
			k.returned(b)
			return true
		default:
			return false
		}
	})
}

func (k *Kernel) returned(b *blockingCall) {
	p := b.p
	p.Done, p.At = true, simTime(b.at.Sub(k.start))
	p.Value, p.Ints, p.Bytes, p.Polls, p.Flags = b.r.value, b.r.ints, b.r.text, b.r.polls, b.r.flags
	if b.r.err == nil {
		if b.call.Name == "accept" || b.call.Name == "accept4" {
			k.fds = append(k.fds, int(p.Value))
		}
		return
	}
	p.Value = -1
	p.Errno = b.r.err.Error()
	if e, ok := b.r.err.(unix.Errno); ok {
		p.Errno = unix.ErrnoName(e)
	}
}

// messageFlags are those of send and recv.
var messageFlags = map[string]int{
	"MSG_DONTWAIT": unix.MSG_DONTWAIT, "MSG_NOSIGNAL": unix.MSG_NOSIGNAL, "MSG_FASTOPEN": unix.MSG_FASTOPEN,
	"MSG_PEEK": unix.MSG_PEEK, "MSG_WAITALL": unix.MSG_WAITALL, "MSG_OOB": unix.MSG_OOB, "MSG_MORE": unix.MSG_MORE,
	"MSG_TRUNC": unix.MSG_TRUNC, "MSG_ERRQUEUE": unix.MSG_ERRQUEUE,
}

// prepare returns the function that carries a call out.
func (k *Kernel) prepare(c *packetdrill.Call) (func() result, error) {
	switch c.Name {
	case "socket":
		return func() result { return k.socket(c) }, nil
	case "bind":
		return func() result { return result{err: unix.Bind(c.FD, sockaddr(c.Addr))} }, nil
	case "listen":
		return func() result { return result{err: unix.Listen(c.FD, int(c.N))} }, nil
	case "accept", "accept4":
		return func() result { return k.accept(c) }, nil
	case "connect":
		return func() result { return result{err: unix.Connect(c.FD, sockaddr(c.Addr))} }, nil
	case "write", "send", "sendmsg", "sendto", "read", "recv", "recvfrom", "recvmsg":
		return transferCall(c)
	case "shutdown":
		return shutdownCall(c)
	case "close":
		return func() result {
			k.fds = slices.DeleteFunc(k.fds, func(fd int) bool { return fd == c.FD })
			return result{err: unix.Close(c.FD)}
		}, nil
	case "fcntl":
		return fcntlCall(c)
	case "ioctl":
		return ioctlCall(c)
	case "poll":
		return pollCall(c)
	case "setsockopt":
		return setOptionCall(c)
	case "getsockopt":
		return getOptionCall(c)
	}
	return nil, fmt.Errorf("live mode has no system call %s", c.Name)
}

// sockaddr returns an address as system calls take it.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func (k *Kernel) socket(c *packetdrill.Call) (r result) {
	family, proto, kind := unix.AF_INET, unix.IPPROTO_TCP, unix.SOCK_STREAM|unix.SOCK_CLOEXEC
	if k.cfg.IPv6 {
		family = unix.AF_INET6
	}
	if c.MPTCP {
		proto = unix.IPPROTO_MPTCP
	}
	if c.NonBlock {
		kind |= unix.SOCK_NONBLOCK
	}
	k.n.Do(func() error {
		var fd int
		if fd, r.err = unix.Socket(family, kind, proto); r.err == nil {
			r.value = int64(fd)
			k.fds = append(k.fds, fd)
			if k.controller != "" {
				r.err = unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, k.controller)
			}
		}
		return nil
	})
	return r
}

func (k *Kernel) accept(c *packetdrill.Call) result {
	flags := unix.SOCK_CLOEXEC
	if slices.Contains(c.Flags, "SOCK_NONBLOCK") {
		flags |= unix.SOCK_NONBLOCK
	}
	fd, _, err := unix.Accept4(c.FD, flags)
	return result{value: int64(fd), err: err}
}

// transferCall is a call that sends zero bytes, as the original tool does, or
// reads.
func transferCall(c *packetdrill.Call) (func() result, error) {
	flags := unix.MSG_NOSIGNAL
	for _, w := range c.Flags {
		f, ok := messageFlags[w]
		if !ok {
			return nil, fmt.Errorf("live mode does not know the flag %s of %s", w, c.Name)
		}
		flags |= f
	}
	b := make([]byte, c.N)
	number := func(n int, err error) result { return result{value: int64(n), err: err} }
	switch c.Name {
	case "read":
		return func() result { return number(unix.Read(c.FD, b)) }, nil
	case "recv", "recvfrom", "recvmsg":
		return func() result {
			n, _, err := unix.Recvfrom(c.FD, b, flags&^unix.MSG_NOSIGNAL)
			return number(n, err)
		}, nil
	}
	var to unix.Sockaddr
	if c.Addr.IsValid() {
		to = sockaddr(c.Addr)
	}
	return func() result { return number(unix.SendmsgN(c.FD, b, nil, to, flags)) }, nil
}

func shutdownCall(c *packetdrill.Call) (func() result, error) {
	how, ok := map[string]int{"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2, "0": 0, "1": 1, "2": 2}[c.Option]
	if !ok {
		return nil, fmt.Errorf("shutdown has no %s", c.Option)
	}
	return func() result { return result{err: unix.Shutdown(c.FD, how)} }, nil
}

func fcntlCall(c *packetdrill.Call) (func() result, error) {
	switch c.Option {
	case "F_GETFL":
		return func() result {
			v, err := unix.FcntlInt(uintptr(c.FD), unix.F_GETFL, 0)
			r := result{err: err, flags: []string{"O_RDWR"}}
			if v&unix.O_NONBLOCK != 0 {
				r.flags = append(r.flags, "O_NONBLOCK")
			}
			return r
		}, nil
	case "F_SETFL":
		return func() result {
			return result{err: unix.SetNonblock(c.FD, slices.Contains(c.Flags, "O_NONBLOCK"))}
		}, nil
	}
	return nil, fmt.Errorf("live mode has no fcntl %s", c.Option)
}

func ioctlCall(c *packetdrill.Call) (func() result, error) {
	req, ok := map[string]uint{
		"SIOCINQ": unix.TIOCINQ, "FIONREAD": unix.TIOCINQ, "SIOCOUTQ": unix.TIOCOUTQ, "TIOCOUTQ": unix.TIOCOUTQ,
	}[c.Option]
	if !ok {
		return nil, fmt.Errorf("live mode has no ioctl %s", c.Option)
	}
	return func() result {
		v, err := unix.IoctlGetInt(c.FD, req)
		return result{err: err, ints: []int64{int64(v)}}
	}, nil
}

// pollNames are the events of poll(2) in the order in which they are compared.
var pollNames = []struct {
	name string
	bit  int16
}{
	{"POLLIN", unix.POLLIN}, {"POLLPRI", unix.POLLPRI}, {"POLLOUT", unix.POLLOUT},
	{"POLLERR", unix.POLLERR}, {"POLLHUP", unix.POLLHUP}, {"POLLRDHUP", unix.POLLRDHUP},
}

func pollCall(c *packetdrill.Call) (func() result, error) {
	fds := make([]unix.PollFd, len(c.Polls))
	for i, p := range c.Polls {
		fds[i].Fd = int32(p.FD)
		for _, n := range pollNames {
			if slices.Contains(p.Events, n.name) {
				fds[i].Events |= n.bit
			}
		}
	}
	return func() result {
		n, err := unix.Poll(fds, int(c.Timeout.Milliseconds()))
		r := result{value: int64(n), err: err, polls: slices.Clone(c.Polls)}
		for i := range fds {
			for _, n := range pollNames {
				if fds[i].Revents&n.bit != 0 {
					r.polls[i].Revents = append(r.polls[i].Revents, n.name)
				}
			}
		}
		return r
	}, nil
}
