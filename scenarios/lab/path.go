package lab

import (
	"fmt"
	"net/netip"

	simnet "mpsim/net"
	"mpsim/sim"
)

// Path is one way between the hosts, alike in both directions.
type Path struct {
	Name string
	// Rate is in bits of IP packets per second; 0: unlimited.
	Rate sim.Rate
	// Delay is one way.
	Delay sim.Duration
	// QueuePackets and QueueBytes bound the drop-tail queue; both 0: what the
	// path holds in one round-trip time, at least 10 packets of 1500 bytes.
	QueuePackets, QueueBytes int
	// Loss is the probability of losing a packet, 0 to 1.
	Loss float64
}

// PathControl changes a path while the lab runs.
type PathControl struct {
	Name string
	// Up carries packets from the client to the server, Down the other way.
	Up, Down *simnet.Link
	// Client and Server are the interfaces at its ends, for boxes and taps.
	Client, Server *simnet.Interface
}

// Path returns the path of a name. It panics if there is none.
func (l *Lab) Path(name string) *PathControl {
	for _, p := range l.paths {
		if p.Name == name {
			return p
		}
	}
	panic(fmt.Sprintf("lab: no path %q", name))
}

// Blackhole drops everything on the path, in both directions, without telling
// the hosts.
func (p *PathControl) Blackhole() {
	p.Up.Down(simnet.Outage{Silent: true})
	p.Down.Down(simnet.Outage{Silent: true})
}

// Restore ends a Blackhole.
func (p *PathControl) Restore() {
	p.Up.Up()
	p.Down.Up()
}

// SetUp takes the client's interface down or up; the client is told.
func (p *PathControl) SetUp(up bool) { p.Client.SetUp(up) }

// addPath connects the hosts and routes so that packets leave through the
// interface that owns their source address.
func (l *Lab) addPath(i int, p *Path, client, server *simnet.Node) {
	name := or(p.Name, fmt.Sprintf("path%d", i))
	a, b := client.AddInterface(name), server.AddInterface(name)
	cfg := simnet.LinkConfig{Rate: p.Rate, Delay: p.Delay, Loss: p.Loss, Queue: p.queue()}
	must(cfg.Validate())
	up, down := l.net.Connect(name, a, b, cfg, cfg)
	a.AddAddr(netip.PrefixFrom(address(i, 1), 24))
	b.AddAddr(netip.PrefixFrom(address(i, 2), 24))
	everything := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	table := simnet.TableID(i)
	client.AddRoute(table, everything, a, 0)
	client.AddRule(netip.PrefixFrom(address(i, 1), 32), table)
	server.AddRoute(0, netip.PrefixFrom(address(i, 0), 24), b, 0)
	l.paths = append(l.paths, &PathControl{Name: name, Up: up, Down: down, Client: a, Server: b})
}

// queue returns the queue of a path, by default its bandwidth-delay product.
func (p *Path) queue() simnet.Queue {
	if p.QueuePackets > 0 || p.QueueBytes > 0 {
		return simnet.Queue{Packets: p.QueuePackets, Bytes: p.QueueBytes}
	}
	if p.Rate <= 0 {
		return simnet.Queue{}
	}
	return simnet.Queue{Bytes: max(10*1500, int(int64(p.Rate)/8*int64(2*p.Delay)/int64(sim.Second)))}
}

// address returns 10.0.path.end.
func address(path, end int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(path), byte(end)})
}
