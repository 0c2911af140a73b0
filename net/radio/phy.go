package radio

import (
	"fmt"
	"strings"

	"mpsim/sim"
)

// The physical layers of 802.11, as far as the time on air of a frame and the reach
// of its rates depend on them.
//
// Sources: IEEE Std 802.11-2016: OFDM clause 17 (frame time 17.4.3, TXTIME; slot 9 us,
// SIFS 16 us, receiver sensitivity table 17-18), ERP-OFDM clause 18 (SIFS 10 us and a
// signal extension of 6 us), DSSS and HR/DSSS clauses 15 and 16 (slot 20 us, SIFS 10
// us, long preamble 192 us), HT of 20 MHz, one stream, long guard interval, clause 19
// (mixed preamble, table 19-27 for the rates, 19-23 for the sensitivity); EDCA best
// effort (AIFSN 3) and limits of A-MPDU (64 frames of a block ack window, 65535
// octets, 5.484 ms) tables 9-137 and 19-25.

// Standard is one kind of 802.11.
type Standard struct {
	Name, Doc string
	Slot      sim.Duration
	SIFS      sim.Duration
	// Wait is DIFS, or AIFS of best effort in 802.11n: how long the medium must be
	// idle before slots count.
	Wait         sim.Duration
	CWMin, CWMax int
	// Rates ascend.
	Rates []PHYRate
	// preamble of data frames; control frames have the legacy one.
	preamble, control sim.Duration
	extension         sim.Duration // behind every OFDM frame
	symbol            sim.Duration // 0: DSSS
	header            int          // octets around an IP packet: MAC, LLC/SNAP, FCS
	aggregates        bool
}

// PHYRate is one rate of a standard.
type PHYRate struct {
	Rate sim.Rate
	// Bits is the number of data bits in a symbol of OFDM.
	Bits int
	// Sensitivity is the received power in dBm at which one frame in ten of
	// SensitivityOctets is lost.
	Sensitivity float64
}

const (
	us = sim.Microsecond
	// ackOctets and blockAckOctets are the lengths of control frames.
	ackOctets, blockAckOctets = 14, 32
	// mostFrames, mostOctets and mostAir bound an A-MPDU.
	mostFrames = 64
	mostOctets = 65535
	mostAir    = 5484 * us
)

// ofdm returns rates from bits per symbol of 4 us and sensitivities.
func ofdm(bits []int, dBm []float64) []PHYRate {
	out := make([]PHYRate, len(bits))
	for i, n := range bits {
		out[i] = PHYRate{sim.Rate(n) * 250_000, n, dBm[i]}
	}
	return out
}

// legacyBits and legacyDBm are the rates of 6 to 54 Mb/s.
var (
	legacyBits = []int{24, 36, 48, 72, 96, 144, 192, 216}
	legacyDBm  = []float64{-82, -81, -79, -77, -74, -70, -66, -65}
)

// Standards returns the table of 802.11 standards.
func Standards() []Standard {
	legacy := ofdm(legacyBits, legacyDBm)
	return []Standard{
		{
			Name: "802.11a", Doc: "5 GHz, OFDM, 6 to 54 Mb/s, one frame at a time",
			Slot: 9 * us, SIFS: 16 * us, Wait: 34 * us, CWMin: 15, CWMax: 1023,
			Rates: legacy, preamble: 20 * us, control: 20 * us, symbol: 4 * us, header: 36,
		},
		{
			Name: "802.11b", Doc: "2.4 GHz, DSSS and CCK with long preambles, 1 to 11 Mb/s",
			Slot: 20 * us, SIFS: 10 * us, Wait: 50 * us, CWMin: 31, CWMax: 1023,
			Rates: []PHYRate{
				{sim.MegabitPerSecond, 0, -80}, {2 * sim.MegabitPerSecond, 0, -80},
				{5500 * sim.KilobitPerSecond, 0, -76}, {11 * sim.MegabitPerSecond, 0, -76},
			},
			preamble: 192 * us, control: 192 * us, header: 36,
		},
		{
			Name: "802.11g", Doc: "2.4 GHz, OFDM without 802.11b stations near, 6 to 54 Mb/s",
			Slot: 9 * us, SIFS: 10 * us, Wait: 28 * us, CWMin: 15, CWMax: 1023,
			Rates: legacy, preamble: 20 * us, control: 20 * us, extension: 6 * us, symbol: 4 * us, header: 36,
		},
		{
			Name: "802.11n", Doc: "5 GHz, 20 MHz, one stream, MCS 0 to 7 (6.5 to 65 Mb/s), with A-MPDU",
			Slot: 9 * us, SIFS: 16 * us, Wait: 43 * us, CWMin: 15, CWMax: 1023,
			Rates:    ofdm([]int{26, 52, 78, 104, 156, 208, 234, 260}, []float64{-82, -79, -77, -74, -70, -66, -65, -64}),
			preamble: 36 * us, control: 20 * us, symbol: 4 * us, header: 38, aggregates: true,
		},
	}
}

// FindStandard looks a standard up by name.
func FindStandard(name string) (*Standard, error) {
	var known []string
	for _, s := range Standards() {
		if s.Name == name {
			return &s, nil
		}
		known = append(known, s.Name)
	}
	return nil, fmt.Errorf("unknown standard %q; known are %s", name, strings.Join(known, ", "))
}

// RateIndex returns the number of a rate.
func (p *Standard) RateIndex(r sim.Rate) (int, error) {
	var known []string
	for i := range p.Rates {
		if p.Rates[i].Rate == r {
			return i, nil
		}
		known = append(known, p.Rates[i].Rate.String())
	}
	return 0, fmt.Errorf("%s has no rate %v; it has %s", p.Name, r, strings.Join(known, ", "))
}

// DataTime returns the time on air of a data frame or A-MPDU of the given octets,
// MAC header and FCS included.
func (p *Standard) DataTime(octets, rate int) sim.Duration {
	if p.symbol == 0 {
		return p.preamble + dsss(octets, p.Rates[rate].Rate)
	}
	return p.preamble + p.symbols(octets, p.Rates[rate].Bits) + p.extension
}

// AckTime returns the time on air of the acknowledgement of a frame sent at a rate: the
// highest of the mandatory rates that is not above it (6, 12 and 24 Mb/s, or 1 and 2).
func (p *Standard) AckTime(rate int, block bool) sim.Duration {
	octets := ackOctets
	if block {
		octets = blockAckOctets
	}
	r := p.Rates[rate].Rate
	if p.symbol == 0 {
		return p.control + dsss(octets, min(r, 2*sim.MegabitPerSecond))
	}
	bits := 24
	switch {
	case r >= 24*sim.MegabitPerSecond:
		bits = 96
	case r >= 12*sim.MegabitPerSecond:
		bits = 48
	}
	return p.control + p.symbols(octets, bits) + p.extension
}

// symbols is the time of 16 service bits, the octets and 6 tail bits.
func (p *Standard) symbols(octets, bits int) sim.Duration {
	return sim.Duration((16+8*octets+6+bits-1)/bits) * p.symbol
}

// dsss is the time of octets, rounded up to a microsecond.
func dsss(octets int, r sim.Rate) sim.Duration {
	n := int64(octets) * 8 * 1_000_000
	return sim.Duration((n+int64(r)-1)/int64(r)) * us
}

// Frame returns the octets of the frame around an IP packet; in an A-MPDU with its
// delimiter, padded to a multiple of four.
func (p *Standard) Frame(packet int, aggregated bool) int {
	n := packet + p.header
	if aggregated {
		n = (4 + n + 3) &^ 3
	}
	return n
}
