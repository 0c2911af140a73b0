package packetdrill

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mpsim/sim"
)

// blockedCall is a system call that has not returned yet.
type blockedCall struct {
	e        *Event
	p        *Pending
	from, to sim.Time
	check    func(p *Pending)
}

// syscall begins the call of a line. A call without a window must return at
// once; one with a window is checked when the next call is due.
func (r *runner) syscall(e *Event, to sim.Time) {
	r.awaitCall()
	c := e.Call
	call, check := r.build(c)
	call.Blocking = e.Time.Blocking
	p, err := r.sys.Call(call)
	if err != nil {
		r.errorAt(c.Pos, "%v", err)
	}
	b := &blockedCall{e: e, p: p, from: r.sys.Now(), to: to, check: func(p *Pending) {
		r.checkResult(e, p)
		if check != nil {
			check(p)
		}
	}}
	if e.Time.Blocking {
		r.blocked = b
		return
	}
	if !p.Done {
		r.fail(c.Pos, e, "%s blocks", c.Name)
	}
	b.check(p)
}

// awaitCall waits for the call that is still blocked.
func (r *runner) awaitCall() {
	b := r.blocked
	if b == nil {
		return
	}
	r.blocked = nil
	tol := r.sc.Config.tolerance(b.to.Sub(b.from))
	if !b.p.Done {
		r.sys.Run(max(b.to.Add(tol), r.sys.Now()), false)
	}
	if !b.p.Done {
		r.fail(b.e.Pos, b.e, "%s has not returned at %s", b.e.Call.Name, seconds(b.to.Add(tol)))
	}
	if b.p.At < b.to.Add(-tol) || b.p.At > b.to.Add(tol) {
		r.fail(b.e.Pos, b.e, "%s returned at the wrong time: expected %s, actual %s", b.e.Call.Name, seconds(b.to), seconds(b.p.At))
	}
	b.check(b.p)
}

// checkResult compares what a call returned.
func (r *runner) checkResult(e *Event, p *Pending) {
	c := e.Call
	actual := strconv.FormatInt(p.Value, 10)
	if p.Errno != "" {
		actual += " " + p.Errno
	}
	if c.Result.Kind == ExprEllipsis {
		return
	}
	want := c.Result.N
	expected := strconv.FormatInt(want, 10)
	if c.Errno != "" {
		expected += " " + c.Errno
	}
	switch {
	case p.Flags != nil: // fcntl F_GETFL: O_RDWR is 2, O_NONBLOCK 0x800
		got := int64(2)
		if slices.Contains(p.Flags, "O_NONBLOCK") {
			got |= 0x800
		}
		if got != want {
			r.fail(c.Pos, e, "%s returned %#x, expected %#x", c.Name, got, want)
		}
		return
	case (c.Name == "socket" || c.Name == "accept" || c.Name == "accept4") && p.Errno == "" && want >= 0:
		r.fds[want] = int(p.Value)
		return
	}
	if p.Value != want || c.Errno != "" && c.Errno != p.Errno {
		r.fail(c.Pos, e, "%s returned %s, expected %s", c.Name, actual, expected)
	}
}

// build turns a call of a script into one for the system. The function returned
// checks what the call writes into its arguments.
func (r *runner) build(c *Syscall) (*Call, func(*Pending)) {
	call := &Call{Name: c.Name}
	if c.Name == "socket" {
		r.arity(c, 3, 3)
		r.socket(c, call)
		return call, nil
	}
	if c.Name == "poll" {
		return r.poll(c, call)
	}
	r.arity(c, 1, 8)
	call.FD = r.fd(c.Args[0])
	var check func(*Pending)
	switch c.Name {
	case "bind":
		r.arity(c, 3, 3)
		call.Addr = r.sockaddr(c.Args[1], netip.AddrPortFrom(r.wildcard(), r.sc.Config.BindPort))
		r.bindPort = call.Addr.Port()
	case "connect":
		r.arity(c, 3, 3)
		call.Addr = r.sockaddr(c.Args[1], netip.AddrPortFrom(r.sc.Config.Remote.Addr(), r.sc.Config.ConnectPort))
		r.lastFD, r.hasFD = call.FD, true
	case "listen":
		r.arity(c, 2, 2)
		call.N = r.integer(c.Args[1])
	case "accept", "accept4":
		check = func(p *Pending) {
			if p.Errno == "" {
				r.lastFD, r.hasFD = int(p.Value), true
			}
		}
	case "read", "write":
		r.arity(c, 3, 3)
		call.N = r.integer(c.Args[2])
	case "send", "recv":
		r.arity(c, 4, 4)
		call.N = r.integer(c.Args[2])
		call.Flags = r.flagWords(c.Args[3])
	case "sendto", "recvfrom":
		r.arity(c, 6, 6)
		call.N = r.integer(c.Args[2])
		call.Flags = r.flagWords(c.Args[3])
		if c.Name == "sendto" {
			call.Addr = r.sockaddr(c.Args[4], netip.AddrPortFrom(r.sc.Config.Remote.Addr(), r.sc.Config.ConnectPort))
			r.lastFD, r.hasFD = call.FD, true
		}
	case "sendmsg", "recvmsg":
		r.arity(c, 3, 3)
		r.message(c, call)
	case "close":
		r.arity(c, 1, 1)
	case "shutdown":
		r.arity(c, 2, 2)
		call.Option = r.symbol(c.Args[1])
	case "fcntl":
		r.arity(c, 2, 3)
		call.Option = r.symbol(c.Args[1])
		if len(c.Args) == 3 {
			call.Flags = r.flagWords(c.Args[2])
		}
	case "ioctl":
		r.arity(c, 3, 3)
		call.Option = r.symbol(c.Args[1])
		check = func(p *Pending) { r.checkInts(c, c.Args[2], p) }
	case "setsockopt":
		r.arity(c, 5, 5)
		call.Option = r.symbol(c.Args[2])
		r.optionValue(c.Args[3], call)
	case "getsockopt":
		r.arity(c, 5, 5)
		call.Option = r.symbol(c.Args[2])
		check = func(p *Pending) { r.checkInts(c, c.Args[3], p) }
	default:
		r.errorAt(c.Pos, "system call %s is not supported", c.Name)
	}
	return call, check
}

func (r *runner) arity(c *Syscall, min, max int) {
	if n := len(c.Args); n < min || n > max {
		r.errorAt(c.Pos, "%s has %d arguments", c.Name, n)
	}
}

// wildcard is the address that a bind(..., ...) binds to: any.
func (r *runner) wildcard() netip.Addr {
	if r.sc.Config.IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

func (r *runner) socket(c *Syscall, call *Call) {
	switch d := r.symbolOr(c.Args[0], "..."); d {
	case "...", "AF_INET", "PF_INET", "AF_INET6", "PF_INET6":
	default:
		r.errorAt(c.Args[0].Pos, "socket family %s is not supported", d)
	}
	for _, w := range r.flagWords(c.Args[1]) {
		switch w {
		case "SOCK_STREAM":
		case "SOCK_NONBLOCK":
			call.NonBlock = true
		case "SOCK_CLOEXEC":
		default:
			r.errorAt(c.Args[1].Pos, "socket type %s is not supported", w)
		}
	}
	a := c.Args[2]
	switch {
	case a.Kind == ExprNumber && (a.N == 0 || a.N == 6):
	case a.Kind == ExprNumber && a.N == 262:
		call.MPTCP = true
	default:
		switch p := r.symbol(a); p {
		case "IPPROTO_TCP", "IPPROTO_IP":
		case "IPPROTO_MPTCP":
			call.MPTCP = true
		default:
			r.errorAt(a.Pos, "protocol %s is not supported", p)
		}
	}
}

// fd returns the system's descriptor of a script's.
func (r *runner) fd(a *Expr) int {
	n := r.integer(a)
	fd, ok := r.fds[n]
	if !ok {
		r.errorAt(a.Pos, "there is no file descriptor %d", n)
	}
	return fd
}

func (r *runner) integer(a *Expr) int64 {
	if a.Kind == ExprList && len(a.List) == 1 {
		return r.integer(a.List[0])
	}
	if a.Kind == ExprCall && len(a.List) == 1 { // htons(n)
		return r.integer(a.List[0])
	}
	if a.Kind != ExprNumber {
		r.errorAt(a.Pos, "a number expected")
	}
	return a.N
}

func (r *runner) symbol(a *Expr) string {
	if a.Kind == ExprNumber {
		return strconv.FormatInt(a.N, 10)
	}
	if a.Kind != ExprWord {
		r.errorAt(a.Pos, "a symbol expected")
	}
	return a.text()
}

func (r *runner) symbolOr(a *Expr, ellipsis string) string {
	if a.Kind == ExprEllipsis {
		return ellipsis
	}
	return r.symbol(a)
}

// flagWords returns the symbols of flags; 0 has none.
func (r *runner) flagWords(a *Expr) []string {
	switch {
	case a.Kind == ExprEllipsis || a.Kind == ExprNumber && a.N == 0:
		return nil
	case a.Kind == ExprWord:
		return a.Words
	}
	r.errorAt(a.Pos, "flags expected")
	return nil
}

// sockaddr reads a socket address: ..., or a struct.
func (r *runner) sockaddr(a *Expr, any netip.AddrPort) netip.AddrPort {
	if a.Kind == ExprEllipsis {
		return any
	}
	addr, port := any.Addr(), any.Port()
	for i, m := range a.List {
		switch a.Names[i] {
		case "sin_port", "sin6_port":
			port = uint16(r.integer(m))
		case "sin_addr", "sin6_addr":
			addr = r.inAddr(m, addr)
		}
	}
	if a.Kind != ExprStruct {
		r.errorAt(a.Pos, "a socket address expected: ... or {sa_family=..., sin_port=htons(n), sin_addr=inet_addr(\"...\")}")
	}
	return netip.AddrPortFrom(addr, port)
}

// inAddr reads inet_addr("...") or a bare string.
func (r *runner) inAddr(m *Expr, any netip.Addr) netip.Addr {
	if m.Kind == ExprEllipsis {
		return any
	}
	if m.Kind == ExprCall && len(m.List) > 0 {
		m = m.List[len(m.List)-1]
	}
	a, err := netip.ParseAddr(m.Text)
	if err != nil {
		r.errorAt(m.Pos, "%q is not an address", m.Text)
	}
	return a
}

// message reads the msghdr of sendmsg and recvmsg: the lengths of its buffers.
func (r *runner) message(c *Syscall, call *Call) {
	m := c.Args[1]
	iov := m.member("msg_iov")
	if m.Kind != ExprStruct || iov == nil || iov.Kind != ExprList {
		r.errorAt(m.Pos, "a message with msg_iov expected")
	}
	for _, v := range iov.List {
		if v.Kind != ExprStruct || len(v.List) != 2 {
			r.errorAt(v.Pos, "{..., length} expected")
		}
		call.N += r.integer(v.List[1])
	}
	if n := m.member("msg_control"); n != nil && n.Kind == ExprList && len(n.List) > 0 {
		r.errorAt(n.Pos, "control messages are not supported")
	}
	call.Flags = r.flagWords(c.Args[2])
}

// optionValue reads the value of setsockopt: [n], "text" or {onoff=1, linger=0}.
func (r *runner) optionValue(a *Expr, call *Call) {
	switch a.Kind {
	case ExprString:
		call.Bytes = []byte(a.Text)
	case ExprList:
		if len(a.List) == 1 && a.List[0].Kind == ExprString {
			call.Bytes = []byte(a.List[0].Text)
			return
		}
		for _, m := range a.List {
			call.Value = append(call.Value, r.integer(m))
		}
	case ExprStruct:
		for _, m := range a.List {
			call.Value = append(call.Value, r.integer(m))
		}
	default:
		r.errorAt(a.Pos, "the value of an option expected: [n], \"text\" or {...}")
	}
}

// checkInts compares the value that getsockopt and ioctl return.
func (r *runner) checkInts(c *Syscall, a *Expr, p *Pending) {
	if p.Errno != "" || a.Kind == ExprEllipsis {
		return
	}
	var want []string
	for _, m := range a.List {
		if m.Kind == ExprEllipsis {
			return
		}
		if m.Kind == ExprString {
			want = append(want, strconv.Quote(m.Text))
			continue
		}
		want = append(want, strconv.FormatInt(r.integer(m), 10))
	}
	if a.Kind == ExprString {
		want = []string{strconv.Quote(a.Text)}
	}
	var got []string
	for _, n := range p.Ints {
		got = append(got, strconv.FormatInt(n, 10))
	}
	if p.Bytes != nil {
		got = []string{strconv.Quote(string(p.Bytes))}
	}
	if w, g := strings.Join(want, ", "), strings.Join(got, ", "); w != g {
		r.fail(a.Pos, &Event{Text: ""}, "%s gives [%s], expected [%s]", c.Name, g, w)
	}
}

// pollNames are the events of poll(2) in the order in which they are compared.
var pollNames = []string{"POLLIN", "POLLPRI", "POLLOUT", "POLLERR", "POLLHUP", "POLLRDHUP"}

// poll reads poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, timeout).
func (r *runner) poll(c *Syscall, call *Call) (*Call, func(*Pending)) {
	r.arity(c, 3, 3)
	a := c.Args[0]
	if a.Kind != ExprList {
		r.errorAt(a.Pos, "a list of {fd, events, revents} expected")
	}
	var want [][]string
	for _, m := range a.List {
		fd, ev, re := m.member("fd"), m.member("events"), m.member("revents")
		if fd == nil || ev == nil || re == nil {
			r.errorAt(m.Pos, "{fd=n, events=..., revents=...} expected")
		}
		call.Polls = append(call.Polls, Poll{FD: r.fd(fd), Events: r.pollWords(ev)})
		want = append(want, r.pollWords(re))
	}
	if n := r.integer(c.Args[1]); n != int64(len(call.Polls)) {
		r.errorAt(c.Args[1].Pos, "the list has %d members", len(call.Polls))
	}
	ms := r.integer(c.Args[2])
	call.Timeout = sim.Duration(ms) * sim.Millisecond
	return call, func(p *Pending) {
		for i := range want {
			if w, g := strings.Join(want[i], "|"), strings.Join(p.Polls[i].Revents, "|"); w != g {
				r.fail(a.List[i].Pos, nil, "poll reports %s, expected %s", orNone(g), orNone(w))
			}
		}
	}
}

// pollWords returns events in the order of pollNames.
func (r *runner) pollWords(a *Expr) (out []string) {
	words := r.flagWords(a)
	for _, n := range pollNames {
		if slices.Contains(words, n) {
			out = append(out, n)
		}
	}
	if len(out) != len(words) {
		r.errorAt(a.Pos, "events are some of %s", strings.Join(pollNames, ", "))
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "no event"
	}
	return fmt.Sprint(s)
}
