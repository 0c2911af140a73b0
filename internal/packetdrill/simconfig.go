package packetdrill

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/tcp"
	"mpsim/sim"
)

// sysctls are the variables of the host that have an effect.
type sysctls struct {
	rmem       tcp.Memory
	wmemMax    int64
	controller string
	enabled    bool // net.mptcp.enabled
	fastOpen   int64
	checksum   mptcp.ChecksumPolicy // net.mptcp.checksum_enabled
}

func newSysctls() sysctls {
	return sysctls{rmem: tcp.Memory{Min: 4096, Initial: 131072, Max: 6 << 20}, wmemMax: 4 << 20, controller: "cubic", enabled: true, fastOpen: 1}
}

// Configure implements [System].
func (s *Simulated) Configure(c *Setting) error {
	switch c.Kind {
	case SetSysctl:
		return s.setSysctl(c.Name, c.Value)
	case SetLimits:
		if c.Subflows >= 0 {
			s.limits[0] = c.Subflows
		}
		if c.AddAddrAccepted >= 0 {
			s.limits[1] = c.AddAddrAccepted
		}
		return s.applyLimits()
	}
	return s.endpoint(c)
}

// setSysctl sets a variable. Those of the endpoint's profile change the profile,
// which is this system's own.
func (s *Simulated) setSysctl(name, value string) error {
	bad := fmt.Errorf("the simulated system has no sysctl %s with the value %q", name, value)
	n, err := strconv.ParseInt(value, 0, 64)
	number := err == nil && n >= 0
	switch name {
	case "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem":
		m, err := memory(value)
		if err != nil {
			return bad
		}
		if name == "net.ipv4.tcp_rmem" {
			s.sysctl.rmem = m
		} else {
			s.sysctl.wmemMax = m.Max
		}
		return nil
	case "net.ipv4.tcp_congestion_control":
		if _, err := cc.New(value, nil, nil); err != nil {
			return err
		}
		s.sysctl.controller = value
		return nil
	case "net.ipv4.tcp_fastopen_key":
		return s.fastOpenKey(value)
	}
	if !number || !s.setNumber(name, n) {
		return bad
	}
	return nil
}

// setNumber sets a variable that is a number; false: it does not have the value
// or does not exist.
func (s *Simulated) setNumber(name string, n int64) bool {
	t := &s.profile.TCP
	switch name {
	case "net.ipv4.tcp_timestamps":
		t.Timestamps = n != 0
	case "net.ipv4.tcp_sack":
		t.SACK = n != 0
	case "net.ipv4.tcp_window_scaling":
		t.WindowScaling = n != 0
	case "net.ipv4.tcp_ecn":
		// 0 and 2 do not ask for it; the endpoint either asks and accepts or neither.
		t.ECN = n == 1
		return n != 2
	case "net.ipv4.tcp_frto":
		t.FRTO = n != 0
	case "net.ipv4.tcp_slow_start_after_idle":
		t.SlowStartAfterIdle = n != 0
	case "net.ipv4.tcp_recovery":
		t.RACK = n&1 != 0
	case "net.ipv4.tcp_early_retrans":
		t.TLP = n >= 3
	case "net.ipv4.tcp_syn_retries":
		t.SynRetries = int(n)
	case "net.ipv4.tcp_syn_linear_timeouts":
		t.SynLinearTimeouts = int(n)
	case "net.ipv4.tcp_synack_retries":
		t.SynAckRetries = int(n)
	case "net.ipv4.tcp_retries2":
		t.Retries2 = int(n)
	case "net.ipv4.tcp_fin_timeout":
		t.FinWait2 = sim.Duration(n) * sim.Second
	case "net.ipv4.tcp_fastopen":
		s.sysctl.fastOpen = n
	case "net.mptcp.enabled":
		s.sysctl.enabled = n != 0
	case "net.mptcp.checksum_enabled":
		s.sysctl.checksum = mptcp.ChecksumOnDemand
		if n != 0 {
			s.sysctl.checksum = mptcp.ChecksumRequired
		}
	case "net.mptcp.add_addr_timeout":
		s.profile.AddAddrTimeout = sim.Duration(n) * sim.Second
	case "net.mptcp.close_timeout":
		s.profile.CloseTimeout = sim.Duration(n) * sim.Second
	case "net.mptcp.mptcp_version":
		// Of the out-of-tree stack v0.95: 1 is also able to speak version 0.
		s.profile.Versions = mptcp.Version0 | mptcp.Version1
		if n == 0 {
			s.profile.Versions = mptcp.Version0
		}
		return n <= 1
	case "net.mptcp.syn_retrans_before_tcp_fallback":
		s.profile.CapableSYNs = int(n) + 1
	default:
		return slices.Contains(fixedSysctls[name], n)
	}
	return true
}

// fixedSysctls are variables whose only value is the endpoint's behaviour.
var fixedSysctls = map[string][]int64{
	"net.ipv4.tcp_dsack":                     {1},
	"net.ipv4.tcp_reordering":                {3},
	"net.ipv4.tcp_pacing_ss_ratio":           {200},
	"net.ipv4.tcp_pacing_ca_ratio":           {120},
	"net.ipv4.tcp_moderate_rcvbuf":           {1},
	"net.ipv4.tcp_no_metrics_save":           {1},
	"net.ipv4.tcp_syncookies":                {0, 1}, // no script floods the listener
	"net.ipv4.tcp_min_tso_segs":              {1, 2}, // segments leave one by one
	"net.mptcp.pm_type":                      {0},
	"net.mptcp.allow_join_initial_addr_port": {1},
}

// memory reads the three sizes of tcp_rmem or tcp_wmem, which ascend.
func memory(value string) (m tcp.Memory, err error) {
	f := strings.Fields(value)
	if len(f) != 3 {
		return m, strconv.ErrSyntax
	}
	for i, p := range []*int64{&m.Min, &m.Initial, &m.Max} {
		if *p, err = strconv.ParseInt(f[i], 10, 64); err != nil {
			return m, err
		}
	}
	if m.Min <= 0 || m.Initial < m.Min || m.Max < m.Initial {
		return m, strconv.ErrRange
	}
	return m, nil
}

// fastOpenKey sets the key of cookies: four words in hexadecimal.
func (s *Simulated) fastOpenKey(value string) error {
	var k mptcp.FastOpenKey
	// A second key, behind a comma, is only used to check old cookies.
	value, _, _ = strings.Cut(value, ",")
	words := strings.Split(value, "-")
	if len(words) != 4 {
		return fmt.Errorf("a fast open key has four words, not %q", value)
	}
	for i, w := range words {
		n, err := strconv.ParseUint(w, 16, 32)
		if err != nil {
			return fmt.Errorf("a fast open key has four hexadecimal words, not %q", value)
		}
		k[i] = uint32(n)
	}
	s.ep.SetFastOpenKey(k)
	return nil
}

// fastOpen returns how a socket uses fast open: what the host allows and the
// socket asks for (Linux tcp_fastopen: 1 client, 2 server, 4 no cookie needed by
// clients, 0x200 by servers, 0x400 all listeners).
func (s *Simulated) fastOpen(k *simSocket) (f mptcp.FastOpenFlags) {
	v := s.sysctl.fastOpen
	if v&1 != 0 {
		f |= mptcp.FastOpenClient
		if v&4 != 0 || k.opt.noCookie {
			f |= mptcp.FastOpenClientNoCookie
		}
	}
	if v&2 != 0 && (k.opt.fastOpenQueue > 0 || v&0x400 != 0) {
		f |= mptcp.FastOpenServer
		if v&0x200 != 0 || k.opt.noCookie {
			f |= mptcp.FastOpenServerNoCookie
		}
	}
	return f
}

// fastOpenReady reports whether a connect with TCP_FASTOPEN_CONNECT is put off
// until the first write: only if a cookie is known or none is needed.
func (s *Simulated) fastOpenReady(k *simSocket) bool {
	return s.fastOpen(k)&mptcp.FastOpenClientNoCookie != 0
}

// writeFast is the first write of a connection that is opened by it.
func (s *Simulated) writeFast(k *simSocket, c *Call, p *Pending, dontWait bool) func() bool {
	peer := k.peer
	if !k.deferred {
		peer = c.Addr
	}
	o, err := s.socketConfig(k)
	if err != nil {
		return fails(p, "EINVAL")
	}
	n := c.N
	if o.FastOpen&mptcp.FastOpenClientNoCookie == 0 && dontWait {
		n = 0 // without a cookie nothing is taken, and the connection goes on in the background
	}
	var written int64
	if k.conn, written, err = s.ep.DialData(s.now, k.source(), peer, o, n); err != nil {
		return fails(p, "EADDRNOTAVAIL")
	}
	s.virtual = s.virtual || written > 0
	k.has, k.dialled, k.deferred = true, true, false
	if dontWait && n == 0 {
		return fails(p, "EINPROGRESS")
	}
	if dontWait || written == c.N {
		p.Value = written
		return done
	}
	return func() bool {
		if k.err != "" {
			return failed(p, k.takeError())
		}
		written += s.ep.Write(s.now, k.conn, c.N-written)
		p.Value = written
		return written == c.N
	}
}
