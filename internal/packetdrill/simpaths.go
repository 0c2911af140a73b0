package packetdrill

import (
	"errors"

	"mpsim/mptcp"
)

var errNoPaths = errors.New("the simulated system has no configurable endpoints yet")

func (s *Simulated) applyLimits() error { return nil }

func (s *Simulated) endpoint(c *Setting) error {
	if c.Kind == FlushEndpoints {
		return nil
	}
	return errNoPaths
}

func (s *Simulated) setPaths(o *mptcp.SocketOptions) {}
