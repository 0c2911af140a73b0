package app

import (
	"net/netip"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
)

// Files is what the client of an FTP session fetches.
type Files struct {
	Count int
	Size  int64 // bytes of each
	// Passive: the client opens data connections (PASV, EPSV), else the server does
	// (PORT, EPRT), which is what gateways on NATs exist for.
	Passive bool
	// Extended: EPRT and EPSV (RFC 2428) over IPv4, too; over IPv6 always.
	Extended bool
	// EPSVAll: the client says EPSV ALL first, that no other command will set up data
	// connections (RFC 2428 section 4). It implies Extended, and has no meaning without
	// Passive.
	EPSVAll bool
	// Pause is for how long the user thinks before each file and before the end.
	Pause sim.Duration
	// FirstPort is where the client listens for its first data connection; those of
	// further files follow.
	FirstPort uint16
}

// FTP is a session of the File Transfer Protocol (RFC 959, RFC 2428): a client logs in
// over a control connection with real commands, fetches files one after the other, each
// over a data connection of its own, and quits. Data connections are made with the
// same socket options as the control connection: a server that opens one does so
// from the port below its control port.
//
// Of the protocol there are USER, PASS, TYPE, PORT, PASV, EPRT, EPSV, EPSV ALL, RETR and
// QUIT.
// A file counts as fetched if the server has said so and all of it has arrived.
type FTP struct {
	ends
	Fetched int // files
	Failed  int

	files  Files
	record *Record // of the files at the client
	client ftpClient
	server ftpServer
}

// NewFTP prepares a session. The record counts the bytes of files.
func NewFTP(client, server *host.Host, s Socket, files Files, r *Record) (*FTP, error) {
	f := &FTP{files: files, record: r}
	f.files.Extended = files.Extended || files.EPSVAll || !s.Remote.Addr().Is4()
	f.init(client, server, s)
	f.client.f, f.server.f = f, f
	f.client.nextPort = files.FirstPort
	if err := f.listen(f.server.accept); err != nil {
		return nil, err
	}
	client.SetAlarm(&f.client, s.Start, alarmStart)
	if s.Stop != sim.Never {
		client.SetAlarm(&f.client, s.Stop, alarmStop)
	}
	return f, nil
}

// Record returns what the client has received of files.
func (f *FTP) Record() *Record { return f.record }

// Stop lets the client quit after the present file.
func (f *FTP) Stop(sim.Time) { f.client.stopped = true }

// ftpStep is what a client waits for.
type ftpStep uint8

const (
	ftpGreeting ftpStep = iota // reply 220
	ftpUser                    // to USER
	ftpPass                    // to PASS
	ftpType                    // to TYPE
	ftpAll                     // to EPSV ALL
	ftpPause                   // the user thinks
	ftpAddress                 // to PORT, EPRT, PASV or EPSV
	ftpFile                    // to RETR: 150, then 226
	ftpQuit                    // to QUIT
)

// ftpClient is the client's end of the control connection.
type ftpClient struct {
	f        *FTP
	lines    ftpLines
	step     ftpStep
	stopped  bool
	nextPort uint16
	listener mptcp.ConnID
	listens  bool
	data     *ftpReceiver // of the present file
}

// OnAlarm implements host.App.
func (c *ftpClient) OnAlarm(now sim.Time, arg uint32) {
	switch arg {
	case alarmStart:
		c.f.record.Start(now)
		c.f.dial(now, c)
	case alarmStop:
		c.stopped = true
	case alarmNext:
		if c.step == ftpPause {
			c.next(now)
		}
	}
}

// OnEvent implements host.App: events of the control connection.
func (c *ftpClient) OnEvent(now sim.Time, ev *mptcp.Event) {
	at := &c.f.Client
	c.f.note(now, ev, at)
	switch ev.Kind {
	case mptcp.Readable:
		for c.lines.read(now, at) {
			c.reply(now, string(c.lines.line))
		}
		if at.Host.Endpoint().ReadEOF(at.Conn) {
			c.end(now)
			at.Host.Endpoint().Close(now, at.Conn)
		}
	case mptcp.Closed:
		c.end(now)
	}
}

// command sends a line.
func (c *ftpClient) command(now sim.Time, step ftpStep, line string) {
	c.step = step
	say(now, &c.f.Client, line)
}

// reply handles a line of the server.
func (c *ftpClient) reply(now sim.Time, line string) {
	code := replyCode(line)
	switch {
	case c.step == ftpGreeting && code == 220:
		c.command(now, ftpUser, "USER anonymous")
	case c.step == ftpUser && code == 331:
		c.command(now, ftpPass, "PASS guest@")
	case (c.step == ftpUser || c.step == ftpPass) && code == 230:
		c.command(now, ftpType, "TYPE I")
	case c.step == ftpType && code == 200 && c.f.files.EPSVAll:
		c.command(now, ftpAll, "EPSV ALL")
	case (c.step == ftpType || c.step == ftpAll) && code == 200:
		c.think(now)
	case c.step == ftpAddress && code == 200:
		c.command(now, ftpFile, "RETR file")
	case c.step == ftpAddress && code == 227:
		to, ok := parseHostPort(line)
		c.connect(now, to, ok)
	case c.step == ftpAddress && code == 229:
		port, ok := parseExtendedPort(line)
		_, server := c.f.Client.Host.Endpoint().SocketAddrs(c.f.Client.Conn)
		c.connect(now, netip.AddrPortFrom(server.Addr(), port), ok)
	case c.step == ftpFile && code == 150:
	case c.step == ftpFile && code == 226:
		c.data.announced = true
		c.settle(now)
	case c.step == ftpQuit && code == 221:
		c.f.Client.Host.Endpoint().Close(now, c.f.Client.Conn)
	case c.step == ftpAddress || c.step == ftpFile:
		c.data.broken = true
		c.settle(now)
	default:
		c.f.Client.Host.Endpoint().Abort(now, c.f.Client.Conn)
	}
}

// think is the pause before the next file or the end of the session.
func (c *ftpClient) think(now sim.Time) {
	if c.f.files.Pause == 0 {
		c.next(now)
		return
	}
	c.step = ftpPause
	c.f.Client.Host.SetAlarm(c, now.Add(c.f.files.Pause), alarmNext)
}

// next begins the next file, or ends the session.
func (c *ftpClient) next(now sim.Time) {
	f := c.f
	if c.stopped || f.Fetched+f.Failed >= f.files.Count {
		c.command(now, ftpQuit, "QUIT")
		return
	}
	c.data = &ftpReceiver{c: c, from: f.record.Bytes}
	f.record.Restart()
	if f.files.Passive {
		c.command(now, ftpAddress, f.verb("PASV", "EPSV"))
		return
	}
	h := f.Client.Host
	for {
		var err error
		c.listener, err = h.Listen(now, netip.AddrPortFrom(netip.Addr{}, c.nextPort), f.socket.Client, c.accept)
		c.nextPort++
		if err == nil {
			break
		}
	}
	c.listens = true
	local, _ := h.Endpoint().SocketAddrs(f.Client.Conn)
	end := netip.AddrPortFrom(local.Addr(), c.nextPort-1)
	if f.files.Extended {
		c.command(now, ftpAddress, "EPRT "+extendedHostPort(end))
	} else {
		c.command(now, ftpAddress, "PORT "+hostPort(end))
	}
}

// verb is the command of RFC 959 or that of RFC 2428.
func (f *FTP) verb(classic, extended string) string {
	if f.files.Extended {
		return extended
	}
	return classic
}

// accept takes the data connection that the server opens.
func (c *ftpClient) accept(now sim.Time, conn mptcp.ConnID) host.App {
	if c.data.open { // one for each file
		c.f.Client.Host.Endpoint().Abort(now, conn)
		return nil
	}
	c.data.conn, c.data.open = conn, true
	return c.data
}

// connect opens the data connection that a reply to PASV or EPSV names.
func (c *ftpClient) connect(now sim.Time, to netip.AddrPort, ok bool) {
	if !ok {
		c.data.broken = true
		c.settle(now)
		return
	}
	local, _ := c.f.Client.Host.Endpoint().SocketAddrs(c.f.Client.Conn)
	conn, err := c.f.Client.Host.Dial(now, netip.AddrPortFrom(local.Addr(), 0), to, c.f.socket.Client, c.data)
	if err != nil {
		c.data.broken = true
		c.settle(now)
		return
	}
	c.data.conn, c.data.open = conn, true
	c.command(now, ftpFile, "RETR file")
}

// settle ends a file when both connections have said what there is to say.
func (c *ftpClient) settle(now sim.Time) {
	d := c.data
	switch {
	case d.broken:
		c.f.Failed++
	case d.announced && d.eof:
		c.f.Fetched++
	default:
		return
	}
	c.closeListener(now)
	c.think(now)
}

func (c *ftpClient) closeListener(now sim.Time) {
	if c.listens {
		c.listens = false
		c.f.Client.Host.Endpoint().Close(now, c.listener)
	}
}

// end is called when the control connection is over: what has not been fetched by
// then has failed.
func (c *ftpClient) end(now sim.Time) {
	f := c.f
	c.closeListener(now)
	if c.step == ftpPause {
		c.step = ftpFile // nothing follows
	}
	if missing := f.files.Count - f.Fetched - f.Failed; missing > 0 && !c.stopped {
		f.Failed += missing
	}
	if f.Failed == 0 && c.step == ftpQuit {
		f.record.Finish(now)
	}
}
