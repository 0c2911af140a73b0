package results

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"mpsim/internal/version"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// DefaultSnapLen is the length after which captured frames are cut. Every
// header with all its options fits (14 + 40 + 60 octets for IPv6 and TCP).
const DefaultSnapLen = 128

const (
	ethernetLen   = 14
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
)

// Capture writes packets as pcapng (the head of the file by package pcapgo, packets here,
// because they are many): one interface per capture point, named
// "node.iface", nanosecond timestamps, and the original length of every packet
// whatever was cut. Frames are Ethernet with made-up addresses, because a file
// that mixes IPv4 and IPv6 on raw link types is refused by some readers.
type Capture struct {
	w       *pcapgo.NgWriter
	snap    int
	points  int
	out     *bufio.Writer // the library's own buffer is a page
	info    pcapgo.NgSectionInfo
	buf     []byte
	head    [packetHead]byte // of the block that is being written, and its end
	options [8]byte
	parts   []*observed // see Part
	err     error
}

// CaptureInfo goes into the comment of the section.
type CaptureInfo struct {
	Scenario          string
	Seed, Replication uint64
}

// NewCapture returns a capture that writes to w. A snapLen of 0 means
// DefaultSnapLen; a negative one cuts nothing.
func NewCapture(w io.Writer, info CaptureInfo, snapLen int) *Capture {
	if snapLen == 0 {
		snapLen = DefaultSnapLen
	}
	return &Capture{out: bufio.NewWriterSize(w, 1<<15), snap: snapLen, info: pcapgo.NgSectionInfo{
		Application: "mpsim " + version.Version,
		Comment: fmt.Sprintf("scenario %s, seed %d, replication %d, mpsim %s",
			info.Scenario, info.Seed, info.Replication, version.Version),
	}}
}

// AddPoint declares the next capture point and returns its number.
func (c *Capture) AddPoint(name string) int { return c.addPoint(name, "") }

func (c *Capture) addPoint(name, description string) int {
	if c.err != nil {
		return c.points
	}
	ifc := pcapgo.NgInterface{Name: name, Description: description, LinkType: layers.LinkTypeEthernet, TimestampResolution: 9}
	if c.snap > 0 {
		ifc.SnapLength = uint32(c.snap)
	}
	if c.w == nil {
		c.w, c.err = pcapgo.NewNgWriterInterface(c.out, ifc, pcapgo.NgWriterOptions{SectionInfo: c.info})
	} else {
		_, c.err = c.w.AddInterface(ifc)
	}
	if c.err == nil {
		c.err = c.w.Flush() // packets are written behind its back
	}
	c.points++
	return c.points - 1
}

// Parts of an enhanced packet block (pcapng, section 4.3): its type, its length without
// packet and options, the option with flags, and the flags that tell the direction of a packet
// as its capture point sees it.
const (
	packetBlock   = 6
	packetHead    = 28
	packetTail    = 8         // the end of options, and the length again
	flagsOption   = 2 | 4<<16 // code and length
	flagsInbound  = 1
	flagsOutbound = 2
)

// Packet writes one packet that passes a point: out says that it leaves the
// node. The first error is kept for Flush.
func (c *Capture) Packet(at sim.Time, point int, out bool, t *wire.Tuple, s *wire.Segment, o *wire.Options) {
	frame, length := c.frame(point, out, t, s, o)
	c.write(at, point, out, frame, length)
}

// frame returns the octets of a packet that are kept, valid until the next call, and the
// length of the whole.
func (c *Capture) frame(point int, out bool, t *wire.Tuple, s *wire.Segment, o *wire.Options) (frame []byte, length int) {
	c.buf = appendEthernet(c.buf[:0], point, out, t.Src.Addr().Is4() && t.Dst.Addr().Is4())
	snap := -1
	if c.snap > 0 {
		snap = max(c.snap-ethernetLen, 0)
	}
	c.buf = wire.AppendPacket(c.buf, t, s, o, snap)
	length = ethernetLen + wire.WireLen(t, s, o)
	if c.snap > 0 && len(c.buf) > c.snap {
		c.buf = c.buf[:c.snap]
	}
	return c.buf, length
}

// write writes the block of a frame.
func (c *Capture) write(at sim.Time, point int, out bool, frame []byte, length int) {
	flags := uint32(flagsInbound)
	if out {
		flags = flagsOutbound
	}
	le := binary.LittleEndian
	b := le.AppendUint32(c.options[:0], flagsOption)
	c.block(at, point, frame, length, le.AppendUint32(b, flags))
}

// block writes the block of a frame with its options but for the end of them.
func (c *Capture) block(at sim.Time, point int, frame []byte, length int, options []byte) {
	if c.err != nil {
		return
	}
	padded := (len(frame) + 3) &^ 3
	total := uint32(packetHead + padded + len(options) + packetTail)
	le := binary.LittleEndian
	b := le.AppendUint32(c.head[:0], packetBlock)
	b = le.AppendUint32(b, total)
	b = le.AppendUint32(b, uint32(point))
	b = le.AppendUint32(b, uint32(uint64(at)>>32))
	b = le.AppendUint32(b, uint32(at))
	b = le.AppendUint32(b, uint32(len(frame)))
	b = le.AppendUint32(b, uint32(length))
	c.put(b)
	c.put(frame)
	c.put(append(c.head[:0], 0, 0, 0)[:padded-len(frame)])
	c.put(options)
	b = le.AppendUint32(c.head[:0], 0)
	c.put(le.AppendUint32(b, total))
}

// put writes a part of a block.
func (c *Capture) put(b []byte) {
	if c.err == nil {
		_, c.err = c.out.Write(b)
	}
}

// Flush writes what is buffered and returns the first error. A capture without
// a point is an empty section with one unnamed interface, which readers accept.
func (c *Capture) Flush() error {
	if c.w == nil && c.err == nil {
		c.AddPoint("")
	}
	if c.err == nil {
		c.err = c.out.Flush()
	}
	return c.err
}

// appendEthernet appends the header of a frame. The capturing interface has
// the address 02:00:00:00:hi:lo of its number plus one, its peer 02:00:00:01:hi:lo;
// both are locally administered.
func appendEthernet(b []byte, point int, out, ip4 bool) []byte {
	hi, lo := byte((point+1)>>8), byte(point+1)
	own := [6]byte{2, 0, 0, 0, hi, lo}
	peer := [6]byte{2, 0, 0, 1, hi, lo}
	if out {
		b = append(append(b, peer[:]...), own[:]...)
	} else {
		b = append(append(b, own[:]...), peer[:]...)
	}
	if ip4 {
		return append(b, etherTypeIPv4>>8, etherTypeIPv4&0xff)
	}
	return append(b, etherTypeIPv6>>8, etherTypeIPv6&0xff)
}

// Attach adds a capture point for an interface and captures its packets from
// now on.
func (c *Capture) Attach(ifc *simnet.Interface) {
	ifc.AddTap(&tap{c: c, point: c.AddInterface(ifc)})
}

// AddInterface adds a capture point for an interface and returns its number.
func (c *Capture) AddInterface(ifc *simnet.Interface) int {
	return c.AddPoint(ifc.Node().Name() + "." + ifc.Name())
}

func (c *Capture) packet(at sim.Time, point int, out bool, t *wire.Tuple, s *wire.Segment, o *wire.Options) {
	c.Packet(at, point, out, t, s, o)
}

// tap is one capture point on its interface.
type tap struct {
	c interface {
		packet(at sim.Time, point int, out bool, t *wire.Tuple, s *wire.Segment, o *wire.Options)
	}
	point int
}

// Packet implements simnet.Tap.
func (t *tap) Packet(now sim.Time, ifc *simnet.Interface, dir simnet.Dir, id simnet.PacketID) {
	n := ifc.Node().Network()
	s := n.Segment(id)
	t.c.packet(now, t.point, dir == simnet.Out, n.Tuple(simnet.RouteID(s.Route)), s, n.Options(id))
}
