package nat_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"

	"os"

	"mpsim/internal/boxtest"
	"mpsim/net/mbox"
	"mpsim/net/nat"
	"mpsim/net/wire"
	"mpsim/sim"
)

// A MAP request and response, octet by octet after figures 2, 3, 9 and 10 of RFC
// 6887: addresses are IPv4-mapped, the nonce has 12 octets.
const (
	mapRequest = "02010000" + "00000e10" + "00000000000000000000ffff0a000001" +
		"000102030405060708090a0b" + "06000000" + "1f90" + "0050" + "00000000000000000000ffff00000000"
	mapResponse = "02810000" + "00000e10" + "00000011" + "000000000000000000000000" +
		"000102030405060708090a0b" + "06000000" + "1f90" + "0050" + "00000000000000000000ffffcb007101"
)

func requestAndResponse() (q, r nat.MapMessage) {
	q = nat.MapMessage{
		Lifetime: 3600, Client: boxtest.Addresses["a"], Nonce: nat.Nonce{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		Proto: wire.ProtoTCP, Internal: 8080, External: netip.AddrPortFrom(netip.IPv4Unspecified(), 80),
	}
	r = q
	r.Reply, r.Client, r.Epoch, r.External = true, netip.Addr{}, 17, netip.AddrPortFrom(boxtest.Addresses["p"], 80)
	return q, r
}

func TestPCPOctets(t *testing.T) {
	q, r := requestAndResponse()
	for _, c := range []struct {
		m    nat.MapMessage
		want string
	}{{q, mapRequest}, {r, mapResponse}} {
		if got := hex.EncodeToString(c.m.Append(nil)); got != c.want {
			t.Errorf("message\n%s\nwant\n%s", got, c.want)
		}
		var back nat.MapMessage
		b, _ := hex.DecodeString(c.want)
		if err := back.Parse(b); err != nil || back != c.m {
			t.Errorf("parsed %+v, %v; want %+v", back, err, c.m)
		}
	}
}

// Wireshark reads the same.
func TestPCPInTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("MPSIM_REQUIRE_TSHARK") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	q, r := requestAndResponse()
	file := filepath.Join(t.TempDir(), "pcp.pcap")
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint32(b, 4<<16|2)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, 65535)
	b = binary.LittleEndian.AppendUint32(b, 101) // raw IP
	peer := q
	peer.Peer = boxtest.At("x:443")
	for i, m := range []nat.MapMessage{q, r, peer} {
		tu := wire.Tuple{Src: netip.AddrPortFrom(boxtest.Addresses["a"], 50000), Dst: netip.AddrPortFrom(boxtest.Addresses["p"], nat.PCPPort), Proto: wire.ProtoUDP}
		if i == 1 {
			tu = tu.Reverse()
		}
		s, o := wire.Segment{TTL: 64}, new(wire.Options)
		wire.SetPieces(&s, o, []wire.Piece{{Len: uint32(m.Len()), Data: m.Append(nil)}})
		p := wire.AppendPacket(nil, &tu, &s, o, -1)
		b = append(b, make([]byte, 8)...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := exec.Command(tshark, "-r", file, "-T", "fields", "-E", "separator=|", "-e", "portcontrol.opcode", "-e", "portcontrol.lifetime_req",
		"-e", "portcontrol.lifetime_rsp", "-e", "portcontrol.client_ip", "-e", "portcontrol.epoch_time", "-e", "portcontrol.map.protocol",
		"-e", "portcontrol.map.internal_port", "-e", "portcontrol.map.req_sug_external_port", "-e", "portcontrol.map.rsp_assigned_external_port",
		"-e", "portcontrol.map.rsp_assigned_ext_ip", "-e", "portcontrol.peer.internal_port",
		"-e", "portcontrol.peer.remote_peer_port", "-e", "portcontrol.peer.remote_peer_ip", "-e", "_ws.malformed")
	c.Stdout = &out
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	want := "1|3600||::ffff:10.0.0.1||6|8080|80||||||\n1||3600||17|6|8080||80|::ffff:203.0.113.1||||\n" +
		"2|3600||::ffff:10.0.0.1|||||||8080|443|::ffff:198.51.100.1|\n"
	if out.String() != want {
		t.Errorf("tshark reads\n%swant\n%s", out.String(), want)
	}
}

// ask sends a request to the PCP server and returns the answer.
func (r *rig) ask(from, server string, m nat.MapMessage) (reply nat.MapMessage, ok bool) {
	return r.askOctets(from, server, m.Append(nil))
}

func (r *rig) askOctets(from, server string, b []byte) (reply nat.MapMessage, ok bool) {
	r.T.Helper()
	s, o := wire.Segment{Len: uint16(len(b))}, new(wire.Options)
	wire.SetPieces(&s, o, []wire.Piece{{Len: uint32(len(b)), Data: b}})
	before := len(r.Wire)
	r.Send(boxtest.At(from), boxtest.At(server), wire.ProtoUDP, s, o)
	if len(r.Wire) == before {
		return reply, false
	}
	p := r.Wire[len(r.Wire)-1]
	if tu := p.Tuple(r.T); tu.Src != boxtest.At(server) || tu.Dst != boxtest.At(from) {
		r.T.Errorf("answer %v to a request from %s to %s", tu, from, server)
	}
	reply.Parse(p.Bytes[28:])
	return reply, true
}

// An explicit mapping admits everybody, whatever the filtering, without a packet
// from inside, until its lease ends; it is renewed and given back by its nonce only
// (RFC 6887 sections 11.3, 13.2 and 15).
func TestPCPServer(t *testing.T) {
	for _, server := range []string{"p:5351", "l:5351"} { // outside address, and the router's inside one
		r := newRig(t)
		x := r.Put("nat", "profile=home-router", "outside=p").(*nat.NAT)
		q, _ := requestAndResponse()
		got, ok := r.ask("a:50000", server, q)
		if want := boxtest.At("p:80"); !ok || got.Result != nat.PCPSuccess || got.External != want || got.Lifetime != 3600 || got.Nonce != q.Nonce || !got.Reply {
			t.Fatalf("%s: %v %+v", server, ok, got)
		}
		in := func() bool { return r.Source(r.SYN("y:9", "p:80")) == "y:9" }
		if !in() {
			t.Error("the mapping admits nobody")
		}
		if r.Source(r.SYN("a:8080", "x:80")) != "p:80" {
			t.Error("what the inside end sends leaves from another port")
		}
		other := q
		other.Nonce[0]++
		if got, _ := r.ask("a:50000", server, other); got.Result != nat.PCPNotAuthorized {
			t.Errorf("another nonce: %+v", got)
		}
		other.Internal = 8081 // the suggested port is taken
		if got, _ := r.ask("a:50000", server, other); got.Result != nat.PCPSuccess || got.External.Port() == 80 {
			t.Errorf("second mapping: %+v", got)
		}
		r.Wait(1800 * sim.Second)
		if got, _ = r.ask("a:50000", server, q); got.Epoch != 1800 || got.External.Port() != 80 {
			t.Errorf("renewed: %+v", got)
		}
		r.Wait(3599 * sim.Second)
		if !in() {
			t.Error("the renewed mapping ended early")
		}
		r.Wait(200 * sim.Second)
		if in() {
			t.Error("the mapping outlives its lease")
		}
		r.ask("a:50000", server, q)
		q.Lifetime = 0
		if got, _ := r.ask("a:50000", server, q); got.Result != nat.PCPSuccess || got.Lifetime != 0 || in() {
			t.Errorf("given back: %+v", got)
		}
		if x.Mappings() != 0 {
			t.Errorf("%d mappings left", x.Mappings())
		}
	}
}

// When the lease ends, who came in uninvited through it may stay, but gives nobody
// else the right; and while it lasts nobody else gets its port, shared ones included.
func TestPCPLeaseEnds(t *testing.T) {
	r := newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=restricted", "outside=p", "pcp=true", "unsolicited_syn=drop", "hold=0s")
	q, _ := requestAndResponse()
	q.Lifetime = 120
	r.ask("a:50000", "p:5351", q)
	if r.Source(r.SYN("y:9", "p:80")) != "y:9" {
		t.Fatal("the mapping admits nobody")
	}
	r.Wait(121 * sim.Second)
	if r.Source(r.SYN("y:9", "p:80")) != "y:9" {
		t.Error("the session ended with the lease")
	}
	if r.Source(r.SYN("y:10", "p:80")) != "" {
		t.Error("another port of the address comes in")
	}
	r = newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=linux-conntrack", "outside=p", "pcp=true")
	r.ask("a:50000", "p:5351", q)
	if got := r.Source(r.SYN("b:80", "x:80")); got == "p:80" || got == "" {
		t.Errorf("another host leaves from %q", got)
	}
}

// Requests that cannot be served get the result code that says why (RFC 6887
// sections 7.4, 8.2 and 11.3); what is no request gets none.
func TestPCPRefusals(t *testing.T) {
	q, reply := requestAndResponse()
	edit := func(f func(*nat.MapMessage)) []byte { m := q; f(&m); return m.Append(nil) }
	octets := func(f func([]byte) []byte) []byte { return f(q.Append(nil)) }
	for _, c := range []struct {
		what    string
		message []byte
		want    nat.PCPResult
		silent  bool
	}{
		{"another address", edit(func(m *nat.MapMessage) { m.Client = boxtest.Addresses["b"] }), nat.PCPAddressMismatch, false},
		{"all protocols", edit(func(m *nat.MapMessage) { m.Proto = 0 }), nat.PCPUnsupportedProtocol, false},
		{"all ports", edit(func(m *nat.MapMessage) { m.Internal = 0 }), nat.PCPNotAuthorized, false},
		{"version 1", octets(func(b []byte) []byte { b[0] = 1; return b }), nat.PCPUnsupportedVersion, false},
		{"opcode ANNOUNCE", octets(func(b []byte) []byte { b[1] = 0; return b }), nat.PCPUnsupportedOpcode, false},
		{"a mandatory option", octets(func(b []byte) []byte { return append(b, 1, 0, 0, 4, 1, 2, 3, 4) }), nat.PCPUnsupportedOption, false},
		{"an optional option", octets(func(b []byte) []byte { return append(b, 130, 0, 0, 4, 1, 2, 3, 4) }), nat.PCPSuccess, false},
		{"an option cut short", octets(func(b []byte) []byte { return append(b, 130, 0, 0, 9, 1, 2, 3, 4) }), nat.PCPMalformedRequest, false},
		{"half a message", octets(func(b []byte) []byte { return b[:40] }), nat.PCPMalformedRequest, false},
		{"a few octets", octets(func(b []byte) []byte { return b[:12] }), 0, true},
		{"a response", reply.Append(nil), 0, true},
	} {
		r := newRig(t)
		x := r.Put("nat", "profile=home-router", "outside=p").(*nat.NAT)
		got, ok := r.askOctets("a:50000", "p:5351", c.message)
		if ok == c.silent || ok && got.Result != c.want {
			t.Errorf("%s: answer %v, %+v; want %d", c.what, ok, got, c.want)
		}
		if (x.Mappings() != 0) != (ok && c.want == nat.PCPSuccess) {
			t.Errorf("%s: %d mappings", c.what, x.Mappings())
		}
	}
	// Quota, and not from outside.
	r := newRig(t)
	r.Put("nat", "profile=cgn", "outside=p", "ports_per_host=1")
	if got, _ := r.ask("a:50000", "p:5351", q); got.Result != nat.PCPSuccess {
		t.Errorf("first of one: %+v", got)
	}
	q.Internal++
	if got, _ := r.ask("a:50000", "p:5351", q); got.Result != nat.PCPUserExceededQuota {
		t.Errorf("second of one: %+v", got)
	}
	q.Client = boxtest.Addresses["x"]
	if _, ok := r.ask("x:50000", "p:5351", q); ok {
		t.Error("a request from outside is answered")
	}
}

// A PEER request and response, octet by octet after figures 11 and 12 of RFC 6887: behind
// what MAP has, the port of the remote peer, two reserved octets and its address.
func TestPeerOctets(t *testing.T) {
	q, r := requestAndResponse()
	q.Peer, r.Peer = boxtest.At("x:443"), boxtest.At("x:443")
	const peer = "01bb" + "0000" + "00000000000000000000ffffc6336401"
	for _, c := range []struct {
		m    nat.MapMessage
		want string
	}{{q, "0202" + mapRequest[4:] + peer}, {r, "0282" + mapResponse[4:] + peer}} {
		if got := hex.EncodeToString(c.m.Append(nil)); got != c.want {
			t.Errorf("message\n%s\nwant\n%s", got, c.want)
		}
		var back nat.MapMessage
		b, _ := hex.DecodeString(c.want)
		if err := back.Parse(b); err != nil || back != c.m {
			t.Errorf("parsed %+v, %v; want %+v", back, err, c.m)
		}
	}
}

// peerRequest asks for a session of a:8080 with x:80.
func peerRequest(proto uint8) nat.MapMessage {
	q, _ := requestAndResponse()
	q.Proto, q.Peer, q.External = proto, boxtest.At("x:80"), netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	return q
}

// PEER makes a session as a packet to the peer would, tells its outside end, and keeps it
// for its lifetime without any packet; the peer comes in, others do as filtering says; it
// is renewed by its nonce only, and cannot be shortened (RFC 6887 sections 12.1 and 12.3).
func TestPCPPeer(t *testing.T) {
	r := newRig(t)
	r.Quiet = true
	x := r.Put("nat", "profile=home-router", "outside=p").(*nat.NAT)
	q := peerRequest(wire.ProtoUDP)
	got, ok := r.ask("a:50000", "p:5351", q)
	if !ok || got.Result != nat.PCPSuccess || got.External != boxtest.At("p:8080") || got.Lifetime != 3600 || got.Peer != q.Peer || !got.Reply {
		t.Fatalf("answer %v, %+v", ok, got)
	}
	in := func(from string) bool { return r.Source(r.UDP(from, "p:8080")) == from }
	if !in("x:80") || in("x:81") || in("y:80") {
		t.Error("the peer is kept out, or others are let in by a translator of dependent filtering")
	}
	other := q
	other.Nonce[0]++
	if got, _ := r.ask("a:50000", "p:5351", other); got.Result != nat.PCPNotAuthorized {
		t.Errorf("another nonce: %+v", got)
	}
	r.Wait(1000 * sim.Second)
	q.Lifetime = 0
	if got, _ := r.ask("a:50000", "p:5351", q); got.Result != nat.PCPSuccess || got.Lifetime != 2600 {
		t.Errorf("lifetime 0: %+v", got)
	}
	r.Wait(2599 * sim.Second)
	if !in("x:80") {
		t.Error("the session ended before its lease") // a UDP session idles for 120 s at most
	}
	r.Wait(130 * sim.Second)
	if in("x:80") || x.Mappings() != 0 {
		t.Errorf("the session outlives its lease; %d mappings", x.Mappings())
	}
	// Endpoint-independent filtering lets others in as behind any mapping.
	r = newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=full-cone", "outside=p", "pcp=true")
	r.ask("a:50000", "p:5351", peerRequest(wire.ProtoUDP))
	if !in("y:99") {
		t.Error("another remote end is kept out")
	}
}

// After a restart the suggested outside end brings a connection back, in mid-stream; it
// is refused if it is somebody else's. A connection that was reset keeps nothing.
func TestPCPPeerBringsBack(t *testing.T) {
	r := newRig(t)
	r.Quiet = true
	x := r.Put("nat", "profile=home-router", "outside=p", "ports=random").(*nat.NAT)
	external := boxtest.At(r.Source(r.SYN("a:8080", "x:80")))
	data := wire.Segment{Seq: 101, Ack: 7, Flags: wire.ACK, Len: 10, Window: 1000}
	x.Rebind(r.Sim.Now())
	send := func() string {
		return r.Source(r.Send(boxtest.At("a:8080"), boxtest.At("x:80"), wire.ProtoTCP, data, nil))
	}
	if got := send(); got != "" {
		t.Fatalf("a lost connection passes as %s", got)
	}
	q := peerRequest(wire.ProtoTCP)
	q.External = external
	if got, _ := r.ask("a:50000", "p:5351", q); got.Result != nat.PCPSuccess || got.External != external {
		t.Fatalf("%+v", got)
	}
	if got := send(); got != boxtest.Short(external) {
		t.Errorf("the connection goes on from %q, want %v", got, external)
	}
	q.Client, q.External = boxtest.Addresses["b"], external
	if got, _ := r.ask("b:50000", "p:5351", q); got.Result != nat.PCPCannotProvideExternal {
		t.Errorf("somebody else's outside end: %+v", got)
	}
	data.Flags = wire.RST | wire.ACK
	send()
	r.Wait(200 * sim.Second)
	if x.Mappings() != 0 {
		t.Errorf("%d mappings of a connection that was reset", x.Mappings())
	}
}

// Requests that cannot be served (RFC 6887 sections 7.4 and 12.3), and the bound.
func TestPCPPeerRefusals(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(*nat.MapMessage)
		want nat.PCPResult
	}{
		{"all protocols", func(m *nat.MapMessage) { m.Proto = 0 }, nat.PCPMalformedRequest},
		{"no port", func(m *nat.MapMessage) { m.Internal = 0 }, nat.PCPMalformedRequest},
		{"no port of the peer", func(m *nat.MapMessage) { m.Peer = netip.AddrPortFrom(m.Peer.Addr(), 0) }, nat.PCPMalformedRequest},
		{"a peer of IPv6", func(m *nat.MapMessage) { m.Peer = boxtest.At("x6:80") }, nat.PCPMalformedRequest},
		{"an unknown protocol", func(m *nat.MapMessage) { m.Proto = 47 }, nat.PCPUnsupportedProtocol},
		{"an outside end elsewhere", func(m *nat.MapMessage) { m.External = boxtest.At("y:80") }, nat.PCPCannotProvideExternal},
	} {
		r := newRig(t)
		x := r.Put("nat", "profile=home-router", "outside=p").(*nat.NAT)
		q := peerRequest(wire.ProtoUDP)
		c.edit(&q)
		if got, ok := r.ask("a:50000", "p:5351", q); !ok || got.Result != c.want || x.Mappings() != 0 {
			t.Errorf("%s: %v %+v, want %d; %d mappings", c.what, ok, got, c.want, x.Mappings())
		}
	}
	r := newRig(t)
	r.Quiet = true
	r.Put("nat", "profile=home-router", "outside=p")
	for i := range 4097 {
		q := peerRequest(wire.ProtoUDP)
		q.Internal = uint16(10000 + i)
		got, _ := r.ask("a:50000", "p:5351", q)
		if want := i == 4096; (got.Result == nat.PCPNoResources) != want || (got.Result == nat.PCPSuccess) == want {
			t.Fatalf("request %d: %+v", i, got)
		}
	}
}

// Any octets parse without harm, and what parses comes back the same.
func FuzzPCP(f *testing.F) {
	for _, s := range []string{mapRequest, mapResponse} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	peer := peerRequest(wire.ProtoTCP)
	f.Add(peer.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again nat.MapMessage
		if m.Parse(b) != nil {
			return
		}
		if err := again.Parse(m.Append(nil)); err != nil || again != m {
			t.Errorf("%x: %+v became %+v, %v", b, m, again, err)
		}
	})
}

// Any packet, of either direction, does no harm to a translator or firewall.
func FuzzPackets(f *testing.F) {
	q, _ := requestAndResponse()
	m := wire.NewUnreachable(wire.ProtoICMP, 1, wire.AppendPacket(nil, &wire.Tuple{Src: boxtest.At("p:1"), Dst: boxtest.At("x:2"), Proto: wire.ProtoTCP}, &wire.Segment{}, nil, -1))
	icmp := wire.AppendPacket(nil, &wire.Tuple{Src: boxtest.At("x:0"), Dst: boxtest.At("p:0"), Proto: wire.ProtoICMP}, &wire.Segment{},
		&wire.Options{Present: wire.OptICMP, ICMP: wire.AppendICMP(nil, &m)}, -1)
	f.Add(icmp, false)
	s, o := wire.Segment{TTL: 64, Len: nat.PCPMapLen}, new(wire.Options)
	wire.SetPieces(&s, o, []wire.Piece{{Len: nat.PCPMapLen, Data: q.Append(nil)}})
	f.Add(wire.AppendPacket(nil, &wire.Tuple{Src: boxtest.At("a:1"), Dst: boxtest.At("p:5351"), Proto: wire.ProtoUDP}, &s, o, -1), true)
	f.Fuzz(func(t *testing.T, b []byte, inside bool) {
		for _, kind := range []string{"nat", "firewall"} {
			r := newRig(t)
			r.Net.SetVerify(false)
			var box mbox.Box
			if kind == "nat" {
				box = r.Put(kind, "profile=cgn", "outside=p", "hold=0s")
			} else {
				box = r.Put(kind, "options=strip", "data_in_syn=strip")
			}
			_ = box
			r.UDP("a:1", "x:2")
			r.SYN("a:1", "x:2")
			id := r.Net.Alloc()
			var tu wire.Tuple
			o := r.Net.AddOptions(id)
			if wire.ParsePacket(bytes.Clone(b), &tu, r.Net.Segment(id), o) != nil {
				r.Net.Free(id)
				continue
			}
			r.Net.Segment(id).Route = uint32(r.Net.Intern(tu))
			nd := r.Nodes["x"]
			if inside {
				nd = r.Nodes["a"]
			}
			nd.Send(r.Sim.Now(), id)
			r.Wait(10 * sim.Second)
			if n := r.Net.Allocated(); n != 0 {
				t.Errorf("%s: %d packets left", kind, n)
			}
		}
	})
}
