package packetdrill

import (
	"errors"
	"strings"
	"testing"

	"mpsim/mptcp"
)

const plainOpen = `
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0 < S 0:0(0) win 65535 <mss 1000, nop, wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.02 < . 1:1(0) ack 1 win 500
+0 accept(3, ..., ...) = 4
`

// try runs a script and returns what is wrong with it, without position and
// packets.
func try(t *testing.T, strict bool, text ...string) string {
	t.Helper()
	sc, err := Parse("x.pkt", strings.Join(text, ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = Run(sc, NewSimulated(sc.Config, mptcp.Linux(), 1), Options{Strict: strict})
	var f *Failure
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f):
		line, _, _ := strings.Cut(f.Msg, "\n")
		return line
	case errors.As(err, &e):
		return "error: " + e.Msg
	}
	t.Fatal(err)
	return ""
}

// TestStrictOnly: what the original tool leaves unchecked passes without strict and
// fails with it (the list of docs/PACKETDRILL.md).
func TestStrictOnly(t *testing.T) {
	ack := "+0.02 < P. 1:41(40) ack 1 win 300 <dss dack4=1 dsn8=1 ssn=1 dll=40 nocs, nop, nop>\n+0 > . 1:1(0) ack 41 <dss dack8=41 nocs>\n"
	for _, c := range []struct {
		name string
		text []string
		want string
	}{
		{"DLL beside dsn8", []string{serverOpen, ack, `
+0 write(4, ..., 50) = 50
+0 > P. 1:51(50) ack 41 <dss dack8=41 dsn8=1 ssn=1 dll=49 nocs, nop, nop>
`}, "the packet differs in dss dll"},
		{"address id of the SYN/ACK", []string{serverOpen, ack, `
+0.10 < addr[c1] > addr[s0] S 0:0(0) win 60000 <mss 1460, nop, nop, sackOK, nop, wscale 7, mp_join_syn address_id=3 token=sha256_32(skey)>
+0 > addr[s0] > addr[c1] S. 0:0(0) ack 1 <mss 1460, nop, nop, sackOK, nop, wscale 8, mp_join_syn_ack address_id=7 sender_hmac=auto>
`}, "the packet differs in mp_join_syn_ack address_id"},
		{"packet at the end", []string{serverOpen, ack, "+0 write(4, ..., 50) = 50\n"},
			"behind the last line, at 0.020000 s, the system sent a packet that is not expected:"},
	} {
		if got := try(t, false, c.text...); got != "" {
			t.Errorf("%s, not strict: %s", c.name, got)
		}
		if got := try(t, true, c.text...); got != c.want {
			t.Errorf("%s, strict:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestMerge: neighbouring segments count as one packet.
func TestMerge(t *testing.T) {
	write := "+0 write(4, ..., 2500) = 2500\n"
	for _, c := range []struct{ line, want string }{
		{"+0 > P. 1:2501(2500) ack 1\n", ""},
		{"+0 > . 1:1001(1000) ack 1\n+0 > P. 1001:2501(1500) ack 1\n", ""},
		{"+0 > . 1:1001(1000) ack 1\n+0 > . 1001:2001(1000) ack 1\n+0 > P. 2001:2501(500) ack 1\n", ""},
		{"+0 > P. 1:2401(2400) ack 1\n", "the packet differs in length"},
		{"+0 > . 1:2501(2500) ack 1\n", "the packet differs in flags"},
		{"+0 > P. 2:2502(2500) ack 1\n", "the packet differs in seq, length, flags"},
	} {
		if got := try(t, true, plainOpen, write, c.line); got != c.want {
			t.Errorf("%s got %q, want %q", c.line, got, c.want)
		}
	}
}

// TestBlockingCalls: a call that blocks must return in its window, and one without
// a window must not block.
func TestBlockingCalls(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{"+0...0.2 read(4, ..., 100) = 10\n+0.2 < P. 1:11(10) ack 1 win 500\n+0 > . 1:1(0) ack 11\n", ""},
		{"+0...0.3 read(4, ..., 100) = 10\n+0.2 < P. 1:11(10) ack 1 win 500\n+0 > . 1:1(0) ack 11\n",
			"read returned at the wrong time: expected 0.320000 s, actual 0.220000 s"},
		{"+0...0.1 read(4, ..., 100) = 10\n", "read has not returned at 0.132500 s"},
		{"+0...0.2 read(4, ..., 100) = 9\n+0.2 < P. 1:11(10) ack 1 win 500\n+0 > . 1:1(0) ack 11\n", "read returned 10, expected 9"},
		{"+0 read(4, ..., 100) = 10\n", "read blocks"},
		{"+0 setsockopt(4, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=0, tv_usec=70000}, 16) = 0\n+0...0.07 read(4, ..., 100) = -1 EAGAIN\n", ""},
		{"+0 setsockopt(4, SOL_IP, IP_TOS, [0x13], 4) = 0\n+0 getsockopt(4, SOL_IP, IP_TOS, [0x10], [4]) = 0\n" +
			"+0 write(4, ..., 5) = 5\n+0 > [tos 0x10] P. 1:6(5) ack 1\n+.01 < . 1:1(0) ack 6 win 500\n+0 write(4, ..., 5) = 5\n+0 > [tos 0x14] P. 6:11(5) ack 1\n",
			"the packet differs in tos"},
		{"+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 read(4, ..., 100) = -1 EAGAIN (Resource temporarily unavailable)\n", ""},
		{"+0 recv(4, ..., 100, MSG_DONTWAIT) = -1 EBADF\n", "recv returned -1 EAGAIN, expected -1 EBADF"},
		{"+0...0.05 poll([{fd=4, events=POLLIN, revents=0}], 1, 50) = 0\n", ""},
		{"+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN}], 1, 0) = 1\n", "poll reports POLLOUT, expected POLLIN"},
		{"+0...0.1 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 1000) = 1\n+0.1 < P. 1:11(10) ack 1 win 500\n+0 > . 1:1(0) ack 11\n", ""},
		{"+0 < R. 1:1(0) ack 1 win 0\n+0 read(4, ..., 100) = -1 ECONNRESET\n+0 read(4, ..., 100) = 0\n+0 write(4, ..., 5) = -1 EPIPE\n", ""},
	} {
		if got := try(t, false, plainOpen, c.lines); got != c.want {
			t.Errorf("%s got %q\nwant %q", c.lines, got, c.want)
		}
	}
}

// TestConnect: the outcomes of connect, blocking and not.
func TestConnect(t *testing.T) {
	const socket = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
	for _, c := range []struct{ lines, want string }{
		{"+0...0.1 connect(3, ..., ...) = 0\n+0 > S 0:0(0) <...>\n+0.1 < S. 0:0(0) ack 1 win 500 <mss 1000>\n+0 > . 1:1(0) ack 1\n", ""},
		{"+0...0.1 connect(3, ..., ...) = -1 ECONNREFUSED\n+0 > S 0:0(0) <...>\n+0.1 < R. 0:0(0) ack 1 win 0\n", ""},
		{"+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <...>\n" +
			"+0.1 < R. 0:0(0) ack 1 win 0\n+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [111], [4]) = 0\n+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n", ""},
		{"+0 setsockopt(3, SOL_SOCKET, SO_TIMESTAMP, [1], 4) = 0\n", "error: the simulated system has no socket option SO_TIMESTAMP"},
		{"+0 setsockopt(3, SOL_TCP, TCP_MAXSEG, [700], 4) = 0\n+0...5 connect(3, ..., ...) = 0\n+0 > S 0:0(0) <mss 700, sackOK, TS val 1 ecr 0, nop, wscale 7>\n",
			"connect has not returned at 5.625000 s"},
		{"+0 close(7) = 0\n", "error: there is no file descriptor 7"},
	} {
		if got := try(t, false, socket, c.lines); got != c.want {
			t.Errorf("%s got %q\nwant %q", c.lines, got, c.want)
		}
	}
}

// TestCode evaluates assertions on TCP_INFO.
func TestCode(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"assert tcpi_snd_cwnd == 10", ""},
		{"assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd", "the assertion fails: assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd"},
		{"assert tcpi_ca_state == TCP_CA_Open and tcpi_unacked == 0\nassert 1 < 2 < 3 and not 3 < 2", ""},
		{"assert tcpi_snd_mss == 1000 and (tcpi_backoff > 0 or 7 // 2 == 3 and -7 // 2 == -4 and 7 % 4 == 3)", ""},
		{"assert 2 * (3 + 4) - 1 == 13; assert 0x10 == 16", ""},
		{"import os", "error: import os: only assert is supported"},
		{"assert tcpi_nothing == 1", "error: assert tcpi_nothing == 1: there is no variable tcpi_nothing"},
		{"assert 1 // 0 == 1", "error: assert 1 // 0 == 1: division by zero"},
	} {
		if got := try(t, false, plainOpen, "+0 %{ "+c.code+" }%\n"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.code, got, c.want)
		}
	}
}

// TestCommands: the closed list, and counters.
func TestCommands(t *testing.T) {
	const base = "0 `../common/defaults.sh`\n"
	for _, c := range []struct{ command, want string }{
		{"rm -rf x", `error: command "rm" is not one of defaults.sh, client.sh, server.sh, multi-ep.sh, sysctl, ip mptcp, nstat and test`},
		{"sysctl -q net.ipv4.tcp_sack=0 net.mptcp.checksum_enabled=1", ""},
		{"sysctl -q net.ipv4.tcp_rmem=\"4096 540000 1000000\"", ""},
		{"sysctl -q net.core.nothing=1", `error: the simulated system has no sysctl net.core.nothing with the value "1"`},
		{"ip route add x", `error: of ip only "ip mptcp" is supported: ip route add x`},
		{"ip mptcp endpoint add 192.168.0.9 id 4 signal", ""},
		{"ip mptcp endpoint delete id 4", "error: there is no such endpoint: id 4, address invalid IP"},
		{"ip mptcp limits set subflows 9", "error: not understood: ip mptcp limits set subflows 9"},
		{"multi-ep.sh -e 2 -m teleport", `error: -m takes signal, subflow or fullmesh, not "teleport"`},
		{"test $(nstat -zjs MPTcpExtMPCapableSYNRX) -eq 0", ""},
		{"test $(nstat -zjs MPTcpExtMPCapableSYNRX) -gt 0", "MPTcpExtMPCapableSYNRX is 0, expected -gt 0"},
		{"test $(nstat -zjs MPTcpExtNothing) -eq 0", "error: there is no counter MPTcpExtNothing"},
	} {
		if got := try(t, false, base, "+0 `"+c.command+"`\n"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.command, got, c.want)
		}
	}
}

// TestTimestamps: with a tick the values of the endpoint follow its clock, and an
// injected echo must name one that the script has seen.
func TestTimestamps(t *testing.T) {
	const script = `--tcp_ts_tick_usecs=1000
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0 < S 0:0(0) win 65535 <mss 1000, sackOK, TS val 100 ecr 0, nop, wscale 7>
+0 > S. 0:0(0) ack 1 <mss 1460, sackOK, TS val 700 ecr 100, nop, wscale 7>
+.05 < P. 1:11(10) ack 1 win 500 <nop, nop, TS val 150 ecr ECHO>
+0 > . 1:1(0) ack 11 <nop, nop, TS val VAL ecr ANSWER>
`
	for _, c := range []struct{ echo, val, answer, want string }{
		{"700", "750", "150", ""},
		{"701", "750", "150", "error: no packet of the system had TS val 701"},
		{"700", "780", "150", "the packet differs in TS val"},
		{"700", "750", "151", "the packet differs in TS ecr"},
	} {
		text := strings.NewReplacer("ECHO", c.echo, "VAL", c.val, "ANSWER", c.answer).Replace(script)
		if got := try(t, false, text); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// TestTwoConnections: a SYN behind the end of a connection begins another one, and
// keys and names of the two stay apart.
func TestTwoConnections(t *testing.T) {
	if got := try(t, true, plainOpen, `
+0 < R. 1:1(0) ack 1 win 0
+0 close(4) = 0
+.1 < S 0:0(0) win 65535 <mss 1000, nop, wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.02 < . 1:1(0) ack 1 win 500
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 1
`); got != "" {
		t.Error(got)
	}
}
