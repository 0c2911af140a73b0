package packetdrill

import (
	"fmt"

	"mpsim/mptcp"
	"mpsim/sim"
)

// socketOptions are the options of a simulated socket. A listener's are those of
// the sockets that it accepts.
type socketOptions struct {
	noDelay, keepAlive, reuseAddr bool
	cork                          bool
	fastOpenConnect, noCookie     bool
	fastOpenQueue                 int64 // TCP_FASTOPEN of a listener; 0: off
	sndbuf, rcvbuf                int64
	sndtimeo, rcvtimeo            sim.Duration // of blocking calls; 0: none
	tos                           uint8
	linger                        int64 // seconds; -1: off
	maxseg                        int
	userTimeout                   int64 // ms
	congestion                    string
}

func newSocketOptions() socketOptions { return socketOptions{linger: -1} }

// setOption is setsockopt. An option that the endpoint has no mechanism for is
// an error of the script, not ignored.
func (s *Simulated) setOption(k *simSocket, c *Call, p *Pending) (func() bool, error) {
	o := &k.opt
	v := int64(0)
	if len(c.Value) > 0 {
		v = c.Value[0]
	}
	live := k.has && k.dialled && !k.over
	switch c.Option {
	case "SO_REUSEADDR", "SO_REUSEPORT":
		o.reuseAddr = v != 0 // the endpoint has no TIME-WAIT rule for bind that it would lift
	case "TCP_NODELAY":
		o.noDelay = v != 0
		if live {
			s.ep.SetOption(s.now, k.conn, mptcp.OptionNoDelay, v)
		}
	case "TCP_CORK":
		if !live {
			return nil, fmt.Errorf("TCP_CORK before the connection exists is not modelled")
		}
		o.cork = v != 0
		s.ep.SetOption(s.now, k.conn, mptcp.OptionCork, v)
	case "SO_KEEPALIVE":
		o.keepAlive = v != 0
	case "SO_LINGER":
		if len(c.Value) != 2 {
			return nil, fmt.Errorf("SO_LINGER takes {onoff=n, linger=n}")
		}
		o.linger = -1
		if c.Value[0] != 0 {
			o.linger = c.Value[1]
		}
	case "SO_SNDBUF":
		o.sndbuf = 2 * v // Linux doubles it for its own overhead
		return s.buffers(k, live)
	case "SO_RCVBUF":
		o.rcvbuf = 2 * v
		return s.buffers(k, live)
	case "SO_SNDTIMEO", "SO_RCVTIMEO":
		if len(c.Value) != 2 {
			return nil, fmt.Errorf("%s takes {tv_sec=n, tv_usec=n}", c.Option)
		}
		d := sim.Duration(c.Value[0])*sim.Second + sim.Duration(c.Value[1])*sim.Microsecond
		if c.Option == "SO_SNDTIMEO" {
			o.sndtimeo = d
		} else {
			o.rcvtimeo = d
		}
	case "IP_TOS", "IPV6_TCLASS":
		o.tos = uint8(v) &^ 3 // the kernel keeps the ECN bits of TCP for itself
		s.anyTOS = true
	case "TCP_FASTOPEN_KEY":
		if err := s.fastOpenKey(string(c.Bytes)); err != nil {
			return nil, err
		}
	case "TCP_MAXSEG":
		o.maxseg = int(v)
	case "TCP_USER_TIMEOUT":
		o.userTimeout = v
		if live {
			s.ep.SetOption(s.now, k.conn, mptcp.OptionUserTimeout, v*int64(sim.Millisecond))
		}
	case "TCP_CONGESTION":
		o.congestion = string(c.Bytes)
		if live {
			return nil, fmt.Errorf("the simulated system chooses the controller before the connection")
		}
		if _, err := s.socketConfig(k); err != nil {
			return fails(p, "ENOENT"), nil
		}
	case "TCP_FASTOPEN":
		o.fastOpenQueue = v
	case "TCP_FASTOPEN_CONNECT":
		o.fastOpenConnect = v != 0
	case "TCP_FASTOPEN_NO_COOKIE":
		o.noCookie = v != 0
	default:
		return nil, fmt.Errorf("the simulated system has no socket option %s", c.Option)
	}
	return done, nil
}

// buffers applies sizes of buffers that were set on a live connection.
func (s *Simulated) buffers(k *simSocket, live bool) (func() bool, error) {
	if live && k.opt.sndbuf > s.sysctl.wmemMax {
		return nil, fmt.Errorf("the simulated system cannot enlarge the buffer of a connection")
	}
	return done, nil
}

// getOption is getsockopt.
func (s *Simulated) getOption(k *simSocket, c *Call, p *Pending) (func() bool, error) {
	o := &k.opt
	flag := func(b bool) int64 {
		if b {
			return 1
		}
		return 0
	}
	var v int64
	switch c.Option {
	case "SO_ERROR":
		v = errnoNumbers[k.err]
		k.err = ""
	case "SO_REUSEADDR", "SO_REUSEPORT":
		v = flag(o.reuseAddr)
	case "TCP_NODELAY":
		v = flag(o.noDelay)
	case "TCP_CORK":
		v = flag(o.cork)
	case "SO_KEEPALIVE":
		v = flag(o.keepAlive)
	case "SO_SNDBUF":
		v = o.sndbuf
	case "SO_RCVBUF":
		v = o.rcvbuf
	case "TCP_USER_TIMEOUT":
		v = o.userTimeout
	case "IP_TOS", "IPV6_TCLASS":
		v = int64(o.tos)
	case "SO_PROTOCOL":
		v = 6
		if k.mptcp {
			v = 262
		}
	case "SO_LINGER":
		p.Ints = []int64{flag(o.linger >= 0), max(o.linger, 0)}
		return done, nil
	case "TCP_IS_MPTCP":
		if !k.mptcp {
			return fails(p, "EOPNOTSUPP"), nil
		}
		i := s.ep.Info(k.conn)
		v = flag(k.has && i.Protocol == mptcp.MPTCP && i.Fallback == 0)
	case "TCP_CONGESTION":
		p.Bytes = []byte(s.sysctl.controller)
		if o.congestion != "" {
			p.Bytes = []byte(o.congestion)
		}
		return done, nil
	case "TCP_FASTOPEN":
		v = o.fastOpenQueue
	case "TCP_FASTOPEN_CONNECT":
		v = flag(o.fastOpenConnect)
	default:
		return nil, fmt.Errorf("the simulated system has no socket option %s", c.Option)
	}
	p.Ints = []int64{v}
	return done, nil
}

// errnoNumbers are the numbers that SO_ERROR gives.
var errnoNumbers = map[string]int64{
	"": 0, "ECONNRESET": 104, "ETIMEDOUT": 110, "ECONNREFUSED": 111, "EHOSTUNREACH": 113,
}
