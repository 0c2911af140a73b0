package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gopacket/gopacket/pcapgo"

	"mpsim/sim"
)

// PlaceKind says what a packet passes.
type PlaceKind uint8

// The kinds of places.
const (
	PlaceHost PlaceKind = iota
	PlaceRouter
	PlaceBox
	PlaceLink
)

// Place is where packets are seen.
type Place struct {
	Kind PlaceKind
	Name string // of the node, box or link direction
	// Interface is that of a node, Type that of a box, Beyond the node or box to which
	// packets of a link come.
	Interface, Type, Beyond string
}

// Sighting is a packet at a place, as Packets writes it.
type Sighting struct {
	At     sim.Time
	Place  *Place
	Packet uint64 // the same number is the same packet
	// Out: it leaves; Dropped: it ends there, for the reason Why; neither: it arrives.
	Out, Dropped bool
	Why          string
	// IP is the packet from its IP header on, as far as it was kept; it is valid until the
	// next sighting.
	IP []byte
}

// ErrNotOfAllPlaces says that a capture is not of the kind that Packets writes.
var ErrNotOfAllPlaces = errors.New("the capture does not say which packet is which: it is not one of all places (packets.pcapng)")

// ReadPackets calls take for every sighting of a capture of all places, in their order, until
// it returns false.
func ReadPackets(in io.Reader, take func(*Sighting) bool) error {
	r, err := pcapgo.NewNgReader(bufio.NewReaderSize(in, 1<<16), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		return err
	}
	var places []*Place
	for n := 1; ; n++ {
		data, info, options, err := r.ZeroCopyReadPacketDataWithOptions()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("packet %d: %w", n, err)
		}
		if options.PacketID == nil || options.Flags == nil || len(data) < ethernetLen {
			return ErrNotOfAllPlaces
		}
		for len(places) <= info.InterfaceIndex {
			ifc, err := r.Interface(len(places))
			if err != nil {
				return fmt.Errorf("packet %d: %w", n, err)
			}
			places = append(places, readPlace(ifc.Name, ifc.Description))
		}
		s := Sighting{At: sim.Time(info.Timestamp.UnixNano()), Place: places[info.InterfaceIndex], Packet: *options.PacketID, IP: data[ethernetLen:]}
		s.Out = options.Flags.Direction == pcapgo.NgEpbFlagDirectionOutbound
		for _, c := range options.Comments {
			if s.Why, s.Dropped = strings.CutPrefix(c, "dropped: "); s.Dropped {
				break
			}
		}
		if s.Place == nil {
			return ErrNotOfAllPlaces
		}
		if !take(&s) {
			return nil
		}
	}
}

// readPlace returns the place that an interface of the capture is; nil: none that Packets
// writes.
func readPlace(name, description string) *Place {
	kind, rest, _ := strings.Cut(description, " ")
	switch kind {
	case "host", "router":
		p := &Place{Kind: PlaceHost, Name: name}
		if kind == "router" {
			p.Kind = PlaceRouter
		}
		p.Name, p.Interface, _ = strings.Cut(name, ".")
		return p
	case "box":
		return &Place{Kind: PlaceBox, Name: name, Type: rest}
	case "link":
		return &Place{Kind: PlaceLink, Name: name, Beyond: strings.TrimPrefix(rest, "to ")}
	}
	return nil
}
