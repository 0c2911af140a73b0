package radio

import "mpsim/sim"

// The share of LTE's rate at a signal: bits per symbol of the channel quality indicators
// 1 to 15 (3GPP TS 36.213 table 7.2.3-1), each used from the ratio of signal to noise on at
// which a block fails one time in ten (the thresholds that link-level simulation gives for
// an ideal channel, Mehlführer et al., EUSIPCO 2009). Below the first nothing is sent.

// cqiEfficiency is in 1/10000 bits per symbol, cqiThreshold in tenths of dB.
var (
	cqiEfficiency = [15]int64{1523, 2344, 3770, 6016, 8770, 11758, 14766, 19141, 24063, 27305, 33223, 39023, 45234, 51152, 55547}
	cqiThreshold  = [15]int{-67, -47, -23, 2, 24, 43, 59, 81, 103, 117, 141, 163, 187, 210, 227}
)

// CQI returns the channel quality indicator at a ratio of signal to noise in dB, 0 to 15.
func CQI(dB float64) int {
	n := 0
	for n < len(cqiThreshold) && float64(dB*10) >= float64(cqiThreshold[n]) {
		n++
	}
	return n
}

// AtCQI returns the rate at an indicator, given that at 15.
func AtCQI(r sim.Rate, cqi int) sim.Rate {
	if cqi == 0 {
		return 0
	}
	return r * sim.Rate(cqiEfficiency[cqi-1]) / sim.Rate(cqiEfficiency[14])
}
