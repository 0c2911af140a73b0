package radio

import "mpsim/sim"

// What a signal of a certain strength lets through.
//
// The sensitivity of a rate is where the standard demands that at most one frame in ten
// of 1000 octets is lost (802.11a/g table 17-18; for HT the frames are of 4096 octets,
// for DSSS of 1024 at 8 %; taken alike here). Around it the expected number of
// errors of a frame changes by a factor of ten for each Waterfall, which is assumed:
// the slope of coded OFDM is steeper on an ideal channel and flatter with fading.
//
//	loss = 1 - exp(-errors)    errors = -ln 0.9 * octets/1000 * 10^((sensitivity-dBm)/Waterfall)

// Waterfall is the change of power in dB that changes the errors of a frame tenfold.
const Waterfall = 2.0

// margin in dB above its sensitivity from which a rate is used: one frame of 1500
// octets in fifty is lost there.
const margin = 2.0

// RateFor returns the highest rate whose sensitivity lies the margin below the power,
// or the lowest one.
func (p *Standard) RateFor(dBm float64) int {
	best := 0
	for i := range p.Rates {
		if dBm >= p.Rates[i].Sensitivity+margin {
			best = i
		}
	}
	return best
}

// FrameLoss returns the probability that a frame of the given octets is lost.
func (p *Standard) FrameLoss(rate, octets int, dBm float64) float64 {
	const ninetieth = 0.10536051565782628 // -ln 0.9
	exponent := (p.Rates[rate].Sensitivity - dBm) / Waterfall
	if exponent > 6 {
		return 1
	}
	errors := float64(ninetieth * float64(octets) / 1000)
	return 1 - sim.Exp(-float64(errors*sim.Pow(10, exponent)))
}
