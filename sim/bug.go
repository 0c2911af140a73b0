package sim

import "fmt"

// Bug is the panic value of a broken invariant: a defect of mpsim or of a
// plug-in, never of network input. The driver of the run catches it and adds
// time, node, the last trace records and the command that replays the run.
type Bug struct {
	Message string
}

// Error returns the message.
func (b *Bug) Error() string { return "broken invariant: " + b.Message }

// Bugf stops the run because an invariant is broken.
func Bugf(format string, args ...any) {
	panic(&Bug{Message: fmt.Sprintf(format, args...)})
}
