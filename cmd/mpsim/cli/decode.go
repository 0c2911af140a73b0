package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/spf13/cobra"

	"mpsim/net/wire"
)

// decodeFlags are the flags of `mpsim decode`.
type decodeFlags struct {
	mptcp bool
	clock string
	count int
}

func (p *program) decodeCommand() *cobra.Command {
	var f decodeFlags
	c := &cobra.Command{
		Use:   "decode FILE",
		Short: "print the packets of a capture, with their MPTCP options, as tcpdump words them",
		Long: "decode reads a capture in pcap or pcapng (- is standard input), of this or any program, and prints a line for each\n" +
			"packet as tcpdump -n -S does: Flags [.], seq .., options [..,mptcp 26 dss ack .. seq .. subseq .. len ..]. What tcpdump\n" +
			"does not know of RFC 8684 is printed in the same manner. A file with several interfaces has their names before the packets.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if f.count < 0 {
				return usage(errors.New("--count must not be negative"))
			}
			in := io.Reader(os.Stdin)
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return usage(err)
				}
				defer file.Close()
				in = file
			}
			if err := p.decode(in, &f); err != nil {
				return usage(fmt.Errorf("%s: %w", args[0], err))
			}
			return nil
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.mptcp, "mptcp", false, "only packets with MPTCP options")
	fl.StringVar(&f.clock, "time", "relative", "time before each packet: none, relative (s since the first one) or absolute (s since 1970)")
	fl.IntVar(&f.count, "count", 0, "end after this `number` of lines")
	return c
}

// captureReader is a file of packets in either format.
type captureReader interface {
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
}

// openCapture returns a reader for a capture, and the function that says of a
// packet on which interface and link layer it was captured.
func openCapture(in io.Reader) (captureReader, func(gopacket.CaptureInfo) (string, layers.LinkType), error) {
	b := bufio.NewReaderSize(in, 1<<16)
	magic, err := b.Peek(4)
	if err != nil {
		return nil, nil, errors.New("no capture: the file is shorter than four octets")
	}
	if string(magic) != "\x0a\x0d\x0d\x0a" {
		r, err := pcapgo.NewReader(b)
		if err != nil {
			return nil, nil, fmt.Errorf("neither pcap nor pcapng: %w", err)
		}
		return r, func(gopacket.CaptureInfo) (string, layers.LinkType) { return "", r.LinkType() }, nil
	}
	r, err := pcapgo.NewNgReader(b, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		return nil, nil, err
	}
	return r, func(i gopacket.CaptureInfo) (string, layers.LinkType) {
		ifc, err := r.Interface(i.InterfaceIndex)
		if err != nil {
			return "", layers.LinkTypeNull
		}
		return ifc.Name, ifc.LinkType
	}, nil
}

// decode prints the packets of a capture. What was read before a mistake in the
// file is printed.
func (p *program) decode(in io.Reader, f *decodeFlags) (err error) {
	stamp, err := stamps(f.clock)
	if err != nil {
		return err
	}
	r, origin, err := openCapture(in)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(p.out)
	defer func() { err = errors.Join(err, w.Flush()) }()
	var d decoder
	lines := 0
	for n := 1; f.count == 0 || lines < f.count; n++ {
		if n%1024 == 0 && p.ctx.Err() != nil {
			return &exitError{code: exitInterrupted}
		}
		data, info, err := r.ReadPacketData()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("packet %d: %w", n, err)
		}
		at := stamp(info.Timestamp) // relative to the first packet, printed or not
		point, link := origin(info)
		text, mptcp := d.packet(data, link)
		if f.mptcp && !mptcp {
			continue
		}
		lines++
		if point != "" {
			point += " "
		}
		if _, err := fmt.Fprintf(w, "%s%s%s\n", at, point, text); err != nil {
			return err
		}
	}
	return nil
}

// stamps returns the function that writes the time of a packet.
func stamps(clock string) (func(time.Time) string, error) {
	var first time.Time
	seconds := func(d time.Duration) string {
		sign := ""
		if d < 0 {
			sign, d = "-", -d
		}
		return fmt.Sprintf("%s%d.%09d ", sign, d/time.Second, d%time.Second)
	}
	switch clock {
	case "none":
		return func(time.Time) string { return "" }, nil
	case "relative":
		return func(t time.Time) string {
			if first.IsZero() {
				first = t
			}
			return seconds(t.Sub(first))
		}, nil
	case "absolute":
		return func(t time.Time) string { return fmt.Sprintf("%d.%09d ", t.Unix(), t.Nanosecond()) }, nil
	}
	return nil, fmt.Errorf("--time must be none, relative or absolute, not %q", clock)
}

// decoder holds what a packet is parsed into.
type decoder struct {
	t wire.Tuple
	s wire.Segment
	o wire.Options
}

// packet returns the line of a frame, and whether it has MPTCP options.
func (d *decoder) packet(frame []byte, link layers.LinkType) (string, bool) {
	ip, other := network(frame, link)
	if other != "" {
		return other, false
	}
	if err := wire.ParseCut(ip, &d.t, &d.s, &d.o); err != nil {
		return fmt.Sprintf("malformed: %v, length %d", err, len(ip)), false
	}
	text := wire.Format(&d.t, &d.s, &d.o)
	return text, strings.Contains(text, "mptcp ")
}

// Protocol numbers of link layers.
const (
	etherIPv4, etherIPv6 = 0x0800, 0x86dd
	etherVLAN, etherQinQ = 0x8100, 0x88a8
)

// network returns the IP packet in a frame, or what the frame is instead.
func network(frame []byte, link layers.LinkType) (ip []byte, other string) {
	head, typeAt := 0, 0
	switch link {
	case layers.LinkTypeRaw, layers.LinkTypeIPv4, layers.LinkTypeIPv6, 12, 14: // 12 and 14: raw IP of BSD
		return frame, ""
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		if len(frame) < 4 {
			return nil, "truncated frame"
		}
		return frame[4:], ""
	case layers.LinkTypeEthernet:
		head, typeAt = 14, 12
	case layers.LinkTypeLinuxSLL:
		head, typeAt = 16, 14
	case 276: // LINUX_SLL2
		head, typeAt = 20, 0
	default:
		return nil, fmt.Sprintf("link layer %d is not supported, length %d", link, len(frame))
	}
	if len(frame) < head {
		return nil, "truncated frame"
	}
	kind := uint16(frame[typeAt])<<8 | uint16(frame[typeAt+1])
	for (kind == etherVLAN || kind == etherQinQ) && len(frame) >= head+4 {
		kind = uint16(frame[head+2])<<8 | uint16(frame[head+3])
		head += 4
	}
	if kind != etherIPv4 && kind != etherIPv6 {
		return nil, "ethertype 0x" + strconv.FormatUint(uint64(kind), 16) + ", length " + strconv.Itoa(len(frame))
	}
	return frame[head:], ""
}
