package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/net/nat"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ftpBehindNAT is an FTP client behind a gateway: profile of both hosts, outside
// address, the server's address, keys of the gateway, of the flow and of the session.
var ftpBehindNAT = `schema = 1
name = "ftp"
duration = "300s"
[[node]]
name = "home"
%s
[[node.interface]]
name = "eth0"
addresses = ["192.168.0.7/24"]

[[node]]
name = "router"
router = true

[[node.interface]]
name = "lan"
addresses = ["192.168.0.1/24"]

[[node.interface]]
name = "wan"
addresses = ["%s/8"]

[[node]]
name = "server"
%s
[[node.interface]]
name = "eth0"
addresses = ["%s/8"]

` + ftpSession("nat", "%d")

// ftpSession is what both networks have: the lines, the gateway, whose keys are to be filled
// in, and the flow, whose keys and those of its session are, too.
func ftpSession(gateway, files string) string {
	return linkText("lan", "home.eth0", "router.lan", "100Mbps", "1ms") +
		linkText("wan", "router.wan", "server.eth0", "20Mbps", "10ms") + `[[link.box]]
name = "gateway"
type = "` + gateway + `"
%s

[[flow]]
name = "ftp"
client = "home"
server = "server"
port = 21
app = "ftp"
%s

[flow.ftp]
files = ` + files + `
size = "200kB"
%s
`
}

func runFTP(t *testing.T, profile, outside, gateway, flow, session string, files int) *World {
	t.Helper()
	if profile != "" {
		profile = fmt.Sprintf("profile = %q", profile)
	}
	server := strings.Split(outside, ".")[0] + ".0.113.80"
	return runText(t, fmt.Sprintf(ftpBehindNAT, profile, outside, profile, server, gateway, flow, files, session), Run{Verify: true})
}

// What becomes of an FTP session behind an application-level gateway, whose outside
// address makes PORT as long as it was, longer or shorter. TCP fetches all files, and
// so does MPTCP with checksums, which falls back by MP_FAIL. Where PORT becomes
// shorter, though, the receiver cannot check the mapping before the client has sent
// the command again on the connection level; then its data in flight is not
// contiguous, and the profile linux resets the only subflow and gives up a minute later, while rfc opens another
// one in infinite mapping. Without checksums, a line of the same length passes as if
// nothing had happened, and bytes without mapping end MPTCP. Passive sessions, where
// nothing is translated, keep MPTCP.
//
// row:M9
func TestFTPGateway(t *testing.T) {
	const same, longer, shorter = "203.0.113.9", "203.0.113.77", "20.0.1.9"
	for _, c := range []struct {
		profile, outside, flow, session string
		fetched                         int
		fallback                        string
	}{
		{"", same, `protocol = "tcp"`, "", 2, ""},
		{"", longer, `protocol = "tcp"`, "", 2, ""},
		{"", shorter, `protocol = "tcp"`, "", 2, ""},
		{"linux", same, `checksum = "required"`, "", 2, "MPFail"},
		{"linux", longer, `checksum = "required"`, "", 2, "MPFail"},
		{"linux", shorter, `checksum = "required"`, "", 0, ""},
		{"rfc", same, `checksum = "required"`, "", 2, "MPFail"},
		{"rfc", longer, `checksum = "required"`, "", 2, "MPFail"},
		{"rfc", shorter, `checksum = "required"`, "", 2, "MPFail"},
		{"linux", same, `checksum = "demand"`, "", 2, ""},
		{"linux", longer, `checksum = "demand"`, "", 2, "DssFallback"},
		{"linux", longer, `checksum = "required"`, `mode = "passive"`, 2, ""},
		{"linux", same, `checksum = "required"`, "extended = true", 2, "MPFail"},
		{"linux", longer, `checksum = "required"`, "extended = true", 2, "MPFail"},
		{"linux", shorter, `checksum = "required"`, "extended = true", 0, ""},
		{"linux", longer, `checksum = "required"`, "extended = true\nmode = \"passive\"", 2, ""},
		{"linux", longer, `checksum = "required"`, "epsv_all = true\nmode = \"passive\"", 2, ""},
		// Without checksums what follows completes the mapping of a shorter command.
		{"linux", shorter, `checksum = "demand"`, "", 2, ""},
		// More commands than changes that are remembered.
		{"linux", longer, `checksum = "required"`, "", 40, "MPFail"},
	} {
		name := strings.Join([]string{c.profile, c.outside, c.flow, c.session}, " ")
		w := runFTP(t, c.profile, c.outside, "ftp_port = 21", c.flow, c.session, max(c.fetched, 2))
		f := w.byFlow["ftp"]
		f.observe(w)
		if f.ftp.Fetched != c.fetched || f.ftp.Failed != max(c.fetched, 2)-c.fetched || f.record.Corrupt != 0 || f.fallback != c.fallback {
			t.Errorf("%s: %d files, %d failed, %d bytes wrong, fallback %q, %v", name, f.ftp.Fetched, f.ftp.Failed, f.record.Corrupt, f.fallback, f.ends.Why)
		}
		// Linux waits a minute for another subflow.
		if c.fetched == 0 && (f.ends.Closed > 61*sim.Time(sim.Second) || f.ends.Why != trace.TimedOut) {
			t.Errorf("%s: ended %v at %v, want a clean error", name, f.ends.Why, f.ends.Closed)
		}
		passive := strings.Contains(c.session, "passive")
		if n := w.boxes[0].box.(*nat.NAT).Count(trace.MappingExpected); (n > 0) == passive {
			t.Errorf("%s: %d ends announced", name, n)
		}
	}
}

// Without a gateway the server cannot reach the address that PORT names, whatever the
// protocol; in passive sessions nothing is missing.
func TestFTPWithoutGateway(t *testing.T) {
	for _, flow := range []string{`protocol = "tcp"`, `checksum = "required"`} {
		f := runFTP(t, "", "203.0.113.77", "", flow, "", 2).byFlow["ftp"]
		if f.ftp.Fetched != 0 || f.ftp.Failed == 0 || f.record.Bytes != 0 {
			t.Errorf("%s: %d files, %d failed", flow, f.ftp.Fetched, f.ftp.Failed)
		}
		w := runFTP(t, "", "203.0.113.77", "", flow, `mode = "passive"`, 2)
		f = w.byFlow["ftp"]
		f.observe(w)
		if f.ftp.Fetched != 2 || f.fallback != "" || f.record.Done == sim.Never {
			t.Errorf("%s, passive: %d files, fallback %q", flow, f.ftp.Fetched, f.fallback)
		}
	}
}

// A command that becomes shorter without checksums leaves its mapping three bytes short.
// If the user waits, the client's connection-level timer sends them again, in a segment
// whose mapping lies behind it. A Linux 6.18 kernel (measured between two namespaces, a
// second between commands) counts DSSNotMatching then and gives the server "0\r\n"
// after the command; its peer resets the connection. Profile linux resets the subflow
// before that: the server has got what TCP would have got, and the client an error. For
// the profile rfc the mapping may come in advance (RFC 8684 section 3.3.1), so that the
// server reads the bytes twice and can make nothing of the line: without checksums a change of payload is not noticed
// (section 3.7).
func TestShorterCommandWithoutChecksum(t *testing.T) {
	for _, c := range []struct {
		profile string
		refused uint64
		why     trace.Reason
	}{
		{"linux", 1, trace.TimedOut},
		{"rfc", 0, trace.ResetSent},
	} {
		w := runFTP(t, c.profile, "20.0.1.9", "ftp_port = 21", `checksum = "demand"`, `pause = "5s"`, 2)
		f := w.byFlow["ftp"]
		f.observe(w)
		refused := uint64(0)
		for _, x := range w.Counters() {
			if x.Name == "DSSNotMatching" {
				refused = x.Value
			}
		}
		if f.ftp.Fetched == 2 || refused != c.refused || f.ends.Why != c.why {
			t.Errorf("%s: %d files, %d failed, DSSNotMatching %d, %v", c.profile, f.ftp.Fetched, f.ftp.Failed, refused, f.ends.Why)
		}
	}
}

// ftpBehindFirewall is an IPv6 client behind a stateful firewall: keys of the firewall,
// of the flow and of the session.
var ftpBehindFirewall = `schema = 1
name = "ftp6"
duration = "60s"

[[node]]
name = "home"

[[node.interface]]
name = "eth0"
addresses = ["fd00:1::7/64"]

[[node]]
name = "router"
router = true

[[node]]
name = "server"

[[node.interface]]
name = "eth0"
addresses = ["fd00:2::80/64"]

` + ftpSession("firewall", "2")

// Over IPv6 the session has EPRT and EPSV (RFC 2428). A firewall lets the server's data
// connections in where it follows the control connection (nf_conntrack_ftp); passive
// sessions need nothing. Nothing is changed, so that all connections keep MPTCP.
func TestFTPThroughFirewall(t *testing.T) {
	for _, c := range []struct {
		gateway, session string
		fetched          int
		expected         uint64
	}{
		{"ftp_port = 21", "", 2, 2},
		{"", "", 0, 0},
		{"", `mode = "passive"`, 2, 0},
	} {
		for _, flow := range []string{`protocol = "tcp"`, `checksum = "required"`} {
			w := runText(t, fmt.Sprintf(ftpBehindFirewall, c.gateway, flow, c.session), Run{Verify: true})
			f := w.byFlow["ftp"]
			f.observe(w)
			n := w.boxes[0].box.(*nat.Firewall).Count(trace.MappingExpected)
			if f.ftp.Fetched != c.fetched || n != c.expected || f.fallback != "" || f.record.Corrupt != 0 {
				t.Errorf("%q, %q, %s: %d files, %d failed, %d ends announced, fallback %q", c.gateway, c.session, flow, f.ftp.Fetched, f.ftp.Failed, n, f.fallback)
			}
		}
	}
}
