package mptcp

import "net/netip"

// The maximum segment size that a host announces (RFC 9293 section 3.7.1: the MTU that
// it can receive less the fixed headers of IP and TCP; RFC 6691). As in Linux it follows
// the interface by which the host sends (net/ipv4/route.c ipv4_default_advmss,
// net/ipv6/route.c ip6_default_advmss), bounds its own segments too, and does not follow
// what ICMP says of the path: 1360 and 1340 were seen of a 6.18 kernel with an interface
// of 1400.

// The least that Linux announces by itself (net.ipv4.route.min_adv_mss,
// net.ipv6.route.min_adv_mss) and the MTU where the host knows none.
const (
	minAdvMSS4 = 256
	minAdvMSS6 = 1220
	defaultMTU = 1500
)

// mss is the maximum segment size that a socket announces from one address to another.
func (e *Endpoint) mss(o *SocketOptions, local, remote netip.Addr) int {
	if o.MSS != 0 {
		return o.MSS
	}
	mtu := defaultMTU
	if e.view != nil {
		if n := e.view.MTU(local, remote); n != 0 {
			mtu = n
		}
	}
	if remote.Is4() {
		return max(mtu-40, minAdvMSS4)
	}
	return max(mtu-60, minAdvMSS6)
}
