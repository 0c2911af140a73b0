package packetdrill

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/mptcp"
	"mpsim/sim/trace"
)

// These tests are scripts that need another profile than linux, or that look into
// the endpoint afterwards.

const (
	serverOpen = "`../common/defaults.sh`" + `
+0 socket(..., SOCK_STREAM, IPPROTO_MPTCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0 < addr[c0] > addr[s0] S 0:0(0) win 64000 <mss 1460, nop, nop, sackOK, nop, wscale 7, mpcapable v1 flags[flag_h] nokey>
+0 > S. 0:0(0) ack 1 <mss 1460, nop, nop, sackOK, nop, wscale 8, mpcapable v1 flags[flag_h] key[skey]>
+0 < . 1:1(0) ack 1 win 300 <mpcapable v1 flags[flag_h] key[ckey=7, skey]>
+0 accept(3, ..., ...) = 4
`
	firstTen = `
+0 < P. 1:11(10) ack 1 win 300 <dss dack8=1 dsn8=1 ssn=1 dll=10 nocs, nop, nop>
+0 > . 1:1(0) ack 11 <dss dack8=11 nocs>
`
	serverJoin = `
+0.10 < addr[c1] > addr[s0] S 0:0(0) win 60000 <mss 1460, nop, nop, sackOK, nop, wscale 7, mp_join_syn address_id=3 token=sha256_32(skey)>
+0 > addr[s0] > addr[c1] S. 0:0(0) ack 1 <mss 1460, nop, nop, sackOK, nop, wscale 8, mp_join_syn_ack address_id=0 sender_hmac=auto>
+0.02 < addr[c1] > addr[s0] . 1:1(0) ack 1 win 300 <mp_join_ack sender_hmac=auto>
+0 > addr[s0] > addr[c1] . 1:1(0) ack 1 <dss dack8=11 nocs>
`
)

// play runs a script strictly, and returns the endpoint's view of descriptor 4,
// which is the second one that it opened.
func play(t *testing.T, profile *mptcp.Profile, text ...string) mptcp.ConnInfo {
	t.Helper()
	sc, err := Parse("script", strings.Join(text, ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSimulated(sc.Config, profile, 1)
	if err := Run(sc, s, Options{Strict: true}); err != nil {
		t.Fatal(err)
	}
	if len(s.sockets) < 2 || s.sockets[1] == nil {
		return mptcp.ConnInfo{}
	}
	return s.ep.Info(s.sockets[1].conn)
}

// TestDataFINNumbers is the example of RFC 8684 section 3.3.3: a segment with DSN
// 80 and length 11 that carries a DATA_FIN maps 10 octets, and is acknowledged
// with 91. Linux acknowledges the data before. A DATA_FIN of the endpoint's own is
// repeated after 0.2, 0.2, 0.4, 0.8 s, as Linux does.
//
// row:B8
func TestDataFINNumbers(t *testing.T) {
	play(t, mptcp.Linux(), serverOpen, `
+0 < P. 1:80(79) ack 1 win 300 <dss dack8=1 dsn8=1 ssn=1 dll=79 nocs, nop, nop>
+0 > . 1:1(0) ack 80 <dss dack8=80 nocs>
+0 < P. 80:90(10) ack 1 win 300 <dss dack8=1 dsn8=80 ssn=80 dll=11 nocs fin, nop, nop>
+0 > . 1:1(0) ack 90 <dss dack8=90 nocs>
+0 > . 1:1(0) ack 90 <dss dack8=91 nocs>
+0 read(4, ..., 1000) = 89
+0 read(4, ..., 1000) = 0
+0 close(4) = 0
+0   > . 1:1(0) ack 90 <dss dack8=91 dsn8=1 ssn=0 dll=1 nocs fin, nop, nop>
+0.2 > . 1:1(0) ack 90 <dss dack8=91 dsn8=1 ssn=0 dll=1 nocs fin, nop, nop>
+0.2 > . 1:1(0) ack 90 <dss dack8=91 dsn8=1 ssn=0 dll=1 nocs fin, nop, nop>
+0.4 > . 1:1(0) ack 90 <dss dack8=91 dsn8=1 ssn=0 dll=1 nocs fin, nop, nop>
+0.8 > . 1:1(0) ack 90 <dss dack8=91 dsn8=1 ssn=0 dll=1 nocs fin, nop, nop>
`)
	play(t, mptcp.RFC(), serverOpen, `
+0 < P. 1:80(79) ack 1 win 300 <dss dack8=1 dsn8=1 ssn=1 dll=79 nocs, nop, nop>
* > . 1:1(0) ack 80 <dss dack8=80 nocs>
+0 < P. 80:90(10) ack 1 win 300 <dss dack8=1 dsn8=80 ssn=80 dll=11 nocs fin, nop, nop>
+0 > . 1:1(0) ack 90 <dss dack8=91 nocs>
+0 read(4, ..., 1000) = 89
+0 read(4, ..., 1000) = 0
`)
}

// TestDataFINBeforeData: a DATA_FIN that overtakes data is not acknowledged before
// the data is there, and data behind it is never read.
//
// row:B8
func TestDataFINBeforeData(t *testing.T) {
	play(t, mptcp.Linux(), serverOpen, firstTen, `
+0 < . 11:11(0) ack 1 win 300 <dss dack8=1 dsn8=31 ssn=0 dll=1 nocs fin, nop, nop>
+0 < P. 11:21(10) ack 1 win 300 <dss dack8=1 dsn8=21 ssn=11 dll=10 nocs, nop, nop>
+0 > . 1:1(0) ack 21 <dss dack8=11 nocs>
+0 < P. 21:41(20) ack 1 win 300 <dss dack8=1 dsn8=31 ssn=21 dll=20 nocs, nop, nop>
+0 > . 1:1(0) ack 41 <dss dack8=11 nocs>
+0 < P. 41:51(10) ack 1 win 300 <dss dack8=1 dsn8=11 ssn=41 dll=10 nocs, nop, nop>
+0 > . 1:1(0) ack 51 <dss dack8=31 nocs>
+0 > . 1:1(0) ack 51 <dss dack8=32 nocs>
+0 read(4, ..., 1000) = 30
+0 read(4, ..., 1000) = 0
`)
}

// TestDataOutOfWindow: data with a number beyond the window is dropped and not
// DATA_ACKed, though the subflow acknowledges it (RFC 8684 section 3.8); what
// belongs there is taken later.
//
// row:C14
func TestDataOutOfWindow(t *testing.T) {
	i := play(t, mptcp.Linux(), serverOpen, firstTen, `
+0 < P. 11:21(10) ack 1 win 300 <dss dack8=1 dsn8=100000000 ssn=11 dll=10 nocs, nop, nop>
+0 > . 1:1(0) ack 21 <dss dack8=11 nocs>
+0 < P. 21:31(10) ack 1 win 300 <dss dack8=1 dsn8=4000000000 ssn=21 dll=10 nocs, nop, nop>
+0 > . 1:1(0) ack 31 <dss dack8=11 nocs>
+0 < P. 31:41(10) ack 1 win 300 <dss dack8=1 dsn8=11 ssn=31 dll=10 nocs, nop, nop>
+0 > . 1:1(0) ack 41 <dss dack8=21 nocs>
+0 read(4, ..., 100) = 20
`)
	if i.Refused != 20 || i.OutOfOrder != 0 || i.Received != 20 {
		t.Errorf("%+v", i)
	}
}

// TestSwappedKeys: the keys of an MP_CAPABLE with data are swapped, as in seven
// scripts of Linux. Linux takes the data; by the text of the RFC these are not the
// keys of the connection, and the data is plain.
func TestSwappedKeys(t *testing.T) {
	const data = "+0.01 < P. 1:101(100) ack 1 win 300 <mpcapable v1 flags[flag_h] key[skey, ckey] mpcdatalen 100, nop, nop>\n"
	i := play(t, mptcp.Linux(), serverOpen, data, "+0 > . 1:1(0) ack 101 <dss dack8=101 nocs>\n")
	if i.Fallback != trace.NoReason || i.Received != 100 {
		t.Errorf("linux: %+v", i)
	}
	i = play(t, mptcp.RFC(), serverOpen, data, "* > . 1:1(0) ack 101\n")
	if i.Fallback == trace.NoReason || i.Received != 100 {
		t.Errorf("rfc: %+v", i)
	}
}

// TestInfiniteMappingClosesOthers: an infinite mapping on one of two subflows ends
// the other one, because only one can carry data then (RFC 8684 section 3.7). A
// gap before it cannot be filled any more, so such a subflow is reset.
//
// row:C9
func TestInfiniteMappingClosesOthers(t *testing.T) {
	i := play(t, mptcp.Linux(), serverOpen, firstTen, serverJoin, `
+0.1 < addr[c0] > addr[s0] P. 11:21(10) ack 1 win 300 <dss dack8=1 dsn8=11 ssn=11 dll=0 nocs, nop, nop>
+0 > addr[s0] > addr[c1] R. 1:1(0) ack 1 <mp_reset 0>
+0 > addr[s0] > addr[c0] . 1:1(0) ack 21
+0 read(4, ..., 100) = 20
+0 write(4, ..., 30) = 30
+0 > addr[s0] > addr[c0] P. 1:31(30) ack 21
+0 < addr[c0] > addr[s0] . 21:21(0) ack 31 win 300
`)
	if i.Fallback != trace.InfiniteMap || i.Acked != 30 {
		t.Errorf("%+v", i)
	}
	i = play(t, mptcp.Linux(), serverOpen, firstTen, serverJoin, `
+0.1 < addr[c0] > addr[s0] P. 11:21(10) ack 1 win 300 <dss dack8=1 dsn8=21 ssn=11 dll=0 nocs, nop, nop>
+0 > addr[s0] > addr[c0] R. 1:1(0) ack 11 <mp_reset 6>
`)
	if i.Fallback != trace.NoReason || i.Received != 10 {
		t.Errorf("%+v", i)
	}
}

// TestInfiniteMappingDirections: the peer declares an infinite mapping for its
// direction and goes on with DATA_ACKs. A stack that reverts both directions sends
// plain segments from then on; one that takes it for one direction keeps its
// mappings, without DATA_ACKs, until the peer acknowledges without a DATA_ACK.
//
// row:C10
func TestInfiniteMappingDirections(t *testing.T) {
	for _, oneWay := range []bool{false, true} {
		p := mptcp.Linux()
		p.InfiniteOneWay = oneWay
		text := []string{serverOpen, firstTen, `
+0.1 < P. 11:21(10) ack 1 win 300 <dss dack8=1 dsn8=11 ssn=11 dll=0 nocs, nop, nop>
+0 > . 1:1(0) ack 21
+0 read(4, ..., 100) = 20
`}
		for n, dsn := range []string{"1", "31", "61"} {
			from, to := 30*n+1, 30*n+31
			options := ""
			if oneWay && n < 2 {
				options = fmt.Sprintf("<dss dsn8=%s ssn=%s dll=30 nocs, nop, nop>", dsn, dsn)
			}
			text = append(text, "+0.1 write(4, ..., 30) = 30\n", fmt.Sprintf("+0 > P. %d:%d(30) ack 21 %s\n", from, to, options))
			answer := ""
			if n == 0 {
				answer = fmt.Sprintf("<dss dack8=%d nocs>", to)
			}
			text = append(text, fmt.Sprintf("+0 < . 21:21(0) ack %d win 300 %s\n", to, answer))
		}
		if i := play(t, p, text...); i.Fallback != trace.InfiniteMap || i.Acked != 90 {
			t.Errorf("one-way %v: %+v", oneWay, i)
		}
	}
}
