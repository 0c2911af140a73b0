package simnet

import (
	"errors"
	"fmt"
	"math"
)

// Validate reports what is wrong with the configuration.
func (c *LinkConfig) Validate() error {
	var errs []error
	complain := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	complain(c.Mode > Served, "unknown mode %d", c.Mode)
	complain(c.Rate < NoService, "negative rate %d", int64(c.Rate))
	complain(c.Delay < 0, "negative delay %v", c.Delay)
	complain(c.Acks.Delay < 0, "negative delay %v of acknowledgements", c.Acks.Delay)
	complain(c.Queue.Bytes < 0, "negative queue limit of %d bytes", c.Queue.Bytes)
	complain(c.Queue.Packets < 0, "negative queue limit of %d packets", c.Queue.Packets)
	complain(c.Mark.Bytes < 0 || c.Mark.Packets < 0, "negative threshold %+v for marks", c.Mark)
	complain(c.Discipline != nil && c.Mark != Mark{}, "both a discipline and a threshold for marks")
	complain(c.Discipline != nil && c.Tail != RandomTail{}, "both a discipline and a random tail")
	complain(!(c.LossCorrelation >= 0 && c.LossCorrelation <= 1), "correlation %v of loss is not in [0, 1]", c.LossCorrelation)
	complain(!(c.Loss >= 0 && c.Loss <= 1), "loss probability %v is not in [0, 1]", c.Loss)
	complain(c.MTU < 0 || c.MTU > math.MaxUint16, "MTU %d is not in [0, 65535]", c.MTU)
	complain(c.Overhead < 0 || c.Overhead > math.MaxUint16, "overhead %d is not in [0, 65535]", c.Overhead)
	complain(c.Schedule != nil && c.Opportunities != nil, "both a rate schedule and a trace")
	if err := c.Tail.Validate(c.Queue); err != nil {
		errs = append(errs, err)
	}
	if err := c.Burst.Validate(); err != nil {
		errs = append(errs, err)
	}
	complain(c.Radio != nil && c.Opportunities != nil, "both a radio and a trace of opportunities")
	for i := 1; i < len(c.Drop.Indices); i++ {
		complain(c.Drop.Indices[i] <= c.Drop.Indices[i-1], "drop indices %d and %d are not in order",
			c.Drop.Indices[i-1], c.Drop.Indices[i])
	}
	if c.Schedule != nil {
		errs = append(errs, c.Schedule.Validate())
	}
	if c.Opportunities != nil {
		errs = append(errs, c.Opportunities.Validate())
	}
	return errors.Join(errs...)
}
