package scenarios

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/internal/app"
	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/mptcp/tcp"
	"mpsim/sched"
	"mpsim/sim"
)

// flowRun is a flow in a world.
type flowRun struct {
	decl     *Flow
	record   *app.Record // of what the receiver of the data got
	reverse  *app.Record // of the other direction: requests; nil: none
	ends     *app.Ends   // nil for datagrams
	request  *app.Request
	ftp      *app.FTP
	datagram *app.Datagrams
	stopper  interface{ Stop(now sim.Time) }
	download bool // the server sends
	subs     []*subflowRun
	fallback string // why MPTCP was given up, as last observed
	dataSeq  int64  // bytes in order at the receiver's connection level
	fine     bool   // subflows are observed every 10 ms
	natted   *natWatch
	far      []*subflowRun // by the server's number, of those behind a NAT
}

// hostProfile returns a node's protocol profile, with what the scenario changes
// of it.
func hostProfile(n *Node, d *Defaults) *mptcp.Profile {
	p := mptcp.ProfileByName(n.Profile)
	if p == nil {
		sim.Bugf("profile %q passed its check", n.Profile)
	}
	if v, ok := mptcp.ParseVersions(n.Versions); ok {
		p.Versions = v
	}
	if n.TimerGranularity == "linux-hz250" {
		p.TCP.Granularity = tcp.LinuxHZ250
	}
	if n.CapableRetrans != nil {
		p.CapableSYNs = *n.CapableRetrans + 1
	}
	if n.RTOInitial != nil {
		p.TCP.InitialRTO = n.RTOInitial.Duration()
	}
	if n.RTOMin != nil {
		p.TCP.SetRTOMin(n.RTOMin.Duration())
	}
	p.TCP.MTUProbing = *n.MTUProbing
	if *n.QuickAck {
		p.TCP.AckEvery = 1
	}
	p.TCP.MicrosecondTS = *n.MicrosecondTS
	if n.AllowJoin != nil {
		p.DenyJoinID0 = !*n.AllowJoin
	}
	// A profile of the node's own brings its own policy.
	if policy, ok := mptcp.ParseReinjectPolicy(d.Reinject); ok && n.Profile == d.Profile {
		p.Retrans, p.Reinject, p.ReinjectAfter = mptcp.RetransDelivered, policy, d.ReinjectAfter
	}
	return p
}

// addrFlags says how path managers may use the addresses of an interface.
func addrFlags(i *planIface) mptcp.AddrFlags {
	f := mptcp.AddrSubflow
	if i.decl != nil && i.decl.Backup {
		f |= mptcp.AddrBackup
	}
	return f
}

// buildFlows starts the applications. Each has streams of its own.
func (w *World) buildFlows(problems *problemList) {
	for _, f := range w.sc.Flows {
		r := &flowRun{decl: f, natted: w.natted, record: app.NewRecord(w.sc.Duration.Duration()), download: f.Direction == "down" || f.converses()}
		w.flows = append(w.flows, r)
		w.byFlow[f.Name] = r
		client, server := w.hosts[f.Client], w.hosts[f.Server]
		local := w.sc.plan.ifaces[f.Client+"."+f.Via].addrs[0].Addr()
		remote := netip.AddrPortFrom(netip.MustParseAddr(f.To), uint16(f.Port))
		var err error
		if f.Protocol == "udp" {
			err = w.datagrams(r, client, server, local, remote)
		} else {
			err = w.connection(r, client, server, local, remote)
		}
		if err != nil {
			problems.add(f.table.pos, "flow %q: %v", f.Name, err)
		}
	}
}

// stopTime returns when the sender stops.
func (f *Flow) stopTime() sim.Time {
	if f.Stop == nil {
		return sim.Never
	}
	return f.Stop.Time()
}

func (f *Flow) size() int64 {
	if f.Size.Unlimited {
		return app.Unlimited
	}
	return f.Size.N
}

func (w *World) connection(r *flowRun, client, server *host.Host, local netip.Addr, remote netip.AddrPort) error {
	f := r.decl
	o := w.socketOptions(f)
	atServer := *o
	o.PathManager = w.scripted(f, "client", o.PathManager)
	atServer.PathManager = w.scripted(f, "server", atServer.PathManager)
	o.RcvBufOpt = rcvBufOpt(f, client.Endpoint().Profile().RcvBufOpt)
	atServer.RcvBufOpt = rcvBufOpt(f, server.Endpoint().Profile().RcvBufOpt)
	s := app.Socket{
		Local: netip.AddrPortFrom(local, 0), Remote: remote, Client: o, Server: &atServer,
		Start: f.Start.Time(), Stop: f.stopTime(), Cookie: f.FastOpen == "known", Bound: f.Listen == "address",
	}
	for _, n := range f.Servers {
		s.Others = append(s.Others, w.hosts[n])
	}
	if f.App == "request" {
		q := f.Request
		p := app.Pattern{
			Request: q.Request.N, Response: q.Response.N, Count: q.Count,
			Interval: q.Interval.Duration(), Think: q.Think.Duration(),
		}
		x, err := app.NewRequest(client, server, s, p, r.record)
		if err != nil {
			return err
		}
		r.request, r.ends, r.stopper, r.reverse = x, &x.Ends, x, x.ServerRecord()
		return nil
	}
	if f.App == "ftp" {
		files := app.Files{
			Count: f.FTP.Files, Size: f.FTP.Size.N, Passive: f.FTP.Mode == "passive", Extended: f.FTP.Extended, EPSVAll: f.FTP.EPSVAll,
			FirstPort: uint16(f.FTP.Port), Pause: f.FTP.Pause.Duration(),
		}
		x, err := app.NewFTP(client, server, s, files, r.record)
		if err != nil {
			return err
		}
		r.ftp, r.ends, r.stopper = x, &x.Ends, x
		return nil
	}
	x, err := app.NewBulk(client, server, s, f.size(), !r.download, r.record)
	if err != nil {
		return err
	}
	r.ends, r.stopper = &x.Ends, x
	return nil
}

func (w *World) datagrams(r *flowRun, client, server *host.Host, local netip.Addr, remote netip.AddrPort) error {
	f := r.decl
	clientPort := netip.AddrPortFrom(local, uint16(f.Port))
	c := app.DatagramConfig{
		From: remote, To: clientPort, Size: f.size(), Start: f.Start.Time(), Stop: f.stopTime(),
	}
	source, sink := server, client
	if !r.download {
		source, sink = client, server
		c.From, c.To = clientPort, remote
	}
	var on, off *sim.Rand
	if o := f.OnOff; f.App == "onoff" {
		c.Rate, c.Packet, c.Bursts = o.Rate.Bits, int(o.Packet.N), true
		c.On, c.Off = shape(o.On), shape(o.Off)
		on, off = w.sim.Stream("flow/"+f.Name+"/on"), w.sim.Stream("flow/"+f.Name+"/off")
	} else {
		c.Rate, c.Packet = f.CBR.Rate.Bits, int(f.CBR.Packet.N)
	}
	x, err := app.NewDatagrams(source, sink, c, on, off, r.record)
	if err != nil {
		return err
	}
	r.datagram, r.stopper = x, x
	return nil
}

func shape(d Distribution) app.Shape {
	return app.Shape{Kind: app.ShapeKind(d.Kind), A: d.A.Duration(), B: d.B.Duration()}
}

// socketOptions are the options of both ends of a flow.
func (w *World) socketOptions(f *Flow) *mptcp.SocketOptions {
	o := &mptcp.SocketOptions{
		Name: f.Name, MSS: *f.MSS, SendBuffer: f.SendBuffer.N, ReceiveBuffer: f.ReceiveBuffer.N, NoDelay: *f.NoDelay,
		Controller: func(rnd *sim.Rand) cc.Controller {
			return w.controller(f, rnd)
		},
	}
	switch f.FastOpen {
	case "on", "known":
		o.FastOpen = mptcp.FastOpenClient | mptcp.FastOpenServer
	case "nocookie":
		o.FastOpen = mptcp.FastOpenClientNoCookie | mptcp.FastOpenServerNoCookie
	}
	o.SYNCookies, _ = mptcp.ParseSYNCookieMode(f.SYNCookies)
	if f.SendBuffer.Auto {
		o.SendMemory = bounded(tcp.LinuxSendMemory, f.SendMemory.N)
	}
	if f.ReceiveBuffer.Auto {
		o.ReceiveMemory = bounded(tcp.LinuxReceiveMemory, f.ReceiveMemory.N)
	}
	if f.Protocol == "tcp" {
		return o
	}
	o.Protocol = mptcp.MPTCP
	o.Reprobe = *f.Reprobe
	o.ResetUnderperforming = *f.ResetUnder
	o.ResetDelivered = *f.ResetDelivered
	o.Checksum = checksumPolicies[f.Checksum]
	o.MSSPolicy, _ = mptcp.ParseMSSPolicy(f.MSSPolicy)
	o.JoinPort, _ = mptcp.ParsePortPolicy(f.PortPolicy)
	o.Scheduler = func(rnd *sim.Rand) sched.Scheduler {
		return w.scheduler(f, rnd)
	}
	o.PathManager = func(rnd *sim.Rand) mptcp.PathManager {
		return w.pathManager(f, rnd)
	}
	return o
}

// rcvBufOpt is what the flow says, and for the rest the profile of the host.
func rcvBufOpt(f *Flow, profile mptcp.RcvBufOpt) mptcp.RcvBufOpt {
	set := func(key *bool, bit mptcp.RcvBufOpt) {
		if key != nil {
			if profile &^= bit; *key {
				profile |= bit
			}
		}
	}
	set(f.Opportunistic, mptcp.OpportunisticRetransmit)
	set(f.Penalise, mptcp.PenaliseSlow)
	if profile == 0 {
		return mptcp.RcvBufOptOff
	}
	return profile
}

// bounded is the range of a buffer with another upper end.
func bounded(m tcp.Memory, most int64) tcp.Memory {
	m.Max = most
	m.Initial = min(m.Initial, most)
	return m
}

// checked returns a plug-in whose name and parameters passed the check.
func checked[T any](x T, err error) T {
	if err != nil {
		sim.Bugf("a plug-in passed its check: %v", err)
	}
	return x
}

// checksumPolicies are the choices of the key checksum of a flow.
var checksumPolicies = map[string]mptcp.ChecksumPolicy{
	"profile": mptcp.ChecksumDefault, "demand": mptcp.ChecksumOnDemand,
	"required": mptcp.ChecksumRequired, "refused": mptcp.ChecksumRefused,
}
