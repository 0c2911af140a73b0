package live

import (
	"errors"
	"io/fs"
	"strconv"
	"testing"

	"mpsim/mptcp"
	"mpsim/net/nat"
	"mpsim/sim"
)

// The values of profile linux, of path MTU discovery and of the NAT linux-conntrack are the
// defaults of the kernel's parameters, as a new namespace has them. A kernel without
// connection tracking has none of net.netfilter.
func TestDefaultsOfTheKernel(t *testing.T) {
	n := namespace(t)
	p := mptcp.Linux()
	c := nat.FindProfile("linux-conntrack").Config.Timers
	seconds := func(d sim.Duration) int { return int(d / sim.Second) }
	for name, want := range map[string]int{
		"net.ipv4.tcp_syn_retries":         p.TCP.SynRetries,
		"net.ipv4.tcp_synack_retries":      p.TCP.SynAckRetries,
		"net.ipv4.tcp_syn_linear_timeouts": p.TCP.SynLinearTimeouts,
		"net.ipv4.tcp_retries2":            p.TCP.Retries2,
		"net.ipv4.tcp_rto_min_us":          int(p.TCP.MinRTO / sim.Microsecond),
		"net.ipv4.tcp_rto_max_ms":          int(p.TCP.MaxRTO / sim.Millisecond),
		"net.ipv4.tcp_comp_sack_delay_ns":  int(p.TCP.CompressSACK),
		"net.ipv4.tcp_max_reordering":      p.TCP.MaxReordering,
		"net.ipv4.tcp_fin_timeout":         seconds(p.TCP.FinWait2),
		"net.ipv4.tcp_keepalive_time":      seconds(p.TCP.KeepaliveTime),
		"net.ipv4.tcp_keepalive_intvl":     seconds(p.TCP.KeepaliveInterval),
		"net.ipv4.tcp_keepalive_probes":    p.TCP.KeepaliveProbes,

		// Path MTU (mptcp/tcp/mtu.go, mptcp/mss.go): the constants there are these.
		"net.ipv4.ip_no_pmtu_disc":     0,
		"net.ipv4.tcp_mtu_probing":     p.TCP.MTUProbing,
		"net.ipv4.tcp_base_mss":        p.TCP.BaseMSS,
		"net.ipv4.tcp_probe_interval":  seconds(p.TCP.MTUProbeInterval),
		"net.ipv4.tcp_probe_threshold": 8,
		"net.ipv4.tcp_mtu_probe_floor": 48,
		"net.ipv4.tcp_retries1":        3,
		"net.ipv4.route.mtu_expires":   seconds(p.TCP.PathMTUExpiry),
		"net.ipv6.route.mtu_expires":   seconds(p.TCP.PathMTUExpiry),
		"net.ipv4.route.min_pmtu":      552,
		"net.ipv4.route.min_adv_mss":   256,
		"net.ipv6.route.min_adv_mss":   1220,

		"net.mptcp.add_addr_timeout":                seconds(p.AddAddrTimeout),
		"net.mptcp.close_timeout":                   seconds(p.CloseTimeout),
		"net.mptcp.stale_loss_cnt":                  p.StaleLossCount,
		"net.mptcp.checksum_enabled":                0,
		"net.mptcp.syn_retrans_before_tcp_fallback": p.CapableSYNs - 1,

		"net.netfilter.nf_conntrack_tcp_timeout_syn_sent":       seconds(c.TCP[nat.SYNSent]),
		"net.netfilter.nf_conntrack_tcp_timeout_syn_recv":       seconds(c.TCP[nat.SYNReceived]),
		"net.netfilter.nf_conntrack_tcp_timeout_established":    seconds(c.TCP[nat.Established]),
		"net.netfilter.nf_conntrack_tcp_timeout_fin_wait":       seconds(c.TCP[nat.FINWait]),
		"net.netfilter.nf_conntrack_tcp_timeout_close_wait":     seconds(c.TCP[nat.CloseWait]),
		"net.netfilter.nf_conntrack_tcp_timeout_last_ack":       seconds(c.TCP[nat.LastAck]),
		"net.netfilter.nf_conntrack_tcp_timeout_time_wait":      seconds(c.TCP[nat.TimeWait]),
		"net.netfilter.nf_conntrack_tcp_timeout_close":          seconds(c.TCP[nat.Closed]),
		"net.netfilter.nf_conntrack_tcp_timeout_max_retrans":    seconds(c.TCPUnacked),
		"net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": seconds(c.TCPUnacked),
		"net.netfilter.nf_conntrack_tcp_max_retrans":            3,
		"net.netfilter.nf_conntrack_tcp_loose":                  1,
		"net.netfilter.nf_conntrack_tcp_be_liberal":             0,
		"net.netfilter.nf_conntrack_udp_timeout":                seconds(c.UDP),
		"net.netfilter.nf_conntrack_udp_timeout_stream":         seconds(c.UDPStream),
		"net.netfilter.nf_conntrack_icmp_timeout":               seconds(c.ICMP),
		"net.netfilter.nf_conntrack_icmpv6_timeout":             seconds(c.ICMP),
	} {
		text, err := n.Sysctl(name)
		if errors.Is(err, fs.ErrNotExist) {
			t.Logf("the kernel has no %s", name)
			continue
		}
		if got, numErr := strconv.Atoi(text); err != nil || numErr != nil || got != want {
			t.Errorf("%s is %q (%v), the model has %d", name, text, err, want)
		}
	}
}
