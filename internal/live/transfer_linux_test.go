package live

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The addresses of all cases: interface i has 10.(i+1).0.1 (fd00:(i+1)::1) on
// the kernel's side and .2 on the endpoint's.
func kernelAddr(i int, v6 bool) netip.Addr   { return testAddr(i, 1, v6) }
func endpointAddr(i int, v6 bool) netip.Addr { return testAddr(i, 2, v6) }

func testAddr(i int, host byte, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0: 0xfd, 3: byte(i + 1), 15: host})
	}
	return netip.AddrFrom4([4]byte{10, byte(i + 1), 0, host})
}

const servicePort = 4321

// status is what a test sees of the application on the endpoint.
type status struct {
	conn      mptcp.ConnID
	received  int64
	wrong     int64 // bytes that are not those of the stream
	eof       bool
	subflows  int // beside the initial one: that came up, less those that went down since
	fallback  trace.Reason
	closed    bool
	why       trace.Reason
	connected bool
	announced uint64 // ADD_ADDRs sent until the end
	info      mptcp.ConnInfo
	flows     []mptcp.SubflowInfo
}

// transfer is the application on the endpoint: it sends, reads and compares
// every byte, and closes.
type transfer struct {
	c      *liveCase
	mu     sync.Mutex
	st     status
	unsent int64
	later  int64 // to be sent when the gate has opened
	shut   bool
	awake  bool   // reads although the case says idle
	up     uint64 // set of subflows that came up
}

// look returns a copy of the status.
func (a *transfer) look() status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.st
}

func (a *transfer) options() *mptcp.SocketOptions {
	o := &mptcp.SocketOptions{
		Protocol:   mptcp.MPTCP,
		Controller: func(r *sim.Rand) cc.Controller { c, _ := cc.New("reno", nil, r); return c },
		Scheduler:  func(r *sim.Rand) sched.Scheduler { s, _ := sched.NewScheduler("minrtt", nil, r); return s },
		NoDelay:    true,
	}
	if a.c.mesh {
		o.PathManager = func(r *sim.Rand) mptcp.PathManager { p, _ := pm.New("fullmesh", nil, r); return p }
	}
	if a.c.options != nil {
		a.c.options(o)
	}
	return o
}

func (a *transfer) Start(now sim.Time, e *mptcp.Endpoint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unsent = a.c.up
	if a.c.gate != nil {
		a.unsent, a.later = preamble, a.c.up-preamble
	}
	if a.c.prepare != nil {
		a.c.prepare(now, e)
	}
	if a.c.server {
		if _, err := e.Listen(now, netip.AddrPortFrom(netip.Addr{}, servicePort), a.options()); err != nil {
			panic(err)
		}
		return
	}
	c, err := e.Dial(now, netip.AddrPortFrom(endpointAddr(0, a.c.v6), 0), netip.AddrPortFrom(kernelAddr(0, a.c.v6), servicePort), a.options())
	if err != nil {
		panic(err)
	}
	a.st.conn = c
}

func (a *transfer) OnCommand(now sim.Time, e *mptcp.Endpoint, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name == openGate {
		a.unsent, a.later = a.unsent+a.later, 0
	} else {
		a.c.commands[name](now, e, a)
	}
	a.serve(now, e)
}

func (a *transfer) OnEvent(now sim.Time, e *mptcp.Endpoint, ev *mptcp.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ev.Kind == mptcp.Acceptable {
		if c, ok := e.Accept(ev.Conn); ok && a.st.conn == 0 {
			a.st.conn, a.st.connected = c, true
			a.serve(now, e)
		}
		return
	}
	if ev.Conn != a.st.conn {
		return
	}
	switch ev.Kind {
	case mptcp.Connected:
		a.st.connected = true
	case mptcp.SubflowUp:
		a.st.subflows++
		a.up |= 1 << uint(ev.Flow)
	case mptcp.SubflowDown:
		if a.up>>uint(ev.Flow)&1 != 0 {
			a.st.subflows--
		}
	case mptcp.Fallback:
		a.st.fallback = ev.Why
	case mptcp.Closed:
		for _, c := range e.Counters() {
			if c.Name == "AddAddrTx" {
				a.st.announced = c.Value
			}
		}
		a.st.info, a.st.flows = e.Info(a.st.conn), e.Subflows(a.st.conn, nil)
		a.read(now, e)
		a.st.closed, a.st.why = true, ev.Why
		e.Close(now, a.st.conn)
		return
	}
	a.serve(now, e)
}

// serve reads what there is, writes what there is room for, and closes.
func (a *transfer) serve(now sim.Time, e *mptcp.Endpoint) {
	if !a.st.connected || a.st.closed {
		return
	}
	if !a.c.idle || a.awake {
		a.read(now, e)
	}
	for a.unsent > 0 {
		n := a.write(now, e)
		if n == 0 {
			break
		}
		a.unsent -= n
	}
	switch {
	case a.c.hold || a.unsent+a.later > 0:
	case a.st.eof:
		e.Close(now, a.st.conn)
	case a.c.closeFirst && !a.shut:
		a.shut = true
		e.Shutdown(now, a.st.conn)
	}
}

// write sends the next bytes of the stream content, as a span or as bytes.
func (a *transfer) write(now sim.Time, e *mptcp.Endpoint) int64 {
	if !a.c.literal {
		return e.Write(now, a.st.conn, a.unsent)
	}
	var buf [10_000]byte
	b := buf[:min(a.unsent, int64(len(buf)))]
	wire.FillContent(b, uint64(a.c.up-a.unsent-a.later))
	return int64(e.WriteBytes(now, a.st.conn, b))
}

func (a *transfer) read(now sim.Time, e *mptcp.Endpoint) {
	var buf [16 << 10]byte
	for {
		off, n := e.Read(now, a.st.conn, int64(len(buf)))
		if n == 0 {
			break
		}
		b := e.Bytes(off, n, buf[:0])
		a.st.wrong += n - int64(wire.ContentEqual(b, uint64(a.st.received)))
		a.st.received += n
	}
	a.st.eof = a.st.eof || e.ReadEOF(a.st.conn)
}

// liveCase is one conversation of the endpoint with the kernel.
type liveCase struct {
	server     bool  // the endpoint listens, the kernel connects
	interfaces int   // 0: 1
	v6         bool  // addresses are IPv6
	up, down   int64 // bytes that the endpoint and the kernel send
	closeFirst bool  // the endpoint shuts down when it has sent all; otherwise it waits for the kernel to
	hold       bool  // the endpoint does not close by itself
	literal    bool  // the endpoint sends literal bytes
	idle       bool  // the endpoint does not read
	mesh       bool  // the endpoint's path manager is fullmesh
	tcp        bool  // the kernel's socket is a plain TCP socket
	rtt        sim.Duration
	filter     Filter
	profile    *mptcp.Profile
	options    func(o *mptcp.SocketOptions)
	prepare    func(now sim.Time, e *mptcp.Endpoint)
	commands   map[string]func(now sim.Time, e *mptcp.Endpoint, a *transfer)
	kernel     func(n *Namespace) error    // configures the namespace
	ready      func(r *conversation) error // the same when the devices are there
	// gate runs when the connection is there; until it returns either side sends no
	// more than the preamble, so that what it waits for is there when the rest goes.
	gate func(r *conversation)
	// during runs beside the transfer; the conversation ends after it.
	during func(r *conversation)
	// talk replaces what the kernel's application does with its connection.
	talk func(r *conversation, s *kernelSocket) error
	// counters of the kernel: exact values, or atLeast where it depends on which
	// of two threads of the kernel is faster. Counters that are not named must be
	// zero if they are about something going wrong. Those about announcements may be
	// higher by as many as were repeated (repeated).
	counters map[string]uint64
	// own are counters of the endpoint, by the same rule.
	own map[string]uint64
	// snap bounds the octets of packets in the capture.
	snap int
	// check looks at the end.
	check func(r *conversation)
}

// conversation is a running case.
type conversation struct {
	t      *testing.T
	c      *liveCase
	n      *Namespace
	b      *Bridge
	app    *transfer
	rec    *Recording
	kernel *kernelSocket // the kernel's connection, when there is one
	// repeats is how many announcements were repeated.
	repeats uint64
}

// preamble is what either side sends of its stream while the gate is shut: enough
// for both to know that the connection is MPTCP.
const preamble = 10_000

// openGate is the command with which the endpoint sends the rest.
const openGate = "open the gate"

// await polls until a condition holds.
func (r *conversation) await(what string, cond func() bool) bool {
	for end := time.Now().Add(patience); !cond(); time.Sleep(500 * time.Microsecond) {
		if time.Now().After(end) {
			r.t.Errorf("%s: not within %v; endpoint: %+v", what, patience, r.app.look())
			return false
		}
	}
	return true
}

func (r *conversation) interfaces() []Interface {
	out := make([]Interface, max(1, r.c.interfaces))
	for i := range out {
		out[i].Name = fmt.Sprintf("tun%d", i)
		for _, v6 := range []bool{false, true} {
			bits := 24
			if v6 {
				bits = 64
			}
			out[i].Kernel = append(out[i].Kernel, netip.PrefixFrom(kernelAddr(i, v6), bits))
			out[i].Endpoint = append(out[i].Endpoint, endpointAddr(i, v6))
		}
	}
	return out
}

// run carries a case out and checks what every case must show: each byte in
// both directions, the counters of the kernel, the replay, and the capture.
func (c *liveCase) run(t *testing.T, group *captures) {
	t.Helper()
	r := &conversation{t: t, c: c, n: namespace(t)}
	if c.kernel != nil {
		must(t, c.kernel(r.n))
	}
	config := func() mptcp.Config {
		return mptcp.Config{Profile: c.profile, Stream: func(p string) *sim.Rand { return sim.NewRand(1, 0, t.Name()+"/"+p) }}
	}
	r.app = &transfer{c: c}
	var capture bytes.Buffer
	var err error
	cfg := BridgeConfig{
		Endpoint: config, Interfaces: r.interfaces(), Filter: c.filter,
		Capture: &capture, CaptureName: t.Name(), SnapLen: c.snap,
	}
	for range cfg.Interfaces {
		cfg.Delay = append(cfg.Delay, c.rtt/2)
	}
	r.b, err = NewBridge(r.n, cfg, r.app)
	must(t, err)
	if c.ready != nil {
		must(t, c.ready(r))
	}
	kernelDone := make(chan error, 1)
	r.startKernel(kernelDone)
	if err := <-kernelDone; err != nil {
		t.Errorf("kernel: %v", err)
	}
	if !t.Failed() {
		r.await("the connection ends", func() bool { return r.app.look().closed })
		r.checkCounters()
	}
	if r.kernel != nil {
		r.kernel.close()
	}
	r.rec, err = r.b.Stop()
	if err != nil {
		t.Error(err)
	}
	if t.Failed() {
		e, id := r.b.Machine().Endpoint(), r.app.look().conn
		t.Logf("at the end: %+v", e.Info(id))
		for _, f := range e.Subflows(id, nil) {
			t.Logf("subflow: %+v", f)
		}
	}
	if st := r.app.look(); c.talk == nil && (st.received != c.down || st.wrong > 0) {
		t.Errorf("the endpoint received %d bytes of %d, %d of them wrong", st.received, c.down, st.wrong)
	}
	r.checkOwnCounters()
	if c.check != nil {
		c.check(r)
	}
	if err := r.rec.Replay(func(emit func(now sim.Time, iface int, packet []byte)) *Machine {
		return NewMachine(config(), cfg.Interfaces, &transfer{c: c}, emit)
	}); err != nil {
		t.Errorf("replay: %v", err)
	}
	group.add(t.Name(), capture.Bytes())
}

// startKernel runs the kernel's side: its application and what the case does
// beside it.
func (r *conversation) startKernel(done chan<- error) {
	proto := 262 // IPPROTO_MPTCP
	if r.c.tcp {
		proto = 6
	}
	local := netip.AddrPortFrom(kernelAddr(0, r.c.v6), 0)
	if !r.c.server { // on every address, for joins
		any := netip.IPv4Unspecified()
		if r.c.v6 {
			any = netip.IPv6Unspecified()
		}
		local = netip.AddrPortFrom(any, servicePort)
	}
	s, err := newSocket(r.n, proto, local)
	must(r.t, err)
	if !r.c.server {
		must(r.t, s.listen())
	}
	r.b.Run()
	go func() {
		conn := s
		if r.c.server {
			err = s.connect(netip.AddrPortFrom(endpointAddr(0, r.c.v6), servicePort))
		} else {
			conn, err = s.accept() // the listener stays: the kernel accepts joins only where somebody listens
			defer s.close()
		}
		if err != nil {
			done <- err
			return
		}
		r.kernel = conn
		besides := make(chan struct{})
		go func() {
			defer close(besides)
			if r.c.during != nil {
				r.c.during(r)
			}
		}()
		if r.c.talk != nil {
			err = r.c.talk(r, conn)
		} else {
			err = r.exchange(conn, besides)
		}
		<-besides
		done <- err
	}()
}

// exchange is the kernel's application: it sends and reads at once, and closes
// when the case says so.
func (r *conversation) exchange(s *kernelSocket, besides <-chan struct{}) error {
	written := make(chan error, 1)
	go func() {
		off, err := int64(0), error(nil)
		if r.c.gate != nil {
			off, err = preamble, s.writeContent(0, preamble)
			r.c.gate(r)
			r.b.Command(openGate)
		}
		if err == nil {
			err = s.writeContent(off, r.c.down-off)
		}
		if err == nil && !r.c.closeFirst {
			<-besides
			err = s.shutdown()
		}
		written <- err
	}()
	got, err := s.readContent(0, -1)
	if err == nil && got != r.c.up {
		err = fmt.Errorf("%d bytes came from the endpoint instead of %d", got, r.c.up)
	}
	err = errors.Join(err, <-written)
	if r.c.closeFirst {
		err = errors.Join(err, s.shutdown())
	}
	return err
}

// atLeast is a counter that may be higher.
func atLeast(n uint64) uint64 { return 1<<63 | n }

// fits reports whether a counter is what is wanted.
func fits(got, want uint64) bool {
	return got == want || want>>63 == 1 && got >= want&^(1<<63)
}

// fits does so for a counter that may be higher by what was repeated.
func (r *conversation) fits(name string, got, want uint64) bool {
	return fits(got, want) || got > want && got <= want+r.repeats && slices.Contains(announcements, name)
}

// faults are the counters that say that something went wrong: they are zero
// unless a case names them. SubflowStale is none: it says that retransmission timers
// have expired, which happens by itself where nobody gets a processor for as long.
var faults = []string{
	"MPCapableFallbackACK", "MPCapableFallbackSYNACK", "MPCapableDataFallback", "MPFallbackTokenInit", "MD5SigFallback",
	"DssFallback", "SimultConnectFallback", "FallbackFailed", "MPJoinNoTokenFound", "MPJoinSynAckHMacFailure",
	"MPJoinAckHMacFailure", "MPJoinRejected", "MPJoinSynTxCreatSkErr", "MPJoinSynTxBindErr", "MPJoinSynTxConnectErr", "MPJoinPortSynRx", "MismatchPortSynRx",
	"MismatchPortAckRx", "DSSNotMatching", "DSSCorruptionFallback", "DSSCorruptionReset", "InfiniteMapTx", "InfiniteMapRx", "NoDSSInWindow",
	"DataCsumErr", "RmAddrDrop", "EchoAddTxDrop", "AddAddrTxDrop", "AddAddrDrop", "MPFailTx", "MPFailRx", "MPFastcloseTx",
	"MPFastcloseRx", "MPRstTx", "MPRstRx", "Blackhole", "MPCapableSYNTXDrop", "MPCapableEndpAttempt",
}

// announcements are the counters that a repeated ADD_ADDR raises. It is repeated if
// no echo has come within an RTO, which is 200 ms: less than a thread of the kernel,
// or the bridge, may have to wait for a processor. While that thread has not acted
// on the one, the kernel drops the next (AddAddrDrop).
var announcements = []string{"AddAddrTx", "AddAddr", "PortAdd", "EchoAddTx", "EchoAdd", "AddAddrDrop", "EchoAddTxDrop", "AddAddrTxDrop"}

// repeated returns how many announcements both sides sent beyond those that the case
// asks for.
func (r *conversation) repeated(kernel uint64) uint64 {
	want := (r.c.counters["AddAddrTx"] + r.c.own["AddAddrTx"]) &^ (1 << 63)
	return max(kernel+r.app.look().announced, want) - want
}

// checkCounters compares the kernel's counters with those of the case. They may
// be late by what the kernel still has to do.
func (r *conversation) checkCounters() {
	r.t.Helper()
	want := map[string]uint64{}
	for _, name := range faults {
		want[name] = 0
	}
	for name, v := range r.c.counters {
		want[name] = v
	}
	var wrong []string
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		got, err := r.n.Counters()
		must(r.t, err)
		wrong = wrong[:0]
		r.repeats = r.repeated(got["AddAddrTx"])
		for name, v := range want {
			if g := got[name]; !r.fits(name, g, v) {
				wrong = append(wrong, fmt.Sprintf("%s is %d, want %d", name, g, v))
			}
		}
		if len(wrong) == 0 {
			return
		}
		if time.Now().After(end) {
			break
		}
	}
	for _, w := range wrong {
		r.t.Errorf("the kernel's counter %s", w)
	}
}

// checkOwnCounters compares the endpoint's counters with those of the case.
func (r *conversation) checkOwnCounters() {
	for _, c := range r.b.Machine().Endpoint().Counters() {
		want, named := r.c.own[c.Name]
		if !r.fits(c.Name, c.Value, want) && (named || slices.Contains(faults, c.Name)) {
			r.t.Errorf("the endpoint's counter %s is %d, want %d", c.Name, c.Value, want)
		}
	}
}
