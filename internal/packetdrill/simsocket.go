package packetdrill

import (
	"fmt"
	"net/netip"
	"slices"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/tcp"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// simSocket is a socket of the simulated system.
type simSocket struct {
	fd        int
	mptcp     bool
	nonblock  bool
	bound     netip.AddrPort
	peer      netip.AddrPort
	has       bool // conn is valid
	listening bool
	dialled   bool
	deferred  bool // TCP_FASTOPEN_CONNECT: the first write dials
	connected bool
	over      bool
	shutRead  bool
	shutWrite bool
	err       string // pending SO_ERROR
	conn      mptcp.ConnID
	queue     []*simSocket // of a listener: established, not accepted
	opt       socketOptions
	// sendBuffer is the size of the endpoint's send buffer in bytes.
	sendBuffer int64
}

// errnoOf is the error that Linux leaves on a socket that ended for a reason.
func errnoOf(why trace.Reason, connected bool) string {
	switch why {
	case trace.Graceful:
		return ""
	case trace.TimedOut:
		return "ETIMEDOUT"
	case trace.Unreachable:
		return "EHOSTUNREACH"
	}
	if !connected {
		return "ECONNREFUSED"
	}
	return "ECONNRESET"
}

// Call implements [System].
func (s *Simulated) Call(c *Call) (*Pending, error) {
	p := &Pending{}
	try, err := s.begin(c, p)
	if err != nil {
		return nil, err
	}
	if !s.try(p, try) {
		at := sim.Never
		if c.Name == "poll" && c.Timeout >= 0 {
			at = s.now.Add(c.Timeout)
		}
		if d := s.timeout(c); d > 0 {
			// SO_SNDTIMEO and SO_RCVTIMEO: the call gives up.
			at = s.now.Add(d)
			begun := try
			try = func() bool { return begun() || s.now >= at && failed(p, "EAGAIN") }
		}
		s.waiting = append(s.waiting, &waiter{p, try, at})
	}
	s.pump()
	return p, nil
}

func (s *Simulated) try(p *Pending, try func() bool) bool {
	if !try() {
		return false
	}
	p.Done, p.At = true, s.now
	return true
}

// begin returns the function that carries a call out, when it can.
func (s *Simulated) begin(c *Call, p *Pending) (func() bool, error) {
	if c.Name == "socket" && c.MPTCP && !s.sysctl.enabled {
		return fails(p, "ENOPROTOOPT"), nil
	}
	if c.Name == "socket" {
		k := &simSocket{fd: len(s.sockets), mptcp: c.MPTCP, nonblock: c.NonBlock, opt: newSocketOptions()}
		s.sockets = append(s.sockets, k)
		p.Value = int64(k.fd)
		return done, nil
	}
	if c.Name == "poll" {
		begin := s.now
		return func() bool { return s.poll(c, p, begin) }, nil
	}
	k := s.sockets[c.FD]
	if k == nil {
		return fails(p, "EBADF"), nil
	}
	for _, f := range c.Flags {
		switch f {
		case "MSG_DONTWAIT", "MSG_NOSIGNAL", "MSG_FASTOPEN", "O_RDWR", "O_NONBLOCK", "SOCK_NONBLOCK", "SOCK_CLOEXEC":
		default:
			return nil, fmt.Errorf("the simulated system does not know the flag %s of %s", f, c.Name)
		}
	}
	dontWait := k.nonblock || slices.Contains(c.Flags, "MSG_DONTWAIT")
	switch c.Name {
	case "bind":
		k.bound = c.Addr
		return done, nil
	case "listen":
		return s.listen(k, c, p), nil
	case "accept", "accept4":
		return func() bool { return s.accept(k, c, p) }, nil
	case "connect":
		return s.connect(k, c, p), nil
	case "write", "send", "sendmsg", "sendto":
		return s.write(k, c, p, dontWait), nil
	case "read", "recv", "recvfrom", "recvmsg":
		return func() bool { return s.read(k, c, p, dontWait) }, nil
	case "shutdown":
		return s.shutdown(k, c, p)
	case "close":
		s.close(k)
		return done, nil
	case "fcntl":
		return s.fcntl(k, c, p)
	case "ioctl":
		return s.ioctl(k, c, p)
	case "setsockopt":
		return s.setOption(k, c, p)
	case "getsockopt":
		return s.getOption(k, c, p)
	}
	return nil, fmt.Errorf("the simulated system has no system call %s", c.Name)
}

// timeout is how long a call of a socket may block; 0: for ever.
func (s *Simulated) timeout(c *Call) sim.Duration {
	if c.Name == "poll" || s.sockets[c.FD] == nil {
		return 0
	}
	o := &s.sockets[c.FD].opt
	switch c.Name {
	case "accept", "accept4", "read", "recv", "recvfrom", "recvmsg":
		return o.rcvtimeo
	case "write", "send", "sendmsg", "sendto", "connect":
		return o.sndtimeo
	}
	return 0
}

func done() bool { return true }

// fails makes a call return -1 with an error.
func fails(p *Pending, errno string) func() bool {
	p.Value, p.Errno = -1, errno
	return done
}

// failed completes a call with an error.
func failed(p *Pending, errno string) bool {
	p.Value, p.Errno = -1, errno
	return true
}

// socketConfig makes the options for the endpoint from those of a socket and of
// the host.
func (s *Simulated) socketConfig(k *simSocket) (*mptcp.SocketOptions, error) {
	o := &mptcp.SocketOptions{
		Name:          fmt.Sprintf("fd %d", k.fd),
		SendBuffer:    s.sysctl.wmemMax,
		ReceiveMemory: s.sysctl.rmem,
		MSS:           s.cfg.MSS,
		NoDelay:       k.opt.noDelay,
		Keepalive:     k.opt.keepAlive,
		FastOpen:      s.fastOpen(k),
		Checksum:      s.sysctl.checksum,
	}
	if k.mptcp {
		o.Protocol = mptcp.MPTCP
	}
	if k.opt.sndbuf > 0 {
		o.SendBuffer = k.opt.sndbuf
	}
	if k.opt.rcvbuf > 0 {
		o.ReceiveBuffer, o.ReceiveMemory = k.opt.rcvbuf, tcp.Memory{}
	}
	if k.opt.maxseg > 0 {
		o.MSS = min(o.MSS, k.opt.maxseg)
	}
	k.sendBuffer = o.SendBuffer
	name := s.sysctl.controller
	if k.opt.congestion != "" {
		name = k.opt.congestion
	}
	if _, err := cc.New(name, nil, nil); err != nil {
		return nil, err
	}
	o.Controller = func(rnd *sim.Rand) cc.Controller {
		c, err := cc.New(name, nil, rnd)
		if err != nil {
			sim.Bugf("%v", err)
		}
		return c
	}
	o.Scheduler = func(rnd *sim.Rand) sched.Scheduler {
		c, err := sched.NewScheduler("linux", nil, rnd)
		if err != nil {
			sim.Bugf("%v", err)
		}
		return c
	}
	s.setPaths(o)
	return o, nil
}

func (s *Simulated) listen(k *simSocket, c *Call, p *Pending) func() bool {
	o, err := s.socketConfig(k)
	if err != nil {
		return fails(p, "EINVAL")
	}
	o.Backlog = int(max(c.N, 1)) + 1 // Linux accepts one more than the backlog
	local := k.bound
	if local.Addr().IsValid() && local.Addr().IsUnspecified() {
		local = netip.AddrPortFrom(netip.Addr{}, local.Port())
	}
	if k.conn, err = s.ep.Listen(s.now, local, o); err != nil {
		return fails(p, "EADDRINUSE")
	}
	k.has, k.listening = true, true
	return done
}

// arrived takes connections that the endpoint has accepted into the queue of
// their listener, where the application finds them even if they end before.
func (s *Simulated) arrived(k *simSocket) {
	for {
		conn, ok := s.ep.Accept(k.conn)
		if !ok {
			return
		}
		n := &simSocket{
			fd: -1, mptcp: k.mptcp, has: true, dialled: true, connected: true, conn: conn,
			opt: k.opt, sendBuffer: k.sendBuffer,
		}
		if subs := s.ep.Subflows(conn, nil); len(subs) > 0 {
			n.bound, n.peer = subs[0].Tuple.Src, subs[0].Tuple.Dst
		}
		k.queue = append(k.queue, n)
	}
}

func (s *Simulated) accept(k *simSocket, c *Call, p *Pending) bool {
	if !k.listening {
		return failed(p, "EINVAL")
	}
	if len(k.queue) == 0 {
		if k.nonblock {
			return failed(p, "EAGAIN")
		}
		return false
	}
	n := k.queue[0]
	k.queue = k.queue[1:]
	n.fd, n.nonblock = len(s.sockets), slices.Contains(c.Flags, "SOCK_NONBLOCK")
	s.sockets = append(s.sockets, n)
	p.Value = int64(n.fd)
	return true
}

// source is the local address of a socket that connects.
func (k *simSocket) source() netip.AddrPort {
	if a := k.bound.Addr(); a.IsValid() && a.IsUnspecified() {
		return netip.AddrPortFrom(netip.Addr{}, k.bound.Port())
	}
	return k.bound
}

func (s *Simulated) connect(k *simSocket, c *Call, p *Pending) func() bool {
	switch {
	case k.dialled && k.over && k.err != "":
		return fails(p, k.takeError())
	case k.dialled && k.connected:
		return fails(p, "EISCONN")
	case k.dialled && k.nonblock:
		return fails(p, "EALREADY")
	case k.dialled:
		return func() bool { return s.connected(k, p) }
	}
	k.peer = c.Addr
	if k.opt.fastOpenConnect && s.fastOpenReady(k) {
		k.deferred = true
		return done
	}
	o, err := s.socketConfig(k)
	if err == nil {
		k.conn, err = s.ep.Dial(s.now, k.source(), c.Addr, o)
	}
	if err != nil {
		return fails(p, "EADDRNOTAVAIL")
	}
	k.has, k.dialled = true, true
	if k.nonblock {
		return fails(p, "EINPROGRESS")
	}
	return func() bool { return s.connected(k, p) }
}

// connected completes a connect that waits for its handshake.
func (s *Simulated) connected(k *simSocket, p *Pending) bool {
	switch {
	case k.connected:
		p.Value = 0
		return true
	case k.over:
		return failed(p, k.takeError())
	}
	return false
}

// takeError returns the pending error and clears it, as Linux does.
func (k *simSocket) takeError() string {
	e := k.err
	k.err = ""
	if e == "" {
		e = "ECONNRESET"
	}
	return e
}

// write sends zero bytes, as the original tool does.
func (s *Simulated) write(k *simSocket, c *Call, p *Pending, dontWait bool) func() bool {
	if k.deferred || slices.Contains(c.Flags, "MSG_FASTOPEN") && !k.dialled {
		return s.writeFast(k, c, p, dontWait)
	}
	left := c.N
	return func() bool {
		switch {
		case k.err != "":
			if left < c.N {
				p.Value = c.N - left
				return true
			}
			return failed(p, k.takeError())
		case !k.dialled || k.shutWrite || k.over:
			return failed(p, "EPIPE")
		}
		if !k.connected {
			if dontWait {
				return failed(p, "EAGAIN")
			}
			return false
		}
		left -= int64(s.ep.WriteBytes(s.now, k.conn, make([]byte, left)))
		switch {
		case left == 0:
			p.Value = c.N
			return true
		case !dontWait:
			return false
		case left == c.N:
			return failed(p, "EAGAIN")
		}
		p.Value = c.N - left
		return true
	}
}

func (s *Simulated) read(k *simSocket, c *Call, p *Pending, dontWait bool) bool {
	if !k.dialled {
		return failed(p, "ENOTCONN")
	}
	var total int64
	for k.has && total < c.N {
		_, n := s.ep.Read(s.now, k.conn, c.N-total)
		if n == 0 {
			break
		}
		total += n
	}
	switch {
	case total > 0 || c.N == 0:
		p.Value = total
	case k.err != "":
		return failed(p, k.takeError())
	case k.over || k.shutRead || s.ep.ReadEOF(k.conn):
		p.Value = 0
	case dontWait:
		return failed(p, "EAGAIN")
	default:
		return false
	}
	return true
}

func (s *Simulated) shutdown(k *simSocket, c *Call, p *Pending) (func() bool, error) {
	switch c.Option {
	case "SHUT_RD", "SHUT_WR", "SHUT_RDWR", "0", "1", "2":
	default:
		return nil, fmt.Errorf("shutdown has no %s", c.Option)
	}
	if !k.dialled || k.over {
		return fails(p, "ENOTCONN"), nil
	}
	if c.Option == "SHUT_WR" || c.Option == "SHUT_RDWR" || c.Option == "1" || c.Option == "2" {
		k.shutWrite = true
		s.ep.Shutdown(s.now, k.conn)
	}
	if c.Option != "SHUT_WR" && c.Option != "1" {
		k.shutRead = true
	}
	return done, nil
}

func (s *Simulated) close(k *simSocket) {
	s.sockets[k.fd] = nil
	switch {
	case !k.has:
	case k.listening:
		// Nobody will accept them (Linux inet_csk_listen_stop).
		for _, q := range k.queue {
			s.ep.Abort(s.now, q.conn)
		}
		s.ep.Close(s.now, k.conn)
	case k.opt.linger == 0:
		s.ep.Abort(s.now, k.conn)
	default:
		s.ep.Close(s.now, k.conn)
	}
}

func (s *Simulated) fcntl(k *simSocket, c *Call, p *Pending) (func() bool, error) {
	switch c.Option {
	case "F_GETFL":
		p.Flags = []string{"O_RDWR"}
		if k.nonblock {
			p.Flags = append(p.Flags, "O_NONBLOCK")
		}
	case "F_SETFL":
		k.nonblock = slices.Contains(c.Flags, "O_NONBLOCK")
	default:
		return nil, fmt.Errorf("the simulated system has no fcntl %s", c.Option)
	}
	return done, nil
}

func (s *Simulated) ioctl(k *simSocket, c *Call, p *Pending) (func() bool, error) {
	i := s.ep.Info(k.conn)
	switch c.Option {
	case "SIOCINQ", "FIONREAD":
		p.Ints = []int64{int64(i.Received - i.Read)}
	case "SIOCOUTQ", "TIOCOUTQ":
		p.Ints = []int64{int64(i.Written - i.Acked)}
	default:
		return nil, fmt.Errorf("the simulated system has no ioctl %s", c.Option)
	}
	return done, nil
}

// poll is poll(2) for sockets.
func (s *Simulated) poll(c *Call, p *Pending, begin sim.Time) bool {
	p.Polls = slices.Clone(c.Polls)
	p.Value = 0
	for i := range p.Polls {
		q := &p.Polls[i]
		q.Revents = nil
		have := s.readiness(s.sockets[q.FD])
		for _, n := range pollNames {
			if slices.Contains(have, n) && (slices.Contains(q.Events, n) || n == "POLLERR" || n == "POLLHUP") {
				q.Revents = append(q.Revents, n)
			}
		}
		if len(q.Revents) > 0 {
			p.Value++
		}
	}
	return p.Value > 0 || c.Timeout >= 0 && s.now >= begin.Add(c.Timeout)
}

// readiness lists the events of a socket (Linux tcp_poll, mptcp_poll).
func (s *Simulated) readiness(k *simSocket) (out []string) {
	switch {
	case k == nil:
		return []string{"POLLERR"}
	case k.listening:
		if len(k.queue) > 0 {
			return []string{"POLLIN"}
		}
		return nil
	case !k.dialled:
		return []string{"POLLOUT", "POLLHUP"}
	}
	i := s.ep.Info(k.conn)
	eof := k.over || s.ep.ReadEOF(k.conn) || k.shutRead
	if i.Received > i.Read || eof || s.ep.ReadEOF(k.conn) {
		out = append(out, "POLLIN")
	}
	if eof {
		out = append(out, "POLLRDHUP")
	}
	if k.over || eof && k.shutWrite {
		out = append(out, "POLLHUP")
	}
	if k.err != "" {
		out = append(out, "POLLERR")
	}
	if k.connected && !k.shutWrite && int64(i.Written-i.Acked) < k.sendBuffer || k.over {
		out = append(out, "POLLOUT")
	}
	return out
}
