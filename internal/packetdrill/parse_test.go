package packetdrill

import (
	"errors"
	"os"
	"strings"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestParseErrors shows that mistakes are found where they are.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"+1 close(3) = 0", "x.pkt:1:1: the first event is at time 0"},
		{"", "x.pkt:1:1: no events"},
		{"// row:A1\n--tolerance_usecs=1\n", "x.pkt:1:1: no events"},
		{"`true`\n", "x.pkt:1:1: no events"},
		{"--speed=9\n", "x.pkt:1:1: --speed is not an option of a script"},
		{"--tolerance_usecs=many\n", "x.pkt:1:1: --tolerance_usecs is a number from 0 to 3600000000"},
		{"0 close(3) = zero", "x.pkt:1:14: the result of a system call is a number or ..."},
		{"0 close(3) = 0 EBADF", "x.pkt:1:14: EBADF comes with the result -1"},
		{"0 close(3", `x.pkt:1:10: "," expected, found the end of the script`},
		{"0 < S 0:0(0)", "x.pkt:1:3: an injected packet has a window"},
		{"0 < S 0:0(0) win 65536", "x.pkt:1:17: window is at most 65535"},
		{"0 > . 1:1(0)", `x.pkt:1:3: the flag '.' and "ack N" go together`},
		{"0 > S. 5:9(5) ack 1", "x.pkt:1:10: 5:9 does not span 5 bytes"},
		{"0 > X 0:0(0)", "x.pkt:1:5: TCP flags (of SFRP.EWAU, or -) expected, found \"X\""},
		{"0 > SS 0:0(0)", "x.pkt:1:6: flag S twice"},
		{"0 > S 0:0(0) <mss>", `x.pkt:1:18: maximum segment size expected, found ">"`},
		{"0 > S 0:0(0) <foo 3>", `x.pkt:1:15: "foo" is not an option`},
		{"0 < S 0:0(0) win 1 <...>", "x.pkt:1:3: an injected packet has definite options"},
		{"0 > . 1:1(0) ack 1 <dss dack4=1 dsn8=2>", "x.pkt:1:21: dsn, ssn and dll go together"},
		{"0 > . 1:1(0) ack 1 <dss dack4=1 fin>", "x.pkt:1:21: fin and cksum need a mapping (dsn, ssn, dll)"},
		{"0 > . 1:1(0) ack 1 <mp_prio token=3>", `x.pkt:1:29: mp_prio has no field "token"; it has backup, address_id`},
		{"0 > . 1:1(0) ack 1 <mp_join_syn token=md5(x)>", `x.pkt:1:39: "md5" is no function of keys`},
		{"0 > . 1:1(0) ack 1 <mpcapable v1 flags[flag_z] nokey>", `x.pkt:1:40: "flag_z" is no flag of this option`},
		{"0 > . 1:1(0) ack 1 <mpcapable v1 nokey mpcdatalen 5>", "x.pkt:1:21: mpcdatalen goes with two keys"},
		{"0 > addr[a=inet_addr(\"1.2.3\")] > S 0:0(0)", `x.pkt:1:23: "1.2.3" is not an address`},
		{"0 > icmp unreachable", "x.pkt:1:5: only TCP packets are supported, not icmp"},
		{"0~1 < S 0:0(0) win 5", "x.pkt:1:1: an injected packet has one time"},
		{"0...1 > S 0:0(0)", "x.pkt:1:1: only a system call can block"},
		{"0 close(3) = 0\n+2~1 > S 0:0(0)", "x.pkt:2:3: both ends of a window are relative, or none"},
		{"0 close(3) = 0\n+2~+1 > S 0:0(0)", "x.pkt:2:3: the end of the window is before its begin"},
		{"/* no end", "x.pkt:1:1: comment without end"},
		{"0 `ls", "x.pkt:1:4: command without end"},
		{"0 %{ assert 1", "x.pkt:1:5: code without end"},
		{"`ls`\n0 close(3) = 0\n`ls` 3", "x.pkt:3:6: the time of an event expected, found \"3\""},
		{"0 + close(3) = 0", "x.pkt:1:3: a packet, a system call, a command or code expected, found \"+\""},
	} {
		_, err := Parse("x.pkt", c.text, nil)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// TestParse reads the forms that the scripts of testdata do not have.
func TestParse(t *testing.T) {
	sc, err := Parse("x.pkt", `
--tolerance_percent=50 --mtu=9000
-D COOKIE=0a0b0c0d
--define=WIN=77   # a comment
0.000 /* another */ socket(..., SOCK_STREAM|SOCK_NONBLOCK, 262) = 3
.5...1.25 connect(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("1.2.3.4")}, 16) = 0
1.5~1.75 > [ecn ect01, ttl 3] addr[a] > addr[b] SEW 5:5(0) win WIN <FO COOKIE, nop, nop>
* > - 5:5(0) urg 3 <raw[1e 03 50], eol>
+0 %{
assert tcpi_snd_cwnd == 10
}%
`, []string{"--mtu=1400"})
	if err != nil {
		t.Fatal(err)
	}
	c := sc.Config
	if c.TolerancePercent != 50 || c.MTU != 1400 || c.MSS != 1360 {
		t.Errorf("config %+v", c)
	}
	if e := sc.Events[1]; !e.Time.Blocking || e.Time.At != 500*sim.Millisecond || e.Time.To != 1250*sim.Millisecond ||
		e.Call.Args[1].member("sin_port").List[0].N != 80 {
		t.Errorf("event %+v", e)
	}
	k := sc.Events[2].Packet
	if k.Flags != wire.SYN|wire.ECE|wire.CWR || k.Src.Name != "a" || k.Dst.Name != "b" || k.IP.ECN != ectAny || k.IP.TTL != 3 ||
		k.Win != 77 || string(k.Options[0].Bytes) != "\x0a\x0b\x0c\x0d" {
		t.Errorf("packet %+v", k)
	}
	if e := sc.Events[3]; !e.Time.Any || e.Packet.Flags != 0 || len(e.Packet.Options[0].Bytes) != 3 || e.Packet.Options[1].Kind != KindEOL {
		t.Errorf("event %+v", e)
	}
	if e := sc.Events[4]; e.Code == nil || e.Pos.Line != 9 {
		t.Errorf("event %+v", e)
	}
}

// FuzzParse shows that no text makes the parser panic, and that what it accepts
// runs without a broken invariant.
func FuzzParse(f *testing.F) {
	for _, file := range scripts(f) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("--mss=88\n`ip mptcp limits set subflows 1`\n* > - 5:5(0) urg 3 <raw[1e 03 50], eol>\n+0 %{ assert 1 // 2 }%")
	f.Fuzz(func(t *testing.T, text string) {
		sc, err := Parse("x.pkt", text, nil)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if len(sc.Events) > 200 || tooLong(sc) {
			return
		}
		err = execute(sc, true)
		var bug *Bug
		if errors.As(err, &bug) {
			t.Fatal(err)
		}
	})
}

// tooLong keeps fuzzing fast: no script of hours, and none that writes much.
func tooLong(sc *Script) bool {
	for _, e := range sc.Events {
		if e.Time.To > 100*sim.Second {
			return true
		}
		if e.Call != nil {
			for _, a := range e.Call.Args {
				if a.Kind == ExprNumber && a.N > 1<<20 {
					return true
				}
			}
		}
	}
	return false
}
