package live

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
)

// listening is an application that accepts and does nothing else.
type listening struct{ accepted int }

func (l *listening) Start(now sim.Time, e *mptcp.Endpoint) {
	o := mptcp.SocketOptions{
		Protocol:   mptcp.MPTCP,
		Controller: func(r *sim.Rand) cc.Controller { c, _ := cc.New("reno", nil, r); return c },
		Scheduler:  func(r *sim.Rand) sched.Scheduler { s, _ := sched.NewScheduler("minrtt", nil, r); return s },
	}
	if _, err := e.Listen(now, netip.MustParseAddrPort("0.0.0.0:80"), &o); err != nil {
		panic(err)
	}
}

func (l *listening) OnEvent(_ sim.Time, e *mptcp.Endpoint, ev *mptcp.Event) {
	if ev.Kind == mptcp.Acceptable {
		e.Accept(ev.Conn)
		l.accepted++
	}
}

func (l *listening) OnCommand(now sim.Time, e *mptcp.Endpoint, name string) {
	if name == "reset" {
		e.Abort(now, 2)
	}
}

// The peer of these tests, as packets.
var (
	peer  = netip.MustParseAddrPort("10.1.0.1:5555")
	here  = netip.MustParseAddrPort("10.1.0.2:80")
	ifcs  = []Interface{{Name: "tun0", Endpoint: []netip.Addr{here.Addr()}}}
	tuple = wire.Tuple{Src: peer, Dst: here, Proto: wire.ProtoTCP}
)

func syn() []byte {
	s := wire.Segment{Seq: 1000, Flags: wire.SYN, Window: 1000, TTL: 64}
	o := wire.Options{Present: wire.OptCapable | wire.OptMSS, MSS: 1460, Capable: wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256}}
	return wire.AppendPacket(nil, &tuple, &s, &o, -1)
}

func machine(app App, emit func(now sim.Time, iface int, packet []byte)) *Machine {
	return NewMachine(mptcp.Config{Stream: func(p string) *sim.Rand { return sim.NewRand(1, 0, p) }}, ifcs, app, emit)
}

// record is a conversation of a few packets: a handshake that is cut off.
func record(t *testing.T) *Recording {
	t.Helper()
	r := new(Recording)
	var last []byte
	app := new(listening)
	m := machine(app, func(now sim.Time, i int, p []byte) {
		r.Outputs = append(r.Outputs, digest(now, i, p))
		last = append(last[:0], p...)
	})
	do := func(in Input) {
		r.Inputs = append(r.Inputs, in)
		m.Handle(&in)
	}
	do(Input{Kind: Started})
	do(Input{At: 10, Kind: Arrival, Packet: syn()})
	var tu wire.Tuple
	var s wire.Segment
	var o wire.Options
	if err := wire.ParsePacket(last, &tu, &s, &o); err != nil || s.Flags != wire.SYN|wire.ACK || tu != tuple.Reverse() {
		t.Fatalf("the SYN was answered by %x, %v", last, err)
	}
	do(Input{At: m.NextTimeout(), Kind: Timeout})
	at := r.Inputs[2].At
	ack := wire.Segment{Seq: 1001, Ack: s.Seq + 1, Flags: wire.ACK, Window: 1000, TTL: 64}
	third := wire.Options{Present: wire.OptCapable, Capable: wire.Capable{
		Version: 1, Flags: wire.CapableHMACSHA256, Keys: 2, SenderKey: 7, ReceiverKey: o.Capable.SenderKey,
	}}
	do(Input{At: at + 5, Kind: Arrival, Packet: wire.AppendPacket(nil, &tuple, &ack, &third, -1)})
	do(Input{At: at + 9, Kind: Command, Command: "reset"})
	if app.accepted != 1 || len(r.Outputs) < 3 {
		t.Fatalf("%d connections accepted, %d packets sent", app.accepted, len(r.Outputs))
	}
	return r
}

func replay(r *Recording) error {
	return r.Replay(func(emit func(now sim.Time, iface int, packet []byte)) *Machine { return machine(new(listening), emit) })
}

// A replay does what was recorded, and notices any input that is another.
func TestReplay(t *testing.T) {
	r := record(t)
	if err := replay(r); err != nil {
		t.Error(err)
	}
	for i := range r.Inputs {
		in := r.Inputs[i]
		was := in
		switch in.Kind {
		case Started:
			continue
		case Arrival:
			in.Packet = bytes.Clone(in.Packet)
			in.Packet[len(in.Packet)-1] ^= 1 // does not reach the endpoint now
		case Timeout:
			in.At++
		case Command:
			in.Command = "another"
		}
		r.Inputs[i] = in
		if err := replay(r); err == nil {
			t.Errorf("input %d was changed, and the replay agrees", i)
		}
		r.Inputs[i] = was
	}
	r.Outputs = append(r.Outputs, 1)
	if err := replay(r); err == nil {
		t.Error("an output is missing, and the replay agrees")
	}
}

func TestRecordingFile(t *testing.T) {
	r := record(t)
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	back, err := ReadRecording(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, back); d != "" {
		t.Error(d)
	}
	for n := range b.Len() {
		if _, err := ReadRecording(b.Bytes()[:n]); err == nil {
			t.Fatalf("the first %d octets were read as a recording", n)
		}
	}
}

func FuzzReadRecording(f *testing.F) {
	f.Add([]byte(recordingMagic + "\x01\x01\x05\x01\x00\x02ab12345678"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadRecording(b)
		if err != nil {
			return
		}
		var w bytes.Buffer
		r.WriteTo(&w)
		if again, err := ReadRecording(w.Bytes()); err != nil || !cmp.Equal(r, again) {
			t.Errorf("%v read again is %v, %v", r, again, err)
		}
	})
}

// A machine takes TCP segments with right checksums and nothing else.
func TestMachineIgnores(t *testing.T) {
	sent := 0
	m := machine(new(listening), func(sim.Time, int, []byte) { sent++ })
	m.Handle(&Input{Kind: Started})
	damaged := syn()
	damaged[25] ^= 1
	udp := tuple
	udp.Proto = wire.ProtoUDP
	fragment := syn()
	fragment[6] = 0x20 // more fragments; the checksum of the header is wrong, too
	for _, p := range [][]byte{nil, {0x45}, damaged, fragment, wire.AppendPacket(nil, &udp, &wire.Segment{TTL: 1}, nil, -1)} {
		m.Handle(&Input{Kind: Arrival, Packet: p})
	}
	if sent != 0 || m.Ignored() != 5 {
		t.Errorf("%d packets were answered, %d ignored", sent, m.Ignored())
	}
	m.Handle(&Input{Kind: Arrival, Packet: syn()})
	if sent != 1 || m.Ignored() != 5 {
		t.Errorf("%d packets were answered, %d ignored", sent, m.Ignored())
	}
}

func TestTransitKeepsOrder(t *testing.T) {
	var q transit
	if q.next() != sim.Never {
		t.Error("an empty line has a next packet")
	}
	for i, at := range []sim.Time{30, 10, 20, 10} {
		q.push(passage{at: at, iface: i})
	}
	var got []int
	for {
		p, ok := q.pop(25)
		if !ok {
			break
		}
		got = append(got, p.iface)
	}
	if d := cmp.Diff([]int{1, 3, 2}, got); d != "" || q.next() != 30 {
		t.Errorf("%s, next at %v", d, q.next())
	}
}
