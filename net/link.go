package simnet

import (
	"math"

	"mpsim/sim"
)

// hotLink is what a packet-hop touches of a link: two cache lines. The first is
// all that an arrival needs.
//
// The packets of a link form one list through packetMeta.next: from head those
// in flight, from cursor on those that still count in the queue, up to tail.
type hotLink struct {
	head, tail PacketID
	cursor     PacketID   // first packet that counts in the queue; 0: none
	to         sim.NodeID // where the link ends
	from       sim.NodeID // whose number the keys of accepted packets carry
	flags      linkFlags
	packets    uint32 // in the queue
	bytes      uint32 // in the queue
	areaHi     uint64 // sum of size*(leave-accept), 128 bits, see Stats
	areaLo     uint64
	busy       sim.Time // fifo: when the last accepted packet leaves; served: the one in service; Never: not known
	rem        uint64   // what is left to send of it at busy, in units of 1e-9 bit (see server)

	rate       sim.Rate // bits per second; 0: infinite
	inverse    uint64   // floor((2^64-1)/rate), see serialise
	delay      sim.Duration
	offered    uint64   // packets offered: the index by which loss is drawn
	sent       uint64   // octets accepted
	classSince sim.Time // since when the queue's length has its class, see histogram
	limitBytes uint32
	limitPkts  uint32
	salt       uint32 // hash of the name, for the run hash
	mtu        uint16
	overhead   uint16 // octets added to each packet while it is sent
}

type linkFlags uint32

const (
	flagServed     linkFlags = 1 << iota // served mode
	flagServing                          // served: a packet is in service until busy
	flagWaiting                          // served: an event for the next opportunity is pending
	flagLoss                             // Bernoulli loss
	flagPattern                          // exact drop pattern
	flagBurst                            // loss in bursts
	flagDown                             // everything offered is dropped
	flagStopped                          // the server does not work
	flagVarying                          // rates follow a schedule
	flagTrace                            // service happens at the opportunities of a trace
	flagExclude                          // the packet in service does not count in the queue
	flagClamp                            // arrivals are not before Link.floor
	flagHistogram                        // queue lengths go to a histogram
	flagEgress                           // boxes, taps or verification at the sending interface
	flagIngress                          // the same at the receiving one
	flagMark                             // the queue marks ECN-capable packets
	flagDiscipline                       // a discipline decides, see discipline.go
	flagRadio                            // a radio serves, see air.go
	flagTail                             // the end of the queue drops at random, see link_tail.go
	flagCut                              // the far end is in another part of the run, see cut.go
	flagAcks                             // acknowledgements pass beside the queue, see link_acks.go
	flagTurns                            // a timeless discipline decides what follows the packet in service, see link_turns.go
	flagQueued                           // packets wait in it

	// flagFate are the reasons to look closer at a packet that is offered.
	flagFate = flagLoss | flagPattern | flagBurst | flagDown | flagAcks
	// flagSlowServer are the servers that serialisation at a constant rate does
	// not describe.
	flagSlowServer = flagStopped | flagVarying | flagTrace
	// flagOffer are the reasons for which offering a packet is not plain.
	flagOffer = flagFate | flagSlowServer | flagServed | flagCut | flagClamp | flagMark | flagDiscipline | flagRadio | flagQueued
)

// Mode is how a link computes departures. Both give the same run.
type Mode uint8

// The modes. Fifo computes the departure of a packet when it accepts it: one
// event per packet-hop. Served has an event for each end of service; so has a link
// with a discipline, unless that is timeless (see link_turns.go).
const (
	Fifo Mode = iota
	Served
)

// NoService as a rate stops a link: packets are accepted into the queue and
// wait.
const NoService sim.Rate = -1

// Queue is the limit of a link's drop-tail queue. A packet is accepted if with
// it the queue holds at most Bytes octets and at most Packets packets; 0 is no
// limit. Octets are those of IP.
type Queue struct {
	Bytes   int
	Packets int
	// ExcludeService leaves the packet in service out of the count. By default
	// it counts, as in the emulator whose measurements we compare with.
	ExcludeService bool
}

// LinkConfig describes one direction of a link. The zero value is infinitely
// fast, without delay, loss or limits.
type LinkConfig struct {
	Mode  Mode
	Rate  sim.Rate     // bits per second; 0: infinite, NoService: stopped
	Delay sim.Duration // one-way propagation, from the end of service to the arrival
	Queue Queue
	// Discipline, if not nil, makes the link's queue; nil is drop-tail, which may
	// mark.
	Discipline func(*Port) Discipline
	// Radio, if not nil, makes the link's server, which may use Rate or Schedule
	// (see air.go).
	Radio func(*Air) Radio
	// Tail drops packets at random where the queue is nearly full (see
	// link_tail.go); only without a discipline.
	Tail RandomTail
	// Mark is the threshold of the queue above which it marks (see link_mark.go).
	Mark Mark
	Loss float64 // probability of Bernoulli loss, before the queue
	// LossCorrelation, from 0 to 1, is that of the draws of Loss (see Correlated).
	LossCorrelation float64
	Drop            DropPattern
	// Burst is loss in bursts, before the queue and beside Loss (see link_burst.go).
	Burst Burst
	MTU   int // larger packets are dropped; 0: 65535, or 1500 on a trace
	// TooBig: the transmitting node tells the sources of packets that are larger.
	TooBig bool
	// OldRouter: that message does not say the MTU, as from routers before RFC 1191.
	OldRouter bool
	// Overhead is added to the octets of each packet for serialisation, e.g. 38
	// for Ethernet with preamble and gap. Limits do not count it.
	Overhead int
	// Schedule, if not nil, replaces Rate by a function of time.
	Schedule *RateSchedule
	// Opportunities, if not nil, replaces Rate by a mahimahi trace.
	Opportunities *Opportunities
	// Acks, if on, lets acknowledgements pass beside the queue (see link_acks.go).
	Acks Beside
	// Histogram keeps the distribution of the queue length (1 KiB a link).
	Histogram bool
}

// Link is one direction of a connection between two interfaces.
type Link struct {
	net      *Network
	index    uint32
	name     string
	from, to *Interface // nil for the link of a node to itself
	node     *Node      // that transmits
	cfg      LinkConfig // as last changed

	loss   *Correlated
	burst  *burstState // nil: no loss in bursts
	paused bool        // see Pause
	floor  sim.Time    // see flagClamp
	trace  oppCursor
	rates  rateCursor
	stuck  anchor
	served PacketID  // in service, in served mode
	tail   *sim.Rand // nil: no random tail
	queue  *Port     // nil without a discipline
	air    *Air      // nil without a radio
	acks   *Link     // nil: acknowledgements queue like everything else

	drops    [dropClasses]uint64
	marked   uint64 // packets given CE
	capacity capacityMeter
	since    sim.Time // since when statistics are kept
	// purged counts packets dropped after they were accepted; purgedQueue and
	// purgedBytes are those of them that counted in the queue.
	purged, purgedQueue, purgedBytes uint64
}

// Connect joins two interfaces by two links. Down carries packets from a to b
// and has the name NAME/down, up carries them from b to a and is NAME/up. Names
// must be unique: loss is drawn from the stream "link/NAME/down/loss".
func (n *Network) Connect(name string, a, b *Interface, down, up LinkConfig) (*Link, *Link) {
	if a.out != nil || b.out != nil {
		sim.Bugf("interface of %s or %s is connected already", a.node.name, b.node.name)
	}
	d := n.addLink(name+"/down", a.node, b.node, down)
	d.from, d.to = a, b
	u := n.addLink(name+"/up", b.node, a.node, up)
	u.from, u.to = b, a
	a.out, b.in = d, d
	b.out, a.in = u, u
	n.addAckWay(d)
	n.addAckWay(u)
	a.retap()
	b.retap()
	n.structureChanged()
	return d, u
}

func (n *Network) addLink(name string, from, to *Node, cfg LinkConfig) *Link {
	if err := cfg.Validate(); err != nil {
		sim.Bugf("link %s: %v", name, err)
	}
	lk := &Link{net: n, index: uint32(len(n.links)), name: name, node: from, cfg: cfg, since: n.sim.Now()}
	l := hotLink{
		from: from.origin, to: to.origin, salt: nameSalt(name),
		delay: cfg.Delay, overhead: uint16(cfg.Overhead), mtu: math.MaxUint16,
	}
	if cfg.MTU > 0 {
		l.mtu = uint16(cfg.MTU)
	}
	if cfg.Opportunities != nil {
		l.mtu = min(l.mtu, opportunity-tunHeader)
	}
	if cfg.Mode == Served || cfg.Discipline != nil {
		l.flags |= flagServed
	}
	if cfg.Histogram {
		l.flags |= flagHistogram
		for len(n.hists) <= len(n.links) {
			n.hists = append(n.hists, histogram{})
		}
	}
	lk.setQueue(&l, cfg.Queue)
	lk.setMark(&l, cfg.Mark)
	lk.setLoss(&l, cfg.Loss)
	lk.setDrop(&l, cfg.Drop)
	lk.setBurst(&l, cfg.Burst)
	lk.setServer(&l)
	lk.capacity.last = lk.since
	n.links = append(n.links, l)
	n.cold = append(n.cold, lk)
	if cfg.Discipline != nil {
		lk.setDiscipline(lk.hot())
	}
	switch {
	case cfg.Radio != nil:
		lk.setRadio(lk.hot())
	case cfg.Discipline != nil:
		lk.setTurns(lk.hot())
	}
	return lk
}

// setServer takes the kind of server from the configuration.
func (lk *Link) setServer(l *hotLink) {
	l.flags &^= flagSlowServer
	l.rate = 0
	switch {
	case lk.cfg.Opportunities != nil:
		l.flags |= flagTrace
		lk.trace.opp = lk.cfg.Opportunities
	case lk.cfg.Schedule != nil:
		l.flags |= flagVarying
		lk.rates = rateCursor{schedule: lk.cfg.Schedule}
	case lk.cfg.Rate == NoService:
		l.flags |= flagStopped
	default:
		l.rate = lk.cfg.Rate
		if l.rate > 0 {
			l.inverse = math.MaxUint64 / uint64(l.rate)
		}
	}
	if l.flags&flagDown != 0 || lk.paused {
		l.flags |= flagStopped
	}
}

func (lk *Link) setQueue(l *hotLink, q Queue) {
	lk.cfg.Queue = q
	l.limitBytes, l.limitPkts = limitOf(q.Bytes), limitOf(q.Packets)
	l.flags &^= flagExclude
	if q.ExcludeService {
		l.flags |= flagExclude
	}
	if lk.queue != nil {
		lk.queue.setLimit(q)
	}
	switch {
	case l.flags&flagTurns != 0:
		lk.limitTurns(l)
	case lk.cfg.Discipline != nil:
		l.limitPkts = 0 // the discipline decides
	default:
		lk.setTail(l)
	}
}

// limitOf is a limit as hot lines have it, where 0 is none.
func limitOf(limit int) uint32 {
	if limit == 0 {
		return math.MaxUint32
	}
	return uint32(min(limit, math.MaxUint32))
}

// Name returns the link's name, e.g. "wifi/down".
func (lk *Link) Name() string { return lk.name }

// Index returns the link's number in the order of declaration: the A of
// trace.PacketForwarded and trace.PacketDropped.
func (lk *Link) Index() int { return int(lk.index) }

// From returns the interface that transmits on the link.
func (lk *Link) From() *Interface { return lk.from }

// To returns the interface that receives from the link.
func (lk *Link) To() *Interface { return lk.to }

// Config returns the link's configuration as it is now.
func (lk *Link) Config() LinkConfig { return lk.cfg }

func (lk *Link) hot() *hotLink { return &lk.net.links[lk.index] }
