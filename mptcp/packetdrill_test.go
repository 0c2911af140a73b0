package mptcp

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// This file runs those scripts of testdata/packetdrill that need nothing beyond
// one endpoint: each passed on a real Linux 6.18 kernel, so every packet that
// they expect is the kernel's. It reads as much of the language as they use.
// Numbers of packets are relative; what a script does not say is not compared.

// scripted is an endpoint under test and the tool at the other end.
type scripted struct {
	t       *testing.T
	e       *Endpoint
	now     sim.Time
	last    sim.Time // of the previous line
	tol     sim.Duration
	conns   map[string]ConnID // by file descriptor
	opt     SocketOptions
	key     side // of the tool
	local   side // of the endpoint
	flows   []*scriptFlow
	out     []emitted
	client  bool
	lastOff uint64
}

// scriptFlow is one TCP connection of a script.
type scriptFlow struct {
	tuple  wire.Tuple // as the tool sends
	iss    wire.Seq   // of the tool
	irs    wire.Seq   // of the endpoint
	seen   bool
	mapDSN uint64 // last mapping of the tool
	mapSSN uint64
	nonce  uint32 // of the tool
	peer   uint32 // nonce of the endpoint
	ts     uint32 // latest timestamp of the endpoint
}

type emitted struct {
	at   sim.Time
	flow *scriptFlow
	seg  Segment
}

// scripts are those that run, with the kernel's own scheduler; the rest needs
// ADD_ADDR, REMOVE_ADDR, checksums, or a path manager.
var scripts = []string{
	"checksum_bad_single", "checksum_bad_two_subflows", "checksum_good", "checksum_one_side", "close_local_first", "close_peer_first", "dsn4_wrap", "dsn_dack_widths", "dup_dsn",
	"fastclose_rx_ack", "fastclose_rx_rst", "fastclose_tx",
	"fb_client_no_mpc", "fb_flag_b", "fb_server_third_ack_plain", "fb_stripped_after_hs_client",
	"fb_stripped_after_hs_server", "fb_version0_syn", "first_data_client", "first_data_server",
	"hs_client_nots", "hs_client_ts", "hs_server_nots", "hs_server_ts", "join_bad_hmac",
	"join_bad_token", "join_server", "join_server_backup", "mapping_spans_segments",
	"ooo_dsn_two_subflows", "prio_rx", "rtx_fast_same_mapping", "rtx_rto_same_mapping",
	"rx_hole_sack", "tcprst_join", "tx_iw10_mapping", "window_limit", "zero_window_probe",
}

// TestKernelScripts runs the scripts.
//
// row:B1 row:B2 row:B8 row:A11 row:C1
func TestKernelScripts(t *testing.T) {
	for _, name := range scripts {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile("testdata/packetdrill/" + name + ".pkt")
			if err != nil {
				t.Fatal(err)
			}
			s := newScripted(t)
			for i, line := range strings.Split(string(b), "\n") {
				s.line(fmt.Sprintf("%s.pkt:%d", name, i+1), strings.TrimSpace(line))
			}
		})
	}
}

func newScripted(t *testing.T) *scripted {
	s := &scripted{t: t, conns: map[string]ConnID{}, tol: 10 * ms}
	s.e = New(Config{Stream: func(p string) *sim.Rand { return sim.NewRand(3, 0, p) }})
	s.opt = SocketOptions{
		Protocol: MPTCP, Controller: newController("reno"), Scheduler: kernelScheduler,
		SendBuffer: 1 << 20, ReceiveBuffer: 1 << 23, // window scale 8
	}
	return s
}

var (
	timeRE   = regexp.MustCompile(`^\+(\d*\.?\d+)(?:~\+(\d*\.?\d+))?\s+(.*)$`)
	packetRE = regexp.MustCompile(`^(?:addr\[(\w+)\] > addr\[(\w+)\]\s+|([<>])\s+(?:addr\[(\w+)\] > addr\[(\w+)\]\s+)?)` +
		`([SFRPEWUC.]+)\s+(\d+):(\d+)\((\d+)\)(?:\s+ack (\d+))?(?:\s+win (\d+))?\s*(?:<(.*)>)?$`)
	callRE = regexp.MustCompile(`^(\w+)\((.*)\) = (-?\w+)`)
)

// line executes one line of a script.
func (s *scripted) line(where, line string) {
	if v, ok := strings.CutPrefix(line, "--tolerance_usecs="); ok {
		us, _ := strconv.Atoi(v)
		s.tol = sim.Duration(us) * sim.Microsecond
	}
	m := timeRE.FindStringSubmatch(line)
	if m == nil {
		return // comment, option or set-up
	}
	from := s.last.Add(seconds(m[1]))
	to := from
	if m[2] != "" {
		to = s.last.Add(seconds(m[2]))
	}
	if strings.HasPrefix(m[3], "`") {
		if strings.Contains(m[3], "checksum_enabled=1") {
			s.opt.Checksum = ChecksumRequired
		}
		return
	}
	if strings.HasPrefix(m[3], "> ") {
		s.expect(where, m[3], from.Add(-s.tol), to.Add(s.tol))
		return
	}
	s.run(max(from, s.now))
	s.last = s.now
	if strings.HasPrefix(m[3], "< ") {
		s.inject(where, m[3])
	} else {
		s.call(where, m[3])
	}
	s.drain()
}

func seconds(v string) sim.Duration {
	f, _ := strconv.ParseFloat(v, 64)
	return sim.Duration(f*1e6+0.5) * sim.Microsecond
}

// run lets time pass.
func (s *scripted) run(until sim.Time) {
	for s.e.NextTimeout() <= until {
		s.now = max(s.now, s.e.NextTimeout())
		s.e.HandleTimeout(s.now)
		s.drain()
	}
	s.now = until
}

// drain collects what the endpoint sends.
func (s *scripted) drain() {
	var e Event
	for {
		var seg Segment
		for s.e.PollSegment(s.now, &seg) {
			c := *clone(&seg)
			f := s.flowOf(*seg.Tuple)
			s.out = append(s.out, emitted{s.now, f, c})
			s.learn(f, &c)
		}
		if !s.e.PollEvent(&e) {
			return
		}
	}
}

// learn notes sequence numbers, keys and nonces of the endpoint.
func (s *scripted) learn(f *scriptFlow, seg *Segment) {
	if seg.Segment.Opt.Has(wire.HasTS) {
		f.ts = seg.TSVal
	}
	if !seg.Flags.Has(wire.SYN) {
		return
	}
	f.irs, f.seen = seg.Seq, true
	if seg.Opt.Has(wire.OptJoin) {
		f.peer = seg.Opt.Join.Nonce
	}
	for _, c := range s.e.socks.slots {
		if c != nil && c.conn != nil {
			s.local = c.conn.local
		}
	}
}

// flowOf returns the flow of a tuple of the endpoint's.
func (s *scripted) flowOf(tu wire.Tuple) *scriptFlow {
	in := tu.Reverse()
	for _, f := range s.flows {
		if f.tuple == in {
			return f
		}
	}
	f := &scriptFlow{tuple: in, iss: wire.Seq(7000 + 100000*len(s.flows)), nonce: 99}
	s.flows = append(s.flows, f)
	return f
}

// address is that of a name of the script: c0, c1, s0, s1.
func (s *scripted) address(name string) netip.AddrPort {
	tool, own := netip.AddrFrom4([4]byte{192, 0, 2, name[1] - '0' + 1}), netip.AddrFrom4([4]byte{192, 168, 0, name[1] - '0' + 1})
	a, port := tool, uint16(40000)
	if name[0] == 's' != s.client {
		a = own
	}
	if name[0] == 's' {
		port = 8080
	}
	return netip.AddrPortFrom(a, port)
}

// call executes a system call.
func (s *scripted) call(where, text string) {
	m := callRE.FindStringSubmatch(text)
	if m == nil {
		s.t.Fatalf("%s: not understood: %s", where, text)
	}
	args := strings.Split(m[2], ", ")
	want, _ := strconv.ParseInt(m[3], 0, 64)
	var got int64
	switch m[1] {
	case "listen":
		own := s.address("s0")
		s.e.HandleAddr(s.now, own.Addr(), true, 0)
		c, err := s.e.Listen(s.now, netip.AddrPortFrom(netip.Addr{}, 8080), &s.opt)
		if err != nil {
			s.t.Fatal(err)
		}
		s.conns[args[0]] = c
	case "accept":
		c, ok := s.e.Accept(s.conns[args[0]])
		if !ok {
			s.t.Fatalf("%s: nothing to accept", where)
		}
		s.conns[m[3]] = c
		return
	case "connect":
		s.client = true
		own := s.address("c0")
		s.e.HandleAddr(s.now, own.Addr(), true, 0)
		c, err := s.e.Dial(s.now, own, s.address("s0"), &s.opt)
		if err != nil {
			s.t.Fatal(err)
		}
		s.conns[args[0]] = c
		return
	case "write":
		n, _ := strconv.ParseInt(args[2], 0, 64)
		got = s.e.Write(s.now, s.conns[args[0]], n)
		if want < 0 && got == 0 {
			got = want
		}
	case "read":
		n, _ := strconv.ParseInt(args[2], 0, 64)
		got = s.read(s.conns[args[0]], n)
		if want < 0 && got == 0 && s.e.Info(s.conns[args[0]]).Why != 0 {
			got = want
		}
	case "shutdown":
		s.e.Shutdown(s.now, s.conns[args[0]])
	case "close":
		s.e.Close(s.now, s.conns[args[0]])
	case "setsockopt":
		if strings.Contains(text, "TCP_NODELAY") {
			s.e.SetOption(s.now, s.conns[args[0]], OptionNoDelay, 1)
		}
		return
	default:
		return // socket, bind, fcntl, getsockopt: nothing to do
	}
	if got != want {
		s.t.Errorf("%s: %s returned %d, want %d", where, m[1], got, want)
	}
}

// read reads up to n bytes and checks their true offsets.
func (s *scripted) read(c ConnID, n int64) (total int64) {
	for total < n {
		off, k := s.e.Read(s.now, c, n-total)
		if k == 0 {
			break
		}
		if off != s.lastOff {
			s.t.Errorf("read offset %d, want %d", off, s.lastOff)
		}
		s.lastOff += uint64(k)
		total += k
	}
	return total
}

// packet is a parsed packet line.
type packet struct {
	flow     *scriptFlow
	flags    string
	seq, len uint64
	ack, win string
	options  string
	any      bool
}

func (s *scripted) parse(where, text string) packet {
	m := packetRE.FindStringSubmatch(text)
	if m == nil {
		s.t.Fatalf("%s: not understood: %s", where, text)
	}
	var p packet
	p.flags, p.ack, p.win, p.options = m[6], m[10], m[11], m[12]
	p.seq, _ = strconv.ParseUint(m[7], 10, 64)
	p.len, _ = strconv.ParseUint(m[9], 10, 64)
	p.any = p.options == "..."
	src, dst := m[4], m[5]
	switch {
	case src != "" && m[3] == "<":
		p.flow = s.flowOf(wire.Tuple{Src: s.address(dst), Dst: s.address(src), Proto: wire.ProtoTCP})
	case src != "":
		p.flow = s.flowOf(wire.Tuple{Src: s.address(src), Dst: s.address(dst), Proto: wire.ProtoTCP})
	case len(s.flows) > 0:
		p.flow = s.flows[0]
	default:
		p.flow = s.flowOf(wire.Tuple{Src: s.address("s0"), Dst: s.address("c0"), Proto: wire.ProtoTCP})
	}
	return p
}

// inject gives the endpoint a packet of the tool's.
func (s *scripted) inject(where, text string) {
	p := s.parse(where, text)
	f := p.flow
	var seg Segment
	seg.Tuple = &f.tuple
	seg.TTL = 64
	seg.Seq = f.iss + wire.Seq(p.seq)
	seg.Len = uint16(p.len)
	for _, c := range p.flags {
		seg.Flags |= map[rune]wire.Flags{'S': wire.SYN, 'F': wire.FIN, 'R': wire.RST, 'P': wire.PSH, '.': wire.ACK}[c]
	}
	if p.ack != "" {
		n, _ := strconv.ParseUint(p.ack, 10, 32)
		seg.Ack = f.irs + wire.Seq(n)
	}
	n, _ := strconv.ParseUint(p.win, 10, 16)
	seg.Window = uint16(n)
	s.injectOptions(where, f, &seg, p.options)
	// The true offset of the payload: by the mapping, or by the position.
	seg.Off = p.seq - 1
	if f.mapSSN != 0 && p.len > 0 {
		seg.Off = f.mapDSN + (p.seq - f.mapSSN) - 1
	}
	s.e.HandleSegment(s.now, &seg)
}

// field returns the number behind "name=" in an option, if it is there.
func field(opt, name string) (uint64, bool) {
	for _, w := range strings.Fields(opt) {
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			n, err := strconv.ParseUint(v, 0, 64)
			return n, err == nil
		}
	}
	return 0, false
}

func (s *scripted) injectOptions(where string, f *scriptFlow, seg *Segment, text string) {
	o := seg.Options()
	for _, opt := range splitOptions(text) {
		w := strings.Fields(opt)
		arg := func(i int) uint64 { n, _ := strconv.ParseUint(w[i], 0, 64); return n }
		switch w[0] {
		case "nop":
		case "mss":
			o.Present |= wire.OptMSS
			o.MSS = uint16(arg(1))
		case "sackOK":
			o.Present |= wire.OptSACKPermitted
		case "wscale":
			o.Present |= wire.OptWScale
			o.WScale = uint8(arg(1))
		case "TS":
			seg.Segment.Opt |= wire.HasTS
			seg.TSVal, seg.TSEcr = uint32(arg(2)), uint32(arg(4))
			if seg.TSEcr != 0 {
				seg.TSEcr = f.ts // the scripts cannot know our clock
			}
		case "sack":
			o.Present |= wire.OptSACK
			for _, b := range w[1:] {
				from, to, _ := strings.Cut(b, ":")
				x, _ := strconv.Atoi(from)
				y, _ := strconv.Atoi(to)
				o.SACK[o.NSACK] = wire.SACKBlock{Start: f.irs + wire.Seq(x), End: f.irs + wire.Seq(y)}
				o.NSACK++
			}
		case "mpcapable":
			s.injectCapable(o, f, opt)
		case "dss":
			s.injectDSS(f, seg, opt)
		case "mp_join_syn":
			o.Present |= wire.OptJoin
			o.Join = wire.Join{Form: wire.JoinSYN, Nonce: f.nonce, Token: s.local.token}
			id, _ := field(opt, "address_id")
			backup, _ := field(opt, "backup")
			o.Join.AddrID, o.Join.Backup = uint8(id), backup == 1
			if n, ok := field(opt, "token"); ok {
				o.Join.Token = uint32(n)
			}
		case "mp_join_ack":
			o.Present |= wire.OptJoin
			o.Join = wire.Join{Form: wire.JoinACK, HMAC: left160(joinHMAC(s.key.key, s.local.key, f.nonce, f.peer))}
			if strings.Contains(opt, "full_160_hmac(skey ckey)") {
				o.Join.HMAC = left160(joinHMAC(s.local.key, s.key.key, f.nonce, f.peer))
			}
		case "mp_reset":
			o.Present |= wire.OptRst
			o.Rst.Reason = uint8(arg(1))
		case "mp_fail":
			o.Present |= wire.OptFail
			n, _ := field(opt, "dsn8")
			o.Fail.DSN = s.local.absolute(n)
		case "mp_fastclose":
			o.Present |= wire.OptFastClose
			o.FastClose.ReceiverKey = uint64(s.local.key)
		case "mp_prio":
			o.Present |= wire.OptPrio
			b, _ := field(opt, "backup")
			o.Prio.Backup = b == 1
		default:
			s.t.Fatalf("%s: option %q", where, opt)
		}
	}
	if o.Present == 0 {
		seg.Opt = nil
	}
}

// splitOptions splits at commas outside of brackets.
func splitOptions(text string) (out []string) {
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	if t := strings.TrimSpace(text[start:]); t != "" {
		out = append(out, t)
	}
	return out
}

var keyRE = regexp.MustCompile(`\b[cs]key=(\w+)`)

func (s *scripted) injectCapable(o *wire.Options, f *scriptFlow, opt string) {
	o.Present |= wire.OptCapable
	o.Capable = wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256}
	if strings.Contains(opt, "flag_a") {
		o.Capable.Flags |= wire.CapableChecksum
	}
	if strings.Contains(opt, "flag_b") {
		o.Capable.Flags |= wire.CapableExtension
	}
	if m := keyRE.FindStringSubmatch(opt); m != nil {
		k, _ := strconv.ParseUint(m[1], 0, 64)
		s.key = newSide(Key(k))
	}
	switch {
	case strings.Contains(opt, "v0"):
		o.Capable = wire.Capable{Version: 0, Flags: wire.CapableHMACSHA256, Keys: 1, SenderKey: uint64(s.key.key)}
	case strings.Contains(opt, "nokey"):
		return
	case strings.Contains(opt, ","):
		o.Capable.Keys = 2
	default:
		o.Capable.Keys = 1
	}
	o.Capable.SenderKey, o.Capable.ReceiverKey = uint64(s.key.key), uint64(s.local.key)
	w := strings.Fields(opt)
	for i := range w {
		if w[i] == "mpcdatalen" {
			n, _ := strconv.Atoi(w[i+1])
			o.Capable.HasData, o.Capable.DataLen = true, uint16(n)
			f.mapDSN, f.mapSSN = 1, 1
		}
	}
}

func (s *scripted) injectDSS(f *scriptFlow, seg *Segment, opt string) {
	h := &seg.Segment
	h.Opt |= wire.HasDSS
	if n, ok := field(opt, "dack4"); ok {
		h.Opt |= wire.HasDataAck
		h.DataAck = wire.DSN(uint32(s.local.absolute(n)))
	}
	if n, ok := field(opt, "dack8"); ok {
		h.Opt |= wire.HasDataAck | wire.DataAck8
		h.DataAck = s.local.absolute(n)
	}
	dsn, ok4 := field(opt, "dsn4")
	if ok4 {
		h.DSN = wire.DSN(uint32(s.key.absolute(dsn)))
	}
	if n, ok := field(opt, "dsn8"); ok {
		dsn, ok4 = n, true
		h.Opt |= wire.DSN8
		h.DSN = s.key.absolute(n)
	}
	if !ok4 {
		return
	}
	h.Opt |= wire.HasMap
	ssn, _ := field(opt, "ssn")
	dll, _ := field(opt, "dll")
	h.SSN, h.MapLen = uint32(ssn), uint16(dll)
	if strings.Contains(opt, " fin") {
		h.Opt |= wire.DataFIN
	}
	if ssn != 0 {
		f.mapDSN, f.mapSSN = dsn, ssn
	}
	if strings.Contains(opt, "nocs") {
		return
	}
	data := dll
	if h.Opt.Has(wire.DataFIN) {
		data--
	}
	o := seg.Options()
	o.Present |= wire.OptDSSChecksum
	o.DSSChecksum = wire.DSSChecksum(s.key.absolute(dsn), uint32(ssn), uint16(dll), wire.ContentSum(dsn-1, int(data)))
	if n, ok := field(opt, "cksum"); ok {
		o.DSSChecksum = uint16(n)
	}
}

// expect waits for a packet of the endpoint's. Neighbouring segments count as
// one, of which the last one's options are compared, as the tool does.
func (s *scripted) expect(where, text string, from, to sim.Time) {
	want := s.parse(where, text)
	got := uint64(0)
	for {
		for len(s.out) == 0 {
			if at := s.e.NextTimeout(); at > to {
				s.t.Fatalf("%s: nothing came for %q by %v (%d bytes of it)", where, text, to, got)
			} else {
				s.run(max(at, s.now))
			}
		}
		e := s.out[0]
		s.out = s.out[1:]
		if want.flow.tuple != e.flow.tuple && !want.flow.seen {
			// The script cannot know the port that a client chooses.
			want.flow.tuple = e.flow.tuple
		}
		text1 := s.format(&e)
		if e.flow.tuple != want.flow.tuple {
			s.t.Fatalf("%s: got %s on another flow, want %s", where, text1, text)
		}
		got += uint64(e.seg.Len)
		if got < want.len {
			continue
		}
		s.compare(where, &want, &e, text, got)
		if e.at < from || e.at > to {
			s.t.Errorf("%s: at %v, want %v to %v: %s", where, e.at, from, to, text1)
		}
		s.last = max(s.last, e.at)
		return
	}
}

// format prints a segment in the notation of the scripts, with what they say.
func (s *scripted) format(e *emitted) string {
	h := &e.seg.Segment
	var b strings.Builder
	for _, x := range []struct {
		f wire.Flags
		s string
	}{{wire.SYN, "S"}, {wire.FIN, "F"}, {wire.RST, "R"}, {wire.PSH, "P"}, {wire.ACK, "."}} {
		if h.Flags.Has(x.f) {
			b.WriteString(x.s)
		}
	}
	seq := uint32(h.Seq - e.flow.irs)
	fmt.Fprintf(&b, " %d:%d(%d)", seq, seq+uint32(h.Len), h.Len)
	if h.Flags.Has(wire.ACK) {
		fmt.Fprintf(&b, " ack %d", uint32(h.Ack-e.flow.iss))
	}
	return b.String() + " <" + strings.Join(s.formatOptions(e), ", ") + ">"
}

// formatOptions prints the options, padding left out.
func (s *scripted) formatOptions(e *emitted) (out []string) {
	h, o := &e.seg.Segment, e.seg.Opt
	add := func(f string, a ...any) { out = append(out, fmt.Sprintf(f, a...)) }
	if o.Has(wire.OptMSS) {
		add("mss %d", o.MSS)
	}
	if o.Has(wire.OptSACKPermitted) {
		add("sackOK")
	}
	if h.Opt.Has(wire.HasTS) {
		add("TS")
	}
	if o.Has(wire.OptWScale) {
		add("wscale %d", o.WScale)
	}
	if o.Has(wire.OptSACK) {
		w := "sack"
		for _, b := range o.SACK[:o.NSACK] {
			w += fmt.Sprintf(" %d:%d", uint32(b.Start-e.flow.iss), uint32(b.End-e.flow.iss))
		}
		add("%s", w)
	}
	if o.Has(wire.OptCapable) {
		keys := [...]string{"nokey", "key[skey]", "key[ckey, skey]"}
		flags := "flag_h"
		if o.Capable.Flags&wire.CapableChecksum != 0 {
			flags = "flag_a, flag_h"
		}
		w := "mpcapable v1 flags[" + flags + "] " + keys[o.Capable.Keys]
		if o.Capable.Version != 1 || o.Capable.Flags&^wire.CapableChecksum != wire.CapableHMACSHA256 {
			w += " ODD"
		}
		if o.Capable.HasData {
			w += fmt.Sprintf(" mpcdatalen %d", o.Capable.DataLen)
		}
		add("%s", w)
	}
	if o.Has(wire.OptJoin) {
		switch o.Join.Form {
		case wire.JoinSYNACK:
			want := left64(joinHMAC(s.local.key, s.key.key, o.Join.Nonce, e.flow.nonce))
			add("mp_join_syn_ack address_id=%d sender_hmac=%v", o.Join.AddrID, map[bool]string{true: "auto", false: "WRONG"}[o.Join.HMAC64 == want])
		default:
			add("mp_join form %d", o.Join.Form)
		}
	}
	if h.Opt.Has(wire.HasDSS) {
		add("%s", s.formatDSS(h, o))
	}
	if o.Has(wire.OptFail) {
		add("mp_fail dsn8=trunc_r64_hmac(ckey)+%d", uint64(o.Fail.DSN-s.key.idsn))
	}
	if o.Has(wire.OptFastClose) {
		add("mp_fastclose")
	}
	if o.Has(wire.OptPrio) {
		add("mp_prio")
	}
	if o.Has(wire.OptRst) {
		add("mp_reset %d", o.Rst.Reason)
	}
	return out
}

func (s *scripted) formatDSS(h *wire.Segment, o *wire.Options) string {
	w := "dss"
	if h.Opt.Has(wire.HasDataAck) {
		n, near := 4, uint64(1)
		if h.Opt.Has(wire.DataAck8) {
			n = 8
		}
		w += fmt.Sprintf(" dack%d=%d", n, s.key.relative(h.DataAck, n == 8, near))
	}
	if h.Opt.Has(wire.HasMap) {
		n := 4
		if h.Opt.Has(wire.DSN8) {
			n = 8
		}
		w += fmt.Sprintf(" dsn%d=%d ssn=%d dll=%d", n, s.local.relative(h.DSN, n == 8, 1), h.SSN, h.MapLen)
	}
	data := uint16(0)
	if h.Len > 0 {
		// The segments of the scripts that have checksums are whole mappings.
		data = wire.ContentSum(h.Off, int(h.Len))
	}
	switch {
	case !o.Has(wire.OptDSSChecksum):
		w += " nocs"
	case o.DSSChecksum != wire.DSSChecksum(h.DSN, h.SSN, h.MapLen, data):
		w += " WRONG CHECKSUM"
	}
	if h.Opt.Has(wire.DataFIN) {
		w += " fin"
	}
	return w
}

// compare checks an emitted segment against the line of the script.
func (s *scripted) compare(where string, want *packet, e *emitted, text string, got uint64) {
	h := &e.seg.Segment
	seq := uint32(h.Seq-e.flow.irs) + uint32(h.Len) - uint32(got)
	flags, _, _ := strings.Cut(s.format(e), " ")
	ok := flags == want.flags && uint64(seq) == want.seq && got == want.len
	if want.ack != "" {
		ok = ok && fmt.Sprint(uint32(h.Ack-e.flow.iss)) == want.ack
	}
	if !want.any {
		var opts []string
		for _, o := range splitOptions(want.options) {
			switch {
			case o == "nop":
			case strings.HasPrefix(o, "TS "):
				opts = append(opts, "TS")
			default:
				opts = append(opts, strings.Join(strings.Fields(o), " "))
			}
		}
		ok = ok && strings.Join(opts, ", ") == strings.Join(s.formatOptions(e), ", ")
	}
	if !ok {
		s.t.Errorf("%s:\n got %d bytes, last: %s\nwant %s", where, got, s.format(e), text)
	}
}
