package simnet

// BurstSteps runs a chain over given draws, pairs of step and loss for Gilbert-Elliott
// and one each for four states, and returns L for lost and . for received.
func BurstSteps(b Burst, draws []float64) string {
	s := burstState{Burst: b}
	if b.Model == FourState {
		s.state = 1
	}
	out := ""
	for i := 0; i < len(draws); {
		var lost bool
		if b.Model == FourState {
			lost = s.fourState(draws[i])
			i++
		} else {
			lost = s.gilbert(draws[i], draws[i+1])
			i += 2
		}
		if lost {
			out += "L"
		} else {
			out += "."
		}
	}
	return out
}
