package tcp

import (
	"math/bits"

	"mpsim/sim"
)

// Buffers that grow with what a connection needs, as in Linux 6.18: dynamic right
// sizing of the receive buffer (net/ipv4/tcp_input.c tcp_rcv_space_adjust,
// tcp_rcvbuf_grow, tcp_grow_window) and the send buffer's expansion with the
// congestion window (tcp_sndbuf_expand, tcp_should_expand_sndbuf). MPTCP applies
// the same rules to its connection-level buffers (net/mptcp/protocol.c
// mptcp_rcv_space_adjust, __mptcp_sync_sndbuf).
//
// Sizes are bytes of memory. Half of a receive buffer is offered as window until
// the first segment has shown how much memory a byte of payload takes
// (scaling_ratio); a packet lies in a buffer of a power of two, as it comes from a
// device that copies it. Memory that is short host-wide is not modelled.

// Memory is the range of a buffer that tunes itself, in bytes of memory, like the
// sysctls tcp_rmem and tcp_wmem. A zero Max means a buffer of fixed size.
type Memory struct{ Min, Initial, Max int64 }

// Auto reports whether the buffer tunes itself.
func (m Memory) Auto() bool { return m.Max > 0 }

// LinuxReceiveMemory and LinuxSendMemory are the defaults of tcp_rmem and tcp_wmem
// in Linux 6.18.
var (
	LinuxReceiveMemory = Memory{Min: 4096, Initial: 131072, Max: 32 << 20}
	LinuxSendMemory    = Memory{Min: 4096, Initial: 16384, Max: 4 << 20}
)

// scaleFloor is the buffer that the window scale provides for at least
// (net.core.rmem_max of Linux 6.18).
const scaleFloor = 4 << 20

// ScaleBuffer is the buffer size from which the window scale follows.
func (m Memory) ScaleBuffer() int64 { return max(m.Max, scaleFloor) }

// ReceiveTuning is the state of a receive buffer that tunes itself.
type ReceiveTuning struct {
	On     bool
	size   int64 // of the buffer
	max    int64
	ratio  int64 // of payload in memory, in 256ths
	space  int64 // bytes read in the best round trip so far
	copied int64 // bytes read since
	since  sim.Time
	rtt    sim.Duration // when last asked
}

// Init starts with the buffer's initial size; advMSS is the announced segment
// size.
func (t *ReceiveTuning) Init(now sim.Time, m Memory, advMSS int) {
	size := min(m.Initial, m.Max)
	*t = ReceiveTuning{On: true, size: size, max: m.Max, since: now, ratio: defaultRatio}
	t.space = min(t.Window(), 10*int64(advMSS))
}

// Window is the payload that the buffer has room for.
func (t *ReceiveTuning) Window() int64 { return t.size * t.ratio >> 8 }

// WindowAt is Window for another share of payload in memory, in 256ths.
func (t *ReceiveTuning) WindowAt(ratio int64) int64 { return t.size * ratio >> 8 }

// SetRatio sets the share of payload in memory, in 256ths.
func (t *ReceiveTuning) SetRatio(r int64) { t.ratio = r }

// defaultRatio is TCP_DEFAULT_SCALING_RATIO.
const defaultRatio = 128

// memoryRatio is the share of payload in the memory of a packet: n bytes in a
// packet of n+headers, with room in front and the fixed parts of a packet buffer
// (tcp_measure_rcv_mss, SKB_TRUESIZE).
func memoryRatio(n, headers int) int64 {
	memory := 1<<bits.Len(uint(n+headers+64+320-1)) + 256
	return int64(n) << 8 / int64(memory)
}

// Read notes that the application has read n bytes, and reports whether a round
// trip may be over, so that Adjust is to be called.
func (t *ReceiveTuning) Read(now sim.Time, n int64) bool {
	t.copied += n
	return now.Sub(t.since) >= t.rtt
}

// Adjust lets the buffer grow. Waiting is what arrived in order and was not read,
// ahead how far data behind gaps reaches beyond that, and rtt the receiver's
// estimate of the round trip. It reports whether the buffer has grown.
//
//	once a round trip, if more was read in it than ever:
//	window = 2 copied + 4 copied (copied - best) / best + ahead
func (t *ReceiveTuning) Adjust(now sim.Time, waiting, ahead int64, rtt sim.Duration) (grown bool) {
	t.rtt = rtt
	if rtt == 0 || now.Sub(t.since) < rtt {
		return false
	}
	copied := t.copied - waiting
	t.copied, t.since = 0, now
	if copied <= t.space {
		return false
	}
	best := t.space
	t.space = copied
	window := 2*copied + 4*copied*(copied-best)/best + ahead
	if size := min(window<<8/t.ratio, t.max); size > t.size {
		t.size = size
		return true
	}
	return false
}

// Slope is the window that one connection dares to announce (rcv_ssthresh): it
// opens by two segments for each segment received, up to the buffer.
type Slope struct{ size int64 }

// Start sets the first window: whole segments of the buffer.
func (s *Slope) Start(window int64, mss int) {
	s.size = window - window%int64(mss)
}

// Open notes a received segment of n bytes, with which the buffer has room for limit
// bytes, and reports whether the window opens, so that the segment is to be
// acknowledged at once (QuickAck; Linux tcp_grow_window).
func (s *Slope) Open(n int64, mss int, limit int64) bool {
	if n < 128 || s.size >= limit {
		return false
	}
	s.size = min(s.size+max(2*int64(mss), 2*n), limit)
	return true
}

// Size is the window in bytes.
func (s *Slope) Size() int64 { return s.size }

// Offer is the window to announce of free bytes in a buffer of full bytes, both
// of payload (Linux __tcp_select_window): rounded up to a unit of the window
// field, but down, or nothing at all, if the buffer is nearly full.
func Offer(free, slope, full int64, mss int, scale uint8) int64 {
	unit := int64(1) << scale
	if free < full/2 {
		free -= free % unit
		if free < full>>4 || free < int64(mss) {
			return 0
		}
	}
	n := (min(free, slope) + unit - 1) &^ (unit - 1)
	return max(min(n, 0xffff<<scale), 0)
}

// receiveRTT is the receiver's estimate of the round trip from the timestamps
// that come back (Linux tcp_rcv_rtt_measure_ts): a smaller sample is taken over
// at once, larger ones count an eighth.
type receiveRTT struct {
	rtt8  sim.Duration
	echo  uint32 // latest echo that was measured
	mss   uint16 // largest segment seen
	ratio uint16 // of payload in its memory; 0: none seen
}

// ReceiveRatio is the share of payload in the memory that received packets take,
// in 256ths.
func (c *Conn) ReceiveRatio() int64 {
	if c.rcvRTT.ratio == 0 {
		return defaultRatio
	}
	return int64(c.rcvRTT.ratio)
}

// measureReceive looks at a segment with payload.
func (c *Conn) measureReceive(now sim.Time, s *Segment) {
	if s.Len > c.rcvRTT.mss {
		c.rcvRTT.mss = s.Len
		c.rcvRTT.ratio = uint16(memoryRatio(int(s.Len), 40+s.OptionsLen(s.Opt)))
		c.tune.SetRatio(c.ReceiveRatio())
	}
	if s.TSEcr == c.rcvRTT.echo || int(s.Len) < c.ack.mss || s.TSEcr == 0 {
		return
	}
	c.rcvRTT.echo = s.TSEcr
	d := c.tsRTT(now, s.TSEcr)
	if d <= 0 {
		return
	}
	if old := c.rcvRTT.rtt8; old == 0 || 8*d < old {
		c.rcvRTT.rtt8 = 8 * d
	} else {
		c.rcvRTT.rtt8 = old - old/8 + d
	}
}

// ReceiveRTT is the receiver's estimate of the round-trip time; without
// timestamps, or before one was measured, that of the sender; 0: none.
func (c *Conn) ReceiveRTT() sim.Duration {
	if c.rcvRTT.rtt8 > 0 {
		return c.rcvRTT.rtt8 / 8
	}
	return c.SRTT()
}

// AdvertisedMSS is the segment size that was announced.
func (c *Conn) AdvertisedMSS() int { return c.mssOurs }

// SendBuffer is the size of the send buffer: bytes of payload if it is fixed, of
// memory if it tunes itself.
func (c *Conn) SendBuffer() int64 { return c.sendBuffer }

// SendMemory is what the send queue takes of the send buffer: the payload, and if
// the buffer tunes itself, what the kernel's packet buffers take beside it.
func (c *Conn) SendMemory() int64 {
	if c.sendTuned {
		return c.SocketMemory()
	}
	return c.snd.end - c.snd.una
}

// SocketMemory is the payload in the send queue and what packet buffers take beside it,
// also where the send buffer has a fixed size (Linux sk_wmem_queued). What was sent lies
// in packet buffers of two segments, as TSO autosizing makes them at the rates of
// wide-area paths, the rest in those of [packetSpan] bytes.
func (c *Conn) SocketMemory() int64 {
	n := c.snd.end - c.snd.una
	sent := min(c.snd.nxt-c.snd.una, n)
	unsent := n - sent
	return n + packetMemory*(sent/int64(2*max(c.snd.mss, 1))+unsent/packetSpan+b2i(unsent%packetSpan > 0))
}

// packetSpan is how many bytes a packet buffer that was not sent yet holds: two of the
// pages of 32 KiB that hold a connection's data.
const packetSpan = 1 << 16

// packetMemory is what an empty packet buffer takes (SKB_TRUESIZE of
// MAX_TCP_HEADER).
const packetMemory = 1280

// segmentMemory is the worst case of one segment (tcp_sndbuf_expand), where headers
// take up to 192 bytes: MAX_TCP_HEADER of a kernel without wireless LAN and tunnels,
// as the one that was measured (Linux 6.18.44: SO_SNDBUF 46080 after the handshake,
// MSS 1460). With either it is 320, and the buffer 87040.
func segmentMemory(mss int) int64 {
	const headers, sharedInfo = 192, 320
	n := uint64(mss + headers + sharedInfo)
	return 1<<bits.Len64(n-1) + 256
}

// ExpandSendBuffer makes room for two windows, if the buffer tunes itself and
// the application, which waits for room, rather than the window is what keeps the
// connection from sending; with start, whatever the window. It reports whether
// the buffer has grown.
func (c *Conn) ExpandSendBuffer(start bool) bool {
	if !c.sendMemory.Auto() || !c.joined {
		return false
	}
	mss := int64(max(c.snd.mss, 1))
	segments := int64(c.p.InitialWindowSegments)
	if !start {
		window := c.window()
		if c.pipe()+mss > window {
			return false
		}
		segments = max(segments, window/mss)
	}
	segments = max(segments, int64(c.recovery.reordering)+1)
	size := min(2*segments*segmentMemory(c.mssOurs), c.sendMemory.Max)
	if size <= c.sendBuffer {
		return false
	}
	c.sendBuffer = size
	return true
}
