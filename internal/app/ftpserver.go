package app

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
)

// ftpServer is the server's end of a control connection. It has one file, "file".
type ftpServer struct {
	f        *FTP
	lines    ftpLines
	user     bool // USER was given
	loggedIn bool
	epsvAll  bool           // EPSV ALL was given
	peer     netip.AddrPort // of PORT or EPRT
	listener mptcp.ConnID   // of PASV or EPSV
	listens  bool
	port     uint16
	data     *ftpSender // the present data connection
	closed   bool
}

// firstPassivePort is where the server listens after its first PASV.
const firstPassivePort = 30000

func (s *ftpServer) accept(now sim.Time, c mptcp.ConnID) host.App {
	s.f.Server.open(c)
	say(now, &s.f.Server, "220 FTP server ready")
	return s
}

// OnAlarm implements host.App; the server has no alarms.
func (s *ftpServer) OnAlarm(sim.Time, uint32) {}

// OnEvent implements host.App: events of the control connection.
func (s *ftpServer) OnEvent(now sim.Time, ev *mptcp.Event) {
	at := &s.f.Server
	s.f.note(now, ev, at)
	switch ev.Kind {
	case mptcp.Readable:
		for !s.closed && s.lines.read(now, at) {
			s.command(now, string(s.lines.line))
		}
		if at.Host.Endpoint().ReadEOF(at.Conn) && !s.closed {
			s.close(now)
		}
	case mptcp.Closed:
		s.stopListening(now)
	}
}

func (s *ftpServer) close(now sim.Time) {
	s.closed = true
	s.stopListening(now)
	s.f.Server.Host.Endpoint().Close(now, s.f.Server.Conn)
}

// command carries out a line of the client.
func (s *ftpServer) command(now sim.Time, line string) {
	reply := func(text string) { say(now, &s.f.Server, text) }
	verb, arg, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); {
	case verb == "QUIT":
		reply("221 Goodbye")
		s.close(now)
	case verb == "USER":
		s.user = true
		reply("331 Send your address as password")
	case verb == "PASS" && s.user:
		s.loggedIn = true
		reply("230 Logged in")
	case !s.loggedIn:
		reply("530 Not logged in")
	case verb == "TYPE" && arg == "I":
		reply("200 Type set to I")
	case verb == "EPSV" && strings.EqualFold(arg, "ALL"):
		s.epsvAll = true
		reply("200 EPSV ALL command successful")
	case s.epsvAll && (verb == "PORT" || verb == "EPRT" || verb == "PASV"):
		reply("503 Only EPSV after EPSV ALL") // RFC 2428 section 4: must be rejected
	case verb == "PORT":
		peer, ok := parseHostPort(arg)
		if !ok || strings.Count(arg, ",") != 5 {
			reply("501 Syntax error in parameters")
			return
		}
		s.peer = peer
		reply("200 PORT command successful")
	case verb == "EPRT":
		peer, known, ok := parseExtended(arg)
		switch {
		case !known:
			reply("522 Network protocol not supported, use (1,2)")
		case !ok:
			reply("501 Syntax error in parameters")
		default:
			s.peer = peer
			reply("200 EPRT command successful")
		}
	case verb == "PASV" || verb == "EPSV":
		s.passive(now, verb == "EPSV")
	case verb == "RETR" && arg == "file":
		s.retrieve(now)
	default:
		reply("502 Command not implemented")
	}
}

// passive waits for the client's data connection.
func (s *ftpServer) passive(now sim.Time, extended bool) {
	s.stopListening(now)
	h := s.f.Server.Host
	local, _ := h.Endpoint().SocketAddrs(s.f.Server.Conn)
	if !extended && !local.Addr().Is4() {
		say(now, &s.f.Server, "425 Use EPSV")
		return
	}
	for err := error(mptcp.ErrAddrInUse); err != nil; s.port++ {
		if s.port == 0 {
			s.port = firstPassivePort
		}
		s.listener, err = h.Listen(now, netip.AddrPortFrom(netip.Addr{}, s.port), s.f.socket.Server, s.acceptData)
	}
	s.listens = true
	if extended {
		say(now, &s.f.Server, fmt.Sprintf("229 Entering Extended Passive Mode (|||%d|)", s.port-1))
	} else {
		say(now, &s.f.Server, "227 Entering Passive Mode ("+hostPort(netip.AddrPortFrom(local.Addr(), s.port-1))+")")
	}
	s.data = &ftpSender{s: s, left: s.f.files.Size, passive: true}
}

func (s *ftpServer) stopListening(now sim.Time) {
	if s.listens {
		s.listens = false
		s.f.Server.Host.Endpoint().Close(now, s.listener)
	}
}

func (s *ftpServer) acceptData(now sim.Time, c mptcp.ConnID) host.App {
	d := s.data
	if d == nil || d.open {
		s.f.Server.Host.Endpoint().Abort(now, c)
		return nil
	}
	d.conn, d.open = c, true
	d.fill(now)
	return d
}

// retrieve sends the file over the connection that PASV or EPSV has prepared, or that
// the server opens to where PORT or EPRT has said.
func (s *ftpServer) retrieve(now sim.Time) {
	if s.data != nil && s.data.passive && !s.data.done {
		say(now, &s.f.Server, "150 Opening data connection")
		s.data.asked = true
		s.data.fill(now)
		return
	}
	if !s.peer.IsValid() {
		say(now, &s.f.Server, "503 Use PORT or PASV first")
		return
	}
	say(now, &s.f.Server, "150 Opening data connection")
	d := &ftpSender{s: s, left: s.f.files.Size, asked: true}
	s.data = d
	h := s.f.Server.Host
	local, _ := h.Endpoint().SocketAddrs(s.f.Server.Conn)
	var err error
	d.conn, err = h.Dial(now, netip.AddrPortFrom(local.Addr(), local.Port()-1), s.peer, s.f.socket.Server, d)
	s.peer = netip.AddrPort{}
	if err != nil {
		d.end(now, "425 Can't open data connection")
		return
	}
}

// ftpSender is the server's end of a data connection.
type ftpSender struct {
	s       *ftpServer
	conn    mptcp.ConnID
	open    bool // can be written
	asked   bool // RETR was given
	passive bool
	left    int64
	done    bool // the client was told
}

// OnAlarm implements host.App; the server has no alarms.
func (d *ftpSender) OnAlarm(sim.Time, uint32) {}

// OnEvent implements host.App.
func (d *ftpSender) OnEvent(now sim.Time, ev *mptcp.Event) {
	ep := d.s.f.Server.Host.Endpoint()
	switch ev.Kind {
	case mptcp.Connected, mptcp.Writable:
		d.open = true
		d.fill(now)
	case mptcp.Readable:
		if ep.ReadEOF(d.conn) {
			ep.Close(now, d.conn)
		}
	case mptcp.Closed:
		if d.open {
			d.end(now, "426 Connection closed, transfer aborted")
		} else {
			d.end(now, "425 Can't open data connection")
		}
	}
}

// fill writes what the send buffer takes, and tells the client when it has taken
// all.
func (d *ftpSender) fill(now sim.Time) {
	if !d.open || !d.asked || d.done {
		return
	}
	ep := d.s.f.Server.Host.Endpoint()
	for d.left > 0 {
		n := ep.Write(now, d.conn, d.left)
		if n == 0 {
			return
		}
		d.left -= n
	}
	ep.Shutdown(now, d.conn)
	d.end(now, "226 Transfer complete")
}

func (d *ftpSender) end(now sim.Time, reply string) {
	if !d.done {
		d.done = true
		d.s.stopListening(now)
		say(now, &d.s.f.Server, reply)
	}
}

// ftpReceiver is the client's end of a data connection.
type ftpReceiver struct {
	c         *ftpClient
	conn      mptcp.ConnID
	open      bool
	from      int64 // bytes of earlier files
	eof       bool  // all of the file has arrived
	announced bool  // the server has said that it has sent all
	broken    bool
}

// OnAlarm implements host.App; the client has no alarms here.
func (d *ftpReceiver) OnAlarm(sim.Time, uint32) {}

// OnEvent implements host.App.
func (d *ftpReceiver) OnEvent(now sim.Time, ev *mptcp.Event) {
	f := d.c.f
	ep := f.Client.Host.Endpoint()
	switch ev.Kind {
	case mptcp.Readable:
		drain(now, &End{Host: f.Client.Host, Conn: d.conn}, f.record)
		if ep.ReadEOF(d.conn) && !d.eof {
			ep.Close(now, d.conn)
			d.over(now, f.record.Bytes-d.from == f.files.Size)
		}
	case mptcp.Closed:
		d.over(now, false)
	}
}

// over tells the client what became of the data connection.
func (d *ftpReceiver) over(now sim.Time, whole bool) {
	if d.eof || d.broken || d.c.data != d {
		return
	}
	d.eof, d.broken = whole, !whole
	d.c.settle(now)
}

// ftpLines reads the lines of a control connection.
type ftpLines struct {
	buf  []byte // not read yet
	line []byte // the present line without its end
}

// maxFTPLine bounds a line; what is longer is cut.
const maxFTPLine = 512

// read takes the next line, and reports whether there is a whole one.
func (l *ftpLines) read(now sim.Time, at *End) bool {
	ep := at.Host.Endpoint()
	for {
		off, n := ep.Read(now, at.Conn, 1<<16)
		if n == 0 {
			break
		}
		l.buf = ep.Bytes(off, n, l.buf)
	}
	for i, b := range l.buf {
		if b != '\n' && i < maxFTPLine {
			continue
		}
		l.line = append(l.line[:0], strings.TrimRight(string(l.buf[:i]), "\r")...)
		l.buf = append(l.buf[:0], l.buf[i+1:]...)
		return true
	}
	return false
}

// say writes a line to a control connection, whose send buffer has room for all
// that is ever said.
func say(now sim.Time, at *End, line string) {
	at.Host.Endpoint().WriteBytes(now, at.Conn, []byte(line+"\r\n"))
}

// replyCode returns the number that a reply begins with, 0 if there is none.
func replyCode(line string) int {
	if len(line) < 3 {
		return 0
	}
	n, err := strconv.Atoi(line[:3])
	if err != nil {
		return 0
	}
	return n
}
